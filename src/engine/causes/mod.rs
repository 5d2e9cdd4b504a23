//! Variances to causes: parts of a group's variance, each with a cause, that add up to it.
//!
//! Groups that rounding alone cannot explain are looked into once more: evidence is gathered (usage
//! by price state, lines one by one), usage and lines that only one side has are set apart, and a
//! bridge of single changes leads from the usage that remains to the lines that remain. How large a
//! variance may be is no question here: tolerances belong to [`judge`](super::judge).

pub mod workings;

mod evidence;

mod hypotheses;

mod pairs;

mod paired_usage;

mod line_prices;

mod bridge_points;

pub mod variance_bridge;

pub mod finding;

mod billed_again;

pub mod attribute;

pub mod investigate;
