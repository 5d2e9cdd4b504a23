//! Facts of the rows on one side of a group: how much, at which prices, on which days. The sentences
//! of an explanation are made of them.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::DayFigures;
use crate::engine::count::measures::Measures;
use crate::engine::fold::row_key;
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::decimal::{AMOUNT_SCALE, QUANTITY_SCALE, plain};
use crate::model::period::{Day, Period, date_of};
use crate::model::row::{Cell, Row};

/// Distinct values that are kept of a column: one is told, and of more only that there are several.
const DISTINCT: usize = 2;

/// Quantity and amount of some rows, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowSum {
    pub(super) rows: u64,
    pub(super) quantity: i128,
    pub(super) amount: i128,
}

impl RowSum {
    /// Adds a sum of other rows.
    // No overflow: the run's gross sums kept to `GROSS_LIMIT`, and these are parts of them.
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.quantity += other.quantity;
        self.amount += other.amount;
    }
}

/// Rows of some days, with the first and the last of the days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SumOfDays {
    pub(super) sum: RowSum,
    pub(super) days: Option<(Day, Day)>,
}

/// Facts of one side.
#[derive(Clone, Debug, Default)]
pub(super) struct SideFacts {
    pub(super) sum: RowSum,
    /// Tax of lines, in units of 10^-20.
    pub(super) tax: i128,
    /// Effective and list prices, in units of 10^-22.
    pub(super) prices: BTreeSet<i128>,
    pub(super) list_prices: BTreeSet<i128>,
    /// Exchange rates, in units of 10^-18.
    pub(super) rates: BTreeSet<i128>,
    /// Currencies that the prices are in.
    pub(super) pricing_currencies: BTreeSet<String>,
    pub(super) names: BTreeSet<String>,
    pub(super) units: BTreeSet<String>,
    /// Percentages of the partner earned credit that usage has.
    pub(super) credits: BTreeSet<String>,
    /// Texts of the discounts that lines have, and ids of promotions.
    pub(super) adjustments: BTreeSet<String>,
    pub(super) promotions: BTreeSet<String>,
    /// Rows by day: of use, or the first that is charged for.
    days: BTreeMap<Option<Day>, RowSum>,
    /// Last day that lines charge for.
    last_charged: Option<Day>,
    /// Rows by the hash of all that they say: the copies among them are of one hash.
    contents: BTreeMap<[u8; 32], RowSum>,
}

/// Columns of a fact: in usage, and in lines.
type FactColumns = [Option<usize>; 2];

const fn in_both(usage: &str, line: &str) -> FactColumns {
    [
        Some(position(USAGE, usage)),
        Some(position(INVOICE_LINES, line)),
    ]
}

const UNIT: FactColumns = in_both("Unit", "UnitType");
const METER: FactColumns = in_both("MeterName", "MeterDescription");
const SKU_NAME: FactColumns = in_both("SkuName", "SkuName");
const PRODUCT_NAME: FactColumns = in_both("ProductName", "ProductName");
const LIST_PRICE: FactColumns = in_both("UnitPrice", "UnitPrice");
const PRICING_CURRENCY: FactColumns = in_both("PricingCurrency", "PricingCurrency");
const CREDIT: FactColumns = [Some(position(USAGE, "PartnerEarnedCreditPercentage")), None];
const ADJUSTMENT: FactColumns = [
    None,
    Some(position(INVOICE_LINES, "PriceAdjustmentDescription")),
];
const PROMOTION: FactColumns = [None, Some(position(INVOICE_LINES, "PromotionId"))];
const CHARGE_END: usize = position(INVOICE_LINES, "ChargeEndDate");

