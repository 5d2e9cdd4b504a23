//! What was worked out of a unit, kept for the next run: under a key that holds the hash of the
//! unit's bytes, checked by a hash of its own, and thrown away when in doubt. It never changes an
//! answer: what is not there is worked out again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

const HASH_BYTES: usize = 32;
const IDENTITIES: &str = "identities";
const KEPT: &str = "kept";
/// A file that changed less than this before it was looked at may change again without a trace.
const SETTLED: Duration = Duration::from_millis(100);
/// Entries that a run did not need are kept up to this size, or that of those it needed.
const SPARE_BYTES: u64 = 1 << 30;

/// A folder of what was kept.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    identities: Mutex<BTreeMap<PathBuf, Identity>>,
    used: Mutex<BTreeSet<String>>,
}

/// The hash of a file's bytes, and what the file system said of it then.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    stamp: Stamp,
    blake3: String,
}

/// What tells a file that changed, also where its name, size and date of change were put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(String);

impl Stamp {
    /// Of a file as it is now; `None` where it changed a moment ago, or the system does not tell enough.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let (changed, text) = told(&metadata)?;
        let age = SystemTime::now().duration_since(changed).ok()?;
        (age >= SETTLED).then_some(Self(text))
    }
}

#[cfg(unix)]
fn told(metadata: &Metadata) -> Option<(SystemTime, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let (seconds, nanos) = (
        u64::try_from(metadata.ctime()).ok()?,
        u32::try_from(metadata.ctime_nsec()).ok()?,
    );
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    let text = format!(
        "{}.{}.{}.{}.{}.{}.{nanos}",
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime()
    );
    Some((changed, text))
}

/// Elsewhere nothing tells that a file was changed and its date put back: it is read.
#[cfg(not(unix))]
fn told(_: &Metadata) -> Option<(SystemTime, String)> {
    None
}

impl Cache {
    /// The cache in a folder, which is made when something is kept.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let listed = read_checked(&folder.join(IDENTITIES)).unwrap_or_default();
        let mut identities = BTreeMap::new();
        for line in String::from_utf8(listed).unwrap_or_default().lines() {
            if let [stamp, blake3, path] = line.splitn(3, ' ').collect::<Vec<&str>>().as_slice() {
                let identity = Identity {
                    stamp: Stamp((*stamp).to_owned()),
                    blake3: (*blake3).to_owned(),
                };
                identities.insert(PathBuf::from(path), identity);
            }
        }
        Self {
            folder,
            identities: Mutex::new(identities),
            used: Mutex::default(),
        }
    }

    /// The hash of a file that is as it was when it was hashed.
    #[must_use]
    pub fn identity(&self, path: &Path) -> Option<String> {
        let path = fs::canonicalize(path).ok()?;
        let known = self
            .identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&path)
            .cloned()?;
        (Stamp::of(&path)? == known.stamp).then_some(known.blake3)
    }

    /// Remembers the hash of a file that had `stamp` before it was read, and still has.
    pub fn remember(&self, path: &Path, stamp: Option<Stamp>, blake3: &str) {
        let Some(path) = fs::canonicalize(path)
            .ok()
            .filter(|path| path.to_str().is_some_and(|path| !path.contains('\n')))
        else {
            return;
        };
        if let Some(stamp) = stamp.filter(|stamp| Stamp::of(&path).as_ref() == Some(stamp)) {
            let identity = Identity {
                stamp,
                blake3: blake3.to_owned(),
            };
            self.identities
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(path, identity);
        }
    }

    /// What was kept under a key, if it is whole.
    #[must_use]
    pub fn load(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path_of(key);
        let found = read_checked(&path);
        if found.is_none() {
            // Damaged or not there: either way it is of no use. Another run may have removed it.
            drop(fs::remove_file(&path));
        } else {
            self.used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key.to_owned());
        }
        found
    }

    /// Keeps something under a key.
    ///
    /// # Errors
    /// What the file system says; the run can go on without.
    pub fn store(&self, key: &str, content: &[u8]) -> io::Result<()> {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.to_owned());
        self.write(&self.path_of(key), content)
    }

    fn path_of(&self, key: &str) -> PathBuf {
        self.folder.join(KEPT).join(key)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(KEPT);
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(content)?;
        file.write_all(blake3::hash(content).as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Writes down what is known of files, and removes what no run needed for long.
    ///
    /// # Errors
    /// What the file system says; the run can go on without.
    pub fn close(self) -> io::Result<()> {
        let mut listed = String::new();
        for (path, Identity { stamp, blake3 }) in self
            .identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if path.exists() {
                listed += &format!("{} {blake3} {}\n", stamp.0, path.display());
            }
        }
        self.write(&self.folder.join(IDENTITIES), listed.as_bytes())?;
        self.prune(SPARE_BYTES)
    }

    fn prune(&self, spare_bytes: u64) -> io::Result<()> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
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
        spare.sort_by(|left, right| right.cmp(left));
        let mut left = needed.max(spare_bytes);
        for (_, bytes, path) in spare {
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => {
                    left = 0;
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }
}

/// A file's content before the hash that stands behind it; `None` where they do not belong together.
fn read_checked(path: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    io::Read::read_to_end(&mut File::open(path).ok()?, &mut content).ok()?;
    let end = content.len().checked_sub(HASH_BYTES)?;
    let (body, hash) = content.split_at_checked(end)?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    content.truncate(end);
    Some(content)
}

#[cfg(test)]
mod tests {
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
        cache.remember(&path, Stamp::of(&path), "aa");
        assert_eq!(cache.identity(&path), None, "it was written a moment ago");
        std::thread::sleep(SETTLED * 2);
        cache.remember(&path, Stamp::of(&path), "aa");
        cache.close().unwrap();
        let cache = Cache::open(&folder.path().join("cache"));
        assert_eq!(cache.identity(&path).as_deref(), Some("aa"));
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "2").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(date)
            .unwrap();
        std::thread::sleep(SETTLED * 2);
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
