//! Runs with `--memory`: usage and lines that go to disk in parts give the same tables, byte for
//! byte.

use std::fs;
use std::path::Path;

use tieout::engine::matching::passes::Pass;
use tieout::engine::rules::keys::Key;
use tieout::model::cause::TieOut;
use tieout::model::period::Period;
use tieout::pipeline::options::Options;
use tieout::pipeline::plan::pipeline_plan::Plan;
use tieout::pipeline::publish::outcome::Outcome;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::synth::Format;

use crate::runs::{Globs, Published, assert_same_tables, globs, month, plan};

/// Entries of an output folder after a run.
const WHOLE: [&str; 7] = [
    "runs",
    "current",
    ".lock",
    "ledger",
    "ledger-tables",
    "ledger.db",
    "periods",
];

/// Bytes: so few that nothing stays in memory, and only a few parts are compared at a time.
const LITTLE: u64 = 1 << 20;

/// Runs in little memory; true if the run compared part by part.
fn bound(plan: &Plan, threads: Option<usize>) -> (Outcome, bool) {
    let progress = Progress::default();
    let outcome = run(
        plan,
        &Options {
            memory: Some(LITTLE),
            threads,
            no_cache: true,
            ..Options::default()
        },
        &progress,
    )
    .unwrap();
    (
        outcome,
        progress
            .phases()
            .iter()
            .any(|phase| phase.name == "compare part by part"),
    )
}

/// Runs without a bound.
fn free(plan: &Plan) -> Outcome {
    run(
        plan,
        &Options {
            no_cache: true,
            ..Options::default()
        },
        &Progress::default(),
    )
    .unwrap()
}

/// Two plans that differ in their output folder only.
fn two(folder: &Path, globs: &Globs, change: impl Fn(&mut Plan)) -> (Plan, Plan) {
    let of = |name: &str| {
        let mut plan = plan(globs, &folder.join(name));
        for of in &mut plan.tie_outs {
            of.enabled |= of.tie_out == TieOut::LineArithmetic;
        }
        change(&mut plan);
        plan
    };
    (of("free"), of("bound"))
}

