//! What is held against the peers: the decoders and the aggregation alone, without a run around them.
//!
//! `workload sums FILE...` prints the exact sums of usage by customer, subscription, meter and
//! resource, as the peers' scripts do; `--out FILE` also writes every group, for a comparison.

use std::error::Error;
use std::fs::File;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rayon::prelude::*;
use tieout::decode::{self, Input, Sink};
use tieout::engine::aggregate::{Grain, Partial, TUPLES, Totals};
use tieout::engine::interner::Texts;
use tieout::engine::measures::Measures;
use tieout::model::dataset::{Dataset, USAGE, position};
use tieout::model::decimal::{AMOUNT_SCALE, QUANTITY_SCALE, plain};
use tieout::model::ids::{Fold, fold};
use tieout::model::reject::Rejection;
use tieout::model::row::{Cell, Row};

const QUANTITY: usize = position(USAGE, "Quantity");
const AMOUNT: usize = position(USAGE, "BillingPreTaxTotal");
const CUSTOMER: usize = position(USAGE, "CustomerId");
const SUBSCRIPTION: usize = position(USAGE, "SubscriptionId");
const METER: usize = position(USAGE, "MeterId");
const RESOURCE: usize = position(USAGE, "ResourceURI");
const WANTED: [usize; 6] = [CUSTOMER, SUBSCRIPTION, METER, RESOURCE, QUANTITY, AMOUNT];
const FOLDS: [Fold; TUPLES] = [Fold::Identifier, Fold::Identifier, Fold::Identifier, Fold::ArmId];

static GRAIN: Grain = Grain { tuples: [&[CUSTOMER], &[SUBSCRIPTION], &[METER], &[RESOURCE]], derived: &[], measure: quantity_and_amount };

fn quantity_and_amount(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let number = |at: usize, name: &'static str, scale: u32| {
        let parsed = cells.get(at).unwrap_or(&Cell::Missing).decimal(name, scale)?;
        parsed.map(|parsed| parsed.value).ok_or_else(|| Rejection::in_words(name, "nothing", "a decimal number".to_owned()))
    };
    let sums = [number(QUANTITY, "Quantity", QUANTITY_SCALE)?, number(AMOUNT, "BillingPreTaxTotal", AMOUNT_SCALE)?, 0, 0];
    Ok(Measures { sums, ..Measures::default() })
}

struct SumSink(Partial);

impl Sink for SumSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0.add(row)
    }

    fn settle(&mut self) {
        self.0.settle();
    }
}

fn new_sink() -> SumSink {
    SumSink(Partial::with(Dataset::Usage, &GRAIN, None))
}

/// The sums of all files by raw texts, worker by worker. A worker's table goes on from file to file.
fn summed(files: &[String]) -> Result<Vec<Partial>, Box<dyn Error + Send + Sync>> {
    let idle: Mutex<Vec<SumSink>> = Mutex::new(Vec::new());
    let sink = || idle.lock().expect("no one panics").pop().unwrap_or_else(new_sink);
    files.par_iter().try_for_each(|file| {
        let input = Input { unit: file, path: Path::new(file), dataset: Dataset::Usage };
        let (decoded, sinks) = decode::decode_columns(input, Some(&WANTED), sink)?;
        idle.lock().expect("no one panics").extend(sinks);
        decoded.rejected.first().map_or(Ok(()), |row| Err(Box::<dyn Error + Send + Sync>::from(row.to_string())))
    })?;
    Ok(idle.into_inner().expect("no one panics").into_iter().map(|sink| sink.0).collect())
}

/// Sums by folded texts.
#[derive(Default)]
struct Groups {
    texts: [Texts; TUPLES],
    totals: Totals,
}

impl Groups {
    /// Adds the sums of a worker. They are not merged with those of others by raw texts before: that would
    /// be one table more to go through.
    fn add(&mut self, mut partial: Partial) {
        let columns = self.texts.par_iter_mut().zip(&partial.columns).zip(FOLDS);
        let folded = columns.map(|((texts, column), kind)| {
            let of_text = (0..column.texts().len()).map(|text| texts.intern(fold(kind, column.text(text)).as_bytes()).0);
            of_text.collect::<Vec<u32>>()
        });
        let folded: Vec<Vec<u32>> = folded.collect();
        partial.columns.clear();
        for (key, total) in partial.totals.iter() {
            let mut tuples = partial.tuples.iter().zip(&folded);
            // Each tuple is of one text.
            let key = key.map(|id| tuples.next().map_or(0, |(tuples, numbers)| numbers[tuples.tuple(id)[0] as usize]));
            assert!(self.totals.add(key, &total), "sums fit");
        }
        assert!(self.totals.settle(), "sums fit");
    }

    fn column(&self, tuple: usize) -> StringArray {
        let text = |id: u32| std::str::from_utf8(self.texts[tuple].text(id)).expect("folded text");
        StringArray::from_iter_values(self.totals.keys().map(|key| text(key[tuple])))
    }
}

fn sums(files: &[String], out: Option<&str>) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut groups = Groups::default();
    for partial in summed(files)? {
        partial.check()?;
        groups.add(partial);
    }
    let (rows, quantity, amount) = groups.totals.iter().fold((0, 0, 0), |(rows, quantity, amount), (_, total)| {
        let [more_quantity, more_amount, ..] = total.sums;
        (rows + total.rows, quantity + more_quantity, amount + more_amount)
    });
    if let Some(out) = out {
        write_groups(&groups, out)?;
    }
    let (quantity, amount) = (plain(quantity, QUANTITY_SCALE), plain(amount, AMOUNT_SCALE));
    Ok(format!("{{\"rows\": {rows}, \"groups\": {}, \"quantity\": \"{quantity}\", \"amount\": \"{amount}\"}}", groups.totals.len()))
}

fn write_groups(groups: &Groups, out: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arrays: Vec<(&str, ArrayRef)> = Vec::new();
    for (tuple, name) in ["customer", "subscription", "meter", "resource"].into_iter().enumerate() {
        arrays.push((name, Arc::new(groups.column(tuple))));
    }
    let rows = groups.totals.iter().map(|(_, total)| i64::try_from(total.rows).unwrap_or(i64::MAX));
    arrays.push(("rows", Arc::new(Int64Array::from_iter_values(rows))));
    for (at, name) in ["quantity", "amount"].into_iter().enumerate() {
        let values = Decimal128Array::from_iter_values(groups.totals.iter().map(|(_, total)| total.sums[at]));
        arrays.push((name, Arc::new(values.with_precision_and_scale(38, 20)?)));
    }
    let batch = RecordBatch::try_from_iter(arrays)?;
    let mut writer = ArrowWriter::try_new(File::create(out)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.drain(at..at + 2).nth(1).expect("an option has a value"))
    };
    let out = option("--out");
    match arguments.split_first() {
        Some((command, files)) if command == "sums" && !files.is_empty() => writeln!(stdout(), "{}", sums(files, out.as_deref())?)?,
        _ => return Err("usage: workload sums FILE... [--out FILE]".into()),
    }
    Ok(())
}
