//! Rows to partial totals: the rows of each unit are summed by the raw texts of their keys. Nothing
//! is folded or compared here.

pub mod total;

pub mod measures;

pub mod key_layout;

mod code_numbers;

pub mod interner;

pub mod key_column;

mod leaders;

pub mod totals_by_key;

mod date_texts;

pub mod duplicates;

pub mod duplicate_filter;

mod row_content;

pub mod partial;

mod merging;

pub(crate) mod partial_bytes;

mod by_account;

pub mod header;
