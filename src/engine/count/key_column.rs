//! A column of a key: its distinct texts, and the memory of the last one.

use super::code_numbers::CodeNumbers;
use super::interner::Texts;
use crate::model::row::Cell;
use crate::model::same::same;

/// Why a text can be no part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a NUL byte.
    Nul,
}

impl TextFault {
    /// What should stand there.
    #[must_use]
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::NotUtf8 => "UTF-8 text",
            Self::Nul => "text without NUL bytes",
        }
    }
}

/// A column of a key.
#[derive(Debug, Default)]
pub struct KeyColumn {
    texts: Texts,
    memory: Memory,
}

/// What spares a text from being hashed again.
#[derive(Debug, Default)]
struct Memory {
    last: Option<u32>,
    entries: CodeNumbers,
    /// The last typed number, and its number here.
    typed: Option<((i128, u32), u32)>,
}

impl KeyColumn {
    /// The texts of a column that was kept.
    #[must_use]
    pub fn of(texts: Texts) -> Self {
        Self {
            texts,
            memory: Memory::default(),
        }
    }

    /// The number of a cell's text, and whether the text came for the first time.
    ///
    /// # Errors
    /// A [`TextFault`]; the text is then not kept.
    #[inline]
    pub fn number_of(&mut self, cell: &Cell<'_>) -> Result<(u32, bool), TextFault> {
        if let Cell::Entry {
            dictionary, code, ..
        } = cell
            && let Some(known) = self.memory.entries.get(*dictionary, *code)
        {
            return Ok((known, false));
        }
        self.look_up(cell)
    }

    fn look_up(&mut self, cell: &Cell<'_>) -> Result<(u32, bool), TextFault> {
        match cell {
            Cell::Missing => self.checked(b""),
            Cell::Text(text) => self.checked(text),
            Cell::Entry {
                text,
                dictionary,
                code,
            } => {
                let (number, is_fresh) = self.checked(text)?;
                self.memory.entries.note(*dictionary, *code, number);
                Ok((number, is_fresh))
            }
            Cell::Decimal(value, scale) => {
                if let Some((known, number)) = self.memory.typed
                    && known == (*value, *scale)
                {
                    return Ok((number, false));
                }
                let (number, is_fresh) = self.checked(&cell.bytes())?;
                self.memory.typed = Some(((*value, *scale), number));
                Ok((number, is_fresh))
            }
            Cell::Date(_) => self.checked(&cell.bytes()),
        }
    }

    /// The number of a text of our own making.
    pub fn number_of_text(&mut self, text: &[u8]) -> u32 {
        if let Some(last) = self.memory.last
            && same(self.texts.text(last), text)
        {
            return last;
        }
        let (number, _) = self.texts.intern(text);
        self.memory.last = Some(number);
        number
    }

    fn checked(&mut self, text: &[u8]) -> Result<(u32, bool), TextFault> {
        if let Some(last) = self.memory.last
            && same(self.texts.text(last), text)
        {
            return Ok((last, false));
        }
        let (number, is_fresh) = self.texts.intern(text);
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
        Ok((number, is_fresh))
    }

    /// Forgets the text that came last, which counts for nothing.
    pub fn forget_last(&mut self) {
        self.texts.pop();
        self.memory = Memory::default();
    }

    /// A text by its number.
    #[must_use]
    pub fn text(&self, number: u32) -> &str {
        // Every text was checked before it was kept.
        std::str::from_utf8(self.texts.text(number)).unwrap_or_default()
    }

    /// The texts.
    #[must_use]
    pub const fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Takes over every text of another column; the numbers that they have here.
    pub fn absorb(&mut self, other: &Self) -> Vec<u32> {
        self.texts.absorb(&other.texts)
    }
}
