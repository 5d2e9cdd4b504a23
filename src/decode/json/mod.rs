//! JSON: one object to cells, by template where objects repeat their keys; lines and pages of objects.

pub(crate) mod object;

pub(crate) mod template;

pub(crate) mod lines;
pub(crate) mod pages;
