//! Our side of the comparison with peers: decoding and aggregation alone, without the rest of a
//! run.
//!
//! `workload sums FILE...` prints the exact sums of usage by customer, subscription, meter and
//! resource, as the peers' scripts do; `--out FILE` also writes every group, to be compared by key.
//!
//! `workload count FILE...` reads every column, as a run does: totals by the whole key, and what
//! tells copies. It prints rows and copies; peers have no such work, but our own changes are measured
//! by it.
//!
//! `workload gunzip FILE...` only decompresses: the least that any reader of a gzip export costs.
//!
//! `workload compare LEFT RIGHT --tolerance 0.01` compares two tables of customers' resources, and
//! prints how many keys are on both sides, on one side only, and differ by more than the tolerance.

use std::borrow::Cow;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _, stdout};

use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use flate2::bufread::MultiGzDecoder;
use parquet::arrow::ArrowWriter;
use rayon::prelude::*;
use tieout::decode::{self, ColumnChoice, Input, Sink};
use tieout::engine::count::duplicate_filter::DuplicateFilter;
use tieout::engine::count::duplicates::{Repeated, add_repeated};
use tieout::engine::count::interner::{Texts, Tuples};
use tieout::engine::count::key_layout::KeyLayout;
use tieout::engine::count::measures::Measures;
use tieout::engine::count::partial::Partial;
use tieout::engine::count::total::Total;
use tieout::engine::count::totals_by_key::TotalsByKey;
use tieout::engine::rules::keys::TUPLES;
use tieout::model::dataset::{Dataset, USAGE, position};
use tieout::model::decimal::{self, AMOUNT_SCALE, QUANTITY_SCALE, plain};
use tieout::model::ids::{Fold, fold};
use tieout::model::reject::Rejection;
use tieout::model::row::{Cell, Row};
use xxhash_rust::xxh3::xxh3_64;

const QUANTITY: usize = position(USAGE, "Quantity");
const AMOUNT: usize = position(USAGE, "BillingPreTaxTotal");
const PRICING: usize = position(USAGE, "PricingPreTaxTotal");
const CUSTOMER: usize = position(USAGE, "CustomerId");
const SUBSCRIPTION: usize = position(USAGE, "SubscriptionId");
const METER: usize = position(USAGE, "MeterId");
const RESOURCE: usize = position(USAGE, "ResourceURI");
const WANTED: [usize; 6] = [CUSTOMER, SUBSCRIPTION, METER, RESOURCE, QUANTITY, AMOUNT];
const FOLDS: [Fold; TUPLES] = [
    Fold::Identifier,
    Fold::Identifier,
    Fold::Identifier,
    Fold::ArmId,
];

/// Usage by customer, subscription, meter and resource.
static GRAIN: KeyLayout = KeyLayout {
    summed: &[],
    day: None,
    tuples: [&[CUSTOMER], &[SUBSCRIPTION], &[METER], &[RESOURCE]],
    derived: &[],
    measure: quantity_and_amount,
};

fn quantity_and_amount(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let number = |at: usize, name: &'static str, scale: u32| {
        let parsed = cells
            .get(at)
            .unwrap_or(&Cell::Missing)
            .decimal(name, scale)?;
        parsed
            .map(|parsed| parsed.value)
            .ok_or_else(|| Rejection::in_words(name, "nothing", "a decimal number".to_owned()))
    };
    let sums = [
        number(QUANTITY, "Quantity", QUANTITY_SCALE)?,
        number(AMOUNT, "BillingPreTaxTotal", AMOUNT_SCALE)?,
        0,
        0,
    ];
    Ok(Measures {
        sums,
        ..Measures::default()
    })
}

/// Days that mark the side of a total: its first and last day tell on which sides the key is.
const LEFT_DAY: i32 = 0;
const RIGHT_DAY: i32 = 1;

/// The left table by customer and resource, with its amounts negative.
static LEFT: KeyLayout = KeyLayout {
    summed: &[],
    day: None,
    tuples: [&[CUSTOMER], &[RESOURCE], &[], &[]],
    derived: &[],
    measure: of_left,
};
/// The right table by customer and resource.
static RIGHT: KeyLayout = KeyLayout {
    measure: of_right,
    ..LEFT
};

fn of_left(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let [pricing, billing] = amounts(cells)?;
    Ok(Measures {
        sums: [-pricing, -billing, 0, 0],
        day: Some(LEFT_DAY),
        ..Measures::default()
    })
}

