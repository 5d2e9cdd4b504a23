//! The columns of the kept tables, and the input columns that they are filled from.

use std::borrow::Cow;

use super::row_sources::RowSources;
use crate::decode::resolved;
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::partial::CountedRow;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Tuple;
use crate::model::dataset::{Column, Dataset, Kind, Need, position};
use crate::model::decimal::{
    PUBLISHED_LIMIT, PUBLISHED_SCALE, Rounding, power_of_ten, rescale, to_published,
};
use crate::model::ids::{Fold, display, fold};
use crate::model::row::{Cell, Row};
use crate::model::tables::Table;
use crate::reports::coded_column::{push_day, push_number, push_text};

/// A kept table, and where its cells come from.
#[derive(Debug)]
pub(crate) struct RowLayout {
    pub(crate) table: &'static Table,
    columns: &'static [Column],
    /// Positions of the input columns that are handed over for this alone.
    pub(crate) carried: Vec<usize>,
    /// Positions of the invoice and the currency among the input columns, by which rows are counted.
    account: [usize; 2],
    /// Columns whose values go together. The first has the invoice and the currency.
    pub(super) bundles: Vec<Bundle>,
    /// Columns of numbers that each row has its own of.
    pub(super) numbers: Vec<NumberColumn>,
    /// Where each column of the table is found.
    pub(super) places: Vec<PlaceOfColumn>,
}

/// Columns whose values go together, and mostly with those of a tuple of the key.
#[derive(Debug)]
pub(super) struct Bundle {
    /// Kind of the tuple.
    pub(super) tuple: Tuple,
    /// Its columns. Those that the tuple does not prove come first.
    pub(super) columns: Vec<FilledColumn>,
    /// How many of them the tuple does not prove.
    pub(super) unproven: usize,
}

/// A column of the table, with the input column that it is filled from and what that gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilledColumn {
    /// Position in the table.
    pub(super) at: usize,
    pub(super) source: (usize, Filled),
}

/// A column of numbers that each row has its own of.
#[derive(Debug)]
pub(super) struct NumberColumn {
    pub(super) column: FilledColumn,
    /// Which of the sums of a counted row it is; `None` for one that is not summed as it is.
    pub(super) sum: Option<usize>,
}

/// Where a column of the table is found in a batch of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceOfColumn {
    /// In a bundle, and there at a position.
    Bundled(usize, usize),
    /// Among the numbers that each row has of its own.
    Number(usize),
    /// It is the day of the row.
    Day,
}

/// What an input column gives to a column of a kept table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filled {
    /// A text; folded where that is more than its case and its blanks.
    Text(Option<Fold>),
    /// A number of ten decimals.
    Number,
    /// A part of a whole, in per cent.
    Share,
    /// A day of the calendar.
    Day,
}

impl RowLayout {
    /// Layout of the rows of a dataset; `None` for one whose rows are not kept.
    pub(crate) fn of(dataset: Dataset) -> Option<Self> {
        let told = RowSources::of(dataset)?;
        Some(Self::with(&told, KeyLayout::of(dataset)))
    }

