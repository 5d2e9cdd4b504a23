//! A unit's rows to its partial totals.
//!
//! The key of a total is four small numbers: account, product, resource and state, each a tuple of
//! the numbers that its columns gave to their raw texts. Partials merge by addition, in any order. No
//! key is ever used to drop a row.

use super::key_layout::KeyLayout;
use super::total::{SUMS, Total};
use super::totals_by_key::TotalsByKey;
use crate::engine::failure::EngineError;
use crate::engine::rules::key_projections::FieldPlace;
use crate::engine::rules::keys::{Derived, TUPLES};
use std::sync::Arc;

use hashbrown::HashMap;

use super::duplicate_filter::DuplicateFilter;
use super::duplicates::{Candidate, Duplicates, Repeated, add_repeated, count_duplicates};
use super::interner::Tuples;
use super::key_column::KeyColumn;
use super::measures::Measures;
use crate::model::dataset::Dataset;
use crate::model::period::{self, Day, Period};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Row};

/// Sums of absolute values past this, 2 x 10^17 in whole units, are refused: no partner has them,
/// and below it every figure fits the 28 digits that are published.
pub const GROSS_LIMIT: i128 = i128::MAX / 8;

/// More rows of a unit that may be copies, and one in sixteen of the others, are not kept.
const CANDIDATE_LIMIT: usize = 50_000;

/// The partial totals of a unit, or of several.
#[derive(Debug)]
pub struct Partial {
    /// What was summed.
    pub dataset: Dataset,
    /// The columns of the tuples, one behind the other.
    pub columns: Vec<KeyColumn>,
    /// The tuples that keys are made of: numbers of texts of the columns.
    pub tuples: [Tuples; TUPLES],
    /// The totals.
    pub totals: TotalsByKey,
    /// Of the totals that hold copies of rows, how many and how much.
    pub copies: HashMap<[u32; TUPLES], Duplicates>,
    /// Rows that may be copies.
    pub candidates: Vec<Candidate>,
    /// Fingerprints of all rows, where copies are looked for.
    pub fingerprints: Vec<u64>,
    /// Rows and first sum by account tuple, counted apart from the totals: the control.
    pub control: Vec<(u64, i128)>,
    /// Rows by account tuple and month of use, counted from year 0.
    pub months: HashMap<(u32, i32), u64>,
    /// Numbers that held more decimals than are kept.
    pub rounded: u64,
    /// Sums of the absolute values. No sum of any rows is larger than these: while they keep to
    /// [`GROSS_LIMIT`], nothing behind this point can overflow.
    pub(crate) gross: [i128; SUMS],
    overflow: bool,
    last_day: LastDay,
    filter: Option<Arc<DuplicateFilter>>,
    pub(crate) layout: &'static KeyLayout,
    /// It was kept from another run: its numbers cannot be looked up by what they stand for.
    pub(crate) is_stored: bool,
    /// What the row at hand is made of.
    row: RowKey,
}

/// The key of a row while it is made.
#[derive(Debug, Default)]
struct RowKey {
    /// Numbers of its texts, column by column.
    texts: Vec<u32>,
    /// Columns that met their text for the first time.
    fresh: Vec<usize>,
    /// Its tuples; those of the last row until then.
    tuples: [u32; TUPLES],
}

/// The day of the last row, its month's number, and both as text.
#[derive(Debug, Default)]
struct LastDay {
    day: Option<Day>,
    month: i32,
    month_text: Vec<u8>,
    day_text: Vec<u8>,
}

impl LastDay {
    fn set(&mut self, day: Day) {
        if self.day != Some(day) {
            let month = period::month_number(day);
            let month_text = Period::of_month(month)
                .map(|month| month.to_string().into_bytes())
                .unwrap_or_default();
            let day_text = period::date_of(day)
                .map(|date| date.to_string().into_bytes())
                .unwrap_or_default();
            *self = Self {
                day: Some(day),
                month,
                month_text,
                day_text,
            };
        }
    }
}

