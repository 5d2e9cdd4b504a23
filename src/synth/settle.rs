//! Settlement: the lines of a group, change by change, and the amount of each change. The order is
//! the one in which a reconciliation takes them apart: quantity, price, credit, exchange rate, the
//! subtotal. Changes are valued exactly; what truncation makes of them is rounding.

use super::catalogue::{Meter, PRICE_SCALE};
use super::lines::{
    Amount, EARNED, LINE_PRICE_SCALE, Line, Terms, line, usage_product, usage_sale,
};
use super::partner::{Partner, Plan, RATE_SCALE};
use super::planting::Change;
use super::random::Random;
use super::truth::{Parts, Truth, add, cents, published};
use super::usage::{QUANTITY_SCALE, TOTAL_SCALE};
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::{self, AMOUNT_SCALE, Rounding};

/// Decimals of a unit price that is divided out of exact amounts.
const EXACT_PRICE_SCALE: u32 = 22;

/// Sums of one price state of a group, with the partner earned credit or without. `expected` is
/// rounded to published decimals resource by resource, as the published rows are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Quantity on the line, units of 10^-6.
    pub(super) quantity: i128,
    /// Amount on the line in USD, units of 10^-15.
    pub(super) pricing: i128,
    /// Amount of all usage rows in billing currency, units of 10^-10.
    pub(super) expected: i128,
    /// Amount of rows that came twice, once each, in billing currency, units of 10^-15.
    pub(super) copies: i128,
    /// Amount of rows of the month before in billing currency, units of 10^-15.
    pub(super) late: i128,
}

/// Price state of a group that is to be settled.
pub(super) struct Settlement<'s> {
    pub(super) partner: &'s Partner,
    pub(super) plan: &'s Plan,
    pub(super) meter: &'s Meter,
    /// True if its usage has the partner earned credit.
    pub(super) earned: bool,
    /// Planted changes; `None` for a group that is left alone.
    pub(super) changes: Option<&'s [Change]>,
    /// Quantity that moves here from the group's other line, negative where it leaves; units of
    /// 10^-6. Its price does not move with it.
    pub(super) shifted: i128,
}

/// Lines of a settled price state, and the truths about them.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) lines: Vec<Line>,
    pub(super) truths: Vec<Truth>,
}

