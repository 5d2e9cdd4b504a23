//! Units from the lines of a journal. Only what is current is kept while lines are read: snapshots
//! of the last day, and the newest versions of everything else.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{CHECK_DIGITS, Entry, Line, Unit};
use super::journal_file::{JournalPiece, LinePlace};

/// States of units by their ids.
pub(super) type Units = BTreeMap<String, Unit>;

/// Complete versions of a unit that are current: the newest, and the one that it restated.
const VERSIONS: usize = 2;
/// Damaged pieces that are kept for [`Loader::doubtful`], with their first bytes; beyond them, a
/// damaged line may have been anybody's.
const DAMAGES: usize = 1_000;
const HEAD_BYTES: usize = 512;
/// Damaged places, and versions without their parts, that are told one by one.
const TOLD: usize = 5;
/// Bytes of a line before the id of its unit.
const BEFORE_ID: &[u8] = b"{\"unit\":\"";

/// Adds up the lines of a journal.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// Current units.
    pub(super) units: Units,
    /// Number of whole lines.
    pub(super) lines: u64,
    /// Day of the last snapshot or completion.
    pub(super) last_day: Option<String>,
    /// Number of damaged places, broken line breaks included.
    pub(super) damaged: u64,
    snapshot_day: Option<String>,
    damages: Vec<Damage>,
    told: Vec<LinePlace>,
    unproved: BTreeSet<String>,
}

/// A damaged piece of a journal.
#[derive(Debug)]
struct Damage {
    /// Its first bytes.
    head: Vec<u8>,
    /// Things behind the head that no line has: more than one, and it may have been several lines.
    defects: usize,
}

impl Loader {
    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: JournalPiece<'_>) {
        match piece {
            JournalPiece::Whole(line, _) => self.take_line(line),
            JournalPiece::Damaged(place, bytes) => {
                self.note_place(place);
                if self.damages.len() <= DAMAGES {
                    self.damages.push(Damage::of(bytes));
                }
            }
            JournalPiece::BrokenBreak(place) => self.note_place(place),
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

    /// The ids of the units of which a damaged line may have been. A line that can be nobody's may
    /// have been anybody's: then those are in doubt whose figures could be others for it, units that
    /// are no snapshots, and units that are not complete. Versions without a proof always are.
    pub(super) fn doubtful(&self) -> Vec<String> {
        if self.damages.is_empty() {
            return Vec::new();
        }
        let is_named = |damage: &Damage| self.units.keys().any(|id| damage.resembles(id));
        let is_anybody = self.damages.len() > DAMAGES || !self.damages.iter().all(is_named);
        let is_doubtful = |id: &str, unit: &Unit| {
            is_anybody && (snapshot_day(id).is_none() || unit.open.is_some())
                || unit.versions.iter().any(|version| !version.is_proved)
                || self.damages.iter().any(|damage| damage.resembles(id))
        };
        let doubtful = self.units.iter().filter(|(id, unit)| is_doubtful(id, unit));
        doubtful.map(|(id, _)| id.clone()).collect()
    }

    /// Number of lines that a compacted journal would have.
    pub(super) fn current_lines(&self) -> u64 {
        self.units.values().map(Unit::lines).sum()
    }

    /// Warnings of what was damaged or did not agree, in words; `journal` is its path in words.
    pub(super) fn warnings(&self, journal: &str) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .told
            .iter()
            .map(|place| {
                format!(
                    "{journal} line {}, byte {}: damaged, and set aside in `journal.damaged`; what \
                     may depend on it is fetched again",
                    place.line, place.byte
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

impl Damage {
    fn of(bytes: &[u8]) -> Self {
        let has_check = has_check(bytes);
        let end = bytes.len() - if has_check { CHECK_DIGITS + 1 } else { 0 };
        let inner = bytes[..end].iter().map(|byte| match byte {
            // The end of a line in the middle: the break behind it is damaged, too.
            b'\t' => 2,
            0..0x20 | 0x7f.. => 1,
            _ => 0,
        });
        Self {
            head: bytes[..bytes.len().min(HEAD_BYTES)].to_vec(),
            defects: inner.sum::<usize>() + usize::from(!has_check),
        }
    }

    /// True if it can have been one line of the unit, with one byte that is another.
    fn resembles(&self, id: &str) -> bool {
        let begin = [BEFORE_ID, id.as_bytes(), b"\""].concat();
        if self.defects > 1 || self.head.len() < begin.len() {
            return false;
        }
        let differing = self.head.iter().zip(&begin);
        let differing = differing
            .filter(|(left, right)| left != right)
            .take(2)
            .count();
        // A byte of the id may be counted twice, as one that differs and as one that no line has.
        differing <= 1 && (differing == 0 || self.defects == 0 || self.has_odd_head(begin.len()))
    }

    /// True if the one defect is within the first bytes.
    fn has_odd_head(&self, length: usize) -> bool {
        self.head[..length]
            .iter()
            .any(|byte| !matches!(byte, 0x20..0x7f))
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

/// True if bytes end as a line does: with a tab and the digits of a checksum.
fn has_check(bytes: &[u8]) -> bool {
    let at = bytes.len().checked_sub(CHECK_DIGITS + 1);
    at.is_some_and(|at| {
        let (tab, digits) = bytes[at..].split_at(1);
        tab == b"\t" && digits.iter().all(u8::is_ascii_hexdigit)
    })
}
