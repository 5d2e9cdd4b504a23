//! Months of ten thousand lines that hide a sum in their rounding: each is found, and its amount told
//! within a hundredth.

use super::month::{PLAIN, ProvenMonth, Style, UsageRow, key_of, subtotal_of};
use super::number::{Number, number};
use super::random::Random;
use super::run::run_month;

const LINES: u64 = 10_000;

/// Ten thousand honest meters of one row each.
fn month(style: Style) -> ProvenMonth {
    let style = Style {
        meters: LINES,
        ..style
    };
    ProvenMonth::honest(style, &mut Random::new(7))
}

/// Runs a month, and holds the largest sum that it tells of an invoice against the hidden one.
fn is_found(name: &str, month: &ProvenMonth, hidden: Number) {
    let found = run_month(month);
    assert_eq!(
        found.outcome.exit_code, 10,
        "{name}: breaks must fail the run"
    );
    let figures = &found.outcome.invoices[0];
    let told = [
        &figures.over_billed.amount,
        &figures.under_billed.amount,
        &figures.off_rule_lines.amount,
    ];
    let is_near = |amount: &str| {
        let apart = Number::read(amount).minus(hidden);
        let hundredth = abs(hidden.times(number(1, 2)));
        hundredth.minus(abs(apart)).units >= 0
    };
    assert!(
        told.iter().any(|amount| is_near(amount)),
        "{name}: hidden {}, told {told:?}",
        hidden.text()
    );
}

fn abs(of: Number) -> Number {
    number(of.units.abs(), of.scale)
}

/// Adds an amount to a line, in its total as well.
fn raise(month: &mut ProvenMonth, at: usize, by: Number) {
    let line = &mut month.lines[at];
    line.subtotal = line.subtotal.plus(by);
    line.total = line.total.plus(by);
}

#[test]
fn every_line_a_digit_too_high_is_found_in_each_currency() {
    let currencies = [
        ("USD", 2, number(1, 0)),
        ("EUR", 2, number(917_342, 6)),
        ("JPY", 0, number(15_012, 2)),
        ("KWD", 3, number(30_7125, 6)),
    ];
    for (currency, digits, rate) in currencies {
        let mut month = month(Style {
            currency,
            digits,
            rate,
            ..PLAIN
        });
        let by = number(1, digits);
        (0..month.lines.len()).for_each(|at| raise(&mut month, at, by));
        is_found(currency, &month, number(i128::from(LINES), digits));
    }
}

#[test]
fn a_cent_on_every_second_line_is_found() {
    let mut month = month(PLAIN);
    (0..month.lines.len())
        .step_by(2)
        .for_each(|at| raise(&mut month, at, number(1, 2)));
    is_found("every second line", &month, number(5_000, 2));
}

#[test]
fn lines_of_a_cent_for_what_was_never_used_are_found() {
    let mut month = month(PLAIN);
    for meter in LINES..2 * LINES {
        let mut line = month.lines[0].clone();
        line.key = key_of(meter);
        (line.quantity, line.price) = (number(1, 0), number(1, 2));
        (line.subtotal, line.tax, line.total) = (number(1, 2), Number::ZERO, number(1, 2));
        month.lines.push(line);
    }
    is_found("phantom lines", &month, number(i128::from(LINES), 2));
}

#[test]
fn one_line_too_high_in_a_sku_without_meter_names_is_found() {
    let mut month = month(PLAIN);
    let sku = month.lines[0].key.clone();
    for row in &mut month.usage {
        row.key[..4].clone_from_slice(&sku[..4]);
        row.key[4].clear();
    }
    for line in &mut month.lines {
        line.key[..4].clone_from_slice(&sku[..4]);
    }
    raise(&mut month, 4_321, number(9_990, 2));
    is_found("one SKU", &month, number(9_990, 2));
}

#[test]
fn a_rate_that_lost_its_point_is_found() {
    let mut month = month(Style {
        currency: "EUR",
        rate: number(917_342, 6),
        ..PLAIN
    });
    let line = &mut month.lines[4_321];
    let before = line.subtotal;
    line.rate = number(917_342, 0);
    line.subtotal = subtotal_of(line.price.times(line.quantity), line.rate, 2);
    line.total = line.subtotal.plus(line.tax);
    let hidden = line.subtotal.minus(before);
    is_found("rate", &month, hidden);
}

#[test]
fn usage_of_two_cents_without_any_line_is_found() {
    let mut month = month(PLAIN);
    for meter in LINES..2 * LINES {
        month.usage.push(UsageRow {
            key: key_of(meter),
            day: 3,
            quantity: number(1, 0),
            price: number(199, 4),
            has_credit: false,
        });
    }
    is_found("unbilled", &month, number(-1_990_000, 4));
}
