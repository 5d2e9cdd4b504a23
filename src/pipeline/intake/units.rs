//! Inputs to partial totals: every unit identified, decoded and counted once, in parallel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::unit::{Counted, Counting, PlacedHeader, UnitReading, read_unit};
use super::unit_cache::Kept;
use crate::decode::Decoded;
use crate::engine::count::duplicate_filter::Seen;
use crate::engine::count::duplicates::Repeated;
use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::plan::survey;
use crate::pipeline::spill::budget::{self, Shares};
use crate::pipeline::spill::fingerprints::Fingerprints;
use crate::pipeline::spill::parts::Spill;
use crate::pipeline::spill::scratch::Scratch;
use crate::progress::watch::Watch;
use crate::sources::cache::{Cache, Stamp};
use crate::sources::failure::FetchError;
use crate::sources::files::{self, FileUnit};

pub use super::readings::Readings;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What it holds.
    pub dataset: Dataset,
    /// The file.
    pub unit: FileUnit,
    /// Version of the export it belongs to.
    pub etag: Option<String>,
}

/// A unit to be read.
#[derive(Clone, Debug)]
struct Wanted {
    dataset: Dataset,
    name: String,
    path: PathBuf,
    bytes: u64,
    /// Hash of its bytes, where it is known without reading them.
    blake3: Option<String>,
    /// It was landed under this hash.
    is_landed: bool,
    etag: Option<String>,
}

impl Wanted {
    fn landed(
        Arrival {
            dataset,
            unit,
            etag,
        }: Arrival,
    ) -> Self {
        let FileUnit {
            name,
            path,
            blake3,
            bytes,
        } = unit;
        Self {
            dataset,
            name,
            path,
            bytes,
            blake3: Some(blake3),
            is_landed: true,
            etag,
        }
    }
}

/// Reads every source of a plan; what is fetched, as it arrives. What `cache` holds of a unit that is
/// as it was need not be read.
///
/// # Errors
/// [`RunError`] for a file that cannot be used, or sums past 38 digits.
pub fn read(
    plan: &Plan,
    arriving: Receiver<Arrival>,
    cache: Option<Cache>,
    memory: Option<u64>,
    watch: &Watch,
) -> Result<Readings, RunError> {
    let kept = cache.and_then(Kept::new);
    let mut warnings = Vec::new();
    let units = without_copies(units_of(plan, kept.as_ref())?, &mut warnings);
    let shares = Shares::of(plan, memory, &mut warnings);
    let gathering = Gathering::new(plan, shares, warnings)?;
    let counting = counting(plan, &units, &shares, gathering.scratch.clone());
    watch.phase("read", units.iter().map(|unit| unit.bytes).sum());
    let gathering = Mutex::new(gathering);
    let first_fault: Mutex<Option<((Dataset, PathBuf), RunError)>> = Mutex::new(None);
    // Each unit's totals are merged, in any order, as soon as they are there: none are kept. Of
    // several files that cannot be used the first is told, whichever thread comes to it first.
    let take = |wanted: Wanted| {
        let place = (wanted.dataset, wanted.path.clone());
        if first_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|(first, _)| *first < place)
        {
            return;
        }
        let taken =
            reading_of(wanted, &counting, kept.as_ref(), watch).and_then(|(arrival, reading)| {
                watch.advanced(arrival.unit.bytes, reading.decoded.rows);
                gathering
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(arrival, reading)
            });
        if let Err(error) = taken {
            let mut faults = first_fault.lock().unwrap_or_else(PoisonError::into_inner);
            if faults.as_ref().is_none_or(|(first, _)| place < *first) {
                *faults = Some((place, error));
            }
        }
    };
    units.into_par_iter().for_each(take);
    arriving
        .into_iter()
        .par_bridge()
        .for_each(|arrival| take(Wanted::landed(arrival)));
    if let Some((_, error)) = first_fault
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        return Err(error);
    }
    let readings = gathering
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish(watch)?;
    // Without it the next run reads more, and finds the same.
    drop(kept.map(|kept| kept.into_cache().close()));
    Ok(readings)
}

