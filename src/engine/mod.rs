//! Totals, matching, tolerance, attribution, allocation: pure functions of what was decoded. Knows
//! no file, clock, network or thread count.
//!
//! The rooms stand in the order of the data's way through them. A room names `model` and the rooms
//! above it, nothing else.

pub mod failure;

pub mod rules;

pub mod count;

pub mod fold;

pub mod matching;

pub mod compare;

pub mod causes;

pub mod tie_outs;

pub mod judge;