#[test]
fn every_format_and_cause_gives_the_same_bytes() {
    for (seed, format) in [(21, Format::Csv), (22, Format::V2), (23, Format::Parquet)] {
        let folder = month(20_000, seed, &[format]);
        let (whole, parts) = two(folder.path(), &globs(folder.path(), format), |_| {});
        let free = free(&whole);
        for threads in [Some(1), None] {
            let (bound, in_parts) = bound(&parts, threads);
            assert!(in_parts, "{format:?}");
            assert_same_tables(&free, &bound, format.name());
            assert_eq!(free.run_id, bound.run_id);
        }
        // No scratch file stays behind.
        let left: Vec<String> = fs::read_dir(folder.path().join("bound"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(
            left.iter().all(|name| WHOLE.contains(&name.as_str())),
            "{left:?}"
        );
    }
}

/// Three things that cross parts: invoices left out by the period, rows without a customer, and
/// totals by subscription.
#[test]
fn periods_rows_without_customers_and_summaries_work_in_parts() {
    let folder = month(20_000, 24, &[Format::Csv]);
    let usage = folder.path().join("month/usage/csv/usage-0001.csv");
    edit(&usage, |row, number| {
        if number % 50 == 0 {
            row[CUSTOMER_ID].clear();
        }
        if number % 7 == 0 {
            row[INVOICE] = format!("D{}", number % 3);
        }
    });
    let change = |plan: &mut Plan| {
        plan.period = Period::parse("2026-10");
        plan.tie_outs
            .iter_mut()
            .filter(|of| of.tie_out == TieOut::UsageToSummary)
            .for_each(|of| of.enabled = true);
    };
    let (whole, parts) = two(folder.path(), &globs(folder.path(), Format::Csv), change);
    let (free, (bound, in_parts)) = (free(&whole), bound(&parts, None));
    assert!(
        in_parts
            && free
                .warnings
                .iter()
                .any(|warning| warning.contains("without a customer id")),
        "{:?}",
        free.warnings
    );
    assert_eq!(free.warnings, bound.warnings);
    assert_same_tables(&free, &bound, "a period");
}

const INVOICE: usize =
    tieout::model::dataset::position(tieout::model::dataset::USAGE, "InvoiceNumber");
const CUSTOMER_ID: usize =
    tieout::model::dataset::position(tieout::model::dataset::USAGE, "CustomerId");
const RESOURCE: usize =
    tieout::model::dataset::position(tieout::model::dataset::USAGE, "ResourceURI");

/// Rewrites the rows of a CSV file. `change` gets the cells in the order of the dataset, and the
/// row's number.
fn edit(path: &Path, change: impl Fn(&mut [String], usize)) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let place: Vec<usize> = tieout::model::dataset::USAGE
        .iter()
        .map(|column| {
            header
                .iter()
                .position(|name| name == column.name)
                .unwrap_or(usize::MAX)
        })
        .collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let mut writer = csv::Writer::from_path(path).unwrap();
    writer.write_record(&header).unwrap();
    for (number, row) in rows.iter().enumerate() {
        let mut named: Vec<String> = place
            .iter()
            .map(|at| row.get(*at).unwrap_or_default().to_owned())
            .collect();
        change(&mut named, number);
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        for (at, text) in place.iter().zip(named).filter(|(at, _)| **at != usize::MAX) {
            cells[*at] = text;
        }
        writer.write_record(&cells).unwrap();
    }
    writer.flush().unwrap();
}

/// A resource is shown in one spelling, even if customers in different parts spell it differently.
#[test]
fn a_resource_of_several_customers_has_one_spelling() {
    let folder = month(5_000, 25, &[Format::Csv]);
    let usage = folder.path().join("month/usage/csv/usage-0001.csv");
    edit(&usage, |row, number| {
        if number % 5 == 0 {
            let upper = row[CUSTOMER_ID].bytes().map(u32::from).sum::<u32>() % 2 == 0;
            row[RESOURCE] = if upper {
                "/SHARED/thing".to_owned()
            } else {
                "/shared/THING".to_owned()
            };
        }
    });
    let (whole, parts) = two(folder.path(), &globs(folder.path(), Format::Csv), |_| {});
    let (free, (bound, in_parts)) = (free(&whole), bound(&parts, None));
    assert!(in_parts);
    assert_same_tables(&free, &bound, "a shared resource");
    let resources = Published::read(&bound.folder, "resources");
    let shared = resources
        .rows
        .iter()
        .filter(|row| resources.cell(row, "resource_uri").to_lowercase() == "/shared/thing");
    let customers: std::collections::BTreeSet<&str> = shared
        .clone()
        .map(|row| resources.cell(row, "customer_id"))
        .collect();
    assert!(
        customers.len() > 3
            && shared
                .clone()
                .all(|row| resources.cell(row, "resource_uri") == "/shared/THING")
    );
}

/// A pass across accounts cannot be matched part by part: everything is kept in memory, with a
/// warning.
#[test]
fn a_pass_across_accounts_keeps_all_in_memory_and_warns() {
    let folder = month(5_000, 26, &[Format::Csv]);
    let change = |plan: &mut Plan| {
        for of in plan
            .tie_outs
            .iter_mut()
            .filter(|of| of.tie_out == TieOut::UsageToInvoice)
        {
            of.passes.push(Pass {
                name: "anyone".into(),
                keys: vec![Key::Invoice, Key::Product, Key::Currency],
                may_contradict: true,
            });
        }
    };
    let (whole, parts) = two(folder.path(), &globs(folder.path(), Format::Csv), change);
    let (free, (bound, in_parts)) = (free(&whole), bound(&parts, None));
    assert!(!in_parts);
    assert!(
        bound
            .warnings
            .iter()
            .any(|warning| warning.contains("pass `anyone`")),
        "{:?}",
        bound.warnings
    );
    assert_same_tables(&free, &bound, "a pass across accounts");
}

/// The program restarts itself with other settings of the allocator, and the run is the same.
#[test]
fn a_bound_run_prints_the_same_summary() {
    let folder = month(5_000, 27, &[Format::Csv]);
    let [usage, lines, invoices] = globs(folder.path(), Format::Csv);
    let run = |more: &[&str], out: &str| {
        let mut command = crate::program::program(&[
            "reconcile",
            "--usage",
            &usage[0],
            "--invoice-lines",
            &lines[0],
            "--invoices",
            &invoices[0],
            "--out",
            out,
        ]);
        command
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let (free, bound) = (run(&[], "a"), run(&["--memory", "1GB"], "b"));
    assert!(free.status.success() && bound.status.success(), "{bound:?}");
    assert_eq!(
        String::from_utf8_lossy(&free.stdout)
            .replace("a/runs", "b/runs")
            .replace("--out a", "--out b"),
        String::from_utf8_lossy(&bound.stdout)
    );
    let too_little = run(&["--memory", "1MB"], "c");
    assert_eq!(too_little.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&too_little.stderr).contains("wanted 256MiB or more"),
        "{too_little:?}"
    );
}
