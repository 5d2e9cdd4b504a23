//! Usage and lines that are more than may be in memory: on disk, in parts of whole accounts.
//!
//! Every pass of the usage tie-out holds the customer and the subscription, and amounts are quantised
//! inside of one: so a part can be compared by itself. What is known across parts (texts, products,
//! months, which resources several parts name) is noted when they go to disk.

use std::hash::BuildHasher as _;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::fingerprints::Fingerprints;
use super::resources::SpilledResources;
use super::scratch::{self, Extent, Scratch};
use crate::engine::count::duplicates::{self, Duplicates, Repeated};
use crate::engine::count::partial::Partial;
use crate::engine::count::partial_bytes;
use crate::engine::failure::EngineError;
use crate::engine::fold::across_parts::AcrossParts;
use crate::engine::fold::vocabulary::Gathering;
use crate::engine::judge::control_totals::Tally;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::TUPLES;
use crate::model::dataset::Dataset;

/// Parts that accounts are dealt out to: the last byte of a resource's fingerprint names one.
const PARTS: u32 = 256;

/// A part of what was in memory at some time.
#[derive(Debug)]
struct Piece {
    dataset: Dataset,
    totals: Extent,
    candidates: Option<Extent>,
    copies: HashMap<[u32; TUPLES], Duplicates>,
}

/// Where usage and lines go that are more than may be in memory.
#[derive(Debug)]
pub(crate) struct Spill {
    scratch: Arc<Scratch>,
    hasher: DefaultHashBuilder,
    parts: Vec<Vec<Piece>>,
    overview: AcrossParts,
    resources: Fingerprints,
    /// Of usage and of lines.
    counted: [Tally; 2],
}

impl Spill {
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

    /// Takes usage and lines to disk. It is called with a lock held: nothing in it may wait for other
    /// threads.
    pub(crate) fn put(&mut self, usage: &Partial, lines: &Partial) -> io::Result<()> {
        self.overview.note(usage, lines);
        for (counted, partial) in self.counted.iter_mut().zip([usage, lines]) {
            counted.add(partial);
        }
        self.write(usage)?;
        self.write(lines)
    }

    /// Adds copies that were found in a second reading; their rows are counted already.
    pub(crate) fn put_duplicates(&mut self, partial: Partial) -> io::Result<()> {
        self.write(&partial.duplicates_alone())
    }

    fn write(&mut self, partial: &Partial) -> io::Result<()> {
        let [accounts, ..] = &partial.tuples;
        let part_of: Vec<u32> = (0..accounts.len())
            .map(|account| self.part_of_account(partial, account))
            .collect();
        let (mut bytes, mut named) = (Vec::new(), Vec::new());
        for (number, mut part) in partial.in_parts(&part_of) {
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
            named.clear();
            named.extend(
                part.resources()
                    .filter(|text| !text.is_empty())
                    .map(|text| self.resource(text) << 8 | u64::from(number)),
            );
            self.resources.add(&named)?;
            let piece = Piece {
                dataset: partial.dataset,
                totals,
                candidates,
                copies: HashMap::new(),
            };
            if let Some(pieces) = self.parts.get_mut(number as usize) {
                pieces.push(piece);
            }
        }
        Ok(())
    }

    fn part_of_account(&self, partial: &Partial, account: u32) -> u32 {
        let fields: Vec<&str> = partial.fields(0, account).collect();
        let [_, customer, _, subscription, ..] = fields.as_slice() else {
            return 0;
        };
        part_of(
            &self.hasher,
            &fold_as(Domain::Customer, customer),
            &fold_as(Domain::Subscription, subscription),
        )
    }

    /// 56 bits of the hash of a folded resource.
    fn resource(&self, text: &str) -> u64 {
        resource(&self.hasher, text)
    }

