//! What must be known of all usage and lines before a part of them can be compared by itself.

use hashbrown::{HashMap, HashSet};
use polars::prelude::{Column, DataFrame, NamedFrom as _, Series};

use super::codes::Codes;
use super::columns;
use super::vocabulary::Gathering;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;

/// Parts of the usage key by which a line's MeterDescription is understood.
const DESCRIBED: [Part; 9] = [
    Part::Invoice,
    Part::Customer,
    Part::Subscription,
    Part::Product,
    Part::Sku,
    Part::Currency,
    Part::MeterName,
    Part::MeterType,
    Part::SkuName,
];

/// Texts, products, months and keys of all usage and lines: far less than these themselves.
#[derive(Debug, Default)]
pub struct AcrossParts {
    gathering: Gathering,
    noted: Noted,
}

/// Rows by invoice and month.
pub(crate) type Months = HashMap<(u32, i32), u64>;

/// What is noted of usage and lines, by number or by code.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Products and SKUs.
    pub(crate) used: HashSet<[u32; 2]>,
    /// Rows by invoice and month: of use, and of charge.
    pub(crate) months: [Months; 2],
    /// Rows of [`DESCRIBED`].
    described: HashSet<[u32; DESCRIBED.len()]>,
}

impl AcrossParts {
    /// Notes usage and lines of which only this will be at hand.
    pub fn note(&mut self, usage: &Partial, lines: &Partial) {
        let codes = Codes::shared_of_usage(&mut self.gathering, usage);
        for key in usage.totals.keys() {
            self.noted
                .described
                .insert(DESCRIBED.map(|part| codes.get(key, part)));
            self.noted
                .used
                .insert([codes.get(key, Part::Product), codes.get(key, Part::Sku)]);
        }
        let of_lines = Codes::shared_of_lines(&mut self.gathering, lines);
        for (months, (partial, codes)) in self
            .noted
            .months
            .iter_mut()
            .zip([(usage, codes), (lines, of_lines)])
        {
            for ((account, month), rows) in &partial.months {
                *months
                    .entry((codes.of(Part::Invoice, *account), *month))
                    .or_default() += rows;
            }
        }
    }

    pub(crate) fn into_parts(self) -> (Gathering, Noted) {
        (self.gathering, self.noted)
    }
}

impl Noted {
    /// With codes in the place of numbers.
    pub(crate) fn translated(self, code: impl Fn(Domain, u32) -> u32) -> Self {
        let invoices = |months: Months| {
            months
                .into_iter()
                .map(|((invoice, month), rows)| ((code(Domain::Invoice, invoice), month), rows))
                .collect()
        };
        let row = |row: [u32; DESCRIBED.len()]| {
            std::array::from_fn(|at| code(DESCRIBED[at].domain(), row[at]))
        };
        Self {
            used: self
                .used
                .into_iter()
                .map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)])
                .collect(),
            months: self.months.map(invoices),
            described: self.described.into_iter().map(row).collect(),
        }
    }

    /// The keys as a frame of [`DESCRIBED`], sorted.
    pub(crate) fn frame(&self) -> DataFrame {
        let mut rows: Vec<&[u32; DESCRIBED.len()]> = self.described.iter().collect();
        rows.sort_unstable();
        let columns = DESCRIBED.iter().enumerate().map(|(at, part)| {
            let codes: Vec<u32> = rows.iter().map(|row| row[at]).collect();
            Column::from(Series::new(part.column().into(), codes))
        });
        columns::frame(rows.len(), columns.collect())
    }
}
