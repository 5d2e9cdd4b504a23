//! Columns whose values go together: where two rows have one product, they have one publisher as well.
//! What a row has in such columns is one combination, known by a number, and mostly it is one of the few
//! that came last with the same tuple of the row's key: of its columns the tuple proves those that it is
//! made of, and of the others the hashes are compared. Texts would be proof where 64 bits are one chance
//! in 10^19 for each change of a text, but they lie all over the memory. Labels of the analyst folder rest
//! on it; numbers do not: prices are a bundle of which no tuple proves anything, and that goes by its texts.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

use super::row_layout::Bundle;
use crate::engine::count::interner::Texts;
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
    /// For each combination its texts, each behind its form and length.
    texts: Texts,
    hashes: DefaultHashBuilder,
    /// The combinations that came last with each tuple of the leading kind, the last one first.
    with_tuple: Vec<[Latest; LATEST]>,
    /// Combination of the row, while it is looked up.
    open: Vec<u8>,
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
            texts: Texts::default(),
            hashes: DefaultHashBuilder::default(),
            with_tuple: Vec::new(),
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
        if self.unproven == self.columns.len() {
            return self.look_up(cells);
        }
        let hash = self.hash_of_unproven(cells);
        if latest[0].is(hash) {
            return (latest[0].number - 1, false);
        }
        let (number, is_new) = match latest.iter().find(|one| one.is(hash)) {
            Some(known) => (known.number - 1, false),
            None => self.look_up(cells),
        };
        self.note(tuple as usize, hash, number);
        (number, is_new)
    }

    #[inline]
    fn hash_of_unproven(&self, cells: &[Cell<'_>]) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        for column in &self.columns[..self.unproven] {
            let mut typed;
            let (form, text) = match text_of(&cells[*column]) {
                Some(text) => text,
                None => {
                    typed = [0; TYPED_BYTES];
                    parts_of(&cells[*column], &mut typed)
                }
            };
            hasher.write_u64(head_of(form, text));
            if !text.is_empty() {
                hasher.write(text);
            }
        }
        hasher.finish()
    }

    fn note(&mut self, tuple: usize, hash: u64, number: u32) {
        if self.with_tuple.len() <= tuple {
            self.with_tuple.resize(tuple + 1, Default::default());
        }
        let latest = &mut self.with_tuple[tuple];
        // The first one takes the place that it had, or that of the oldest.
        let place = latest.iter().position(|one| one.is(hash));
        latest[..=place.unwrap_or(LATEST - 1)].rotate_right(1);
        latest[0] = Latest {
            hash,
            number: number + 1,
        };
    }

    fn look_up(&mut self, cells: &[Cell<'_>]) -> (u32, bool) {
        self.open.clear();
        for column in &self.columns {
            let mut typed = [0; TYPED_BYTES];
            let (form, text) = parts_of(&cells[*column], &mut typed);
            self.open
                .extend_from_slice(&head_of(form, text).to_le_bytes());
            self.open.extend_from_slice(text);
        }
        self.texts.intern(&self.open)
    }

    /// Forgets what came with which tuple, as tuples are numbered anew.
    pub(super) fn forget_tuples(&mut self) {
        self.with_tuple.clear();
    }

    /// Bytes of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.texts.parts().0.len()
    }
}

/// The cells of the combination that came last for the first time, with the numbers of their values. A
/// new combination shares most of them.
#[derive(Debug)]
pub(super) struct LastCells(Vec<LastCell>);

#[derive(Debug, Default)]
struct LastCell {
    head: u64,
    text: Vec<u8>,
    /// `None` before the first.
    value: Option<u32>,
}

impl LastCells {
    /// None yet, of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self((0..columns).map(|_| LastCell::default()).collect())
    }

    /// Number of the value of a cell in a column: that of the last one, or what `make` says.
    pub(super) fn value_of(
        &mut self,
        column: usize,
        cell: &Cell<'_>,
        make: impl FnOnce() -> u32,
    ) -> u32 {
        let mut typed = [0; TYPED_BYTES];
        let (form, text) = parts_of(cell, &mut typed);
        let (head, last) = (head_of(form, text), &mut self.0[column]);
        if let Some(value) = last.value
            && last.head == head
            && same(&last.text, text)
        {
            return value;
        }
        let value = make();
        last.head = head;
        last.text.clear();
        last.text.extend_from_slice(text);
        last.value = Some(value);
        value
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

/// Bits that tell the form.
const FORM_BITS: u32 = 3;

fn head_of(form: Form, text: &[u8]) -> u64 {
    (text.len() as u64) << FORM_BITS | form as u64
}

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
