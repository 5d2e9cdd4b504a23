//! The one integration binary: each further one would link polars again.

#![cfg(test)]

mod cli;
mod formats;
mod laws;
mod oracle;
mod runs;
mod truth;
