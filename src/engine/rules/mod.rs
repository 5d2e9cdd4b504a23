//! Numbers and texts in, numbers and verdicts out: the rules of the field as data, and what they make of one line or one group.

pub mod domain;

pub mod definitions;
pub mod rate_card;
pub mod rounding;
pub mod scope;
pub mod tolerance;
