//! The outside: files, and the protocols of Partner Center and Graph. What comes from there is
//! landed as it came; nothing here knows what is in it beyond what the protocols themselves say.

pub mod account;
pub mod auth;
pub mod cache;
pub mod cloud;
pub mod customers;
pub mod decision;
pub mod doctor;
pub mod endpoints;
pub mod failure;
pub mod fetch;
pub mod files;
pub mod graph_export;
pub mod http;
pub mod landing;
pub mod origin;
pub mod partner_center;
pub mod phases;
pub mod retry;
pub mod throttle;
pub mod watch;
