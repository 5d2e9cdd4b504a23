//! Threads on which a run works, with everything that they need from the machine: those of rayon
//! and, for joins, those of polars.

use std::io;
use std::num::NonZeroUsize;

use super::failure::RunError;
use super::machine::{self, STACK_BYTES};
use super::options::Options;
use crate::decode::catch_panic;
use crate::engine::matching::joins;

/// Files that a run has open whatever the number of its threads: 24, for locks, scratch files,
/// signals and connections.
const SPARE_FILES: usize = 24;

/// Files that a thread has open at a time: an input, an entry of the cache, and two tables.
const FILES_PER_THREAD: usize = 4;

/// Threads beside those that work: 8, for signals, the display, the network and its resolver.
const SPARE_THREADS: usize = 8;

/// Runs `work` on the number of threads that the options ask for, which no result depends on.
///
/// # Errors
/// That of `work`, or [`RunError`] for what the machine does not give.
pub fn with_threads<T: Send>(
    options: &Options,
    work: impl FnOnce() -> Result<T, RunError> + Send,
) -> Result<T, RunError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = options.threads.unwrap_or(cores);
    machine::ensure_files(SPARE_FILES + FILES_PER_THREAD * threads)?;
    machine::ensure_address_space(threads + cores, options.memory.unwrap_or_default())?;
    machine::ensure_threads(threads + cores + SPARE_THREADS)?;
    // Now, and not when the first join is made: a library panics where its threads cannot start.
    catch_panic(joins::start).map_err(|panic| RunError::Threads {
        threads: cores,
        source: io::Error::other(panic),
    })?;
    let builder = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES);
    let Some(threads) = options.threads else {
        // The pool of the process: whatever runs outside of this function shares it.
        return start_global(builder, cores).and_then(|()| work());
    };
    // A pool of its own: the global one can be sized once in a process, and tests run many.
    let pool = builder
        .num_threads(threads)
        .build()
        .map_err(failed(threads))?;
    pool.install(work)
}

/// Starts the threads of the process, unless they are there.
fn start_global(builder: rayon::ThreadPoolBuilder, threads: usize) -> Result<(), RunError> {
    use std::error::Error as _;
    match builder.build_global() {
        // The error without a cause is that of a pool that is there.
        Err(error) if error.source().is_some() => Err(failed(threads)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(threads: usize) -> impl FnOnce(rayon::ThreadPoolBuildError) -> RunError {
    move |error| RunError::Threads {
        threads,
        source: io::Error::other(error.to_string()),
    }
}
