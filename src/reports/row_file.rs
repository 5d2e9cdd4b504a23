//! A Parquet file whose row groups are encoded by whoever has their rows, and appended in their
//! order: the bytes are the same on any number of cores.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use ::parquet::errors::ParquetError;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};
use arrow_schema::{Field, Schema};

use super::coded_column::{CodedColumn, ColumnChunk, ColumnEncoder, Held, PlainNumbers};
use super::parquet::data_type_of;
use super::parquet_settings::{begin, descriptions, writer_options};
use crate::model::tables::{ColumnType, Table};

/// Rows from which on a row group ends: 131,072. It may have those of a batch more.
pub const GROUP_ROWS: usize = 128 * 1024;

/// A file while it is written.
pub struct RowFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    table: &'static Table,
    schema: SchemaDescPtr,
    /// Row groups that are encoded, and wait for one before them.
    waiting: BTreeMap<usize, EncodedGroup>,
    /// Number of row groups that were appended, and of their rows.
    appended: usize,
    rows: u64,
}

/// Encodes the columns of one row group, from the first to the last.
pub struct GroupEncoder {
    table: &'static Table,
    schema: SchemaDescPtr,
    encoder: ColumnEncoder,
    chunks: Vec<ColumnChunk>,
}

/// Columns of a row group as they stand in the file.
pub struct EncodedGroup(pub(super) Vec<ColumnChunk>);