/// Adds amounts of the right table; those of the left are subtracted, so that sums are differences.
fn of_right(cells: &[Cell<'_>]) -> Result<Measures, Rejection> {
    let [pricing, billing] = amounts(cells)?;
    Ok(Measures {
        sums: [pricing, billing, 0, 0],
        day: Some(RIGHT_DAY),
        ..Measures::default()
    })
}

fn amounts(cells: &[Cell<'_>]) -> Result<[i128; 2], Rejection> {
    let amount = |at: usize, name: &'static str| {
        let parsed = cells
            .get(at)
            .unwrap_or(&Cell::Missing)
            .decimal(name, AMOUNT_SCALE)?;
        parsed
            .map(|parsed| parsed.value)
            .ok_or_else(|| Rejection::in_words(name, "nothing", "a decimal number".to_owned()))
    };
    Ok([
        amount(PRICING, "PricingPreTaxTotal")?,
        amount(AMOUNT, "BillingPreTaxTotal")?,
    ])
}

struct SumSink(Partial);

impl Sink for SumSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0.add(row).map(drop)
    }

    fn flush(&mut self) {
        self.0.flush();
    }
}

/// The sums of all files by raw texts, a partial for each worker. A worker keeps its table from
/// file to file.
fn summed(
    files: &[String],
    layout: &'static KeyLayout,
    wanted: &[usize],
) -> Result<Vec<Partial>, Box<dyn Error + Send + Sync>> {
    let idle: Mutex<Vec<SumSink>> = Mutex::new(Vec::new());
    let new_sink = || SumSink(Partial::with(Dataset::Usage, layout, None));
    let sink = || {
        idle.lock()
            .expect("no one panics")
            .pop()
            .unwrap_or_else(new_sink)
    };
    let columns = ColumnChoice {
        read: Some(wanted),
        carried: &[],
    };
    files.par_iter().try_for_each(|file| {
        let input = Input {
            unit: file,
            file: &File::open(file)?,
            dataset: Dataset::Usage,
        };
        let (decoded, sinks) = decode::decode_columns(input, columns, sink)?;
        idle.lock().expect("no one panics").extend(sinks);
        decoded.rejected.first().map_or(Ok(()), |row| {
            Err(Box::<dyn Error + Send + Sync>::from(row.to_string()))
        })
    })?;
    let partials: Vec<Partial> = idle
        .into_inner()
        .expect("no one panics")
        .into_iter()
        .map(|sink| sink.0)
        .collect();
    partials.iter().try_for_each(Partial::check)?;
    Ok(partials)
}

type Folds = [Option<Fold>; TUPLES];

fn folded<'t>(kind: Option<Fold>, text: &'t str) -> Cow<'t, str> {
    kind.map_or(Cow::Borrowed(text), |kind| Cow::Owned(fold(kind, text)))
}

/// Sums by folded texts, sharded over the cores by the text of the last column.
struct Shards(Vec<Groups>);

impl Shards {
    fn new() -> Self {
        Self(
            (0..rayon::current_num_threads().min(256))
                .map(|_| Groups::default())
                .collect(),
        )
    }

    /// Adds the sums of a worker. Merging workers by raw texts first would cost one more table.
    fn add(&mut self, partial: &Partial, folds: Folds) {
        let last = partial.columns.len() - 1;
        let shards = self.0.len() as u64;
        let shard_of = |text| {
            xxh3_64(folded(folds[last], partial.columns[last].text(text)).as_bytes()) % shards
        };
        let shard_of: Vec<u8> = (0..partial.columns[last].texts().len())
            .into_par_iter()
            .map(|text| shard_of(text) as u8)
            .collect();
        self.0
            .par_iter_mut()
            .enumerate()
            .for_each(|(number, groups)| {
                groups.add(partial, folds, |text| {
                    usize::from(shard_of[text as usize]) == number
                })
            });
    }

    fn totals(&self) -> impl Iterator<Item = Total> {
        self.0
            .iter()
            .flat_map(|groups| groups.totals.iter().map(|(_, total)| total))
    }
}

/// One shard: texts, numbered by column, and sums by these numbers.
#[derive(Default)]
struct Groups {
    texts: [Texts; TUPLES],
    totals: TotalsByKey,
}

