//! Fingerprints of all rows of a dataset: in memory while they are few, on disk when they are many.
//!
//! A row takes 8 bytes. Nothing is compared while fingerprints are added; at the end they are
//! sorted, bucket by bucket, and equal ones are neighbours. So only one bucket need be in memory at
//! a time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use hashbrown::HashSet;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::scratch;
use crate::engine::count::duplicates::{Repeated, add_repeated};

/// Number of buckets: 64, one for each value of the top 6 bits. Equal fingerprints share a bucket.
// A billion rows make buckets of 125 MB.
const BUCKETS: usize = 64;

/// Bits of a fingerprint below those that choose its bucket.
const BUCKET_SHIFT: u32 = u64::BITS - BUCKETS.ilog2();

/// Fewest fingerprints that go to disk at a time: below 65,536 the pieces would be too small to be
/// worth a read each.
const LEAST_SPILLED: usize = 1 << 16;

/// A multiset of fingerprints that takes bounded memory.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    buckets: Vec<Vec<u64>>,
    /// Number of fingerprints in `buckets`.
    held: usize,
    /// Fingerprints in memory beyond which all of them go to disk.
    limit: usize,
    /// Folder of the temporary file.
    folder: PathBuf,
    spilled: Option<SpilledFingerprints>,
}

/// Fingerprints on disk, in a file that has no name.
#[derive(Debug)]
struct SpilledFingerprints {
    file: File,
    /// Length of the file in bytes.
    end: u64,
    /// Pieces of each bucket.
    pieces: Vec<Vec<BucketPiece>>,
}

/// Fingerprints of one bucket that went to disk together.
#[derive(Clone, Copy, Debug)]
struct BucketPiece {
    /// Offset in the file.
    start: u64,
    /// Number of fingerprints in the piece.
    count: usize,
    /// XXH3 of the bytes: of a fingerprint that came back as another, no law would tell.
    hash: u64,
}

impl Fingerprints {
    /// No fingerprints yet; beyond `limit_bytes` they go to a nameless file in `folder`.
    pub(crate) fn new(limit_bytes: u64, folder: &Path) -> Self {
        // A limit too large to be addressed is no limit.
        let limit = usize::try_from(limit_bytes / 8).unwrap_or(usize::MAX);
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            held: 0,
            limit: limit.max(LEAST_SPILLED),
            folder: folder.to_owned(),
            spilled: None,
        }
    }

    /// Adds the fingerprints of a unit.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn add(&mut self, fingerprints: &[u64]) -> io::Result<()> {
        for fingerprint in fingerprints {
            // By the top bits, so that fingerprints that differ in their low bits alone share a
            // bucket: `in_several` depends on it.
            self.buckets[(fingerprint >> BUCKET_SHIFT) as usize].push(*fingerprint);
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
            none => none.insert(SpilledFingerprints {
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
            // Memory for the pieces: 24 bytes for each bucket and spill, whatever the number of
            // rows.
            pieces.push(BucketPiece {
                start: spilled.end,
                count: bucket.len(),
                hash: xxh3_64(&bytes),
            });
            spilled.end += bytes.len() as u64;
            // Keeps its capacity: it fills up again until the next spill.
            bucket.clear();
        }
        self.held = 0;
        Ok(())
    }

    /// Fingerprints that occur more than once, each with the number of duplicates that makes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn copies(self) -> io::Result<Repeated> {
        let mut found = Repeated::new();
        self.each_bucket(|bucket| add_repeated(bucket, &mut found))?;
        Ok(found)
    }

    /// Values of the fingerprints without their low `bits`, where these take several values.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn in_several(self, bits: u32) -> io::Result<HashSet<u64>> {
        let mut found = HashSet::new();
        self.each_bucket(|bucket| {
            bucket.dedup();
            let several = bucket
                .chunk_by(|left, right| left >> bits == right >> bits)
                .filter(|same| same.len() > 1);
            found.extend(several.map(|same| same[0] >> bits));
        })?;
        Ok(found)
    }

    /// Hands over one bucket after another, each sorted.
    fn each_bucket(self, mut take: impl FnMut(&mut Vec<u64>)) -> io::Result<()> {
        let Self {
            buckets,
            mut spilled,
            ..
        } = self;
        let mut bytes = Vec::new();
        for (number, mut bucket) in buckets.into_iter().enumerate() {
            if let Some(SpilledFingerprints { file, pieces, .. }) = &mut spilled {
                for piece in &pieces[number] {
                    bytes.resize(piece.count * 8, 0);
                    file.seek(SeekFrom::Start(piece.start))?;
                    file.read_exact(&mut bytes)?;
                    scratch::ensure_same(&bytes, piece.hash)?;
                    let (read, rest) = bytes.as_chunks::<8>();
                    assert!(rest.is_empty(), "a fingerprint has 8 bytes");
                    bucket.extend(read.iter().map(|bytes| u64::from_le_bytes(*bytes)));
                }
            }
            // One bucket is in memory at a time, and is sorted on all cores.
            bucket.par_sort_unstable();
            take(&mut bucket);
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
