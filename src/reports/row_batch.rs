//! Rows of a table on their way to a file, column by column, as they come: a text that follows an
//! equal one costs a comparison and a count, as the rows of a file share most of their texts with the
//! row before.

use std::sync::Arc;

use ::parquet::errors::ParquetError;
use arrow_array::types::UInt32Type;
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, StringArray, UInt32Array,
};
use arrow_schema::DataType;

use super::parquet::{PRECISION, data_type_of};
use crate::model::decimal::PUBLISHED_SCALE;
use crate::model::ids::{Fold, display, fold};
use crate::model::tables::{ColumnType, Table};

/// Some rows of a table, which may be the whole of them.
#[derive(Debug)]
pub struct RowBatch {
    columns: Vec<BatchColumn>,
    rows: usize,
}

/// One column of a batch.
#[derive(Debug)]
enum BatchColumn {
    Text(TextRuns),
    Number(Vec<Option<i128>>),
    Day(Vec<Option<i32>>),
}

/// Texts of a column, each with the number of rows in a row that have it.
#[derive(Debug, Default)]
struct TextRuns {
    /// Text that came last, before it was folded.
    last: Vec<u8>,
    /// All texts behind each other: one allocation for many of them.
    texts: String,
    /// End of each text.
    ends: Vec<usize>,
    lengths: Vec<u32>,
}

impl TextRuns {
    /// Adds a text that differs from the last one.
    fn begin(&mut self, text: &[u8], kind: Option<Fold>) {
        self.last.clear();
        self.last.extend_from_slice(text);
        match (std::str::from_utf8(text), kind) {
            (Ok(text), kind) if is_folded(text, kind) => self.texts.push_str(text),
            (_, Some(kind)) => {
                let text = String::from_utf8_lossy(text);
                self.texts.push_str(&fold(kind, &text));
            }
            (_, None) => {
                let text = String::from_utf8_lossy(text);
                self.texts.push_str(&display(Fold::Text, &text));
            }
        }
        self.ends.push(self.texts.len());
        self.lengths.push(1);
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.texts[start..*end])
    }
}

/// True for a text that folding leaves as it is, as far as its bytes tell at a glance.
fn is_folded(text: &str, kind: Option<Fold>) -> bool {
    let has_no = |of: fn(u8) -> bool| !text.bytes().any(|byte| !byte.is_ascii() || of(byte));
    match kind {
        None => text.trim().len() == text.len(),
        Some(Fold::Code) => has_no(|byte| !byte.is_ascii_uppercase()),
        Some(Fold::Sku) => {
            text.len() >= 4
                && has_no(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace())
        }
        // No colon, as of `org:`, and no slash at the end.
        Some(Fold::Identifier | Fold::ArmId | Fold::Text) => {
            !text.ends_with('/')
                && has_no(|byte| {
                    byte.is_ascii_uppercase() || byte.is_ascii_whitespace() || byte == b':'
                })
        }
    }
}

impl RowBatch {
    /// No rows of a table of texts, numbers and days.
    ///
    /// # Panics
    /// For a table with columns of another type.
    #[must_use]
    pub fn new(table: &'static Table) -> Self {
        let columns = table.columns.iter().map(|column| match column.column_type {
            ColumnType::Text => BatchColumn::Text(TextRuns::default()),
            ColumnType::DecimalOrNull => BatchColumn::Number(Vec::new()),
            ColumnType::Date => BatchColumn::Day(Vec::new()),
            other => unreachable!("`{}` has a column of {}", table.name, other.name()),
        });
        Self {
            columns: columns.collect(),
            rows: 0,
        }
    }

    /// Number of complete rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the text of a column, folded where it is an id; bytes that are no UTF-8 are replaced.
    ///
    /// # Panics
    /// For a column of another type, as the others that add a value.
    pub fn text(&mut self, column: usize, text: &[u8], kind: Option<Fold>) {
        let BatchColumn::Text(runs) = &mut self.columns[column] else {
            unreachable!("column {column} holds no texts");
        };
        match runs.lengths.last_mut() {
            Some(length) if runs.last == text => *length += 1,
            _ => runs.begin(text, kind),
        }
    }

