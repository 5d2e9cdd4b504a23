//! Partial totals as bytes, and back: how totals are kept for the next run, and in the scratch file
//! of this one.
//!
//! The format has no version: the cache holds bytes under the hash of the program that wrote them
//! (`pipeline::intake::unit_cache`), and another program finds none. Numbers are little-endian,
//! counts stand before what they count. Bytes that cannot be read back are `None`, and the caller
//! reads the unit again or fails. Each `write` and its `read` must change together.

use super::duplicates::{Candidate, Duplicates};
use super::interner::{Texts, Tuples};
use super::key_column::KeyColumn;
use super::partial::Partial;
use super::total::{AccountControl, SUMS, Total};
use crate::engine::rules::keys::TUPLES;
use crate::model::period::Day;

impl Partial {
    /// Appends the bytes of the partial, whose totals must be flushed.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        for column in &self.columns {
            write_texts(column.texts(), out);
        }
        for tuples in &self.tuples {
            put_u32(out, tuples.len());
            for number in tuples.numbers() {
                put_u32(out, *number);
            }
        }
        self.write_totals(out);
        self.write_counts(out);
        put_count(out, self.copies.len());
        // In the order of the hash map, which differs from run to run: the bytes are read back by
        // key and never compared.
        for (key, copies) in &self.copies {
            put_key(out, key);
            put_u64(out, copies.rows);
            put_sums(out, &copies.sums);
            put_day(out, copies.first);
            put_day(out, copies.last);
        }
        write_candidates(&self.candidates, out);
        put_count(out, self.fingerprints.len());
        for fingerprint in &self.fingerprints {
            put_u64(out, *fingerprint);
        }
    }

    fn write_totals(&self, out: &mut Vec<u8>) {
        put_count(out, self.totals.len());
        for (key, total) in self.totals.iter() {
            put_key(out, key);
            put_u64(out, total.rows);
            put_sums(out, &total.sums);
            put_i128(out, total.precision);
            put_day(out, total.first);
            put_day(out, total.last);
        }
    }

    /// Counts beside the totals, but for the duplicates.
    fn write_counts(&self, out: &mut Vec<u8>) {
        put_count(out, self.control.len());
        for control in &self.control {
            put_u64(out, control.rows);
            put_i128(out, control.quantity);
            put_i128(out, control.amount);
        }
        put_count(out, self.months.len());
        // The order of a hash map does no harm: months are read back by key.
        for ((account, month), rows) in &self.months {
            put_u32(out, *account);
            put_day(out, *month);
            put_u64(out, *rows);
        }
        put_u64(out, self.rounded);
        put_sums(out, &self.gross);
    }

    /// Fills an empty partial of the same dataset and layout with what [`Partial::write_to`] wrote.
    /// The partial can then be merged into another one, and nothing can be added to it. `None`
    /// where the bytes do not hold such a partial.
    #[must_use]
    pub(crate) fn read_from(mut self, from: &mut &[u8]) -> Option<Self> {
        for column in &mut self.columns {
            *column = KeyColumn::of(read_texts(from)?);
        }
        for (number, tuples) in self.tuples.iter_mut().enumerate() {
            *tuples = read_tuples(self.layout.width_of(number), from)?;
        }
        self.read_totals(from)?;
        self.read_counts(from)?;
        for _ in 0..take_count(from)? {
            let key = take_key(from)?;
            let copies = Duplicates {
                rows: take_u64(from)?,
                sums: take_sums(from)?,
                first: take_day(from)?,
                last: take_day(from)?,
            };
            self.copies.insert(key, copies);
        }
        self.candidates = read_candidates(from)?;
        let count = take_count(from)?;
        // Checked, for damaged bytes may hold any count; `take` then finds that there are fewer.
        let (fingerprints, _) = take(from, count.checked_mul(8)?)?.as_chunks::<8>();
        self.fingerprints = fingerprints
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        // The tables by which texts, tuples and keys are found are not kept: to fill them again
        // would cost what the bytes save, and merging into another partial needs none of them.
        self.is_stored = true;
        Some(self)
    }

    fn read_totals(&mut self, from: &mut &[u8]) -> Option<()> {
        for _ in 0..take_count(from)? {
            let key = take_key(from)?;
            let total = Total {
                rows: take_u64(from)?,
                sums: take_sums(from)?,
                precision: take_i128(from)?,
                first: take_day(from)?,
                last: take_day(from)?,
            };
            self.totals.push(key, total);
        }
        Some(())
    }

    fn read_counts(&mut self, from: &mut &[u8]) -> Option<()> {
        for _ in 0..take_count(from)? {
            self.control.push(AccountControl {
                rows: take_u64(from)?,
                quantity: take_i128(from)?,
                amount: take_i128(from)?,
            });
        }
        for _ in 0..take_count(from)? {
            let account_and_month = (take_u32(from)?, take_day(from)?);
            self.months.insert(account_and_month, take_u64(from)?);
        }
        self.rounded = take_u64(from)?;
        self.gross = take_sums(from)?;
        Some(())
    }
}

