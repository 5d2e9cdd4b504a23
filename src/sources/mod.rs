//! The outside: where units come from.

pub mod files;
