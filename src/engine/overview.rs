//! What must be known of all usage before a part of it can be compared by itself.

use hashbrown::{HashMap, HashSet};
use polars::prelude::{Column, DataFrame, NamedFrom as _, PolarsResult, Series};

use super::aggregate::Partial;
use super::codes::Codes;
use super::totals::{Key, USAGE_KEYS};
use super::vocabulary::{Domain, Gathering};

/// Columns of the usage frame by which a line's MeterDescription is understood.
const DESCRIBED: [&str; 9] = ["invoice", "customer", "subscription", "product", "sku", "currency", "meter_name", "meter_type", "sku_name"];

/// Texts, products, months and keys of all usage: far less than the usage itself.
#[derive(Debug, Default)]
pub struct Overview {
    gathering: Gathering,
    noted: Noted,
}

/// What is noted of usage, by number or by code.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Products and SKUs.
    pub(super) used: HashSet<[u32; 2]>,
    /// Rows by invoice and month of use.
    pub(super) months: HashMap<(u32, i32), u64>,
    /// Rows of [`DESCRIBED`].
    described: HashSet<[u32; DESCRIBED.len()]>,
}

fn described() -> [&'static Key; DESCRIBED.len()] {
    DESCRIBED.map(|name| USAGE_KEYS.iter().find(|key| key.name == name).expect("a column of the usage frame"))
}

impl Overview {
    /// Notes usage of which only this will be at hand.
    pub fn note(&mut self, usage: &Partial) {
        let codes = Codes::but_resources(&mut self.gathering, usage);
        let keys = described();
        for key in usage.totals.keys() {
            self.noted.described.insert(keys.map(|column| column.code(&codes, key)));
            self.noted.used.insert([codes.get(key, 1, 0), codes.get(key, 1, 1)]);
        }
        for ((account, month), rows) in &usage.months {
            *self.noted.months.entry((codes.of(0, *account, 0), *month)).or_default() += rows;
        }
    }

    pub(super) fn into_parts(self) -> (Gathering, Noted) {
        (self.gathering, self.noted)
    }
}

impl Noted {
    /// With codes in the place of numbers.
    pub(super) fn translated(self, code: impl Fn(Domain, u32) -> u32) -> Self {
        let keys = described();
        let mut months: HashMap<(u32, i32), u64> = HashMap::new();
        for ((invoice, month), rows) in self.months {
            *months.entry((code(Domain::Invoice, invoice), month)).or_default() += rows;
        }
        let row = |row: [u32; DESCRIBED.len()]| {
            let mut columns = keys.iter().map(|key| key.domain);
            row.map(|number| columns.next().map_or(0, |domain| code(domain, number)))
        };
        Self {
            used: self.used.into_iter().map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)]).collect(),
            months,
            described: self.described.into_iter().map(row).collect(),
        }
    }

    /// The keys as a frame of [`DESCRIBED`], sorted.
    pub(super) fn frame(&self) -> PolarsResult<DataFrame> {
        let mut rows: Vec<&[u32; DESCRIBED.len()]> = self.described.iter().collect();
        rows.sort_unstable();
        let columns = DESCRIBED.iter().enumerate().map(|(at, name)| {
            let codes: Vec<u32> = rows.iter().filter_map(|row| row.get(at)).copied().collect();
            Column::from(Series::new((*name).into(), codes))
        });
        DataFrame::new(rows.len(), columns.collect())
    }
}
