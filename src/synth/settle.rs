//! Settlement: the lines of a group, change by change, and the amount of each change. The order is
//! the one in which a reconciliation takes them apart: quantity, credit, price, exchange rate, the
//! subtotal.

use super::catalogue::{Meter, PRICE_SCALE};
use super::lines::{
    Amount, EARNED, LINE_PRICE_SCALE, Line, Terms, line, usage_product, usage_sale,
};
use super::partner::{Partner, Plan};
use super::planting::Change;
use super::random::Random;
use super::truth::{Parts, Truth, add, cents, published};
use crate::model::cause::{Cause, TieOut};

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
        let mut parts = natural_parts(&tally, natural);
        let (terms, earned) = self.changed(natural, &mut parts);
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

    /// Terms of the line, changed step by step, and true if it names the credit. Each step's
    /// difference of the subtotal goes to its cause.
    fn changed(&self, natural: Terms, parts: &mut Parts) -> (Terms, bool) {
        let (mut terms, mut earned) = (natural, self.earned);
        let mut step = |terms: &mut Terms, cause: Cause, next: Terms| {
            add(parts, cause, cents(next.subtotal() - terms.subtotal()));
            *terms = next;
        };
        if self.shifted != 0 {
            let quantity = terms.quantity + self.shifted;
            let next = Terms { quantity, ..terms };
            step(&mut terms, Cause::PartnerEarnedCredit, next);
        }
        if self.has(Change::Quantity) {
            // 7 %, 3 % and 1.03 % of the next steps: different enough that none passes for another.
            let quantity = terms.quantity * 107 / 100;
            let next = Terms { quantity, ..terms };
            step(&mut terms, Cause::Quantity, next);
        }
        let list = self.meter.unit_price * 10_i128.pow(LINE_PRICE_SCALE - PRICE_SCALE);
        if self.has(Change::LoseCredit) {
            let next = Terms {
                price: list,
                ..terms
            };
            step(&mut terms, Cause::PartnerEarnedCredit, next);
            earned = false;
        }
        if self.has(Change::GainCredit) {
            // Exact, as list prices have ten decimals and those of lines fifteen.
            let price = list * 85 / 100;
            let next = Terms { price, ..terms };
            step(&mut terms, Cause::PartnerEarnedCredit, next);
            earned = true;
        }
        if self.has(Change::Price) {
            let price = (terms.price * 103 + 99) / 100;
            let next = Terms { price, ..terms };
            step(&mut terms, Cause::Price, next);
        }
        if self.has(Change::Fx) {
            let rate = terms.rate * 10_103 / 10_000;
            let next = Terms { rate, ..terms };
            step(&mut terms, Cause::Fx, next);
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

/// Parts that a group has whatever its line says: copies and late rows, which no line charges, and
/// rounding.
fn natural_parts(tally: &Tally, natural: Terms) -> Parts {
    let mut parts = Parts::default();
    let (copies, late) = (published(tally.copies), published(tally.late));
    add(&mut parts, Cause::Duplicate, -copies);
    add(&mut parts, Cause::Timing, -late);
    let billable = tally.expected - copies - late;
    add(
        &mut parts,
        Cause::Rounding,
        cents(natural.subtotal()) - billable,
    );
    parts
}

/// Parts of a difference that has one cause.
fn one_part(cause: Cause, amount: i128) -> Parts {
    let mut parts = Parts::default();
    add(&mut parts, cause, amount);
    parts
}
