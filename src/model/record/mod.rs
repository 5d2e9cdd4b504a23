//! Record sets: every answer of Partner Center and Graph as typed columns, for `--tables` and for
//! the totals of what was fetched.
//!
//! The sets are data: a new kind of answer is one entry of [`RECORD_SETS`] and, where it is not a
//! dataset of files as well, its list of fields. What a set's rows mean for a tie-out is not known
//! here.

mod fields;
mod schema;
mod sets;

pub use self::schema::{Field, Fields, RecordColumn, RecordSet, RecordType, Shape, snake_case};
pub use self::sets::RECORD_SETS;
