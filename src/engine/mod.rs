//! Pure comparing: no file, clock, network or thread count is known here.

pub mod tolerance;
