//! Partial totals: the rows of one unit, or of several, summed by the raw texts of their keys.
//!
//! The raw key of a total is four small numbers: account, product, resource and state, each of
//! which stands for a tuple of texts, and each text for a number that its column gave it. No key is
//! ever used to drop a row: duplicates are counted beside the totals that hold them, and left in.
//!
//! Fast, because a row that follows another mostly shares its texts and tuples, which are then
//! known by one comparison. Nothing is folded here, as spellings are few and rows are many.
//! Partials add up in `merging`, in any order.

use std::sync::Arc;

use hashbrown::HashMap;

use super::date_texts::DateTexts;
use super::duplicate_filter::{BATCH, DuplicateFilter};
use super::duplicates::{Candidate, Duplicates, Repeated, add_repeated, count_duplicates};
use super::interner::Tuples;
use super::key_column::KeyColumn;
use super::key_layout::KeyLayout;
use super::leaders::Leaders;
use super::measures::Measures;
use super::row_content::RowContent;
use super::total::{AccountControl, SUMS, Total};
use super::totals_by_key::TotalsByKey;
use crate::engine::failure::EngineError;
use crate::engine::rules::key_projections::FieldPlace;
use crate::engine::rules::keys::{Derived, TUPLES};
use crate::model::dataset::Dataset;
use crate::model::decimal::{AMOUNT_SCALE, plain};
use crate::model::period::Day;
use crate::model::reject::Rejection;
use crate::model::row::Row;

/// Limit of a sum of absolute values: 2 x 10^17 in whole units. Data beyond it are refused, as no
/// partner has them; below it every figure fits the 28 digits that are published.
pub const GROSS_LIMIT: i128 = i128::MAX / 8;

/// Number of candidates kept per unit, besides one for every 16 of its rows. Beyond that the unit
/// is read a second time.
const CANDIDATE_LIMIT: usize = 50_000;

/// The partial totals of a unit, or of several.
#[derive(Debug)]
pub struct Partial {
    /// Dataset whose rows were summed.
    pub dataset: Dataset,
    /// Columns of all tuples, those of one tuple behind those of the other.
    pub columns: Vec<KeyColumn>,
    /// Tuples that keys are made of, each of numbers of texts in its columns.
    pub tuples: [Tuples; TUPLES],
    /// Totals by raw key.
    pub totals: TotalsByKey,
    /// Number and sums of the duplicate rows that a total holds, by the total's key.
    pub copies: HashMap<[u32; TUPLES], Duplicates>,
    /// Rows that may be duplicates, as far as the filter can tell.
    pub candidates: Vec<Candidate>,
    /// Rows that the filter was not asked about yet, at most [`BATCH`].
    waiting: Vec<Candidate>,
    /// Fingerprints of all rows; empty where duplicates are not looked for.
    pub fingerprints: Vec<u64>,
    /// Rows, quantities and amounts by the number of the account: counted apart from the totals,
    /// which are held against these.
    pub control: Vec<AccountControl>,
    /// Number of rows by account and month of use, the month as
    /// [`month_number`](crate::model::period::month_number) counts it.
    pub months: HashMap<(u32, i32), u64>,
    /// Number of rows with a number that had more decimals than are kept.
    pub rounded: u64,
    /// Sums of the absolute values, in the order of [`Measures::sums`]. No sum of any rows is
    /// larger than these: while they keep to [`GROSS_LIMIT`], nothing behind this point can
    /// overflow.
    pub(crate) gross: [i128; SUMS],
    /// True if a sum passed its limit, after which no sum here may be used.
    pub(super) overflow: bool,
    dates: DateTexts,
    leaders: Leaders,
    pub(super) filter: Option<Arc<DuplicateFilter>>,
    /// Parts of texts and tuples in the contents of rows; `None` where duplicates are not looked
    /// for, and until the first row.
    content: Option<Box<RowContent>>,
    pub(crate) layout: &'static KeyLayout,
    /// True if the partial was stored and loaded again: numbers lead to texts and tuples, and texts
    /// and tuples to no number, so that nothing can be added.
    pub(crate) is_stored: bool,
    /// Key of the row that is being added, or of the last one.
    row: RowKey,
}

/// A row as it was counted.
#[derive(Clone, Copy, Debug)]
pub struct CountedRow {
    /// Numbers of its tuples: rows of one partial with the same number have the same texts in the
    /// columns of that tuple.
    pub key: [u32; TUPLES],
    /// Its numbers, as in [`Measures::sums`].
    pub sums: [i128; SUMS],
    /// Day of use, or first day of the charge; `None` where it has none.
    pub day: Option<Day>,
}

/// Key of a row while the row is added.
#[derive(Debug, Default)]
struct RowKey {
    /// Number of the row's text in each column.
    texts: Vec<u32>,
    /// Columns to which the row brought a new text.
    fresh: Vec<usize>,
    /// Numbers of the row's tuples; those of the row before until they are known.
    tuples: [u32; TUPLES],
}

