//! All integration tests, in one binary: each further binary would link polars again, at 0.8 GB and
//! 14 s.
//!
//! A module is a kind of test; `explained`, `fixtures`, `program`, `runs`, `served` and `sheets` are
//! what the tests share.
//! A module is a kind of test; `changing_inputs`, `fixtures`, `program`, `runs`, `served` and `sheets`
//! are what the tests share.
//! A module is a kind of test; `changing_inputs`, `fixtures`, `program`, `runs`, `served` and
//! `sheets` are what the tests share.

#![cfg(test)]

mod amendments;
mod analyst;
mod attribution;
mod browser;
mod changing;
mod changing_inputs;
mod cli;
mod closing;
mod closing_house;
mod copies;
mod credentials;
mod damaged_files;
mod decoder_fuzz;
mod doctors;
mod edges;
mod explained;
mod eyes;
mod faults;
mod faulty;
mod fetching;
mod fixtures;
mod focus;
mod formats;
mod golden;
mod kept_formats;
mod kill_sweep;
mod large_tenant;
mod laws;
mod laws_of_numbers;
mod ledger_commands;
mod ledger_laws;
mod lifecycle;
mod line_arithmetic;
mod logs;
mod memory;
mod month_end;
mod months;
mod nightly;
mod nights;
mod nothing_compared;
mod notices;
mod one_row;
mod openings;
mod oracle;
mod ordinary;
mod page_reader;
mod program;
mod proven;
mod questions;
mod quiet_and_flags;
mod quirks;
mod quirks_json;
mod records;
mod rehearsals;
mod report_colours;
mod report_in_browser;
mod report_pages;
mod report_workbooks;
mod resuming;
mod rim_explain;
mod rim_folder;
mod rim_globs;
mod rim_pages;
mod rim_resources;
mod rim_rows;
mod rim_runs;
mod rooms;
mod runs;
mod scenarios;
mod served;
mod sheets;
mod slices;
mod spellings;
mod spreadsheet_csv;
mod state_folder;
mod ticket_files;
mod tickets;
mod tidy;
mod tie_outs;
mod traced;
mod truth;
mod usual_invoices;
mod variables;
mod words;
mod worlds;