/// Appends texts: all bytes at once, and the length of each text.
fn write_texts(texts: &Texts, out: &mut Vec<u8>) {
    let (arena, ends) = texts.parts();
    put_count(out, arena.len());
    out.extend_from_slice(arena);
    put_count(out, ends.len());
    let mut start = 0;
    // Lengths and not ends: four bytes each instead of eight.
    for end in ends {
        let length = u32::try_from(end - start).expect("a text is shorter than 4 GiB");
        put_u32(out, length);
        start = *end;
    }
}

/// Texts that [`write_texts`] wrote; `None` also where any of them is not UTF-8, as [`KeyColumn`]
/// relies on that.
fn read_texts(from: &mut &[u8]) -> Option<Texts> {
    let length = take_count(from)?;
    let arena = take(from, length)?.to_vec();
    let all = std::str::from_utf8(&arena).ok()?;
    let count = take_count(from)?;
    let mut end = 0_usize;
    let mut ends = Vec::new();
    for _ in 0..count {
        end = end
            .checked_add(take_u32(from)? as usize)
            .filter(|end| all.is_char_boundary(*end))?;
        ends.push(end);
    }
    Some(Texts::of(arena, ends))
}

fn read_tuples(width: usize, from: &mut &[u8]) -> Option<Tuples> {
    let count = take_u32(from)?;
    // Grows as numbers are found: room for a damaged count is not to be reserved at once.
    let numbers = (0..count as usize * width)
        .map(|_| take_u32(from))
        .collect::<Option<Vec<u32>>>()?;
    Some(Tuples::of(width, numbers, count))
}

/// Stands for a candidate without a day.
const NO_DAY: Day = Day::MIN;

/// Appends rows that may be duplicates.
pub(crate) fn write_candidates(candidates: &[Candidate], out: &mut Vec<u8>) {
    put_count(out, candidates.len());
    for row in candidates {
        put_u64(out, row.fingerprint);
        put_key(out, &row.key);
        put_sums(out, &row.sums);
        put_day(out, row.day.unwrap_or(NO_DAY));
    }
}

/// Candidates that [`write_candidates`] wrote; `None` where the bytes do not hold them.
#[must_use]
pub(crate) fn read_candidates(from: &mut &[u8]) -> Option<Vec<Candidate>> {
    let one = |from: &mut &[u8]| {
        let (fingerprint, key, sums) = (take_u64(from)?, take_key(from)?, take_sums(from)?);
        let day = Some(take_day(from)?).filter(|day| *day != NO_DAY);
        Some(Candidate {
            fingerprint,
            key,
            sums,
            day,
        })
    };
    (0..take_count(from)?).map(|_| one(from)).collect()
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_i128(out: &mut Vec<u8>, number: i128) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_day(out: &mut Vec<u8>, day: Day) {
    out.extend_from_slice(&day.to_le_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    put_u64(out, count as u64);
}

fn put_key(out: &mut Vec<u8>, key: &[u32; TUPLES]) {
    key.iter().for_each(|id| put_u32(out, *id));
}

fn put_sums(out: &mut Vec<u8>, sums: &[i128; SUMS]) {
    sums.iter().for_each(|sum| put_i128(out, *sum));
}

/// The next `count` bytes; `None` where there are fewer.
fn take<'b>(from: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(taken)
}

fn take_array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    take(from, N)?.try_into().ok()
}

fn take_u32(from: &mut &[u8]) -> Option<u32> {
    take_array(from).map(u32::from_le_bytes)
}

fn take_u64(from: &mut &[u8]) -> Option<u64> {
    take_array(from).map(u64::from_le_bytes)
}

fn take_i128(from: &mut &[u8]) -> Option<i128> {
    take_array(from).map(i128::from_le_bytes)
}

fn take_day(from: &mut &[u8]) -> Option<Day> {
    take_array(from).map(Day::from_le_bytes)
}

fn take_count(from: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_u64(from)?).ok()
}

fn take_key(from: &mut &[u8]) -> Option<[u32; TUPLES]> {
    let mut key = [0; TUPLES];
    for id in &mut key {
        *id = take_u32(from)?;
    }
    Some(key)
}

fn take_sums(from: &mut &[u8]) -> Option<[i128; SUMS]> {
    let mut sums = [0; SUMS];
    for sum in &mut sums {
        *sum = take_i128(from)?;
    }
    Some(sums)
}
