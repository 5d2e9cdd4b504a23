//! From files to totals: every unit is identified, decoded and counted once, on all cores. A unit
//! is one file, given in the plan or fetched.

pub mod input_unit;

pub mod incomplete;

pub(crate) mod page_lists;

pub(crate) mod held_reading;

pub(crate) mod unit;

pub(crate) mod unit_cache;

pub(crate) mod records;

pub mod readings;

pub(crate) mod unit_list;

pub(crate) mod duplicates;

pub(crate) mod merger;

pub mod units;
