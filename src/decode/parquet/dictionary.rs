//! The dictionaries of Parquet columns: which one the codes of a batch are of.

use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};

use super::column::hash_of_text;

/// Dictionaries are numbered over all files and threads, so that no two are taken for one.
static DICTIONARIES: AtomicU32 = AtomicU32::new(1);

/// What a column keeps from batch to batch: the dictionary, its number, and the hashes of its entries.
#[derive(Debug, Default)]
pub(crate) struct Known {
    values: Option<ArrayRef>,
    number: u32,
    hashes: Vec<u64>,
}

impl Known {
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Notes a chunk's dictionary, where it is another one.
    pub(crate) fn meet(&mut self, values: &ArrayRef, with_hashes: bool) {
        if self
            .values
            .as_ref()
            .is_some_and(|known| same_buffers(known, values))
        {
            return;
        }
        self.number = DICTIONARIES.fetch_add(1, Ordering::Relaxed);
        self.hashes.clear();
        if with_hashes && let Some(texts) = values.as_string_opt::<i32>() {
            self.hashes.extend((0..texts.len()).map(|at| {
                if texts.is_null(at) {
                    0
                } else {
                    hash_of_text(texts.value(at).as_bytes())
                }
            }));
        }
        self.values = Some(ArrayRef::clone(values));
    }

    /// Which of a batch's buffers is the chunk's dictionary. It comes before all other pages, so that it
    /// is the first buffer of the first batch, which is kept for that: nothing else can be in its place.
    /// Were it a page of plain text after all, its texts would be remembered in vain.
    pub(crate) fn dictionary_of(&mut self, array: &ArrayRef) -> Option<ViewedDictionary> {
        let values = self.values.get_or_insert_with(|| {
            self.number = DICTIONARIES.fetch_add(1, Ordering::Relaxed);
            ArrayRef::clone(array)
        });
        let first = values.as_string_view_opt()?.data_buffers().first()?;
        let mut buffers = array.as_string_view_opt()?.data_buffers().iter();
        let at = buffers
            .position(|buffer| buffer.as_ptr() == first.as_ptr() && buffer.len() == first.len())?;
        Some(ViewedDictionary {
            buffer: u32::try_from(at).ok()?,
            number: self.number,
        })
    }
}

/// A dictionary whose texts are viewed where they lie.
pub(crate) struct ViewedDictionary {
    /// Which buffer of the batch it is.
    buffer: u32,
    pub(crate) number: u32,
}

impl ViewedDictionary {
    /// Texts of so many bytes, which do not lie over each other, begin at least so far from each other,
    /// whether their lengths stand between them or not: no two have one code. Shorter ones have none; of
    /// up to 12 bytes they lie in no buffer at all.
    const STRIDE: u32 = 16;

    pub(crate) fn code(&self, view: u128, text: &[u8]) -> Option<u32> {
        let [.., a, b, c, d, e, f, g, h] = view.to_le_bytes();
        let (buffer, offset) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        (text.len() >= Self::STRIDE as usize && buffer == self.buffer)
            .then_some(offset / Self::STRIDE)
    }
}

/// The same values in the same place; they are alive, so nothing else can be there.
fn same_buffers(left: &ArrayRef, right: &ArrayRef) -> bool {
    match (left.as_string_opt::<i32>(), right.as_string_opt::<i32>()) {
        (Some(left), Some(right)) => {
            left.len() == right.len()
                && left.value_data().as_ptr() == right.value_data().as_ptr()
                && left.value_offsets().as_ptr() == right.value_offsets().as_ptr()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::{RecordBatch, StringViewArray};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::Encoding;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::decode::parquet::column::Column;
    use crate::model::row::Cell;

    /// The dictionary is full after a part of the texts, and plain pages follow.
    #[test]
    fn texts_of_a_dictionary_given_up_keep_their_codes() {
        let of_row = |row: usize| {
            if row.is_multiple_of(7) {
                "short".to_owned()
            } else {
                format!("a text of some length, {}", row * 31 % 400)
            }
        };
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..4_000).map(of_row)));
        let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        let properties = WriterProperties::builder()
            .set_dictionary_page_size_limit(4_000)
            .set_data_page_size_limit(2_000)
            .set_write_batch_size(64);
        let mut file = tempfile::tempfile().unwrap();
        let mut writer =
            ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .with_batch_size(500)
            .build()
            .unwrap();
        let (mut known, mut row, mut plain) = (Known::default(), 0, 0);
        let mut of_code: HashMap<(u32, u32), String> = HashMap::new();
        for batch in batches.map(Result::unwrap) {
            let column = Column::new(batch.column(0), &mut known, false).unwrap();
            for at in 0..batch.num_rows() {
                let mut cell = Cell::Missing;
                column.fill(at, &mut cell);
                assert_eq!(cell.bytes(), of_row(row).as_bytes());
                match cell {
                    Cell::Entry {
                        dictionary, code, ..
                    } => {
                        assert_eq!(
                            *of_code
                                .entry((dictionary, code))
                                .or_insert_with(|| of_row(row)),
                            of_row(row)
                        );
                    }
                    _ => plain += usize::from(row % 7 != 0),
                }
                row += 1;
            }
        }
        assert!(
            row == 4_000 && plain > 100 && of_code.len() > 20,
            "{plain} {}",
            of_code.len()
        );
    }

    /// Other encodings put texts behind each other without a length between them.
    #[test]
    fn texts_without_a_dictionary_are_never_taken_for_each_other() {
        for encoding in [
            Encoding::PLAIN,
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY,
        ] {
            let of_row = |row: usize| format!("{:0>width$}", row % 700, width = 11 + row % 9);
            let texts: ArrayRef =
                Arc::new(StringViewArray::from_iter_values((0..4_000).map(of_row)));
            let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .set_encoding(encoding)
                .build();
            let mut file = tempfile::tempfile().unwrap();
            let mut writer =
                ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            let batches = ParquetRecordBatchReaderBuilder::try_new(file)
                .unwrap()
                .with_batch_size(500)
                .build()
                .unwrap();
            let (mut known, mut row) = (Known::default(), 0);
            let mut of_code: HashMap<(u32, u32), String> = HashMap::new();
            for batch in batches.map(Result::unwrap) {
                let column = Column::new(batch.column(0), &mut known, false).unwrap();
                for at in 0..batch.num_rows() {
                    let mut cell = Cell::Missing;
                    column.fill(at, &mut cell);
                    assert_eq!(cell.bytes(), of_row(row).as_bytes());
                    if let Cell::Entry {
                        dictionary, code, ..
                    } = cell
                    {
                        let first = of_code
                            .entry((dictionary, code))
                            .or_insert_with(|| of_row(row));
                        assert_eq!(*first, of_row(row), "{encoding}");
                    }
                    row += 1;
                }
            }
            assert_eq!(row, 4_000);
        }
    }
}
