//! The account that fetches: its credentials and limits, the addresses of its cloud, and the
//! origins to which a token may be sent. Data and checks only: no request is made here.

pub mod origin;

pub mod cloud;

pub mod account;

// Until the callers name `sources::auth` themselves.
pub use super::auth;
