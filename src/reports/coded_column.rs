//! One column of a row group in Parquet's own encoding, made of numbers that the rows have already:
//! each distinct value stands once in a dictionary, and the pages have its number. Nothing is looked
//! up here, where the writers of the parquet crate look up each value of each row, and rows that
//! share a value cost what one of them does.

use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::column::page::{CompressedPage, Page, PageWriter as _};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::data_type::{ByteArray, FixedLenByteArray};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::statistics::Statistics;
use ::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;
use zstd::bulk::Compressor;

use super::hybrid::{push_hybrid, push_repeated};
use crate::model::tables::ColumnType;

/// Level of ZSTD compression of texts: 1. The dictionaries leave little that a higher one finds.
const TEXTS_ZSTD_LEVEL: i32 = 1;

/// Level of ZSTD compression of numbers, packed or one by one: -5, which finds long repetitions and
/// nothing else. Level 1 makes the files an eighth smaller, and takes longer than all else about them.
const NUMBERS_ZSTD_LEVEL: i32 = -5;

/// Number of a row that has no value.
pub const NO_VALUE: u32 = u32::MAX;

/// Bytes of a number: what 28 digits take.
pub const NUMBER_BYTES: usize = 12;

/// Rows of a page whose values stand one by one: 16,384. Pages of numbers are small at any length.
const PLAIN_PAGE_ROWS: usize = 16 * 1024;

/// Adds a text as the dictionary of a column has it.
pub fn push_text(into: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("a text in a row is shorter than 4 GiB");
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(text.as_bytes());
}

/// Adds a number in units of 10^-10, of at most 28 digits, as the dictionary of a column has it.
pub fn push_number(into: &mut Vec<u8>, number: i128) {
    into.extend_from_slice(&number.to_be_bytes()[size_of::<i128>() - NUMBER_BYTES..]);
}

/// Number that was added by [`push_number`].
fn number_of(value: &[u8]) -> i128 {
    let is_negative = value.first().is_some_and(|first| first & 0x80 != 0);
    let mut bytes = [if is_negative { u8::MAX } else { 0 }; size_of::<i128>()];
    bytes[size_of::<i128>() - NUMBER_BYTES..].copy_from_slice(value);
    i128::from_be_bytes(bytes)
}

/// Adds a day, in days since 1970-01-01, as the dictionary of a column has it.
pub fn push_day(into: &mut Vec<u8>, day: i32) {
    into.extend_from_slice(&day.to_le_bytes());
}

/// Adds a whole number as the dictionary of a column has it.
pub fn push_integer(into: &mut Vec<u8>, number: i64) {
    into.extend_from_slice(&number.to_le_bytes());
}

/// The values of a column of some rows, which repeat.
#[derive(Clone, Copy, Debug)]
pub struct CodedColumn<'v> {
    /// All distinct values behind each other, as they were added by `push_…`.
    pub values: &'v [u8],
    /// End of each value in `values`.
    pub ends: &'v [usize],
    /// Number of the value of each row, from 0; [`NO_VALUE`] for none.
    pub codes: Codes<'v>,
}

/// Numbers of the values of some rows.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'v> {
    /// So many rows have the number 0.
    Zeros(usize),
    /// All rows have a value.
    Dense(&'v [u32]),
    /// Some rows may have none.
    Sparse(&'v [u32]),
}

/// Number of a row that has none, where a number stands for itself.
pub const NO_NUMBER: i128 = i128::MIN;

/// Numbers of a column that repeat too little for a dictionary, in units of 10^-10; [`NO_NUMBER`] for
/// none.
pub type PlainNumbers<'n> = &'n [i128];

/// A column as it stands in the file.
pub(super) type ColumnChunk = (Bytes, ColumnCloseResult);

/// What a column of a table may hold, by which its smallest and largest value are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Texts,
    Numbers,
    Integers,
    Days,
}