impl Settlement<'_> {
    fn has(&self, change: Change) -> bool {
        self.changes
            .is_some_and(|changes| changes.contains(&change))
    }

    /// Makes the lines of one price state, and the truth of what was planted in it.
    pub(super) fn settle(&self, tally: Tally, random: &mut Random) -> Settled {
        let rate = self.plan.customer.invoice.rate;
        let natural = Terms::of(tally.quantity, tally.pricing, rate);
        let mut parts = natural_parts(&tally);
        let (terms, earned) = self.changed(natural, tally.pricing, &mut parts);
        let mut settled = Settled::default();
        let mut invoiced = self.charge(&mut settled.lines, terms, earned, &mut parts, random);
        if self.has(Change::EarlierLine) {
            invoiced += self.charge_earlier(&mut settled.lines, terms, earned, &mut parts, random);
        }
        // Both lines cancel out to the cent, as truncation is toward zero: model::domain::semantics
        // §3.
        if self.has(Change::Rebilled) {
            for price in [terms.price, -terms.price] {
                let amount = Amount::of(Terms { price, ..terms });
                settled.lines.push(self.line(&amount, earned, random));
            }
        }
        if self.has(Change::AzureCredit) {
            self.credit(&mut settled, terms, random);
        }
        // The truth names the credit only where both sides have it: otherwise groups are matched
        // without it.
        let adjustment = if earned && self.earned {
            "15% partner earned credit"
        } else {
            ""
        };
        let Some(causes) = self.causes() else {
            return settled;
        };
        // Where one side is missing, the whole amount has that one cause, whatever else was made.
        let (expected, invoiced, parts) = if self.has(Change::NoUsage) {
            (0, invoiced, one_part(Cause::MissingUsage, invoiced))
        } else if self.has(Change::NoLine) {
            let missing = one_part(Cause::MissingInvoice, -tally.expected);
            (tally.expected, 0, missing)
        } else {
            // All parts but rounding are known: what they leave is what truncation made.
            let known: i128 = parts.iter().sum();
            add(
                &mut parts,
                Cause::Rounding,
                invoiced - tally.expected - known,
            );
            (tally.expected, invoiced, parts)
        };
        let truth = self.truth(causes, adjustment, expected, invoiced, parts);
        settled.truths.extend(truth);
        settled
    }

    /// Makes the line that charges the group, twice or never where that is planted; the invoiced
    /// amount in units of 10^-10.
    fn charge(
        &self,
        lines: &mut Vec<Line>,
        terms: Terms,
        earned: bool,
        parts: &mut Parts,
        random: &mut Random,
    ) -> i128 {
        let mut amount = Amount::of(terms);
        if self.has(Change::Overcharge) {
            // 2.31 to 62.30: too much for rounding, and of no proportion to price or quantity.
            let more = 231 + i128::from(random.below(6_000));
            amount.subtotal += more;
            add(parts, Cause::Unexplained, cents(more));
        }
        if self.has(Change::NoLine) {
            return 0;
        }
        let charge = self.line(&amount, earned, random);
        let invoiced = cents(amount.subtotal);
        if self.has(Change::LineCopy) {
            lines.extend([charge.clone(), charge]);
            add(parts, Cause::Duplicate, invoiced);
            return 2 * invoiced;
        }
        lines.push(charge);
        invoiced
    }

    /// Makes a line of the charge cycle before, for a third of the quantity; the invoiced amount in
    /// units of 10^-10.
    fn charge_earlier(
        &self,
        lines: &mut Vec<Line>,
        terms: Terms,
        earned: bool,
        parts: &mut Parts,
        random: &mut Random,
    ) -> i128 {
        // A third of the quantity: a line of the full amount would pass for a copy.
        let earlier = Amount::of(Terms {
            quantity: terms.quantity / 3,
            ..terms
        });
        let line = self.line(&earlier, earned, random);
        lines.push(line.of_the_month_before(self.partner));
        let invoiced = cents(earlier.subtotal);
        add(parts, Cause::Timing, invoiced);
        invoiced
    }

    /// Makes an Azure credit line over the whole charge, and its truth: a group of its own, as the
    /// credit is nowhere in usage.
    fn credit(&self, settled: &mut Settled, terms: Terms, random: &mut Random) {
        let credit = Amount::of(Terms {
            // The quantity of the charge at the opposite price: model::domain::semantics §3 and §7.
            price: -terms.price,
            ..terms
        });
        let mut sale = usage_sale(self.plan, "");
        (sale.charge_type, sale.credit_reason) = ("customerCredit", "Azure Credit");
        settled.lines.push(line(
            self.partner,
            &self.plan.customer,
            &usage_product(self.meter),
            &sale,
            &credit,
            random,
        ));
        let amount = cents(credit.subtotal);
        let parts = one_part(Cause::Credit, amount);
        let truth = self.truth(vec![Cause::Credit], "azure credit", 0, amount, parts);
        settled.truths.extend(truth);
    }

    /// Terms of the line, changed step by step, and true if it names the credit. What each step
    /// makes of the exact charge goes to its cause. `pricing` is the exact charge of the natural
    /// terms, in units of 10^-15 of USD.
    fn changed(&self, natural: Terms, pricing: i128, parts: &mut Parts) -> (Terms, bool) {
        let keeps_price = ![Change::Price, Change::LoseCredit, Change::GainCredit]
            .into_iter()
            .any(|change| self.has(change));
        // Where the line has the price that Microsoft made of the truncated charge, that is the
        // price of the usage too; where it has another one, usage has its exact price.
        let mut exact = if keeps_price {
            Exact::of(natural)
        } else {
            Exact::of_usage(pricing, natural)
        };
        let mut step = |exact: &mut Exact, cause: Cause, next: Exact| {
            add(parts, cause, next.less(*exact));
            *exact = next;
        };
        let (mut terms, mut earned) = (natural, self.earned);
        terms.quantity += self.shifted;
        let quantity = terms.quantity;
        let next = Exact { quantity, ..exact };
        step(&mut exact, Cause::PartnerEarnedCredit, next);
        if self.has(Change::Quantity) {
            // 7 %, 3 % and 1.03 % of the next steps: different enough that none passes for another.
            // Fewer units where late usage is not billed either: more of them would make up for a
            // part of it, and the smallest story is then the difference.
            let percent = if self.has(Change::LateUsage) { 93 } else { 107 };
            terms.quantity = terms.quantity * percent / 100;
            let quantity = terms.quantity;
            let next = Exact { quantity, ..exact };
            step(&mut exact, Cause::Quantity, next);
        }
        let list = self.meter.unit_price * 10_i128.pow(LINE_PRICE_SCALE - PRICE_SCALE);
        if self.has(Change::LoseCredit) {
            (terms.price, earned) = (list, false);
        }
        if self.has(Change::GainCredit) {
            // Exact, as list prices have ten decimals and those of lines fifteen.
            (terms.price, earned) = (list * 85 / 100, true);
        }
        if self.has(Change::Price) {
            terms.price = (terms.price * 103 + 99) / 100;
            let next = Exact::of(terms);
            // The list price changes first: at the credit that usage has.
            let price = if self.has(Change::LoseCredit) {
                next.price * 85 / 100
            } else {
                next.price
            };
            step(&mut exact, Cause::Price, Exact { price, ..next });
        }
        if !keeps_price {
            step(&mut exact, Cause::PartnerEarnedCredit, Exact::of(terms));
        }
        if self.has(Change::Fx) {
            terms.rate = terms.rate * 10_103 / 10_000;
            let rate = terms.rate;
            let next = Exact { rate, ..exact };
            step(&mut exact, Cause::Fx, next);
        }
        (terms, earned)
    }

    /// Usage line of the group, with a price adjustment where it names the credit.
    fn line(&self, amount: &Amount, earned: bool, random: &mut Random) -> Line {
        let sale = usage_sale(self.plan, if earned { EARNED } else { "" });
        line(
            self.partner,
            &self.plan.customer,
            &usage_product(self.meter),
            &sale,
            amount,
            random,
        )
    }

    /// Causes that the truth of the group names; `None` for a group that is left alone, and for one
    /// whose changes have no cause.
    fn causes(&self) -> Option<Vec<Cause>> {
        let changes = self.changes?;
        if changes.is_empty() {
            return Some(vec![Cause::Rounding]);
        }
        // An Azure credit line is a group of its own, with a truth of its own.
        let others = changes
            .iter()
            .filter(|change| **change != Change::AzureCredit);
        let causes: Vec<Cause> = others.filter_map(|change| change.cause()).collect();
        (!causes.is_empty()).then_some(causes)
    }

    /// Truth of the group; `None` where nothing differs, as rounding happens to be zero.
    fn truth(
        &self,
        causes: Vec<Cause>,
        price_adjustment: &'static str,
        expected: i128,
        invoiced: i128,
        parts: Parts,
    ) -> Option<Truth> {
        (expected != invoiced).then(|| Truth {
            causes,
            tie_out: TieOut::UsageToInvoice,
            invoice_number: self.plan.customer.invoice.number.clone(),
            customer_id: self.plan.customer.id.clone(),
            subscription_id: self.plan.id.clone(),
            product_id: self.meter.product_id.clone(),
            sku_id: self.meter.sku_id.clone(),
            availability_id: self.meter.availability_id.clone(),
            meter_description: self.meter.meter_name.clone(),
            price_adjustment,
            currency: self.plan.customer.invoice.currency,
            expected,
            invoiced,
            parts,
        })
    }
}

