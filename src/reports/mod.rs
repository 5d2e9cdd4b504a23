//! What a run leaves behind: tables, manifest, and the atomic publish.

pub mod atomic;
pub mod csv;
pub mod manifest;
pub mod parquet;
pub mod read;
pub mod records;
pub mod table;
