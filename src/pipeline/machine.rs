//! Limits that the machine sets to this process, looked at before a run begins: one that would hit
//! a limit in its middle says so before it has done anything.
//!
//! Some libraries panic where a descriptor or a thread is missing, and the allocator ends the
//! process where address space is; after these checks they find what they need.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::failure::RunError;

/// Stack of every thread that is ours: 8 MiB, whatever the shell's `ulimit -s`.
// Only what is used of it takes memory. The deepest stacks are those of sorts that steal work.
pub const STACK_BYTES: usize = 8 << 20;

/// Descriptors that every command needs: 16, most of them to listen for signals.
pub const FEWEST_FILES: usize = 16;

/// Address space of a small run: the program, the libraries and two arenas of the allocator,
/// 448 MiB.
const SMALL_RUN: u64 = 448 << 20;

/// Checks that `files` more files can be open at a time.
///
/// # Errors
/// [`RunError::Files`].
#[cfg(unix)]
pub fn ensure_files(files: usize) -> Result<(), RunError> {
    use std::os::fd::AsFd as _;
    let stderr = io::stderr();
    // Copies of stderr's descriptor: that needs no file, and nothing is read or written.
    (0..files)
        .map(|_| stderr.as_fd().try_clone_to_owned())
        .collect::<io::Result<Vec<_>>>()
        .map(drop)
        .map_err(|source| RunError::Files { files, source })
}

/// Does nothing: other systems have no limit that a run would meet.
#[cfg(not(unix))]
pub fn ensure_files(_: usize) -> Result<(), RunError> {
    Ok(())
}

/// Checks that `threads` more threads can run at a time.
///
/// # Errors
/// [`RunError::Threads`].
pub(super) fn ensure_threads(threads: usize) -> Result<(), RunError> {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        // Each thread waits at the gate, so that all are there at once.
        let held = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = || drop(gate.lock());
        let started = (0..threads).try_for_each(|_| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, wait).map(drop)
        });
        drop(held);
        started
    })
    .map_err(|source| RunError::Threads { threads, source })
}

/// Checks that the limit on address space (`ulimit -v`) leaves room for `threads` threads and
/// `memory` bytes of data.
///
/// # Errors
/// [`RunError::AddressSpace`].
pub(super) fn ensure_address_space(threads: usize, memory: u64) -> Result<(), RunError> {
    let wanted = SMALL_RUN + (STACK_BYTES * threads) as u64 + memory;
    match address_space_limit() {
        Some(found) if found < wanted => Err(RunError::AddressSpace { found, wanted }),
        _ => Ok(()),
    }
}

/// Limit on the address space of this process in bytes; `None` for no limit, or where the system
/// does not tell.
#[must_use]
pub fn address_space_limit() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    // The first of two numbers is the limit that holds; `unlimited` is no number.
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Address space that this process takes, in bytes; `None` where the system does not tell.
#[must_use]
pub fn address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib_after(&status, "VmSize:")
}

/// Memory of the machine, or of the container where that is less, in bytes; `None` where the system
/// does not tell.
pub(super) fn memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| kib_after(&text, "MemTotal:"));
    // `max` is no number: the container has no limit of its own.
    let of_container = |path| -> Option<u64> {
        let text = std::fs::read_to_string(path).ok()?;
        text.trim().parse().ok()
    };
    let container = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .find_map(of_container);
    machine.into_iter().chain(container).min()
}

/// Bytes that the line beginning with `name` gives in KiB.
fn kib_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}
