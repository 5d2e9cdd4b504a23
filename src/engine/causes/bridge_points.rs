//! Points of a variance bridge: the amounts that one pair of usage and lines comes to as one input
//! after the other changes from the usage's to the lines'.
//!
//! All points are made by one rounding rule, over all lines of the pair. That is why the steps
//! between them add up and leave no cross term: each is a difference of two neighbouring points.

use super::evidence::EqualLines;
use super::paired_usage::PairedUsage;
use super::pairs::Pair;
use super::workings::{Notes, note};
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::rules::rounding::{Line, Rule};
use crate::model::cause::Cause;
use crate::model::decimal::{AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, plain};

/// Inputs from which the points of a pair are made.
pub(super) struct BridgeInputs<'p> {
    /// Usage and lines between which the bridge is laid.
    pub(super) pair: &'p Pair<'p>,
    /// Rounding rule that the lines obey.
    pub(super) rule: &'p Rule,
    /// Usage of the pair, summed.
    pub(super) usage: PairedUsage<'p>,
    /// Unit price of the usage, in units of 10^-22.
    pub(super) usual_price: i128,
    /// Unit price of each of the lines, in units of 10^-22, parallel to the pair's lines.
    pub(super) prices: &'p [i128],
    /// Decimals of the billing currency.
    pub(super) digits: u32,
}

/// Amounts between which the steps lie, in units of 10^-20 of the billing currency.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BridgePoints {
    /// Usage as it should have been billed.
    pub(super) natural: i128,
    /// As `natural`, at the lines' quantity.
    pub(super) at_billed_quantity: i128,
    /// As `at_billed_quantity`, at the lines' partner earned credit.
    pub(super) at_billed_adjustment: i128,
    /// As `at_billed_adjustment`, at the lines' price.
    pub(super) at_billed_price: i128,
    /// As `at_billed_price`, at the lines' exchange rate: what their own formula comes to.
    pub(super) by_formula: i128,
}

impl BridgePoints {
    /// Points of a pair. `None` where an amount is larger than any sum that is taken.
    pub(super) fn of(inputs: &BridgeInputs<'_>) -> Option<Self> {
        let BridgeInputs { rule, usage, .. } = inputs;
        let usual_price = inputs.usual_price;
        // As one line, the fewest that could bill it: every further line may lose a fraction of a
        // cent of its own.
        let natural = rule.subtotal(Line {
            price: usual_price,
            quantity: usage.quantity,
            rate: usage.rate,
            digits: inputs.digits,
        })?;
        let mut points = Self {
            natural,
            ..Self::default()
        };
        for (lines, price) in inputs.pair.lines.iter().zip(inputs.prices) {
            // Each of some equal lines is rounded by itself, as on the invoice: the charge of one,
            // times their number.
            let charge = |price, rate| {
                let amount = rule.subtotal(line_at(lines, price, rate, inputs.digits))?;
                amount.checked_mul(lines.count)
            };
            let adjusted = usage.at_credit_of(lines, usual_price, *price, rule, inputs.digits)?;
            // A line without a price has no formula: its subtotal is taken as it stands.
            let formula = if lines.price.is_some() {
                charge(*price, lines.rate)?
            } else {
                lines.subtotal_of_all()
            };
            add(
                &mut points.at_billed_quantity,
                charge(usual_price, usage.rate)?,
            )?;
            add(
                &mut points.at_billed_adjustment,
                charge(adjusted, usage.rate)?,
            )?;
            add(&mut points.at_billed_price, charge(*price, usage.rate)?)?;
            add(&mut points.by_formula, formula)?;
        }
        let apart = inputs.pair.billed_quantity().checked_sub(usage.quantity)?;
        if apart.unsigned_abs() <= usage.quantity_digits()?.unsigned_abs() {
            // Several lines lose more by rounding than one line would: that is not a matter of
            // quantity.
            points.natural = points.at_billed_quantity;
        }
        Some(points)
    }

    /// Notes how each step comes about, with its inputs.
    pub(super) fn note(&self, inputs: &BridgeInputs<'_>, notes: &mut Notes<'_>) {
        let amount = |value| plain(value, AMOUNT_SCALE);
        note(notes, Cause::Rounding, || {
            format!(
                "{} of the usage's own price {} x quantity {} x rate {} = {}; less the billable usage",
                inputs.rule.formula(),
                plain(inputs.usual_price, PRICE_SCALE),
                plain(inputs.usage.quantity, QUANTITY_SCALE),
                plain(inputs.usage.rate, RATE_SCALE),
                amount(self.natural)
            )
        });
        let mut from = self.natural;
        for (cause, to, what) in [
            (Cause::Quantity, self.at_billed_quantity, "billed quantity"),
            (
                Cause::PartnerEarnedCredit,
                self.at_billed_adjustment,
                "billed partner earned credit",
            ),
            (Cause::Price, self.at_billed_price, "billed price"),
            (Cause::Fx, self.by_formula, "billed exchange rate"),
        ] {
            if from != to {
                note(notes, cause, || {
                    format!(
                        "the same rule at the {what} {}: {} - {}",
                        inputs.billed_values(cause),
                        amount(to),
                        amount(from)
                    )
                });
            }
            from = to;
        }
    }
}

impl BridgeInputs<'_> {
    /// Values that the lines have for the input that a cause changes, separated by commas.
    fn billed_values(&self, cause: Cause) -> String {
        let (lines, prices) = (&self.pair.lines, self.prices);
        let mut values: Vec<String> = match cause {
            Cause::Quantity => vec![plain(self.pair.billed_quantity(), QUANTITY_SCALE)],
            Cause::PartnerEarnedCredit => lines
                .iter()
                .map(|lines| plain(lines.earned, RATE_SCALE))
                .collect(),
            Cause::Fx => lines
                .iter()
                .map(|lines| plain(lines.rate, RATE_SCALE))
                .collect(),
            _ => prices
                .iter()
                .map(|price| plain(*price, PRICE_SCALE))
                .collect(),
        };
        // Neighbours only: the order of the lines is kept.
        values.dedup();
        values.join(", ")
    }
}

/// One of some equal lines, at a price and an exchange rate.
pub(super) fn line_at(lines: &EqualLines, price: i128, rate: i128, digits: u32) -> Line {
    Line {
        price,
        quantity: lines.quantity,
        rate,
        digits,
    }
}

/// Adds to a point; `None` where it is then larger than any sum that is taken.
fn add(point: &mut i128, more: i128) -> Option<()> {
    *point = point
        .checked_add(more)
        .filter(|sum| sum.unsigned_abs() <= GROSS_LIMIT.unsigned_abs())?;
    Some(())
}
