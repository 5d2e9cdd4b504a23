//! Rows on their way to a file, as numbers: what its cells say is worked out once for each combination
//! of a bundle, and a row is the numbers of its combinations, with a few numbers of its own.

use std::sync::Arc;

use super::bundles::{CellValues, Combinations, Latest};
use super::row_batch::{KnownBundle, KnownValues, RowBatch};
use super::row_layout::{Bundle, RowLayout};
use super::row_sums::KeptSums;
use crate::engine::count::partial::CountedRow;
use crate::model::column_set::ColumnSet;
use crate::model::period::Day;
use crate::model::row::Row;
use crate::reports::coded_column::NO_NUMBER;

/// Rows that are handed over at a time, at most: 1,024, which stay in a core's cache. A slice of text
/// has fewer.
const BATCH_ROWS: usize = 1024;

/// Bundles that a layout has at most.
const MOST_BUNDLES: usize = 5;

/// Bytes of distinct texts and values beyond which a worker forgets those that it knows: 64 MiB.
const KNOWN_BYTES: usize = 64 << 20;

/// Numbers for the cells of one worker's rows.
pub(super) struct RowCoder {
    layout: Arc<RowLayout>,
    /// Combinations of each bundle.
    bundles: Vec<Combinations>,
    /// What was worked out of each bundle since rows were handed over.
    fresh: Vec<Fresh>,
    known: Arc<KnownValues>,
    /// Bytes of the values there.
    known_bytes: usize,
    open: OpenRows,
    /// True if the row before the next one did not come here.
    has_missed: bool,
    /// Rows and amounts so far, but for those of `accounts`.
    sums: KeptSums,
    /// Rows and amounts of each combination of the first bundle.
    accounts: Vec<AccountSum>,
}

/// Rows and their amount.
struct AccountSum {
    /// Invoice and currency, as they came.
    account: [Vec<u8>; 2],
    rows: u64,
    amount: i128,
}

/// Rows that are not handed over yet, as [`RowBatch`] has them.
#[derive(Debug)]
struct OpenRows {
    combinations: Vec<Vec<u32>>,
    numbers: Vec<Vec<i128>>,
    days: Vec<Option<Day>>,
}

impl OpenRows {
    fn new(layout: &RowLayout) -> Self {
        let columns = |_| Vec::with_capacity(BATCH_ROWS);
        Self {
            combinations: layout.bundles.iter().map(columns).collect(),
            numbers: (layout.numbers.iter())
                .map(|_| Vec::with_capacity(BATCH_ROWS))
                .collect(),
            days: Vec::with_capacity(BATCH_ROWS),
        }
    }

    fn clear(&mut self) {
        self.combinations.iter_mut().for_each(Vec::clear);
        self.numbers.iter_mut().for_each(Vec::clear);
        self.days.clear();
    }
}

impl RowCoder {
    /// Coder that knows no text.
    pub(super) fn new(layout: Arc<RowLayout>) -> Self {
        let widths = layout.bundles.iter().map(|bundle| bundle.columns.len());
        Self {
            bundles: layout.bundles.iter().map(Combinations::new).collect(),
            fresh: layout.bundles.iter().map(Fresh::new).collect(),
            known: Arc::new(KnownValues::new(widths)),
            known_bytes: 0,
            open: OpenRows::new(&layout),
            has_missed: true,
            sums: KeptSums::default(),
            accounts: Vec::new(),
            layout,
        }
    }

