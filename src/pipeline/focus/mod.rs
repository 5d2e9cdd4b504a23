//! Export of the analyst folder in the form of FOCUS, the FinOps Open Cost and Usage Specification:
//! usage as Cost and Usage 1.2, invoice lines as Invoice Detail 1.4.
//!
//! Each dataset is a table of columns, and each column says how a row fills it. What the folder does
//! not have stays empty: nothing is guessed.

mod units;

mod services;

mod regions;

mod resources;

mod tags;

mod source_rows;

mod columns;

mod usage_rows;

mod usage_columns;

mod line_rows;

mod line_columns;

mod row_writer;

mod billed_sums;

pub mod export;
