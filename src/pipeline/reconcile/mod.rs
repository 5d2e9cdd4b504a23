//! Totals to judged variances: the engine's stages in order, each followed by its conservation law.
//!
//! Files stand in reading order: each uses those above it only.

mod settings;

mod period;

mod headers;

mod nothing_compared;

pub mod invoice_sums;

mod usage_by_subscription;

mod recomputed;

mod usage_to_invoice;

mod laws;

mod other_tie_outs;

mod warnings;

pub(crate) mod judging;

mod in_parts;

pub mod stages;
