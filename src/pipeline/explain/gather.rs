//! Second reading of the units of an account: once for its totals, once for the source lines of the
//! groups that are explained.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::published::{AccountFilter, Published};
use super::source_rows::{SourceRows, decode_all, decode_unit, source_line};
use crate::decode::Sink;
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::partial::Partial;
use crate::engine::fold::row_key::{self, FineKey};
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::{Counted, Origin, Part};
use crate::engine::rules::scope::Scope;
use crate::model::dataset::Dataset;
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Row};
use crate::pipeline::failure::RunError;
use crate::sources::files::FileUnit;

fn is_of(account: &AccountFilter, dataset: Dataset, cells: &[Cell<'_>]) -> bool {
    let (customer, subscription) = row_key::account_of(dataset, cells);
    account.lets_through(&customer, &subscription)
}

struct CountSink<'a> {
    account: &'a AccountFilter,
    partial: Partial,
}

impl Sink for CountSink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        // A row that the run rejected is rejected again, and counts on neither side.
        if is_of(self.account, self.partial.dataset, row.cells) {
            self.partial.add(row)
        } else {
            Ok(())
        }
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
) -> Result<Partial, RunError> {
    let seen = Arc::<DuplicateFilter>::default();
    let mut whole = Partial::new(dataset, Arc::clone(&seen));
    // One unit after the other, so that the totals of one only are in memory besides the sum.
    for unit in published.units(dataset, account)? {
        let sinks = decode_unit(&unit, dataset, || CountSink {
            account,
            partial: Partial::new(dataset, Arc::clone(&seen)),
        })?;
        sinks.into_iter().for_each(|sink| whole.merge(sink.partial));
    }
    // The sums of the whole run fitted, so these do; checked all the same.
    whole.check()?;
    whole.count_own_duplicates();
    Ok(whole)
}

/// Search for the source rows of the groups that are explained.
pub(super) struct Gatherer<'g> {
    /// The usage column that MeterDescription repeats.
    pub(super) description: Part,
    pub(super) account: &'g AccountFilter,
    /// Number of the group that each key belongs to, for the groups that are explained.
    pub(super) by_key: &'g HashMap<(FineKey, Scope), u32>,
    /// Products and SKUs that the run had usage of.
    pub(super) used: &'g [(String, String)],
    /// Published columns and values of the rows to show; empty for all rows.
    pub(super) keys: &'g [(String, String)],
}

struct RowSink<'g> {
    gatherer: &'g Gatherer<'g>,
    /// Folded products and SKUs that the run had usage of.
    used: &'g BTreeSet<(String, String)>,
    unit: &'g FileUnit,
    dataset: Dataset,
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
                row_key::of_usage(row.cells, self.gatherer.description),
                Scope::Usage,
            ),
            _ => row_key::of_line(row.cells, |product, sku| {
                self.used.contains(&(product.to_owned(), sku.to_owned()))
            }),
        };
        let Some(group) = self.gatherer.by_key.get(&key) else {
            return Ok(());
        };
        // A row that cannot be measured was rejected by the run, and is rejected here.
        let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
        let [_, amount, ..] = measures.sums;
        let is_picked = self.gatherer.picks(self.dataset, row.cells);
        let line = is_picked.then(|| source_line(self.dataset, self.unit, row, &measures, amount));
        self.by_group.entry(*group).or_default().push(amount, line);
        Ok(())
    }
}

impl Gatherer<'_> {
    /// True if a row of the group has all keys asked for. A column that the row's side lacks, such
    /// as the resource of a line, rules no row out.
    fn picks(&self, dataset: Dataset, cells: &[Cell<'_>]) -> bool {
        self.keys.iter().all(|(name, value)| {
            // Of a group all lines are shown, whatever they say of their meters.
            let part = Part::picked_by(name).filter(|part| *part != Part::Description);
            let Some(part) = part else {
                return true;
            };
            let counted = match dataset {
                Dataset::InvoiceLines => Counted::Lines,
                _ => Counted::Usage,
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
        let folded = |(product, sku): &(String, String)| {
            (fold_as(Domain::Product, product), fold_as(Domain::Sku, sku))
        };
        let used: BTreeSet<(String, String)> = self.used.iter().map(folded).collect();
        // A group without rows is there too, with sums of zero, to be told as one that disagrees.
        let mut whole: HashMap<u32, [SourceRows; 2]> =
            groups.map(|group| (group, Default::default())).collect();
        for (side, dataset) in [Dataset::Usage, Dataset::InvoiceLines]
            .into_iter()
            .enumerate()
        {
            let units = published.units(dataset, self.account)?;
            let sinks = decode_all(&units, dataset, |unit| RowSink {
                gatherer: self,
                used: &used,
                unit,
                dataset,
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
