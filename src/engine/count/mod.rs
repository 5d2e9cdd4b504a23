//! Rows to partial totals: the rows of each unit are summed by the raw texts of their keys. Nothing
//! is folded or compared here.

mod by_account;
mod code_numbers;
pub mod duplicate_filter;
pub mod duplicates;
pub mod interner;
pub mod key_column;
pub mod key_layout;
pub mod measures;
pub mod partial;
pub(crate) mod partial_bytes;
pub(crate) mod total;
pub(crate) mod totals_by_key;
