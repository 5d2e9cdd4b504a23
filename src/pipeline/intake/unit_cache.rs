//! The cache of readings: totals of a unit, kept for later runs under the hash of its content.
//!
//! The key covers all that a reading depends on: the program itself, the dataset, the name, the
//! content, and whether usage is counted by day. [`UnitCache::store`] and [`UnitCache::load`] must
//! change together; entries of an older program are never found, as its hash is part of the key.

use serde::{Deserialize, Serialize};

use super::unit::{Counted, Counting, UnitReading};
use crate::decode::{Decoded, FORMATS};
use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::model::page::PageFacts;
use crate::model::reject::{RejectedRow, Rejection};
use crate::pipeline::kept_rows::row_sums::UnitFile;
use crate::sources::cache::Cache;
use crate::sources::files::HeldFile;

/// Facts of a reading, as JSON before its totals.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    rows: u64,
    format: String,
    warnings: Vec<String>,
    rejected: Vec<CachedRejection>,
    lost: Vec<(String, String)>,
    has_daily: bool,
    page: Option<PageFacts>,
    /// File of the rows; of a unit that was read without keeping them none.
    rows_kept: Option<UnitFile>,
}

/// A rejected row of the unit.
#[derive(Debug, Serialize, Deserialize)]
struct CachedRejection {
    line: u64,
    column: String,
    found: String,
    wanted: String,
    in_words: bool,
    text: String,
}

/// Readings of earlier runs, to which those of this run are added.
#[derive(Debug)]
pub(crate) struct UnitCache {
    /// Store of the entries, and of the hashes of files that have not changed.
    disk: Cache,
    /// Hash of the executable, as another version may decode or count in another way.
    program: String,
}

impl UnitCache {
    /// The cache on `disk`; `None` if the executable cannot be read, as nothing could be keyed
    /// then.
    pub(crate) fn new(disk: Cache) -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        // The executable is large: its hash is remembered like that of a data file.
        let program = match disk.identity(&path) {
            Some((known, _)) => known,
            None => {
                let held = HeldFile::open(&path).ok()?;
                let found = held.hash().ok()?;
                held.check().ok()?;
                disk.remember(&held, &found);
                found
            }
        };
        Some(Self { disk, program })
    }

    /// Store below, which also knows the hashes of files that have not changed.
    pub(crate) fn disk(&self) -> &Cache {
        &self.disk
    }

    /// Store below, to be closed.
    pub(crate) fn into_disk(self) -> Cache {
        self.disk
    }

    /// Key of a reading: a hash of everything that it depends on.
    fn key(&self, dataset: Dataset, name: &str, blake3: &str, counting: &Counting) -> String {
        let by_day = counting.by_day;
        let text = format!(
            "{}\0{}\0{name}\0{blake3}\0{by_day}",
            self.program,
            dataset.name()
        );
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    /// Reading of a unit, if the cache has it whole. Damaged entries count as missing.
    pub(crate) fn load(
        &self,
        dataset: Dataset,
        name: &str,
        blake3: &str,
        counting: &Counting,
    ) -> Option<UnitReading> {
        let content = self.disk.load(&self.key(dataset, name, blake3, counting))?;
        let mut from = content.as_slice();
        let (length, rest) = from.split_first_chunk::<8>()?;
        let (head, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        from = rest;
        // JSON for the few facts, bytes for the totals, which are most of the entry.
        let head: Head = serde_json::from_slice(head).ok()?;
        // A unit whose rows are wanted and not there is read again.
        if let Some(store) = &counting.rows
            && !store.is_complete(dataset, head.rows_kept.as_ref())
        {
            return None;
        }
        // The layout of totals comes from the program, not from the entry: its hash is in the key.
        let totals = counting.new_totals(dataset).read_from(&mut from)?;
        let daily = if head.has_daily {
            Some(Partial::daily(dataset).read_from(&mut from)?)
        } else {
            None
        };
        // Bytes left over: the entry is damaged, however well it began.
        from.is_empty().then_some(())?;
        // Rejected rows are part of the reading: a run from the cache publishes them as well.
        let rejected = head.rejected.into_iter().map(|row| RejectedRow {
            dataset,
            unit: name.to_owned(),
            line: row.line,
            rejection: Rejection {
                column: row.column,
                found: row.found,
                wanted: row.wanted,
                in_words: row.in_words,
            },
            text: row.text,
        });
        let decoded = Decoded {
            rows: head.rows,
            rejected: rejected.collect(),
            warnings: head.warnings,
            page: head.page,
            format: FORMATS.into_iter().find(|format| *format == head.format)?,
            blake3: Some(blake3.to_owned()),
        };
        Some(UnitReading {
            decoded,
            counted: Counted::Totals(Box::new(totals)),
            daily,
            lost: head.lost,
            waiting: Vec::new(),
            rows: head.rows_kept.filter(|_| counting.rows.is_some()),
        })
    }

    /// Adds a reading. A unit whose reading cannot be stored is read again next time.
    pub(crate) fn store(
        &self,
        dataset: Dataset,
        name: &str,
        blake3: &str,
        counting: &Counting,
        reading: &UnitReading,
    ) {
        // Invoice headers are few, and are read each time.
        let Counted::Totals(totals) = &reading.counted else {
            return;
        };
        let UnitReading {
            decoded,
            daily,
            lost,
            waiting,
            rows,
            ..
        } = reading;
        // Totals that waited on disk would not fit in memory when they are loaded, either.
        if totals.check().is_err() || !waiting.is_empty() {
            return;
        }
        let rejected = decoded.rejected.iter().map(|row| CachedRejection {
            line: row.line,
            column: row.rejection.column.clone(),
            found: row.rejection.found.clone(),
            wanted: row.rejection.wanted.clone(),
            in_words: row.rejection.in_words,
            text: row.text.clone(),
        });
        let head = Head {
            rows: decoded.rows,
            format: decoded.format.to_owned(),
            warnings: decoded.warnings.clone(),
            rejected: rejected.collect(),
            lost: lost.clone(),
            has_daily: daily.is_some(),
            page: decoded.page.clone(),
            rows_kept: rows.clone(),
        };
        let Ok(head) = serde_json::to_vec(&head) else {
            return;
        };
        let mut content = (head.len() as u64).to_le_bytes().to_vec();
        content.extend_from_slice(&head);
        totals.write_to(&mut content);
        if let Some(daily) = daily {
            daily.write_to(&mut content);
        }
        // A full disk is reported where it matters: when the run is published.
        drop(
            self.disk
                .store(&self.key(dataset, name, blake3, counting), &content),
        );
    }
}