impl Partial {
    /// Empty partial of a unit. Duplicates are found among all partials that share `filter`.
    #[must_use]
    pub fn new(dataset: Dataset, filter: Arc<DuplicateFilter>) -> Self {
        Self::with(dataset, KeyLayout::of(dataset), Some(filter))
    }

    /// Empty partial for others to be merged into; duplicates are not looked for.
    #[must_use]
    pub fn empty(dataset: Dataset) -> Self {
        Self::with(dataset, KeyLayout::of(dataset), None)
    }

    /// Empty partial of usage day by day, for tie-outs that compare days; duplicates are not looked
    /// for.
    #[must_use]
    pub fn daily(dataset: Dataset) -> Self {
        Self::with(dataset, KeyLayout::daily(), None)
    }

    /// Empty partial of a layout.
    #[must_use]
    pub fn with(
        dataset: Dataset,
        layout: &'static KeyLayout,
        filter: Option<Arc<DuplicateFilter>>,
    ) -> Self {
        Self {
            dataset,
            columns: (0..layout.width()).map(|_| KeyColumn::default()).collect(),
            tuples: std::array::from_fn(|tuple| Tuples::new(layout.width_of(tuple))),
            totals: TotalsByKey::default(),
            copies: HashMap::new(),
            candidates: Vec::new(),
            waiting: Vec::new(),
            fingerprints: Vec::new(),
            control: Vec::new(),
            months: HashMap::new(),
            rounded: 0,
            gross: [0; SUMS],
            overflow: false,
            dates: DateTexts::default(),
            leaders: Leaders::new(layout.width()),
            filter,
            content: None,
            layout,
            is_stored: false,
            row: RowKey {
                texts: vec![0; layout.width()],
                ..RowKey::default()
            },
        }
    }

