//! One column of a row group in Parquet's own encoding, made of numbers that the rows have already:
//! each distinct value stands once in a dictionary, and the pages have its number. Nothing is looked
//! up here, where the writers of the parquet crate look up each value of each row.
//!
//! Layout: Apache Parquet's `Encodings.md`, RLE/bit-packing hybrid.

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

use super::parquet_settings::ZSTD_LEVEL;

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

/// The values of a column of some rows.
#[derive(Clone, Copy, Debug)]
pub struct CodedColumn<'v> {
    /// All distinct values behind each other, as they were added by `push_…`.
    pub values: &'v [u8],
    /// End of each value in `values`.
    pub ends: &'v [usize],
    /// Number of the value of each row, from 0; [`NO_VALUE`] for none.
    pub codes: &'v [u32],
}

/// A column as it stands in the file.
pub(super) type ColumnChunk = (Bytes, ColumnCloseResult);

/// What a column of a table may hold, by which its smallest and largest value are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Texts,
    Numbers,
    Days,
}

/// Encodes a column.
///
/// # Errors
/// That of the codec.
pub(super) fn encode(
    column: &CodedColumn<'_>,
    held: Held,
    descriptor: ColumnDescPtr,
) -> Result<ColumnChunk, ParquetError> {
    let mut file = TrackedWrite::new(Vec::new());
    let mut pages = Pages {
        writer: SerializedPageWriter::new(&mut file),
        compressor: Compressor::new(ZSTD_LEVEL)?,
        has_gaps: held != Held::Texts,
        bytes: [0; 2],
    };
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
    let [uncompressed, compressed] = pages.bytes;
    let (encodings, dictionary) = if in_dictionary {
        (
            vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
            Some(0),
        )
    } else {
        (vec![Encoding::PLAIN, Encoding::RLE], None)
    };
    let rows = column.codes.len();
    let mut metadata = ColumnChunkMetaData::builder(descriptor)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_encodings(encodings)
        .set_num_values(signed(rows))
        .set_total_uncompressed_size(signed(uncompressed))
        .set_total_compressed_size(signed(compressed))
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset(signed(first_page));
    if let Some(statistics) = column.statistics(held) {
        metadata = metadata.set_statistics(statistics);
    }
    let closed = ColumnCloseResult {
        bytes_written: compressed as u64,
        rows_written: rows as u64,
        metadata: metadata.build()?,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((Bytes::from(file.into_inner()?), closed))
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("a size in memory has 63 bits")
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
        !self.ends.is_empty() && self.ends.len() <= self.codes.len() / 2
    }

    /// Smallest and largest value; texts have none, for no reader picks row groups by them.
    fn statistics(&self, held: Held) -> Option<Statistics> {
        let gaps = self.codes.iter().filter(|code| **code == NO_VALUE).count() as u64;
        let values = (0..self.ends.len()).map(|code| self.value(code));
        match held {
            Held::Texts => None,
            Held::Days => {
                let days =
                    values.filter_map(|value| Some(i32::from_le_bytes(value.try_into().ok()?)));
                let (least, most) = (days.clone().min(), days.max());
                Some(Statistics::int32(least, most, None, Some(gaps), false))
            }
            Held::Numbers => {
                let bytes = |value: &[u8]| FixedLenByteArray::from(ByteArray::from(value.to_vec()));
                let least = values
                    .clone()
                    .min_by_key(|value| number_of(value))
                    .map(bytes);
                let most = values.max_by_key(|value| number_of(value)).map(bytes);
                Some(Statistics::fixed_len_byte_array(
                    least,
                    most,
                    None,
                    Some(gaps),
                    false,
                ))
            }
        }
    }
}

/// Pages of one column on their way to its chunk.
struct Pages<'f> {
    writer: SerializedPageWriter<'f, Vec<u8>>,
    compressor: Compressor<'static>,
    /// True if a row of the column may have no value.
    has_gaps: bool,
    /// Bytes so far with their headers, before they were compressed and since.
    bytes: [usize; 2],
}