    /// Adds a row to the open batch. True if the batch is full then.
    pub(super) fn add(&mut self, row: &Row<'_, '_>, counted: &CountedRow) -> bool {
        let changed = match std::mem::take(&mut self.has_missed) {
            true => ColumnSet::ALL,
            false => row.changed,
        };
        let tuple_of = |at: usize| counted.key[self.layout.bundles[at].tuple as usize];
        let mut latest = [Latest::default(); MOST_BUNDLES];
        for (at, bundle) in self.bundles.iter().enumerate() {
            latest[at] = bundle.latest(tuple_of(at));
        }
        for (at, bundle) in self.bundles.iter_mut().enumerate() {
            let (number, is_new) = bundle.number_of((row, changed), tuple_of(at), latest[at]);
            if is_new {
                self.fresh[at].learn(&self.layout, &self.layout.bundles[at], row);
            }
            self.open.combinations[at].push(number);
        }
        for (column, numbers) in self.layout.numbers.iter().zip(&mut self.open.numbers) {
            let number = self.layout.number_of(column, row, counted);
            numbers.push(number.unwrap_or(NO_NUMBER));
        }
        self.open.days.push(counted.day);
        self.add_to_account(row, counted);
        self.open.days.len() == BATCH_ROWS
    }

    /// Tells that a row does not come here, so that nothing is known of what changes with the next one.
    pub(super) const fn pass_over(&mut self) {
        self.has_missed = true;
    }

    /// Adds a row to the sums of its invoice and currency, which the first bundle has.
    fn add_to_account(&mut self, row: &Row<'_, '_>, counted: &CountedRow) {
        let Some(number) = self.open.combinations[0].last() else {
            return;
        };
        let number = *number as usize;
        if number == self.accounts.len() {
            let account = self.layout.account(row);
            self.accounts.push(AccountSum {
                account: account.map(|cell| cell.bytes().to_vec()),
                rows: 0,
                amount: 0,
            });
        }
        let sum = &mut self.accounts[number];
        let [_, amount, ..] = counted.sums;
        sum.rows += 1;
        sum.amount = sum.amount.wrapping_add(amount);
    }

    /// Forgets which rows had which tuples, as tuples are numbered anew.
    pub(super) fn forget_tuples(&mut self) {
        self.bundles
            .iter_mut()
            .for_each(Combinations::forget_tuples);
    }

    /// Ends the open batch.
    pub(super) fn take(&mut self) -> RowBatch {
        // A copy has the size of its rows: a slice of JSON has few, and room for more would stay unused
        // until the row group is written.
        let batch = RowBatch {
            known: Arc::clone(&self.known),
            combinations: self.open.combinations.clone(),
            numbers: self.open.numbers.clone(),
            days: self.open.days.clone(),
        };
        self.open.clear();
        for (fresh, known) in self.fresh.iter_mut().zip(self.known.locked().iter_mut()) {
            self.known_bytes += fresh.hand_over(known);
        }
        let combinations: usize = self.bundles.iter().map(Combinations::bytes).sum();
        let cells = self.fresh.iter().flat_map(|fresh| &fresh.cells);
        let cells: usize = cells.map(CellValues::bytes).sum();
        if combinations + cells + self.known_bytes > KNOWN_BYTES {
            self.settle();
            let sums = std::mem::take(&mut self.sums);
            *self = Self::new(Arc::clone(&self.layout));
            self.sums = sums;
        }
        batch
    }

    /// Rows and amounts of all batches.
    pub(super) fn into_sums(mut self) -> KeptSums {
        self.settle();
        self.sums
    }

    fn settle(&mut self) {
        for sum in self.accounts.drain(..) {
            let [invoice, currency] = &sum.account;
            self.sums.add([invoice, currency], sum.rows, sum.amount);
        }
    }
}

/// What a worker has worked out of a bundle since it handed rows over.
struct Fresh {
    values: KnownBundle,
    /// For each column how many values were handed over before.
    before: Vec<u32>,
    /// Cells of each column by which values are found again.
    cells: Vec<CellValues>,
}

impl Fresh {
    fn new(bundle: &Bundle) -> Self {
        let columns = bundle.columns.len();
        Self {
            values: KnownBundle::new(columns),
            before: vec![0; columns],
            cells: (0..columns).map(|_| CellValues::new()).collect(),
        }
    }

