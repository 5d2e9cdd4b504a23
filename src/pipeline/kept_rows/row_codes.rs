//! Rows on their way to a file, as codes: what a cell says is worked out once for each distinct text of
//! a column, and a row is the codes of its texts.

use std::sync::Arc;

use super::open_texts::OpenTexts;
use super::row_batch::{BatchColumn, KnownValues, RowBatch, Values};
use super::row_layout::{Filled, RowLayout};
use super::row_sums::KeptSums;
use crate::engine::count::interner::Texts;
use crate::model::row::Cell;
use crate::model::same::same;

/// Rows that are handed over at a time, at most: 1,024, which stay in a core's cache. A slice of text
/// has fewer.
const BATCH_ROWS: u32 = 1024;

/// Bytes of distinct texts beyond which a worker forgets those that it knows: 32 MiB.
const KNOWN_BYTES: usize = 32 << 20;

/// Codes for the cells of one worker's rows.
pub(super) struct RowCoder {
    layout: Arc<RowLayout>,
    columns: Vec<ColumnCoder>,
    /// Number of rows in the open batch.
    rows: u32,
    known: Arc<KnownValues>,
    /// Rows and amounts so far.
    sums: KeptSums,
}

/// The cells of one column.
enum ColumnCoder {
    Texts(TextCoder),
    Numbers(NumberCoder),
}

/// Codes for the texts of a column. Those of a batch are looked up together: a batch of one column at a
/// time finds its table in the core's cache.
struct TextCoder {
    source: (usize, Filled),
    open: OpenTexts,
    /// All texts that are known.
    texts: Texts,
    /// Code that went last with each code of the column that leads this one. What the same resource had
    /// before is compared first, which costs less than to look it up.
    went_with: Vec<Option<u32>>,
    /// Values of the texts that came since the last batch.
    fresh: Values,
}

/// Numbers of a column. They repeat too little to be known by codes.
#[derive(Debug)]
struct NumberCoder {
    source: (usize, Filled),
    /// Text of the cell that came last; empty for one that is no text.
    last: Vec<u8>,
    /// Its number in the units of the input, 0 where there is none.
    last_exact: i128,
    runs: Vec<(Option<i128>, u32)>,
}

impl RowCoder {
    /// Coder that knows no text.
    pub(super) fn new(layout: Arc<RowLayout>) -> Self {
        let columns: Vec<ColumnCoder> = layout.filled().map(ColumnCoder::new).collect();
        Self {
            known: Arc::new(KnownValues::new(columns.len())),
            layout,
            columns,
            rows: 0,
            sums: KeptSums::default(),
        }
    }