/// A unit's reading: the one that was kept, or a new one, which is kept.
fn reading_of(
    wanted: Wanted,
    counting: &Counting,
    kept: Option<&Kept>,
    watch: &Watch,
) -> Result<(Arrival, UnitReading), RunError> {
    let Wanted {
        dataset,
        name,
        path,
        bytes,
        blake3,
        is_landed,
        etag,
    } = wanted;
    let arrival = |blake3: String| Arrival {
        dataset,
        unit: FileUnit {
            name: name.clone(),
            path: path.clone(),
            blake3,
            bytes,
        },
        etag,
    };
    if let (Some(blake3), Some(kept)) = (&blake3, kept)
        // A landed file is known by its journal; that it still is what was landed is another question.
        && (!is_landed || kept.cache().identity(&path).as_ref() == Some(blake3))
        && let Some(reading) = kept.load(dataset, &name, blake3, counting)
    {
        watch.counters.units_kept.fetch_add(1, Ordering::Relaxed);
        return Ok((arrival(blake3.clone()), reading));
    }
    let stamp = Stamp::of(&path);
    let read = read_unit(dataset, &name, &path, counting);
    // What was landed must still be what was landed, whatever it looks like now.
    let found = match &read {
        Ok(UnitReading {
            decoded: Decoded {
                blake3: Some(found),
                ..
            },
            ..
        }) => found.clone(),
        Ok(_) => files::identify(&path)?.blake3,
        Err(_) if is_landed => files::identify(&path)?.blake3,
        Err(_) => String::new(),
    };
    if is_landed && blake3.as_ref() != Some(&found) {
        return Err(FetchError::Damaged {
            path,
            found: "other bytes".to_owned(),
        }
        .into());
    }
    let reading = read?;
    if let Some(kept) = kept {
        kept.cache().remember(&path, stamp, &found);
        kept.store(dataset, &name, &found, counting, &reading);
    }
    Ok((arrival(found), reading))
}

/// The fewest bytes that a row was seen to take, plain and compressed: more rows are not expected.
const BYTES_PER_ROW: [u64; 2] = [400, 40];
/// Rows that are expected of what is not fetched yet.
const ROWS_TO_ARRIVE: u64 = 16_000_000;

fn counting(
    plan: &Plan,
    units: &[Wanted],
    shares: &Shares,
    scratch: Option<Arc<Scratch>>,
) -> Counting {
    let filter = |wanted: Dataset| {
        let [plain, packed] = BYTES_PER_ROW;
        let is_plain = |unit: &Wanted| {
            [".csv", ".json", ".jsonl"]
                .iter()
                .any(|end| unit.name.ends_with(end))
        };
        let rows_of = |unit: &Wanted| unit.bytes / if is_plain(unit) { plain } else { packed };
        let rows: u64 = units
            .iter()
            .filter(|unit| unit.dataset == wanted)
            .map(rows_of)
            .sum();
        let to_arrive = if plan.fetching.is_some() {
            ROWS_TO_ARRIVE
        } else {
            0
        };
        Arc::new(Seen::filter(to_arrive + rows, shares.filter))
    };
    let room = scratch.map(|scratch| (scratch, shares.unit));
    Counting {
        usage: filter(Dataset::Usage),
        lines: filter(Dataset::InvoiceLines),
        by_day: budget::looks_at_days(plan),
        room,
    }
}

/// What is gathered while units are read.
struct Gathering {
    readings: Readings,
    headers: Vec<(String, PlacedHeader)>,
    usage: Fingerprints,
    lines: Fingerprints,
    folder: PathBuf,
    /// Units in which a copy may have to be looked for again.
    counted: Vec<(Dataset, FileUnit)>,
    shares: Shares,
    /// Where that is which may not be in memory; none where everything may.
    scratch: Option<Arc<Scratch>>,
    spill: Option<Spill>,
}

impl Gathering {
    fn new(plan: &Plan, shares: Shares, warnings: Vec<String>) -> Result<Self, RunError> {
        let folder = plan.out.clone();
        let list = || Fingerprints::new(shares.fingerprints, &plan.out);
        let scratch = if shares.are_bound() {
            Some(Scratch::new(&folder).map_err(|source| RunError::no_room(&folder, source))?)
        } else {
            None
        };
        Ok(Self {
            readings: Readings::new(warnings),
            headers: Vec::new(),
            usage: list(),
            lines: list(),
            folder,
            counted: Vec::new(),
            shares,
            scratch: scratch.map(Arc::new),
            spill: None,
        })
    }

