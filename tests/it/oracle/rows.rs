//! The oracle's rows of `variances` and `resources`, cell by cell, in the order of their columns.

use std::collections::BTreeMap;

use tieout::model::decimal::{Rounding, divide, fixed};
use tieout::model::period::{self, Day};

use super::groups::{Group, Piece};
use super::month::{CENT, Month, POINT, Usage};

/// An amount of scale 20 at the published scale, rounded half up.
pub(super) fn half_up(amount: i128) -> i128 {
    divide(amount, POINT, Rounding::HalfUp)
}

/// Rows of `variances` for `usage-to-invoice`; cause, parts and id are left out.
pub(super) fn usage_to_invoice(
    month: &Month,
    groups: &[Group],
    made_by: &[&str],
) -> Vec<Vec<String>> {
    let groups = groups.iter().zip(made_by);
    groups
        .map(|(group, pass)| variance_row(month, group, pass))
        .collect()
}

fn variance_row(month: &Month, group: &Group, pass: &str) -> Vec<String> {
    let keys = group.keys.as_ref().unwrap();
    let [
        invoice,
        customer,
        subscription,
        product,
        sku,
        availability,
        description,
        adjustment,
        currency,
    ] = &keys[..]
    else {
        panic!("nine keys")
    };
    let (quantity, invoiced) = (half_up(group.lines.quantity), half_up(group.lines.subtotal));
    let variance = invoiced - group.expected;
    let (proof, tolerance) = judged(group, variance);
    let status = status(pass, variance, proof);
    let texts = [
        "usage-to-invoice",
        &month.period_of(invoice),
        invoice,
        customer,
        &month.name_of("customer", &[customer]),
        subscription,
        product,
        &month.name_of("product", &[product]),
        sku,
        &month.name_of("sku", &[product, sku]),
        availability,
        description,
        &charge_types(group),
        adjustment,
        currency,
        pass,
        &group.usage.rows.to_string(),
        &group.lines.rows.to_string(),
    ]
    .map(str::to_owned);
    let numbers = [
        group.expected_quantity,
        quantity,
        quantity - group.expected_quantity,
        group.expected,
        invoiced,
        variance,
        divide(tolerance, POINT, Rounding::Down),
    ]
    .map(|number| fixed(number, 10));
    let (rule, off_rule) = group
        .proven
        .as_ref()
        .map_or(("", 0), |proven| (proven.rule, half_up(proven.off_rule)));
    let after = [status, proof, rule, &fixed(off_rule, 10), "", ""].map(str::to_owned);
    texts.into_iter().chain(numbers).chain(after).collect()
}

/// The proof that rounding makes a variance of scale 10, and how far it could have made one on that
/// side, scale 20.
fn judged(group: &Group, variance: i128) -> (&'static str, i128) {
    let Some(proven) = &group.proven else {
        return ("", 0);
    };
    let (expected, invoiced) = (group.expected * POINT, group.lines.subtotal);
    let most = if variance > 0 {
        proven.high - expected
    } else {
        expected - proven.low
    };
    let proof = match () {
        () if variance == 0 => "",
        () if invoiced == proven.likely && proven.is_certain => "exact",
        () if invoiced >= proven.low && invoiced <= proven.high => "bounded",
        () => "none",
    };
    // What rounding could have made is no tolerance for what it did not make.
    let is_refused = proof == "none" && variance.abs() * POINT <= most;
    (proof, if is_refused { 0 } else { most.max(0) })
}

/// Charge types of the lines, or of the usage where there are no lines.
fn charge_types(group: &Group) -> String {
    let types = if group.lines.rows > 0 {
        &group.line_types
    } else {
        &group.usage_types
    };
    let types: Vec<&str> = types
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    types.join("|")
}

/// The status of a variance: only a proof makes it rounding.
fn status(pass: &str, variance: i128, proof: &str) -> &'static str {
    match () {
        () if pass.starts_with("rule:") => "out_of_scope",
        () if variance == 0 => "tied",
        () if proof != "none" => "within_tolerance",
        () => "break",
    }
}

