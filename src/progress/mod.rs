//! What is told while a run goes on, and where its time went. Knows no terminal and no service.

pub mod phases;
pub mod watch;
