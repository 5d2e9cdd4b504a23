//! Addition of partials: one takes over the texts, tuples and totals of another under numbers of
//! its own.
//!
//! The result does not depend on the order in which partials are added, but for the numbers, which
//! mean nothing outside of a partial. Fast, because each distinct text and tuple of the other is
//! looked up once, and totals are then renumbered by plain vectors.

use super::duplicates::Candidate;
use super::partial::Partial;
use crate::engine::rules::keys::{TUPLES, Tuple};

impl Partial {
    /// Adds the rows of another partial, which has the same dataset and layout.
    ///
    /// # Panics
    /// For a partial of another dataset or layout, or where this one was stored and loaded again.
    pub fn merge(&mut self, mut other: Self) {
        // Rows of the other may still wait in a batch.
        other.flush();
        assert!(
            self.dataset == other.dataset && self.columns.len() == other.columns.len(),
            "partials of one layout merge"
        );
        assert!(
            !self.is_stored,
            "a stored partial is merged into others, and nothing into it"
        );
        // Taken as it is: the first of many partials need not be numbered anew.
        if self.is_empty() && !other.is_stored {
            let filter = self.filter.take();
            *self = other;
            self.filter = filter;
            return;
        }
        let numbers = self.renumber(&other);
        let key_of = |key| renumbered(&numbers, key);
        let account_of = |account: u32| numbers[Tuple::Account as usize][account as usize];
        for (account, control) in (0..).zip(&other.control) {
            self.add_control(account_of(account), control);
        }
        for ((account, month), rows) in other.months {
            *self.months.entry((account_of(account), month)).or_default() += rows;
        }
        for (key, total) in other.totals.iter() {
            self.overflow |= !self.totals.add(key_of(*key), &total);
        }
        self.flush();
        for (key, copies) in other.copies {
            self.copies.entry(key_of(key)).or_default().add(&copies);
        }
        self.adopt_renumbered(other.candidates, &numbers);
        self.fingerprints.extend(other.fingerprints);
        self.rounded += other.rounded;
        self.add_gross(&other.gross);
        self.overflow |= other.overflow;
    }

    /// Takes over the candidates of another partial, whose rows were counted before, and nothing
    /// else.
    pub fn adopt_candidates(&mut self, other: Self) {
        let numbers = self.renumber(&other);
        self.adopt_renumbered(other.candidates, &numbers);
    }

    fn adopt_renumbered(&mut self, candidates: Vec<Candidate>, numbers: &Numbers) {
        self.candidates
            .extend(candidates.into_iter().map(|row| Candidate {
                key: renumbered(numbers, row.key),
                ..row
            }));
    }

    /// Takes over another partial's texts and tuples, and tells the numbers that they have here.
    fn renumber(&mut self, other: &Self) -> Numbers {
        let texts: Vec<Vec<u32>> = self
            .columns
            .iter_mut()
            .zip(&other.columns)
            .map(|(mine, theirs)| mine.absorb(theirs))
            .collect();
        let layout = self.layout;
        std::array::from_fn(|tuple| {
            let start = layout.start_of(tuple);
            let columns = &texts[start..start + layout.width_of(tuple)];
            let theirs = &other.tuples[tuple];
            let tuples: Vec<u32> = theirs
                .numbers()
                .iter()
                .zip(columns.iter().cycle())
                .map(|(text, numbers)| numbers[*text as usize])
                .collect();
            self.tuples[tuple].intern_all(&tuples, theirs.len())
        })
    }
}

/// Number here of each tuple of another partial, by its number there.
type Numbers = [Vec<u32>; TUPLES];

fn renumbered(numbers: &Numbers, key: [u32; TUPLES]) -> [u32; TUPLES] {
    std::array::from_fn(|tuple| numbers[tuple][key[tuple] as usize])
}
