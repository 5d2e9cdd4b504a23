//! Invoice reconciliation lines: the arithmetic of one, and its 47 cells.
//!
//! The arithmetic is Microsoft's documented one for usage, two truncations ([semantics
//! §3](crate::model::domain::semantics)), written out here a second time on purpose: the engine
//! must come to equal subtotals by its own code.

use super::catalogue::Meter;
use super::number::number;
use super::partner::{Customer, Invoice, Partner, Plan, RATE_SCALE, iso};
use super::random::Random;
use super::usage::{QUANTITY_SCALE, TOTAL_SCALE};
use crate::model::dataset::{INVOICE_LINES, position};
use crate::model::decimal::{self, Rounding, fixed};
use crate::model::period::Day;

/// Decimals of a line's effective unit price.
pub(super) const LINE_PRICE_SCALE: u32 = 15;
/// Number of columns of a line.
pub(super) const WIDTH: usize = INVOICE_LINES.len();
/// Number of columns up to PublisherId.
const CHARGE_WIDTH: usize = 25;
/// Position of a GUID's last part, which serves as AlternateId.
const ALTERNATE_ID_AT: usize = 24;
/// PriceAdjustmentDescription of a line with the partner earned credit.
pub(super) const EARNED: &str = "[\"15.0% Partner earned credit for services managed\"]";

/// Price, quantity and rate of a usage line, from which its amounts follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Effective unit price in USD, units of 10^-15.
    pub(super) price: i128,
    /// Billable quantity in units of 10^-6.
    pub(super) quantity: i128,
    /// Exchange rate from USD to the billing currency, units of 10^-9.
    pub(super) rate: i128,
}

impl Terms {
    /// Microsoft's terms for what was used: the price is the charge over the quantity, rounded up
    /// so that multiplying back gives the charge to the cent ([semantics
    /// §3](crate::model::domain::semantics), test vectors).
    pub(super) fn of(quantity: i128, pricing: i128, rate: i128) -> Self {
        let charge = decimal::divide(pricing, 10_i128.pow(TOTAL_SCALE - 2), Rounding::Down);
        let scaled = charge * 10_i128.pow(LINE_PRICE_SCALE + QUANTITY_SCALE - 2);
        let terms = Self {
            price: (scaled + quantity - 1) / quantity,
            quantity,
            rate,
        };
        // The truth's amounts rest on it: a price that loses a cent would be a variance nobody
        // planted.
        assert_eq!(
            terms.charge(),
            charge,
            "an effective unit price gives its charge back"
        );
        terms
    }

    /// Charge in cents of USD, truncated once.
    fn charge(self) -> i128 {
        // Integer division truncates toward zero, as ROUNDDOWN does for negative prices too:
        // model::domain::semantics §3.
        self.price * self.quantity / 10_i128.pow(LINE_PRICE_SCALE + QUANTITY_SCALE - 2)
    }

    /// Subtotal in cents of the billing currency, truncated twice.
    pub(super) fn subtotal(self) -> i128 {
        self.charge() * self.rate / 10_i128.pow(RATE_SCALE)
    }
}

/// Product that a line charges, as its cells spell it.
pub(super) struct LineProduct<'a> {
    pub(super) product_id: &'a str,
    pub(super) sku_id: &'a str,
    pub(super) availability_id: &'a str,
    pub(super) sku_name: &'a str,
    pub(super) product_name: &'a str,
    pub(super) publisher: &'a str,
    pub(super) unit: &'a str,
    pub(super) unit_price: &'a str,
    pub(super) meter_description: &'a str,
    pub(super) category: &'a str,
}

/// Terms of sale of a line, as its cells spell them.
#[derive(Clone, Copy, Default)]
pub(super) struct Sale<'a> {
    pub(super) subscription_description: &'a str,
    pub(super) subscription_id: &'a str,
    pub(super) charge_type: &'a str,
    pub(super) term: &'a str,
    pub(super) frequency: &'a str,
    pub(super) adjustment: &'a str,
    pub(super) credit_reason: &'a str,
    pub(super) reservation_order_id: &'a str,
    /// True if there is no end date: perpetual software.
    pub(super) endless: bool,
    /// Purchased units as text; empty for 1.
    pub(super) seats: &'a str,
}

/// Price, quantity and subtotal of a line.
pub(super) struct Amount {
    pub(super) price: String,
    pub(super) quantity: String,
    /// Exchange rate from USD to the billing currency, units of 10^-9.
    pub(super) rate: i128,
    /// Subtotal in cents of the billing currency.
    pub(super) subtotal: i128,
}

impl Amount {
    /// Amounts that follow from the terms of usage.
    pub(super) fn of(terms: Terms) -> Self {
        Self {
            price: number(terms.price, LINE_PRICE_SCALE),
            quantity: number(terms.quantity, QUANTITY_SCALE),
            rate: terms.rate,
            subtotal: terms.subtotal(),
        }
    }
}