    fn with(told: &RowSources, key: &KeyLayout) -> Self {
        let named = |name: &str| position(told.columns, name);
        let filled = |source: usize| {
            let at = told.sources.iter().position(|of| *of == source)?;
            let source = (source, filled_by(&told.columns[source]));
            Some(FilledColumn { at, source })
        };
        let is_number = |source: &usize| told.numbers.iter().any(|name| named(name) == *source);
        let bundles = told.companions.iter().map(|with| {
            let names = with.names.iter();
            let mut columns: Vec<FilledColumn> =
                names.filter_map(|name| filled(named(name))).collect();
            let unproven = columns.len();
            let proven = match with.is_apart {
                true => &[],
                false => key.tuples[with.tuple as usize],
            };
            let proven = proven.iter().filter(|source| !is_number(source));
            columns.extend(proven.filter_map(|source| filled(*source)));
            Bundle {
                tuple: with.tuple,
                columns,
                unproven,
            }
        });
        let numbers = told.numbers.iter().filter_map(|name| {
            let column = filled(named(name))?;
            let sum = key.summed.iter().position(|at| *at == column.source.0);
            Some(NumberColumn { column, sum })
        });
        let (bundles, numbers): (Vec<_>, Vec<_>) = (bundles.collect(), numbers.collect());
        let place = |(at, source): (usize, &usize)| {
            let bundled = bundles.iter().enumerate().find_map(|(number, bundle)| {
                let place = bundle.columns.iter().position(|column| column.at == at)?;
                Some(PlaceOfColumn::Bundled(number, place))
            });
            let number = || numbers.iter().position(|number| number.column.at == at);
            bundled
                .or_else(|| number().map(PlaceOfColumn::Number))
                .or_else(|| (key.day == Some(*source)).then_some(PlaceOfColumn::Day))
                .expect("every column goes with others, or is a number or the day")
        };
        let is_unread = |at: &usize| told.columns[*at].need == Need::Unread;
        Self {
            places: told.sources.iter().enumerate().map(place).collect(),
            table: told.table,
            columns: told.columns,
            carried: told.sources.iter().copied().filter(is_unread).collect(),
            account: told.account,
            bundles,
            numbers,
        }
    }

    /// Adds what a cell says to the values of its column, as the file has it: nothing where there is no
    /// number or day.
    pub(super) fn push_value(&self, source: (usize, Filled), cell: &Cell<'_>, into: &mut Vec<u8>) {
        let (at, filled) = source;
        let cell = resolved(cell);
        match filled {
            Filled::Text(kind) => {
                let bytes = cell.bytes();
                let text = simdutf8::basic::from_utf8(&bytes)
                    .map_or_else(|_| String::from_utf8_lossy(&bytes), Cow::Borrowed);
                match kind {
                    Some(kind) => push_text(into, &fold(kind, &text)),
                    None => push_text(into, &display(Fold::Text, &text)),
                }
            }
            Filled::Day => {
                if let Some(day) = self.day(at, &cell) {
                    push_day(into, day);
                }
            }
            Filled::Number | Filled::Share => {
                if let Some(number) = self.number(source, &cell) {
                    push_number(into, number);
                }
            }
        }
    }

    /// Number of a row in a column, in units of 10^-10; `None` where there is none that fits.
    pub(super) fn number_of(
        &self,
        column: &NumberColumn,
        row: &Row<'_, '_>,
        counted: &CountedRow,
    ) -> Option<i128> {
        match column.sum.map(|at| counted.sums[at]) {
            // Parsed before, unless it is 0 for none.
            Some(sum) if sum != 0 => to_published(sum).filter(is_published),
            _ => self.number(column.column.source, row.cell(column.column.source.0)),
        }
    }

    /// Number of a cell in units of 10^-10, rounded half up; `None` where there is none that fits. A
    /// share is in per cent then: one of 1 or less is a fraction, as the first API writes it.
    fn number(&self, source: (usize, Filled), cell: &Cell<'_>) -> Option<i128> {
        let column = &self.columns[source.0];
        let Kind::Decimal(scale) = column.kind else {
            return None;
        };
        let parsed = cell.decimal(column.name, scale).ok()??;
        let number =
            rescale(parsed.value, scale, PUBLISHED_SCALE, Rounding::HalfUp).filter(is_published)?;
        let is_fraction = number.abs() <= power_of_ten(PUBLISHED_SCALE);
        Some(match source.1 {
            Filled::Share if is_fraction => number * 100,
            _ => number,
        })
    }

    /// Day of a cell; `None` where there is none.
    fn day(&self, at: usize, cell: &Cell<'_>) -> Option<i32> {
        cell.day(self.columns[at].name).ok()?
    }

    /// Cells of the invoice and the currency of a row.
    pub(super) fn account<'c, 'a>(&self, row: &Row<'c, 'a>) -> [&'c Cell<'a>; 2] {
        self.account.map(|at| row.cell(at))
    }
}

