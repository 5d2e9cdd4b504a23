//! Partial totals to sorted codes: spellings are folded, texts numbered in the order in which they
//! are printed, and rows put in one order.
//!
//! From here on nothing depends on the order of files, rows or threads. Nothing is compared here:
//! usage and invoice lines come out side by side, as rows over one vocabulary.

pub mod vocabulary;

mod codes;

pub mod display_names;

pub mod columns;

mod invoice_months;

pub mod across_parts;

mod frames;

pub mod side_row;

pub mod days;

pub mod entries;

pub mod folded;

pub mod row_key;
