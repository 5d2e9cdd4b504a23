//! Reads the units of an account again: once for its totals, once for the source lines of the
//! groups that are explained.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::SourceLine;
use super::published::Published;
use crate::decode::{self, Sink};
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::measures::Measures;
use crate::engine::count::partial::Partial;
use crate::engine::fold::row_key::{self, FineKey};
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::{Counted, Origin, Part};
use crate::engine::rules::rounding::{Line, Rules};
use crate::engine::rules::scope::Scope;
use crate::model::currency::minor_digits;
use crate::model::dataset::Dataset;
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, plain, power_of_ten,
};
use crate::model::period::date_of;
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Row};
use crate::pipeline::failure::RunError;
use crate::sources::files::FileUnit;

/// A line's text is cut here; the file and line say where the rest stands.
const TEXT_LIMIT: usize = 4_000;

type Account = (Option<String>, Option<String>);

fn is_of(account: &Account, dataset: Dataset, cells: &[Cell<'_>]) -> bool {
    let (customer, subscription) = row_key::account_of(dataset, cells);
    account.0.as_ref().is_none_or(|wanted| *wanted == customer)
        && account
            .1
            .as_ref()
            .is_none_or(|wanted| *wanted == subscription)
}

struct CountSink<'a> {
    account: &'a Account,
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

/// The totals of an account.
pub(super) fn count(
    published: &Published,
    dataset: Dataset,
    account: &Account,
) -> Result<Partial, RunError> {
    let seen = Arc::<DuplicateFilter>::default();
    let mut whole = Partial::new(dataset, Arc::clone(&seen));
    for unit in published.units(dataset, account)? {
        let input = decode::Input {
            unit: &unit.name,
            path: &unit.path,
            dataset,
        };
        let (_, sinks) = decode::decode(input, || CountSink {
            account,
            partial: Partial::new(dataset, Arc::clone(&seen)),
        })?;
        sinks.into_iter().for_each(|sink| whole.merge(sink.partial));
    }
    whole.check()?;
    whole.count_own_duplicates();
    Ok(whole)
}

/// Source rows of one side of a group; amounts in units of 10^-20.
#[derive(Default)]
pub(super) struct Found {
    pub(super) rows: u64,
    pub(super) sum: i128,
    pub(super) picked_rows: u64,
    pub(super) picked_sum: i128,
    pub(super) lines: Vec<SourceLine>,
}

impl Found {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.picked_rows += other.picked_rows;
        self.picked_sum += other.picked_sum;
        self.lines.extend(other.lines);
    }
}

/// What is gathered.
pub(super) struct Gatherer<'g> {
    pub(super) description: Part,
    pub(super) account: &'g Account,
    /// Match of each key of the groups that are explained.
    pub(super) by_key: &'g HashMap<(FineKey, Scope), u32>,
    pub(super) used: &'g [(String, String)],
    /// Rows with these keys are shown; all of them without keys.
    pub(super) keys: &'g [(String, String)],
}

struct RowSink<'g> {
    gatherer: &'g Gatherer<'g>,
    used: &'g BTreeSet<(String, String)>,
    unit: &'g FileUnit,
    dataset: Dataset,
    found: HashMap<u32, Found>,
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
        let Some(number) = self.gatherer.by_key.get(&key) else {
            return Ok(());
        };
        let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
        let [_, amount, ..] = measures.sums;
        let found = self.found.entry(*number).or_default();
        found.rows += 1;
        found.sum += amount;
        if self.gatherer.picks(self.dataset, row.cells) {
            found.picked_rows += 1;
            found.picked_sum += amount;
            found
                .lines
                .push(source_line(self.dataset, self.unit, row, &measures, amount));
        }
        Ok(())
    }
}

