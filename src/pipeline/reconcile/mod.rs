//! Totals to judged variances: the engine's stages in order, each followed by its conservation law.

pub(crate) mod headers;
pub(crate) mod other_tie_outs;
pub(crate) mod period;
pub mod stages;
pub(crate) mod usage_to_invoice;
pub(crate) mod warnings;
