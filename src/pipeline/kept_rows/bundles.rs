//! Columns whose values go together: where two rows have one product, they have one publisher as well.
//! What a row has in such columns is one combination, known by a number, and mostly it is the one that came
//! last with the same tuple of the row's key: of its columns the tuple proves those that it is made of, and
//! of the others the hashes are compared. Texts would be proof where 64 bits are one chance in 10^19 for
//! each change of a text, but they lie all over the memory. Labels of the analyst folder rest on it; numbers
//! do not: prices are a bundle of which no tuple proves anything, and that goes by its texts.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::row_layout::Bundle;
use crate::engine::count::interner::Texts;
use crate::model::column_set::ColumnSet;
use crate::model::row::{Cell, Row, Spelling};
use crate::model::same::same;

/// Combinations of the columns of a bundle, numbered in the order in which they came. One may have two
/// numbers, once tuples were forgotten.
#[derive(Debug)]
pub(super) struct Combinations {
    /// Positions of the columns among the input's. Those that the tuple does not prove come first.
    columns: Vec<usize>,
    /// Those of them that the tuple does not prove.
    unproven: ColumnSet,
    /// Hash of the cell that the last row had in each input column that the tuple does not prove.
    cell_hashes: Vec<u64>,
    /// Sum of these hashes.
    hash: u64,
    /// True if it proves none, and texts are compared in place of hashes.
    goes_by_texts: bool,
    /// How many there are; not counted where texts are compared.
    count: u32,
    /// For each combination its texts, each behind its form and length; none where hashes are compared.
    texts: Texts,
    hasher: DefaultHashBuilder,
    /// The combination that came last with each tuple of the leading kind.
    with_tuple: Vec<Latest>,
    /// Those that came before it, by tuple and hash: texts that change often change back.
    older: HashMap<(u32, u64), u32>,
    /// Combination of the row, while it is looked up.
    open: Vec<u8>,
}

/// A combination that came with a tuple.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    /// Hash of what the tuple does not prove; 0 where texts are compared.
    hash: u64,
    /// Its number plus one; 0 for none.
    number: u32,
}

impl Latest {
    const fn new(hash: u64, number: u32) -> Self {
        let number = number + 1;
        Self { hash, number }
    }
}

