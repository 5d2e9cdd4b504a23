//! The match key of a single row, in folded text: how `explain` knows a row of a group again.

use crate::engine::count::key_layout::Grain;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::scope::{self, LineTexts, Scope};
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, USAGE, position};
use crate::model::row::Cell;

/// Folded texts in the order of [`crate::engine::matching::passes::FINE_KEYS`].
pub type FineKey = [String; 9];

fn text(cells: &[Cell<'_>], columns: &[Column], name: &str) -> String {
    let at = columns.iter().position(|column| column.name == name);
    at.and_then(|at| cells.get(at))
        .map(|cell| String::from_utf8_lossy(&cell.bytes()).into_owned())
        .unwrap_or_default()
}

/// Customer and subscription of a row, folded.
#[must_use]
pub fn account_of(dataset: Dataset, cells: &[Cell<'_>]) -> (String, String) {
    let [account, ..] = Grain::of(dataset).tuples;
    let field = |number: usize| {
        let cell = account.get(number).and_then(|at| cells.get(*at));
        cell.map(|cell| String::from_utf8_lossy(&cell.bytes()).into_owned())
            .unwrap_or_default()
    };
    (
        fold_as(Domain::Customer, &field(1)),
        fold_as(Domain::Subscription, &field(3)),
    )
}

/// The key of a usage row; `description` is the frame column that MeterDescription repeats.
#[must_use]
pub fn of_usage(cells: &[Cell<'_>], description: &str) -> FineKey {
    let text = |name: &str| text(cells, USAGE, name);
    let described = match description {
        "meter_type" => "MeterType",
        "sku_name" => "SkuName",
        _ => "MeterName",
    };
    let adjustment = scope::usage_adjustment(
        &text("CreditType"),
        &text("PartnerEarnedCreditPercentage"),
        &text("CreditPercentage"),
    );
    [
        fold_as(Domain::Invoice, &text("InvoiceNumber")),
        fold_as(Domain::Customer, &text("CustomerId")),
        fold_as(Domain::Subscription, &text("SubscriptionId")),
        fold_as(Domain::Product, &text("ProductId")),
        fold_as(Domain::Sku, &text("SkuId")),
        fold_as(Domain::Availability, &text("AvailabilityId")),
        fold_as(Domain::Description, &text(described)),
        fold_as(Domain::Adjustment, &adjustment),
        fold_as(Domain::Currency, &text("BillingCurrency")),
    ]
}

/// The key of an invoice line, and whether usage is expected behind it. `is_used` tells of a folded
/// product and SKU whether usage has them.
#[must_use]
pub fn of_line(cells: &[Cell<'_>], is_used: impl Fn(&str, &str) -> bool) -> (FineKey, Scope) {
    let text = |name: &str| text(cells, INVOICE_LINES, name);
    let (product, sku) = (
        fold_as(Domain::Product, &text("ProductId")),
        fold_as(Domain::Sku, &text("SkuId")),
    );
    let description = text("MeterDescription");
    let scope = scope::scope_of(LineTexts {
        meter_description: &description,
        subscription_description: &text("SubscriptionDescription"),
        term: &text("TermAndBillingCycle"),
        reservation_order_id: &text("ReservationOrderId"),
        charge_end: &text("ChargeEndDate"),
        product_is_used: is_used(&product, &sku),
    });
    let adjustment =
        scope::line_adjustment(&text("ChargeType"), &text("PriceAdjustmentDescription"));
    let key = [
        fold_as(Domain::Invoice, &text("InvoiceNumber")),
        fold_as(Domain::Customer, &text("CustomerId")),
        fold_as(Domain::Subscription, &text("SubscriptionId")),
        product,
        sku,
        fold_as(Domain::Availability, &text("AvailabilityId")),
        fold_as(Domain::Description, &description),
        fold_as(Domain::Adjustment, &adjustment),
        fold_as(Domain::Currency, &text("Currency")),
    ];
    (key, scope)
}

const RATE: [usize; 2] = [
    position(USAGE, "PCToBCExchangeRate"),
    position(INVOICE_LINES, "PCToBCExchangeRate"),
];
const PRICE: [usize; 2] = [
    position(USAGE, "EffectiveUnitPrice"),
    position(INVOICE_LINES, "EffectiveUnitPrice"),
];

/// Effective unit price and exchange rate of a row, where it has them, in units of 10^-22 and
/// 10^-18.
#[must_use]
pub fn price_and_rate(dataset: Dataset, cells: &[Cell<'_>]) -> (Option<i128>, Option<i128>) {
    use crate::model::decimal::{PRICE_SCALE, RATE_SCALE};
    let which = usize::from(dataset == Dataset::InvoiceLines);
    let number = |positions: [usize; 2], name: &'static str, scale: u32| {
        let cell = positions.get(which).and_then(|at| cells.get(*at));
        cell.and_then(|cell| cell.decimal(name, scale).ok().flatten())
            .map(|parsed| parsed.value)
    };
    (
        number(PRICE, "EffectiveUnitPrice", PRICE_SCALE),
        number(RATE, "PCToBCExchangeRate", RATE_SCALE),
    )
}
