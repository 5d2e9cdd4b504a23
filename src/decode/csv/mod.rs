//! Comma-separated values. Regular text is read by its own decoder, which finds the ends of cells
//! 64 bytes at a time (`marks`, `cells`, `regular`); all other text by the csv crate (`any_text`).

pub(super) mod cells;
mod marks;

mod layout;

mod any_text;
mod regular;

pub(super) mod rows;
