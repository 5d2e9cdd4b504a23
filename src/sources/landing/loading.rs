//! Units from the lines of a journal. Only what is current is kept while lines are read: snapshots
//! of the last day, and the newest versions of everything else.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{Entry, Line, Unit};
use super::journal_file::{JournalPiece, LinePlace};

/// States of units by their ids.
pub(super) type Units = BTreeMap<String, Unit>;

/// Complete versions of a unit that are current: the newest, and the one that it restated.
const VERSIONS: usize = 2;
/// Damaged places, and versions without their parts, that are told one by one.
const TOLD: usize = 5;
/// Adds up the lines of a journal.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// Units that are current.
    pub(super) units: Units,
    /// Number of whole lines.
    pub(super) lines: u64,
    /// Day of the last snapshot or completion.
    pub(super) last_day: Option<String>,
    /// Number of damaged places, broken line breaks included.
    pub(super) damaged: u64,
    snapshot_day: Option<String>,
    /// True if a line is lost, nobody knows whose.
    is_line_lost: bool,
    told: Vec<LinePlace>,
    unproved: BTreeSet<String>,
}

impl Loader {
    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: JournalPiece<'_>) {
        match piece {
            JournalPiece::Whole(line, _) => self.take_line(line),
            JournalPiece::Mended(place, line, _) => {
                self.note_place(place);
                self.take_line(line);
            }
            JournalPiece::BrokenBreak(place) => self.note_place(place),
            JournalPiece::Damaged(place, _) => {
                self.note_place(place);
                self.is_line_lost = true;
            }
        }
    }

    fn note_place(&mut self, place: LinePlace) {
        self.damaged += 1;
        if self.told.len() < TOLD {
            self.told.push(place);
        }
    }

    fn take_line(&mut self, line: Line) {
        self.lines += 1;
        if let Some(day) = snapshot_day(&line.unit)
            && self.snapshot_day.as_deref() != Some(day)
        {
            // The last day that was written, not the largest: a clock that was once ahead must not
            // make every later snapshot an old one.
            self.units.retain(|id, _| snapshot_day(id).is_none());
            self.snapshot_day = Some(day.to_owned());
        }
        if let Entry::Complete { day, .. } | Entry::Checked { day } = &line.entry
            && self.last_day.as_ref() != Some(day)
        {
            self.last_day = Some(day.clone());
        }
        let is_complete = matches!(line.entry, Entry::Complete { .. });
        let unit = match self.units.get_mut(&line.unit) {
            Some(unit) => unit,
            None => self.units.entry(line.unit.clone()).or_default(),
        };
        if !unit.apply(line.entry, line.proof.as_deref()) {
            self.unproved.insert(line.unit);
        } else if is_complete {
            self.unproved.remove(&line.unit);
            let older = unit.versions.len().saturating_sub(VERSIONS);
            unit.versions.drain(..older);
        }
    }

    /// Ids of the units that may be wrong because a line is lost: those that are no snapshots of a
    /// day, as a newer version of theirs may be lost; those that are not complete, as one of their
    /// parts may be; and those whose completion has no proof.
    pub(super) fn doubtful(&self) -> Vec<String> {
        let is_doubtful = |id: &str, unit: &Unit| {
            snapshot_day(id).is_none()
                || unit.open.is_some()
                || unit.versions.iter().any(|version| !version.is_proved)
        };
        let units = self.units.iter().filter(|_| self.is_line_lost);
        let doubtful = units.filter(|(id, unit)| is_doubtful(id, unit));
        doubtful.map(|(id, _)| id.clone()).collect()
    }

    /// Number of lines that a compacted journal would have.
    pub(super) fn current_lines(&self) -> u64 {
        self.units.values().map(Unit::lines).sum()
    }

    /// Warnings of what was damaged or did not agree, in words; `journal` is its path in words.
    pub(super) fn warnings(&self, journal: &str) -> Vec<String> {
        let consequence = if self.is_line_lost {
            "; what may depend on a lost line is asked for again"
        } else {
            "; nothing is lost: its checksum tells what it was"
        };
        let mut warnings: Vec<String> = self
            .told
            .iter()
            .map(|place| {
                format!(
                    "{journal} line {}, byte {}: damaged, and set aside in `journal.damaged`{}",
                    place.line, place.byte, consequence
                )
            })
            .collect();
        let more = self.damaged - self.told.len() as u64;
        if more > 0 {
            warnings.push(format!("{journal}: {more} more damaged places like these"));
        }
        let unproved = self.unproved.iter().take(TOLD).map(|id| {
            format!("{journal}: the parts of `{id}` are not those that were complete; it is fetched again")
        });
        warnings.extend(unproved);
        let more = self.unproved.len().saturating_sub(TOLD);
        if more > 0 {
            warnings.push(format!("{journal}: {more} more units like these"));
        }
        warnings
    }
}

/// The day of a snapshot, from the end of a unit's id.
pub(super) fn snapshot_day(id: &str) -> Option<&str> {
    let (_, day) = id.rsplit_once('@')?;
    let is_day = day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_day.then_some(day)
}
