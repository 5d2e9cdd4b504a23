//! Rows of both sides to matches: joins by codes, pass by pass from fine keys to coarse ones.
//!
//! Polars does its work in `joins`. Behind this room, frames are read by column only.

pub mod joins;

pub mod descriptions;

pub mod passes;

pub mod second_invoices;

pub mod usage_matches;
