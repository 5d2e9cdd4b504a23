//! Partial totals to sorted codes: spellings are folded, texts numbered in the order in which they are printed, and rows put in one order.

pub mod across_parts;
pub mod codes;
pub mod columns;
pub mod days;
pub mod display_names;
pub mod entries;
pub mod folded;
pub mod row_key;
pub mod side_row;
pub mod vocabulary;
