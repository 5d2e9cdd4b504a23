//! Second reading of the units of an account: once for its totals, once for the source lines of the
//! groups that are explained.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::account_filter::AccountFilter;
use super::published::Published;
use super::source_rows::{ShownUnit, SourceRows, arithmetic, decode_all, decode_unit, source_line};
use crate::decode::Sink;
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::duplicates::{Repeated, add_repeated};
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::partial::Partial;
use crate::engine::fold::row_key::{self, FineKey};
use crate::engine::matching::descriptions::DescriptionColumns;
use crate::engine::rules::domain::fold_as;
use crate::engine::rules::keys::{Counted, Origin, Part};
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::scope::Scope;
use crate::model::dataset::Dataset;
use crate::model::reject::{RejectedRow, Rejection};
use crate::model::row::{Cell, Row};
use crate::pipeline::failure::RunError;
use crate::sources::files::FileUnit;

fn is_of(account: &AccountFilter, dataset: Dataset, cells: &[Cell<'_>]) -> bool {
    let (customer, subscription) = row_key::account_of(dataset, cells);
    account.lets_through(&customer, &subscription)
}

/// Memory of the filter for duplicates, 256 MiB: enough for 128 million rows. With more of them
/// the units are read a second time.
const FILTER_BYTES: u64 = 1 << 28;

/// Rows of an account, counted as the run counted them.
pub(super) struct AccountRows {
    pub(super) partial: Partial,
    /// Rejected rows that are of the account, or may be.
    pub(super) rejected: Vec<RejectedRow>,
}

struct CountSink<'a> {
    account: &'a AccountFilter,
    partial: Partial,
    /// Lines of the account's rows that were rejected.
    lost: Vec<u64>,
}

impl<'a> CountSink<'a> {
    fn new(account: &'a AccountFilter, dataset: Dataset, filter: &Arc<DuplicateFilter>) -> Self {
        Self {
            account,
            partial: Partial::new(dataset, Arc::clone(filter)),
            lost: Vec::new(),
        }
    }
}

impl Sink for CountSink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        if !is_of(self.account, self.partial.dataset, row.cells) {
            return Ok(());
        }
        // A row that the run rejected is rejected again, and counts on neither side.
        let added = self.partial.add(row).map(drop);
        if added.is_err() {
            self.lost.push(row.place.line());
        }
        added
    }
}

/// Totals of an account in usage or lines.
///
/// # Errors
/// [`RunError::Changed`], [`RunError::Decode`] and [`RunError::Overflow`].
pub(super) fn count(
    published: &Published,
    dataset: Dataset,
    account: &AccountFilter,
) -> Result<AccountRows, RunError> {
    let units = published.units(dataset, account)?;
    let rows = published.rows_in(dataset, &units);
    let filter = Arc::new(DuplicateFilter::for_rows(rows, FILTER_BYTES));
    let mut whole = Partial::new(dataset, Arc::clone(&filter));
    let mut rejected = Vec::new();
    let others = published.units_with_rejects(dataset, account)?;
    let held = units.iter().map(|unit| (unit, true));
    // One unit after the other, so that the totals of one only are in memory besides the sum.
    for (unit, holds_account) in held.chain(others.iter().map(|unit| (unit, false))) {
        let (decoded, sinks) =
            decode_unit(unit, dataset, || CountSink::new(account, dataset, &filter))?;
        let mut lost = BTreeSet::new();
        for sink in sinks {
            lost.extend(sink.lost);
            whole.merge(sink.partial);
        }
        // A row that did not even have its cells may be of any account that its unit holds.
        let may_be_of = |row: &RejectedRow| holds_account || lost.contains(&row.line);
        rejected.extend(decoded.rejected.into_iter().filter(may_be_of));
    }
    // The sums of the whole run fitted, so these do; checked all the same.
    whole.check()?;
    count_duplicates(&mut whole, &units, account)?;
    rejected.sort_by(|left, right| (&left.unit, left.line).cmp(&(&right.unit, right.line)));
    Ok(AccountRows {
        partial: whole,
        rejected,
    })
}

/// Counts the duplicates among all rows; as in the run, units are read a second time where more
/// candidates came than are kept.
fn count_duplicates(
    whole: &mut Partial,
    units: &[FileUnit],
    account: &AccountFilter,
) -> Result<(), RunError> {
    let dataset = whole.dataset;
    let mut open = Repeated::new();
    add_repeated(&mut std::mem::take(&mut whole.fingerprints), &mut open);
    whole.count_duplicates(&mut open);
    for unit in units {
        if open.is_empty() {
            break;
        }
        let repeated = Arc::new(DuplicateFilter::Repeated(open.clone()));
        let (_, sinks) = decode_unit(unit, dataset, || {
            CountSink::new(account, dataset, &repeated)
        })?;
        for sink in sinks {
            whole.adopt_candidates(sink.partial);
        }
        whole.count_duplicates(&mut open);
    }
    // Every duplicate is found in the second reading, unless a file has changed since the first.
    if open.is_empty() {
        Ok(())
    } else {
        Err(RunError::Changed {
            unit: dataset.name().to_owned(),
        })
    }
}

