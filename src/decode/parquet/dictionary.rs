//! The dictionaries of Parquet columns, so that cells can carry a code instead of their text. A
//! code means the same text wherever it comes with the same dictionary number; whoever counts rows
//! looks each text up once for each dictionary, and not for each row.
//!
//! There are two kinds. A column that is all codes in the file keeps them as they are
//! ([`DictionaryMemory::meet`]). A column whose dictionary was given up half-way is read as views
//! into its pages, and a view's place in the dictionary page is its code ([`ViewedDictionary`]).
//! Which of the two a column gets is decided in `projection`.

use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};

use crate::model::content::ColumnContent;

/// Number of the next dictionary, over all files and threads, so that no two dictionaries share
/// one.
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(1);

fn next_number() -> u32 {
    // Relaxed: each number is given out once, and no other memory depends on the order.
    NEXT_NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Memory of a column from batch to batch of a row group. Its array is held alive, so that no
/// other buffer can come to lie at the same address and be taken for the dictionary.
#[derive(Debug, Default)]
pub(super) struct DictionaryMemory {
    /// Values of the dictionary, or the first batch that has it as a buffer; `None` before the
    /// first batch.
    values: Option<ArrayRef>,
    number: u32,
    /// Part of each entry in the content of a row, in the order of the codes; empty where none is
    /// wanted.
    parts: Vec<u64>,
}

impl DictionaryMemory {
    /// Number of the dictionary that was met last.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// Parts of the entries of the dictionary that was met last, in the order of their codes.
    pub(super) fn parts(&self) -> &[u64] {
        &self.parts
    }

    /// Takes a batch's dictionary. Batches of one row group mostly share it: then there is nothing
    /// to do.
    pub(super) fn meet(&mut self, values: &ArrayRef, content: Option<&ColumnContent>) {
        if let Some(known) = &self.values
            && have_same_buffers(known, values)
        {
            return;
        }
        // A new number even for equal texts: comparing them would take a pass over both.
        self.number = next_number();
        self.parts.clear();
        if let Some(column) = content {
            let texts = values.as_string::<i32>();
            self.parts.extend((0..texts.len()).map(|at| {
                if texts.is_null(at) {
                    0
                } else {
                    column.of_text(texts.value(at).as_bytes())
                }
            }));
        }
        self.values = Some(ArrayRef::clone(values));
    }

    /// The dictionary among the buffers of a batch of views; `None` if the batch has no text in it.
    ///
    /// A dictionary page comes before all data pages, so it is the first buffer of the row group's
    /// first batch, which is kept to recognise it. If the column has no dictionary after all, that
    /// buffer is a page of plain text; its texts get codes too, which are right but of no use.
    pub(super) fn dictionary_of(&mut self, array: &ArrayRef) -> Option<ViewedDictionary> {
        let values = self.values.get_or_insert_with(|| {
            self.number = next_number();
            ArrayRef::clone(array)
        });
        let first = values.as_string_view().data_buffers().first()?;
        let at = array
            .as_string_view()
            .data_buffers()
            .iter()
            .position(|buffer| buffer.as_ptr() == first.as_ptr() && buffer.len() == first.len())?;
        Some(ViewedDictionary {
            buffer: u32::try_from(at).expect("views name their buffers in 32 bits"),
            number: self.number,
        })
    }
}

/// A dictionary whose texts are viewed where they lie in its page.
pub(super) struct ViewedDictionary {
    /// Index of its buffer among those of the batch.
    buffer: u32,
    /// Number by which cells name it.
    pub(super) number: u32,
}

impl ViewedDictionary {
    /// Least length of a text that gets a code, and the divisor that makes an offset a code: 16
    /// bytes.
    ///
    /// Texts of 16 bytes or more that do not overlap begin at least 16 bytes apart, with or without
    /// their lengths written between them, so no two of them get one code. With a smaller divisor
    /// than the least length codes would only be larger; with a larger one two texts could share a
    /// code. Views of up to 12 bytes lie in no buffer at all.
    const STRIDE: u32 = 16;

    /// Code of a text by its view, or `None` if it is too short or not in the dictionary.
    ///
    /// A view of more than 12 bytes is, from its low end: length, first four bytes, buffer, offset.
    pub(super) fn code(&self, view: u128, text: &[u8]) -> Option<u32> {
        let [.., a, b, c, d, e, f, g, h] = view.to_le_bytes();
        let (buffer, offset) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        (text.len() >= Self::STRIDE as usize && buffer == self.buffer)
            .then_some(offset / Self::STRIDE)
    }
}

/// True if two dictionaries are the same values at the same address. Both are alive, so nothing
/// else can be there.
fn have_same_buffers(left: &ArrayRef, right: &ArrayRef) -> bool {
    let (left, right) = (left.as_string::<i32>(), right.as_string::<i32>());
    left.len() == right.len()
        && left.value_data().as_ptr() == right.value_data().as_ptr()
        && left.value_offsets().as_ptr() == right.value_offsets().as_ptr()
}
