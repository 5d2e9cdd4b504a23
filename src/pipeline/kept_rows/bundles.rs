//! Columns whose values go together: where two rows have one product, they have one publisher as well.
//! What a row has in such columns is one combination, known by a number, and mostly it is one of the few
//! that came last with the same tuple of the row's key: of its columns the tuple proves those that it is
//! made of, and of the others the hashes are compared. Texts would be proof where 64 bits are one chance
//! in 10^19 for each change of a text, but they lie all over the memory. Labels of the analyst folder rest
//! on it; numbers do not: prices are a bundle of which no tuple proves anything, and that goes by its texts.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

use super::row_layout::Bundle;
use crate::engine::count::interner::{Texts, Tuples};
use crate::model::row::{Cell, Spelling};
use crate::model::same::same;

/// Combinations that are remembered of a tuple: 4, a cache line. Texts that change mostly change back.
pub(super) const LATEST: usize = 4;

/// Combinations of the columns of a bundle, numbered in the order in which they came.
#[derive(Debug)]
pub(super) struct Combinations {
    /// Positions of the columns among the input's. Those that the tuple does not prove come first.
    columns: Vec<usize>,
    /// How many of them the tuple does not prove.
    unproven: usize,
    /// True if it proves none, and texts are compared in place of hashes.
    goes_by_texts: bool,
    /// For each column its cells, each behind its form, numbered in the order in which they came.
    cells: Vec<Texts>,
    /// Numbers of the cells of each combination.
    combinations: Tuples,
    hashes: DefaultHashBuilder,
    /// The combinations that came last with each tuple of the leading kind, the last one first.
    with_tuple: Vec<[Latest; LATEST]>,
    /// Cell that is looked up.
    open_cell: Vec<u8>,
    /// Numbers of the cells of the row, while it is looked up.
    open: Vec<u32>,
}

/// A combination that came with a tuple.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    /// Hash of what the tuple does not prove.
    hash: u64,
    /// Its number plus one; 0 for none.
    number: u32,
}

impl Latest {
    #[inline]
    const fn is(self, hash: u64) -> bool {
        self.hash == hash && self.number > 0
    }
}

impl Combinations {
    /// None yet of a bundle.
    pub(super) fn new(bundle: &Bundle) -> Self {
        let columns = bundle.columns.iter();
        Self {
            columns: columns.map(|column| column.source.0).collect(),
            unproven: bundle.unproven,
            goes_by_texts: bundle.unproven == bundle.columns.len(),
            cells: bundle.columns.iter().map(|_| Texts::default()).collect(),
            combinations: Tuples::new(bundle.columns.len()),
            hashes: DefaultHashBuilder::default(),
            with_tuple: Vec::new(),
            open_cell: Vec::new(),
            open: Vec::new(),
        }
    }

    /// The combinations that came last with a tuple. They are far away in memory, and should be asked for
    /// long before they are needed.
    #[inline]
    pub(super) fn latest(&self, tuple: u32) -> [Latest; LATEST] {
        let latest = self.with_tuple.get(tuple as usize);
        latest.copied().unwrap_or_default()
    }

