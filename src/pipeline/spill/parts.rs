//! Totals of usage and lines that do not fit in memory: on disk, in 256 parts of whole
//! subscriptions.
//!
//! Where every pass of the usage tie-out keeps subscriptions apart, and amounts are allocated
//! within one, a part can be compared by itself. A customer has no say in it, as usage may lack its
//! customer while its lines name him
//! ([`budget`](super::budget) checks that). What a comparison must know of all parts (texts,
//! products, months, and which resources occur in several parts) is noted when totals go to disk.

use std::hash::BuildHasher as _;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::budget::MemoryShares;
use super::fingerprints::Fingerprints;
use super::resources::SpilledResources;
use super::scratch::{self, Extent, Scratch};
use crate::engine::count::duplicates::{self, Duplicates, Repeated};
use crate::engine::count::partial::Partial;
use crate::engine::count::partial_bytes;
use crate::engine::failure::EngineError;
use crate::engine::fold::across_parts::AcrossParts;
use crate::engine::fold::vocabulary::VocabularyBuilder;
use crate::engine::judge::control_totals::Tally;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::TUPLES;
use crate::model::dataset::Dataset;

/// Number of parts: 256, as the low byte of a resource's fingerprint names the part.
const PARTS: u32 = 256;

/// The share of one part in the totals of one spill.
#[derive(Debug)]
struct Piece {
    dataset: Dataset,
    totals: Extent,
    /// Rows that may be duplicates, until duplicates are counted; `None` for no rows.
    candidates: Option<Extent>,
    /// Duplicates by the key of their total, once they are counted.
    copies: HashMap<[u32; TUPLES], Duplicates>,
}

/// Totals on disk while units are still read.
#[derive(Debug)]
pub(crate) struct Spill {
    scratch: Arc<Scratch>,
    hasher: DefaultHashBuilder,
    parts: Vec<Vec<Piece>>,
    overview: AcrossParts,
    /// Fingerprint of each resource, 56 bits, above the 8 bits of the part that names it.
    resources: Fingerprints,
    /// Counts of usage and of lines.
    counted: [Tally; 2],
}

impl Spill {
    /// Nothing on disk yet. Fingerprints of resources beyond `fingerprint_bytes` go to `folder`.
    pub(crate) fn new(scratch: Arc<Scratch>, folder: &Path, fingerprint_bytes: u64) -> Self {
        let mut parts = Vec::new();
        parts.resize_with(PARTS as usize, Vec::new);
        let resources = Fingerprints::new(fingerprint_bytes, folder);
        Self {
            scratch,
            hasher: DefaultHashBuilder::default(),
            parts,
            overview: AcrossParts::default(),
            resources,
            counted: Default::default(),
        }
    }

    /// Moves totals of usage and of lines to disk.
    ///
    /// # Errors
    /// Those of the file system, as for all functions below.
    // Called with the lock on all readings held: waiting here for another thread, even rayon's,
    // could wait for ever.
    pub(crate) fn put(&mut self, usage: &Partial, lines: &Partial) -> io::Result<()> {
        // Before anything is written: the overview and the laws need the totals as a whole.
        self.overview.note(usage, lines);
        for (counted, partial) in self.counted.iter_mut().zip([usage, lines]) {
            counted.add(partial);
        }
        self.write(usage)?;
        self.write(lines)
    }

    /// Adds duplicates that were found in a second reading. Their rows are counted already.
    pub(crate) fn put_duplicates(&mut self, partial: Partial) -> io::Result<()> {
        self.write(&partial.duplicates_alone())
    }

