//! Free space of a folder's disk, as the system's own `df` tells it: the standard library has no
//! call for it.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;

const KIB: u64 = 1_024;

/// The finding on the free space of `folder`, which must exist; below `wanted` bytes it is a
/// warning. `what` names the folder.
pub(crate) fn finding(what: &str, folder: &Path, wanted: u64) -> Finding {
    let what = format!("Space for {what}");
    match free_bytes(folder) {
        Some(free) => judged(&what, free, wanted),
        None => Finding::warning(
            &what,
            "not known: this machine has no `df` that tells it".to_owned(),
            "look at it yourself",
        ),
    }
}

fn judged(what: &str, free: u64, wanted: u64) -> Finding {
    if free >= wanted {
        return Finding::good(what, &format!("{} free", in_words(free)));
    }
    Finding::warning(
        what,
        format!(
            "{} free, wanted {} or more",
            in_words(free),
            in_words(wanted)
        ),
        "free some, or move the folder to a larger disk; a run that finds none left publishes nothing",
    )
}

/// A size in GB with one decimal, cut off; in MB below that.
fn in_words(bytes: u64) -> String {
    if bytes < 1_000_000_000 {
        return format!("{} MB", bytes / 1_000_000);
    }
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

/// Bytes that this user can still write. `None` where the system does not tell.
fn free_bytes(folder: &Path) -> Option<u64> {
    let told = Command::new("df")
        // The one format that POSIX prescribes, in blocks of 1,024 bytes.
        .args(["-k", "-P", "--"])
        .arg(folder)
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    available_kib(&String::from_utf8_lossy(&told.stdout))?.checked_mul(KIB)
}

/// The fourth column of the last line: `/dev/sda1  264212084  33092908  62192980  35%  /`.
fn available_kib(table: &str) -> Option<u64> {
    let words: Vec<&str> = table.lines().last()?.split_whitespace().collect();
    // Names of disks and mount points may contain blanks: the columns are told by what they are.
    let columns = words.windows(4).find(|columns| {
        let numbers = columns[..3].iter().all(|word| word.parse::<i64>().is_ok());
        numbers && columns[3].ends_with(['%', '-'])
    })?;
    // A disk that is full to its reserve has less than nothing for this user.
    let available: i64 = columns[2].parse().ok()?;
    Some(available.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::doctor::finding::Gravity;

    #[test]
    fn the_column_is_found_whatever_the_names_are() {
        let head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
        let table = |line: &str| available_kib(&format!("{head}{line}\n"));
        assert_eq!(
            table("/dev/vda 264212084 33092908 62192980 35% /"),
            Some(62_192_980)
        );
        assert_eq!(table("map auto home 1 0 0 0 100% /a b/5% c"), Some(0));
        assert_eq!(
            table("host:/the share 900 100 800 12% /mnt/my 1 2 3 4% x"),
            Some(800)
        );
        assert_eq!(table("/dev/full 900 950 -50 105% /"), Some(0));
        assert_eq!(table("none 0 0 0 - /proc"), Some(0));
        assert_eq!((available_kib(""), available_kib(head)), (None, None));
    }

    #[test]
    fn little_space_is_a_warning() {
        let found = judged("Space", 1_990_000_000, 2_000_000_000);
        assert_eq!(found.gravity, Gravity::Warning);
        assert_eq!(found.found, "1.9 GB free, wanted 2.0 GB or more");
        let found = judged("Space", 999_999_999, 1);
        assert_eq!(
            (found.gravity, found.found.as_str()),
            (Gravity::Good, "999 MB free")
        );
    }

    #[cfg(unix)]
    #[test]
    fn this_disk_has_some_space() {
        assert!(free_bytes(Path::new("/")).is_some());
        assert!(free_bytes(Path::new("/no/such/folder")).is_none());
    }
}
