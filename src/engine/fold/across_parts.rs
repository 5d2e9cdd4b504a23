//! Facts about all usage and lines that must be known before a part of them can be compared by
//! itself.
//!
//! Where usage and lines exceed the memory, they are compared in parts of whole accounts. Four
//! things span all parts, and are noted here while rows are counted: texts, as codes must have one
//! order; products that have usage, as they decide the scope of lines; months, as they tell each
//! invoice's period; and the keys by which a line's MeterDescription is understood. All this is far
//! less than the totals.

use hashbrown::HashSet;
use polars::prelude::DataFrame;

use super::codes::Codes;
use super::columns::{self, column};
use super::invoice_months::InvoiceMonths;
use super::vocabulary::VocabularyBuilder;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;

/// Parts of the usage key that tell which usage column the lines' MeterDescription repeats.
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

/// Texts, products, months and keys of all usage and lines.
#[derive(Debug, Default)]
pub struct AcrossParts {
    builder: VocabularyBuilder,
    noted: Noted,
}

/// Products, months and keys of usage and lines, by the numbers of a vocabulary's builder or by its
/// codes.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Products and SKUs that have usage.
    pub(super) used: HashSet<[u32; 2]>,
    /// Months of use, by invoice.
    pub(super) usage_months: InvoiceMonths,
    /// Months in which charges begin, by invoice.
    pub(super) line_months: InvoiceMonths,
    /// Keys of usage, in the order of [`DESCRIBED`].
    described: HashSet<[u32; DESCRIBED.len()]>,
}

impl AcrossParts {
    /// Notes a partial of usage and one of lines, before they are written to disk.
    pub fn note(&mut self, usage: &Partial, lines: &Partial) {
        let codes = Codes::shared_of_usage(&mut self.builder, usage);
        for key in usage.totals.keys() {
            let described = DESCRIBED.map(|part| codes.get(key, part));
            self.noted.described.insert(described);
            self.noted.used.insert(codes.product_and_sku(key));
        }
        self.noted.usage_months.add(usage, &codes);
        let codes = Codes::shared_of_lines(&mut self.builder, lines);
        self.noted.line_months.add(lines, &codes);
    }

    pub(super) fn into_parts(self) -> (VocabularyBuilder, Noted) {
        (self.builder, self.noted)
    }
}

impl Noted {
    /// Facts by code, given by number so far.
    pub(super) fn translated(self, code: impl Fn(Domain, u32) -> u32) -> Self {
        let invoice = |number| code(Domain::Invoice, number);
        let used = self.used.into_iter();
        let described = self.described.into_iter();
        Self {
            used: used
                .map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)])
                .collect(),
            usage_months: self.usage_months.translated(invoice),
            line_months: self.line_months.translated(invoice),
            described: described
                .map(|row| std::array::from_fn(|at| code(DESCRIBED[at].domain(), row[at])))
                .collect(),
        }
    }

    /// Keys of usage as a frame of [`DESCRIBED`], sorted.
    pub(super) fn described_frame(&self) -> DataFrame {
        let mut rows: Vec<&[u32; DESCRIBED.len()]> = self.described.iter().collect();
        // Sorted, as a hash set has another order in every run.
        rows.sort_unstable();
        let columns = DESCRIBED.iter().enumerate().map(|(at, part)| {
            let codes: Vec<u32> = rows.iter().map(|row| row[at]).collect();
            column(part.column(), codes)
        });
        columns::frame(rows.len(), columns.collect())
    }
}
