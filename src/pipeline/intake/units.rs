//! Reads all units of a run in parallel: those of the plan, then the fetched ones as they arrive.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::held_reading::{ExpectedContent, read_held};
use super::input_unit::{self, InputUnit};
use super::merger::Merger;
use super::page_lists::PageLists;
use super::readings::Readings;
use super::unit::{Counting, DiskRoom, UnitReading, read_unit};
use super::unit_cache::UnitCache;
use super::unit_list::{UnreadUnit, unit_list};
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::kept_rows::row_store::RowStore;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::spill::budget::{self, MemoryShares};
use crate::progress::reporting::Progress;
use crate::reports::kept_files::KeptFiles;
use crate::sources::cache::Cache;
use crate::sources::files::HeldFile;

/// Smallest size of a row that was seen in uncompressed files, in bytes. The estimate of rows must
/// not be too low: a filter that is too small takes too many rows for possible duplicates.
const PLAIN_BYTES_PER_ROW: u64 = 400;
/// Smallest size of a row in compressed files, in bytes.
const PACKED_BYTES_PER_ROW: u64 = 40;
/// Rows expected of files that are not fetched yet, whose sizes are unknown.
const ROWS_TO_ARRIVE: u64 = 16_000_000;

/// Reads every source of a plan: its files, then those that arrive, until the sender is gone. A
/// unit that has not changed since it was put in `cache` is not read again.
///
/// # Errors
/// [`RunError`] for a file that cannot be used, or sums beyond 38 digits.
pub fn read(
    plan: &Plan,
    arriving: Receiver<InputUnit>,
    cache: Option<Cache>,
    memory: Option<u64>,
    progress: &Progress,
) -> Result<Readings, RunError> {
    let cache = cache.and_then(UnitCache::new);
    let mut warnings = Vec::new();
    let units = unit_list(plan, cache.as_ref(), &mut warnings)?;
    let shares = MemoryShares::of(plan, memory, &mut warnings);
    let merger = Merger::new(plan, shares, warnings)?;
    let reader = Reader {
        counting: counting(plan, &units, &shares, merger.room())?,
        cache,
        merger: Mutex::new(merger),
        lists: Mutex::default(),
        first_fault: Mutex::new(None),
        progress,
    };
    progress.phase("read", units.iter().map(|unit| unit.bytes).sum());
    // The files of the plan first: fetched files wait in the channel, or on disk, until then.
    units.into_par_iter().for_each(|unit| reader.take(unit));
    arriving
        .into_iter()
        .par_bridge()
        .for_each(|input| reader.take(UnreadUnit::landed(input)));
    reader.finish()
}

/// Settings under which all units of a run are counted.
fn counting(
    plan: &Plan,
    units: &[UnreadUnit],
    shares: &MemoryShares,
    room: Option<DiskRoom>,
) -> Result<Counting, RunError> {
    let filter = |dataset: Dataset| {
        let is_plain = |unit: &UnreadUnit| {
            [".csv", ".json", ".jsonl"]
                .iter()
                .any(|end| unit.name.ends_with(end))
        };
        let rows_of = |unit: &UnreadUnit| {
            let bytes_per_row = if is_plain(unit) {
                PLAIN_BYTES_PER_ROW
            } else {
                PACKED_BYTES_PER_ROW
            };
            unit.bytes / bytes_per_row
        };
        let of_dataset = units.iter().filter(|unit| unit.dataset == dataset);
        let rows: u64 = of_dataset.map(rows_of).sum();
        let to_arrive = if plan.fetching.is_some() {
            ROWS_TO_ARRIVE
        } else {
            0
        };
        Arc::new(DuplicateFilter::for_rows(to_arrive + rows, shares.filter))
    };
    let rows = match plan.output.analyst {
        true => Some(RowStore::new(KeptFiles::open(&plan.out)?)),
        false => None,
    };
    Ok(Counting {
        usage: filter(Dataset::Usage),
        lines: filter(Dataset::InvoiceLines),
        by_day: budget::looks_at_days(plan),
        room,
        rows,
    })
}

/// Dataset and path of a unit, by which the first of several failures is chosen.
type UnitPlace = (Dataset, PathBuf);

