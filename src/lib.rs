//! tieout

pub mod model;
pub mod synth;