impl Gatherer<'_> {
    /// A row that lacks a column cannot be told apart by it.
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
            let (domain, cell) = (part.domain(), cells.get(column).unwrap_or(&Cell::Missing));
            let text = String::from_utf8_lossy(&cell.bytes()).into_owned();
            fold_as(domain, &text) == fold_as(domain, value)
        })
    }

    /// Reads the account's units for the source rows of both sides, by match.
    pub(super) fn gather(
        &self,
        published: &Published,
    ) -> Result<HashMap<u32, [Found; 2]>, RunError> {
        let folded = |(product, sku): &(String, String)| {
            (fold_as(Domain::Product, product), fold_as(Domain::Sku, sku))
        };
        let used: BTreeSet<(String, String)> = self.used.iter().map(folded).collect();
        let mut whole: HashMap<u32, [Found; 2]> = HashMap::new();
        for (side, dataset) in [Dataset::Usage, Dataset::InvoiceLines]
            .into_iter()
            .enumerate()
        {
            let units = published.units(dataset, self.account)?;
            let read: Vec<HashMap<u32, Found>> = units
                .par_iter()
                .map(|unit| {
                    let input = decode::Input {
                        unit: &unit.name,
                        path: &unit.path,
                        dataset,
                    };
                    let (_, sinks) = decode::decode(input, || RowSink {
                        gatherer: self,
                        used: &used,
                        unit,
                        dataset,
                        found: HashMap::new(),
                    })?;
                    Ok(sinks.into_iter().map(|sink| sink.found).collect::<Vec<_>>())
                })
                .collect::<Result<Vec<_>, RunError>>()?
                .into_iter()
                .flatten()
                .collect();
            for (number, found) in read.into_iter().flatten() {
                if let Some(slot) = whole.entry(number).or_default().get_mut(side) {
                    slot.add(found);
                }
            }
        }
        Ok(whole)
    }
}

/// A source line with its arithmetic.
pub(super) fn source_line(
    dataset: Dataset,
    unit: &FileUnit,
    row: &Row<'_, '_>,
    measures: &Measures,
    amount: i128,
) -> SourceLine {
    let text = String::from_utf8_lossy(row.place.text.trim_ascii_end());
    SourceLine {
        unit: unit.name.clone(),
        line: row.place.line(),
        amount: plain(amount, AMOUNT_SCALE),
        arithmetic: arithmetic(dataset, row.cells, measures, amount),
        text: text.chars().take(TEXT_LIMIT).collect(),
    }
}

fn arithmetic(dataset: Dataset, cells: &[Cell<'_>], measures: &Measures, amount: i128) -> String {
    let (price, rate) = row_key::price_and_rate(dataset, cells);
    let [quantity, ..] = measures.sums;
    let rate = rate.unwrap_or(power_of_ten(RATE_SCALE));
    let quantity_text = plain(quantity, QUANTITY_SCALE);
    let price_text = price.map_or_else(|| "no price".to_owned(), |price| plain(price, PRICE_SCALE));
    let factors = format!(
        "{price_text} x {quantity_text} x {}",
        plain(rate, RATE_SCALE)
    );
    if dataset == Dataset::Usage {
        let day = measures
            .day
            .and_then(date_of)
            .map(|date| format!("{date}: "))
            .unwrap_or_default();
        let priced = price.and_then(|price| {
            multiply(
                (price, PRICE_SCALE),
                (quantity, QUANTITY_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfEven,
            )
        });
        let billed = priced.and_then(|priced| {
            multiply(
                (priced, AMOUNT_SCALE),
                (rate, RATE_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfEven,
            )
        });
        let product = billed
            .map(|billed| format!(" = {}", plain(billed, AMOUNT_SCALE)))
            .unwrap_or_default();
        return format!(
            "{day}EffectiveUnitPrice x Quantity x PCToBCExchangeRate = {factors}{product}"
        );
    }
    let currency = cells.get(crate::model::dataset::position(
        crate::model::dataset::INVOICE_LINES,
        "Currency",
    ));
    let currency = currency
        .map(|cell| String::from_utf8_lossy(&cell.bytes()).trim().to_uppercase())
        .unwrap_or_default();
    let rules = Rules::default();
    let line = |price| Line {
        price,
        quantity,
        rate,
        digits: minor_digits(&currency),
    };
    let rule = price.and_then(|price| rules.that_fits(line(price), amount, true));
    let rule = rule.map_or_else(
        || "no documented rounding rule gives it".to_owned(),
        |rule| format!("{}, rule {}", rule.formula(), rule.name),
    );
    format!("EffectiveUnitPrice x BillableQuantity x PCToBCExchangeRate = {factors}; {rule}")
}
