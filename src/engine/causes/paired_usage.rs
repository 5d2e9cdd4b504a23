//! Usage of a pair, summed, and its unit price at another partner earned credit.
//!
//! Usage and lines disagree in their price for two reasons that must be told apart: the partner
//! earned credit was gained or lost ([semantics §5](crate::model::domain::semantics)), or the price
//! itself is another one. The point between the two is the price that the usage *would* have at the
//! line's credit, and it is worked out here.

use super::evidence::{EqualLines, UsageState};
use crate::engine::rules::rounding::{Line, Rule};
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, multiply, multiply_three,
    power_of_ten, quotient_up,
};

/// All of a price, of which partner earned credits are fractions.
const ONE: i128 = 10_i128.pow(RATE_SCALE);

/// Usage of a pair as one.
pub(super) struct PairedUsage<'s> {
    states: &'s [&'s UsageState],
    /// Quantity that is billed for, in units of 10^-20.
    pub(super) quantity: i128,
    /// Amount in the pricing currency, in units of 10^-20.
    pub(super) pricing: i128,
    /// Exchange rate of the largest amount, in units of 10^-18.
    pub(super) rate: i128,
}

impl<'s> PairedUsage<'s> {
    /// Sum of the usage, without the quantity of free usage where `is_free_left_out`. `None` where
    /// there is none, or on overflow.
    pub(super) fn of(states: &'s [&'s UsageState], is_free_left_out: bool) -> Option<Self> {
        let counted = states
            .iter()
            .filter(|state| !(is_free_left_out && state.is_free));
        let quantity = counted.map(|state| state.quantity).sum();
        // One rate holds for all charges of a month (`model::domain::semantics §4`): several in one
        // pair are the exception, for which that of the largest amount stands.
        let rate = states
            .iter()
            .max_by_key(|state| state.billing.abs())
            .map(|state| state.rate)?;
        Some(Self {
            states,
            quantity,
            pricing: pricing_of(states, rate)?,
            rate,
        })
    }

    /// Distance within which quantities agree: what was cut off the written digits, in units of
    /// 10^-20. `None` on overflow.
    pub(super) fn quantity_digits(&self) -> Option<i128> {
        // The digits of quantities are not counted, but the file that cut the amounts cut them to
        // as many. The same number of digits is up to ten times as wide for one number as for
        // another.
        const WIDEST: i128 = 10;
        let mut digits = 0_i128;
        for state in self.states.iter().filter(|state| state.billing != 0) {
            let cut = multiply(
                (state.precision, AMOUNT_SCALE),
                (state.quantity.checked_abs()?, QUANTITY_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfUp,
            )?;
            let billing = (state.billing.checked_abs()?, AMOUNT_SCALE);
            let of_quantity = quotient_up((cut, AMOUNT_SCALE), billing, QUANTITY_SCALE)?;
            digits = digits.checked_add(of_quantity.checked_mul(WIDEST)?)?;
        }
        Some(digits)
    }

    /// Unit price that the usage would have at the line's partner earned credit: of the list price
    /// where usage follows it, else in proportion. `usual` is the usage's own price, `price` the
    /// line's; both, and the result, are in units of 10^-22. `None` on overflow.
    pub(super) fn at_credit_of(
        &self,
        line: &EqualLines,
        usual: i128,
        price: i128,
        (rule, digits): (&Rule, u32),
    ) -> Option<i128> {
        if self.states.iter().all(|state| state.earned == line.earned) {
            return self.at_own_credit(line, usual, price, rule, digits);
        }
        // The list price first, as it is written and exact; a price in proportion is made of
        // amounts that may have been rounded already.
        if let Some(list) = line.unit_price
            && self.follows(list)?
        {
            return self.at_list_price(list, line.earned);
        }
        self.in_proportion(line.earned)
    }

    /// List price of a line less the credit that it names; `None` inside where it has no list price.
    #[expect(clippy::option_option, reason = "overflow is no missing price")]
    pub(super) fn net_of_credit(&self, line: &EqualLines) -> Option<Option<i128>> {
        match line.unit_price {
            Some(list) => net_of(line.earned, (list, PRICE_SCALE)).map(Some),
            None => Some(None),
        }
    }

    /// Partner earned credit that all of the usage has; `None` where it differs.
    pub(super) fn common_credit(&self) -> Option<i128> {
        let mut credits = self.states.iter().map(|state| state.earned);
        let first = credits.next()?;
        credits.all(|earned| earned == first).then_some(first)
    }

    /// Least and greatest amount in the pricing currency that the usage's texts allow. `None` on
    /// overflow.
    pub(super) fn pricing_bounds(&self) -> Option<[i128; 2]> {
        let precision: i128 = self.states.iter().map(|state| state.precision).sum();
        let cut = quotient_up(
            (precision, AMOUNT_SCALE),
            (self.rate.checked_abs()?, RATE_SCALE),
            AMOUNT_SCALE,
        )?;
        Some([
            self.pricing.checked_sub(cut)?,
            self.pricing.checked_add(cut)?,
        ])
    }

    /// Price where usage and line have one credit: the usage's own, except that an API's amounts
    /// may be before the credit that the line's price is net of (rated usage of the API comes to
    /// UnitPrice x Quantity, [semantics §3](crate::model::domain::semantics)).
    fn at_own_credit(
        &self,
        line: &EqualLines,
        usual: i128,
        price: i128,
        rule: &Rule,
        digits: u32,
    ) -> Option<i128> {
        if line.earned <= 0 {
            return Some(usual);
        }
        let charge = |price| {
            rule.subtotal(Line {
                price,
                quantity: line.quantity,
                rate: self.rate,
                digits,
            })
        };
        let net = net_of(line.earned, (usual, PRICE_SCALE))?;
        // Charges are compared, not prices: the last digits of a price that was divided out of sums
        // are noise, and vanish in the cent.
        Some(if charge(net)? == charge(price)? {
            price
        } else {
            usual
        })
    }

    /// Usage that is paid for.
    fn paid(&self) -> impl Iterator<Item = &'s &'s UsageState> {
        self.states.iter().filter(|state| !state.is_free)
    }

    /// True if the usage's amount is its list price less its own credits, to the cent.
    fn follows(&self, list: i128) -> Option<bool> {
        let mut listed = 0_i128;
        // Free grants have a list price that nobody paid (`model::domain::quirks`, daily rated
        // usage 10).
        for state in self.paid() {
            let factors = [
                (list, PRICE_SCALE),
                (state.quantity, QUANTITY_SCALE),
                (ONE - state.earned, RATE_SCALE),
            ];
            let amount = multiply_three(factors, AMOUNT_SCALE, Rounding::HalfEven)?;
            listed = listed.checked_add(amount)?;
        }
        Some((listed - self.pricing).abs() <= power_of_ten(AMOUNT_SCALE - 2))
    }

    /// List price less a credit; spread over all of the quantity where some of the usage is free.
    fn at_list_price(&self, list: i128, earned: i128) -> Option<i128> {
        let adjusted = net_of(earned, (list, PRICE_SCALE))?;
        let paid_quantity: i128 = self.paid().map(|state| state.quantity).sum();
        if paid_quantity == self.quantity {
            return Some(adjusted);
        }
        let pricing = multiply(
            (adjusted, PRICE_SCALE),
            (paid_quantity, QUANTITY_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfEven,
        )?;
        unit_price(pricing, self.quantity)
    }

    /// Price of the usage's own amounts, each brought from its credit to another one.
    fn in_proportion(&self, earned: i128) -> Option<i128> {
        let mut pricing = 0_i128;
        for state in self.states {
            // A credit of the whole price leaves nothing to scale by: the division refuses, and the
            // variance stays unexplained rather than take an invented price.
            let share = quotient_up(
                (ONE - earned, RATE_SCALE),
                (ONE - state.earned, RATE_SCALE),
                RATE_SCALE,
            )?;
            pricing = pricing.checked_add(multiply(
                (state.pricing, AMOUNT_SCALE),
                (share, RATE_SCALE),
                AMOUNT_SCALE,
                Rounding::HalfEven,
            )?)?;
        }
        unit_price(pricing, self.quantity)
    }
}

/// Unit price of a quantity whose amount is `pricing`, in units of 10^-22: exact but for its last
/// digit, as the parts of a variance are. `None` for a quantity of 0, or on overflow.
pub(super) fn unit_price(pricing: i128, quantity: i128) -> Option<i128> {
    quotient_up(
        (pricing, AMOUNT_SCALE),
        (quantity, QUANTITY_SCALE),
        PRICE_SCALE,
    )
}

/// Amount in the pricing currency, in units of 10^-20: as the usage says, or where that is not what
/// it billed, the billed amount converted back.
fn pricing_of(states: &[&UsageState], rate: i128) -> Option<i128> {
    let billing: i128 = states.iter().map(|state| state.billing).sum();
    let pricing: i128 = states.iter().map(|state| state.pricing).sum();
    let rows: u64 = states.iter().map(|state| state.rows).sum();
    let billed = multiply(
        (pricing, AMOUNT_SCALE),
        (rate, RATE_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    )?;
    // Each row may have been cut to a cent; past that, the priced amounts are not of these bills.
    let allowed = power_of_ten(AMOUNT_SCALE - 2).checked_mul(i128::from(rows) + 1)?;
    // A pricing amount of 0 counts as missing where anything was billed: a bill of less than the
    // allowance would agree with it by chance.
    let agrees = billed.checked_sub(billing)?.abs() <= allowed && (pricing != 0 || billing == 0);
    if agrees {
        Some(pricing)
    } else {
        quotient_up((billing, AMOUNT_SCALE), (rate, RATE_SCALE), AMOUNT_SCALE)
    }
}

/// Price less a partner earned credit (a fraction in units of 10^-18), in units of 10^-22.
fn net_of(earned: i128, price: (i128, u32)) -> Option<i128> {
    multiply(
        price,
        (ONE - earned, RATE_SCALE),
        PRICE_SCALE,
        Rounding::HalfEven,
    )
}
