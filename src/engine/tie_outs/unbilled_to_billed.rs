//! `unbilled-to-billed`: the last unbilled snapshot of a month against its billed usage.
//!
//! A difference is no error here: it becomes a bridge of late usage, restated quantities, partner
//! earned credit, prices, the exchange rate and credits, as far as both sides tell them ([semantics
//! §10](crate::model::domain::semantics)).

use std::collections::BTreeSet;

use super::two_lists::{self, Checked, GroupRows, finding};
use crate::engine::causes::finding::Narrowest;
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::exchange_rate::{rate_of, written_rate};
use crate::engine::compare::group::Sides;
use crate::engine::failure::EngineError;
use crate::engine::fold::days::{DayRow, summed};
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{Key, UNBILLED_KEYS};
use crate::engine::rules::price_adjustment::{self, AZURE_CREDIT};
use crate::model::cause::TieOut;
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_SCALE, RATE_SCALE, Rounding, multiply, power_of_ten, quotient_up,
    rescale, to_published as published,
};
use crate::model::period::{Day, parse_day};

/// Compares the last unbilled snapshot with the billed usage.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(
    vocabulary: &Vocabulary,
    passes: &[Pass],
    unbilled: &[DayRow],
    billed: &[DayRow],
) -> Result<Vec<Checked>, EngineError> {
    // Days and resources are looked at within a group, and have no say in the match.
    let side = |rows: &[DayRow]| summed(rows.iter().map(|row| row.by(UNBILLED_KEYS)));
    let (Some((expected, of_expected)), Some((invoiced, of_invoiced))) =
        (side(unbilled), side(billed))
    else {
        return Err(EngineError::AmountOverflow);
    };
    let compared = two_lists::compare(
        definitions::definition(TieOut::UnbilledToBilled),
        passes,
        &expected,
        &invoiced,
    )?;
    let snapshot = Snapshot::of(vocabulary, unbilled);
    let check = |(sides, rows): (Sides, GroupRows)| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        let before = rows_of(unbilled, &of_expected, &rows.expected);
        let after = rows_of(billed, &of_invoiced, &rows.invoiced);
        let steps = match snapshot.steps(&before, &after, &sides) {
            Some(steps) => steps,
            // A step too large to be told: the variance is left unexplained, unless a side is
            // empty.
            None => VarianceBridge::one_sided(&sides),
        };
        Ok((sides, finding(steps, Narrowest::Meter)))
    };
    let groups = compared.sides.into_iter().zip(compared.rows);
    groups.map(check).collect()
}

/// Day of usage of a row; `None` for a row without one.
fn day_of(vocabulary: &Vocabulary, row: &DayRow) -> Option<Day> {
    let text = vocabulary.text(Domain::Date, row.code(Key::Day));
    parse_day(text.as_bytes()).ok().flatten()
}

/// Rows by day that a group's rows are sums of; `made_of` holds their positions for each sum.
fn rows_of(rows: &[DayRow], made_of: &[Vec<usize>], group: &[usize]) -> Vec<DayRow> {
    let positions = group.iter().flat_map(|sum| &made_of[*sum]);
    positions.map(|position| rows[*position]).collect()
}

/// Days before the end of a snapshot of which it may not know all usage yet: usage was seen to be
/// reported one to four days late ([quirks](crate::model::domain::quirks), JSON of the API, 4).
const LATEST_REPORT: Day = 4;

/// Facts about the unbilled snapshot as a whole.
struct Snapshot<'v> {
    vocabulary: &'v Vocabulary,
    /// Its last day of usage; `None`, which is less than any day, where there is no snapshot.
    last_day: Option<Day>,
}

/// Sums of some rows that are no credits, in units of 10^-20.
struct ChargeSums {
    quantity: i128,
    billing: i128,
    pricing: i128,
    /// Pricing amount before the partner earned credit.
    listed: i128,
    /// Exchange rate of the row with the largest amount, in units of 10^-18.
    rate: i128,
}

