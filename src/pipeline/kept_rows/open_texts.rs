//! Cells of a column as they come, one behind the other: a cell like the one before costs a comparison.

use crate::model::row::Cell;
use crate::model::same::same;

/// Texts of a column in an open batch: one for rows in a row that share it.
#[derive(Debug, Default)]
pub(super) struct OpenTexts {
    form: Form,
    bytes: Vec<u8>,
    /// Start of the text that came last.
    last: usize,
    /// For each text its end in `bytes`, and the first row that has it.
    ends: Vec<(usize, u32)>,
}

/// What the texts of a column are made from. In a column of one file all cells are text, or none is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Form {
    #[default]
    Text,
    /// A number of 16 bytes, and its scale of 4.
    Decimal,
    /// A day of 4 bytes.
    Date,
}

impl OpenTexts {
    /// Adds the cell of a row.
    pub(super) fn add(&mut self, cell: &Cell<'_>, row: u32) {
        match cell {
            Cell::Missing => self.add_text(b"", row),
            Cell::Text(text) => self.add_text(text, row),
            Cell::Entry { text, .. } => self.add_text(text, row),
            Cell::Decimal(value, scale) => {
                self.form = Form::Decimal;
                let mut text = [0; DECIMAL_BYTES];
                let (number, rest) = text.split_at_mut(size_of::<i128>());
                number.copy_from_slice(&value.to_le_bytes());
                rest.copy_from_slice(&scale.to_le_bytes());
                self.add_text(&text, row);
            }
            Cell::Date(day) => {
                self.form = Form::Date;
                self.add_text(&day.to_le_bytes(), row);
            }
        }
    }

    fn add_text(&mut self, text: &[u8], row: u32) {
        if !self.ends.is_empty() && same(&self.bytes[self.last..], text) {
            return;
        }
        self.last = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.ends.push((self.bytes.len(), row));
    }

    /// All texts, in the order of their rows.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        let ends = self.ends.iter().map(|(end, _)| *end);
        starts.zip(ends).map(|(start, end)| &self.bytes[start..end])
    }

    /// First row of each text.
    pub(super) fn first_rows(&self) -> impl Iterator<Item = u32> {
        self.ends.iter().map(|(_, first)| *first)
    }

    /// What the texts are made from.
    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// Forgets all texts of the batch.
    pub(super) fn clear(&mut self) {
        self.last = 0;
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Bytes of a number with its scale.
const DECIMAL_BYTES: usize = size_of::<i128>() + size_of::<u32>();

impl Form {
    /// Cell that a text was made from.
    pub(super) fn cell(self, text: &[u8]) -> Cell<'_> {
        match self {
            Self::Decimal if let Some((number, scale)) = text.split_first_chunk() => {
                let scale = scale.try_into().map_or(0, u32::from_le_bytes);
                Cell::Decimal(i128::from_le_bytes(*number), scale)
            }
            Self::Date if let Ok(day) = text.try_into() => Cell::Date(i32::from_le_bytes(day)),
            _ => Cell::Text(text.into()),
        }
    }
}
