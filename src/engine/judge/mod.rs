//! Groups to verdicts: status, cause and identity of each, the control totals, the roll-ups.

pub mod control_totals;
pub mod roll_up;
pub mod rounding_census;
pub mod variance;
