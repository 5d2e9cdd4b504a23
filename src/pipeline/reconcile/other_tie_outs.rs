//! The tie-outs besides usage to invoice and lines to invoice: each takes its two lists of rows
//! from what was folded; comparing, explaining and proving is the same for all.

use std::collections::BTreeSet;

use super::{laws, settings};
use crate::engine::failure::EngineError;
use crate::engine::fold::days::{self, DayRow};
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::judge::control_totals::{
    self, ByCurrency, ControlSums, ControlTotal, QUANTISATION_ALLOWANCE,
};
use crate::engine::rules::definitions::{self, Definition, Measure, Side};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::feeds::AZURE_PLAN_CUSTOMERS;
use crate::engine::rules::keys::Key;
use crate::engine::tie_outs::rate_card;
use crate::engine::tie_outs::two_lists::{self, Checked};
use crate::engine::tie_outs::unbilled_to_billed;
use crate::engine::tie_outs::utilization_to_usage::{self, shift_text};
use crate::model::cause::TieOut;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten};
use crate::model::period::parse_day;
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};

/// Compared groups of one tie-out, and the rows that they were made of.
struct ComparedLists {
    /// Expected rows, as they went into the match.
    expected: Vec<SideRow>,
    /// Invoiced rows, as they went into the match.
    invoiced: Vec<SideRow>,
    checked: Vec<Checked>,
}

/// Compares what the plan enables, adds the groups to `checked`, and returns the laws. `usage` is
/// that of subscriptions, empty where no comparison needs it.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub(super) fn compare(
    plan: &Plan,
    totals: &Folded,
    usage: &[SideRow],
    checked: &mut Vec<Checked>,
    warnings: &mut Vec<String>,
) -> Result<Vec<ControlTotal>, EngineError> {
    let mut controls = Vec::new();
    // The order of the definitions, not of the pipeline file: laws and warnings are published.
    for definition in &definitions::DEFINITIONS {
        let tie_out = definition.tie_out;
        let settings = settings::of_tie_out(plan, tie_out);
        if !settings.enabled {
            continue;
        }
        let compared = match tie_out {
            // They are compared elsewhere: resources and headers belong to them, and lines are
            // there part by part only.
            TieOut::UsageToInvoice | TieOut::LinesToInvoice | TieOut::LineArithmetic => continue,
            TieOut::UnbilledToBilled => compare_days(plan, totals, settings, &mut controls)?,
            TieOut::RateCard
            | TieOut::RecordsToSummary
            | TieOut::UsageToSummary
            | TieOut::UtilizationToUsage => {
                let lists = lists_of(totals, definition, usage, &mut controls, warnings)?;
                compare_lists(totals, definition, settings, lists, warnings)?
            }
        };
        controls.extend(laws_of(totals, tie_out, &compared));
        checked.extend(compared.checked);
    }
    Ok(controls)
}

/// Compares unbilled with billed usage, day by day. What the period leaves out goes to `controls`.
fn compare_days(
    plan: &Plan,
    totals: &Folded,
    settings: &TieOutPlan,
    controls: &mut Vec<ControlTotal>,
) -> Result<ComparedLists, EngineError> {
    let unbilled = unbilled_of_period(plan, totals);
    let billed = billed_of_period(plan, totals);
    for (source, all, selected) in [
        ("unbilled_usage", &totals.unbilled, &unbilled),
        ("usage", &totals.daily, &billed),
    ] {
        let (all, selected) = (by_currency(all), by_currency(selected));
        controls.extend(law_of_selection(totals, source, &all, &selected));
    }
    let (vocabulary, passes) = (&totals.vocabulary, &settings.passes);
    Ok(ComparedLists {
        expected: by_currency(&unbilled),
        invoiced: by_currency(&billed),
        checked: unbilled_to_billed::compare(vocabulary, passes, &unbilled, &billed)?,
    })
}

/// Expected and invoiced rows of a tie-out that compares two lists.
fn lists_of(
    totals: &Folded,
    definition: &Definition,
    usage: &[SideRow],
    controls: &mut Vec<ControlTotal>,
    warnings: &mut Vec<String>,
) -> Result<[Vec<SideRow>; 2], EngineError> {
    let tie_out = definition.tie_out;
    // Records that were read, for both sides; some comparisons take a side from usage instead.
    let [mut expected, mut invoiced] =
        [Side::Expected, Side::Invoiced].map(|side| entries(totals, tie_out, side));
    if tie_out == TieOut::UsageToSummary {
        expected = summed(usage.iter().copied())?;
    }
    if tie_out == TieOut::UtilizationToUsage {
        invoiced.extend(rated_usage_of(totals, &expected)?);
    }
    if tie_out == TieOut::RecordsToSummary {
        let kept = without_azure_plans(totals, &expected, warnings);
        name_currency(&kept, &mut invoiced);
        let kept = of_summed_currencies(totals, &kept, &invoiced, warnings);
        controls.extend(law_of_selection(totals, tie_out.name(), &expected, &kept));
        expected = kept;
    }
    Ok([expected, invoiced])
}

