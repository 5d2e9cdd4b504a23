//! Totals dealt out to parts of whole accounts, so that each part can be written, loaded and
//! compared by itself.
//!
//! A part holds just the texts and tuples that its own totals name, under numbers of its own. Fast,
//! because the numbers of the whole index plain vectors: making a part costs what the part holds,
//! whatever the whole holds, and nothing is hashed.

use super::duplicates::{Candidate, Duplicates};
use super::interner::{Texts, Tuples};
use super::key_column::KeyColumn;
use super::partial::Partial;
use crate::engine::rules::key_projections::{FieldPlace, raw_place};
use crate::engine::rules::keys::{Counted, Part, TUPLES};

/// Where a usage key names the resource.
const RESOURCE: FieldPlace = raw_place(Counted::Usage, Part::Resource);

impl Partial {
    /// The parts that have anything, each with its number, in the order of the numbers. `part_of`
    /// holds the part of each account, by the account's number. A part can be written or merged,
    /// and nothing can be added to it. Counts beside the totals stay with the whole.
    pub(crate) fn in_parts<'p>(
        &'p self,
        part_of: &[u32],
    ) -> impl Iterator<Item = (u32, Self)> + 'p {
        let mut parts: Vec<PartMembers<'p>> = Vec::new();
        if let Some(last) = part_of.iter().max() {
            parts.resize_with(*last as usize + 1, PartMembers::default);
        }
        let part = |[account, ..]: &[u32; TUPLES]| part_of[*account as usize] as usize;
        for (at, key) in (0..).zip(self.totals.keys()) {
            parts[part(key)].totals.push(at);
        }
        for (key, copies) in &self.copies {
            parts[part(key)].copies.push((key, copies));
        }
        for candidate in &self.candidates {
            parts[part(&candidate.key)].candidates.push(candidate);
        }
        // Made one at a time, when asked for: no more than one part is in memory beside the whole.
        let mut numbering = Numbering::of(self);
        (0..)
            .zip(parts)
            .filter(|(_, members)| !members.is_empty())
            .map(move |(number, members)| (number, numbering.part(&members)))
    }

    /// Distinct resources as they were written; none of invoice lines, which name no resource.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        let has_resource = self.layout.width_of(RESOURCE.tuple) > 0;
        let column = has_resource
            .then(|| &self.columns[self.layout.start_of(RESOURCE.tuple) + RESOURCE.field]);
        column
            .into_iter()
            .flat_map(|column| (0..column.texts().len()).map(|text| column.text(text)))
    }
}

/// Members of one part among what the whole holds.
#[derive(Debug, Default)]
struct PartMembers<'p> {
    /// Places of its totals.
    totals: Vec<u32>,
    /// Duplicates of its totals, by key.
    copies: Vec<(&'p [u32; TUPLES], &'p Duplicates)>,
    candidates: Vec<&'p Candidate>,
}

impl PartMembers<'_> {
    const fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.copies.is_empty() && self.candidates.is_empty()
    }
}

/// Numbers that the texts and tuples of a whole have in the part that is being made.
struct Numbering<'p> {
    whole: &'p Partial,
    /// Numbers of texts, parallel to the columns.
    texts: Vec<Renumbered>,
    tuples: [Renumbered; TUPLES],
}

impl<'p> Numbering<'p> {
    fn of(whole: &'p Partial) -> Self {
        let texts = whole
            .columns
            .iter()
            .map(|column| Renumbered::of(column.texts().len()))
            .collect();
        let tuples = whole.tuples.each_ref();
        Self {
            whole,
            texts,
            tuples: tuples.map(|tuples| Renumbered::of(tuples.len())),
        }
    }

    /// Makes a part, and is then ready for the next one.
    fn part(&mut self, members: &PartMembers<'_>) -> Partial {
        let whole = self.whole;
        let mut part = Partial::with(whole.dataset, whole.layout, None);
        let mut numbers: [Vec<u32>; TUPLES] = Default::default();
        // Totals first: duplicates and candidates are rows of them, so their tuples have numbers by
        // then, which do not depend on the order of the hash map.
        for at in &members.totals {
            let (key, total) = whole.totals.get(*at);
            part.totals.push(self.key(key, &mut numbers), total);
        }
        for (key, copies) in &members.copies {
            part.copies.insert(self.key(key, &mut numbers), **copies);
        }
        for row in &members.candidates {
            part.candidates.push(Candidate {
                key: self.key(&row.key, &mut numbers),
                ..**row
            });
        }
        // All texts and tuples are numbered by now: they are taken over in the order of the
        // numbers.
        for (tuple, (known, numbers)) in self.tuples.iter_mut().zip(numbers).enumerate() {
            let count =
                u32::try_from(known.clear().len()).expect("no more tuples than the whole has");
            part.tuples[tuple] = Tuples::of(whole.layout.width_of(tuple), numbers, count);
        }
        for (at, known) in self.texts.iter_mut().enumerate() {
            part.columns[at] = selected(&whole.columns[at], &known.clear());
        }
        part.is_stored = true;
        part
    }

    /// Key in the part. Tuples that are new there are appended to `numbers`, in the numbers of the
    /// part.
    fn key(&mut self, key: &[u32; TUPLES], numbers: &mut [Vec<u32>; TUPLES]) -> [u32; TUPLES] {
        let mut start = 0;
        std::array::from_fn(|tuple| {
            let old = key[tuple];
            let end = start + self.whole.layout.width_of(tuple);
            let (new, is_new) = self.tuples[tuple].number(old);
            // A tuple's texts are looked at once in a part, however many keys name the tuple.
            if is_new {
                let texts = self.whole.tuples[tuple].tuple(old);
                let columns = &mut self.texts[start..end];
                let renumbered = texts
                    .iter()
                    .zip(columns)
                    .map(|(text, known)| known.number(*text).0);
                numbers[tuple].extend(renumbered);
            }
            start = end;
            new
        })
    }
}

/// Column of some of a column's texts, in the order of `numbers`.
fn selected(column: &KeyColumn, numbers: &[u32]) -> KeyColumn {
    let (mut arena, mut ends) = (Vec::new(), Vec::new());
    for number in numbers {
        arena.extend_from_slice(column.texts().text(*number));
        ends.push(arena.len());
    }
    KeyColumn::of(Texts::of(arena, ends))
}

/// Numbers in the part by those in the whole, and the other way round.
#[derive(Debug)]
struct Renumbered {
    /// Number in the part of each number of the whole; [`NOT_IN_PART`] for none.
    new: Vec<u32>,
    /// Number in the whole of each number of the part.
    old: Vec<u32>,
}

/// Stands for what the part does not hold. Nothing has this number: fewer are numbered.
const NOT_IN_PART: u32 = u32::MAX;

impl Renumbered {
    fn of(count: u32) -> Self {
        Self {
            new: vec![NOT_IN_PART; count as usize],
            old: Vec::new(),
        }
    }

    /// Number in the part, and `true` if it is new there.
    fn number(&mut self, old: u32) -> (u32, bool) {
        let new = &mut self.new[old as usize];
        let is_new = *new == NOT_IN_PART;
        if is_new {
            *new = u32::try_from(self.old.len()).expect("no more numbers than the whole has");
            self.old.push(old);
        }
        (*new, is_new)
    }

    /// Forgets the part, which costs what the part held and not what the whole holds: its numbers
    /// in the whole, in the order of those in the part.
    fn clear(&mut self) -> Vec<u32> {
        let old = std::mem::take(&mut self.old);
        for number in &old {
            self.new[*number as usize] = NOT_IN_PART;
        }
        old
    }
}
