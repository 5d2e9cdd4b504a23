//! Memory and disk: how much memory each stage may hold, and the temporary files that take what is
//! more. With no `--memory` nothing goes to disk but fingerprints of rows.

pub mod budget;

pub(crate) mod scratch;

pub(crate) mod fingerprints;

pub mod resources;

pub(crate) mod parts;
