//! All integration tests, in one binary: each further binary would link polars again, at 0.8 GB and
//! 14 s.
//!
//! A module is a kind of test; `changing_inputs`, `fixtures`, `program`, `runs`, `served` and
//! `sheets` are what the tests share.

#![cfg(test)]

mod attribution;
mod changing;
mod changing_inputs;
mod cli;
mod credentials;
mod damaged_files;
mod edges;
mod faults;
mod faulty;
mod fetching;
mod fixtures;
mod formats;
mod golden;
mod laws;
mod laws_of_numbers;
mod lifecycle;
mod memory;
mod nightly;
mod openings;
mod oracle;
mod program;
mod quirks;
mod quirks_json;
mod records;
mod resuming;
mod rooms;
mod runs;
mod served;
mod sheets;
mod slices;
mod spellings;
mod tidy;
mod tie_outs;
mod truth;
mod usual_invoices;
mod words;
