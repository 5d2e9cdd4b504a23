//! The tie-outs besides usage and lines against the invoice: each its rows, one engine.

use std::collections::BTreeSet;

use super::stages::plan_of;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::days::{self, DayRow};
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::judge::control_totals::{
    self, ByCurrency, ControlSums, ControlTotal, QUANTISATION_ALLOWANCE,
};
use crate::engine::rules::definitions::{self, Measure, Side};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::line_arithmetic;
use crate::engine::tie_outs::two_lists::{self, Checked};
use crate::engine::tie_outs::unbilled_to_billed;
use crate::model::cause::TieOut;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten};
use crate::model::period::parse_day;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::Plan;

/// Compares what the plan wants, adds the groups to `checked`, and returns the laws. `usage` is that
/// of subscriptions, where it is asked for.
pub(crate) fn compare(
    plan: &Plan,
    totals: &Folded,
    usage: &[SideRow],
    checked: &mut Vec<Checked>,
    warnings: &mut Vec<String>,
) -> Result<Vec<ControlTotal>, RunError> {
    let mut controls = Vec::new();
    for definition in &definitions::DEFINITIONS {
        let settings = plan_of(plan, definition.tie_out);
        if !settings.enabled {
            continue;
        }
        let mut of_tie_out = Vec::new();
        let (mut expected, mut invoiced) = (
            entries(totals, definition.tie_out, Side::Expected),
            entries(totals, definition.tie_out, Side::Invoiced),
        );
        match definition.tie_out {
            // They have their own place: resources and headers hang on them.
            TieOut::UsageToInvoice | TieOut::LinesToInvoice => continue,
            TieOut::LineArithmetic => {
                let found = line_arithmetic::compare(totals, &settings.passes, &settings.rules)?;
                if found.without_price > 0 {
                    let count = found.without_price;
                    warnings.push(format!("`invoice_lines`: {count} lines have no EffectiveUnitPrice that can be used: not recomputed"));
                }
                ([expected, invoiced], of_tie_out) = (found.sides, found.checked);
            }
            TieOut::UnbilledToBilled => {
                let unbilled = of_period(plan, totals, &totals.unbilled, true);
                let billed = of_period(plan, totals, &totals.daily, false);
                for (source, all, selected) in [
                    ("unbilled_usage", &totals.unbilled, &unbilled),
                    ("usage", &totals.daily, &billed),
                ] {
                    controls.extend(selection(
                        totals,
                        source,
                        &by_currency(all),
                        &by_currency(selected),
                    ));
                }
                (expected, invoiced) = (by_currency(&unbilled), by_currency(&billed));
                of_tie_out = unbilled_to_billed::compare(
                    &totals.vocabulary,
                    &settings.passes,
                    &unbilled,
                    &billed,
                )?;
            }
            TieOut::UsageToSummary => {
                expected = days::summed(usage.iter().copied())
                    .ok_or(EngineError::AmountOverflow)?
                    .0
            }
            TieOut::UtilizationToUsage => invoiced.extend(utilized(totals, &expected)?),
            TieOut::RecordsToSummary => {
                let kept = of_summed_currencies(totals, &expected, &invoiced, warnings);
                controls.extend(selection(
                    totals,
                    definition.tie_out.name(),
                    &expected,
                    &kept,
                ));
                expected = kept;
            }
            TieOut::RateCard => {}
        }
        if !matches!(
            definition.tie_out,
            TieOut::UnbilledToBilled | TieOut::LineArithmetic
        ) {
            let compared = two_lists::compare(definition, &settings.passes, &expected, &invoiced)?;
            of_tie_out = two_lists::with_findings(compared, &expected)?;
        }
        controls.extend(laws(
            totals,
            definition.tie_out,
            &expected,
            &invoiced,
            &of_tie_out,
        ));
        checked.extend(of_tie_out);
    }
    Ok(controls)
}

fn entries(totals: &Folded, tie_out: TieOut, side: Side) -> Vec<SideRow> {
    totals
        .entries
        .iter()
        .filter(|(of, on, _)| (*of, *on) == (tie_out, side))
        .map(|(_, _, row)| *row)
        .collect()
}

/// Rows of the period: billed ones of its invoices, unbilled ones of its days.
fn of_period(plan: &Plan, totals: &Folded, rows: &[DayRow], by_day: bool) -> Vec<DayRow> {
    let Some(period) = plan.period else {
        return rows.to_vec();
    };
    let (first, next) = period.days();
    let is_of = |row: &&DayRow| {
        if by_day {
            let day = parse_day(
                totals
                    .vocabulary
                    .text(Domain::Date, row.code(Key::Day))
                    .as_bytes(),
            )
            .ok()
            .flatten();
            return day.is_none_or(|day| (first..next).contains(&day));
        }
        totals
            .periods
            .get(&row.code(Key::Invoice))
            .is_none_or(|found| *found == period)
    };
    rows.iter().filter(is_of).copied().collect()
}