impl Held {
    /// What columns of a type hold.
    ///
    /// # Panics
    /// For truth values, which no dictionary has: no table that is coded has any.
    pub(super) fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Text => Self::Texts,
            ColumnType::Decimal | ColumnType::DecimalOrNull => Self::Numbers,
            ColumnType::Integer => Self::Integers,
            ColumnType::Date => Self::Days,
            ColumnType::Boolean => unreachable!("truth values are not coded"),
        }
    }
}

/// What encodes column after column: a codec takes longer to make than to use.
pub(super) struct ColumnEncoder {
    texts: Compressor<'static>,
    numbers: Compressor<'static>,
}

impl ColumnEncoder {
    /// Encoder of any column.
    ///
    /// # Errors
    /// That of the codec.
    pub(super) fn new() -> Result<Self, ParquetError> {
        Ok(Self {
            texts: Compressor::new(TEXTS_ZSTD_LEVEL)?,
            numbers: Compressor::new(NUMBERS_ZSTD_LEVEL)?,
        })
    }

    /// Encodes a column whose values repeat.
    ///
    /// # Errors
    /// That of the codec.
    pub(super) fn coded(
        &mut self,
        column: &CodedColumn<'_>,
        held: Held,
        descriptor: ColumnDescPtr,
    ) -> Result<ColumnChunk, ParquetError> {
        let mut file = TrackedWrite::new(Vec::new());
        let mut pages = Pages::new(&mut file, self, &descriptor);
        let in_dictionary = column.has_use_for_a_dictionary();
        let first_page = if in_dictionary {
            pages.dictionary(column)?;
            let at = pages.bytes[1];
            pages.coded(column)?;
            at
        } else {
            pages.plain(column)?;
            0
        };
        let chunk = Chunk {
            rows: column.codes.rows(),
            bytes: pages.bytes,
            dictionary_ends: in_dictionary.then_some(first_page),
            statistics: column.statistics(held),
        };
        Ok((
            Bytes::from(file.into_inner()?),
            chunk.close_result(descriptor)?,
        ))
    }

    /// Encodes numbers one by one.
    ///
    /// # Errors
    /// That of the codec.
    pub(super) fn plain_numbers(
        &mut self,
        numbers: PlainNumbers<'_>,
        descriptor: ColumnDescPtr,
    ) -> Result<ColumnChunk, ParquetError> {
        let mut file = TrackedWrite::new(Vec::new());
        let mut pages = Pages::new(&mut file, self, &descriptor);
        let (mut least, mut most, mut gaps) = (i128::MAX, i128::MIN, 0);
        for numbers in numbers.chunks(PLAIN_PAGE_ROWS) {
            let mut page = pages.start_of_numbers(numbers);
            page.reserve(numbers.len() * NUMBER_BYTES);
            for number in numbers {
                if *number == NO_NUMBER {
                    gaps += 1;
                    continue;
                }
                (least, most) = (least.min(*number), most.max(*number));
                push_number(&mut page, *number);
            }
            pages.numbers(&page, numbers.len(), Encoding::PLAIN)?;
        }
        let known = |bound: i128| (gaps < numbers.len()).then_some(bound);
        let statistics = statistics_of_numbers(known(least), known(most), gaps as u64);
        let chunk = Chunk {
            rows: numbers.len(),
            bytes: pages.bytes,
            dictionary_ends: None,
            statistics: Some(statistics),
        };
        Ok((
            Bytes::from(file.into_inner()?),
            chunk.close_result(descriptor)?,
        ))
    }
}

/// A column whose pages are written, as the footer tells of it.
struct Chunk {
    rows: usize,
    /// Bytes with headers, before they were compressed and since.
    bytes: [usize; 2],
    /// Where the dictionary ends; `None` without one.
    dictionary_ends: Option<usize>,
    statistics: Option<Statistics>,
}

