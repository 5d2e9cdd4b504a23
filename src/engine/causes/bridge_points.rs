//! Points of a variance bridge: the amounts that one pair of usage and lines comes to as one input
//! after the other changes from the usage's to the lines'.
//!
//! All points but the last are exact products, so that a part is what its input makes, to the last
//! digit; the last point is what the invoice's rounding rule makes of the lines' own numbers, and
//! the step to it is rounding, proven. Each step is a difference of two neighbouring points: they
//! add up and leave no cross term.

use super::evidence::EqualLines;
use super::line_prices::{Comparing, LinePrices};
use super::paired_usage::PairedUsage;
use super::pairs::Pair;
use super::workings::{Notes, note};
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::rules::rounding::{Line, Rule};
use crate::model::cause::Cause;
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply_three, plain,
};

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
    /// Prices between the usage's and the lines', parallel to the pair's lines.
    pub(super) steps: Vec<LinePrices>,
    /// Decimals of the billing currency.
    pub(super) digits: u32,
}

/// Amounts between which the steps lie, in units of 10^-20 of the billing currency.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BridgePoints {
    /// Usage at its own price, quantity and exchange rate.
    pub(super) natural: i128,
    /// As `natural`, at the lines' quantity.
    pub(super) at_billed_quantity: i128,
    /// As `at_billed_quantity`, at the lines' list price.
    pub(super) at_billed_price: i128,
    /// As `at_billed_price`, at the lines' partner earned credit.
    pub(super) at_billed_credit: i128,
    /// As `at_billed_credit`, with the lines' promotions.
    pub(super) at_billed_promotion: i128,
    /// As `at_billed_promotion`, at the lines' exchange rate: their own formula, not rounded.
    pub(super) at_billed_rate: i128,
    /// What the rounding rule makes of the lines' own formula.
    pub(super) by_formula: i128,
}

impl BridgePoints {
    /// Points of a pair. `None` where an amount is larger than any sum that is taken.
    pub(super) fn of(inputs: &BridgeInputs<'_>) -> Option<Self> {
        let BridgeInputs { usage, .. } = inputs;
        let usual_price = inputs.usual_price;
        let mut points = Self {
            natural: inputs.natural()?,
            ..Self::default()
        };
        let priced = inputs.pair.lines.iter().zip(inputs.prices);
        for ((lines, price), steps) in priced.zip(&inputs.steps) {
            let charge = |price, rate| exact(lines, price, rate);
            add(
                &mut points.at_billed_quantity,
                charge(usual_price, usage.rate)?,
            )?;
            add(
                &mut points.at_billed_price,
                charge(steps.at_list_price, usage.rate)?,
            )?;
            add(
                &mut points.at_billed_credit,
                charge(steps.at_credit, usage.rate)?,
            )?;
            add(
                &mut points.at_billed_promotion,
                charge(steps.billed, usage.rate)?,
            )?;
            // Each of some equal lines is rounded by itself, as on the invoice: the charge of one,
            // times their number.
            let made = |rate| {
                inputs
                    .rule
                    .subtotal(line_at(lines, *price, rate, inputs.digits))
            };
            let formula = made(lines.rate)?;
            // A rate that was divided out of amounts has noise in its last digits.
            let rate = if made(usage.rate)? == formula {
                usage.rate
            } else {
                lines.rate
            };
            add(&mut points.at_billed_rate, charge(steps.billed, rate)?)?;
            // A line without a price has no formula: its subtotal is taken as it stands.
            let formula = if lines.price.is_some() {
                formula.checked_mul(lines.count)?
            } else {
                lines.subtotal_of_all()
            };
            add(&mut points.by_formula, formula)?;
        }
        let apart = inputs.pair.billed_quantity().checked_sub(usage.quantity)?;
        if apart.unsigned_abs() <= usage.quantity_digits()?.unsigned_abs() {
            // Digits that were cut off are not a matter of quantity.
            points.natural = points.at_billed_quantity;
        }
        Some(points)
    }