impl Partial {
    /// No totals yet. Partials that are to know each other's rows share `filter`.
    #[must_use]
    pub fn new(dataset: Dataset, filter: Arc<DuplicateFilter>) -> Self {
        Self::with(dataset, KeyLayout::of(dataset), Some(filter))
    }

    /// No totals, for others to be merged into; copies are not looked for.
    #[must_use]
    pub fn empty(dataset: Dataset) -> Self {
        Self::with(dataset, KeyLayout::of(dataset), None)
    }

    /// No totals of usage day by day, for comparisons that look at days; copies are not looked for.
    #[must_use]
    pub fn daily(dataset: Dataset) -> Self {
        Self::with(dataset, KeyLayout::daily(), None)
    }

    /// No totals of a layout yet.
    #[must_use]
    pub fn with(
        dataset: Dataset,
        layout: &'static KeyLayout,
        filter: Option<Arc<DuplicateFilter>>,
    ) -> Self {
        Self {
            dataset,
            columns: (0..layout.width()).map(|_| KeyColumn::default()).collect(),
            tuples: [0, 1, 2, 3].map(|tuple| Tuples::new(layout.width_of(tuple))),
            totals: TotalsByKey::default(),
            copies: HashMap::new(),
            candidates: Vec::new(),
            fingerprints: Vec::new(),
            control: Vec::new(),
            months: HashMap::new(),
            rounded: 0,
            gross: [0; SUMS],
            overflow: false,
            last_day: LastDay::default(),
            filter,
            layout,
            is_stored: false,
            row: RowKey {
                texts: vec![0; layout.width()],
                ..RowKey::default()
            },
        }
    }

