//! A guard around libraries that panic where the fault is not theirs: the parquet crate on some
//! damaged bytes, polars and tokio where the machine starts no thread. No other code is to run
//! under it, for our own panics must end the run.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// True while a panic of this thread would be caught and reported as an error, so that
/// the program's panic hook need not print it.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs `work`; a panic in it is an `Err` with the panic's message.
///
/// # Errors
/// The message of the panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    // Whatever state `work` leaves behind after a panic is dropped together with the file.
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|panic| {
        // `panic!` with arguments carries a `String`, without any a `&str`.
        match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => (*text).to_owned(),
            (None, None) => "unreadable bytes".to_owned(),
        }
    })
}
