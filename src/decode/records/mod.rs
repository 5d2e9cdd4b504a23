//! Responses of the API to typed rows: pages, single objects, JSON lines. They are read for
//! `--tables` and for the totals of what was fetched, row by row on one core; what is reconciled
//! goes the faster way of the other decoders.

mod value;

mod item;

mod expand;

mod reader;

mod read;

pub use self::read::{RecordsRead, RejectedRecord, read};
pub use self::value::Value;
