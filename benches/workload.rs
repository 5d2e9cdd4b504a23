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
use hashbrown::HashMap;
use parquet::arrow::ArrowWriter;
use rayon::prelude::*;
use tieout::decode::{self, Input, Sink};
use tieout::engine::aggregate::{Grain, Partial, TUPLES, Total};
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

/// The sums of all files by raw texts. A worker's table goes on from file to file.
fn summed(files: &[String]) -> Result<Partial, Box<dyn Error + Send + Sync>> {
    let idle: Mutex<Vec<SumSink>> = Mutex::new(Vec::new());
    let sink = || idle.lock().expect("no one panics").pop().unwrap_or_else(new_sink);
    files.par_iter().try_for_each(|file| {
        let input = Input { unit: file, path: Path::new(file), dataset: Dataset::Usage };
        let (decoded, sinks) = decode::decode_columns(input, Some(&WANTED), sink)?;
        idle.lock().expect("no one panics").extend(sinks);
        decoded.rejected.first().map_or(Ok(()), |row| Err(Box::<dyn Error + Send + Sync>::from(row.to_string())))
    })?;
    let mut whole = new_sink().0;
    idle.into_inner().expect("no one panics").into_iter().for_each(|sink| whole.merge(sink.0));
    whole.check()?;
    Ok(whole)
}

/// Numbers of folded texts, column by column, and the texts.
fn folded(partial: &Partial) -> Vec<(Vec<u32>, Vec<String>)> {
    let columns = partial.columns.par_iter().zip(FOLDS);
    let numbered = columns.map(|(column, kind)| {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut texts = Vec::new();
        let of_text = (0..column.texts().len()).map(|text| {
            let folded = fold(kind, column.text(text));
            *numbers.entry(folded).or_insert_with_key(|folded| {
                texts.push(folded.clone());
                u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
            })
        });
        (of_text.collect(), texts)
    });
    numbered.collect()
}

fn sums(files: &[String], out: Option<&str>) -> Result<String, Box<dyn Error + Send + Sync>> {
    let partial = summed(files)?;
    let columns = folded(&partial);
    let mut groups: HashMap<[u32; TUPLES], Total> = HashMap::with_capacity(partial.totals.len());
    for (key, total) in partial.totals.iter() {
        let mut at = 0..TUPLES;
        let key = key.map(|id| {
            let tuple = at.next().unwrap_or_default();
            // Each tuple is of one text.
            let text = partial.tuples[tuple].tuple(id)[0];
            columns[tuple].0[text as usize]
        });
        groups.entry(key).and_modify(|sum| *sum = sum.plus(&total).expect("sums fit")).or_insert(total);
    }
    let (rows, quantity, amount) = groups.values().fold((0, 0, 0), |(rows, quantity, amount), total| {
        let [more_quantity, more_amount, ..] = total.sums;
        (rows + total.rows, quantity + more_quantity, amount + more_amount)
    });
    if let Some(out) = out {
        write_groups(&groups, &columns, out)?;
    }
    let (quantity, amount) = (plain(quantity, QUANTITY_SCALE), plain(amount, AMOUNT_SCALE));
    Ok(format!("{{\"rows\": {rows}, \"groups\": {}, \"quantity\": \"{quantity}\", \"amount\": \"{amount}\"}}", groups.len()))
}

type Groups = HashMap<[u32; TUPLES], Total>;

fn write_groups(groups: &Groups, columns: &[(Vec<u32>, Vec<String>)], out: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arrays: Vec<(&str, ArrayRef)> = Vec::new();
    for (tuple, name) in ["customer", "subscription", "meter", "resource"].into_iter().enumerate() {
        let texts = groups.keys().map(|key| columns[tuple].1[key[tuple] as usize].as_str());
        arrays.push((name, Arc::new(StringArray::from_iter_values(texts))));
    }
    let rows = groups.values().map(|total| i64::try_from(total.rows).unwrap_or(i64::MAX));
    arrays.push(("rows", Arc::new(Int64Array::from_iter_values(rows))));
    for (at, name) in ["quantity", "amount"].into_iter().enumerate() {
        let values = Decimal128Array::from_iter_values(groups.values().map(|total| total.sums[at]));
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
