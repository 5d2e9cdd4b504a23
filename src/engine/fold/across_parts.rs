//! What must be known of all usage and lines before a part of them can be compared by itself.

use hashbrown::{HashMap, HashSet};
use polars::prelude::{Column, DataFrame, NamedFrom as _, Series};

use super::codes::Codes;
use super::columns;
use super::folded::{Key, USAGE_KEYS};
use super::vocabulary::Gathering;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;

/// Columns of the usage frame by which a line's MeterDescription is understood.
const DESCRIBED: [&str; 9] = [
    "invoice",
    "customer",
    "subscription",
    "product",
    "sku",
    "currency",
    "meter_name",
    "meter_type",
    "sku_name",
];

/// Texts, products, months and keys of all usage and lines: far less than these themselves.
#[derive(Debug, Default)]
pub struct Overview {
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

fn described() -> [&'static Key; DESCRIBED.len()] {
    DESCRIBED.map(|name| {
        USAGE_KEYS
            .iter()
            .find(|key| key.name == name)
            .expect("a column of the usage frame")
    })
}

impl Overview {
    /// Notes usage and lines of which only this will be at hand.
    pub fn note(&mut self, usage: &Partial, lines: &Partial) {
        let codes = Codes::shared_of_usage(&mut self.gathering, usage);
        let keys = described();
        for key in usage.totals.keys() {
            self.noted
                .described
                .insert(keys.map(|column| column.code(&codes, key)));
            self.noted
                .used
                .insert([codes.get(key, 1, 0), codes.get(key, 1, 1)]);
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
                    .entry((codes.of(0, *account, 0), *month))
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
        let keys = described();
        let invoices = |months: Months| {
            months
                .into_iter()
                .map(|((invoice, month), rows)| ((code(Domain::Invoice, invoice), month), rows))
                .collect()
        };
        let row = |row: [u32; DESCRIBED.len()]| {
            let mut columns = keys.iter().map(|key| key.domain);
            row.map(|number| columns.next().map_or(0, |domain| code(domain, number)))
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
        let columns = DESCRIBED.iter().enumerate().map(|(at, name)| {
            let codes: Vec<u32> = rows.iter().filter_map(|row| row.get(at)).copied().collect();
            Column::from(Series::new((*name).into(), codes))
        });
        columns::frame(rows.len(), columns.collect())
    }
}