/// Search for the source rows of the groups that are explained.
pub(super) struct Gatherer<'g> {
    /// Usage columns that MeterDescription repeats.
    pub(super) descriptions: &'g DescriptionColumns,
    pub(super) account: &'g AccountFilter,
    /// Number of the group that each key belongs to, for the groups that are explained.
    pub(super) by_key: &'g HashMap<(FineKey, Scope), u32>,
    /// Products and SKUs, folded, without usage in the run, as far as a line's scope depends on it.
    pub(super) unused: &'g BTreeSet<(String, String)>,
    /// Rounding rules of the run.
    pub(super) rules: &'g Rules,
    /// Published columns and values of the rows to show; empty for all rows.
    pub(super) keys: &'g [(String, String)],
}

struct RowSink<'g> {
    gatherer: &'g Gatherer<'g>,
    shown: ShownUnit<'g>,
    dataset: Dataset,
    /// The rows again, as the run counted them: a row that it refuses was rejected by the run.
    counted: Partial,
    /// Rows of each group that is explained.
    by_group: HashMap<u32, SourceRows>,
}

impl Sink for RowSink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        if !is_of(self.gatherer.account, self.dataset, row.cells) {
            return Ok(());
        }
        let key = match self.dataset {
            Dataset::Usage => (
                row_key::of_usage(row.cells, |product| self.gatherer.descriptions.of(product)),
                Scope::Usage,
            ),
            _ => row_key::of_line(row.cells, |product, sku| {
                let pair = (product.to_owned(), sku.to_owned());
                !self.gatherer.unused.contains(&pair)
            }),
        };
        let Some(group) = self.gatherer.by_key.get(&key) else {
            return Ok(());
        };
        // Every cell is looked at, as in the run: texts that are no key of groups as well.
        self.counted.add(row)?;
        let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
        let [_, amount, ..] = measures.sums;
        let is_picked = self.gatherer.picks(self.dataset, row.cells);
        let line = is_picked.then(|| {
            let words = arithmetic(self.dataset, row.cells, &measures, self.gatherer.rules);
            source_line(&self.shown, row, amount, words)
        });
        let rows = self.by_group.entry(*group).or_default();
        rows.facts.add(self.dataset, row, &measures);
        rows.push(amount, line);
        Ok(())
    }
}

impl Gatherer<'_> {
    /// True if a row of the group has all keys asked for. A column that the row's side lacks, such
    /// as the resource of a line, rules no row out.
    fn picks(&self, dataset: Dataset, cells: &[Cell<'_>]) -> bool {
        self.keys.iter().all(|(name, value)| {
            let Some(part) = Part::picked_by(name) else {
                return true;
            };
            let (counted, part) = match (dataset, part) {
                (Dataset::InvoiceLines, part) => (Counted::Lines, part),
                // Usage repeats the description in the column that the run learned.
                (_, Part::Description) => {
                    let product = row_key::product_of(cells);
                    match self.descriptions.of(&product) {
                        Some(part) => (Counted::Usage, part),
                        None => return true,
                    }
                }
                (_, part) => (Counted::Usage, part),
            };
            let Origin::Text(_, column) = part.row().origin(counted) else {
                return true;
            };
            let text = String::from_utf8_lossy(&cells[column].bytes()).into_owned();
            fold_as(part.domain(), &text) == fold_as(part.domain(), value)
        })
    }

    /// Reads the account's units for the expected and the invoiced source rows of `groups`.
    ///
    /// # Errors
    /// [`RunError::Changed`] and [`RunError::Decode`].
    pub(super) fn gather(
        &self,
        published: &Published,
        groups: impl Iterator<Item = u32>,
    ) -> Result<HashMap<u32, [SourceRows; 2]>, RunError> {
        // A group without rows is there too, with sums of zero, to be told as one that disagrees.
        let mut whole: HashMap<u32, [SourceRows; 2]> =
            groups.map(|group| (group, Default::default())).collect();
        for (side, dataset) in [Dataset::Usage, Dataset::InvoiceLines]
            .into_iter()
            .enumerate()
        {
            let units = published.units(dataset, self.account)?;
            let (sinks, _) = decode_all(&units, dataset, |shown| RowSink {
                gatherer: self,
                shown,
                dataset,
                counted: Partial::empty(dataset),
                by_group: HashMap::new(),
            })?;
            // Sums are the same in any order of the sinks; lines are sorted when a side is shown.
            for (group, rows) in sinks.into_iter().flat_map(|sink| sink.by_group) {
                let sides = whole
                    .get_mut(&group)
                    .expect("keys are of the groups that are explained");
                sides[side].merge(rows);
            }
        }
        Ok(whole)
    }
}
