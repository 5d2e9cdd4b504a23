//! Comma-separated values: cells found 64 bytes at a time, and rows of them.

pub(crate) mod blocks;

pub(crate) mod cells;
pub(crate) mod marks;

pub(crate) mod rows;