    /// Adds a row to the open batch. True if the batch is full then.
    pub(super) fn add(&mut self, cells: &[Cell<'_>]) -> bool {
        for column in &mut self.columns {
            match column {
                ColumnCoder::Texts(column) => column.open.add(&cells[column.source.0], self.rows),
                ColumnCoder::Numbers(column) => {
                    column.add(&cells[column.source.0], self.rows, &self.layout);
                }
            }
        }
        self.rows += 1;
        let ColumnCoder::Numbers(amounts) = &self.columns[self.layout.amount] else {
            unreachable!("amounts are numbers");
        };
        let [invoice, currency] = self.layout.account(cells);
        let account = [&*invoice.bytes(), &*currency.bytes()];
        self.sums.add(account, amounts.last_exact);
        self.rows == BATCH_ROWS
    }

    /// Ends the open batch.
    pub(super) fn take(&mut self) -> RowBatch {
        let mut columns: Vec<BatchColumn> = Vec::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter_mut().enumerate() {
            columns.push(match column {
                ColumnCoder::Texts(column) => {
                    let leader = match self.layout.leader(at).map(|at| &columns[at]) {
                        Some(BatchColumn::Codes(runs)) => Some(runs.as_slice()),
                        _ => None,
                    };
                    BatchColumn::Codes(column.end_batch(&self.layout, self.rows, leader))
                }
                ColumnCoder::Numbers(column) => BatchColumn::Numbers(column.end_batch(self.rows)),
            });
        }
        let mut known = self.known.locked();
        for (column, values) in self.columns.iter_mut().zip(known.iter_mut()) {
            if let ColumnCoder::Texts(column) = column {
                values.append(&mut column.fresh);
            }
        }
        let bytes: usize = known.iter().map(|values| values.bytes.len()).sum();
        drop(known);
        let batch = RowBatch {
            known: Arc::clone(&self.known),
            columns,
            rows: std::mem::take(&mut self.rows) as usize,
        };
        if bytes > KNOWN_BYTES {
            let sums = std::mem::take(&mut self.sums);
            *self = Self::new(Arc::clone(&self.layout));
            self.sums = sums;
        }
        batch
    }

    /// Rows and amounts of all batches.
    pub(super) fn into_sums(self) -> KeptSums {
        self.sums
    }
}

impl ColumnCoder {
    fn new(source: (usize, Filled)) -> Self {
        match source.1 {
            Filled::Text(_) | Filled::Day => Self::Texts(TextCoder {
                source,
                open: OpenTexts::default(),
                texts: Texts::default(),
                went_with: Vec::new(),
                fresh: Values::default(),
            }),
            Filled::Number | Filled::Share => Self::Numbers(NumberCoder {
                source,
                last: Vec::new(),
                last_exact: 0,
                runs: Vec::new(),
            }),
        }
    }
}

impl TextCoder {
    /// Codes of the texts of the open batch, which has so many rows; with the codes of the column that
    /// leads this one, if one does.
    fn end_batch(
        &mut self,
        layout: &RowLayout,
        rows: u32,
        leader: Option<&[(u32, u32)]>,
    ) -> Vec<(u32, u32)> {
        let known = self.texts.len();
        let ends = self.open.first_rows().skip(1).chain([rows]);
        let runs = match leader {
            Some(leader) => {
                let codes = led(&mut self.texts, &mut self.went_with, &self.open, leader);
                codes.into_iter().zip(ends).collect()
            }
            None => self
                .texts
                .intern_all(self.open.all())
                .into_iter()
                .zip(ends)
                .collect(),
        };
        for new in known..self.texts.len() {
            let cell = self.open.form().cell(self.texts.text(new));
            layout.push_value(self.source, &cell, &mut self.fresh.bytes);
            self.fresh.ends.push(self.fresh.bytes.len());
        }
        self.open.clear();
        runs
    }
}

/// Codes of the texts of a batch, of which each is most likely the one that went last with the code that
/// leads it.
fn led(
    texts: &mut Texts,
    went_with: &mut Vec<Option<u32>>,
    open: &OpenTexts,
    mut leader: &[(u32, u32)],
) -> Vec<u32> {
    let rows = open.first_rows();
    let codes = open.all().zip(rows).map(|(text, row)| {
        while let [(_, end), rest @ ..] = leader
            && *end <= row
        {
            leader = rest;
        }
        let leads = leader.first().map_or(0, |(code, _)| *code as usize);
        if leads >= went_with.len() {
            went_with.resize(leads + 1, None);
        }
        match went_with[leads] {
            Some(code) if same(texts.text(code), text) => code,
            _ => {
                let (code, _) = texts.intern(text);
                went_with[leads] = Some(code);
                code
            }
        }
    });
    codes.collect()
}

impl NumberCoder {
    fn add(&mut self, cell: &Cell<'_>, row: u32, layout: &RowLayout) {
        let text: &[u8] = match cell {
            Cell::Text(text) => text,
            Cell::Entry { text, .. } => text,
            _ => b"",
        };
        if !text.is_empty() && !self.runs.is_empty() && same(&self.last, text) {
            return;
        }
        self.last.clear();
        self.last.extend_from_slice(text);
        let (exact, number) = layout.number(self.source, cell);
        self.last_exact = exact;
        match self.runs.last_mut() {
            Some((last, _)) if *last == number => {}
            _ => self.runs.push((number, row)),
        }
    }