    fn take(&mut self, arrival: Arrival, mut reading: UnitReading) -> Result<(), RunError> {
        let mut waited = 0;
        for extent in std::mem::take(&mut reading.waiting) {
            let scratch = self
                .scratch
                .as_ref()
                .expect("totals wait in the scratch file alone");
            let mut partial = scratch
                .take(arrival.dataset, extent)
                .map_err(|source| scratch.failed(source))?;
            self.take_fingerprints(arrival.dataset, &mut partial)?;
            waited += self
                .readings
                .take_totals(arrival.dataset, &arrival.unit, partial);
            self.make_room()?;
        }
        if let Counted::Totals(partial) = &mut reading.counted {
            self.take_fingerprints(arrival.dataset, partial)?;
            self.counted.push((arrival.dataset, arrival.unit.clone()));
        }
        self.readings
            .take(arrival, reading, waited, &mut self.headers);
        self.make_room()
    }

    fn take_fingerprints(
        &mut self,
        dataset: Dataset,
        partial: &mut Partial,
    ) -> Result<(), RunError> {
        let list = match dataset {
            Dataset::Usage => &mut self.usage,
            _ => &mut self.lines,
        };
        list.add(&std::mem::take(&mut partial.fingerprints))
            .map_err(|source| RunError::no_room(&self.folder, source))
    }

    /// Takes usage and lines to disk where they are more than may be in memory.
    fn make_room(&mut self) -> Result<(), RunError> {
        let held = self.readings.usage.footprint() + self.readings.lines.footprint();
        if held > self.shares.totals {
            self.spill()
        } else {
            Ok(())
        }
    }

    fn spill(&mut self) -> Result<(), RunError> {
        let Some(scratch) = &self.scratch else {
            return Ok(());
        };
        let usage = std::mem::replace(&mut self.readings.usage, Partial::empty(Dataset::Usage));
        let lines = std::mem::replace(
            &mut self.readings.lines,
            Partial::empty(Dataset::InvoiceLines),
        );
        usage.check()?;
        lines.check()?;
        let spill = self.spill.get_or_insert_with(|| {
            Spill::new(Arc::clone(scratch), &self.folder, self.shares.fingerprints)
        });
        spill
            .put(&usage, &lines)
            .map_err(|source| RunError::no_room(&self.folder, source))
    }

    fn finish(mut self, watch: &Watch) -> Result<Readings, RunError> {
        if self.spill.is_some() {
            self.spill()?;
        }
        let Self {
            mut readings,
            mut headers,
            usage,
            lines,
            folder,
            mut counted,
            shares,
            scratch,
            mut spill,
        } = self;
        let no_room = |source| RunError::no_room(&folder, source);
        counted.sort();
        watch.phase("find copies", 0);
        let room = scratch.map(|scratch| (scratch, shares.unit));
        for (dataset, list) in [(Dataset::Usage, usage), (Dataset::InvoiceLines, lines)] {
            let open = list.copies().map_err(no_room)?;
            let units = counted
                .iter()
                .filter(|(of, _)| *of == dataset)
                .map(|(_, unit)| unit);
            let totals = match (dataset, &mut spill) {
                (_, Some(spill)) => Counts::OnDisk(spill, &folder),
                (Dataset::Usage, None) => Counts::Held(&mut readings.usage),
                (_, None) => Counts::Held(&mut readings.lines),
            };
            find_copies(dataset, totals, open, units, room.as_ref())?;
        }
        if let Some(spill) = spill {
            spill.check()?;
            readings.spilled = Some(spill.close(shares.loaded).map_err(no_room)?);
        }
        readings
            .inputs
            .sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
        headers.sort_by(|(left, first), (right, second)| {
            (left, first.line).cmp(&(right, second.line))
        });
        readings.keep_one_header_each(headers);
        readings.check()?;
        Ok(readings)
    }
}

/// Where the totals are whose copies are counted.
enum Counts<'c> {
    Held(&'c mut Partial),
    OnDisk(&'c mut Spill, &'c Path),
}

