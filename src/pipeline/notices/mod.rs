//! Notices of the end of a run: the figures for Prometheus, the message to a webhook, the sign of
//! life. Whatever becomes of them, the run stays what it was.

pub mod ended_run;

pub mod exposition;

pub mod message;

pub mod tell;
