//! One request: sent, timed, repeated where that is right, at the rate that the service allows.

pub mod rate_limit;
pub mod retry;

pub mod http;
