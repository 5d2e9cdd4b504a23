//! What is fetched: the plan's order, what it became, and its typed tables.

pub mod doctor;
pub mod handover;
pub mod record_tables;
