//! Settlement: the lines of a group, change by change, and the amount of each change. The order is
//! the one in which a reconciliation takes them apart: quantity, price, credit, exchange rate, the
//! subtotal. Changes are valued exactly; what truncation makes of them is rounding.

use super::carried::{Carried, Mending};
use super::catalogue::{Meter, PRICE_SCALE};
use super::exact::Exact;
use super::lines::{
    Amount, EARNED, LINE_PRICE_SCALE, Line, LineProduct, Terms, line, usage_product, usage_sale,
};
use super::partner::{Partner, Plan};
use super::planting::Change;
use super::promotion;
use super::random::Random;
use super::second;
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
    /// Charge that the month before left over.
    pub(super) carried: Option<&'s Carried>,
}

/// Lines of a settled price state, and the truths about them.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) lines: Vec<Line>,
    pub(super) truths: Vec<Truth>,
    /// Cents that the line charges more than the usage makes.
    pub(super) over: i128,
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
        let (mut invoiced, off_rule) =
            self.charge(&mut settled, (terms, natural), earned, &mut parts, random);
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
        invoiced += self.charge_second(&mut settled, (terms, natural), earned, &mut parts, random);
        if let Some(carried) = self.carried {
            invoiced += self.mend(&mut settled, carried, &mut parts, random);
        }
        if self.has(Change::AzureCredit) {
            // The quantity of the charge at the opposite price: model::domain::semantics §3 and §7.
            let credit = Amount::of(Terms {
                price: -terms.price,
                ..terms
            });
            self.credit(&mut settled, &credit, random);
        }
        if self.has(Change::OtherSku) || self.has(Change::OtherMeter) {
            settled.truths.extend(self.halves(&tally, invoiced));
        }
        // The truth names the credit only where both sides have it: otherwise groups are matched
        // without it.
        let adjustment = adjustment(earned && self.earned);
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
        settled
            .truths
            .extend(truth.map(|truth| Truth { off_rule, ..truth }));
        settled
    }

    /// Makes the line that charges the group, twice or never where that is planted; the invoiced
    /// amount, and what of it is off the invoice's rule, in units of 10^-10.
    fn charge(
        &self,
        settled: &mut Settled,
        (terms, natural): (Terms, Terms),
        earned: bool,
        parts: &mut Parts,
        random: &mut Random,
    ) -> (i128, i128) {
        let mut amount = Amount::of(terms);
        let more = self.off_rule(random);
        amount.subtotal += more;
        add(parts, Cause::Unexplained, cents(more));
        if self.has(Change::NoLine) {
            return (0, 0);
        }
        settled.over = amount.subtotal - natural.subtotal();
        let charge = self.line(&amount, earned, random);
        let (invoiced, off_rule) = (cents(amount.subtotal), cents(more));
        settled
            .truths
            .extend(self.arithmetic_truth(terms, earned, amount.subtotal));
        if self.has(Change::LineCopy) {
            settled.lines.extend([charge.clone(), charge]);
            add(parts, Cause::Duplicate, invoiced);
            return (2 * invoiced, 2 * off_rule);
        }
        settled.lines.push(charge);
        (invoiced, off_rule)
    }

    /// Cents by which the line's subtotal is not what its own numbers give.
    fn off_rule(&self, random: &mut Random) -> i128 {
        match () {
            // 2.31 to 62.30: too much for rounding, and of no proportion to price or quantity.
            () if self.has(Change::Overcharge) => 231 + i128::from(random.below(6_000)),
            () if self.has(Change::CentUp) => 1,
            () if self.has(Change::CentDown) => -1,
            () => 0,
        }
    }

    /// Truth that the line's own numbers tell, at the rate of the other lines.
    fn arithmetic_truth(&self, terms: Terms, earned: bool, subtotal: i128) -> Option<Truth> {
        let rate = self.plan.customer.invoice.rate;
        let expected = cents(Terms { rate, ..terms }.subtotal());
        let invoiced = cents(subtotal);
        let cause = if terms.rate != rate && subtotal == terms.subtotal() {
            Cause::Fx
        } else {
            Cause::Unexplained
        };
        let variance = invoiced - expected;
        let truth = self.truth(
            vec![cause],
            adjustment(earned),
            expected,
            invoiced,
            one_part(cause, variance),
        )?;
        Some(Truth {
            tie_out: TieOut::LineArithmetic,
            // At another rate it is the rate that is wrong.
            off_rule: if terms.rate == rate { variance } else { 0 },
            ..truth
        })
    }

    /// Makes the lines of a second invoice, and the truth of what it bills again; the amount that is
    /// added to the first charge, in units of 10^-10.
    fn charge_second(
        &self,
        settled: &mut Settled,
        (terms, natural): (Terms, Terms),
        earned: bool,
        parts: &mut Parts,
        random: &mut Random,
    ) -> i128 {
        use Change::{BilledAgain, Corrected, Reissued, ReissuedLess};
        let mut changes = [BilledAgain, Corrected, Reissued, ReissuedLess].into_iter();
        let Some(change) = changes.find(|change| self.has(*change)) else {
            return 0;
        };
        let invoice = self.partner.second_of(&self.plan.customer.invoice);
        let mut invoiced = 0;
        for amount in second::amounts(change, terms, natural) {
            invoiced += cents(amount.subtotal);
            settled
                .lines
                .push(self.line(&amount, earned, random).on(invoice));
        }
        if change == BilledAgain {
            let duplicate = one_part(Cause::Duplicate, invoiced);
            let causes = vec![Cause::Duplicate];
            let truth = self.truth(causes, adjustment(earned), 0, invoiced, duplicate);
            settled.truths.extend(truth.map(|truth| Truth {
                invoice_number: invoice.number.clone(),
                ..truth
            }));
            return 0;
        }
        if change == ReissuedLess {
            let less = Exact::of(second::reissued(terms)).less(Exact::of(terms));
            add(parts, Cause::Quantity, less);
        }
        invoiced
    }

    /// Makes the line that mends a break of the month before; the amount that is added to the group's
    /// own charge, in units of 10^-10.
    fn mend(
        &self,
        settled: &mut Settled,
        carried: &Carried,
        parts: &mut Parts,
        random: &mut Random,
    ) -> i128 {
        let rate = self.plan.customer.invoice.rate;
        match carried.mending {
            Mending::BilledLate => {
                let late = carried.late(rate);
                let line = self.line(&late, self.earned, random);
                settled.lines.push(line.of_the_month_before(self.partner));
                add(parts, Cause::Timing, cents(late.subtotal));
                cents(late.subtotal)
            }
            Mending::Credited => {
                self.credit(settled, &carried.credit(rate), random);
                0
            }
        }
    }

    /// Truths of usage and of a line whose keys contradict each other: two breaks, each the
    /// counterpart of the other.
    fn halves(&self, tally: &Tally, invoiced: i128) -> Vec<Truth> {
        let adjustment = adjustment(self.earned);
        let product = self.product();
        let half = |cause, expected, invoiced| {
            let parts = one_part(cause, invoiced - expected);
            self.truth(vec![cause], adjustment, expected, invoiced, parts)
        };
        let used = half(Cause::MissingInvoice, tally.expected, 0).map(|truth| Truth {
            counterpart: format!("{}/{}", product.sku_id, product.meter_description),
            ..truth
        });
        let billed = half(Cause::MissingUsage, 0, invoiced).map(|truth| Truth {
            counterpart: format!("{}/{}", truth.sku_id, truth.meter_description),
            sku_id: product.sku_id.to_owned(),
            meter_description: product.meter_description.to_owned(),
            ..truth
        });
        used.into_iter().chain(billed).collect()
    }

    /// Product that the line names.
    fn product(&self) -> LineProduct<'_> {
        let mut product = usage_product(self.meter);
        if self.has(Change::OtherSku) {
            product.sku_id = &self.meter.other_sku_id;
        }
        if self.has(Change::OtherMeter) {
            product.meter_description = &self.meter.former_name;
        }
        product
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

    /// Makes an Azure credit line, and its truth: a group of its own, as the credit is nowhere in
    /// usage.
    fn credit(&self, settled: &mut Settled, credit: &Amount, random: &mut Random) {
        let mut sale = usage_sale(self.plan, "");
        (sale.charge_type, sale.credit_reason) = ("customerCredit", "Azure Credit");
        settled.lines.push(line(
            self.partner,
            &self.plan.customer,
            &usage_product(self.meter),
            &sale,
            credit,
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
        let keeps_price = !PRICES.into_iter().any(|change| self.has(change));
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
        if self.has(Change::Promotion) || self.has(Change::Discount) {
            terms.price = (terms.price * promotion::PRICE_PERCENT + 99) / 100;
            step(&mut exact, Cause::Promotion, Exact::of(terms));
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
        let line = line(
            self.partner,
            &self.plan.customer,
            &self.product(),
            &sale,
            amount,
            random,
        );
        let mut discounts = [Change::Promotion, Change::Discount].into_iter();
        match discounts.find(|change| self.has(*change)) {
            Some(change) => line.promoted(change, earned),
            None => line,
        }
    }

    /// Causes that the truth of the group names; `None` for a group that is left alone, and for one
    /// whose changes have no cause.
    fn causes(&self) -> Option<Vec<Cause>> {
        if self
            .carried
            .is_some_and(|carried| carried.mending == Mending::BilledLate)
        {
            return Some(vec![Cause::Timing]);
        }
        let changes = self.changes?;
        // What is left of it is rounding.
        if changes.contains(&Change::Corrected) {
            return None;
        }
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
            price_adjustment,
            expected,
            invoiced,
            parts,
            ..Truth::about(self.plan, self.meter, TieOut::UsageToInvoice)
        })
    }
}

/// Changes by which the line has another price than the usage.
const PRICES: [Change; 5] = [
    Change::Price,
    Change::LoseCredit,
    Change::GainCredit,
    Change::Promotion,
    Change::Discount,
];

/// Price adjustment of a group with the partner earned credit, or without.
fn adjustment(earned: bool) -> &'static str {
    if earned {
        "15% partner earned credit"
    } else {
        ""
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