/// `amount` × `numerator` / `denominator`, all in units of 10^-20; `None` on overflow, or where the
/// denominator is 0.
fn scaled(amount: i128, numerator: i128, denominator: i128) -> Option<i128> {
    let share = quotient_up(
        (numerator, AMOUNT_SCALE),
        (denominator, AMOUNT_SCALE),
        AMOUNT_SCALE,
    )?;
    multiply(
        (amount, AMOUNT_SCALE),
        (share, AMOUNT_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    )
}

impl<'v> Snapshot<'v> {
    fn of(vocabulary: &'v Vocabulary, unbilled: &[DayRow]) -> Self {
        Self {
            vocabulary,
            last_day: unbilled
                .iter()
                .filter_map(|row| day_of(vocabulary, row))
                .max(),
        }
    }

    /// True for usage that the snapshot could not know yet: of days behind its end, and of those
    /// just before it on which it has nothing of the group.
    fn is_late(&self, row: &DayRow, known: &BTreeSet<u32>) -> bool {
        let Some(last) = self.last_day else {
            return true;
        };
        // Usage without a day tells nothing about when it came.
        day_of(self.vocabulary, row).is_some_and(|day| {
            day > last || (day > last - LATEST_REPORT && !known.contains(&row.code(Key::Day)))
        })
    }

    fn adjustment(&self, row: &DayRow) -> &str {
        self.vocabulary
            .text(Domain::Adjustment, row.code(Key::Adjustment))
    }

    /// Amount of a row in the pricing currency: its own, unless the rate that the row names makes
    /// another billed amount of it. Then the rate is believed, as the billed amount is what is
    /// compared. `None` on overflow.
    fn pricing_of(&self, row: &DayRow) -> Option<i128> {
        let rate = rate_of(self.vocabulary, row.rate);
        let billing = multiply(
            (row.pricing, AMOUNT_SCALE),
            (rate, RATE_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )?;
        // A row may be floored to cents, which says nothing against its pricing amount.
        let cent = power_of_ten(AMOUNT_SCALE - 2).checked_add(row.precision)?;
        if billing.checked_sub(row.billing)?.abs() < cent {
            return Some(row.pricing);
        }
        match written_rate(self.vocabulary, row.rate) {
            Some(rate) if rate > 0 => quotient_up(
                (row.billing, AMOUNT_SCALE),
                (rate, RATE_SCALE),
                AMOUNT_SCALE,
            ),
            _ => Some(row.pricing),
        }
    }

    /// Exchange rate of a row, in units of 10^-18: the one that it names, else its billed amount
    /// over its pricing amount.
    fn rate_of(&self, row: &DayRow) -> i128 {
        let of_amounts = || {
            quotient_up(
                (row.billing, AMOUNT_SCALE),
                (row.pricing, AMOUNT_SCALE),
                RATE_SCALE,
            )
        };
        written_rate(self.vocabulary, row.rate)
            .or_else(of_amounts)
            .filter(|rate| *rate > 0)
            // Amounts of opposite signs, or none at all, have no rate.
            .unwrap_or(power_of_ten(RATE_SCALE))
    }

    /// Sums of rows; `None` on overflow.
    fn sums(&self, rows: &[&DayRow]) -> Option<ChargeSums> {
        let one = power_of_ten(RATE_SCALE);
        let mut sums = ChargeSums {
            quantity: 0,
            billing: 0,
            pricing: 0,
            listed: 0,
            rate: one,
        };
        // Below any amount, so that the first row gives a rate where all amounts are 0.
        let mut largest = -1;
        for row in rows {
            let left = one - price_adjustment::earned_fraction(self.adjustment(row));
            sums.quantity = sums.quantity.checked_add(row.quantity)?;
            sums.billing = sums.billing.checked_add(row.billing)?;
            let pricing = self.pricing_of(row)?;
            sums.pricing = sums.pricing.checked_add(pricing)?;
            sums.listed = sums.listed.checked_add(quotient_up(
                (pricing, AMOUNT_SCALE),
                // A credit of the whole price leaves nothing to divide by; with the least share
                // instead, an amount of 0 stays 0.
                (left.max(1), RATE_SCALE),
                AMOUNT_SCALE,
            )?)?;
            if row.billing.abs() > largest {
                (largest, sums.rate) = (row.billing.abs(), self.rate_of(row));
            }
        }
        Some(sums)
    }

    /// Bridge from the rows of a group in the snapshot to those that were billed; `None` on
    /// overflow.
    fn steps(&self, before: &[DayRow], after: &[DayRow], sides: &Sides) -> Option<VarianceBridge> {
        let is_credit = |row: &&DayRow| self.adjustment(row) == AZURE_CREDIT;
        let credit =
            |rows: &[DayRow]| published(rows.iter().filter(is_credit).map(|row| row.billing).sum());
        let mut steps = VarianceBridge {
            credit: credit(after)? - credit(before)?,
            ..VarianceBridge::default()
        };
        let is_charge = |row: &&DayRow| !is_credit(row);
        let before: Vec<&DayRow> = before.iter().filter(is_charge).collect();
        let known: BTreeSet<u32> = before.iter().map(|row| row.code(Key::Day)).collect();
        let after = after.iter().filter(is_charge);
        let (late, in_time): (Vec<&DayRow>, Vec<&DayRow>) =
            after.partition(|row| self.is_late(row, &known));
        steps.timing = published(late.iter().map(|row| row.billing).sum())?;
        let rest = |steps: &VarianceBridge| sides.variance_amount() - steps.sum();
        if before.is_empty() {
            // Usage of days that the snapshot should have known all about, unless all of it is late.
            if in_time.is_empty() {
                steps.timing += rest(&steps);
            } else {
                steps.missing_usage = rest(&steps);
            }
            return Some(steps);
        }
        if in_time.is_empty() {
            steps.missing_invoice = rest(&steps);
            return Some(steps);
        }
        add_price_steps(&mut steps, &self.sums(&before)?, &self.sums(&in_time)?)?;
        let left = rest(&steps);
        let exact = rescale(left, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)?;
        // Each of the four steps was rounded, and may be off by as much as the variance itself.
        if exact.abs() <= sides.bounds.toward(left).checked_mul(4)? {
            steps.rounding = left;
        }
        Some(steps)
    }
}

/// Adds the steps from the old quantity, credit, price and rate to the new ones, one after the
/// other; `None` on overflow.
fn add_price_steps(steps: &mut VarianceBridge, old: &ChargeSums, new: &ChargeSums) -> Option<()> {
    if old.quantity == 0 || old.listed == 0 || new.listed == 0 {
        // Nothing to divide by: all of it counts as another price.
        steps.price = published(new.billing)? - published(old.billing)?;
        return Some(());
    }
    let in_billing = |pricing: i128, rate: i128| {
        multiply(
            (pricing, AMOUNT_SCALE),
            (rate, RATE_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )
    };
    // Quantity before credit and price, as in the bridge of usage to invoice: a day can be restated
    // until the period closes (`model::domain::semantics §10`), and each change is valued at those
    // before it.
    // The new quantity at the old price, then with the new share of earned credit as well.
    let restated = scaled(old.pricing, new.quantity, old.quantity)?;
    let adjusted = if has_same_share(old, new) {
        restated
    } else {
        let listed = scaled(old.listed, new.quantity, old.quantity)?;
        scaled(listed, new.pricing, new.listed)?
    };
    let natural = in_billing(old.pricing, old.rate)?;
    let at_quantity = in_billing(restated, old.rate)?;
    let at_adjustment = in_billing(adjusted, old.rate)?;
    let at_price = in_billing(new.pricing, old.rate)?;
    let at_rate = in_billing(new.pricing, new.rate)?;
    steps.quantity = published(at_quantity - natural)?;
    steps.partner_earned_credit = published(at_adjustment - at_quantity)?;
    steps.price = published(at_price - at_adjustment)?;
    steps.fx = published(at_rate - at_price)?;
    Some(())
}

/// True if the shares of the list price that earned credit leaves differ by less than a millionth.
fn has_same_share(old: &ChargeSums, new: &ChargeSums) -> bool {
    const MILLIONTH: u128 = 10_u128.pow(AMOUNT_SCALE - 6);
    let share = |sums: &ChargeSums| {
        let pricing = (sums.pricing, AMOUNT_SCALE);
        let share = quotient_up(pricing, (sums.listed, AMOUNT_SCALE), AMOUNT_SCALE);
        // Charges and refunds that nearly cancel out at list price have no share to speak of.
        share.unwrap_or(0)
    };
    share(old).abs_diff(share(new)) < MILLIONTH
}