    /// No totals yet, of the same layout and knowing the same rows.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self::with(self.dataset, self.layout, self.filter.clone())
    }

    /// Adds one row.
    ///
    /// # Errors
    /// A [`Rejection`] where a cell cannot be used; the totals are then untouched.
    pub fn add(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let measures = (self.layout.measure)(row.cells)?;
        if let Some(day) = measures.day {
            self.last_day.set(day);
        }
        if let Err(rejection) = self.number_texts(row, &measures) {
            // They would be shown, and traced, as if they counted.
            for at in self.row.fresh.drain(..) {
                self.columns
                    .get_mut(at)
                    .into_iter()
                    .for_each(KeyColumn::forget_last);
            }
            return Err(rejection);
        }
        let (mut tuples, mut texts) = (self.tuples.iter_mut(), self.row.texts.as_slice());
        let key = self.row.tuples.map(|last| {
            let number = tuples
                .next()
                .map(|tuples| tuples.next_number(last, &mut texts));
            number.unwrap_or_default()
        });
        self.row.tuples = key;
        self.record(key, &measures);
        if let Some(filter) = &self.filter {
            let fingerprint = row.fingerprint();
            self.fingerprints.push(fingerprint);
            // A filter that is full tells nothing; copies are then looked for in a second reading.
            let has_room = filter.is_exact()
                || self.candidates.len() <= CANDIDATE_LIMIT + self.fingerprints.len() / 16;
            if has_room && filter.may_be_duplicate(fingerprint) {
                self.candidates
                    .push(Candidate::of(fingerprint, key, &measures));
            }
        }
        Ok(())
    }

    fn number_texts(&mut self, row: &Row<'_, '_>, measures: &Measures) -> Result<(), Rejection> {
        self.row.fresh.clear();
        let positions = self.layout.tuples.into_iter().flatten();
        let mut columns = (0..).zip(self.columns.iter_mut().zip(&mut self.row.texts));
        for (position, (at, (column, number))) in positions.zip(&mut columns) {
            let cell = row.cells.get(*position).unwrap_or(&Cell::Missing);
            let (id, is_fresh) = column.number_of(cell).map_err(|fault| {
                let name = self
                    .dataset
                    .columns()
                    .get(*position)
                    .map_or("", |column| column.name);
                Rejection::new(name, &cell.bytes(), fault.wanted().to_owned())
            })?;
            *number = id;
            if is_fresh {
                self.row.fresh.push(at);
            }
        }
        for (field, (_, (column, number))) in self.layout.derived.iter().zip(columns) {
            let text: &[u8] = match field {
                Derived::Month if measures.day.is_some() => &self.last_day.month_text,
                Derived::Day if measures.day.is_some() => &self.last_day.day_text,
                Derived::Free if measures.is_free() => b"free",
                Derived::Month | Derived::Day | Derived::Free => b"",
            };
            *number = column.number_of_text(text);
        }
        Ok(())
    }

    fn record(&mut self, key: [u32; TUPLES], measures: &Measures) {
        self.rounded += u64::from(measures.rounded);
        self.add_gross(&measures.sums.map(|sum| sum.saturating_abs()));
        let [account, ..] = key;
        let [_, amount, ..] = measures.sums;
        self.add_control(account, 1, amount);
        if measures.day.is_some() {
            *self
                .months
                .entry((account, self.last_day.month))
                .or_default() += 1;
        }
        let (first, last) = measures.day.map_or((Day::MAX, Day::MIN), |day| (day, day));
        let row = Total {
            rows: 1,
            sums: measures.sums,
            precision: measures.precision,
            first,
            last,
        };
        self.overflow |= !self.totals.add(key, &row);
    }

    fn add_control(&mut self, account: u32, rows: u64, amount: i128) {
        let slot = account as usize;
        if self.control.len() <= slot {
            self.control.resize(slot + 1, (0, 0));
        }
        if let Some(control) = self.control.get_mut(slot) {
            control.0 += rows;
            match control.1.checked_add(amount) {
                Some(more) => control.1 = more,
                None => self.overflow = true,
            }
        }
    }

    /// Brings the totals up to the rows that were added, after which they may be read. [`Partial::merge`]
    /// does it as well.
    pub fn flush(&mut self) {
        self.overflow |= !self.totals.flush();
    }

    /// Adds another partial of the same dataset and layout.
    pub fn merge(&mut self, mut other: Self) {
        other.flush();
        assert!(
            self.dataset == other.dataset && self.columns.len() == other.columns.len(),
            "partials of one layout merge"
        );
        assert!(
            !self.is_stored,
            "what was kept is merged into others, and nothing into it"
        );
        if self.is_empty() && !other.is_stored {
            let filter = self.filter.take();
            *self = Self { filter, ..other };
            return;
        }
        let renumbered = self.renumber(&other);
        let key_of = |key| key_in(&renumbered, key);
        for (account, (rows, amount)) in (0..).zip(other.control) {
            self.add_control(key_of([account; TUPLES])[0], rows, amount);
        }
        for ((account, month), rows) in other.months {
            *self
                .months
                .entry((key_of([account; TUPLES])[0], month))
                .or_default() += rows;
        }
        for (key, total) in other.totals.iter() {
            self.overflow |= !self.totals.add(key_of(*key), &total);
        }
        self.flush();
        for (key, copies) in other.copies {
            self.copies.entry(key_of(key)).or_default().add(&copies);
        }
        self.candidates
            .extend(other.candidates.into_iter().map(|row| Candidate {
                key: key_of(row.key),
                ..row
            }));
        self.fingerprints.extend(other.fingerprints);
        self.rounded += other.rounded;
        self.add_gross(&other.gross);
        self.overflow |= other.overflow;
    }

    /// Takes over another partial's texts and tuples; the numbers that its tuples have here.
    fn renumber(&mut self, other: &Self) -> Vec<Vec<u32>> {
        let texts: Vec<Vec<u32>> = self
            .columns
            .iter_mut()
            .zip(&other.columns)
            .map(|(mine, theirs)| mine.absorb(theirs))
            .collect();
        let mut start = 0;
        let mut renumbered = Vec::with_capacity(TUPLES);
        for (number, (mine, theirs)) in self.tuples.iter_mut().zip(&other.tuples).enumerate() {
            let end = start + self.layout.width_of(number);
            let columns = texts.get(start..end).unwrap_or_default();
            let texts = theirs.numbers().iter().zip(columns.iter().cycle());
            let tuples: Vec<u32> = texts
                .filter_map(|(text, ids)| ids.get(*text as usize))
                .copied()
                .collect();
            renumbered.push(mine.intern_all(&tuples, theirs.len()));
            start = end;
        }
        renumbered
    }

    /// Counts the candidates that are copies. `open` says of each fingerprint how many copies are still
    /// to be counted; those for which too few candidates are at hand are left in it.
    pub fn count_duplicates(&mut self, open: &mut Repeated) {
        count_duplicates(
            &std::mem::take(&mut self.candidates),
            open,
            &mut self.copies,
        );
        open.retain(|_, left| *left > 0);
    }

    /// Takes over the candidates of rows that were counted before, and nothing else.
    pub fn adopt_candidates(&mut self, other: Self) {
        let renumbered = self.renumber(&other);
        self.candidates
            .extend(other.candidates.into_iter().map(|row| Candidate {
                key: key_in(&renumbered, row.key),
                ..row
            }));
    }

    /// Counts the copies among its own rows, all of which came through one filter.
    pub fn count_own_duplicates(&mut self) {
        let mut open = Repeated::new();
        add_repeated(&mut std::mem::take(&mut self.fingerprints), &mut open);
        self.count_duplicates(&mut open);
    }

    fn add_gross(&mut self, more: &[i128; SUMS]) {
        for (gross, more) in self.gross.iter_mut().zip(more) {
            *gross = gross.saturating_add(*more);
            self.overflow |= *gross > GROSS_LIMIT;
        }
    }

    /// The texts of a tuple, in the order of its columns.
    pub fn fields(&self, tuple: usize, id: u32) -> impl Iterator<Item = &str> {
        let start = self.layout.start_of(tuple);
        let texts = self
            .tuples
            .get(tuple)
            .map_or(&[][..], |tuples| tuples.tuple(id));
        texts
            .iter()
            .zip(self.columns.get(start..).unwrap_or_default())
            .map(|(text, column)| column.text(*text))
    }

    /// The raw text at a place of a key.
    #[must_use]
    pub fn text_at(&self, key: &[u32; TUPLES], place: FieldPlace) -> &str {
        let text = self.tuples[place.tuple].tuple(key[place.tuple])[place.field];
        self.columns[self.layout.start_of(place.tuple) + place.field].text(text)
    }

    /// Bytes of memory in use, about.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let columns: usize = self
            .columns
            .iter()
            .map(|column| column.texts().footprint())
            .sum();
        let tuples: usize = self.tuples.iter().map(Tuples::footprint).sum();
        let rows = self.candidates.capacity() * size_of::<Candidate>()
            + self.fingerprints.capacity() * size_of::<u64>();
        columns + tuples + rows + self.totals.footprint()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.fingerprints.is_empty()
    }

    /// Forgets all but the texts, keys and copies: what was counted before need not be counted again.
    #[must_use]
    pub fn duplicates_alone(self) -> Self {
        let Self {
            dataset,
            layout,
            columns,
            tuples,
            copies,
            ..
        } = self;
        Self {
            columns,
            tuples,
            copies,
            ..Self::with(dataset, layout, None)
        }
    }

    /// Rows in the totals.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.totals.iter().map(|(_, total)| total.rows).sum()
    }

    /// Says whether every sum kept to its limit.
    ///
    /// # Errors
    /// [`EngineError::SumOverflow`].
    pub fn check(&self) -> Result<(), EngineError> {
        if self.overflow {
            Err(EngineError::SumOverflow {
                dataset: self.dataset,
            })
        } else {
            Ok(())
        }
    }
}

fn key_in(renumbered: &[Vec<u32>], key: [u32; TUPLES]) -> [u32; TUPLES] {
    let mut tuple = renumbered.iter();
    key.map(|id| {
        tuple
            .next()
            .and_then(|ids| ids.get(id as usize))
            .copied()
            .unwrap_or(u32::MAX)
    })
}
