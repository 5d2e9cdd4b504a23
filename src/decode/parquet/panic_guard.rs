//! A shield around a library that panics on damaged bytes (the parquet crate does, on some flipped
//! bits): its panic is the file's fault and becomes an error of the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static SHIELDED: Cell<bool> = const { Cell::new(false) };
}

/// A panic of this thread is caught and told as an error: nobody need print it.
#[must_use]
pub fn is_shielded() -> bool {
    SHIELDED.get()
}

/// Runs `work`; a panic in it is an `Err` with its message.
pub(crate) fn shield<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = SHIELDED.replace(true);
    // What `work` leaves behind after a panic is thrown away together with the unit.
    let result = catch_unwind(AssertUnwindSafe(work));
    SHIELDED.set(outer);
    result.map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("unreadable bytes").to_owned()
    })
}