/// Line as it is spelt, with what an invoice header adds up.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) cells: [String; WIDTH],
    /// Total in cents, tax included.
    pub(super) total: i128,
    /// Part of the total that is tax, in cents.
    pub(super) tax: i128,
}

impl Line {
    /// Line moved to the charge cycle before, everything else left as it is.
    pub(super) fn of_the_month_before(mut self, partner: &Partner) -> Self {
        let (first, last) = partner.dates.cycle(partner.dates.first - 1);
        for (name, day) in [("ChargeStartDate", first), ("ChargeEndDate", last)] {
            day.clone_into(&mut self.cells[position(INVOICE_LINES, name)]);
        }
        self
    }
}

/// Product of the usage lines of a meter.
pub(super) fn usage_product(meter: &Meter) -> LineProduct<'_> {
    LineProduct {
        product_id: &meter.product_id,
        sku_id: &meter.sku_id,
        availability_id: &meter.availability_id,
        sku_name: &meter.sku_name,
        product_name: &meter.product_name,
        publisher: meter.publisher,
        unit: meter.service.unit,
        unit_price: &meter.unit_price_text,
        meter_description: &meter.meter_name,
        category: "Azure",
    }
}

/// Terms of sale of usage: pay as you go under an Azure plan.
pub(super) fn usage_sale<'a>(plan: &'a Plan, adjustment: &'a str) -> Sale<'a> {
    Sale {
        subscription_description: "Azure plan",
        subscription_id: &plan.id,
        charge_type: "new",
        adjustment,
        ..Sale::default()
    }
}

/// Spells a line in the order of the downloaded CSV.
pub(super) fn line(
    partner: &Partner,
    customer: &Customer,
    product: &LineProduct<'_>,
    sale: &Sale<'_>,
    amount: &Amount,
    random: &mut Random,
) -> Line {
    let tax = tax(&customer.invoice, amount.subtotal);
    let total = amount.subtotal + tax;
    let text = str::to_owned;
    let charge: [String; CHARGE_WIDTH] = [
        partner.id.clone(),
        customer.id.clone(),
        customer.name.clone(),
        customer.domain.clone(),
        text(customer.country),
        customer.invoice.number.clone(),
        partner.mpn_id.clone(),
        customer.reseller.clone(),
        // 18 digits: an order id beyond 2^53, which a float would change (model::domain::quirks,
        // JSON of the API 5).
        random.digits(18),
        iso(partner.dates.first + Day::from(u8::try_from(random.below(28)).expect("below 28"))),
        text(product.product_id),
        text(product.sku_id),
        text(product.availability_id),
        text(product.sku_name),
        text(product.product_name),
        text(sale.charge_type),
        text(product.unit_price),
        text(if sale.seats.is_empty() {
            "1"
        } else {
            sale.seats
        }),
        fixed(amount.subtotal, 2),
        fixed(tax, 2),
        fixed(total, 2),
        text(customer.invoice.currency),
        text(sale.adjustment),
        text(product.publisher),
        String::new(),
    ];
    let terms = terms(partner, product, sale, amount, random);
    let mut cells = [const { String::new() }; WIDTH];
    let (first, last) = cells.split_at_mut(CHARGE_WIDTH);
    first.clone_from_slice(&charge);
    last.clone_from_slice(&terms);
    Line { cells, total, tax }
}

/// Cells from SubscriptionDescription to the end: the terms it is sold on.
fn terms(
    partner: &Partner,
    product: &LineProduct<'_>,
    sale: &Sale<'_>,
    amount: &Amount,
    random: &mut Random,
) -> [String; WIDTH - CHARGE_WIDTH] {
    let (first, last): (Day, Day) = (partner.dates.first, partner.dates.next - 1);
    // Usage lines have no subscription dates; only they name a meter.
    let usage = !product.meter_description.is_empty();
    let day = |day: Day, there: bool| if there { iso(day) } else { String::new() };
    let text = str::to_owned;
    [
        text(sale.subscription_description),
        text(sale.subscription_id),
        iso(first),
        day(last, !sale.endless),
        text(sale.term),
        // 15 decimals, as Microsoft's line prices have: two multiplications give the subtotal back.
        amount.price.clone(),
        text(product.unit),
        random.guid().split_off(ALTERNATE_ID_AT),
        amount.quantity.clone(),
        text(sale.frequency),
        text("USD"),
        number(amount.rate, RATE_SCALE),
        iso(first),
        text(product.meter_description),
        text(sale.reservation_order_id),
        text(sale.credit_reason),
        day(first, !usage),
        day(last, !usage && !sale.endless),
        random.guid(),
        String::new(),
        String::new(),
        text(product.category),
    ]
}

/// Tax of a line in cents, half up.
fn tax(invoice: &Invoice, subtotal: i128) -> i128 {
    decimal::divide(subtotal * invoice.tax_percent, 100, Rounding::HalfUp)
}
