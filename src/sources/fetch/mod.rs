//! A fetch: the endpoints as data, the units that a billing period needs, and the workers that
//! fetch them.

pub mod api_version;

pub mod endpoint;

pub mod endpoints;

pub mod context;

pub(crate) mod answers;

pub mod order;

pub(crate) mod units;

pub(crate) mod walk;

mod sheets;

pub(crate) mod pages;

pub mod fetched;

pub(crate) mod unit;

pub(crate) mod pool;

pub(crate) mod lists;

pub(crate) mod snapshots;

pub mod workers;
