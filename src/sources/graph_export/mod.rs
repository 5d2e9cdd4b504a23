//! Graph v2 exports: ordered, polled, and downloaded blob by blob.

pub(crate) mod manifest;

pub(crate) mod blob;

pub mod export;
