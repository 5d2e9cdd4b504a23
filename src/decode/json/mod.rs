//! JSON rows: one object to the cells of a row (`object`), fast where objects repeat the keys of
//! the one before (`template`), of invoices those inside of them, too (`amendments`), and the two ways in which objects come: one on each line, or in a
//! page.

mod spelling;

pub(super) mod value;

mod template;

mod amendments;

mod object;

pub(super) mod lines;
pub(super) mod pages;
