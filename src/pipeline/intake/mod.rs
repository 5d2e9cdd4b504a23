//! Files to totals: every unit is identified, decoded and counted once, on all cores.

pub mod incomplete;
pub mod readings;
pub(crate) mod records;
pub(crate) mod unit;
pub(crate) mod unit_cache;
pub mod units;
