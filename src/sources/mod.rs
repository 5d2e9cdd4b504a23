//! The outside: files, and the protocols of Partner Center and Graph. Responses are stored as they
//! were received; nothing here knows more of their content than the protocols need. Each module
//! names only those above it.

pub mod failure;

pub mod files;

pub mod cache;

pub mod identity;

pub mod wire;

pub mod landing;

pub mod auth;

pub(crate) mod session;

pub(crate) mod graph_export;

pub mod fetch;

pub mod doctor;
