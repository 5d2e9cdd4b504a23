//! Judging by proof, from both sides: honest months in which nothing may be found, and the same
//! months with one number, one row or every line changed, of which everything must be found.
//!
//! The months are made here, by the documented formula and plain arithmetic of their own, and not
//! by the program's generator: what it would get wrong, the program would get wrong with it.

mod attacks;
mod honest;
mod month;
mod mutations;
mod number;
mod random;
mod run;
