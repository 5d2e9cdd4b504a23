//! The fingerprints of all rows of a dataset: in memory while they are few, on disk when they are
//! many. They take 8 bytes a row, and are looked at once, at the end.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use hashbrown::HashSet;
use rayon::prelude::*;

use crate::engine::count::duplicates::{Repeated, add_repeated};

/// Equal fingerprints share a bucket.
const BUCKETS: usize = 64;

/// Lists of fingerprints.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    buckets: Vec<Vec<u64>>,
    held: usize,
    limit: usize,
    folder: PathBuf,
    spilled: Option<Spilled>,
}

#[derive(Debug)]
struct Spilled {
    file: File,
    end: u64,
    /// Of each bucket, where its pieces begin and how many fingerprints they hold.
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Fingerprints {
    /// None yet; past `limit_bytes` they go to a nameless file in `folder`.
    pub(crate) fn new(limit_bytes: u64, folder: &Path) -> Self {
        let limit = usize::try_from(limit_bytes / 8)
            .unwrap_or(usize::MAX)
            .max(1 << 16);
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            held: 0,
            limit,
            folder: folder.to_owned(),
            spilled: None,
        }
    }

    /// Adds those of a unit.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn add(&mut self, fingerprints: &[u64]) -> io::Result<()> {
        for fingerprint in fingerprints {
            // The filter takes its bits from the low end.
            if let Some(bucket) = self.buckets.get_mut((fingerprint >> 58) as usize) {
                bucket.push(*fingerprint);
            }
        }
        self.held += fingerprints.len();
        if self.held > self.limit {
            self.spill()
        } else {
            Ok(())
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled {
                file: tempfile::tempfile_in(&self.folder)?,
                end: 0,
                pieces: vec![Vec::new(); BUCKETS],
            }),
        };
        let mut bytes = Vec::new();
        for (bucket, pieces) in self.buckets.iter_mut().zip(&mut spilled.pieces) {
            bytes.clear();
            bytes.extend(
                bucket
                    .iter()
                    .flat_map(|fingerprint| fingerprint.to_le_bytes()),
            );
            spilled.file.write_all(&bytes)?;
            pieces.push((spilled.end, bucket.len()));
            spilled.end += bytes.len() as u64;
            bucket.clear();
        }
        self.held = 0;
        Ok(())
    }

    /// The copies among them.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn copies(self) -> io::Result<Repeated> {
        let mut found = Repeated::new();
        self.each_bucket(|bucket| add_repeated(bucket, &mut found))?;
        Ok(found)
    }

    /// Those that are the same but for their last `bits`, where these differ; without them.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn in_several(self, bits: u32) -> io::Result<HashSet<u64>> {
        let mut found = HashSet::new();
        self.each_bucket(|bucket| {
            bucket.dedup();
            let several = bucket
                .chunk_by(|left, right| left >> bits == right >> bits)
                .filter(|same| same.len() > 1);
            found.extend(
                several
                    .filter_map(|same| same.first())
                    .map(|first| first >> bits),
            );
        })?;
        Ok(found)
    }

    /// Hands over one bucket after the other, sorted.
    fn each_bucket(self, mut take: impl FnMut(&mut Vec<u64>)) -> io::Result<()> {
        let Self {
            mut buckets,
            mut spilled,
            ..
        } = self;
        let mut bytes = Vec::new();
        for (number, bucket) in buckets.iter_mut().enumerate() {
            if let Some(Spilled { file, pieces, .. }) = &mut spilled {
                for (start, count) in pieces.get(number).into_iter().flatten() {
                    bytes.resize(count * 8, 0);
                    file.seek(SeekFrom::Start(*start))?;
                    file.read_exact(&mut bytes)?;
                    bucket.extend(
                        bytes
                            .as_chunks::<8>()
                            .0
                            .iter()
                            .map(|bytes| u64::from_le_bytes(*bytes)),
                    );
                }
            }
            // One bucket is in memory at a time, and sorted on all cores.
            bucket.par_sort_unstable();
            take(bucket);
            *bucket = Vec::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_on_disk_are_found_like_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let numbers: Vec<u64> = (1..300_000_u64)
            .map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let find = |limit| {
            let mut all = Fingerprints::new(limit, folder.path());
            for part in numbers.chunks(50_000) {
                all.add(part).unwrap();
            }
            all.add(&numbers[7..9]).unwrap();
            all.add(&numbers[8..9]).unwrap();
            let mut found: Vec<(u64, u64)> = all.copies().unwrap().into_iter().collect();
            found.sort_unstable();
            found
        };
        let in_memory = find(u64::MAX);
        assert_eq!(in_memory.iter().map(|(_, count)| *count).max(), Some(2));
        assert_eq!(in_memory.len(), 2);
        assert_eq!(find(0), in_memory);
    }
}
