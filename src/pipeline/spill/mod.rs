//! Memory and disk: who may hold how much, and what waits on disk meanwhile.

pub mod budget;
pub(crate) mod fingerprints;
pub(crate) mod parts;
pub mod resources;
pub(crate) mod scratch;