    fn end_batch(&mut self, rows: u32) -> Vec<(Option<i128>, u32)> {
        let mut runs = std::mem::take(&mut self.runs);
        self.runs.reserve(runs.len());
        // So far each has its first row.
        let mut end = rows;
        for run in runs.iter_mut().rev() {
            std::mem::swap(&mut run.1, &mut end);
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::super::row_batch::column_of;
    use super::*;
    use crate::model::dataset::{Dataset, USAGE, position};

    /// Rows of one slice each, with a large text in which they differ.
    fn batch(coder: &mut RowCoder, numbers: &[usize]) -> RowBatch {
        for number in numbers {
            let mut cells = vec![Cell::Missing; USAGE.len()];
            let resource = format!("/{number}/").repeat(KNOWN_BYTES / 16);
            cells[position(USAGE, "ResourceURI")] = Cell::Text(resource.into_bytes().into());
            let tags = format!("{{{}}}", number % 3).into_bytes();
            cells[position(USAGE, "Tags")] = Cell::Text(tags.into());
            let amount = number.to_string().into_bytes();
            cells[position(USAGE, "BillingPreTaxTotal")] = Cell::Text(amount.into());
            assert!(!coder.add(&cells), "the batch is not full");
        }
        coder.take()
    }

    /// Values of all rows of a column.
    fn values_of(batches: &[RowBatch], column: usize) -> Vec<Option<Vec<u8>>> {
        let (values, codes) = column_of(batches, column);
        let value = |code: &u32| {
            values
                .parts()
                .1
                .get(*code as usize)
                .map(|_| values.text(*code).to_vec())
        };
        codes.iter().map(value).collect()
    }

    /// Whichever worker read a slice, and whatever it had forgotten by then.
    #[test]
    fn columns_do_not_depend_on_who_read_which_rows() {
        let layout = Arc::new(RowLayout::of(Dataset::Usage).expect("its rows are kept"));
        let slices: Vec<Vec<usize>> = (0..12).map(|slice| vec![slice, slice / 2, 7, 7]).collect();
        let mut one = RowCoder::new(Arc::clone(&layout));
        let alone: Vec<RowBatch> = slices.iter().map(|rows| batch(&mut one, rows)).collect();
        assert!(
            !Arc::ptr_eq(&alone[0].known, &alone[11].known),
            "texts were forgotten"
        );
        let mut workers = [(); 2].map(|()| RowCoder::new(Arc::clone(&layout)));
        let mut shared: Vec<(usize, RowBatch)> = Vec::new();
        for (slice, worker) in [(3, 0), (0, 1), (1, 0), (11, 1), (2, 1), (9, 0), (4, 0)]
            .into_iter()
            .chain([(5, 1), (10, 0), (6, 1), (8, 1), (7, 0)])
        {
            shared.push((slice, batch(&mut workers[worker], &slices[slice])));
        }
        shared.sort_by_key(|(slice, _)| *slice);
        let shared: Vec<RowBatch> = shared.into_iter().map(|(_, batch)| batch).collect();
        for column in 0..layout.table.columns.len() {
            let ((values, codes), (others, other_codes)) =
                (column_of(&alone, column), column_of(&shared, column));
            assert_eq!(codes, other_codes, "{}", layout.table.columns[column].name);
            assert!(values.parts() == others.parts());
        }
        let tags = layout
            .table
            .columns
            .iter()
            .position(|column| column.name == "tags");
        let found = values_of(&alone, tags.expect("usage has tags"));
        let wanted = slices.iter().flatten().map(|number| {
            let tags = format!("{{{}}}", number % 3);
            Some([&3_u32.to_le_bytes()[..], tags.as_bytes()].concat())
        });
        assert_eq!(found, wanted.collect::<Vec<_>>());
        let found = values_of(&alone, layout.amount);
        assert_eq!(found.len(), 48);
        let [merged, other] = workers.map(RowCoder::into_sums);
        let mut sums = merged;
        sums.merge(other);
        assert_eq!(sums.into_sums(), one.into_sums().into_sums());
    }
}
