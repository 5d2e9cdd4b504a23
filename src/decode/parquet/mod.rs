//! Parquet: columns by dictionary code where the file has dictionaries, row groups on all cores.

pub(crate) mod panic_guard;

pub(crate) mod dictionary;

pub(crate) mod column;

pub(crate) mod rows;