    /// Adds a combination that came for the first time.
    #[cold]
    fn learn(&mut self, layout: &RowLayout, bundle: &Bundle, row: &Row<'_, '_>) {
        for (at, column) in bundle.columns.iter().enumerate() {
            let (cell, values) = (row.cell(column.source.0), &mut self.values.columns[at]);
            let number = self.cells[at].value_of(cell, || {
                values.add(|bytes| layout.push_value(column.source, cell, bytes));
                self.before[at] + values.count() - 1
            });
            self.values.push(number);
        }
    }

    /// Hands all values over; their bytes.
    fn hand_over(&mut self, known: &mut KnownBundle) -> usize {
        for (before, column) in self.before.iter_mut().zip(&self.values.columns) {
            *before += column.count();
        }
        let bytes = self.values.bytes();
        known.append(&mut self.values);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Date32Type, Decimal128Type};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::super::row_columns::encode;
    use super::*;
    use crate::engine::rules::keys::Tuple;
    use crate::model::dataset::{Dataset, USAGE, position};
    use crate::model::decimal::{AMOUNT_SCALE, power_of_ten};
    use crate::model::row::{Cell, EarlierRows, Place, Spelling};
    use crate::reports::row_file::RowFile;

    fn layout() -> Arc<RowLayout> {
        Arc::new(RowLayout::of(Dataset::Usage).expect("its rows are kept"))
    }

    /// Adds a row of a resource, whose URI is a large text, with tags as CSV writes them.
    fn add(coder: &mut RowCoder, resource: u32, tags: &str, amount: i128) {
        add_changed(coder, (resource, tags), amount, ColumnSet::ALL);
    }

    /// Adds a row that shares the cells of columns that nobody reads with the row before, but for some.
    fn add_changed(
        coder: &mut RowCoder,
        (resource, tags): (u32, &str),
        amount: i128,
        changed: ColumnSet,
    ) {
        let unread = coder.layout.carried.iter().copied();
        let unread = unread.collect::<ColumnSet>();
        let mut cells = vec![Cell::Missing; USAGE.len()];
        let uri = format!("/{resource}/").repeat(KNOWN_BYTES / 32);
        cells[position(USAGE, "ResourceURI")] = Cell::Text(uri.into_bytes().into());
        cells[position(USAGE, "Tags")] = Cell::Written(tags.as_bytes(), Spelling::Csv);
        let text = amount.to_string().into_bytes();
        cells[position(USAGE, "BillingPreTaxTotal")] = Cell::Text(text.into());
        let counted = CountedRow {
            key: [0, 0, resource, 0],
            sums: [0, amount * power_of_ten(AMOUNT_SCALE), 0, 0],
            day: (resource > 0).then_some(20_000 + i32::try_from(amount).unwrap()),
        };
        let row = Row {
            cells: &cells,
            place: Place {
                first_line: 1,
                before: b"",
                text: b"",
                unread: 0,
            },
            changed: changed.with(unread.others()),
            earlier: EarlierRows {
                cells: &cells,
                changed: &[ColumnSet::ALL],
            },
        };
        assert!(!coder.add(&row, &counted), "the batch is not full");
    }

    /// Rows of one slice each.
    fn batch(coder: &mut RowCoder, resources: &[u32]) -> RowBatch {
        for (resource, amount) in resources.iter().zip(0..) {
            add(coder, *resource, tags_of(*resource), amount / 3);
        }
        coder.take()
    }