    /// Notes how each step comes about, with its inputs.
    pub(super) fn note(&self, inputs: &BridgeInputs<'_>, notes: &mut Notes<'_>) {
        let amount = |value| plain(value, AMOUNT_SCALE);
        let mut from = self.natural;
        for (cause, to, what) in [
            (Cause::Quantity, self.at_billed_quantity, "quantity"),
            (Cause::Price, self.at_billed_price, "list price"),
            (
                Cause::PartnerEarnedCredit,
                self.at_billed_credit,
                "partner earned credit",
            ),
            (Cause::Promotion, self.at_billed_promotion, "price"),
            (Cause::Fx, self.at_billed_rate, "exchange rate"),
        ] {
            if from != to {
                note(notes, cause, || {
                    format!(
                        "usage of {} x price {} x rate {} at the billed {what} {}: {} - {}",
                        plain(inputs.usage.quantity, QUANTITY_SCALE),
                        plain(inputs.usual_price, PRICE_SCALE),
                        plain(inputs.usage.rate, RATE_SCALE),
                        inputs.billed_values(cause),
                        amount(to),
                        amount(from)
                    )
                });
            }
            from = to;
        }
        note(notes, Cause::Rounding, || {
            format!(
                "{} of the lines = {}, less the exact product {}",
                inputs.rule.formula(),
                amount(self.by_formula),
                amount(self.at_billed_rate)
            )
        });
    }
}

impl<'p> BridgeInputs<'p> {
    /// Inputs of a pair whose usage has a price of `usual_price`. `None` on overflow.
    pub(super) fn of(
        pair: &'p Pair<'p>,
        rule: &'p Rule,
        usage: PairedUsage<'p>,
        usual_price: i128,
        prices: &'p [i128],
        digits: u32,
    ) -> Option<Self> {
        let mut inputs = Self {
            pair,
            rule,
            usage,
            usual_price,
            prices,
            steps: Vec::new(),
            digits,
        };
        inputs.steps = inputs.line_prices()?;
        // Prices are written in full where amounts may have been cut: one that all of the lines have
        // and that the usage may have is the usage's.
        if let Some(price) = inputs.common_price() {
            inputs.usual_price = price;
            inputs.steps = inputs.line_prices()?;
        }
        Some(inputs)
    }

    fn line_prices(&self) -> Option<Vec<LinePrices>> {
        let comparing = Comparing {
            usage: &self.usage,
            usual: self.usual_price,
            rule: self.rule,
            digits: self.digits,
        };
        let lines = self.pair.lines.iter().zip(self.prices);
        lines
            .map(|(lines, price)| comparing.prices_of(lines, *price))
            .collect()
    }

    /// Price of all of the lines, if it is the usage's as well.
    fn common_price(&self) -> Option<i128> {
        let first = *self.prices.first()?;
        let is_common = self.prices.iter().all(|price| *price == first)
            && self.steps.iter().all(|steps| steps.is_usages);
        is_common.then_some(first)
    }

    /// Amount of the usage at its own price and exchange rate, in units of 10^-20. `None` on
    /// overflow.
    fn natural(&self) -> Option<i128> {
        multiply_three(
            [
                (self.usual_price, PRICE_SCALE),
                (self.usage.quantity, QUANTITY_SCALE),
                (self.usage.rate, RATE_SCALE),
            ],
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )
    }

    /// Values that the lines have for the input that a cause changes, separated by commas.
    fn billed_values(&self, cause: Cause) -> String {
        let lines = &self.pair.lines;
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
            Cause::Price => (self.steps.iter())
                .map(|steps| plain(steps.at_list_price, PRICE_SCALE))
                .collect(),
            _ => (self.prices.iter())
                .map(|price| plain(*price, PRICE_SCALE))
                .collect(),
        };
        // Neighbours only: the order of the lines is kept.
        values.dedup();
        values.join(", ")
    }
}

/// Exact charge of some equal lines at a price and an exchange rate, in units of 10^-20. `None` on
/// overflow.
fn exact(lines: &EqualLines, price: i128, rate: i128) -> Option<i128> {
    let factors = [
        (price, PRICE_SCALE),
        (lines.quantity_of_all(), QUANTITY_SCALE),
        (rate, RATE_SCALE),
    ];
    multiply_three(factors, AMOUNT_SCALE, Rounding::HalfEven)
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
