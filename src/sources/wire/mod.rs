//! One request and its response: sent, timed, retried where that is right, at the rate that the
//! service allows. Tokens come from outside (`sources::auth`), because a token is itself the
//! response to a request.

pub mod retry;

pub(crate) mod rate_limit;

pub(crate) mod message;

pub(crate) mod error_body;

pub mod http;

pub(crate) mod attempts;

pub mod delivery;
