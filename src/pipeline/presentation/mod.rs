//! Runs as people look at them: one view model, made of the published tables of a run and its manifest,
//! and what shows it, a page and a workbook. Nothing is computed from the engine's own figures: what
//! stands here is what the tables say.
//!
//! Files stand in reading order: each uses those above it only.

mod table_rows;

pub mod money;

mod largest;

pub mod verdicts;

pub mod bridges;

pub mod break_lines;

pub mod tie_out_totals;

pub mod customers;

pub mod late_usage;

pub mod ledger_part;

mod variance_sums;

pub mod report_figures;

mod page_words;

mod page_drawings;

mod page_rows;

pub mod page;

mod sheet_cells;

mod sheets;

mod sheet_rows;

mod ledger_rows;

pub mod workbook;