impl Combinations {
    /// None yet of a bundle.
    pub(super) fn new(bundle: &Bundle) -> Self {
        let columns = bundle.columns.iter().map(|column| column.source.0);
        let unproven = columns.clone().take(bundle.unproven);
        Self {
            columns: columns.collect(),
            cell_hashes: vec![0; unproven.clone().max().map_or(0, |most| most + 1)],
            unproven: unproven.collect(),
            hash: 0,
            goes_by_texts: bundle.unproven == bundle.columns.len(),
            count: 0,
            texts: Texts::default(),
            hasher: DefaultHashBuilder::default(),
            with_tuple: Vec::new(),
            older: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// The combination that came last with a tuple. It is far away in memory, and should be asked for long
    /// before it is needed.
    #[inline]
    pub(super) fn latest(&self, tuple: u32) -> Latest {
        let latest = self.with_tuple.get(tuple as usize);
        latest.copied().unwrap_or_default()
    }

    /// Number of the combination of a row whose key has this tuple, and `true` if it is new. `latest` is
    /// what [`Combinations::latest`] says of the tuple. Columns that are not among `changed` have the cells
    /// of the row that came before.
    #[inline]
    pub(super) fn number_of(
        &mut self,
        (row, changed): (&Row<'_, '_>, ColumnSet),
        tuple: u32,
        latest: Latest,
    ) -> (u32, bool) {
        if self.goes_by_texts {
            if latest.number > 0 && self.has_texts(latest.number - 1, row) {
                return (latest.number - 1, false);
            }
            let (number, is_new) = self.look_up(row);
            self.set_latest(tuple, Latest::new(0, number));
            return (number, is_new);
        }
        self.hash_changed(row, changed);
        let hash = self.hash;
        if latest.number > 0 && latest.hash == hash {
            return (latest.number - 1, false);
        }
        self.change(tuple, latest, hash)
    }

    /// Notes that a tuple came with another combination than last: that of a hash.
    fn change(&mut self, tuple: u32, latest: Latest, hash: u64) -> (u32, bool) {
        let mut known = None;
        if latest.number > 0 {
            self.older.insert((tuple, latest.hash), latest.number - 1);
            known = self.older.get(&(tuple, hash)).copied();
        }
        let number = known.unwrap_or(self.count);
        self.count += u32::from(known.is_none());
        self.set_latest(tuple, Latest::new(hash, number));
        (number, known.is_none())
    }

    fn set_latest(&mut self, tuple: u32, latest: Latest) {
        let at = tuple as usize;
        if self.with_tuple.len() <= at {
            self.with_tuple.resize(at + 1, Latest::default());
        }
        self.with_tuple[at] = latest;
    }

    /// True if a combination has just the texts of a row.
    #[inline]
    fn has_texts(&self, number: u32, row: &Row<'_, '_>) -> bool {
        let mut known = self.texts.text(number);
        self.columns.iter().all(|column| {
            let mut typed = [0; TYPED_BYTES];
            let (form, text) = parts_of(row.cell(*column), &mut typed);
            let behind_head = known.split_first_chunk();
            let parts = behind_head.and_then(|(head, behind)| {
                let (known, rest) = behind.split_at_checked(text.len())?;
                Some((*head, known, rest))
            });
            parts.is_some_and(|(head, of_column, rest)| {
                known = rest;
                head == head_of(form, text) && same(of_column, text)
            })
        })
    }

    /// Brings the hash of what the tuple does not prove up to a row.
    #[inline]
    fn hash_changed(&mut self, row: &Row<'_, '_>, changed: ColumnSet) {
        for column in changed.and(self.unproven).positions() {
            let hash = hash_of(&self.hasher, column, row.cell(column));
            let known = std::mem::replace(&mut self.cell_hashes[column], hash);
            self.hash = self.hash.wrapping_sub(known).wrapping_add(hash);
        }
    }

    fn look_up(&mut self, row: &Row<'_, '_>) -> (u32, bool) {
        self.open.clear();
        for column in &self.columns {
            let mut typed = [0; TYPED_BYTES];
            let (form, text) = parts_of(row.cell(*column), &mut typed);
            self.open.extend_from_slice(&head_of(form, text));
            self.open.extend_from_slice(text);
        }
        self.texts.intern(&self.open)
    }

    /// Forgets what came with which tuple, as tuples are numbered anew.
    pub(super) fn forget_tuples(&mut self) {
        self.with_tuple.clear();
        self.older.clear();
    }

    /// Bytes by which combinations are found again.
    pub(super) fn bytes(&self) -> usize {
        self.texts.parts().0.len() + self.older.allocation_size()
    }
}

/// Hash of a cell of an input column; 0 for one without a text.
#[inline]
fn hash_of(hasher: &DefaultHashBuilder, column: usize, cell: &Cell<'_>) -> u64 {
    let mut typed;
    let (form, text) = match text_of(cell) {
        Some(text) => text,
        None => {
            typed = [0; TYPED_BYTES];
            parts_of(cell, &mut typed)
        }
    };
    if text.is_empty() {
        return 0;
    }
    let mut hasher = hasher.build_hasher();
    hasher.write(text);
    hasher.write_u64((column as u64) << FORM_BITS | form as u64);
    hasher.finish()
}

/// Cells of a column that came before, with the numbers of their values: what a cell says is worked out
/// once.
#[derive(Debug)]
pub(super) struct CellValues {
    /// The cell that came last, behind its form, and the number of its value.
    last: Vec<u8>,
    last_value: u32,
    /// All cells, each behind its form and with the number of its value; `None` for a column in which
    /// they do not come back, such as that of resources.
    cells: Option<Texts>,
    /// Cells that were looked up.
    asked: u32,
}

/// Cells that are looked up before a column is told not to repeat: 1,024.
const SAMPLED_CELLS: u32 = 1024;

impl CellValues {
    /// No cells of a column yet.
    pub(super) fn new() -> Self {
        Self {
            last: Vec::new(),
            last_value: 0,
            cells: Some(Texts::default()),
            asked: 0,
        }
    }

    /// Number of the value of a cell. `make` gives the next number to the value of a new one.
    pub(super) fn value_of(&mut self, cell: &Cell<'_>, make: impl FnOnce() -> u32) -> u32 {
        let mut typed = [0; TYPED_BYTES];
        let (form, text) = parts_of(cell, &mut typed);
        let is_last = |(known, last): (&u8, &[u8])| *known == form as u8 && same(last, text);
        if self.last.split_first().is_some_and(is_last) {
            return self.last_value;
        }
        self.last.clear();
        self.last.push(form as u8);
        self.last.extend_from_slice(text);
        self.last_value = match &mut self.cells {
            Some(cells) => {
                let (number, is_new) = cells.intern(&self.last);
                self.asked += 1;
                if self.asked == SAMPLED_CELLS && cells.len() > SAMPLED_CELLS / 2 {
                    self.cells = None;
                }
                if is_new { make() } else { number }
            }
            None => make(),
        };
        self.last_value
    }

    /// Bytes of all cells.
    pub(super) fn bytes(&self) -> usize {
        let cells = self.cells.as_ref();
        cells.map_or(0, |cells| cells.parts().0.len())
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

fn head_of(form: Form, text: &[u8]) -> [u8; 8] {
    ((text.len() as u64) << FORM_BITS | form as u64).to_le_bytes()
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
