//! Parquet: columns by dictionary code where the file has dictionaries, row groups on all cores.

pub(super) mod panic_guard;

mod array_hash;

mod dictionary;

mod column;

mod projection;

pub(super) mod rows;
