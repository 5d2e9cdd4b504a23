//! Tests of the synthetic partner: that it is what it says, whatever the engine makes of it.

mod formats;
mod month;
mod planted;
mod records;
mod support;