impl SideFacts {
    /// Adds a row of usage or lines, by its numbers.
    pub(super) fn add(&mut self, dataset: Dataset, row: &Row<'_, '_>, measures: &Measures) {
        let side = usize::from(dataset == Dataset::InvoiceLines);
        let cells = row.cells;
        let text = |columns: FactColumns| {
            columns[side]
                .map(|at| {
                    String::from_utf8_lossy(&cells[at].bytes())
                        .trim()
                        .to_owned()
                })
                .filter(|text| !text.is_empty())
        };
        let [quantity, amount, tax, _] = measures.sums;
        // A line that takes back has a negative price, and a quantity like any other.
        let quantity = match side == 1 && amount < 0 {
            true => -quantity.abs(),
            false => quantity,
        };
        let sum = RowSum {
            rows: 1,
            quantity,
            amount,
        };
        self.sum.add(sum);
        if side == 1 {
            self.tax += tax;
            let end = cells[CHARGE_END].day("ChargeEndDate").ok().flatten();
            self.last_charged = self.last_charged.max(end);
        }
        let (price, rate) = row_key::price_and_rate(dataset, cells);
        let list_price = LIST_PRICE[side].and_then(|at| {
            let parsed = cells[at].decimal("UnitPrice", crate::model::decimal::PRICE_SCALE);
            parsed.ok().flatten().map(|parsed| parsed.value)
        });
        for (set, value) in [
            (&mut self.prices, price),
            (&mut self.list_prices, list_price),
            (&mut self.rates, rate),
        ] {
            keep(set, value);
        }
        let names = [METER, SKU_NAME, PRODUCT_NAME];
        keep(&mut self.names, names.into_iter().find_map(text));
        keep(&mut self.units, text(UNIT));
        keep(&mut self.pricing_currencies, text(PRICING_CURRENCY));
        // Rows without a credit say `0` or nothing.
        let credit =
            text(CREDIT).filter(|text| text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)));
        keep(&mut self.credits, credit);
        keep(&mut self.adjustments, text(ADJUSTMENT));
        keep(&mut self.promotions, text(PROMOTION));
        self.days.entry(measures.day).or_default().add(sum);
        self.contents.entry(content_of(row)).or_default().add(sum);
    }

    /// Adds the facts of another unit.
    pub(super) fn merge(&mut self, other: Self) {
        self.sum.add(other.sum);
        self.tax += other.tax;
        self.last_charged = self.last_charged.max(other.last_charged);
        merge_sets(&mut self.prices, other.prices);
        merge_sets(&mut self.list_prices, other.list_prices);
        merge_sets(&mut self.rates, other.rates);
        for (set, more) in [
            (&mut self.pricing_currencies, other.pricing_currencies),
            (&mut self.names, other.names),
            (&mut self.units, other.units),
            (&mut self.credits, other.credits),
            (&mut self.adjustments, other.adjustments),
            (&mut self.promotions, other.promotions),
        ] {
            merge_sets(set, more);
        }
        for (day, sum) in other.days {
            self.days.entry(day).or_default().add(sum);
        }
        for (content, sum) in other.contents {
            self.contents.entry(content).or_default().add(sum);
        }
    }

    /// First and last day of the rows: of use, or that are charged for.
    pub(super) fn span(&self) -> Option<(Day, Day)> {
        let mut days = self.days.keys().flatten();
        let first = *days.next()?;
        let last = days.next_back().copied().unwrap_or(first);
        Some((first, last.max(self.last_charged.unwrap_or(last))))
    }

    /// Rows whose day is not in a month.
    pub(super) fn outside(&self, period: Period) -> SumOfDays {
        let (start, end) = period.days();
        let mut found = SumOfDays::default();
        for (day, sum) in &self.days {
            let Some(day) = day.filter(|day| !(start..end).contains(day)) else {
                continue;
            };
            found.sum.add(*sum);
            let (first, _) = found.days.unwrap_or((day, day));
            found.days = Some((first, day));
        }
        found
    }

    /// Rows that say the same as another one, without the first of each.
    pub(super) fn copies(&self) -> RowSum {
        let mut copies = RowSum::default();
        for sum in self.contents.values() {
            let rows = i128::from(sum.rows);
            copies.add(RowSum {
                rows: sum.rows - 1,
                // Equal rows have equal numbers.
                quantity: sum.quantity / rows * (rows - 1),
                amount: sum.amount / rows * (rows - 1),
            });
        }
        copies
    }
}

/// Hash of all that a row says: of the cells that are read, and of what the decoder says of the rest.
fn content_of(row: &Row<'_, '_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for cell in row.cells {
        let bytes = match cell {
            Cell::Missing => continue,
            cell => cell.bytes(),
        };
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    hasher.update(&row.place.unread.to_le_bytes());
    *hasher.finalize().as_bytes()
}

fn keep<T: Ord>(set: &mut BTreeSet<T>, value: Option<T>) {
    if let Some(value) = value
        && set.len() < DISTINCT
    {
        set.insert(value);
    }
}

fn merge_sets<T: Ord>(set: &mut BTreeSet<T>, more: BTreeSet<T>) {
    for value in more {
        keep(set, Some(value));
    }
}

/// Both sides day by day.
pub(super) fn by_day(used: &SideFacts, charged: &SideFacts) -> Vec<DayFigures> {
    let days: BTreeSet<Option<Day>> = used
        .days
        .keys()
        .chain(charged.days.keys())
        .copied()
        .collect();
    let figures = |side: &SideFacts, day| {
        let sum = side.days.get(&day).copied().unwrap_or_default();
        [
            plain(sum.quantity, QUANTITY_SCALE),
            plain(sum.amount, AMOUNT_SCALE),
        ]
    };
    days.into_iter()
        .map(|day| {
            let [used_quantity, used_amount] = figures(used, day);
            let [charged_quantity, charged_amount] = figures(charged, day);
            DayFigures {
                day: day_text(day),
                used_quantity,
                used_amount,
                charged_quantity,
                charged_amount,
            }
        })
        .collect()
}

/// A day as text; empty for none.
pub(super) fn day_text(day: Option<Day>) -> String {
    day.and_then(date_of)
        .map_or_else(String::new, |date| date.to_string())
}
