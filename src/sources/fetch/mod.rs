//! A fetch: the endpoints as data, the units that a period needs, and the workers that ask for them.

pub mod answers;
pub mod api_version;
pub mod endpoints;
pub mod pages;
pub(crate) mod units;
pub mod workers;
