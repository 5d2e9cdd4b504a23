//! Unit prices of a line between the usage's own and the one that was billed: one term after the
//! other changes, the list price first, then the partner earned credit, then the promotion, so that
//! the discounts are valued at the list price that was billed.
//!
//! Prices are compared as what they charge, to the last digit of the invoice's rule: an effective
//! unit price is a charge in whole cents divided by its quantity
//! ([semantics §3](crate::model::domain::semantics)), and the usage has its exact twin.

use super::evidence::EqualLines;
use super::paired_usage::PairedUsage;
use crate::engine::rules::rounding::{Line, Rule};
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, power_of_ten,
    quotient_up,
};

/// What prices are compared by.
#[derive(Clone, Copy)]
pub(super) struct Comparing<'c> {
    /// Usage of the pair, summed.
    pub(super) usage: &'c PairedUsage<'c>,
    /// Unit price of the usage, in units of 10^-22.
    pub(super) usual: i128,
    /// Rounding rule that the lines obey.
    pub(super) rule: &'c Rule,
    /// Decimals of the billing currency.
    pub(super) digits: u32,
}

/// Unit prices of a line, in units of 10^-22.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinePrices {
    /// The line's list price at the usage's credit; the usage's own price where that is the same.
    pub(super) at_list_price: i128,
    /// As `at_list_price`, at the line's credit.
    pub(super) at_credit: i128,
    /// As `at_credit`, with the line's promotion: the price that was billed.
    pub(super) billed: i128,
    /// True if the line's price is the usage's, as far as the usage tells its own.
    pub(super) is_usages: bool,
}

impl Comparing<'_> {
    /// Prices of a line whose effective unit price is `price`. `None` on overflow.
    pub(super) fn prices_of(&self, line: &EqualLines, price: i128) -> Option<LinePrices> {
        let listed = self.usage.net_of_credit(line)?;
        let before_promotion = listed.filter(|listed| line.is_promoted && *listed > price);
        let adjusted = self.usage.at_credit_of(
            line,
            self.usual,
            before_promotion.unwrap_or(price),
            (self.rule, self.digits),
        )?;
        let full = if line.is_promoted {
            // Without a list price, all by which the line is cheaper is its promotion.
            let full = if listed.is_some() {
                before_promotion
            } else {
                Some(adjusted).filter(|full| *full > price)
            };
            // Usage may have the promotion in its own price already: it is named only if naming it
            // leaves less of another price.
            full.filter(|full| full.abs_diff(adjusted) < price.abs_diff(adjusted))
        } else {
            None
        };
        let before = full.unwrap_or(price);
        let is_same_credit = adjusted == self.usual;
        let is_usages = is_same_credit && self.is_within_usage(before)?;
        let is_same = is_usages || self.charge_alike(line.quantity, adjusted, before)?;
        let at_list_price = if is_same {
            self.usual
        } else {
            self.at_usages_credit(line, before, adjusted)?
        };
        let at_credit = if is_same && is_same_credit {
            self.usual
        } else {
            before
        };
        Some(LinePrices {
            at_list_price,
            at_credit,
            billed: if full.is_some() { price } else { at_credit },
            is_usages: is_usages && full.is_none(),
        })
    }

    /// True if two prices charge the same for a quantity of the line.
    fn charge_alike(&self, quantity: i128, one: i128, other: i128) -> Option<bool> {
        let charge = |price| {
            self.rule.subtotal(Line {
                price,
                quantity,
                rate: self.usage.rate,
                digits: self.digits,
            })
        };
        Some(charge(one)? == charge(other)?)
    }

    /// True if the usage's amount may come from a price: within the digits that it was written
    /// with, and what its rows may have lost.
    fn is_within_usage(&self, price: i128) -> Option<bool> {
        let pricing = multiply(
            (price, PRICE_SCALE),
            (self.usage.quantity, QUANTITY_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )?;
        let [low, high] = self.usage.pricing_bounds()?;
        Some(
            (low..=high).contains(&pricing)
                || self.charge_alike(self.usage.quantity, self.usual, price)?,
        )
    }

    /// A line's price with the usage's credit in place of its own; `adjusted` is the usage's price
    /// with the line's credit.
    fn at_usages_credit(&self, line: &EqualLines, price: i128, adjusted: i128) -> Option<i128> {
        if adjusted == self.usual {
            return Some(price);
        }
        let one = power_of_ten(RATE_SCALE);
        let ratio = match self.usage.common_credit() {
            Some(earned) if earned != line.earned => {
                ((one - earned, RATE_SCALE), (one - line.earned, RATE_SCALE))
            }
            _ => ((self.usual, PRICE_SCALE), (adjusted, PRICE_SCALE)),
        };
        let ((usages, scale), of_line) = ratio;
        if of_line.0 == 0 {
            // A credit of the whole price leaves nothing to scale by: the price cannot be told.
            return Some(self.usual);
        }
        let product = multiply(
            (price, PRICE_SCALE),
            (usages, scale),
            PRICE_SCALE,
            Rounding::HalfEven,
        )?;
        quotient_up((product, PRICE_SCALE), of_line, PRICE_SCALE)
    }
}
