//! The part of a run that fetches: the order of the plan, what it means for the close, the report on
//! it, and typed tables of the responses. Requests themselves are the matter of
//! [`sources`](crate::sources).

pub mod record_tables;

pub(crate) mod verdict;

pub(crate) mod usage_due;

pub mod report;

pub(crate) mod handover;

pub(crate) mod permissions;

pub mod doctor;