fn compare_lists(
    totals: &Folded,
    definition: &Definition,
    settings: &TieOutPlan,
    [expected, invoiced]: [Vec<SideRow>; 2],
    warnings: &mut Vec<String>,
) -> Result<ComparedLists, EngineError> {
    let passes = &settings.passes;
    let checked = match definition.tie_out {
        TieOut::RateCard => rate_card::compare(&totals.entries, passes, &expected, &invoiced)?,
        TieOut::UtilizationToUsage => {
            let vocabulary = &totals.vocabulary;
            let found = utilization_to_usage::compare(vocabulary, passes, &expected, &invoiced)?;
            let shifts = found.shifts.iter();
            warnings.extend(shifts.map(|(shift, meters)| shift_text(shift, *meters)));
            found.checked
        }
        _ => {
            let compared = two_lists::compare(definition, passes, &expected, &invoiced)?;
            two_lists::with_findings(compared)?
        }
    };
    Ok(ComparedLists {
        expected,
        invoiced,
        checked,
    })
}

/// Rows of the records that were read for one side of a tie-out.
fn entries(totals: &Folded, tie_out: TieOut, side: Side) -> Vec<SideRow> {
    totals
        .entries
        .rows
        .iter()
        .filter(|(of, on, _)| (*of, *on) == (tie_out, side))
        .map(|(_, _, row)| *row)
        .collect()
}

/// Unbilled usage of the days of the period. It has no invoice that could tell its period.
fn unbilled_of_period(plan: &Plan, totals: &Folded) -> Vec<DayRow> {
    let Some(period) = plan.period else {
        return totals.unbilled.clone();
    };
    let (first, next) = period.days();
    let is_of_period = |row: &&DayRow| {
        let day = row.code(Key::Day);
        let text = totals.vocabulary.text(Domain::Date, day);
        match parse_day(text.as_bytes()) {
            Ok(Some(day)) => (first..next).contains(&day),
            // No known day is no reason to leave usage out.
            Ok(None) | Err(_) => true,
        }
    };
    let rows = totals.unbilled.iter();
    rows.filter(is_of_period).copied().collect()
}

/// Billed usage of the invoices of the period, and of those whose period is not known.
fn billed_of_period(plan: &Plan, totals: &Folded) -> Vec<DayRow> {
    let Some(period) = plan.period else {
        return totals.daily.clone();
    };
    let is_of_period = |row: &&DayRow| {
        let found = totals.periods.get(&row.code(Key::Invoice));
        found.is_none_or(|found| *found == period)
    };
    let rows = totals.daily.iter();
    rows.filter(is_of_period).copied().collect()
}

/// Daily rated usage of the subscriptions that have utilization records, in quantities only.
fn rated_usage_of(totals: &Folded, records: &[SideRow]) -> Result<Vec<SideRow>, EngineError> {
    let account = |customer, subscription| [customer, subscription];
    let recorded: BTreeSet<[u32; 2]> = records
        .iter()
        .map(|row| account(row.code(Key::Customer), row.code(Key::Subscription)))
        .collect();
    // Usage of a subscription without any records would be a break of its full quantity.
    let rows = totals.daily.iter().filter(|row| {
        recorded.contains(&account(
            row.code(Key::Customer),
            row.code(Key::Subscription),
        ))
    });
    summed(rows.map(|row| SideRow {
        // Utilization records have no prices that an amount could be held against.
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
    }))
}

/// Rows with equal keys added up.
fn summed(rows: impl Iterator<Item = SideRow>) -> Result<Vec<SideRow>, EngineError> {
    let (sums, _) = days::summed(rows).ok_or(EngineError::AmountOverflow)?;
    Ok(sums)
}

/// Records but for those of customers with an Azure plan, whom the partner's summary leaves out
/// ([semantics §11](crate::model::domain::semantics), 19); with a warning that tells their number.
fn without_azure_plans(
    totals: &Folded,
    expected: &[SideRow],
    warnings: &mut Vec<String>,
) -> Vec<SideRow> {
    let label = |row: &SideRow| {
        let code = row.code(Key::Description);
        totals.vocabulary.text(Domain::Description, code)
    };
    let (left, kept): (Vec<SideRow>, Vec<SideRow>) = expected
        .iter()
        .copied()
        .partition(|row| label(row) == AZURE_PLAN_CUSTOMERS);
    let rows: u64 = left.iter().map(|row| row.rows).sum();
    if rows > 0 {
        warnings.push(format!(
            "`customer_usage_records`: records of customers with an Azure plan left out, as the partner's summary does not count them: {rows}"
        ));
    }
    kept
}

