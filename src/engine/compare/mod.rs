//! Matched rows to compared groups: what the usage of each group comes to, what the invoice asks
//! for it, and which resources are behind it.
//!
//! Nothing is judged here: causes, tolerances and statuses belong to the rooms below.

pub mod group;

pub mod exchange_rate;

pub mod allocate;

pub mod line_numbers;

pub mod invoice_practice;

pub mod charge;

mod prediction;

mod group_rows;

mod group_sums;

mod usage_slices;

pub mod usage_to_invoice;

pub mod copies;
