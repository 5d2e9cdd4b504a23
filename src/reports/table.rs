//! A part of a published table on its way to disk: its columns as codes or values, checked against
//! the table's definition, so that no writer meets a cell of the wrong type.

use crate::model::ids::Fold;
use crate::model::tables::{ColumnType, Table};

/// Rows that are filled and written at a time: 65,536. Only that many are in memory as cells. Row
/// groups of Parquet are made of whole parts.
pub const PART_ROWS: usize = 64 * 1024;

/// The cells of one column.
#[derive(Clone, Debug)]
pub enum Cells<'v> {
    /// Texts by code: the code of each row, and the text of each code. Nothing is copied until the
    /// file is written, and Parquet takes the codes as they are.
    Codes(Vec<u32>, &'v [String]),
    /// Texts by code as [`Self::Codes`], each of which is folded when the file is written.
    Folded(Vec<u32>, &'v [String], Fold),
    /// Text of each row.
    Texts(Vec<String>),
    /// Whole number of each row.
    Integers(Vec<i64>),
    /// Decimal number of each row, in units of 10^-10.
    Decimals(Vec<i128>),
    /// Day of each row in days since 1970-01-01; `None` for no day.
    Days(Vec<Option<i32>>),
    /// Truth value of each row.
    Booleans(Vec<bool>),
}

impl Cells<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Codes(codes, _) | Self::Folded(codes, ..) => codes.len(),
            Self::Texts(texts) => texts.len(),
            Self::Integers(numbers) => numbers.len(),
            Self::Decimals(numbers) => numbers.len(),
            Self::Days(days) => days.len(),
            Self::Booleans(values) => values.len(),
        }
    }

    fn fits(&self, column_type: ColumnType) -> bool {
        matches!(
            (self, column_type),
            (
                Self::Codes(..) | Self::Folded(..) | Self::Texts(_),
                ColumnType::Text
            ) | (Self::Integers(_), ColumnType::Integer)
                | (Self::Decimals(_), ColumnType::Decimal)
                | (Self::Days(_), ColumnType::Date)
                | (Self::Booleans(_), ColumnType::Boolean)
        )
    }
}

/// A part of a table: its definition and the cells of some of its rows.
#[derive(Debug)]
pub struct TablePart<'v> {
    /// Definition of the table.
    pub table: &'static Table,
    /// Cells of each column, parallel to the table's columns and all of one length.
    pub columns: Vec<Cells<'v>>,
    /// Number of rows in this part.
    pub rows: usize,
}

impl<'v> TablePart<'v> {
    /// The rows of a table with these cells.
    ///
    /// # Panics
    /// If the columns are not those of the table in number, order and type, or differ in length:
    /// that is a bug of ours, and would be published as shifted columns.
    #[must_use]
    pub fn new(table: &'static Table, columns: Vec<Cells<'v>>) -> Self {
        assert!(
            columns.len() == table.columns.len(),
            "`{}` has its columns",
            table.name
        );
        let rows = columns[0].len();
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