impl Groups {
    /// Adds the sums whose text in the last column is `mine`.
    fn add(&mut self, partial: &Partial, folds: Folds, mine: impl Fn(u32) -> bool) {
        let last = partial.columns.len() - 1;
        let mut numbers: Vec<Vec<u32>> = Vec::new();
        for (at, ((texts, column), kind)) in self
            .texts
            .iter_mut()
            .zip(&partial.columns)
            .zip(folds)
            .enumerate()
        {
            let wanted: Vec<u32> = (0..column.texts().len())
                .filter(|text| at != last || mine(*text))
                .collect();
            let mut known = vec![u32::MAX; column.texts().len() as usize];
            for wanted in wanted.chunks(4_096) {
                let folded: Vec<Cow<'_, str>> = wanted
                    .iter()
                    .map(|text| folded(kind, column.text(*text)))
                    .collect();
                let found = texts.intern_all(folded.iter().map(|text| text.as_bytes()));
                wanted
                    .iter()
                    .zip(found)
                    .for_each(|(text, number)| known[*text as usize] = number);
            }
            numbers.push(known);
        }
        for (key, total) in partial.totals.iter() {
            let mut tuples = partial.tuples.iter().zip(&numbers);
            // Each tuple of these grains has one text, or none.
            let number = |(tuples, numbers): (&Tuples, &Vec<u32>), id| {
                tuples
                    .tuple(id)
                    .first()
                    .map_or(0, |text| numbers[*text as usize])
            };
            let key = key.map(|id| tuples.next().map_or(0, |column| number(column, id)));
            if key[last] != u32::MAX {
                assert!(self.totals.add(key, &total), "sums fit");
            }
        }
        assert!(self.totals.flush(), "sums fit");
    }

    fn column(&self, tuple: usize) -> StringArray {
        let text = |id: u32| std::str::from_utf8(self.texts[tuple].text(id)).expect("folded text");
        StringArray::from_iter_values(self.totals.keys().map(|key| text(key[tuple])))
    }
}

fn sums(files: &[String], out: Option<&str>) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut shards = Shards::new();
    for partial in summed(files, &GRAIN, &WANTED)? {
        shards.add(&partial, FOLDS.map(Some));
    }
    let groups = shards.totals().count();
    let (rows, quantity, amount) =
        shards
            .totals()
            .fold((0, 0, 0), |(rows, quantity, amount), total| {
                let [more_quantity, more_amount, ..] = total.sums;
                (
                    rows + total.rows,
                    quantity + more_quantity,
                    amount + more_amount,
                )
            });
    if let Some(out) = out {
        write_groups(&shards, out)?;
    }
    let (quantity, amount) = (plain(quantity, QUANTITY_SCALE), plain(amount, AMOUNT_SCALE));
    Ok(format!(
        "{{\"rows\": {rows}, \"groups\": {groups}, \"quantity\": \"{quantity}\", \"amount\": \"{amount}\"}}"
    ))
}

fn write_groups(shards: &Shards, out: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut writer = None;
    for groups in &shards.0 {
        let mut arrays: Vec<(&str, ArrayRef)> = Vec::new();
        for (tuple, name) in ["customer", "subscription", "meter", "resource"]
            .into_iter()
            .enumerate()
        {
            arrays.push((name, Arc::new(groups.column(tuple))));
        }
        let rows = groups
            .totals
            .iter()
            .map(|(_, total)| i64::try_from(total.rows).unwrap_or(i64::MAX));
        arrays.push(("rows", Arc::new(Int64Array::from_iter_values(rows))));
        for (at, name) in ["quantity", "amount"].into_iter().enumerate() {
            let values = Decimal128Array::from_iter_values(
                groups.totals.iter().map(|(_, total)| total.sums[at]),
            );
            arrays.push((name, Arc::new(values.with_precision_and_scale(38, 20)?)));
        }
        let batch = RecordBatch::try_from_iter(arrays)?;
        let file = match &mut writer {
            Some(file) => file,
            none => none.insert(ArrowWriter::try_new(
                File::create(out)?,
                batch.schema(),
                None,
            )?),
        };
        file.write(&batch)?;
    }
    writer
        .into_iter()
        .try_for_each(|file| file.close().map(drop))?;
    Ok(())
}

