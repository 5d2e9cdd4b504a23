//! Files that a run leaves behind: its tables as Parquet and CSV, its manifest, the typed tables of
//! fetched data, and the atomic publish. What the tables say is decided elsewhere.
//!
//! The modules stand in reading order: each uses only those above it.

pub mod failure;

pub mod table;

pub mod csv_form;

pub mod csv;

mod parquet_settings;

pub mod parquet;
pub mod records;

mod hybrid;

pub mod coded_column;
pub mod value_codes;

pub mod row_file;

mod coded_table;

mod row_filter;

pub mod read;

pub mod read_batches;

pub mod manifest;

pub mod output_entries;

pub mod earlier_run;

pub mod single_files;

pub mod kept_files;

pub mod atomic;

mod linked_copies;

pub mod ledger_tables;

pub mod analyst_folder;
