//! Totals in parts, each of whole accounts, so that each can be kept, and compared, by itself.

use super::duplicates::Candidate;
use super::interner::{Texts, Tuples};
use super::key_column::KeyColumn;
use super::key_layout::TUPLES;
use super::partial::Partial;

/// Place of the resource in its tuple.
const RESOURCE: usize = 2;

impl Partial {
    /// The accounts of each part by themselves, in the order of parts; empty parts are left out. What
    /// comes out can be stored or merged, and nothing can be added to it. `part_of` says of each
    /// account which part it is in. What is counted beside the totals stays with the whole.
    pub fn in_parts<'p>(&'p self, part_of: &'p [u32]) -> impl Iterator<Item = (u32, Self)> + 'p {
        let part = |key: &[u32; TUPLES]| part_of.get(key[0] as usize).copied().unwrap_or(0);
        let parts = part_of.iter().max().map_or(0, |last| *last as usize + 1);
        let mut members: Vec<Members<'p>> = Vec::new();
        members.resize_with(parts, Members::default);
        for (at, key) in (0..).zip(self.totals.keys()) {
            members
                .get_mut(part(key) as usize)
                .into_iter()
                .for_each(|members| members.totals.push(at));
        }
        for key in self.copies.keys() {
            members
                .get_mut(part(key) as usize)
                .into_iter()
                .for_each(|members| members.copies.push(*key));
        }
        for candidate in &self.candidates {
            members
                .get_mut(part(&candidate.key) as usize)
                .into_iter()
                .for_each(|members| members.candidates.push(candidate));
        }
        let mut numbering = Numbering::of(self);
        (0..)
            .zip(members)
            .filter(|(_, members)| !members.is_empty())
            .map(move |(number, members)| {
                let part = numbering.part(&members);
                (number, part)
            })
    }

    /// The distinct resources, as they were written; none of lines.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let at = self.grain.width_of(0) + self.grain.width_of(1) + RESOURCE;
        let column = self
            .columns
            .get(at)
            .filter(|_| self.grain.width_of(2) > RESOURCE);
        column
            .into_iter()
            .flat_map(|column| (0..column.texts().len()).map(|text| column.text(text)))
    }
}

/// What of a whole is in a part.
#[derive(Debug, Default)]
struct Members<'p> {
    totals: Vec<u32>,
    copies: Vec<[u32; TUPLES]>,
    candidates: Vec<&'p Candidate>,
}

impl Members<'_> {
    const fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.copies.is_empty() && self.candidates.is_empty()
    }
}

/// Numbers that texts and tuples of a whole have in a part, so far.
struct Numbering<'p> {
    whole: &'p Partial,
    texts: Vec<Renumbered>,
    tuples: [Renumbered; TUPLES],
}

/// Numbers in the part by those in the whole, and the other way round.
#[derive(Debug, Default)]
struct Renumbered {
    new: Vec<u32>,
    old: Vec<u32>,
}

impl Renumbered {
    fn of(count: u32) -> Self {
        Self {
            new: vec![u32::MAX; count as usize],
            old: Vec::new(),
        }
    }

    /// The number in the part, and whether it is new.
    fn number(&mut self, old: u32) -> (u32, bool) {
        let next = u32::try_from(self.old.len()).unwrap_or(u32::MAX);
        match self.new.get_mut(old as usize) {
            Some(new) if *new == u32::MAX => {
                *new = next;
                self.old.push(old);
                (next, true)
            }
            Some(new) => (*new, false),
            None => (u32::MAX, false),
        }
    }

    /// Forgets the part; costs what it held.
    fn clear(&mut self) -> Vec<u32> {
        let old = std::mem::take(&mut self.old);
        for old in &old {
            self.new
                .get_mut(*old as usize)
                .into_iter()
                .for_each(|new| *new = u32::MAX);
        }
        old
    }
}

impl<'p> Numbering<'p> {
    fn of(whole: &'p Partial) -> Self {
        let texts = whole
            .columns
            .iter()
            .map(|column| Renumbered::of(column.texts().len()))
            .collect();
        Self {
            whole,
            texts,
            tuples: whole
                .tuples
                .each_ref()
                .map(|tuples| Renumbered::of(tuples.len())),
        }
    }

    fn key(&mut self, key: &[u32; TUPLES], numbers: &mut [Vec<u32>; TUPLES]) -> [u32; TUPLES] {
        let mut renumbered = [0; TUPLES];
        let mut start = 0;
        let tuples = self.whole.tuples.iter().zip(&mut self.tuples).zip(numbers);
        for ((slot, old), (number, ((tuples, known), numbers))) in
            renumbered.iter_mut().zip(key).zip(tuples.enumerate())
        {
            let end = start + self.whole.grain.width_of(number);
            let (new, is_new) = known.number(*old);
            if is_new {
                let texts = tuples
                    .tuple(*old)
                    .iter()
                    .zip(self.texts.get_mut(start..end).unwrap_or_default());
                numbers.extend(texts.map(|(text, known)| known.number(*text).0));
            }
            *slot = new;
            start = end;
        }
        renumbered
    }

    fn part(&mut self, members: &Members<'_>) -> Partial {
        let whole = self.whole;
        let mut part = Partial::with(whole.dataset, whole.grain, None);
        let mut numbers: [Vec<u32>; TUPLES] = Default::default();
        for at in &members.totals {
            if let Some((key, total)) = whole.totals.get(*at) {
                part.totals.push(self.key(key, &mut numbers), total);
            }
        }
        for key in &members.copies {
            let copies = whole.copies.get(key).copied().unwrap_or_default();
            part.copies.insert(self.key(key, &mut numbers), copies);
        }
        for row in &members.candidates {
            part.candidates.push(Candidate {
                key: self.key(&row.key, &mut numbers),
                ..**row
            });
        }
        for (number, (known, numbers)) in self.tuples.iter_mut().zip(numbers).enumerate() {
            let count = u32::try_from(known.clear().len()).unwrap_or(u32::MAX);
            let width = whole.grain.width_of(number);
            if let Some(slot) = part.tuples.get_mut(number) {
                *slot = Tuples::of(width, numbers, count);
            }
        }
        for ((slot, column), known) in part
            .columns
            .iter_mut()
            .zip(&whole.columns)
            .zip(&mut self.texts)
        {
            let (mut arena, mut ends) = (Vec::new(), Vec::new());
            for old in known.clear() {
                arena.extend_from_slice(column.texts().text(old));
                ends.push(arena.len());
            }
            *slot = KeyColumn::of(Texts::of(arena, ends));
        }
        part.is_stored = true;
        part
    }
}
