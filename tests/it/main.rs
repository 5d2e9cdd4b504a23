//! The one integration binary: each further one would link polars again.

#![cfg(test)]

mod attribution;
mod cli;
mod credentials;
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
mod oracle;
mod oracle_causes;
mod quirks;
mod quirks_json;
mod records;
mod rooms;
mod runs;
mod served;
mod tidy;
mod tie_outs;
mod truth;
mod words;