    fn write(&mut self, partial: &Partial) -> io::Result<()> {
        let [accounts, ..] = &partial.tuples;
        // Once for each account: folding and hashing its ids for each total would be slow.
        let part_of: Vec<u32> = (0..accounts.len())
            .map(|account| self.part_of_account(partial, account))
            .collect();
        let (mut bytes, mut named) = (Vec::new(), Vec::new());
        for (number, mut part) in partial.in_parts(&part_of) {
            // Stored apart: candidates are read back once, before any totals are.
            let candidates = std::mem::take(&mut part.candidates);
            bytes.clear();
            part.write_to(&mut bytes);
            let totals = self.scratch.append(&bytes)?;
            bytes.clear();
            partial_bytes::write_candidates(&candidates, &mut bytes);
            let candidates = if candidates.is_empty() {
                None
            } else {
                Some(self.scratch.append(&bytes)?)
            };
            // The part is in the low byte, so that the parts of one resource are neighbours when
            // sorted.
            named.clear();
            named.extend(
                part.resources()
                    .filter(|text| !text.is_empty())
                    .map(|text| resource(&self.hasher, text) << 8 | u64::from(number)),
            );
            self.resources.add(&named)?;
            let piece = Piece {
                dataset: partial.dataset,
                totals,
                candidates,
                copies: HashMap::new(),
            };
            self.parts[number as usize].push(piece);
        }
        Ok(())
    }

    /// Part of an account, by its tuple in a partial.
    fn part_of_account(&self, partial: &Partial, account: u32) -> u32 {
        let fields: Vec<&str> = partial.fields(0, account).collect();
        let [_, _, _, subscription, ..] = fields.as_slice() else {
            unreachable!("an account has a subscription");
        };
        part_of(&self.hasher, &fold_as(Domain::Subscription, subscription))
    }

    /// Counts the candidates that are duplicates, as [`Partial::count_duplicates`] does in memory.
    pub(crate) fn count_duplicates(
        &mut self,
        dataset: Dataset,
        open: &mut Repeated,
    ) -> io::Result<()> {
        for piece in self
            .parts
            .iter_mut()
            .flatten()
            .filter(|piece| piece.dataset == dataset)
        {
            // Taken, so that candidates are counted once, however often duplicates are looked for.
            let Some(extent) = piece.candidates.take() else {
                continue;
            };
            let candidates =
                partial_bytes::read_candidates(&mut self.scratch.read(extent)?.as_slice())
                    .ok_or_else(scratch::other_bytes)?;
            duplicates::count_duplicates(&candidates, open, &mut piece.copies);
        }
        // Fingerprints that remain are of units to be read again: those from the cache, and those
        // whose candidates were cut off at their limit.
        open.retain(|_, left| *left > 0);
        Ok(())
    }

    /// Checks that every sum keeps to its limit.
    ///
    /// # Errors
    /// [`EngineError::SumOverflow`].
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let [usage, lines] = &self.counted;
        usage.check(Dataset::Usage)?;
        lines.check(Dataset::InvoiceLines)
    }

    /// Ends the reading: no totals follow. How much is loaded at a time, `shares` say.
    pub(crate) fn close(self, shares: &MemoryShares) -> io::Result<Spilled> {
        let Self {
            scratch,
            hasher,
            parts,
            overview,
            resources,
            counted,
        } = self;
        let mut spilled = Spilled {
            scratch,
            hasher,
            parts,
            overview,
            loaded: shares.loaded,
            bound: shares.bound,
            spellings: Vec::new(),
            counted,
        };
        // An id of Azure names its subscription, so few resources are in several parts. The others
        // are spelt within their part.
        let shared = resources.in_several(8)?;
        if !shared.is_empty() {
            spilled.spellings = spilled.best_spellings(&shared)?;
        }
        Ok(spilled)
    }
}

/// Part of an account, by its folded ids.
fn part_of(hasher: &DefaultHashBuilder, subscription: &str) -> u32 {
    // The hasher is seeded anew in each run: which part a subscription is in reaches no output.
    let part = hasher.hash_one(subscription) % u64::from(PARTS);
    u32::try_from(part).expect("there are 256 parts")
}

/// 56 bits of the hash of a folded resource.
fn resource(hasher: &DefaultHashBuilder, text: &str) -> u64 {
    // Resources that share a fingerprint by accident do no harm: each is spelt by itself.
    hasher.hash_one(fold_as(Domain::Resource, text)) >> 8
}