    fn tags_of(resource: u32) -> &'static str {
        ["\"{\"\"a\"\":1}\"", "\"\"", "\"NULL\""][resource as usize % 3]
    }

    fn file_of(layout: &RowLayout, batches: &[RowBatch]) -> Bytes {
        let mut file = RowFile::new(layout.table, Vec::new()).unwrap();
        let group = encode(layout, batches, file.encoder().unwrap()).unwrap();
        file.append(0, group).unwrap();
        let mut bytes = file.close().unwrap();
        bytes.flush().unwrap();
        Bytes::from(bytes)
    }

    /// Whichever worker read a slice, and whatever it had forgotten by then.
    #[test]
    fn files_do_not_depend_on_who_read_which_rows() {
        let layout = layout();
        let slices: Vec<Vec<u32>> = (0..12).map(|slice| vec![slice, slice / 2, 7, 7]).collect();
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
            workers[worker].forget_tuples();
            shared.push((slice, batch(&mut workers[worker], &slices[slice])));
        }
        shared.sort_by_key(|(slice, _)| *slice);
        let shared: Vec<RowBatch> = shared.into_iter().map(|(_, batch)| batch).collect();
        let file = file_of(&layout, &alone);
        assert!(file == file_of(&layout, &shared), "the bytes are the same");
        let [merged, other] = workers.map(RowCoder::into_sums);
        let mut sums = merged;
        sums.merge(other);
        assert_eq!(sums.into_sums(), one.into_sums().into_sums());

        let rows = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let rows: Vec<_> = rows.build().unwrap().map(Result::unwrap).collect();
        let rows = arrow_select::concat::concat_batches(&rows[0].schema(), &rows).unwrap();
        let column = |name: &str| rows.column_by_name(name).unwrap();
        let wanted = slices.iter().flat_map(|rows| rows.iter().zip(0_i128..));
        let tags = column("tags").as_string::<i32>().iter();
        let days = column("usage_date").as_primitive::<Date32Type>().iter();
        let amounts = column("amount").as_primitive::<Decimal128Type>().iter();
        let mut read = 0;
        for (((resource, amount), tags), (day, found)) in wanted.zip(tags).zip(days.zip(amounts)) {
            let plain = ["{\"a\":1}", "", ""][*resource as usize % 3];
            assert_eq!(tags, Some(plain));
            let amount = amount / 3;
            let wanted = 20_000 + i32::try_from(amount).unwrap();
            assert_eq!(day, (*resource > 0).then_some(wanted));
            assert_eq!(found, Some(amount * 10_i128.pow(10)));
            read += 1;
        }
        assert_eq!(read, 48);
    }

    /// Tags that change from one day to the next, and back.
    #[test]
    fn what_no_tuple_proves_is_compared() {
        let layout = layout();
        let mut coder = RowCoder::new(Arc::clone(&layout));
        // Back to the last one, to older ones, and on to new ones.
        let tags = ["a", "a", "b", "a", "ab", "b", "c", "d", "", "a", "f", "c"];
        for (tags, amount) in tags.iter().zip(0..) {
            add(&mut coder, 1, &format!("\"{tags}\""), amount);
        }
        let wanted = [0, 0, 1, 0, 2, 1, 3, 4, 5, 0, 6, 3];
        assert_eq!(combinations_of_resources(&mut coder), wanted);
    }

    /// Cells of which the decoder says that they are those of the row before, which may be another
    /// resource's; and those of the first row behind one that was not kept.
    #[test]
    fn only_what_changed_is_compared() {
        let mut coder = RowCoder::new(layout());
        let of_tags = ColumnSet::from_iter([position(USAGE, "Tags")]);
        let rows = [
            (1, "\"a\"", ColumnSet::NONE),
            (2, "\"a\"", ColumnSet::NONE),
            (1, "\"b\"", of_tags),
            (2, "\"b\"", ColumnSet::NONE),
            (1, "\"b\"", ColumnSet::NONE),
            (2, "\"a\"", of_tags),
            (1, "\"a\"", ColumnSet::NONE),
        ];
        for (resource, tags, changed) in rows {
            add_changed(&mut coder, (resource, tags), 1, changed);
        }
        coder.pass_over();
        add_changed(&mut coder, (2, "\"b\""), 1, ColumnSet::NONE);
        let wanted = [0, 1, 2, 3, 2, 1, 0, 3];
        assert_eq!(combinations_of_resources(&mut coder), wanted);
    }

    fn combinations_of_resources(coder: &mut RowCoder) -> Vec<u32> {
        let is_of_resources = |bundle: &Bundle| bundle.tuple == Tuple::Resource;
        let at = coder.layout.bundles.iter().position(is_of_resources);
        coder.take().combinations.swap_remove(at.unwrap())
    }
}
