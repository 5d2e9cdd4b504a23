//! The engine against an oracle: plain loops over the same files find the same tables, cell by
//! cell.
//!
//! Nothing of the engine is used here, only the model's numbers, folding and dates. The rules that
//! the loops follow are those of the headers of `engine`'s matching, rounding, tolerance and
//! allocation; where one of them changes, the loop changes with it. Keys are lists of texts by
//! position: slow, and simple enough to be right.

mod causes;
mod groups;
mod month;
mod proof;
mod rows;

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;
use tieout::synth::Format;

use self::causes::{add_ids, without_causes};
use self::groups::{allocate, groups_of, matched, pieces_of, quantise};
use self::month::{Month, PASSES};
use self::rows::{half_up, lines_to_invoice, resources, usage_to_invoice};
use crate::runs::{self, Published, globs, reconcile};

#[test]
fn plain_loops_find_the_same_tables_on_damaged_lines() {
    for seed in 10..14 {
        let folder = runs::month(6_000, seed, &[Format::Csv]);
        damage(folder.path(), seed);
        let passes = compare(&folder);
        assert!(
            PASSES.iter().all(|(pass, _)| passes.contains(*pass)) && passes.contains(""),
            "{passes:?}"
        );
    }
}

#[test]
fn plain_loops_find_the_same_tables_with_seed_1() {
    check(1);
}

#[test]
fn plain_loops_find_the_same_tables_with_seed_2() {
    check(2);
}

#[test]
fn plain_loops_find_the_same_tables_with_seed_3() {
    check(3);
}

#[test]
fn plain_loops_find_the_same_tables_with_twenty_seeds() {
    if runs::is_quick("the oracle with twenty seeds") {
        return;
    }
    // The first three are tests of their own.
    (4..=20).for_each(check);
}

fn assert_equal(table: &str, found: &[Vec<String>], wanted: &[Vec<String>]) {
    let first = found
        .iter()
        .zip(wanted)
        .find(|(found, wanted)| found != wanted);
    assert!(
        first.is_none(),
        "{table}: found and wanted differ first in {:#?}",
        first.unwrap()
    );
    assert_eq!(found.len(), wanted.len(), "{table}");
}

/// Gives breaks of one side the one that may be their other half: of the same customer and currency,
/// with the same quantity and amount, or with either.
fn add_counterparts(rows: &mut [Vec<String>]) {
    let [used_rows, billed_rows, status, id, counterpart] = [16, 17, 25, 26, 30];
    let number = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
    let is_open = |row: &Vec<String>, missing: usize| {
        row[0] == "usage-to-invoice"
            && row[status] == "break"
            && row[missing] == "0"
            && row[counterpart].is_empty()
    };
    let cents = |amount: i128| {
        let cent = 10_i128.pow(8);
        [amount / cent, (amount + cent / 2 * amount.signum()) / cent]
    };
    for kind in 0..3 {
        for used in 0..rows.len() {
            if !is_open(&rows[used], billed_rows) {
                continue;
            }
            let (quantity, amount) = (number(&rows[used][18]), number(&rows[used][21]));
            let fits = |row: &Vec<String>, amount: i128| {
                let billed = number(&row[22]) / 10_i128.pow(8);
                let has_amount = billed == amount && amount != 0;
                let has_quantity = number(&row[19]) == quantity && quantity != 0;
                is_open(row, used_rows)
                    && [3, 14]
                        .into_iter()
                        .all(|key: usize| row[key] == rows[used][key])
                    && [has_amount && has_quantity, has_amount, has_quantity][kind]
            };
            let found = cents(amount)
                .into_iter()
                .find_map(|amount| rows.iter().position(|row| fits(row, amount)));
            if let Some(billed) = found {
                rows[used][counterpart] = rows[billed][id].clone();
                rows[billed][counterpart] = rows[used][id].clone();
            }
        }
    }
}

fn check(seed: u64) {
    compare(&runs::month(50_000, seed, &[Format::Csv]));
}

/// Holds the published tables of a month against those of the loops; the passes that matched
/// something.
fn compare(folder: &TempDir) -> BTreeSet<String> {
    let outcome = reconcile(
        &globs(folder.path(), Format::Csv),
        &folder.path().join("out"),
        None,
    )
    .unwrap();
    let month = Month::read(&folder.path().join("month"));
    let matches = matched(&month);
    let mut pieces = pieces_of(&month, &matches.0);
    quantise(&mut pieces);
    let groups = groups_of(&month, &matches, &pieces);
    for (number, group) in groups
        .iter()
        .enumerate()
        .filter(|(_, group)| group.usage.rows > 0)
    {
        let members: Vec<usize> = (0..pieces.len())
            .filter(|at| pieces[*at].group == number)
            .collect();
        allocate(&mut pieces, &members, half_up(group.lines.subtotal));
    }

    let published = Published::read(&outcome.folder, "variances");
    let mut wanted = usage_to_invoice(&month, &groups, &matches.2);
    wanted.extend(lines_to_invoice(&month));
    // The published order: by tie-out, period and keys.
    wanted.sort_by_cached_key(|row| {
        [0, 1, 2, 3, 5, 6, 8, 10, 11, 12, 13, 14, 15].map(|at: usize| row[at].clone())
    });
    add_ids(&mut wanted);
    add_counterparts(&mut wanted);
    let found: Vec<Vec<String>> = published
        .rows
        .iter()
        .map(|row| without_causes(row))
        .collect();
    assert_equal("variances", &found, &wanted);
    assert_equal(
        "resources",
        &Published::read(&outcome.folder, "resources").rows,
        &resources(&month, &pieces, &groups),
    );
    published
        .rows
        .iter()
        .map(|row| published.cell(row, "matched_on").to_owned())
        .collect()
}

/// Rewrites the invoice lines of a month: some lose or change keys, change sign, come twice or not
/// at all, so that only the later passes match them.
fn damage(folder: &Path, seed: u64) {
    let path = folder.join("month/recon/csv/recon.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headers = reader.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let mut writer = csv::Writer::from_path(&path).unwrap();
    writer.write_record(&headers).unwrap();
    let mut state = seed;
    for record in reader.records().map(Result::unwrap) {
        // A linear congruential generator: any spread of small numbers does.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut row: Vec<String> = record.iter().map(str::to_owned).collect();
        let metered = !row[at("MeterDescription")].is_empty();
        let draw = if metered { (state >> 33) % 16 } else { 15 };
        match draw {
            0 | 1 => row[at("PriceAdjustmentDescription")].clear(),
            2 | 3 => row[at("AvailabilityId")] = "OTHER".to_owned(),
            4 => row[at("MeterDescription")] = "Another Meter".to_owned(),
            5 => row[at("CustomerId")].clear(),
            6 => row[at("SkuId")] = "0ZZZ".to_owned(),
            7 => row[at("SkuId")].clear(),
            8 => row[at("MeterDescription")].clear(),
            9 => row[at("Currency")] = "CHF".to_owned(),
            10 => writer.write_record(&row).unwrap(),
            11 if !row[at("Subtotal")].starts_with('-') => row[at("Subtotal")].insert(0, '-'),
            _ => {}
        }
        if draw != 12 {
            writer.write_record(&row).unwrap();
        }
    }
    writer.flush().unwrap();
}
