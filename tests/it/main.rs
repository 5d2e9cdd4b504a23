//! The one integration binary: each further one would link polars again.

mod cli;
mod golden;
