//! Totals of usage and of invoice lines as frames: one row for each folded key, in the order of the
//! keys.
//!
//! The columns are read back by [`super::columns`]. A frame has all key columns first, in the order
//! of [`USAGE_FRAME`] and [`LINES_FRAME`], and is sorted by them.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use polars::prelude::{Column, DataFrame};
use rayon::prelude::*;

use super::codes::Codes;
use super::columns::{
    self, DUPLICATES, FIRST, LAST, LINE_SUMS, PRECISION, ROWS, SCOPE, USAGE_SUMS, column,
};
use crate::engine::count::duplicates::Duplicates;
use crate::engine::count::partial::Partial;
use crate::engine::count::total::{SUMS, Total};
use crate::engine::count::totals_by_key::TotalsByKey;
use crate::engine::rules::key_projections::{FieldPlace, raw_place};
use crate::engine::rules::keys::{Counted, LINES_FRAME, Part, TUPLES, USAGE_FRAME};
use crate::engine::rules::scope::{LineTexts, Scope, scope_of};

/// Usage frame of a partial, and the duplicates that its rows hold, by number. The partial's totals
/// are dropped on the way: they are the largest thing in memory.
pub(super) fn usage_frame(usage: &mut Partial, codes: &Codes) -> (DataFrame, Vec<Duplicates>) {
    let key_of = |key: &[u32; TUPLES]| USAGE_FRAME.map(|part| codes.get(key, part));
    let rows = sorted_totals(usage, key_of);
    usage.totals = TotalsByKey::default();
    let (numbers, duplicates) = duplicates_of(usage, key_of, &rows);
    let names = USAGE_FRAME.map(Part::column);
    (frame(names, &rows, USAGE_SUMS, numbers), duplicates)
}

/// Lines frame of a partial, and the duplicates that its rows hold, by number. `used` holds the
/// products and SKUs that have usage, which decide the scope of a line.
pub(super) fn lines_frame(
    lines: &Partial,
    codes: &Codes,
    used: &HashSet<[u32; 2]>,
) -> (DataFrame, Vec<Duplicates>) {
    const SCOPE_AT: usize = LINES_FRAME.len();
    // The scope is told by raw texts that are no key, so that it is a key column of its own.
    let key_of = |key: &[u32; TUPLES]| {
        let mut row = [0; SCOPE_AT + 1];
        for (slot, part) in row.iter_mut().zip(LINES_FRAME) {
            *slot = codes.get(key, part);
        }
        let product_is_used = used.contains(&codes.product_and_sku(key));
        row[SCOPE_AT] = scope_of_key(lines, key, product_is_used) as u32;
        row
    };
    let rows = sorted_totals(lines, key_of);
    let (numbers, duplicates) = duplicates_of(lines, key_of, &rows);
    let mut names = [SCOPE; SCOPE_AT + 1];
    for (name, part) in names.iter_mut().zip(LINES_FRAME) {
        *name = part.column();
    }
    (frame(names, &rows, LINE_SUMS, numbers), duplicates)
}

fn scope_of_key(lines: &Partial, key: &[u32; TUPLES], product_is_used: bool) -> Scope {
    const fn place(part: Part) -> FieldPlace {
        raw_place(Counted::Lines, part)
    }
    const METER: FieldPlace = place(Part::Description);
    const CHARGE_TYPE: FieldPlace = place(Part::ChargeType);
    const SUBSCRIPTION: FieldPlace = place(Part::Subscription);
    const DESCRIPTION: FieldPlace = place(Part::SubscriptionDescription);
    const TERM: FieldPlace = place(Part::Term);
    const RESERVATION: FieldPlace = place(Part::ReservationOrder);
    const END: FieldPlace = place(Part::ChargeEnd);
    scope_of(LineTexts {
        meter_description: lines.text_at(key, METER),
        charge_type: lines.text_at(key, CHARGE_TYPE),
        subscription_id: lines.text_at(key, SUBSCRIPTION),
        subscription_description: lines.text_at(key, DESCRIPTION),
        term: lines.text_at(key, TERM),
        reservation_order_id: lines.text_at(key, RESERVATION),
        charge_end: lines.text_at(key, END),
        product_is_used,
    })
}

/// Totals by folded key, sorted. Totals whose raw keys fold together are added up.
fn sorted_totals<const N: usize>(
    partial: &Partial,
    key_of: impl Fn(&[u32; TUPLES]) -> [u32; N] + Sync,
) -> Vec<([u32; N], Total)> {
    let mut rows: Vec<([u32; N], Total)> = partial
        .totals
        .iter()
        .map(|(raw, total)| (key_of(raw), total))
        .collect();
    // Unstable, as equal keys are added up, and sums do not depend on the order.
    rows.par_sort_unstable_by_key(|(key, _)| *key);
    rows.dedup_by(|(key, next), (first, sum)| {
        let same = key == first;
        if same {
            // Sums beyond `count::partial::GROSS_LIMIT` were refused before the rows were folded.
            *sum = sum.plus(next).expect("a folded sum fits 38 digits");
        }
        same
    });
    rows
}

/// Number of each row's duplicates, 0 for none, and the duplicates by number, of which the first is
/// 1.
fn duplicates_of<const N: usize>(
    partial: &Partial,
    key_of: impl Fn(&[u32; TUPLES]) -> [u32; N],
    rows: &[([u32; N], Total)],
) -> (Vec<u32>, Vec<Duplicates>) {
    let mut found: BTreeMap<usize, Duplicates> = BTreeMap::new();
    for (raw, duplicates) in &partial.copies {
        let row = rows
            .binary_search_by_key(&key_of(raw), |(key, _)| *key)
            .expect("a duplicate row was counted in the totals of its key");
        found.entry(row).or_default().add(duplicates);
    }
    let mut numbers = vec![0; rows.len()];
    for (number, row) in (1..).zip(found.keys()) {
        numbers[*row] = number;
    }
    (numbers, found.into_values().collect())
}

fn frame<const N: usize>(
    keys: [&str; N],
    rows: &[([u32; N], Total)],
    sums: [&str; SUMS],
    duplicates: Vec<u32>,
) -> DataFrame {
    let totals = || rows.iter().map(|(_, total)| total);
    let mut columns: Vec<Column> = Vec::with_capacity(N + SUMS + 5);
    for (at, name) in keys.into_iter().enumerate() {
        let codes: Vec<u32> = rows.iter().map(|(key, _)| key[at]).collect();
        columns.push(column(name, codes));
    }
    columns.push(column(
        ROWS,
        totals().map(|total| total.rows).collect::<Vec<u64>>(),
    ));
    for (at, name) in sums.into_iter().enumerate() {
        let values: Vec<i128> = totals().map(|total| total.sums[at]).collect();
        columns.push(column(name, values));
    }
    let precision: Vec<i128> = totals().map(|total| total.precision).collect();
    columns.push(column(PRECISION, precision));
    let first: Vec<i32> = totals().map(|total| total.first).collect();
    columns.push(column(FIRST, first));
    let last: Vec<i32> = totals().map(|total| total.last).collect();
    columns.push(column(LAST, last));
    columns.push(column(DUPLICATES, duplicates));
    columns::frame(rows.len(), columns)
}
