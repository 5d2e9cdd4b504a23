//! Progress of a run: events for whoever shows it, and the time that each phase took. This layer
//! knows no terminal, no file and no service; `sources` and `pipeline` report to it, `cli` listens.

pub mod phases;

pub mod reporting;
