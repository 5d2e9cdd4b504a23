//! The library behind the `tieout` program.

#![doc = include_str!("README.md")]

// In reading order: a layer names those above it, and siblings, which stand together, never each
// other.
pub mod model;

pub mod progress;

pub mod sources;

pub mod decode;

pub mod engine;

pub mod ledger;
pub mod reports;
pub mod sandbox;
pub mod synth;

pub mod pipeline;

pub mod rehearsal;

pub mod cli;
