//! A watch on the limit on address space (`ulimit -v`) while a run goes on.
//!
//! An allocation that fails ends the process by a signal, with words that help nobody. Where there
//! is such a limit, the run is ended shortly before: nothing is published, and the next run clears
//! what was staged.

use std::time::Duration;

use super::tell;
use crate::pipeline::failure::RunError;
use crate::pipeline::machine::{self, STACK_BYTES};

/// Address space that has to be left: 64 MiB, twice as much as the pieces in which tables are
/// written.
const LEFT: u64 = 64 << 20;

/// Time between two looks: 2 ms, in which no core can fill what has to be left.
const INTERVAL: Duration = Duration::from_millis(2);

/// Begins to watch if there is a limit; the watch ends with the process.
///
/// # Errors
/// [`RunError::Threads`].
pub(super) fn watch() -> Result<(), RunError> {
    let Some(found) = machine::address_space_limit() else {
        return Ok(());
    };
    let look = move || {
        loop {
            let wanted = machine::address_space().map(|taken| taken + LEFT);
            if let Some(wanted) = wanted.filter(|wanted| *wanted > found) {
                let exit = tell(&RunError::AddressSpace { found, wanted }.into());
                std::process::exit(i32::from(exit as u8));
            }
            std::thread::sleep(INTERVAL);
        }
    };
    std::thread::Builder::new()
        .name("memory".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(look)
        .map(drop)
        .map_err(|source| RunError::Threads { threads: 1, source })
}
