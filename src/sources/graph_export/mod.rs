//! Graph v2 exports ([endpoints §7](crate::model::domain::endpoints)): ordered, polled until they
//! are finished, and downloaded blob by blob. Which exports are needed is decided in `fetch`.

mod blob_address;

mod manifest;

mod blob;

pub(crate) mod operation;

pub(crate) mod export;