    /// Number of the combination of a row whose key has this tuple, and `true` if it is new. `latest` is
    /// what [`Combinations::latest`] says of the tuple.
    #[inline]
    pub(super) fn number_of(
        &mut self,
        cells: &[Cell<'_>],
        tuple: u32,
        latest: [Latest; LATEST],
    ) -> (u32, bool) {
        let (place, hash) = if self.goes_by_texts {
            let is_it = |one: &Latest| one.number > 0 && self.has_texts(one.number - 1, cells);
            (latest.iter().position(is_it), 0)
        } else {
            let hash = self.hash_of_unproven(cells);
            (latest.iter().position(|one| one.is(hash)), hash)
        };
        let (number, is_new) = match place {
            Some(0) => return (latest[0].number - 1, false),
            Some(place) => (latest[place].number - 1, false),
            None => self.look_up(cells),
        };
        let one = Latest {
            hash,
            number: number + 1,
        };
        self.note(tuple as usize, one);
        (number, is_new)
    }

    /// True if a combination has just the texts of these cells.
    #[inline]
    fn has_texts(&self, number: u32, cells: &[Cell<'_>]) -> bool {
        let numbers = self.combinations.tuple(number);
        let known = self.cells.iter().zip(numbers);
        let known = known.map(|(of_column, number)| of_column.text(*number));
        self.columns.iter().zip(known).all(|(column, known)| {
            let mut typed = [0; TYPED_BYTES];
            let (form, text) = parts_of(&cells[*column], &mut typed);
            known
                .split_first()
                .is_some_and(|(known_form, known)| *known_form == form as u8 && same(known, text))
        })
    }

    #[inline]
    fn hash_of_unproven(&self, cells: &[Cell<'_>]) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        // The hasher tells where a text ends, but not which column it is of.
        let mut forms = 0;
        for column in &self.columns[..self.unproven] {
            let mut typed;
            let (form, text) = match text_of(&cells[*column]) {
                Some(text) => text,
                None => {
                    typed = [0; TYPED_BYTES];
                    parts_of(&cells[*column], &mut typed)
                }
            };
            forms <<= FORM_BITS;
            if !text.is_empty() {
                forms |= 1 + form as u64;
                hasher.write(text);
            }
        }
        hasher.write_u64(forms);
        hasher.finish()
    }

    fn note(&mut self, tuple: usize, one: Latest) {
        if self.with_tuple.len() <= tuple {
            self.with_tuple.resize(tuple + 1, Default::default());
        }
        let latest = &mut self.with_tuple[tuple];
        // The first one takes the place that it had, or that of the oldest.
        let place = latest.iter().position(|known| known.number == one.number);
        latest[..=place.unwrap_or(LATEST - 1)].rotate_right(1);
        latest[0] = one;
    }

    fn look_up(&mut self, cells: &[Cell<'_>]) -> (u32, bool) {
        self.open.clear();
        for (column, of_column) in self.columns.iter().zip(&mut self.cells) {
            let mut typed = [0; TYPED_BYTES];
            let (form, text) = parts_of(&cells[*column], &mut typed);
            self.open_cell.clear();
            self.open_cell.push(form as u8);
            self.open_cell.extend_from_slice(text);
            self.open.push(of_column.intern(&self.open_cell).0);
        }
        let before = self.combinations.len();
        let number = self.combinations.intern(&self.open);
        (number, number == before)
    }

    /// Numbers of the cells of a combination, column by column: each counts from 0.
    pub(super) fn cells_of(&self, combination: u32) -> &[u32] {
        self.combinations.tuple(combination)
    }

    /// Forgets what came with which tuple, as tuples are numbered anew.
    pub(super) fn forget_tuples(&mut self) {
        self.with_tuple.clear();
    }

    /// Bytes of all cells and combinations.
    pub(super) fn bytes(&self) -> usize {
        let cells: usize = self.cells.iter().map(|cells| cells.parts().0.len()).sum();
        cells + size_of_val(self.combinations.numbers())
    }
}

/// Bytes of a typed number with its scale.
const TYPED_BYTES: usize = size_of::<i128>() + size_of::<u32>();

/// What a cell is made from. Cells that say the same in two forms are two combinations, of one value.
#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Csv,
    Json,
    Decimal,
    Date,
}

/// Bits that tell the form, or that there is no text.
const FORM_BITS: u32 = 3;

/// Form and bytes of a cell that has a text; a missing one has an empty text.
#[inline]
fn text_of<'c>(cell: &'c Cell<'_>) -> Option<(Form, &'c [u8])> {
    match cell {
        Cell::Missing => Some((Form::Text, b"")),
        Cell::Text(text) => Some((Form::Text, text)),
        Cell::Entry { text, .. } => Some((Form::Text, text)),
        Cell::Written(text, Spelling::Csv) => Some((Form::Csv, text)),
        Cell::Written(text, Spelling::Json) => Some((Form::Json, text)),
        Cell::Decimal(..) | Cell::Date(_) => None,
    }
}

/// Form and bytes of a cell; `typed` takes those of one that has no text.
fn parts_of<'c>(cell: &'c Cell<'_>, typed: &'c mut [u8; TYPED_BYTES]) -> (Form, &'c [u8]) {
    match cell {
        Cell::Decimal(value, scale) => {
            let (number, rest) = typed.split_at_mut(size_of::<i128>());
            number.copy_from_slice(&value.to_le_bytes());
            rest.copy_from_slice(&scale.to_le_bytes());
            (Form::Decimal, typed)
        }
        Cell::Date(day) => {
            let bytes = day.to_le_bytes();
            typed[..bytes.len()].copy_from_slice(&bytes);
            (Form::Date, &typed[..bytes.len()])
        }
        cell => text_of(cell).unwrap_or((Form::Text, b"")),
    }
}
