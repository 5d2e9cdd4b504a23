//! Tie-outs besides usage to invoice, each over two lists of rows.
//!
//! Each file makes the rows of both sides, has them matched and compared by `two_lists`, and says
//! what it knows about the variances; lines are held against themselves, and need no match. The tie-outs without a file of their own need no more than
//! `two_lists`.

pub mod two_lists;

pub mod line_check;

pub mod line_arithmetic;

pub mod lines_to_invoice;

pub mod rate_card;

pub mod unbilled_to_billed;

pub mod utilization_to_usage;
