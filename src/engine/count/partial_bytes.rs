//! Partial totals as bytes, and back: how a unit's totals are kept for the next run. Numbers are
//! little-endian; what cannot be read back is no partial, and the unit is read again.

use super::duplicates::{Candidate, Copies};
use super::interner::{Texts, Tuples};
use super::key_column::KeyColumn;
use super::key_layout::TUPLES;
use super::partial::Partial;
use super::total::{SUMS, Total};
use crate::model::period::Day;

impl Partial {
    /// Appends the partial's bytes.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for column in &self.columns {
            let (arena, ends) = column.texts().parts();
            put_count(out, arena.len());
            out.extend_from_slice(arena);
            put_count(out, ends.len());
            let mut before = 0;
            for end in ends {
                put_u32(out, u32::try_from(end - before).unwrap_or(u32::MAX));
                before = *end;
            }
        }
        for tuples in &self.tuples {
            put_u32(out, tuples.len());
            tuples
                .numbers()
                .iter()
                .for_each(|number| put_u32(out, *number));
        }
        put_count(out, self.totals.len());
        for (key, total) in self.totals.iter() {
            key.iter().for_each(|id| put_u32(out, *id));
            put_u64(out, total.rows);
            total
                .sums
                .iter()
                .chain([&total.precision])
                .for_each(|sum| put_i128(out, *sum));
            put_day(out, total.first);
            put_day(out, total.last);
        }
        put_count(out, self.control.len());
        for (rows, amount) in &self.control {
            put_u64(out, *rows);
            put_i128(out, *amount);
        }
        put_count(out, self.months.len());
        for ((account, month), rows) in &self.months {
            put_u32(out, *account);
            put_day(out, *month);
            put_u64(out, *rows);
        }
        put_u64(out, self.rounded);
        self.gross.iter().for_each(|sum| put_i128(out, *sum));
        put_count(out, self.copies.len());
        for (key, copies) in &self.copies {
            key.iter().for_each(|id| put_u32(out, *id));
            put_u64(out, copies.rows);
            copies.sums.iter().for_each(|sum| put_i128(out, *sum));
            put_day(out, copies.first);
            put_day(out, copies.last);
        }
        write_candidates(&self.candidates, out);
        put_count(out, self.fingerprints.len());
        self.fingerprints
            .iter()
            .for_each(|fingerprint| put_u64(out, *fingerprint));
    }

    /// Fills an empty partial of the same dataset and grain with what [`Partial::write_to`] wrote. It
    /// can be merged into another one, and nothing can be added to it. `None` where the bytes are not
    /// those of such a partial.
    #[must_use]
    pub fn read_from(mut self, from: &mut &[u8]) -> Option<Self> {
        for column in &mut self.columns {
            let length = take_count(from)?;
            let arena = take(from, length)?.to_vec();
            std::str::from_utf8(&arena).ok()?;
            let count = take_count(from)?;
            let mut end = 0_usize;
            let mut ends = Vec::new();
            for _ in 0..count {
                end = end
                    .checked_add(take_u32(from)? as usize)
                    .filter(|end| *end <= arena.len())?;
                ends.push(end);
            }
            *column = KeyColumn::of(Texts::of(arena, ends));
        }
        for (number, tuples) in self.tuples.iter_mut().enumerate() {
            let (width, count) = (self.grain.width_of(number), take_u32(from)?);
            let numbers = (0..count as usize * width)
                .map(|_| take_u32(from))
                .collect::<Option<Vec<u32>>>()?;
            *tuples = Tuples::of(width, numbers, count);
        }
        for _ in 0..take_count(from)? {
            let key = take_key(from)?;
            let rows = take_u64(from)?;
            let sums = take_sums(from)?;
            let total = Total {
                rows,
                sums,
                precision: take_i128(from)?,
                first: take_day(from)?,
                last: take_day(from)?,
            };
            self.totals.push(key, total);
        }
        for _ in 0..take_count(from)? {
            self.control.push((take_u64(from)?, take_i128(from)?));
        }
        for _ in 0..take_count(from)? {
            let account = (take_u32(from)?, take_day(from)?);
            self.months.insert(account, take_u64(from)?);
        }
        self.rounded = take_u64(from)?;
        self.gross = take_sums(from)?;
        for _ in 0..take_count(from)? {
            let (key, rows, sums) = (take_key(from)?, take_u64(from)?, take_sums(from)?);
            self.copies.insert(
                key,
                Copies {
                    rows,
                    sums,
                    first: take_day(from)?,
                    last: take_day(from)?,
                },
            );
        }
        self.candidates = read_candidates(from)?;
        let count = take_count(from)?;
        let (fingerprints, _) = take(from, count.checked_mul(8)?)?.as_chunks::<8>();
        self.fingerprints = fingerprints
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        self.is_stored = true;
        Some(self)
    }
}

/// Appends candidates for copies.
pub fn write_candidates(candidates: &[Candidate], out: &mut Vec<u8>) {
    put_count(out, candidates.len());
    for row in candidates {
        put_u64(out, row.fingerprint);
        row.key.iter().for_each(|id| put_u32(out, *id));
        row.sums.iter().for_each(|sum| put_i128(out, *sum));
        put_day(out, row.day.unwrap_or(Day::MIN));
    }
}

/// What [`write_candidates`] wrote; `None` where the bytes are not that.
#[must_use]
pub fn read_candidates(from: &mut &[u8]) -> Option<Vec<Candidate>> {
    let one = |from: &mut &[u8]| {
        let (fingerprint, key, sums) = (take_u64(from)?, take_key(from)?, take_sums(from)?);
        let day = Some(take_day(from)?).filter(|day| *day != Day::MIN);
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
