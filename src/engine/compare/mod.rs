//! Matches to two sums a group, quantised and allocated: what usage expects, and what the invoice asks for.

pub mod group;

pub mod allocate;
pub mod usage_to_invoice;
