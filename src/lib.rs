//! tieout

pub mod model;
