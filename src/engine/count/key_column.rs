//! A column of a key: its distinct texts, each checked once and numbered.
//!
//! Fast, because most cells are not hashed at all. Rows that follow each other share most of their
//! texts: the text before is compared first, and then the one that came last beside the text of
//! another column ([`Leaders`](super::leaders::Leaders)). A text that a row names by dictionary
//! code, and a typed number like the one before, are known without a look at their bytes. Only what
//! is left goes to the interner, and only new texts are checked.

use super::code_numbers::CodeNumbers;
use super::interner::Texts;
use crate::model::row::Cell;
use crate::model::same::same;

/// Why a text cannot be part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFault {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text holds a NUL byte, as damaged files do and names never.
    Nul,
}

impl TextFault {
    /// Content that a cell should have instead, as a rejection says it.
    #[must_use]
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::NotUtf8 => "UTF-8 text",
            Self::Nul => "text without NUL bytes",
        }
    }
}

/// Distinct texts of one column, numbered in the order in which they came.
#[derive(Debug, Default)]
pub struct KeyColumn {
    texts: Texts,
    memory: Memory,
}

/// Last cell of each kind, which spares an equal one from being hashed.
#[derive(Debug, Default)]
struct Memory {
    /// Number of the text that came last.
    last: Option<u32>,
    /// Numbers of the current dictionary's entries.
    entries: CodeNumbers,
    /// Value and scale of the typed number that came last, and the number of its text.
    typed: Option<((i128, u32), u32)>,
    /// By the number of another column's text, the number of the text that came last beside it; of
    /// some other text where none did.
    beside: Vec<u32>,
}

impl KeyColumn {
    /// Column of texts that were kept before. They are found by number only, and none can be added.
    #[must_use]
    pub(super) fn of(texts: Texts) -> Self {
        Self {
            texts,
            memory: Memory::default(),
        }
    }

    /// Number of a cell's text, and `true` if the text came for the first time. `led_by` is the
    /// number of a text in the same row that may tell this one.
    ///
    /// # Errors
    /// [`TextFault`] for a text that cannot be part of a key; the column is then unchanged.
    #[inline]
    pub(super) fn number_of(
        &mut self,
        cell: &Cell<'_>,
        led_by: Option<u32>,
    ) -> Result<(u32, bool), TextFault> {
        // Inlined into the loop over a row's cells, for the most frequent cases alone.
        match cell {
            Cell::Text(text) => {
                if let Some(last) = self.last_if(text) {
                    return Ok((last, false));
                }
            }
            Cell::Entry {
                dictionary, code, ..
            } => {
                if let Some(known) = self.memory.entries.get(*dictionary, *code) {
                    return Ok((known, false));
                }
            }
            Cell::Missing | Cell::Decimal(..) | Cell::Date(_) | Cell::Written(..) => {}
        }
        self.look_up(cell, led_by)
    }

    /// Number of the text that came last, if it is this one.
    #[inline]
    fn last_if(&self, text: &[u8]) -> Option<u32> {
        let last = self.memory.last?;
        same(self.texts.text(last), text).then_some(last)
    }

    fn look_up(&mut self, cell: &Cell<'_>, led_by: Option<u32>) -> Result<(u32, bool), TextFault> {
        match cell {
            // An empty cell is a text like any other: rows without a value share a key.
            Cell::Missing => self.last_or_checked(b""),
            // That it is not the last one is known by now.
            Cell::Text(text) => self.checked(text, led_by),
            Cell::Entry {
                text,
                dictionary,
                code,
            } => {
                let (number, is_fresh) = self.last_or_checked(text)?;
                self.memory.entries.note(*dictionary, *code, number);
                Ok((number, is_fresh))
            }
            // Written out as text, so that a number means the same key in every format.
            Cell::Decimal(value, scale) => {
                if let Some((known, number)) = self.memory.typed
                    && known == (*value, *scale)
                {
                    return Ok((number, false));
                }
                let (number, is_fresh) = self.last_or_checked(&cell.bytes())?;
                self.memory.typed = Some(((*value, *scale), number));
                Ok((number, is_fresh))
            }
            Cell::Date(_) | Cell::Written(..) => self.last_or_checked(&cell.bytes()),
        }
    }