/// Gives the partner's total, which mostly names no currency ([resources
/// §B](crate::model::domain::resources), usage summary), the one that all records have.
fn name_currency(records: &[SideRow], summaries: &mut [SideRow]) {
    let is_of_partner = |row: &SideRow| row.code(Key::Customer) == 0;
    let records = records.iter().filter(|row| is_of_partner(row));
    let mut currencies = records.map(|row| row.code(Key::Currency));
    let Some(currency) = currencies.next() else {
        return;
    };
    if currencies.any(|other| other != currency) {
        return;
    }
    for row in summaries.iter_mut().filter(|row| is_of_partner(row)) {
        if row.code(Key::Currency) == 0 {
            row.keys[Key::Currency as usize] = currency;
        }
    }
}

/// Records of the currencies that the partner's summary has a total in, with a warning for the
/// others: the summary is in one currency, and leaves out customers who are billed in another.
fn of_summed_currencies(
    totals: &Folded,
    expected: &[SideRow],
    invoiced: &[SideRow],
    warnings: &mut Vec<String>,
) -> Vec<SideRow> {
    // The row without a customer is the total of the partner.
    let is_of_partner = |row: &&SideRow| row.code(Key::Customer) == 0;
    let summed: Vec<u32> = invoiced
        .iter()
        .filter(is_of_partner)
        .map(|row| row.code(Key::Currency))
        .collect();
    // Without any total of the partner nothing tells its currency, and no record is left out.
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
            "`customer_usage_records`: records in {currency} left out, as the partner's summary has no total in that currency: {}",
            row.rows
        ));
    }
    kept
}

fn by_currency(rows: &[DayRow]) -> Vec<SideRow> {
    rows.iter().map(|row| row.by(&[Key::Currency])).collect()
}

/// The law of a selection, by currency.
fn law_of_selection(
    totals: &Folded,
    source: &'static str,
    all: &[SideRow],
    selected: &[SideRow],
) -> Vec<ControlTotal> {
    let count = |rows| count_by_currency(totals, rows, Measure::Amount);
    laws::of_selection(source, &count(all), &count(selected))
}

/// Name under which a currency is counted: quantities have none, and are counted under an empty
/// one.
fn currency_name(totals: &Folded, measure: Measure, code: u32) -> String {
    match measure {
        Measure::Amount => totals.vocabulary.text(Domain::Currency, code).to_owned(),
        Measure::Quantity => String::new(),
    }
}

/// Source rows and the compared figure, in units of 10^-20, by currency.
fn count_by_currency(totals: &Folded, rows: &[SideRow], measure: Measure) -> ByCurrency {
    let mut found = ByCurrency::new();
    for row in rows {
        let name = currency_name(totals, measure, row.code(Key::Currency));
        let compared = match measure {
            Measure::Amount => row.amount,
            Measure::Quantity => row.quantity,
        };
        let sums = ControlSums::of_amounts(row.rows, compared);
        control_totals::add_to(&mut found, name, sums);
    }
    found
}

/// Source rows and the compared figure of one side of all groups, by currency.
fn count_groups(totals: &Folded, checked: &[Checked], measure: Measure, side: Side) -> ByCurrency {
    // Groups hold figures of ten decimals, rows those of twenty.
    let unit = power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE);
    let mut found = ByCurrency::new();
    for (sides, _) in checked {
        let name = currency_name(totals, measure, sides.keys[Key::Currency]);
        let (expected, variance) = sides.compared();
        let (rows, figure) = match side {
            Side::Expected => (sides.expected_rows, expected),
            Side::Invoiced => (sides.invoiced_rows, expected + variance),
        };
        let sums = ControlSums::of_amounts(rows, figure * unit);
        control_totals::add_to(&mut found, name, sums);
    }
    // A currency of the other side alone is none of this side's.
    found.retain(|_, sums| sums.rows > 0 || sums.amount != 0);
    found
}

/// Laws of the match: source rows and the compared figure come out of it as they went in, but for
/// the rounding to ten decimals.
fn laws_of(totals: &Folded, tie_out: TieOut, compared: &ComparedLists) -> Vec<ControlTotal> {
    let measure = definitions::definition(tie_out).measure;
    let sides = [
        ("match_expected", &compared.expected, Side::Expected),
        ("match_invoiced", &compared.invoiced, Side::Invoiced),
    ];
    let laws = sides.into_iter().flat_map(|(step, rows, side)| {
        let before = count_by_currency(totals, rows, measure);
        let after = count_groups(totals, &compared.checked, measure, side);
        control_totals::law(
            step,
            tie_out.name(),
            &before,
            &after,
            QUANTISATION_ALLOWANCE,
        )
    });
    laws.collect()
}
