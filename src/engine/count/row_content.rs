//! Content of a row as the engine adds it up: [`content_of`](crate::model::content::content_of),
//! column by column, but with each text of a key hashed once.
//!
//! Fast, because a key's texts and tuples are numbered anyway: the part of a tuple is looked up by
//! its number, and only a tuple that is new adds up the parts of its texts. The numbers that are
//! summed were parsed before. What is left are a few columns that no key needs, prices among them:
//! rows of one product mostly share them, and of each the last text of a product is kept with its
//! part.

use super::interner::Tuples;
use super::key_column::KeyColumn;
use super::key_layout::KeyLayout;
use super::measures::Measures;
use crate::engine::rules::keys::{TUPLES, Tuple};
use crate::model::content::ColumnContent;
use crate::model::dataset::{Dataset, Need};
use crate::model::row::{Cell, Row};
use crate::model::same::same;

/// Parts of the texts and tuples that were met, by their numbers.
#[derive(Debug)]
pub(super) struct RowContent {
    /// Columns of the texts, in the order of the key's columns.
    columns: Vec<ColumnContent>,
    /// For each column of the key the parts of its texts.
    texts: Vec<Vec<u64>>,
    /// For each kind of tuple the parts of its tuples.
    tuples: [Vec<u64>; TUPLES],
    /// Columns of numbers that are summed, in the order of [`Measures::sums`].
    summed: Vec<ColumnContent>,
    /// Column of the day; `None` where the day is among the texts.
    day: Option<ColumnContent>,
    /// Columns that are read, but neither part of the key nor summed.
    others: Vec<OtherColumn>,
}

/// A column that no key needs.
#[derive(Debug)]
struct OtherColumn {
    /// Position among the dataset's columns.
    at: usize,
    content: ColumnContent,
    /// By the number of a product's tuple the text that came last with it, and the text's part.
    last: Vec<(Vec<u8>, u64)>,
}

impl OtherColumn {
    fn part_of(&mut self, cell: &Cell<'_>, product: u32) -> u64 {
        let text: &[u8] = match cell {
            Cell::Text(text) => text,
            Cell::Entry { text, .. } => text,
            typed => return self.content.of_cell(typed),
        };
        let product = product as usize;
        if product >= self.last.len() {
            // An empty text has the part 0.
            self.last.resize(product + 1, (Vec::new(), 0));
        }
        let (last, part) = &mut self.last[product];
        if !same(text, last) {
            last.clear();
            last.extend_from_slice(text);
            *part = self.content.of_text(text);
        }
        *part
    }
}

impl RowContent {
    /// Nothing met yet of the rows of a dataset.
    pub(super) fn new(dataset: Dataset, layout: &KeyLayout) -> Self {
        let of = |at: &usize| ColumnContent::of(dataset, *at);
        let keys = || layout.tuples.into_iter().flatten();
        let is_counted = |at: &usize| {
            keys().any(|key| key == at) || layout.summed.contains(at) || layout.day == Some(*at)
        };
        let columns = dataset.columns().iter().enumerate();
        let others = columns
            .filter(|(_, column)| column.need != Need::Unread)
            .map(|(at, _)| at)
            .filter(|at| !is_counted(at));
        Self {
            columns: keys().map(of).collect(),
            texts: vec![Vec::new(); layout.width()],
            tuples: std::array::from_fn(|_| Vec::new()),
            summed: layout.summed.iter().map(of).collect(),
            day: layout.day.as_ref().map(of),
            others: others
                .map(|at| OtherColumn {
                    at,
                    content: of(&at),
                    last: Vec::new(),
                })
                .collect(),
        }
    }

    /// Content of a row, given its key and its numbers.
    pub(super) fn of(
        &mut self,
        row: &Row<'_, '_>,
        measures: &Measures,
        key: [u32; TUPLES],
        (layout, columns, tuples): (&KeyLayout, &[KeyColumn], &[Tuples; TUPLES]),
    ) -> u64 {
        let mut sum = row.place.unread;
        let mut first = 0;
        for (tuple, number) in key.into_iter().enumerate() {
            let fields = layout.tuples[tuple].len();
            // A tuple's number is at most that of the last one plus one, but for tuples of one text.
            while self.tuples[tuple].len() <= number as usize {
                let next = self.tuples[tuple].len() as u32;
                let texts = &tuples[tuple].tuple(next)[..fields];
                let part = self.of_texts(texts, first, &columns[layout.start_of(tuple)..]);
                self.tuples[tuple].push(part);
            }
            sum = sum.wrapping_add(self.tuples[tuple][number as usize]);
            first += fields;
        }
        for (column, value) in self.summed.iter().zip(measures.sums) {
            sum = sum.wrapping_add(column.of_number(value, super::measures::SUM_SCALE));
        }
        if let (Some(column), Some(day)) = (&self.day, measures.day) {
            sum = sum.wrapping_add(column.of_day(day));
        }
        for column in &mut self.others {
            let product = key[Tuple::Product as usize];
            sum = sum.wrapping_add(column.part_of(&row.cells[column.at], product));
        }
        sum
    }

    /// Sum of the parts of texts, the first of which stands in the key's column `first`.
    fn of_texts(&mut self, texts: &[u32], first: usize, columns: &[KeyColumn]) -> u64 {
        let mut sum = 0_u64;
        for (at, (text, column)) in texts.iter().zip(columns).enumerate() {
            let (content, parts) = (&self.columns[first + at], &mut self.texts[first + at]);
            while parts.len() <= *text as usize {
                let next = parts.len() as u32;
                parts.push(content.of_text(column.text(next).as_bytes()));
            }
            sum = sum.wrapping_add(parts[*text as usize]);
        }
        sum
    }

    /// Bytes of memory in use.
    pub(super) fn footprint(&self) -> usize {
        let parts = self.texts.iter().chain(&self.tuples);
        let parts: usize = parts.map(|parts| parts.capacity() * size_of::<u64>()).sum();
        // Texts of prices and dates, which are about as long as what holds them.
        let last = self.others.iter().map(|column| column.last.capacity());
        parts + last.sum::<usize>() * 2 * size_of::<(Vec<u8>, u64)>()
    }
}
