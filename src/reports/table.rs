//! A table on its way to disk: columns as codes or values, typed by the contract.

use crate::model::tables::{ColumnType, Table};

/// Rows that are filled and written at a time; row groups of Parquet are made of so many parts.
pub const PART_ROWS: usize = 64 * 1024;

/// The cells of one column.
#[derive(Clone, Debug)]
pub enum Cells<'v> {
    /// Texts by code: codes, and the text of each code.
    Codes(Vec<u32>, &'v [String]),
    /// Texts.
    Texts(Vec<String>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Decimals, in units of 10^-10.
    Decimals(Vec<i128>),
    /// Days since 1970-01-01.
    Days(Vec<Option<i32>>),
    /// Truth values.
    Booleans(Vec<bool>),
}

impl Cells<'_> {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Codes(codes, _) => codes.len(),
            Self::Texts(texts) => texts.len(),
            Self::Integers(numbers) => numbers.len(),
            Self::Decimals(numbers) => numbers.len(),
            Self::Days(days) => days.len(),
            Self::Booleans(values) => values.len(),
        }
    }

    /// True for no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn fits(&self, column_type: ColumnType) -> bool {
        matches!(
            (self, column_type),
            (Self::Codes(..) | Self::Texts(_), ColumnType::Text)
                | (Self::Integers(_), ColumnType::Integer)
                | (Self::Decimals(_), ColumnType::Decimal)
                | (Self::Days(_), ColumnType::Date)
                | (Self::Booleans(_), ColumnType::Boolean)
        )
    }

    /// The text of a text cell; empty for other columns.
    #[must_use]
    pub fn text(&self, row: usize) -> &str {
        match self {
            Self::Codes(codes, texts) => codes
                .get(row)
                .and_then(|code| texts.get(*code as usize))
                .map_or("", String::as_str),
            Self::Texts(texts) => texts.get(row).map_or("", String::as_str),
            _ => "",
        }
    }
}

/// A table's definition with its cells.
#[derive(Debug)]
pub struct Filled<'v> {
    /// Which table.
    pub table: &'static Table,
    /// Its columns, in order.
    pub columns: Vec<Cells<'v>>,
    /// Number of rows.
    pub rows: usize,
}

impl<'v> Filled<'v> {
    /// A table with its cells.
    ///
    /// # Panics
    /// Where the columns are not those of the table, in number, order, type or length: a bug of ours.
    #[must_use]
    pub fn new(table: &'static Table, columns: Vec<Cells<'v>>) -> Self {
        let rows = columns.first().map_or(0, Cells::len);
        assert!(
            columns.len() == table.columns.len(),
            "`{}` has its columns",
            table.name
        );
        for (cells, column) in columns.iter().zip(table.columns) {
            assert!(
                cells.fits(column.column_type) && cells.len() == rows,
                "`{}`.`{}` has its cells",
                table.name,
                column.name
            );
        }
        Self {
            table,
            columns,
            rows,
        }
    }
}
