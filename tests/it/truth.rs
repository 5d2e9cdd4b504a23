//! The engine against the truth beside a synthetic month: every planted variance is found, no other
//! is, and all published tables add up.

use std::collections::{BTreeMap, BTreeSet};

use tieout::model::cause::Cause;
use tieout::synth::Format;

use crate::runs::{Published, globs, month, reconcile_lines_too, units};

/// Columns of `variances` and of `truth.csv` that name a group.
pub(crate) const KEYS: [&str; 11] = [
    "tie_out",
    "billing_period",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "availability_id",
    "meter_description",
    "price_adjustment",
    "currency",
];

fn check(seed: u64) {
    let folder = month(50_000, seed, &[Format::Csv]);
    let outcome = reconcile_lines_too(
        &globs(folder.path(), Format::Csv),
        &folder.path().join("out"),
    );
    let read = |table| Published::read(&outcome.folder, table);
    let variances = read("variances");
    truth_is_found(&folder.path().join("month/truth.csv"), &variances);
    parts_add_up(&variances);
    summary_adds_up(&read("summary"), &variances);
    resources_add_up(&read("resources"), &variances);
    let controls = read("control_totals");
    assert!(controls.rows.len() > 10);
    assert!(
        controls
            .rows
            .iter()
            .all(|row| controls.cell(row, "holds") == "true")
    );
    assert!(read("rejected_rows").rows.is_empty());
}

/// Every truth is the key, amounts, parts and status of exactly one variance; and every break and
/// every variance out of scope is a truth.
fn truth_is_found(path: &std::path::Path, variances: &Published) {
    let mut truth = csv::Reader::from_path(path).unwrap();
    let headers = truth.headers().unwrap().clone();
    let parts: Vec<String> = Cause::ALL
        .iter()
        .map(|cause| format!("{}_amount", cause.name()))
        .collect();
    let parts = || parts.iter().map(String::as_str);
    let wanted: Vec<&str> = KEYS
        .into_iter()
        .chain(["expected_amount", "invoiced_amount", "amount", "status"])
        .chain(parts())
        .chain(["off_rule_amount", "counterpart"])
        .collect();
    let found: Vec<&str> = KEYS
        .into_iter()
        .chain([
            "expected_amount",
            "invoiced_amount",
            "variance_amount",
            "status",
        ])
        .chain(parts())
        .chain(["off_rule_amount", "counterpart"])
        .collect();
    let mut published = variances.columns(&found);
    name_counterparts(variances, &mut published);
    let mut explained: BTreeSet<Vec<String>> = BTreeSet::new();
    for record in truth.records().map(Result::unwrap) {
        let cell = |name: &str| {
            record[headers.iter().position(|header| header == name).unwrap()].to_owned()
        };
        let row: Vec<String> = wanted.iter().map(|name| cell(name)).collect();
        let count = published
            .iter()
            .filter(|candidate| **candidate == row)
            .count();
        assert_eq!(
            count,
            1,
            "planted {}: {row:?}, found {:#?}",
            cell("cause"),
            near(&published, &row)
        );
        explained.insert(row);
    }
    assert!(explained.len() > 20, "{} truths", explained.len());
    for row in published
        .into_iter()
        .filter(|row| ["break", "out_of_scope"].contains(&row[14].as_str()))
    {
        assert!(explained.contains(&row), "not planted: {row:?}");
    }
}

/// Puts SKU and meter of the other half in the place of its id, which is the last column.
fn name_counterparts(variances: &Published, rows: &mut [Vec<String>]) {
    let halves = variances.columns(&["break_id", "sku_id", "meter_description"]);
    let names: BTreeMap<String, String> = halves
        .into_iter()
        .map(|half| (half[0].clone(), half[1..].join("/")))
        .collect();
    for counterpart in rows.iter_mut().filter_map(|row| row.last_mut()) {
        if !counterpart.is_empty() {
            counterpart.clone_from(&names[counterpart.as_str()]);
        }
    }
}

/// Variances of the same subscription, product and meter, for the message.
fn near<'r>(published: &'r [Vec<String>], row: &[String]) -> Vec<&'r Vec<String>> {
    published
        .iter()
        .filter(|candidate| candidate[4..6] == row[4..6] && candidate[8] == row[8])
        .collect()
}

/// In each row the parts add up to the variance, and the cause is the largest of them.
fn parts_add_up(variances: &Published) {
    let columns = Cause::ALL.map(|cause| variances.at(&format!("{}_amount", cause.name())));
    for row in &variances.rows {
        let amount = |name| variances.amount(row, name);
        assert_eq!(
            amount("invoiced_amount") - amount("expected_amount"),
            amount("variance_amount"),
            "{row:?}"
        );
        assert_eq!(
            amount("invoiced_quantity") - amount("expected_quantity"),
            amount("variance_quantity"),
            "{row:?}"
        );
        let parts = columns.map(|at| units(&row[at]));
        // Rounding is the cause only where there is no other.
        let size = |(cause, part): (Cause, i128)| (cause != Cause::Rounding, part.abs());
        assert_eq!(
            parts.iter().sum::<i128>(),
            amount("variance_amount"),
            "{row:?}"
        );
        let cause = variances.cell(row, "cause");
        let filled = || {
            Cause::ALL
                .into_iter()
                .zip(parts)
                .filter(|(_, part)| *part != 0)
        };
        let largest = filled().map(size).max();
        let named = filled().find(|pair| Some(size(*pair)) == largest);
        if variances.cell(row, "status") == "out_of_scope" {
            // No variance, and all the same a reason.
            assert_eq!((cause, amount("variance_amount")), ("out_of_scope", 0));
            continue;
        }
        assert_eq!(
            cause,
            named.map_or("", |(cause, _)| cause.name()),
            "{row:?}"
        );
        assert_eq!(
            variances.cell(row, "status") == "tied",
            amount("variance_amount") == 0 && cause.is_empty(),
            "{row:?}"
        );
    }
}

