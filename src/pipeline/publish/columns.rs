//! Columns of a published table, each made from all rows under its name.
//!
//! The names stand beside the cells on purpose: [`filled`] refuses cells that stand under another
//! column of the table, so that a swapped pair of amounts cannot be published.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{Key, Part};
use crate::model::tables::Table;
use crate::reports::table::{Cells, TablePart};

/// Cells of one column, with the column's name.
pub(super) struct NamedCells<'f> {
    name: Cow<'static, str>,
    cells: Cells<'f>,
}

impl<'f> NamedCells<'f> {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, cells: Cells<'f>) -> Self {
        let name = name.into();
        Self { name, cells }
    }
}

/// A table with its columns.
///
/// # Panics
/// Where the columns are not those of the table, in number, order, name, type or length.
pub(super) fn filled<'f>(table: &'static Table, columns: Vec<NamedCells<'f>>) -> TablePart<'f> {
    // A different number of columns ends the zip early, and is refused by `TablePart::new`.
    for (found, wanted) in columns.iter().zip(table.columns) {
        // Release builds check this as well: a swapped pair of one type passes every other check.
        assert!(
            found.name == wanted.name,
            "`{}` has `{}` where `{}` belongs",
            table.name,
            found.name,
            wanted.name
        );
    }
    let cells = columns.into_iter().map(|column| column.cells).collect();
    TablePart::new(table, cells)
}

/// Rows of a table, to make its columns of.
pub(super) struct Columns<'f, R> {
    pub(super) totals: &'f Folded,
    pub(super) rows: &'f [R],
}

impl<'f, R> Columns<'f, R> {
    fn codes(&self, domain: Domain, of: impl Fn(&R) -> u32) -> Cells<'f> {
        // Codes, not texts: a column of a million rows repeats few texts, and Parquet keeps them as
        // codes too.
        let codes = self.rows.iter().map(of).collect();
        Cells::Codes(codes, self.totals.vocabulary.all(domain))
    }

    /// A key under its published name.
    pub(super) fn key(&self, key: Key, code: impl Fn(&R) -> u32) -> NamedCells<'f> {
        NamedCells::new(key.published(), self.codes(key.domain(), code))
    }

    /// A part of the key under its published name.
    pub(super) fn part(&self, part: Part, code: impl Fn(&R) -> u32) -> NamedCells<'f> {
        NamedCells::new(part.row().published, self.codes(part.domain(), code))
    }

    /// Names that go with a key of up to three codes, as
    /// [`DisplayNames::code`](crate::engine::fold::display_names::DisplayNames::code) takes them.
    pub(super) fn name(
        &self,
        name: &'static str,
        domain: Domain,
        key: impl Fn(&R) -> [u32; 3],
    ) -> NamedCells<'f> {
        let code = |row: &R| self.totals.names.code(domain, key(row));
        NamedCells::new(name, self.codes(domain, code))
    }

    /// Display names of customers, found by the code of their id.
    pub(super) fn customer_name(&self, customer: impl Fn(&R) -> u32) -> NamedCells<'f> {
        self.name("customer_name", Domain::CustomerName, |row| {
            [customer(row), 0, 0]
        })
    }

    /// Billing periods of invoices; empty where no header, line or usage tells the period.
    pub(super) fn period(&self, invoice: impl Fn(&R) -> u32) -> NamedCells<'f> {
        // Text, as a month is no day: a date column would show a day that no invoice names.
        let periods = self.totals.periods.iter();
        let texts: HashMap<u32, String> = periods
            .map(|(invoice, period)| (*invoice, period.to_string()))
            .collect();
        self.text("billing_period", |row| {
            texts.get(&invoice(row)).cloned().unwrap_or_default()
        })
    }

    pub(super) fn text<T: Into<String>>(
        &self,
        name: &'static str,
        of: impl Fn(&R) -> T,
    ) -> NamedCells<'f> {
        let texts = self.rows.iter().map(|row| of(row).into()).collect();
        NamedCells::new(name, Cells::Texts(texts))
    }

    pub(super) fn integer(&self, name: &'static str, of: impl Fn(&R) -> u64) -> NamedCells<'f> {
        NamedCells::new(name, integers(self.rows.iter().map(of)))
    }

    /// Decimals, in units of 10^-10.
    pub(super) fn decimal(
        &self,
        name: impl Into<Cow<'static, str>>,
        of: impl Fn(&R) -> i128,
    ) -> NamedCells<'f> {
        NamedCells::new(name, Cells::Decimals(self.rows.iter().map(of).collect()))
    }
}

/// Counts as whole numbers with a sign, which is what SQL has.
pub(super) fn integers(counts: impl Iterator<Item = u64>) -> Cells<'static> {
    let counts =
        counts.map(|count| i64::try_from(count).expect("a count of rows is less than 2^63"));
    Cells::Integers(counts.collect())
}
