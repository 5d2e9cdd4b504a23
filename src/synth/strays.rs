//! Stray lines: a cent each, for meters that were never used. No rule makes a cent out of nothing.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::catalogue::{Meter, PRICE_SCALE};
use super::layout::groups;
use super::lines::{Amount, Line, Terms, line, usage_product, usage_sale};
use super::partner::{Partner, Plan, RATE_SCALE};
use super::random::{Random, Weights};
use super::truth::{Parts, Truth, add, cents};
use super::usage::{QUANTITY_SCALE, TOTAL_SCALE};
use crate::model::cause::{Cause, TieOut};

/// Line number `at` of these, and its truth; `None` where the plan at its place uses every product.
pub(super) fn stray(
    partner: &Partner,
    plans: &[Rc<Plan>],
    meters: &[Rc<Meter>],
    popularity: &Weights,
    at: u64,
) -> Option<(Line, Truth)> {
    let mut random = Random::of(partner.month_seed, &[22, at]);
    let plan = &plans[random.index(plans.len())];
    let used: BTreeSet<usize> = groups(partner.seed, plan, meters, popularity)
        .iter()
        .map(|group| meters[group.meter].product)
        .collect();
    // The rarest meters first, and another one for each line.
    let mut free = meters.iter().rev().filter(|it| !used.contains(&it.product));
    let place = usize::try_from(at).expect("a small number");
    let meter = free.nth(place)?;
    let invoice = &plan.customer.invoice;
    // Cents of USD that make one cent of the billing currency.
    let one = 10_i128.pow(RATE_SCALE);
    let charge = (one + invoice.rate - 1) / invoice.rate;
    let pricing = charge * 10_i128.pow(TOTAL_SCALE - 2);
    let scale = PRICE_SCALE + QUANTITY_SCALE - 2;
    let quantity = (charge * 10_i128.pow(scale) / meter.unit_price).max(1);
    let amount = Amount::of(Terms::of(quantity, pricing, invoice.rate));
    let line = line(
        partner,
        &plan.customer,
        &usage_product(meter),
        &usage_sale(plan, ""),
        &amount,
        &mut random,
    );
    let mut parts = Parts::default();
    add(&mut parts, Cause::MissingUsage, cents(amount.subtotal));
    let truth = Truth {
        causes: vec![Cause::MissingUsage],
        invoiced: cents(amount.subtotal),
        parts,
        ..Truth::about(plan, meter, TieOut::UsageToInvoice)
    };
    Some((line, truth))
}
