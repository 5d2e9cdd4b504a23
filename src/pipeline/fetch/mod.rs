//! The part of a run that fetches: the order of the plan, the report on it, and typed tables of the
//! responses. Requests themselves are the matter of [`sources`](crate::sources).

pub mod record_tables;

pub mod handover;

pub(crate) mod permissions;

pub mod doctor;