/// Rows and copies of usage files, each row counted by its whole key and looked for among the others.
fn count(files: &[String]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let filter = Arc::new(DuplicateFilter::for_rows(4_000_000, 1 << 26));
    let idle: Mutex<Vec<SumSink>> = Mutex::new(Vec::new());
    let new_sink = || SumSink(Partial::new(Dataset::Usage, Arc::clone(&filter)));
    let sink = || {
        let idle = idle.lock().expect("no one panics").pop();
        idle.unwrap_or_else(new_sink)
    };
    files.iter().try_for_each(|file| {
        let input = Input {
            unit: file,
            file: &File::open(file)?,
            dataset: Dataset::Usage,
        };
        let (_, sinks) = decode::decode(input, sink)?;
        idle.lock().expect("no one panics").extend(sinks);
        Ok::<(), Box<dyn Error + Send + Sync>>(())
    })?;
    let partials = idle.into_inner().expect("no one panics");
    let prints = partials.iter().flat_map(|sink| &sink.0.fingerprints);
    let mut prints: Vec<u64> = prints.copied().collect();
    let mut repeated = Repeated::new();
    add_repeated(&mut prints, &mut repeated);
    let (rows, copies) = (prints.len(), repeated.values().sum::<u64>());
    Ok(format!("{{\"rows\": {rows}, \"copies\": {copies}}}"))
}

/// A full outer join: for each key, the right amounts minus the left ones.
fn compare(
    left: &str,
    right: &str,
    tolerance: &str,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let tolerance = decimal::parse(tolerance.as_bytes(), AMOUNT_SCALE)
        .map_err(|_| "wanted a tolerance, such as 0.01")?
        .value;
    let mut shards = Shards::new();
    for (file, layout) in [(left, &LEFT), (right, &RIGHT)] {
        for partial in summed(
            &[file.to_owned()],
            layout,
            &[CUSTOMER, RESOURCE, PRICING, AMOUNT],
        )? {
            shards.add(&partial, [None; TUPLES]);
        }
    }
    let [mut both, mut on_left, mut on_right, mut different] = [0_u64; 4];
    for total in shards.totals() {
        let [pricing, billing, ..] = total.sums;
        match (total.first, total.last) {
            (LEFT_DAY, RIGHT_DAY) => {
                both += 1;
                different += u64::from(pricing.abs().max(billing.abs()) > tolerance);
            }
            (LEFT_DAY, _) => on_left += 1,
            _ => on_right += 1,
        }
    }
    let (rows_left, rows_right) = (both + on_left, both + on_right);
    Ok(format!(
        "{{\"left\": {rows_left}, \"right\": {rows_right}, \"both\": {both}, \"left_only\": {on_left}, \"right_only\": {on_right}, \"different\": {different}}}"
    ))
}

/// Decompresses every gzip file on all cores, and discards the text: a lower bound for all readers.
fn gunzip(files: &[String]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let plain = |file: &String| -> std::io::Result<u64> {
        let packed = BufReader::with_capacity(1 << 16, File::open(file)?);
        let (mut unpacked, mut buffer, mut bytes) =
            (MultiGzDecoder::new(packed), vec![0; 1 << 19], 0);
        loop {
            match unpacked.read(&mut buffer)? {
                0 => return Ok(bytes),
                read => bytes += read as u64,
            }
        }
    };
    let bytes = files.par_iter().map(plain).sum::<std::io::Result<u64>>()?;
    Ok(format!("{{\"bytes\": {bytes}}}"))
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(
            arguments
                .drain(at..at + 2)
                .nth(1)
                .expect("an option has a value"),
        )
    };
    let (out, tolerance, _) = (option("--out"), option("--tolerance"), option("--keys"));
    match arguments.split_first() {
        Some((command, files)) if command == "sums" && !files.is_empty() => writeln!(stdout(), "{}", sums(files, out.as_deref())?)?,
        Some((command, files)) if command == "count" => writeln!(stdout(), "{}", count(files)?)?,
        Some((command, files)) if command == "gunzip" => writeln!(stdout(), "{}", gunzip(files)?)?,
        Some((command, [left, right])) if command == "compare" => {
            writeln!(stdout(), "{}", compare(left, right, tolerance.as_deref().unwrap_or("0"))?)?;
        }
        _ => return Err("usage: workload sums FILE... [--out FILE] | count FILE... | gunzip FILE... | compare LEFT RIGHT [--tolerance AMOUNT]".into()),
    }
    Ok(())
}
