//! Names of rounding modes in pipeline files and manifests. One table serves both ways, so that
//! `explain` reads back what a run wrote.

use crate::model::decimal::Rounding;

/// Rounding modes, each with its name.
pub(crate) const MODES: [(&str, Rounding); 4] = [
    named(Rounding::Down),
    named(Rounding::Floor),
    named(Rounding::HalfUp),
    named(Rounding::HalfEven),
];

const fn named(mode: Rounding) -> (&'static str, Rounding) {
    (mode_name(mode), mode)
}

/// Name of a rounding mode.
pub(crate) const fn mode_name(mode: Rounding) -> &'static str {
    match mode {
        Rounding::Down => "down",
        Rounding::Floor => "floor",
        Rounding::HalfUp => "half_up",
        Rounding::HalfEven => "half_even",
    }
}