    /// Counts the candidates that are copies, as [`Partial::count_duplicates`] does.
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
            let Some(extent) = piece.candidates.take() else {
                continue;
            };
            let candidates =
                partial_bytes::read_candidates(&mut self.scratch.read(extent)?.as_slice())
                    .ok_or_else(scratch::other_bytes)?;
            duplicates::count_duplicates(&candidates, open, &mut piece.copies);
        }
        open.retain(|_, left| *left > 0);
        Ok(())
    }

    /// # Errors
    /// [`EngineError::SumOverflow`].
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let [usage, lines] = &self.counted;
        usage.check(Dataset::Usage)?;
        lines.check(Dataset::InvoiceLines)
    }

    /// Nothing comes any more; `loaded` bytes may be in memory at a time, as they are on disk.
    pub(crate) fn close(self, loaded: u64) -> io::Result<Spilled> {
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
            loaded,
            spellings: Vec::new(),
            counted,
        };
        let shared = resources.in_several(8)?;
        if !shared.is_empty() {
            spilled.spellings = spilled.best_spellings(&shared)?;
        }
        Ok(spilled)
    }
}

/// The part of an account, by its folded ids.
fn part_of(hasher: &DefaultHashBuilder, customer: &str, subscription: &str) -> u32 {
    u32::try_from(hasher.hash_one((customer, subscription)) % u64::from(PARTS)).unwrap_or(0)
}

fn resource(hasher: &DefaultHashBuilder, text: &str) -> u64 {
    hasher.hash_one(fold_as(Domain::Resource, text)) >> 8
}

/// All usage and lines of a run, on disk.
#[derive(Debug)]
pub struct Spilled {
    scratch: Arc<Scratch>,
    hasher: DefaultHashBuilder,
    parts: Vec<Vec<Piece>>,
    /// What must be known of all parts.
    pub(crate) overview: AcrossParts,
    /// Bytes that are loaded at a time.
    loaded: u64,
    /// Of resources that several parts name, how they are shown.
    pub(crate) spellings: Vec<String>,
    /// What was counted of usage and of lines.
    pub(crate) counted: [Tally; 2],
}

impl Spilled {
    fn best_spellings(&self, shared: &HashSet<u64>) -> io::Result<Vec<String>> {
        let mut gathering = Gathering::default();
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

    /// The folder that it is in.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.folder()
    }

    /// Where the rows of resources go that come of it.
    pub(crate) fn resources(&self) -> SpilledResources {
        SpilledResources::new(Arc::clone(&self.scratch))
    }

    /// Bytes of all parts.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.bytes_of(&(0..PARTS))
    }

    /// Bytes of some parts.
    pub(crate) fn bytes_of(&self, parts: &Range<u32>) -> u64 {
        self.pieces(parts)
            .map(|piece| piece.totals.bytes as u64)
            .sum()
    }

    fn pieces(&self, parts: &Range<u32>) -> impl Iterator<Item = &Piece> {
        self.parts
            .get(parts.start as usize..parts.end as usize)
            .unwrap_or_default()
            .iter()
            .flatten()
    }

    /// Parts that are loaded together: so many bytes of them as there is room for, or one part.
    pub(crate) fn batches(&self) -> Vec<Range<u32>> {
        let mut batches: Vec<Range<u32>> = Vec::new();
        let mut held = u64::MAX;
        for number in 0..PARTS {
            let more = self.bytes_of(&(number..number + 1));
            held = held.saturating_add(more);
            match batches.last_mut() {
                Some(batch) if held <= self.loaded => batch.end = number + 1,
                _ => {
                    batches.push(number..number + 1);
                    held = more;
                }
            }
        }
        batches
    }

    /// The part of an account, by its folded ids.
    pub(crate) fn part_of(&self, customer: &str, subscription: &str) -> u32 {
        part_of(&self.hasher, customer, subscription)
    }

    /// The usage and the lines of some parts.
    pub(crate) fn load(&self, parts: &Range<u32>) -> io::Result<(Partial, Partial)> {
        Ok((
            self.load_one(Dataset::Usage, parts)?,
            self.load_lines(parts)?,
        ))
    }

    /// The lines of some parts.
    pub(crate) fn load_lines(&self, parts: &Range<u32>) -> io::Result<Partial> {
        self.load_one(Dataset::InvoiceLines, parts)
    }

    fn load_one(&self, dataset: Dataset, parts: &Range<u32>) -> io::Result<Partial> {
        let mut whole = Partial::empty(dataset);
        for piece in self.pieces(parts).filter(|piece| piece.dataset == dataset) {
            let mut part = self.scratch.take(dataset, piece.totals)?;
            part.copies
                .extend(piece.copies.iter().map(|(key, copies)| (*key, *copies)));
            whole.merge(part);
        }
        Ok(whole)
    }
}
