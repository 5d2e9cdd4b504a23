//! The outside: files, and the protocols of Partner Center and Graph. What comes from there is
//! landed as it came; nothing here knows what is in it beyond what the protocols themselves say.

pub mod failure;

pub mod identity;

pub mod wire;

pub mod landing;

pub mod graph_export;

pub mod fetch;

pub mod files;

pub mod cache;

pub mod doctor;
