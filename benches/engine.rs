//! Single stages over a synthetic month: decode, aggregate, fold, match, compare and allocate,
//! attribute.
//!
//! `cargo bench --bench engine` prints rows per second; of decoding also bytes per second.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tieout::decode::{self, Input, Sink};
use tieout::engine::causes::investigate;
use tieout::engine::compare::invoice_practice::{InvoicePractice, LineVotes};
use tieout::engine::compare::usage_to_invoice;
use tieout::engine::count::duplicate_filter::DuplicateFilter;
use tieout::engine::count::partial::Partial;
use tieout::engine::fold::folded::{self, Folded, OtherInputs};
use tieout::engine::matching::descriptions::{DescriptionColumns, DescriptionVotes};
use tieout::engine::matching::usage_matches;
use tieout::model::cause::TieOut;
use tieout::model::dataset::Dataset;
use tieout::model::period::Period;
use tieout::model::reject::Rejection;
use tieout::model::row::Row;
use tieout::pipeline::plan::pipeline_plan::TieOutPlan;
use tieout::synth::{self, Format, Request};

/// Usage rows of the month.
const ROWS: u64 = 100_000;
/// Folders of the formats that are read.
const FORMATS: [&str; 3] = ["csv", "v2", "parquet"];

/// A sink that ignores its rows: only decoding is measured.
struct Blind;

impl Sink for Blind {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        std::hint::black_box(row.cells);
        Ok(())
    }
}

/// A sink that aggregates its rows.
struct Counting(Partial);

impl Sink for Counting {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0.add(row).map(drop)
    }

    fn flush(&mut self) {
        self.0.flush();
    }
}

/// A synthetic month in three formats.
fn month() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let period = Period::parse("2026-10").expect("a month");
    let out = folder.path().join("month");
    let formats = vec![Format::Csv, Format::V2, Format::Parquet];
    synth::generate(&Request {
        rows: ROWS,
        seed: 7,
        out,
        period,
        formats,
        planted: true,
    })
    .expect("a month");
    folder
}

/// All files below a folder, except manifests.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else if !entry.ends_with("manifest.json") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// Decodes all files; the sinks of all workers.
fn read<S: Sink>(dataset: Dataset, files: &[PathBuf], new_sink: impl Fn() -> S + Sync) -> Vec<S> {
    let read = |path: &PathBuf| {
        decode::decode(
            Input {
                unit: "bench",
                file: &std::fs::File::open(path).expect("a file"),
                dataset,
            },
            &new_sink,
        )
        .expect("a file that can be used")
        .1
    };
    files.iter().flat_map(read).collect()
}

/// Totals of all files.
fn totals_of(dataset: Dataset, files: &[PathBuf]) -> Partial {
    let seen = Arc::new(DuplicateFilter::for_rows(ROWS, 1 << 24));
    let mut sinks = read(dataset, files, || {
        Counting(Partial::new(dataset, Arc::clone(&seen)))
    })
    .into_iter();
    let mut whole = sinks.next().expect("rows").0;
    sinks.for_each(|sink| whole.merge(sink.0));
    whole.count_own_duplicates();
    whole
}

/// Totals of usage and lines, folded.
fn folded(month: &Path) -> Folded {
    let usage = totals_of(Dataset::Usage, &files(&month.join("usage/csv")));
    let lines = totals_of(Dataset::InvoiceLines, &files(&month.join("recon/csv")));
    folded::fold_partials(usage, lines, &[], &[], OtherInputs::default()).expect("amounts that fit")
}

fn stages(criterion: &mut Criterion) {
    let folder = month();
    let month = folder.path().join("month");
    decoding(criterion, &month);
    aggregation(criterion, &month);
    after_reading(criterion, &month);
}

/// Decoding alone, by bytes and by rows.
fn decoding(criterion: &mut Criterion, month: &Path) {
    let mut group = criterion.benchmark_group("decode");
    for format in FORMATS {
        let files = files(&month.join("usage").join(format));
        let bytes = files
            .iter()
            .map(|path| path.metadata().expect("a file").len())
            .sum();
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(format!("{format} bytes"), |bencher| {
            bencher.iter(|| read(Dataset::Usage, &files, || Blind).len())
        });
        group.throughput(Throughput::Elements(ROWS));
        group.bench_function(format!("{format} rows"), |bencher| {
            bencher.iter(|| read(Dataset::Usage, &files, || Blind).len())
        });
    }
    group.finish();
}

fn aggregation(criterion: &mut Criterion, month: &Path) {
    let mut group = criterion.benchmark_group("decode and aggregate");
    group.throughput(Throughput::Elements(ROWS));
    for format in FORMATS {
        let files = files(&month.join("usage").join(format));
        group.bench_function(format, |bencher| {
            bencher.iter(|| totals_of(Dataset::Usage, &files).totals.len())
        });
    }
    group.finish();
}

/// Usage columns that the lines' descriptions repeat, learned.
fn descriptions(totals: &Folded) -> DescriptionColumns {
    let mut votes = DescriptionVotes::default();
    votes.count(&totals.usage, &totals.lines);
    votes.columns(&totals.vocabulary)
}

/// The stages after reading, by usage groups.
fn after_reading(criterion: &mut Criterion, month: &Path) {
    let totals = folded(month);
    let plan = TieOutPlan::usual(TieOut::UsageToInvoice, true);
    let descriptions = descriptions(&totals);
    let matched = usage_matches::match_usage(&totals, &descriptions, &plan.passes);
    let mut votes = LineVotes::default();
    votes.count(&totals, &plan.rules);
    let practice = InvoicePractice::of(&votes);
    let compared = usage_to_invoice::compare(&totals, &matched, &plan.rules, &practice)
        .expect("amounts that fit");
    let mut group = criterion.benchmark_group("after reading");
    group.throughput(Throughput::Elements(totals.usage.height() as u64));
    group.bench_function("fold", |bencher| {
        let read = || {
            let of = |dataset, folder: &str| totals_of(dataset, &files(&month.join(folder)));
            (
                of(Dataset::Usage, "usage/csv"),
                of(Dataset::InvoiceLines, "recon/csv"),
            )
        };
        bencher.iter_batched(
            read,
            |(usage, lines)| {
                folded::fold_partials(usage, lines, &[], &[], OtherInputs::default()).is_ok()
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("match", |bencher| {
        bencher.iter(|| {
            usage_matches::match_usage(&totals, &self::descriptions(&totals), &plan.passes)
                .of_usage
                .len()
        });
    });
    group.bench_function("compare and allocate", |bencher| {
        bencher
            .iter(|| usage_to_invoice::compare(&totals, &matched, &plan.rules, &practice).is_ok());
    });
    group.bench_function("attribute", |bencher| {
        bencher.iter(|| {
            investigate::investigate(&totals, &matched, &compared.sides, &plan.rules, &practice)
                .is_ok()
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
