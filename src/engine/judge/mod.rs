//! Groups to verdicts: status, cause and id of each; then sums of the verdicts, and the control
//! totals that prove that nothing was lost on the way.

pub mod variance;

pub mod counterparts;

pub mod control_totals;

pub mod out_of_scope;

pub mod roll_up;

pub mod rounding_census;
