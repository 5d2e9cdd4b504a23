//! The words of the domain. No I/O, no clock, no async.

pub mod cause;
pub mod currency;
pub mod dataset;
pub mod decimal;
pub mod domain;
pub mod ids;
pub mod page;
pub mod period;
pub mod record;
pub mod reject;
pub mod row;
pub mod same;
pub mod spelling;
pub mod tables;