/// Rows of `variances` for `lines-to-invoice`; cause, parts and id are left out.
pub(super) fn lines_to_invoice(month: &Month) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<(String, String), (u64, i128)> = BTreeMap::new();
    for (key, total) in &month.lines {
        let sum = sums.entry((key[0].clone(), key[8].clone())).or_default();
        *sum = (sum.0 + total.rows, sum.1 + total.total);
    }
    assert!(
        month.headers.keys().all(|key| sums.contains_key(key)),
        "every synthetic header has lines"
    );
    let rows = sums.into_iter().map(|(key, (rows, total))| {
        let header = month.headers.get(&key);
        let (expected, invoiced) = (half_up(total), header.map_or(0, |(_, total)| *total));
        assert_eq!(
            total % CENT,
            0,
            "synthetic lines are cents, and have no tolerance"
        );
        let (status, proof) = if expected == invoiced {
            ("tied", "")
        } else {
            ("break", "none")
        };
        let mut row = vec![
            "lines-to-invoice".to_owned(),
            month.period_of(&key.0),
            key.0,
        ];
        row.resize(14, String::new());
        let pass = if header.is_some() { "invoice" } else { "" };
        row.extend([key.1, pass.to_owned(), "0".to_owned(), rows.to_string()]);
        row.extend(
            [0, 0, 0, expected, invoiced, invoiced - expected, 0].map(|number| fixed(number, 10)),
        );
        row.extend([status, proof, "", &fixed(0, 10), "", ""].map(str::to_owned));
        row
    });
    rows.collect()
}

/// Rows of `resources`, all columns.
pub(super) fn resources(month: &Month, pieces: &[Piece], groups: &[Group]) -> Vec<Vec<String>> {
    let mut found: BTreeMap<Vec<String>, (Usage, [i128; 3])> = BTreeMap::new();
    for piece in pieces {
        let (usage, sums) = found.entry(piece.resource.clone()).or_default();
        usage.rows += piece.usage.rows;
        usage.days.extend(&piece.usage.days);
        sums.iter_mut()
            .zip(piece.shares)
            .for_each(|(sum, share)| *sum += share);
    }
    // An invoiced amount without usage has no entitlement, meter and resource.
    for group in groups.iter().filter(|group| group.usage.rows == 0) {
        let keys = group.keys.as_ref().unwrap();
        let key = [
            &keys[0], &keys[1], &keys[2], "", &keys[3], &keys[4], "", "", &keys[8],
        ]
        .map(str::to_owned)
        .to_vec();
        let (_, sums) = found.entry(key).or_default();
        // Of lines out of scope what they ask for, else nothing.
        sums[0] += group.expected;
        sums[2] += half_up(group.lines.subtotal);
    }
    found
        .into_iter()
        .map(|(key, (usage, sums))| resource_row(month, &key, &usage, sums))
        .collect()
}

fn resource_row(
    month: &Month,
    key: &[String],
    usage: &Usage,
    [amount, quantity, invoiced]: [i128; 3],
) -> Vec<String> {
    let [
        invoice,
        customer,
        subscription,
        entitlement,
        product,
        sku,
        meter,
        resource,
        currency,
    ] = key
    else {
        panic!("nine keys")
    };
    let of_meter = |of| {
        if usage.rows == 0 {
            String::new()
        } else {
            month.name_of(of, &[product, sku, meter])
        }
    };
    let day = |day: Option<&Day>| {
        day.map_or_else(String::new, |day| {
            period::date_of(*day).unwrap().to_string()
        })
    };
    [
        &month.period_of(invoice),
        invoice,
        customer,
        &month.name_of("customer", &[customer]),
        subscription,
        entitlement,
        product,
        sku,
        meter,
        &of_meter("meter"),
        &of_meter("category"),
        &month.name_of("group", &[entitlement, resource]),
        resource,
        currency,
        &usage.rows.to_string(),
        &day(usage.days.first()),
        &day(usage.days.last()),
        &fixed(quantity, 10),
        &of_meter("unit"),
        &fixed(amount, 10),
        &fixed(invoiced, 10),
        &fixed(invoiced - amount, 10),
    ]
    .map(|text: &String| text.clone())
    .to_vec()
}