/// Expected, invoiced, net and gross amounts, then groups: all, tied, within tolerance, breaks, out
/// of scope.
type Sums = BTreeMap<(String, String), [i128; 9]>;

/// Adds figures to those of the row's tie-out and currency.
fn add(sums: &mut Sums, table: &Published, row: &[String], more: [i128; 9]) {
    let key = ["tie_out", "currency"].map(|name| table.cell(row, name).to_owned());
    let slot = sums.entry(key.into()).or_default();
    slot.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}

/// Each level of `summary` adds up to the variances; headers have an invoice only.
fn summary_adds_up(summary: &Published, variances: &Published) {
    let wanted = sums_of_variances(variances);
    for level in ["invoice", "customer", "subscription", "meter"] {
        let of_level = |tie_out: &str| level == "invoice" || tie_out != "lines-to-invoice";
        let wanted: Sums = wanted
            .iter()
            .filter(|((tie_out, _), _)| of_level(tie_out))
            .map(|(key, sums)| (key.clone(), *sums))
            .collect();
        assert_eq!(sums_of_level(summary, level), wanted, "{level}");
    }
}

fn sums_of_variances(variances: &Published) -> Sums {
    let mut sums = Sums::new();
    for row in &variances.rows {
        let amount = |name: &str| variances.amount(row, name);
        let variance = amount("variance_amount");
        let status = |name: &str| i128::from(variances.cell(row, "status") == name);
        let statuses = ["tied", "within_tolerance", "break", "out_of_scope"].map(status);
        assert_eq!(statuses.iter().sum::<i128>(), 1);
        let [tied, within, breaks, outside] = statuses;
        let more = [
            amount("expected_amount"),
            amount("invoiced_amount"),
            variance,
            variance.abs(),
            1,
            tied,
            within,
            breaks,
            outside,
        ];
        add(&mut sums, variances, row, more);
    }
    sums
}

fn sums_of_level(summary: &Published, level: &str) -> Sums {
    let mut sums = Sums::new();
    let rows = summary.rows.iter();
    for row in rows.filter(|row| summary.cell(row, "level") == level) {
        let amount = |name: &str| summary.amount(row, name);
        let count = |name: &str| summary.cell(row, name).parse().unwrap();
        let more = [
            amount("expected_amount"),
            amount("invoiced_amount"),
            amount("net_variance_amount"),
            amount("gross_variance_amount"),
            count("groups"),
            count("tied_groups"),
            count("within_tolerance_groups"),
            count("break_groups"),
            count("out_of_scope_groups"),
        ];
        add(&mut sums, summary, row, more);
    }
    sums
}

/// Resources add up to the variances of usage, by invoice and currency.
fn resources_add_up(resources: &Published, variances: &Published) {
    let sums = |table: &Published, is_counted: &dyn Fn(&[String]) -> bool| {
        let mut sums: BTreeMap<(String, String), [i128; 3]> = BTreeMap::new();
        for row in table.rows.iter().filter(|row| is_counted(row)) {
            let slot = sums
                .entry((
                    table.cell(row, "invoice_number").into(),
                    table.cell(row, "currency").into(),
                ))
                .or_default();
            let more = ["expected_amount", "invoiced_amount", "variance_amount"]
                .map(|name| table.amount(row, name));
            slot.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
        sums
    };
    let of_usage = |row: &[String]| variances.cell(row, "tie_out") == "usage-to-invoice";
    assert_eq!(sums(resources, &|_| true), sums(variances, &of_usage));
    let rows = |table: &Published, is_counted: &dyn Fn(&[String]) -> bool| {
        let counted = table.rows.iter().filter(|row| is_counted(row));
        counted
            .map(|row| table.cell(row, "usage_rows").parse::<u64>().unwrap())
            .sum::<u64>()
    };
    let counts = (rows(resources, &|_| true), rows(variances, &of_usage));
    assert_eq!(counts, (50_000, 50_000));
}

#[test]
fn planted_variances_are_found_with_seed_1() {
    check(1);
}

#[test]
fn planted_variances_are_found_with_seed_2() {
    check(2);
}

#[test]
fn planted_variances_are_found_with_seed_3() {
    check(3);
}

#[test]
fn planted_variances_are_found_with_many_seeds() {
    if crate::runs::is_quick("many seeds") {
        return;
    }
    (4..24).for_each(check);
}
