//! The lines of a group, change by change, and what each change comes to. The order is the one in
//! which a reconciliation takes them apart: quantity, credit, price, exchange rate, the subtotal.

use super::catalogue::{Meter, PRICE_SCALE};
use super::lines::{Amount, EARNED, LINE_PRICE_SCALE, Line, Terms, line, usage_item, usage_sale};
use super::partner::{Partner, Plan};
use super::planting::Change;
use super::random::Random;
use super::truth::{Parts, Truth, add, cents};
use crate::model::cause::{Cause, TieOut};

/// Sums of one price state of a group. Totals are rounded to published decimals resource by
/// resource, as the published row is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// On the line, units of 10^-6.
    pub(super) quantity: i128,
    /// On the line, USD, units of 10^-15.
    pub(super) pricing: i128,
    /// All usage rows, billing currency, units of 10^-10.
    pub(super) expected: i128,
    /// Copies of rows, units of 10^-15.
    pub(super) copies: i128,
    /// Rows of the month before, likewise.
    pub(super) late: i128,
}

/// What is settled.
pub(super) struct Settlement<'s> {
    pub(super) partner: &'s Partner,
    pub(super) plan: &'s Plan,
    pub(super) meter: &'s Meter,
    /// With the credit or without.
    pub(super) earned: bool,
    /// What is planted; `None` for a group that is left alone.
    pub(super) changes: Option<&'s [Change]>,
    /// Units that move to the other line, 10^-6: what they are worth stays with the price here.
    pub(super) shifted: i128,
}

/// Lines and truths.
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
        let natural = Terms::of(
            tally.quantity,
            tally.pricing,
            self.plan.customer.invoice.rate,
        );
        let mut parts = Parts::default();
        let published = |amount: i128| super::truth::published(amount);
        add(&mut parts, Cause::Duplicate, -published(tally.copies));
        add(&mut parts, Cause::Timing, -published(tally.late));
        let billable = tally.expected - published(tally.copies) - published(tally.late);
        add(
            &mut parts,
            Cause::Rounding,
            cents(natural.subtotal()) - billable,
        );
        let (terms, earned) = self.changed(natural, &mut parts);
        let mut amount = Amount::of(terms);
        if self.has(Change::Overcharge) {
            let more = 231 + i128::from(random.below(6_000));
            amount.subtotal += more;
            add(&mut parts, Cause::Unexplained, cents(more));
        }
        let mut settled = Settled::default();
        let mut invoiced = 0;
        if !self.has(Change::NoLine) {
            let charge = self.line(&amount, earned, random);
            let copies = 1 + usize::from(self.has(Change::LineCopy));
            settled.lines.extend(std::iter::repeat_n(charge, copies));
            invoiced += cents(amount.subtotal) * if copies == 2 { 2 } else { 1 };
            add(
                &mut parts,
                Cause::Duplicate,
                if copies == 2 {
                    cents(amount.subtotal)
                } else {
                    0
                },
            );
        }
        if self.has(Change::EarlierLine) {
            let earlier = Amount::of(Terms {
                quantity: terms.quantity / 3,
                ..terms
            });
            settled.lines.push(
                self.line(&earlier, earned, random)
                    .of_the_month_before(self.partner),
            );
            invoiced += cents(earlier.subtotal);
            add(&mut parts, Cause::Timing, cents(earlier.subtotal));
        }
        if self.has(Change::Rebilled) {
            for price in [terms.price, -terms.price] {
                settled.lines.push(self.line(
                    &Amount::of(Terms { price, ..terms }),
                    earned,
                    random,
                ));
            }
        }
        if self.has(Change::AzureCredit) {
            let credit = Amount::of(Terms {
                price: -terms.price,
                ..terms
            });
            let mut sale = usage_sale(self.plan, "");
            (sale.charge_type, sale.credit_reason) = ("customerCredit", "Azure Credit");
            settled.lines.push(line(
                self.partner,
                &self.plan.customer,
                &usage_item(self.meter),
                &sale,
                &credit,
                random,
            ));
            let mut of_credit = Parts::default();
            add(&mut of_credit, Cause::Credit, cents(credit.subtotal));
            settled
                .truths
                .extend(self.truth("azure credit", 0, cents(credit.subtotal), of_credit));
        }
        // Sides that differ in it show none.
        let adjustment = if earned && self.earned {
            "15% partner earned credit"
        } else {
            ""
        };
        settled.truths.extend(match () {
            () if self.changes.is_none() => None,
            () if self.has(Change::NoUsage) => {
                self.one_sided(adjustment, 0, invoiced, Cause::MissingUsage)
            }
            () if self.has(Change::NoLine) => {
                self.one_sided(adjustment, tally.expected, 0, Cause::MissingInvoice)
            }
            () => self.truth(adjustment, tally.expected, invoiced, parts),
        });
        settled
    }

    /// The terms of the line, step by step; and whether it names the credit.
    fn changed(&self, natural: Terms, parts: &mut Parts) -> (Terms, bool) {
        let (mut terms, mut earned) = (natural, self.earned);
        let mut step = |terms: &mut Terms, cause: Cause, next: Terms| {
            add(parts, cause, cents(next.subtotal() - terms.subtotal()));
            *terms = next;
        };
        if self.shifted != 0 {
            let quantity = terms.quantity + self.shifted;
            step(
                &mut terms,
                Cause::PartnerEarnedCredit,
                Terms {
                    quantity,
                    ..natural
                },
            );
        }
        if self.has(Change::Quantity) {
            let next = Terms {
                quantity: terms.quantity * 107 / 100,
                ..terms
            };
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
            let next = Terms {
                price: list * 85 / 100,
                ..terms
            };
            step(&mut terms, Cause::PartnerEarnedCredit, next);
            earned = true;
        }
        if self.has(Change::Price) {
            let next = Terms {
                price: (terms.price * 103 + 99) / 100,
                ..terms
            };
            step(&mut terms, Cause::Price, next);
        }
        if self.has(Change::Fx) {
            let next = Terms {
                rate: terms.rate * 10_103 / 10_000,
                ..terms
            };
            step(&mut terms, Cause::Fx, next);
        }
        (terms, earned)
    }

    fn line(&self, amount: &Amount, earned: bool, random: &mut Random) -> Line {
        let sale = usage_sale(self.plan, if earned { EARNED } else { "" });
        line(
            self.partner,
            &self.plan.customer,
            &usage_item(self.meter),
            &sale,
            amount,
            random,
        )
    }

    fn one_sided(
        &self,
        adjustment: &'static str,
        expected: i128,
        invoiced: i128,
        cause: Cause,
    ) -> Option<Truth> {
        let mut parts = Parts::default();
        add(&mut parts, cause, invoiced - expected);
        self.truth(adjustment, expected, invoiced, parts)
    }

    /// `None` where nothing differs: rounding happens to be zero.
    fn truth(
        &self,
        price_adjustment: &'static str,
        expected: i128,
        invoiced: i128,
        parts: Parts,
    ) -> Option<Truth> {
        let causes: Vec<Cause> = match price_adjustment {
            "azure credit" => vec![Cause::Credit],
            _ => self
                .changes?
                .iter()
                .filter(|change| **change != Change::AzureCredit)
                .filter_map(|change| change.cause())
                .collect(),
        };
        let is_only_noted =
            causes.is_empty() && self.changes.is_some_and(|changes| !changes.is_empty());
        (expected != invoiced && !is_only_noted).then(|| Truth {
            causes: if causes.is_empty() {
                vec![Cause::Rounding]
            } else {
                causes
            },
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