fn filled_by(column: &Column) -> Filled {
    match column.kind {
        // Azure tells resource groups apart by no case.
        Kind::Text(Fold::Text) if column.name == "ResourceGroup" => {
            Filled::Text(Some(Domain::ResourceGroup.fold_kind()))
        }
        Kind::Text(Fold::Text) => Filled::Text(None),
        Kind::Text(kind) => Filled::Text(Some(kind)),
        Kind::Decimal(_) if column.name.ends_with("Percentage") => Filled::Share,
        Kind::Decimal(_) => Filled::Number,
        Kind::Date => Filled::Day,
    }
}

/// True for a number that has no more digits than a column: those of another would be cut off without a
/// word.
fn is_published(number: &i128) -> bool {
    number.abs() <= PUBLISHED_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dataset::USAGE;
    use crate::model::tables::ColumnType;

    #[test]
    fn every_column_is_filled_by_one_of_its_kind() {
        for dataset in [Dataset::Usage, Dataset::InvoiceLines] {
            let layout = RowLayout::of(dataset).expect("its rows are kept");
            let bundled = layout.bundles.iter().flat_map(|bundle| &bundle.columns);
            let numbers = layout.numbers.iter().map(|number| &number.column);
            let mut filled: Vec<&FilledColumn> = bundled.chain(numbers).collect();
            filled.sort_unstable_by_key(|column| column.at);
            let is_twice = |pair: &[&FilledColumn]| pair[0].at == pair[1].at;
            assert!(!filled.windows(2).any(is_twice), "a column has one place");
            let days = layout.places.iter();
            let days = days.filter(|place| **place == PlaceOfColumn::Day).count();
            assert_eq!(filled.len() + days, layout.table.columns.len());
            for FilledColumn { at, source } in filled {
                let (column, (at, filled)) = (&layout.table.columns[*at], *source);
                let wanted = match filled {
                    Filled::Text(_) => ColumnType::Text,
                    Filled::Number | Filled::Share => ColumnType::DecimalOrNull,
                    Filled::Day => ColumnType::Date,
                };
                let source = dataset.columns()[at].name;
                assert_eq!(column.column_type, wanted, "{source} to {}", column.name);
                let is_folded = matches!(filled, Filled::Text(Some(_)));
                let is_id = column.meaning.contains("folded");
                assert!(is_folded || !is_id, "{source} to {}", column.name);
            }
        }
    }

    /// What no tuple proves goes by a hash, unless it is all that a bundle has.
    #[test]
    fn no_number_rests_on_a_hash() {
        for dataset in [Dataset::Usage, Dataset::InvoiceLines] {
            let layout = RowLayout::of(dataset).expect("its rows are kept");
            for bundle in &layout.bundles {
                let unproven = &bundle.columns[..bundle.unproven];
                let is_number = |column: &FilledColumn| {
                    matches!(column.source.1, Filled::Number | Filled::Share)
                };
                let goes_by_hash = bundle.unproven < bundle.columns.len();
                assert!(!goes_by_hash || !unproven.iter().any(is_number));
            }
        }
    }

    /// Published number of a text in a column of usage.
    fn number(column: &str, filled: Filled, text: &str) -> Option<i128> {
        let layout = RowLayout::of(Dataset::Usage).expect("its rows are kept");
        let cell = Cell::Text(text.as_bytes().into());
        layout.number((position(USAGE, column), filled), &cell)
    }

    #[test]
    fn fractions_and_percentages_are_one() {
        let share = |text| number("PartnerEarnedCreditPercentage", Filled::Share, text);
        assert_eq!(share("0.15"), share("15"));
        assert_eq!(share("15"), Some(15 * power_of_ten(PUBLISHED_SCALE)));
        assert_eq!(share(""), None);
    }

    #[test]
    fn a_number_of_more_digits_than_the_column_is_none() {
        let number = |text| number("Quantity", Filled::Number, text);
        assert_eq!(
            number("99999999999999999.9999999999"),
            Some(10_i128.pow(27) - 1)
        );
        assert_eq!(number("1000000000000000000"), None);
        assert_eq!(number("0.00000000005"), Some(1));
    }
}
