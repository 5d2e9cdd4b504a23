//! A unit's reading, kept for the next run under the hash of its bytes.

use serde::{Deserialize, Serialize};

use super::unit::{Counted, Counting, UnitReading};
use crate::decode::Decoded;
use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::model::reject::{RejectedRow, Rejection};
use crate::sources::cache::Cache;

/// What stands before the totals.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    rows: u64,
    format: String,
    warnings: Vec<String>,
    rejected: Vec<Rejected>,
    lost: Vec<(String, String)>,
    has_daily: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rejected {
    line: u64,
    column: String,
    found: String,
    wanted: String,
    in_words: bool,
    text: String,
}

/// Readings of other runs, and where those of this one go.
#[derive(Debug)]
pub(crate) struct Kept {
    cache: Cache,
    /// Hash of the program: another one may decode or count in another way.
    program: String,
}

impl Kept {
    pub(crate) fn new(cache: Cache) -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        let program = match cache.identity(&path) {
            Some(known) => known,
            None => {
                let stamp = crate::sources::cache::Stamp::of(&path);
                let found = crate::sources::files::identify(&path).ok()?.blake3;
                cache.remember(&path, stamp, &found);
                found
            }
        };
        Some(Self { cache, program })
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn into_cache(self) -> Cache {
        self.cache
    }

    /// Everything that the reading depends on.
    fn key(&self, dataset: Dataset, name: &str, blake3: &str, counting: &Counting) -> String {
        let by_day = counting.by_day;
        let text = format!(
            "{}\0{}\0{name}\0{blake3}\0{by_day}",
            self.program,
            dataset.name()
        );
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    /// The reading of a unit, if it was kept.
    pub(crate) fn load(
        &self,
        dataset: Dataset,
        name: &str,
        blake3: &str,
        counting: &Counting,
    ) -> Option<UnitReading> {
        let content = self
            .cache
            .load(&self.key(dataset, name, blake3, counting))?;
        let mut from = content.as_slice();
        let (length, rest) = from.split_first_chunk::<8>()?;
        let (head, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        from = rest;
        let head: Head = serde_json::from_slice(head).ok()?;
        let totals = counting.new_totals(dataset).read_from(&mut from)?;
        let daily = if head.has_daily {
            Some(Partial::daily(dataset).read_from(&mut from)?)
        } else {
            None
        };
        from.is_empty().then_some(())?;
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
            format: crate::decode::FORMATS
                .into_iter()
                .find(|format| *format == head.format)?,
            blake3: Some(blake3.to_owned()),
        };
        Some(UnitReading {
            decoded,
            counted: Counted::Totals(Box::new(totals)),
            daily,
            lost: head.lost,
            waiting: Vec::new(),
        })
    }

    /// Keeps a reading. What cannot be kept is read again next time.
    pub(crate) fn store(
        &self,
        dataset: Dataset,
        name: &str,
        blake3: &str,
        counting: &Counting,
        reading: &UnitReading,
    ) {
        let Counted::Totals(totals) = &reading.counted else {
            return;
        };
        let UnitReading {
            decoded,
            daily,
            lost,
            waiting,
            ..
        } = reading;
        // What was more than may be in memory would not be less when it is loaded.
        if totals.check().is_err() || !waiting.is_empty() {
            return;
        }
        let rejected = decoded.rejected.iter().map(|row| Rejected {
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
        };
        let Ok(head) = serde_json::to_vec(&head) else {
            return;
        };
        let mut content = (head.len() as u64).to_le_bytes().to_vec();
        content.extend_from_slice(&head);
        totals.write_to(&mut content);
        daily.iter().for_each(|daily| daily.write_to(&mut content));
        // A full disk is told where it matters: when the run is published.
        drop(
            self.cache
                .store(&self.key(dataset, name, blake3, counting), &content),
        );
    }
}