impl Chunk {
    fn close_result(self, descriptor: ColumnDescPtr) -> Result<ColumnCloseResult, ParquetError> {
        let [uncompressed, compressed] = self.bytes;
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        encodings.extend(self.dictionary_ends.map(|_| Encoding::RLE_DICTIONARY));
        let mut metadata = ColumnChunkMetaData::builder(descriptor)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(TEXTS_ZSTD_LEVEL)?))
            .set_encodings(encodings)
            .set_num_values(signed(self.rows))
            .set_total_uncompressed_size(signed(uncompressed))
            .set_total_compressed_size(signed(compressed))
            .set_dictionary_page_offset(self.dictionary_ends.map(|_| 0))
            .set_data_page_offset(signed(self.dictionary_ends.unwrap_or(0)));
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("a size in memory has 63 bits")
}

impl Codes<'_> {
    fn rows(self) -> usize {
        match self {
            Self::Zeros(rows) => rows,
            Self::Dense(codes) | Self::Sparse(codes) => codes.len(),
        }
    }

    /// Number of rows without a value.
    fn gaps(self) -> usize {
        match self {
            Self::Zeros(_) | Self::Dense(_) => 0,
            Self::Sparse(codes) => codes.iter().filter(|code| **code == NO_VALUE).count(),
        }
    }
}

impl<'v> CodedColumn<'v> {
    /// Value of a number that is not [`NO_VALUE`].
    fn value(&self, code: usize) -> &'v [u8] {
        let start = code.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[start..self.ends[code]]
    }

    /// True if values repeat so often that their numbers are shorter than they are.
    fn has_use_for_a_dictionary(&self) -> bool {
        // Not every reader expects a dictionary without an entry.
        !self.ends.is_empty() && self.ends.len() <= self.codes.rows() / 2
    }

    /// Smallest and largest value; texts have none, for no reader picks row groups by them.
    fn statistics(&self, held: Held) -> Option<Statistics> {
        let gaps = self.codes.gaps() as u64;
        let values = (0..self.ends.len()).map(|code| self.value(code));
        match held {
            Held::Texts => None,
            Held::Days => {
                let days =
                    values.filter_map(|value| Some(i32::from_le_bytes(value.try_into().ok()?)));
                let (least, most) = (days.clone().min(), days.max());
                Some(Statistics::int32(least, most, None, Some(gaps), false))
            }
            Held::Integers => {
                let numbers =
                    values.filter_map(|value| Some(i64::from_le_bytes(value.try_into().ok()?)));
                let (least, most) = (numbers.clone().min(), numbers.max());
                Some(Statistics::int64(least, most, None, Some(gaps), false))
            }
            Held::Numbers => {
                let numbers = values.map(number_of);
                let (least, most) = (numbers.clone().min(), numbers.max());
                Some(statistics_of_numbers(least, most, gaps))
            }
        }
    }
}

fn statistics_of_numbers(least: Option<i128>, most: Option<i128>, gaps: u64) -> Statistics {
    let bytes = |number: i128| {
        let mut bytes = Vec::with_capacity(NUMBER_BYTES);
        push_number(&mut bytes, number);
        FixedLenByteArray::from(ByteArray::from(bytes))
    };
    let (least, most) = (least.map(bytes), most.map(bytes));
    Statistics::fixed_len_byte_array(least, most, None, Some(gaps), false)
}

/// Pages of one column on their way to its chunk.
struct Pages<'f> {
    writer: SerializedPageWriter<'f, Vec<u8>>,
    codecs: &'f mut ColumnEncoder,
    /// True if a row of the column may have no value.
    has_gaps: bool,
    /// Bytes so far with their headers, before they were compressed and since.
    bytes: [usize; 2],
}

impl<'f> Pages<'f> {
    fn new(
        file: &'f mut TrackedWrite<Vec<u8>>,
        codecs: &'f mut ColumnEncoder,
        descriptor: &ColumnDescPtr,
    ) -> Self {
        Self {
            writer: SerializedPageWriter::new(file),
            codecs,
            has_gaps: descriptor.max_def_level() > 0,
            bytes: [0; 2],
        }
    }