impl<W: Write + Send> RowFile<W> {
    /// A file of a table without rows; the meanings of its columns stand in the footer.
    ///
    /// # Errors
    /// The error of the target.
    pub fn new(table: &'static Table, into: W) -> Result<Self, ParquetError> {
        let fields = table.columns.iter().map(|column| {
            let nullable = [ColumnType::Date, ColumnType::DecimalOrNull];
            let is_nullable = nullable.contains(&column.column_type);
            Field::new(
                column.name,
                data_type_of(column.column_type, false),
                is_nullable,
            )
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = writer_options(GROUP_ROWS, Some(descriptions(table)))?;
        let (file, _) = begin(into, &schema, options)?;
        Ok(Self {
            schema: Arc::new(file.schema_descr().clone()),
            file,
            table,
            waiting: BTreeMap::new(),
            appended: 0,
            rows: 0,
        })
    }

    /// Encoder of a row group.
    ///
    /// # Errors
    /// That of the codec.
    pub fn encoder(&self) -> Result<GroupEncoder, ParquetError> {
        Ok(GroupEncoder {
            table: self.table,
            schema: Arc::clone(&self.schema),
            encoder: ColumnEncoder::new()?,
            chunks: Vec::new(),
        })
    }

    /// Columns of the file.
    pub(super) fn schema(&self) -> SchemaDescPtr {
        Arc::clone(&self.schema)
    }

    /// Appends a row group, once all before it are there. Groups are numbered from 0.
    ///
    /// # Errors
    /// The error of the target.
    pub fn append(&mut self, number: usize, group: EncodedGroup) -> Result<(), ParquetError> {
        self.waiting.insert(number, group);
        while let Some(EncodedGroup(chunks)) = self.waiting.remove(&self.appended) {
            let mut group = self.file.next_row_group()?;
            for (bytes, closed) in chunks {
                group.append_column(&bytes, closed)?;
            }
            let written = group.close()?.num_rows();
            self.rows += u64::try_from(written).expect("a group has no fewer rows than none");
            self.appended += 1;
        }
        Ok(())
    }

    /// Number of rows in the file so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the footer; the target comes back.
    ///
    /// # Errors
    /// The error of the target.
    pub fn close(self) -> Result<W, ParquetError> {
        self.file.into_inner()
    }
}

impl GroupEncoder {
    /// Encodes the next column, whose values repeat.
    ///
    /// # Errors
    /// That of the codec.
    ///
    /// # Panics
    /// For more columns than the table has, and for one of truth values.
    pub fn add(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        let (held, descriptor) = self.next();
        let chunk = self.encoder.coded(column, held, descriptor)?;
        self.chunks.push(chunk);
        Ok(())
    }

    /// Encodes the next column, of numbers that repeat too little.
    ///
    /// # Errors
    /// That of the codec.
    ///
    /// # Panics
    /// As [`GroupEncoder::add`], and for a column that is not of numbers.
    pub fn add_numbers(&mut self, numbers: PlainNumbers<'_>) -> Result<(), ParquetError> {
        let (held, descriptor) = self.next();
        assert!(held == Held::Numbers, "the column is of numbers");
        let chunk = self.encoder.plain_numbers(numbers, descriptor)?;
        self.chunks.push(chunk);
        Ok(())
    }

    fn next(&self) -> (Held, ColumnDescPtr) {
        let at = self.chunks.len();
        let held = Held::of(self.table.columns[at].column_type);
        (held, self.schema.column(at))
    }

    /// The row group, once it has all columns.
    #[must_use]
    pub fn end(self) -> EncodedGroup {
        EncodedGroup(self.chunks)
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Date32Type, Decimal128Type};
    use bytes::Bytes;

    use super::super::coded_column::{
        Codes, NO_NUMBER, NO_VALUE, push_day, push_number, push_text,
    };
    use super::*;
    use crate::model::tables::PublishedColumn;

    const fn column(name: &'static str, column_type: ColumnType) -> PublishedColumn {
        PublishedColumn {
            name,
            column_type,
            meaning: "what a test makes of it",
        }
    }

    static TABLE: Table = Table {
        name: "test",
        row: "one row",
        columns: &[
            column("text", ColumnType::Text),
            column("number", ColumnType::DecimalOrNull),
            column("day", ColumnType::Date),
        ],
    };

    /// What `codes` stand for in each column.
    fn text(code: u32) -> String {
        "ä".repeat(code as usize % 5) + &code.to_string()
    }

    fn number(code: u32) -> i128 {
        let large = 10_i128.pow(27) - i128::from(code);
        if code.is_multiple_of(2) {
            large
        } else {
            -large
        }
    }

    fn day(code: u32) -> i32 {
        i32::try_from(code).expect("tests have few values") - 3
    }

    /// Numbers of rows as the encoder gets them: in the order of their first rows.
    fn dense(codes: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut distinct = Vec::new();
        let dense = codes.iter().map(|code| {
            if *code == NO_VALUE {
                return NO_VALUE;
            }
            let at = distinct.iter().position(|known| known == code);
            let at = at.unwrap_or_else(|| {
                distinct.push(*code);
                distinct.len() - 1
            });
            u32::try_from(at).expect("tests have few values")
        });
        (dense.collect(), distinct)
    }

    fn file_of(groups: &[Vec<u32>]) -> Bytes {
        let mut file = RowFile::new(&TABLE, Vec::new()).expect("memory takes all");
        for (at, codes) in groups.iter().enumerate() {
            let mut encoder = file.encoder().expect("a codec");
            for kind in 0..3 {
                // Texts have no gaps.
                let codes: Vec<u32> = match kind {
                    0 => codes.iter().map(|code| code % 1_000_000).collect(),
                    _ => codes.clone(),
                };
                let (dense, distinct) = dense(&codes);
                let (mut values, mut ends) = (Vec::new(), Vec::new());
                for code in distinct {
                    match kind {
                        0 => push_text(&mut values, &text(code)),
                        1 => push_number(&mut values, number(code)),
                        _ => push_day(&mut values, day(code)),
                    }
                    ends.push(values.len());
                }
                let column = CodedColumn {
                    values: &values,
                    ends: &ends,
                    codes: match (dense.contains(&NO_VALUE), ends.len()) {
                        (true, _) => Codes::Sparse(&dense),
                        (false, 1) => Codes::Zeros(dense.len()),
                        (false, _) => Codes::Dense(&dense),
                    },
                };
                let added = if kind == 1 && at % 2 == 1 {
                    let number_of = |code: &u32| match *code {
                        NO_VALUE => NO_NUMBER,
                        code => number(code),
                    };
                    encoder.add_numbers(&codes.iter().map(number_of).collect::<Vec<_>>())
                } else {
                    encoder.add(&column)
                };
                added.expect("the codec takes all");
            }
            file.append(at, encoder.end()).expect("memory takes all");
        }
        Bytes::from(file.close().expect("memory takes all"))
    }

    /// Reads the file with the parquet crate, and holds each row against what its code stands for.
    fn check(groups: &[Vec<u32>]) {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file_of(groups)).expect("a file");
        let mut codes = groups.iter().flatten();
        for batch in builder.build().expect("a file") {
            let batch = batch.expect("rows");
            let texts = batch.column(0).as_string::<i32>();
            let numbers = batch.column(1).as_primitive::<Decimal128Type>();
            let days = batch.column(2).as_primitive::<Date32Type>();
            for ((found, number_found), day_found) in texts.iter().zip(numbers).zip(days) {
                let code = *codes.next().expect("no more rows than there were");
                assert_eq!(found, Some(&*text(code % 1_000_000)));
                let is_there = code != NO_VALUE;
                assert_eq!(number_found, is_there.then(|| number(code)));
                assert_eq!(day_found, is_there.then(|| day(code)));
            }
        }
        assert_eq!(codes.next(), None, "every row is there");
    }

    #[test]
    fn columns_of_any_shape_are_read_as_they_were() {
        let mut chance = 7_u64;
        let mut next = move |below: u32| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(chance >> 33).expect("31 bits") % below
        };
        check(&[vec![5]]);
        check(&[vec![NO_VALUE; 3]]);
        check(&[vec![1; 1000], vec![NO_VALUE; 17], (0..40_000).collect()]);
        for distinct in [2, 3, 8, 9, 31, 300, 5_000] {
            for longest in [1, 7, 8, 9, 24, 70] {
                let mut codes = Vec::new();
                while codes.len() < 3_000 {
                    let code = match next(distinct + 1) {
                        code if code == distinct => NO_VALUE,
                        code => code,
                    };
                    codes.extend(std::iter::repeat_n(code, 1 + next(longest) as usize));
                }
                check(&[codes.clone(), codes]);
            }
        }
    }

    #[test]
    fn numbers_and_days_have_their_smallest_and_largest_value() {
        let file = file_of(&[vec![4, 4, 7, NO_VALUE, 4, 4, 9, 7]]);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a file");
        let group = builder.metadata().row_group(0);
        let bounds = |column: usize| {
            let statistics = group
                .column(column)
                .statistics()
                .expect("it has statistics");
            let bytes = [statistics.min_bytes_opt(), statistics.max_bytes_opt()];
            assert_eq!(statistics.null_count_opt(), Some(1));
            bytes.map(|bytes| bytes.expect("it has a value").to_vec())
        };
        let number = |code| number(code).to_be_bytes()[4..].to_vec();
        assert_eq!(bounds(1), [number(7), number(4)]);
        assert_eq!(
            bounds(2),
            [day(4), day(9)].map(|day| day.to_le_bytes().to_vec())
        );
        assert!(group.column(0).statistics().is_none());
    }
}
