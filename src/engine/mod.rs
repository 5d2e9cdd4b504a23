//! Counting, matching, tolerance, attribution and allocation: pure functions of rows that were
//! decoded.
//!
//! The engine knows no file, no clock, no network and no thread count: the same rows give the same
//! results, in whatever order they come. Reading files is `decode`'s work, and which of them, the
//! `pipeline`'s.
//!
//! The rooms stand in the order in which data pass through them. A room names `model` and the rooms
//! above it, and nothing else; files within a room keep the same order.

pub mod failure;

pub mod rules;

pub mod count;

pub mod fold;

pub mod matching;

pub mod compare;

pub mod causes;

pub mod tie_outs;

pub mod judge;
