//! tieout

pub mod decode;
pub mod engine;
pub mod model;