    fn dictionary(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        let page = Page::DictionaryPage {
            buf: self.codecs.texts.compress(column.values)?.into(),
            num_values: count(column.ends.len()),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.write(page, column.values.len())
    }

    /// Writes the numbers of all rows as one page.
    fn coded(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        let largest = column.ends.len().saturating_sub(1);
        let width = usize::BITS - largest.leading_zeros();
        let mut page = self.start(column.codes);
        page.push(u8::try_from(width).expect("a number has at most 32 bits"));
        match column.codes {
            Codes::Zeros(rows) => push_repeated(&mut page, 0, rows, width),
            Codes::Dense(codes) => push_hybrid(&mut page, codes, width),
            Codes::Sparse(codes) => push_hybrid(&mut page, &present(codes), width),
        }
        self.numbers(&page, column.codes.rows(), Encoding::RLE_DICTIONARY)
    }

    /// Writes the values of all rows as one page.
    fn plain(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        let mut page = self.start(column.codes);
        let zeros;
        let codes = match column.codes {
            Codes::Zeros(rows) => {
                zeros = vec![0; rows];
                &zeros
            }
            Codes::Dense(codes) | Codes::Sparse(codes) => codes,
        };
        for code in codes.iter().filter(|code| **code != NO_VALUE) {
            page.extend_from_slice(column.value(*code as usize));
        }
        let compressed = self.codecs.texts.compress(&page)?;
        self.data(
            (compressed, page.len()),
            column.codes.rows(),
            Encoding::PLAIN,
        )
    }

    /// Start of a page: which rows have a value, where there may be none.
    fn start(&self, codes: Codes<'_>) -> Vec<u8> {
        match (codes, self.has_gaps) {
            (Codes::Sparse(codes), true) => {
                let is_there = codes.iter().map(|code| u32::from(*code != NO_VALUE));
                levels(&is_there.collect::<Vec<_>>())
            }
            // Values would otherwise move up to other rows.
            (Codes::Sparse(_), false) => unreachable!("every row has a value"),
            (codes, true) => {
                let mut encoded = Vec::new();
                push_repeated(&mut encoded, 1, codes.rows(), 1);
                with_length(encoded)
            }
            (_, false) => Vec::new(),
        }
    }

    fn start_of_numbers(&self, numbers: PlainNumbers<'_>) -> Vec<u8> {
        match (self.has_gaps, numbers.contains(&NO_NUMBER)) {
            (true, true) => {
                let is_there = numbers.iter().map(|number| *number != NO_NUMBER);
                levels(&is_there.map(u32::from).collect::<Vec<_>>())
            }
            (false, true) => unreachable!("every row has a number"),
            (_, false) => self.start(Codes::Zeros(numbers.len())),
        }
    }

    /// Writes a page of numbers.
    fn numbers(
        &mut self,
        page: &[u8],
        rows: usize,
        encoding: Encoding,
    ) -> Result<(), ParquetError> {
        let compressed = self.codecs.numbers.compress(page)?;
        self.data((compressed, page.len()), rows, encoding)
    }

    fn data(
        &mut self,
        (compressed, uncompressed): (Vec<u8>, usize),
        rows: usize,
        encoding: Encoding,
    ) -> Result<(), ParquetError> {
        let page = Page::DataPage {
            buf: compressed.into(),
            num_values: count(rows),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.write(page, uncompressed)
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<(), ParquetError> {
        let written = self
            .writer
            .write_page(CompressedPage::new(page, uncompressed))?;
        self.bytes[0] += written.uncompressed_size;
        self.bytes[1] += written.compressed_size;
        Ok(())
    }
}

/// Levels of the rows of a page, with their length in front.
fn levels(is_there: &[u32]) -> Vec<u8> {
    let mut encoded = Vec::new();
    push_hybrid(&mut encoded, is_there, 1);
    with_length(encoded)
}

fn with_length(mut encoded: Vec<u8>) -> Vec<u8> {
    let mut page = count(encoded.len()).to_le_bytes().to_vec();
    page.append(&mut encoded);
    page
}

/// Numbers of the rows that have a value.
fn present(codes: &[u32]) -> Vec<u32> {
    let present = codes.iter().filter(|code| **code != NO_VALUE);
    present.copied().collect()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a page has fewer than 2^32 values and bytes")
}