/// Usage of each subscription and currency.
pub(crate) fn usage_by_subscription(totals: &Folded) -> Result<Vec<SideRow>, RunError> {
    let usage = UsageColumns::of(&totals.usage);
    let keys =
        [Key::Customer, Key::Subscription, Key::Currency].map(|key| (key, usage.codes(key.part())));
    let rows = usage.rows.iter().enumerate().map(|(row, rows)| {
        let mut side_row = SideRow {
            rows: *rows,
            // Units of several meters: their sum says nothing.
            quantity: 0,
            amount: usage.billing[row],
            bound: usage.precision[row],
            ..SideRow::default()
        };
        for (key, column) in keys {
            side_row.keys[key as usize] = column[row];
        }
        side_row
    });
    Ok(days::summed(rows).ok_or(EngineError::AmountOverflow)?.0)
}

/// Daily rated usage of the subscriptions that have utilization records.
fn utilized(totals: &Folded, expected: &[SideRow]) -> Result<Vec<SideRow>, RunError> {
    let known: BTreeSet<[u32; 2]> = expected
        .iter()
        .map(|row| [row.code(Key::Customer), row.code(Key::Subscription)])
        .collect();
    let rows = totals
        .daily
        .iter()
        .filter(|row| known.contains(&[row.code(Key::Customer), row.code(Key::Subscription)]));
    let rows = rows.map(|row| SideRow {
        amount: 0,
        bound: 0,
        ..row.by(&[
            Key::Customer,
            Key::Subscription,
            Key::Meter,
            Key::Description,
            Key::Resource,
            Key::Day,
        ])
    });
    Ok(days::summed(rows).ok_or(EngineError::AmountOverflow)?.0)
}

/// The partner's summary is in one currency: customers of others are in no sum.
fn of_summed_currencies(
    totals: &Folded,
    expected: &[SideRow],
    invoiced: &[SideRow],
    warnings: &mut Vec<String>,
) -> Vec<SideRow> {
    let is_of_partner = |row: &&SideRow| row.code(Key::Customer) == 0;
    let summed: Vec<u32> = invoiced
        .iter()
        .filter(is_of_partner)
        .map(|row| row.code(Key::Currency))
        .collect();
    let (kept, left): (Vec<SideRow>, Vec<SideRow>) =
        expected.iter().copied().partition(|row: &SideRow| {
            row.code(Key::Customer) != 0
                || summed.is_empty()
                || summed.contains(&row.code(Key::Currency))
        });
    for row in left {
        let currency = totals
            .vocabulary
            .text(Domain::Currency, row.code(Key::Currency));
        warnings.push(format!(
            "`customer_usage_records`: {} of {currency} are in no summary of the partner: left out",
            row.rows
        ));
    }
    kept
}

fn by_currency(rows: &[DayRow]) -> Vec<SideRow> {
    rows.iter().map(|row| row.by(&[Key::Currency])).collect()
}

/// What a comparison leaves out is counted.
fn selection(
    totals: &Folded,
    source: &'static str,
    all: &[SideRow],
    selected: &[SideRow],
) -> Vec<ControlTotal> {
    let name = |code: u32| totals.vocabulary.text(Domain::Currency, code).to_owned();
    let mut laws = control_totals::law(
        "select",
        source,
        &counted(all, &name, Measure::Amount),
        &counted(selected, &name, Measure::Amount),
        0,
    );
    for control in &mut laws {
        control.rows_rejected = control.rows_in - control.rows_out;
        control.holds = true;
    }
    laws
}

/// Rows and what is compared of them, by currency.
fn counted(rows: &[SideRow], name: &dyn Fn(u32) -> String, measure: Measure) -> ByCurrency {
    let mut found = ByCurrency::new();
    for row in rows {
        let compared = if measure == Measure::Amount {
            row.amount
        } else {
            row.quantity
        };
        let sums = ControlSums::of_amounts(row.rows, compared);
        control_totals::add_to(&mut found, name(row.code(Key::Currency)), sums);
    }
    found
}

/// Rows and what is compared of them come out of the match as they went in.
fn laws(
    totals: &Folded,
    tie_out: TieOut,
    expected: &[SideRow],
    invoiced: &[SideRow],
    checked: &[Checked],
) -> Vec<ControlTotal> {
    let measure = definitions::definition(tie_out).measure;
    let name = |code: u32| {
        if measure == Measure::Amount {
            totals.vocabulary.text(Domain::Currency, code).to_owned()
        } else {
            String::new()
        }
    };
    let before = |rows: &[SideRow]| counted(rows, &name, measure);
    let after = |is_expected: bool| {
        let mut found = ByCurrency::new();
        for (sides, _) in checked {
            let (expected, variance) = sides.compared();
            let (rows, compared) = if is_expected {
                (sides.expected_rows, expected)
            } else {
                (sides.invoiced_rows, expected + variance)
            };
            let compared = compared * power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE);
            let sums = ControlSums::of_amounts(rows, compared);
            control_totals::add_to(&mut found, name(sides.keys[Key::Currency]), sums);
        }
        found.retain(|_, sums| sums.rows > 0 || sums.amount != 0);
        found
    };
    let mut laws = control_totals::law(
        "match_expected",
        tie_out.name(),
        &before(expected),
        &after(true),
        QUANTISATION_ALLOWANCE,
    );
    laws.extend(control_totals::law(
        "match_invoiced",
        tie_out.name(),
        &before(invoiced),
        &after(false),
        QUANTISATION_ALLOWANCE,
    ));
    laws
}