impl Pages<'_> {
    fn dictionary(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        let page = Page::DictionaryPage {
            buf: self.compressor.compress(column.values)?.into(),
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
        let mut page = self.levels(column.codes);
        page.push(u8::try_from(width).expect("a number has at most 32 bits"));
        let present = present(column.codes);
        push_hybrid(&mut page, &present, width);
        self.data(&page, column.codes.len(), Encoding::RLE_DICTIONARY)
    }

    /// Writes the values of all rows, some rows a page.
    fn plain(&mut self, column: &CodedColumn<'_>) -> Result<(), ParquetError> {
        for codes in column.codes.chunks(PLAIN_PAGE_ROWS) {
            let mut page = self.levels(codes);
            for code in present(codes).iter() {
                page.extend_from_slice(column.value(*code as usize));
            }
            self.data(&page, codes.len(), Encoding::PLAIN)?;
        }
        Ok(())
    }

    /// Start of a page: which rows have a value, where there may be none.
    fn levels(&self, codes: &[u32]) -> Vec<u8> {
        if !self.has_gaps {
            // Values would otherwise move up to other rows.
            assert!(!codes.contains(&NO_VALUE), "every row has a text");
            return Vec::new();
        }
        let levels: Vec<u32> = codes
            .iter()
            .map(|code| u32::from(*code != NO_VALUE))
            .collect();
        let mut encoded = Vec::new();
        push_hybrid(&mut encoded, &levels, 1);
        let mut page = count(encoded.len()).to_le_bytes().to_vec();
        page.append(&mut encoded);
        page
    }

    fn data(&mut self, page: &[u8], rows: usize, encoding: Encoding) -> Result<(), ParquetError> {
        let compressed = Page::DataPage {
            buf: self.compressor.compress(page)?.into(),
            num_values: count(rows),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.write(compressed, page.len())
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

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a page has fewer than 2^32 values and bytes")
}

/// Numbers of the rows that have a value.
fn present(codes: &[u32]) -> std::borrow::Cow<'_, [u32]> {
    if codes.contains(&NO_VALUE) {
        codes
            .iter()
            .copied()
            .filter(|code| *code != NO_VALUE)
            .collect()
    } else {
        codes.into()
    }
}

/// Numbers that are told one by one are told by eights.
const EIGHT: usize = 8;

/// Adds numbers of `width` bits: eight or more that are equal as one run, others bit by bit.
fn push_hybrid(into: &mut Vec<u8>, codes: &[u32], width: u32) {
    // The first of the numbers that are not told yet, and are told bit by bit.
    let mut first = 0;
    let mut at = 0;
    while let Some(code) = codes.get(at) {
        let run = codes[at..]
            .iter()
            .take_while(|other| *other == code)
            .count();
        // Numbers of the run that complete the eight before it.
        let wanted = (first..at).len().next_multiple_of(EIGHT) - (at - first);
        if run >= wanted + EIGHT {
            push_packed(into, &codes[first..at + wanted], width);
            push_varint(into, (run - wanted) << 1);
            let bytes = width.div_ceil(u8::BITS) as usize;
            into.extend_from_slice(&code.to_le_bytes()[..bytes]);
            first = at + run;
        }
        at += run;
    }
    push_packed(into, &codes[first..], width);
}

/// Adds numbers bit by bit; an eight that is not full ends with zeros.
fn push_packed(into: &mut Vec<u8>, codes: &[u32], width: u32) {
    if codes.is_empty() {
        return;
    }
    let eights = codes.len().div_ceil(EIGHT);
    push_varint(into, (eights << 1) | 1);
    let end = into.len() + eights * width as usize;
    let (mut bits, mut held) = (0_u64, 0);
    for code in codes {
        bits |= u64::from(*code) << held;
        held += width;
        if held >= u32::BITS {
            into.extend_from_slice(&bits.to_le_bytes()[..size_of::<u32>()]);
            bits >>= u32::BITS;
            held -= u32::BITS;
        }
    }
    into.extend_from_slice(&bits.to_le_bytes());
    into.resize(end, 0);
}

fn push_varint(into: &mut Vec<u8>, mut number: usize) {
    while let [low, ..] = number.to_le_bytes()
        && number >= 0x80
    {
        into.push(low | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}
