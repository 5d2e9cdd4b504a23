//! Counted rows as files: while a unit is counted, its rows are kept for analysts, day by day and line
//! by line, with the columns that no comparison needs. Nothing of a run depends on them.

mod row_sources;

pub(crate) mod row_layout;

pub(crate) mod row_sums;

mod bundles;

mod row_batch;

mod row_columns;

mod row_codes;

pub(crate) mod unit_rows;

pub(crate) mod row_sink;

pub(crate) mod row_store;