    /// Empty partial of the same layout, which shares this one's filter.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self::with(self.dataset, self.layout, self.filter.clone())
    }

    /// Adds one row, and tells how it was counted.
    ///
    /// # Errors
    /// A [`Rejection`] that names the cell that cannot be used; the totals are then untouched.
    pub fn add(&mut self, row: &Row<'_, '_>) -> Result<CountedRow, Rejection> {
        let measures = (self.layout.measure)(row.cells)?;
        if let Err(rejection) = self.number_texts(row, &measures) {
            // The row's new texts would be shown, and traced, as if the row counted.
            for at in self.row.fresh.drain(..) {
                self.columns[at].forget_last();
            }
            return Err(rejection);
        }
        let mut texts = self.row.texts.as_slice();
        for (tuples, number) in self.tuples.iter_mut().zip(&mut self.row.tuples) {
            *number = tuples.next_number(*number, &mut texts);
        }
        let key = self.row.tuples;
        self.record(key, &measures);
        // Whole rows are compared, by a hash of their content: usage has no natural key
        // (model::domain::quirks, daily rated usage 5).
        if self.filter.is_some() {
            let (dataset, layout) = (self.dataset, self.layout);
            let content = self
                .content
                .get_or_insert_with(|| Box::new(RowContent::new(dataset, layout)));
            let known = (layout, self.columns.as_slice(), &self.tuples);
            let fingerprint = content.of(row, &measures, key, known);
            // Every row's, as the first of two equal rows is no candidate.
            self.fingerprints.push(fingerprint);
            self.waiting
                .push(Candidate::of(fingerprint, key, &measures));
            if self.waiting.len() == BATCH {
                self.filter_waiting();
            }
        }
        Ok(CountedRow {
            key,
            sums: measures.sums,
            day: measures.day,
        })
    }

    /// Keeps those of the waiting rows that may be duplicates.
    fn filter_waiting(&mut self) {
        // A filter that is too full takes most rows for duplicates; then duplicates are looked for
        // in a second reading of the unit.
        if let Some(filter) = &self.filter
            && (filter.is_exact()
                || self.candidates.len() <= CANDIDATE_LIMIT + self.fingerprints.len() / 16)
        {
            let mut told = filter.possible_duplicates(&self.waiting);
            while told != 0 {
                let row = self.waiting[told.trailing_zeros() as usize];
                self.candidates.push(row);
                told &= told - 1;
            }
        }
        self.waiting.clear();
    }

    /// Numbers the row's texts. An error leaves the texts of the columns before it behind, listed
    /// in `fresh`.
    fn number_texts(&mut self, row: &Row<'_, '_>, measures: &Measures) -> Result<(), Rejection> {
        self.row.fresh.clear();
        let leaders = self.leaders.for_next_row(self.layout, &self.columns);
        let positions = self.layout.tuples.into_iter().flatten();
        for (at, (position, leader)) in positions.zip(leaders).enumerate() {
            let cell = &row.cells[*position];
            let led_by = leader.map(|leader| self.row.texts[leader]);
            let (id, is_fresh) = self.columns[at].number_of(cell, led_by).map_err(|fault| {
                let name = self.dataset.columns()[*position].name;
                Rejection::new(name, &cell.bytes(), fault.wanted().to_owned())
            })?;
            self.row.texts[at] = id;
            if is_fresh {
                self.row.fresh.push(at);
            }
        }
        // The columns that are left are those of the derived fields, which end the last tuple.
        let first = self.layout.width() - self.layout.derived.len();
        let columns = self.columns[first..]
            .iter_mut()
            .zip(&mut self.row.texts[first..]);
        for (field, (column, number)) in self.layout.derived.iter().zip(columns) {
            let apart;
            let text: &[u8] = match (field, measures.day) {
                (Derived::Month, Some(day)) => self.dates.month_of(day).1,
                (Derived::Day, Some(day)) => self.dates.text_of(day),
                (Derived::Free, _) if measures.is_free() => b"free",
                (Derived::TotalApart, _) if measures.total_apart != 0 => {
                    apart = plain(measures.total_apart, AMOUNT_SCALE);
                    apart.as_bytes()
                }
                (Derived::Month | Derived::Day | Derived::Free | Derived::TotalApart, _) => b"",
            };
            *number = column.number_of_text(text);
        }
        Ok(())
    }

    /// Counts the row in the totals and in the figures beside them.
    fn record(&mut self, key: [u32; TUPLES], measures: &Measures) {
        self.rounded += u64::from(measures.rounded);
        // Saturating, as the least number has no absolute value; it is past the limit anyway.
        self.add_gross(&measures.sums.map(|sum| sum.saturating_abs()));
        let [account, ..] = key;
        let [quantity, amount, ..] = measures.sums;
        let control = AccountControl {
            rows: 1,
            quantity,
            amount,
        };
        self.add_control(account, &control);
        if let Some(day) = measures.day {
            let (month, _) = self.dates.month_of(day);
            *self.months.entry((account, month)).or_default() += 1;
        }
        // The limits of `Day` stand for no day, as any day is before the one and after the other.
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

    pub(super) fn add_control(&mut self, account: u32, more: &AccountControl) {
        let slot = account as usize;
        if self.control.len() <= slot {
            self.control.resize(slot + 1, AccountControl::default());
        }
        self.overflow |= !self.control[slot].add(more);
    }

    /// Brings the totals and the candidates up to the rows that were added, after which they may be
    /// read.
    pub fn flush(&mut self) {
        self.overflow |= !self.totals.flush();
        self.filter_waiting();
    }

    /// Counts the candidates that are duplicates. `open` holds how many rows of each fingerprint
    /// are still to be counted; fingerprints with too few candidates here are left in it.
    pub fn count_duplicates(&mut self, open: &mut Repeated) {
        self.filter_waiting();
        count_duplicates(
            &std::mem::take(&mut self.candidates),
            open,
            &mut self.copies,
        );
        // What remains has too few candidates here: the caller reads their units again.
        open.retain(|_, left| *left > 0);
    }

    /// Counts the duplicates among the partial's own rows, all of which came through one filter.
    pub fn count_own_duplicates(&mut self) {
        let mut open = Repeated::new();
        add_repeated(&mut std::mem::take(&mut self.fingerprints), &mut open);
        self.count_duplicates(&mut open);
    }

    pub(super) fn add_gross(&mut self, more: &[i128; SUMS]) {
        for (gross, more) in self.gross.iter_mut().zip(more) {
            *gross = gross.saturating_add(*more);
            self.overflow |= *gross > GROSS_LIMIT;
        }
    }

    /// Raw texts of a tuple's fields, by the tuple's number.
    pub fn fields(&self, tuple: usize, number: u32) -> impl Iterator<Item = &str> {
        let columns = &self.columns[self.layout.start_of(tuple)..];
        let texts = self.tuples[tuple].tuple(number).iter();
        texts.zip(columns).map(|(text, column)| column.text(*text))
    }

    /// Raw text of a part of a key.
    #[must_use]
    pub fn text_at(&self, key: &[u32; TUPLES], place: FieldPlace) -> &str {
        let text = self.tuples[place.tuple].tuple(key[place.tuple])[place.field];
        self.columns[self.layout.start_of(place.tuple) + place.field].text(text)
    }

    /// Bytes of memory in use, approximately.
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
        // Counts by account and month are left out: they are few beside the totals.
        let content = self.content.as_ref().map_or(0, |parts| parts.footprint());
        columns + tuples + rows + content + self.totals.footprint()
    }

    /// Number of distinct keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.totals.len()
    }

    /// True if no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.fingerprints.is_empty()
    }

    /// Partial of the duplicates and their keys alone, for rows that were counted before.
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

    /// Number of rows in the totals.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.totals.iter().map(|(_, total)| total.rows).sum()
    }

    /// Checks that every sum kept to its limit.
    ///
    /// # Errors
    /// [`EngineError::SumOverflow`] if one did not.
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
