//! From a published figure back to its source lines, and the arithmetic from them to it. Only the
//! units that hold the key are read again; they must be the bytes that the run read.
//!
//! Files stand in reading order: each uses those above it only.

mod answer;

pub(super) mod run_folder;

mod input_file;

mod account_filter;

mod published;

mod facts;

mod phrases;

mod story;

mod cause_sentences;

mod sentences;

mod source_rows;

mod gather;

mod recount;

mod usage_to_invoice;

mod other_rows;

mod other_tie_outs;

mod lines_to_invoice;

mod evidence;

mod targets;

pub use self::answer::{
    DayFigures, Explanation, Group, PickedResources, RejectedLine, Request, Side, SourceLine,
    Target,
};
pub use self::targets::{explain, explain_with_evidence};