/// Totals of all usage and lines of a run, on disk.
#[derive(Debug)]
pub struct Spilled {
    scratch: Arc<Scratch>,
    hasher: DefaultHashBuilder,
    parts: Vec<Vec<Piece>>,
    /// Facts that must be known of all parts before one of them is compared.
    pub(crate) overview: AcrossParts,
    /// Bytes on disk of the parts that are loaded at a time.
    loaded: u64,
    /// Bound on the memory of the run, in bytes.
    pub(crate) bound: Option<u64>,
    /// Display texts of the resources that several parts name, so that all parts show them alike.
    pub(crate) spellings: Vec<String>,
    /// Counts of usage and of lines, for the laws.
    pub(crate) counted: [Tally; 2],
}

impl Spilled {
    /// Display texts of the resources with the given fingerprints, chosen from the spellings of all
    /// parts.
    fn best_spellings(&self, shared: &HashSet<u64>) -> io::Result<Vec<String>> {
        let mut gathering = VocabularyBuilder::default();
        for piece in self
            .parts
            .iter()
            .flatten()
            .filter(|piece| piece.dataset == Dataset::Usage)
        {
            let part = self.scratch.take(piece.dataset, piece.totals)?;
            for text in part
                .resources()
                .filter(|text| shared.contains(&resource(&self.hasher, text)))
            {
                gathering.add(Domain::Resource, text);
            }
        }
        Ok(gathering.end(Domain::Resource).0)
    }

    /// Folder of the scratch file.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.folder()
    }

    /// Empty store, in the same scratch file, for the rows of `resources` that a comparison makes.
    pub(crate) fn resources(&self) -> SpilledResources {
        SpilledResources::new(Arc::clone(&self.scratch))
    }

    /// Bytes of all parts on disk.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.bytes_of(&(0..PARTS))
    }

    /// Bytes of some parts on disk.
    pub(crate) fn bytes_of(&self, parts: &Range<u32>) -> u64 {
        self.pieces(parts)
            .map(|piece| piece.totals.bytes as u64)
            .sum()
    }

    fn pieces(&self, parts: &Range<u32>) -> impl Iterator<Item = &Piece> {
        self.parts[parts.start as usize..parts.end as usize]
            .iter()
            .flatten()
    }

    /// Consecutive parts that are loaded together: as many as fit, and at least one.
    pub(crate) fn batches(&self) -> Vec<Range<u32>> {
        let mut batches: Vec<Range<u32>> = Vec::new();
        // No batch is open yet: the first part does not fit into it.
        let mut held = u64::MAX;
        // Parts may come in any order, as variances and resources are sorted after the last one.
        for number in 0..PARTS {
            let more = self.bytes_of(&(number..number + 1));
            held = held.saturating_add(more);
            match batches.last_mut() {
                Some(batch) if held <= self.loaded => batch.end = number + 1,
                // A part that is larger than the limit is a batch by itself: it cannot be divided.
                _ => {
                    batches.push(number..number + 1);
                    held = more;
                }
            }
        }
        batches
    }

    /// Part of an account, by its folded ids.
    pub(crate) fn part_of(&self, subscription: &str) -> u32 {
        part_of(&self.hasher, subscription)
    }

    /// Loads usage and lines of some parts.
    pub(crate) fn load(&self, parts: &Range<u32>) -> io::Result<(Partial, Partial)> {
        Ok((
            self.load_one(Dataset::Usage, parts)?,
            self.load_lines(parts)?,
        ))
    }

    /// Loads the lines of some parts.
    pub(crate) fn load_lines(&self, parts: &Range<u32>) -> io::Result<Partial> {
        self.load_one(Dataset::InvoiceLines, parts)
    }

    fn load_one(&self, dataset: Dataset, parts: &Range<u32>) -> io::Result<Partial> {
        // One piece for each spill: they are merged as the totals of units are.
        let mut whole = Partial::empty(dataset);
        for piece in self.pieces(parts).filter(|piece| piece.dataset == dataset) {
            let mut part = self.scratch.take(dataset, piece.totals)?;
            // Before the merge, which renumbers the keys of totals and duplicates alike.
            part.copies
                .extend(piece.copies.iter().map(|(key, copies)| (*key, *copies)));
            whole.merge(part);
        }
        Ok(whole)
    }
}
