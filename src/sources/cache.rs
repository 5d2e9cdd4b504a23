//! Cache of a unit's totals for the next run. An entry's key contains the hash of the unit's bytes,
//! and the hash of its content stands behind it: an entry that is damaged or in doubt is dropped
//! and computed again. The cache therefore never changes a result, only the time it takes.
//!
//! A file is known without being read only if every change of it would have changed its stamp
//! (`sources/files`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::files::{HeldFile, Stamp};

use super::files::clear_temporary;

const HASH_BYTES: usize = 32;
const IDENTITIES: &str = "identities";
const KEPT: &str = "kept";
/// Size up to which entries that a run did not need are kept: 1 GiB, or the size of those that it
/// needed if that is more. The oldest are removed first.
const SPARE_BYTES: u64 = 1 << 30;

/// The cache in one folder. Shared by all workers.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    identities: Mutex<BTreeMap<PathBuf, Identity>>,
    /// Keys that this run loaded or stored.
    used: Mutex<BTreeSet<String>>,
}

/// Hash of a file's bytes, and the file's stamp when it was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    stamp: Stamp,
    blake3: String,
}

impl Cache {
    /// The cache in a folder. The folder is created with the first entry.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        // Litter costs space, not results: where it cannot be removed, it stays.
        drop(clear_temporary(&folder.join(KEPT)));
        // A list that is missing or damaged is an empty one: files are then hashed again.
        let listed = read_checked(&folder.join(IDENTITIES))
            .and_then(|listed| String::from_utf8(listed).ok());
        let identities = match listed {
            Some(listed) => identities_in(&listed),
            None => BTreeMap::new(),
        };
        Self {
            folder: folder.to_owned(),
            identities: Mutex::new(identities),
            used: Mutex::default(),
        }
    }

    /// The hash and the size of a file that has not changed since it was hashed.
    #[must_use]
    pub fn identity(&self, path: &Path) -> Option<(String, u64)> {
        // The same file may be named by several paths, relative ones and links.
        let path = fs::canonicalize(path).ok()?;
        let known = lock(&self.identities).get(&path).cloned()?;
        // The size of the same look: one taken before may be that of another file.
        let metadata = fs::metadata(&path).ok()?;
        (Stamp::of(&metadata) == known.stamp).then_some((known.blake3, metadata.len()))
    }

    /// Remembers the hash of a file that is unchanged since it was opened. One that was changed
    /// moments before is not remembered, for its next change may not show in its stamp.
    pub fn remember(&self, held: &HeldFile, blake3: &str) {
        // The list has one line for each file: a path that does not fit into one is not kept.
        let Some(path) = fs::canonicalize(held.path())
            .ok()
            .filter(|path| path.to_str().is_some_and(|path| !path.contains('\n')))
        else {
            return;
        };
        let stands_there =
            fs::metadata(&path).is_ok_and(|metadata| Stamp::of(&metadata) == *held.stamp());
        if held.is_settled() && stands_there {
            let identity = Identity {
                stamp: held.stamp().clone(),
                blake3: blake3.to_owned(),
            };
            lock(&self.identities).insert(path, identity);
        }
    }

    /// The content under a key, if it is there and undamaged.
    #[must_use]
    pub fn load(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path_of(key);
        let found = read_checked(&path);
        if found.is_none() {
            // Missing or damaged, the entry is of no use; another run may have removed it already.
            drop(fs::remove_file(&path));
        } else {
            lock(&self.used).insert(key.to_owned());
        }
        found
    }

    /// Keeps `content` under a key.
    ///
    /// # Errors
    /// The error of the file system; the run can go on without the entry.
    pub fn store(&self, key: &str, content: &[u8]) -> io::Result<()> {
        lock(&self.used).insert(key.to_owned());
        self.write(&self.path_of(key), content)
    }

    fn path_of(&self, key: &str) -> PathBuf {
        self.folder.join(KEPT).join(key)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(KEPT);
        fs::create_dir_all(&folder)?;
        // Written under another name first: a run that is killed leaves no half entry.
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(content)?;
        file.write_all(blake3::hash(content).as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Writes the list of known files, and removes the entries that no run has needed for long.
    ///
    /// # Errors
    /// The error of the file system; the run can go on without the cache.
    pub fn close(self) -> io::Result<()> {
        let mut listed = String::new();
        for (path, Identity { stamp, blake3 }) in lock(&self.identities).iter() {
            // Files that are gone are forgotten; those that changed are noticed by their stamp.
            if path.exists() {
                listed += &format!("{} {blake3} {}\n", stamp.0, path.display());
            }
        }
        self.write(&self.folder.join(IDENTITIES), listed.as_bytes())?;
        self.prune(SPARE_BYTES)
    }

    /// Removes the oldest entries that this run did not use, down to `spare_bytes` or the size of
    /// those that it used.
    fn prune(&self, spare_bytes: u64) -> io::Result<()> {
        let used = lock(&self.used);
        let (mut needed, mut spare) = (0, Vec::new());
        for entry in fs::read_dir(self.folder.join(KEPT))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if used.contains(&*entry.file_name().to_string_lossy()) {
                needed += metadata.len();
            } else {
                spare.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        // Newest first: what no longer fits is older than everything that is kept.
        spare.sort_by(|left, right| right.cmp(left));
        let mut left = needed.max(spare_bytes);
        for (_, bytes, path) in spare {
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => {
                    // From here on every older entry goes, also one that would still fit.
                    left = 0;
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }
}

/// The files of a list: one a line, as `stamp hash path`. A line that is not is left out: its file
/// is then hashed again.
fn identities_in(listed: &str) -> BTreeMap<PathBuf, Identity> {
    let identity = |line: &str| {
        let (stamp, rest) = line.split_once(' ')?;
        let (blake3, path) = rest.split_once(' ')?;
        let identity = Identity {
            stamp: Stamp(stamp.to_owned()),
            blake3: blake3.to_owned(),
        };
        Some((PathBuf::from(path), identity))
    };
    listed.lines().filter_map(identity).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file's content without the hash behind it; `None` if the two do not match.
fn read_checked(path: &Path) -> Option<Vec<u8>> {
    // Neither a link nor a pipe is an entry; a pipe would be waited for.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    io::Read::read_to_end(&mut File::open(path).ok()?, &mut content).ok()?;
    let end = content.len().checked_sub(HASH_BYTES)?;
    // The hash is of the content alone: an entry under the wrong key would pass. Keys are hashes
    // themselves, and nothing renames entries.
    let (body, hash) = content.split_at(end);
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    content.truncate(end);
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::super::files::SETTLED;
    use super::*;

    #[test]
    fn what_is_damaged_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        cache.store("one", b"content").unwrap();
        assert_eq!(cache.load("one").as_deref(), Some(&b"content"[..]));
        let path = folder.path().join(KEPT).join("one");
        let mut bytes = fs::read(&path).unwrap();
        bytes[2] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(cache.load("one"), None);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_is_known_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.csv");
        fs::write(&path, "1").unwrap();
        let cache = Cache::open(&folder.path().join("cache"));
        cache.remember(&HeldFile::open(&path).unwrap(), "aa");
        assert_eq!(cache.identity(&path), None, "it was written a moment ago");
        std::thread::sleep(SETTLED * 2);
        cache.remember(&HeldFile::open(&path).unwrap(), "aa");
        cache.close().unwrap();
        let cache = Cache::open(&folder.path().join("cache"));
        assert_eq!(cache.identity(&path), Some(("aa".to_owned(), 1)));
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "2").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(date)
            .unwrap();
        assert_eq!(cache.identity(&path), None, "the same size and date");
    }

    #[test]
    fn what_was_not_needed_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let there = |name: &str| folder.path().join(KEPT).join(name).exists();
        Cache::open(folder.path())
            .store("old", &[b'x'; 1_000])
            .unwrap();
        let cache = Cache::open(folder.path());
        cache.store("new", b"y").unwrap();
        cache.prune(SPARE_BYTES).unwrap();
        assert!(there("old") && there("new"), "there is room");
        cache.prune(0).unwrap();
        assert!(!there("old") && there("new"), "there is none");
    }
}