/// State that the threads share while they read units.
struct Reader<'w> {
    counting: Counting,
    cache: Option<UnitCache>,
    merger: Mutex<Merger>,
    /// Pages that were saved as files, for which no journal speaks.
    lists: Mutex<PageLists>,
    first_fault: Mutex<Option<(UnitPlace, RunError)>>,
    progress: &'w Progress,
}

impl Reader<'_> {
    /// Reads a unit and merges its totals at once, so that no unit's totals are kept.
    ///
    /// Of several units that cannot be used, the first in order is reported, whichever thread comes
    /// to one first: so a unit behind a known failure need not be read.
    fn take(&self, unread: UnreadUnit) {
        let place = (unread.dataset, unread.path.clone());
        if locked(&self.first_fault)
            .as_ref()
            .is_some_and(|(first, _)| *first < place)
        {
            return;
        }
        let is_landed = unread.is_landed;
        let taken = self.reading_of(unread).and_then(|(input, mut reading)| {
            let page = reading.decoded.page.take().filter(|_| !is_landed);
            locked(&self.lists).note(input.dataset.name(), &input.unit.name, page);
            self.progress
                .advanced(input.unit.bytes, reading.decoded.rows);
            locked(&self.merger).take(input, reading)
        });
        if let Err(error) = taken {
            let mut first_fault = locked(&self.first_fault);
            if first_fault.as_ref().is_none_or(|(first, _)| place < *first) {
                *first_fault = Some((place, error));
            }
        }
    }

    /// Reading of a unit: that in the cache, or a new one, which goes to the cache.
    fn reading_of(&self, unread: UnreadUnit) -> Result<(InputUnit, UnitReading), RunError> {
        if let Some(reading) = self.kept(&unread) {
            self.progress
                .counters
                .units_kept
                .fetch_add(1, Ordering::Relaxed);
            let blake3 = unread.blake3.clone().expect("a reading is kept by hash");
            return Ok((unread.read(blake3), reading));
        }
        let held = HeldFile::open(&unread.path)?;
        // Files of other sizes were told apart without being hashed: the size has to be true.
        if !unread.is_landed && held.bytes() != unread.bytes {
            return Err(held.changed().into());
        }
        let otherwise = || {
            if unread.is_landed {
                input_unit::damaged(&unread.path)
            } else {
                held.changed().into()
            }
        };
        let expected = ExpectedContent {
            blake3: unread.blake3.as_deref(),
            otherwise: &otherwise,
        };
        let (reading, found) = read_held(&held, &expected, |file| {
            let reading = read_unit(unread.dataset, &unread.name, file, &self.counting)?;
            let hash = reading.decoded.blake3.clone();
            Ok((reading, hash))
        })?;
        if let Some(cache) = &self.cache {
            cache.disk().remember(&held, &found);
            cache.store(
                unread.dataset,
                &unread.name,
                &found,
                &self.counting,
                &reading,
            );
        }
        Ok((unread.read(found), reading))
    }

    /// Reading of a unit in the cache, for one whose content is known.
    fn kept(&self, unread: &UnreadUnit) -> Option<UnitReading> {
        let (blake3, cache) = (unread.blake3.as_ref()?, self.cache.as_ref()?);
        // The hash of a downloaded file comes from the journal; that the file still has it must be
        // known apart from that.
        if unread.is_landed {
            let (found, _) = cache.disk().identity(&unread.path)?;
            (found == *blake3).then_some(())?;
        }
        cache.load(unread.dataset, &unread.name, blake3, &self.counting)
    }

    /// Readings of all units, once none is to come.
    fn finish(self) -> Result<Readings, RunError> {
        if let Some((_, error)) = into_inner(self.first_fault) {
            return Err(error);
        }
        into_inner(self.lists).check()?;
        let readings = into_inner(self.merger).finish(self.progress)?;
        // A cache that cannot be closed well makes the next run read more, and find the same.
        drop(self.cache.map(|cache| cache.into_disk().close()));
        Ok(readings)
    }
}

/// Locks `mutex`. A poisoned lock is taken, too: the panic that poisoned it ends the run anyway.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
