//! Totals, matching, tolerance, attribution, allocation: pure functions of what was decoded. Knows
//! no file, clock, network or thread count.

pub mod aggregate;
pub mod allocate;
pub mod attribute;
pub mod balance;
pub mod bridge;
pub mod census;
pub mod comparison;
pub mod copies;
pub mod days;
pub mod entries;
pub mod evidence;
pub mod frames;
pub mod grain;
pub mod headers;
mod hypotheses;
pub mod interner;
pub mod investigate;
pub mod key_column;
pub mod keying;
pub mod line_arithmetic;
pub mod matching;
pub mod measures;
pub mod rate_card;
pub mod rounding;
pub mod scope;
pub mod seen;
pub mod steps;
mod stored;
pub mod summary;
mod sums;
pub mod tie_outs;
pub mod tolerance;
pub mod totals;
pub mod usage_to_invoice;
pub mod variance;
pub mod vocabulary;
