//! Totals, matching, attribution: pure functions of what was decoded.

pub mod aggregate;
pub mod interner;
pub mod measures;
pub mod scope;
pub mod tolerance;
pub mod totals;
pub mod vocabulary;
