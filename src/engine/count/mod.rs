//! Rows to partial totals: each unit's rows are summed by the raw texts of their keys; nothing is folded or compared here.

pub(crate) mod by_account;
pub(crate) mod code_numbers;
pub mod duplicate_filter;
pub mod duplicates;
pub mod header;
pub mod interner;
pub mod key_column;
pub mod key_layout;
pub mod measures;
pub mod partial;
pub mod partial_bytes;
pub mod total;
pub(crate) mod totals_by_key;