    /// Adds the number of a column, in units of 10^-10.
    ///
    /// # Panics
    /// As [`text`](Self::text).
    pub fn number(&mut self, column: usize, number: Option<i128>) {
        let BatchColumn::Number(numbers) = &mut self.columns[column] else {
            unreachable!("column {column} holds no numbers");
        };
        numbers.push(number);
    }

    /// Adds the day of a column, in days since 1970-01-01.
    ///
    /// # Panics
    /// As [`text`](Self::text).
    pub fn day(&mut self, column: usize, day: Option<i32>) {
        let BatchColumn::Day(days) = &mut self.columns[column] else {
            unreachable!("column {column} holds no days");
        };
        days.push(day);
    }

    /// Ends a row, each of whose columns has its value.
    pub const fn end_row(&mut self) {
        self.rows += 1;
    }
}

/// One column of several batches, in their order, as an array.
///
/// # Errors
/// That of the arrays, for a number of more than 28 digits.
pub(super) fn array_of(batches: &[RowBatch], column: usize) -> Result<ArrayRef, ParquetError> {
    let columns = || batches.iter().map(|batch| &batch.columns[column]);
    Ok(match columns().next() {
        Some(BatchColumn::Number(_)) => {
            let numbers = columns().flat_map(|column| match column {
                BatchColumn::Number(numbers) => numbers.as_slice(),
                _ => &[],
            });
            let scale = i8::try_from(PUBLISHED_SCALE).expect("the published scale has two digits");
            let array: Decimal128Array = numbers.copied().collect();
            Arc::new(array.with_precision_and_scale(PRECISION, scale)?)
        }
        Some(BatchColumn::Day(_)) => {
            let days = columns().flat_map(|column| match column {
                BatchColumn::Day(days) => days.as_slice(),
                _ => &[],
            });
            Arc::new(days.copied().collect::<Date32Array>())
        }
        _ => {
            let runs = || {
                columns().filter_map(|column| match column {
                    BatchColumn::Text(runs) => Some(runs),
                    _ => None,
                })
            };
            let texts = runs().flat_map(TextRuns::all);
            let lengths = runs().flat_map(|runs| &runs.lengths);
            let keys = (0..)
                .zip(lengths)
                .flat_map(|(entry, length)| std::iter::repeat_n(entry, *length as usize));
            let texts = Arc::new(StringArray::from_iter_values(texts));
            let keys = UInt32Array::from_iter_values(keys);
            Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, texts)?)
        }
    })
}

/// Arrow type of a column of a batch.
pub(super) fn batch_type(column_type: ColumnType) -> DataType {
    data_type_of(column_type, column_type == ColumnType::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken for folded at a glance is what folding gives.
    #[test]
    fn a_glance_and_folding_agree() {
        let kinds = [
            Fold::Identifier,
            Fold::Sku,
            Fold::ArmId,
            Fold::Text,
            Fold::Code,
        ];
        for text in [
            "",
            "a",
            "3",
            "0003",
            "000b",
            "eur",
            "EUR",
            "org:1",
            "a b",
            " a",
            "a ",
            "a/",
            "/a/B",
            "ä",
            "\u{a0}a",
            "b16d77fa-2f42",
            "B16D77FA",
            "a\tb",
            "x:y",
        ] {
            for kind in kinds {
                let glance = is_folded(text, Some(kind));
                assert!(!glance || fold(kind, text) == text, "{text:?} {kind:?}");
            }
            let glance = is_folded(text, None);
            assert!(!glance || display(Fold::Text, text) == text, "{text:?}");
        }
        assert!(is_folded("b16d77fa-2f42", Some(Fold::Identifier)));
    }
}