impl Counts<'_> {
    fn settle(&mut self, dataset: Dataset, open: &mut Repeated) -> Result<(), RunError> {
        match self {
            Self::Held(totals) => totals.settle_copies(open),
            Self::OnDisk(spill, folder) => spill
                .settle_copies(dataset, open)
                .map_err(|source| RunError::no_room(folder, source))?,
        }
        Ok(())
    }

    /// Settles with the candidates of rows that were counted before.
    fn settle_again(&mut self, mut again: Partial, open: &mut Repeated) -> Result<(), RunError> {
        match self {
            Self::Held(totals) => {
                totals.adopt_candidates(again);
                totals.settle_copies(open);
                Ok(())
            }
            Self::OnDisk(spill, folder) => {
                again.settle_copies(open);
                spill
                    .put_copies(again)
                    .map_err(|source| RunError::no_room(folder, source))
            }
        }
    }
}

/// Counts the copies. Where a unit's rows were not compared with those of the others, as of a unit
/// whose totals were kept from another run, or where they were too many, it is read again for them.
fn find_copies<'u>(
    dataset: Dataset,
    mut totals: Counts<'_>,
    mut open: Repeated,
    units: impl Iterator<Item = &'u FileUnit>,
    room: Option<&(Arc<Scratch>, usize)>,
) -> Result<(), RunError> {
    totals.settle(dataset, &mut open)?;
    for unit in units {
        if open.is_empty() {
            break;
        }
        let wanted = Arc::new(Seen::Repeated(open.clone()));
        let again = Counting {
            usage: Arc::clone(&wanted),
            lines: wanted,
            by_day: false,
            room: room.cloned(),
        };
        let reading = read_unit(dataset, &unit.name, &unit.path, &again)?;
        for extent in reading.waiting {
            let (scratch, _) = room.expect("totals wait in the scratch file alone");
            let waiting = scratch
                .take(dataset, extent)
                .map_err(|source| scratch.failed(source))?;
            totals.settle_again(waiting, &mut open)?;
        }
        if let Counted::Totals(partial) = reading.counted {
            totals.settle_again(*partial, &mut open)?;
        }
    }
    // A row that is there twice is found again, unless its file is not what it was.
    if !open.is_empty() {
        return Err(RunError::Changed {
            unit: dataset.name().to_owned(),
        });
    }
    Ok(())
}

/// The files of a plan, by dataset and path. Of those that may be the same the hash is known.
fn units_of(plan: &Plan, kept: Option<&Kept>) -> Result<Vec<Wanted>, RunError> {
    let mut paths: BTreeSet<(Dataset, PathBuf)> = BTreeSet::new();
    for source in &plan.sources {
        for glob in &source.paths {
            let found = survey::find_any(glob).map_err(|(found, hint)| RunError::NoInput {
                dataset: source.dataset.name(),
                found,
                hint,
            })?;
            paths.extend(found.into_iter().map(|path| (source.dataset, path)));
        }
    }
    let mut of_size: BTreeMap<(Dataset, u64), u32> = BTreeMap::new();
    let mut units = Vec::with_capacity(paths.len());
    for (dataset, path) in paths {
        let bytes = files::size(&path)?;
        *of_size.entry((dataset, bytes)).or_default() += 1;
        let name = files::name_of(&path);
        units.push(Wanted {
            dataset,
            name,
            path,
            bytes,
            blake3: None,
            is_landed: false,
            etag: None,
        });
    }
    let identified = units.into_par_iter().map(|unit| {
        let blake3 = match kept.and_then(|kept| kept.cache().identity(&unit.path)) {
            Some(known) => Some(known),
            // Files of different sizes are different files.
            None if of_size.get(&(unit.dataset, unit.bytes)) == Some(&1) => None,
            None => Some(files::identify(&unit.path)?.blake3),
        };
        Ok(Wanted { blake3, ..unit })
    });
    identified.collect()
}

/// Identity is the content: a file that is there under two names is read once.
fn without_copies(units: Vec<Wanted>, warnings: &mut Vec<String>) -> Vec<Wanted> {
    let mut first: BTreeMap<(Dataset, String), String> = BTreeMap::new();
    let mut left = Vec::with_capacity(units.len());
    for unit in units {
        if let Some(blake3) = &unit.blake3 {
            let same = (unit.dataset, blake3.clone());
            if let Some(name) = first.get(&same) {
                warnings.push(format!(
                    "`{}` has the same content as `{name}`: read once",
                    unit.name
                ));
                continue;
            }
            first.insert(same, unit.name.clone());
        }
        left.push(unit);
    }
    left
}
