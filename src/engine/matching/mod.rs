//! Both sides' rows to matches: joins of codes, pass by pass from fine keys to coarse ones. Polars is named here and in `fold` only.

pub mod joins;
pub mod passes;
