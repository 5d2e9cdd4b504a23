//! Returns freed memory to the operating system at once, for runs that are bound by `--memory` or by
//! a limit on address space, and for those that fetch.
//!
//! Only glibc's allocator is tuned, through the environment; no allocator is replaced, so a run of
//! files without `--memory` stays as fast as it is. Without the settings a bounded run takes up to
//! twice what it needs, and a fetch for 10,000 customers 400 MB instead of 230.

use std::env;
use std::ffi::OsStr;

/// Settings of glibc's allocator, in bytes: blocks above the first threshold are mapped one by one
/// and unmapped when freed. By default glibc raises that threshold as it goes, up to 32 MiB, and
/// keeps freed blocks below it.
// By environment and not by `mallopt`: a call into C would need `unsafe`, which the crate forbids.
const SETTINGS: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "60000"),
    ("MALLOC_TRIM_THRESHOLD_", "1000000"),
];

/// Setting for where address space is limited: two arenas. By default glibc reserves 64 MiB of
/// address space for each of up to eight arenas a core, most of which is never used.
const FEW_ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// Restarts the program in the same process with [`SETTINGS`], and [`FEW_ARENAS`] where address
/// space is limited; returns if they are set already.
///
/// A failure to restart is ignored: the run then takes more memory, and warns at its end if that
/// was more than `--memory` allows.
#[cfg(target_os = "linux")]
pub(super) fn return_freed_memory(is_space_limited: bool) {
    use std::os::unix::process::CommandExt as _;
    // Settings of the user's own are respected; they also stop the restarted program from
    // restarting again.
    let is_set = SETTINGS.iter().any(|(name, _)| env::var_os(name).is_some());
    let mut arguments = env::args_os();
    if let (false, Some(name), Ok(program)) = (is_set, arguments.next(), env::current_exe()) {
        let arenas = is_space_limited.then_some(FEW_ARENAS);
        let settings = SETTINGS
            .into_iter()
            .chain(arenas)
            .map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
        // glibc reads its settings when a process starts, hence `exec`: it returns only if it
        // fails.
        drop(
            std::process::Command::new(program)
                .arg0(name)
                .args(arguments)
                .envs(settings)
                .exec(),
        );
    }
}

/// Does nothing: the allocators of other systems have other settings.
#[cfg(not(target_os = "linux"))]
pub(super) fn return_freed_memory(_: bool) {}
