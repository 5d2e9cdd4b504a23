//! What was found, as tables and a manifest, published at once.

pub mod outcome;
pub(crate) mod staging;
pub(crate) mod tables;
