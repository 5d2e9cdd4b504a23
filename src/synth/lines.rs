//! Invoice reconciliation lines: the arithmetic of one, and its 47 cells.

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
/// Columns of a line.
pub(super) const WIDTH: usize = INVOICE_LINES.len();
/// What the line says of the partner earned credit.
pub(super) const EARNED: &str = "[\"15.0% Partner earned credit for services managed\"]";

/// A usage line's price and quantity, from which its amounts follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// USD, units of 10^-15.
    pub(super) price: i128,
    /// Units of 10^-6.
    pub(super) quantity: i128,
    /// Units of 10^-9.
    pub(super) rate: i128,
}

impl Terms {
    /// Microsoft's terms for what was used: the price is the charge over the quantity, rounded so that
    /// multiplying back gives the same cent (`semantics.md` 3).
    pub(super) fn of(quantity: i128, pricing: i128, rate: i128) -> Self {
        let charge = decimal::divide(pricing, 10_i128.pow(TOTAL_SCALE - 2), Rounding::Down);
        let scaled = charge * 10_i128.pow(LINE_PRICE_SCALE + QUANTITY_SCALE - 2);
        let terms = Self {
            price: (scaled + quantity - 1) / quantity,
            quantity,
            rate,
        };
        assert_eq!(
            terms.charge(),
            charge,
            "an effective unit price gives its charge back"
        );
        terms
    }

    fn charge(self) -> i128 {
        self.price * self.quantity / 10_i128.pow(LINE_PRICE_SCALE + QUANTITY_SCALE - 2)
    }

    /// Subtotal in cents of the billing currency, truncated twice.
    pub(super) fn subtotal(self) -> i128 {
        self.charge() * self.rate / 10_i128.pow(RATE_SCALE)
    }
}

/// What a line is for.
pub(super) struct Item<'a> {
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

/// How it is sold.
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
    /// No end date: perpetual.
    pub(super) endless: bool,
    /// Purchased units; empty text is 1.
    pub(super) seats: &'a str,
}

/// What it costs.
pub(super) struct Amount {
    pub(super) price: String,
    pub(super) quantity: String,
    pub(super) rate: i128,
    /// Cents.
    pub(super) subtotal: i128,
}

impl Amount {
    /// The amounts that follow from usage terms.
    pub(super) fn of(terms: Terms) -> Self {
        Self {
            price: number(terms.price, LINE_PRICE_SCALE),
            quantity: number(terms.quantity, QUANTITY_SCALE),
            rate: terms.rate,
            subtotal: terms.subtotal(),
        }
    }
}

/// One line, spelt, and its Total in cents.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) cells: [String; WIDTH],
    pub(super) total: i128,
    /// Of the total, tax.
    pub(super) tax: i128,
}

impl Line {
    /// The same line for the charge cycle before.
    pub(super) fn of_the_month_before(mut self, partner: &Partner) -> Self {
        let (first, last) = partner.dates.cycle(partner.dates.first - 1);
        for (name, day) in [("ChargeStartDate", first), ("ChargeEndDate", last)] {
            day.clone_into(&mut self.cells[position(INVOICE_LINES, name)]);
        }
        self
    }
}

/// What the usage lines of a meter are for.
pub(super) fn usage_item(meter: &Meter) -> Item<'_> {
    Item {
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

/// How usage is sold.
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
    item: &Item<'_>,
    sale: &Sale<'_>,
    amount: &Amount,
    random: &mut Random,
) -> Line {
    let tax = tax(&customer.invoice, amount.subtotal);
    let total = amount.subtotal + tax;
    let text = str::to_owned;
    let charge = [
        partner.id.clone(),
        customer.id.clone(),
        customer.name.clone(),
        customer.domain.clone(),
        text(customer.country),
        customer.invoice.number.clone(),
        partner.mpn_id.clone(),
        customer.reseller.clone(),
        random.digits(18),
        iso(partner.dates.first + Day::from(u8::try_from(random.below(28)).unwrap_or(0))),
        text(item.product_id),
        text(item.sku_id),
        text(item.availability_id),
        text(item.sku_name),
        text(item.product_name),
        text(sale.charge_type),
        text(item.unit_price),
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
        text(item.publisher),
        String::new(),
    ];
    let terms = terms(partner, item, sale, amount, random);
    let mut cells = charge.into_iter().chain(terms);
    Line {
        cells: std::array::from_fn(|_| cells.next().unwrap_or_default()),
        total,
        tax,
    }
}

/// SubscriptionDescription to the end: the terms it is sold on.
fn terms(
    partner: &Partner,
    item: &Item<'_>,
    sale: &Sale<'_>,
    amount: &Amount,
    random: &mut Random,
) -> [String; 22] {
    let (first, last): (Day, Day) = (partner.dates.first, partner.dates.next - 1);
    let usage = !item.meter_description.is_empty();
    let day = |day: Day, there: bool| if there { iso(day) } else { String::new() };
    let text = str::to_owned;
    [
        text(sale.subscription_description),
        text(sale.subscription_id),
        iso(first),
        day(last, !sale.endless),
        text(sale.term),
        amount.price.clone(),
        text(item.unit),
        random
            .guid()
            .split('-')
            .next_back()
            .unwrap_or_default()
            .to_owned(),
        amount.quantity.clone(),
        text(sale.frequency),
        text("USD"),
        number(amount.rate, RATE_SCALE),
        iso(first),
        text(item.meter_description),
        text(sale.reservation_order_id),
        text(sale.credit_reason),
        day(first, !usage),
        day(last, !usage && !sale.endless),
        random.guid(),
        String::new(),
        String::new(),
        text(item.category),
    ]
}

/// Tax of a line in cents, half up.
fn tax(invoice: &Invoice, subtotal: i128) -> i128 {
    decimal::divide(subtotal * invoice.tax_percent, 100, Rounding::HalfUp)
}
