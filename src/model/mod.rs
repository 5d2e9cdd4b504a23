//! The words of the domain, which all layers share. No I/O, no clock, no async, and no other layer.
//!
//! In reading order: the facts about the domain, what a cell holds, what comes in, what goes out,
//! and two helpers for texts. A file names those above it only.

pub mod domain;

pub mod currency;
pub mod decimal;
pub mod ids;
pub mod period;
pub mod settling;

pub mod dataset;

pub mod column_set;

pub mod reject;
pub mod row;
pub mod value_hash;

pub mod content;

pub mod page;
pub mod record;

pub mod cause;
pub mod tables;

pub mod printable;
pub mod same;
pub mod spelling;
