//! Ties cloud usage out to the invoice: exact variances between Microsoft CSP usage and
//! reconciliation lines, and why.

pub mod model;

pub mod sources;

pub mod decode;

pub mod engine;

pub mod reports;

pub mod synth;

pub mod pipeline;

pub mod cli;
