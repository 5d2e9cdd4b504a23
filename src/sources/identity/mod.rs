//! Who asks, and where what proves it may go: accounts, clouds, tokens, origins.

pub mod account;
pub mod cloud;
pub mod origin;

pub mod auth;
