//! Memory that is given back to the system as soon as it is free, where a run is bound to little.

use std::env;
use std::ffi::OsStr;

/// What glibc's allocator is told: larger pieces are taken from the system one by one, and given back. By
/// itself it comes to keep pieces of up to 32 MiB, and a run takes twice what it needs.
const SETTINGS: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "60000"),
    ("MALLOC_TRIM_THRESHOLD_", "1000000"),
];

/// Starts the program anew, as the same process, for the allocator takes its settings from the environment
/// of a process that starts. Where somebody set them, or the program cannot be started, nothing happens: the
/// run takes more memory, and says so at its end if that is too much.
#[cfg(target_os = "linux")]
pub(super) fn give_back() {
    use std::os::unix::process::CommandExt as _;
    let is_set = SETTINGS.iter().any(|(name, _)| env::var_os(name).is_some());
    let mut arguments = env::args_os();
    if let (false, Some(name), Ok(program)) = (is_set, arguments.next(), env::current_exe()) {
        let settings = SETTINGS.map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
        drop(
            std::process::Command::new(program)
                .arg0(name)
                .args(arguments)
                .envs(settings)
                .exec(),
        );
    }
}

/// Elsewhere the allocator is another one.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_back() {}