/// Terms of a charge that is not truncated.
#[derive(Clone, Copy)]
struct Exact {
    /// Unit price in USD, units of 10^-22.
    price: i128,
    /// Quantity in units of 10^-6.
    quantity: i128,
    /// Exchange rate from USD to the billing currency, units of 10^-9.
    rate: i128,
}

impl Exact {
    fn of(terms: Terms) -> Self {
        Self {
            price: terms.price * 10_i128.pow(EXACT_PRICE_SCALE - LINE_PRICE_SCALE),
            quantity: terms.quantity,
            rate: terms.rate,
        }
    }

    /// Terms of usage that costs `pricing`, in units of 10^-15 of USD.
    fn of_usage(pricing: i128, terms: Terms) -> Self {
        let (pricing, quantity) = ((pricing, TOTAL_SCALE), (terms.quantity, QUANTITY_SCALE));
        Self {
            price: decimal::quotient_up(pricing, quantity, EXACT_PRICE_SCALE)
                .expect("the usage of a line has a quantity"),
            ..Self::of(terms)
        }
    }

    /// Amount in the billing currency, in units of 10^-20.
    fn amount(self) -> i128 {
        let factors = [
            (self.price, EXACT_PRICE_SCALE),
            (self.quantity, QUANTITY_SCALE),
            (self.rate, RATE_SCALE),
        ];
        decimal::multiply_three(factors, AMOUNT_SCALE, Rounding::HalfEven)
            .expect("synthetic amounts are small")
    }

    /// Amount less that of other terms, as it is published.
    fn less(self, before: Self) -> i128 {
        decimal::to_published(self.amount() - before.amount()).expect("synthetic amounts are small")
    }
}

/// Parts that a group has whatever its line says: copies and late rows, which no line charges.
fn natural_parts(tally: &Tally) -> Parts {
    let mut parts = Parts::default();
    add(&mut parts, Cause::Duplicate, -published(tally.copies));
    add(&mut parts, Cause::Timing, -published(tally.late));
    parts
}

/// Parts of a difference that has one cause.
fn one_part(cause: Cause, amount: i128) -> Parts {
    let mut parts = Parts::default();
    add(&mut parts, cause, amount);
    parts
}
