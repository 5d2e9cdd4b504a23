//! From the last unbilled snapshot to what was billed: late usage, restated quantities, re-rated
//! prices, the exchange rate, credits.

use super::two_lists::{self, Checked, Members};
use crate::engine::causes::finding::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::Sides;
use crate::engine::compare::usage_to_invoice::rate_of;
use crate::engine::failure::EngineError;
use crate::engine::fold::days::{DayRow, summed};
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::rules::price_adjustment::{self, AZURE_CREDIT};
use crate::model::cause::TieOut;
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_SCALE, RATE_SCALE, Rounding, multiply, power_of_ten, quotient_up,
    rescale, to_published as published,
};

/// Keys that both sides share; days and resources are looked at inside of a group.
const GROUP_KEYS: [Key; 8] = [
    Key::Customer,
    Key::Subscription,
    Key::Product,
    Key::Sku,
    Key::Availability,
    Key::Description,
    Key::Adjustment,
    Key::Currency,
];

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
    let side = |rows: &[DayRow]| summed(rows.iter().map(|row| row.by(&GROUP_KEYS)));
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
    // Days are codes in their order: what is behind the last day of the snapshot came after it.
    let last_day = unbilled
        .iter()
        .map(|row| row.keys[Key::Day as usize])
        .max()
        .unwrap_or(0);
    let bridge = Bridge {
        vocabulary,
        last_day,
    };
    let pick = |rows: &[DayRow], made_of: &[Vec<usize>], members: &[usize]| -> Vec<DayRow> {
        let positions = members
            .iter()
            .filter_map(|member| made_of.get(*member))
            .flatten();
        positions
            .filter_map(|position| rows.get(*position))
            .copied()
            .collect()
    };
    let check = |(sides, members): (Sides, Members)| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        let before = pick(unbilled, &of_expected, &members.expected);
        let after = pick(billed, &of_invoiced, &members.invoiced);
        let steps = bridge
            .steps(&before, &after, &sides)
            .unwrap_or_else(|| VarianceBridge::one_sided(&sides));
        Ok((
            sides,
            Some(Box::new(Finding {
                steps,
                narrowest: Narrowest::Meter,
                resource: None,
                days: None,
            })),
        ))
    };
    compared
        .sides
        .into_iter()
        .zip(compared.members)
        .map(check)
        .collect()
}

struct Bridge<'v> {
    vocabulary: &'v Vocabulary,
    last_day: u32,
}

/// Sums of some rows that are no credits.
struct Sums {
    quantity: i128,
    billing: i128,
    pricing: i128,
    /// The pricing amount before the partner earned credit.
    listed: i128,
    rate: i128,
}

/// amount x numerator / denominator.
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

impl Bridge<'_> {
    fn adjustment(&self, row: &DayRow) -> &str {
        self.vocabulary
            .text(Domain::Adjustment, row.keys[Key::Adjustment as usize])
    }

    fn sums(&self, rows: &[&DayRow]) -> Option<Sums> {
        let one = power_of_ten(RATE_SCALE);
        let mut sums = Sums {
            quantity: 0,
            billing: 0,
            pricing: 0,
            listed: 0,
            rate: one,
        };
        let mut largest = -1;
        for row in rows {
            let left = one - price_adjustment::earned_fraction(self.adjustment(row));
            sums.quantity = sums.quantity.checked_add(row.quantity)?;
            sums.billing = sums.billing.checked_add(row.billing)?;
            sums.pricing = sums.pricing.checked_add(row.pricing)?;
            sums.listed = sums.listed.checked_add(quotient_up(
                (row.pricing, AMOUNT_SCALE),
                (left.max(1), RATE_SCALE),
                AMOUNT_SCALE,
            )?)?;
            if row.billing.abs() > largest {
                (largest, sums.rate) = (row.billing.abs(), rate_of(self.vocabulary, row.rate));
            }
        }
        Some(sums)
    }

    fn steps(&self, before: &[DayRow], after: &[DayRow], sides: &Sides) -> Option<VarianceBridge> {
        let is_credit = |row: &&DayRow| self.adjustment(row) == AZURE_CREDIT;
        let credit =
            |rows: &[DayRow]| published(rows.iter().filter(is_credit).map(|row| row.billing).sum());
        let mut steps = VarianceBridge {
            credit: credit(after)? - credit(before)?,
            ..VarianceBridge::default()
        };
        let is_late = |row: &&DayRow| row.keys[Key::Day as usize] > self.last_day;
        let plain = |rows: &'_ [DayRow]| {
            rows.iter()
                .filter(|row| !is_credit(row))
                .copied()
                .collect::<Vec<DayRow>>()
        };
        let (before, after) = (plain(before), plain(after));
        let kept: Vec<&DayRow> = after.iter().filter(|row| !is_late(row)).collect();
        let late: i128 = after.iter().filter(is_late).map(|row| row.billing).sum();
        steps.timing = published(late)?;
        let rest = |steps: &VarianceBridge| sides.variance_amount() - steps.sum();
        if before.is_empty() {
            // Reported after the snapshot, whatever its day.
            steps.timing += rest(&steps);
            return Some(steps);
        }
        if kept.is_empty() {
            steps.missing_invoice = rest(&steps);
            return Some(steps);
        }
        let (old, new) = (
            self.sums(&before.iter().collect::<Vec<_>>())?,
            self.sums(&kept)?,
        );
        let in_billing = |pricing: i128, rate: i128| {
            multiply(
                (pricing, AMOUNT_SCALE),
                (rate, RATE_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfEven,
            )
        };
        if old.quantity == 0 || old.listed == 0 || new.listed == 0 {
            steps.price = published(new.billing)? - published(old.billing)?;
        } else {
            // At the old price; then with the new share of earned credit; then at the new price.
            let restated = scaled(old.pricing, new.quantity, old.quantity)?;
            let adjusted = if same_share(&old, &new) {
                restated
            } else {
                scaled(
                    scaled(old.listed, new.quantity, old.quantity)?,
                    new.pricing,
                    new.listed,
                )?
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
        }
        let left = rest(&steps);
        if rescale(left, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)?.abs()
            <= sides.bounds.toward(left).checked_mul(4)?
        {
            steps.rounding = left;
        }
        Some(steps)
    }
}

/// The shares of earned credit of both are the same to a millionth.
fn same_share(old: &Sums, new: &Sums) -> bool {
    let share = |sums: &Sums| {
        quotient_up(
            (sums.pricing, AMOUNT_SCALE),
            (sums.listed, AMOUNT_SCALE),
            AMOUNT_SCALE,
        )
        .unwrap_or(0)
    };
    share(old).abs_diff(share(new)) < 10_u128.pow(14)
}
