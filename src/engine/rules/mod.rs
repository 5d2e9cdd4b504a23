//! Numbers and texts in, numbers and verdicts out: the rules of the field as data, and their
//! verdict on one line or one group.

pub mod domain;

pub mod key_parts;

pub mod keys;

pub mod key_projections;

pub mod definitions;

pub mod feeds;

pub mod rounding;

pub mod rounding_bounds;

pub mod tolerance;

pub mod price_adjustment;

pub mod scope;

pub mod rate_card;