    /// Number of a text that the program made, and which needs no check.
    pub(super) fn number_of_text(&mut self, text: &[u8]) -> u32 {
        if let Some(last) = self.last_if(text) {
            return last;
        }
        let (number, _) = self.texts.intern(text);
        self.memory.last = Some(number);
        number
    }

    fn last_or_checked(&mut self, text: &[u8]) -> Result<(u32, bool), TextFault> {
        match self.last_if(text) {
            Some(last) => Ok((last, false)),
            None => self.checked(text, None),
        }
    }

    /// Number of a text that is not the one that came last.
    fn checked(&mut self, text: &[u8], led_by: Option<u32>) -> Result<(u32, bool), TextFault> {
        if let Some(leader) = led_by
            && let Some(known) = self.memory.beside.get(leader as usize)
            && same(self.texts.text(*known), text)
        {
            self.memory.last = Some(*known);
            return Ok((*known, false));
        }
        let (number, is_fresh) = self.texts.intern(text);
        // Checked behind the look-up: a text that was there before was checked before.
        if is_fresh {
            let fault = match std::str::from_utf8(text) {
                Err(_) => Some(TextFault::NotUtf8),
                Ok(text) if text.contains('\0') => Some(TextFault::Nul),
                Ok(_) => None,
            };
            if let Some(fault) = fault {
                self.texts.pop();
                return Err(fault);
            }
        }
        self.memory.last = Some(number);
        if let Some(leader) = led_by {
            let beside = &mut self.memory.beside;
            if beside.len() <= leader as usize {
                beside.resize(leader as usize + 1, number);
            }
            beside[leader as usize] = number;
        }
        Ok((number, is_fresh))
    }

    /// Forgets the text that came last: its row was rejected, and would show as a key that was
    /// counted. The memory goes with the text, as any part of it may name the text.
    pub(super) fn forget_last(&mut self) {
        self.texts.pop();
        self.memory = Memory::default();
    }

    /// Text of a number.
    ///
    /// # Panics
    /// For a number that no text here has.
    #[must_use]
    pub fn text(&self, number: u32) -> &str {
        std::str::from_utf8(self.texts.text(number))
            .expect("texts are checked before they are kept")
    }

    /// Texts by their numbers, as bytes.
    #[must_use]
    pub const fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Takes over every text of another column: the number here of each text, by its number there.
    pub(super) fn absorb(&mut self, other: &Self) -> Vec<u32> {
        self.texts.absorb(&other.texts)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn numbers_do_not_depend_on_who_leads() {
        let (mut led, mut alone) = (KeyColumn::default(), KeyColumn::default());
        let mut random = 7_u32;
        for row in 0..5_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Mostly the text that the leader tells, now and then another one, or none.
            let leader = random >> 27;
            let text = match random >> 8 & 15 {
                0 => String::new(),
                1 => format!("other {}", row % 7),
                _ => format!("text {}", leader / 2),
            };
            let cell = match text.as_str() {
                "" => Cell::Missing,
                text => Cell::Text(Cow::Borrowed(text.as_bytes())),
            };
            let leader = (random & 64 == 0).then_some(leader);
            let found = led.number_of(&cell, leader);
            assert_eq!(found, alone.number_of(&cell, None), "{text}");
            let (number, is_fresh) = found.unwrap();
            assert_eq!(led.text(number), text);
            // As after a row that was rejected.
            if is_fresh && row % 3 == 0 {
                led.forget_last();
                alone.forget_last();
            }
        }
        let damaged = Cell::Text(Cow::Borrowed(b"\xFF"));
        assert_eq!(led.number_of(&damaged, Some(1)), Err(TextFault::NotUtf8));
        assert_eq!(
            led.number_of(&Cell::Text(Cow::Borrowed(b"a\0")), Some(1)),
            Err(TextFault::Nul)
        );
    }
}
