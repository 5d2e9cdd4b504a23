//! Usage rows and invoice lines as Microsoft spells them: PascalCase in the exports of Graph,
//! camelCase with other names for some members in Partner Center v1 (resources §C, §D).

use chrono::{Days, NaiveDate};

use super::bill::{Bill, Currency, next_month};
use super::books::Partner;
use super::catalogue::METERS;
use super::charges::{Charge, ChargeKind};
use super::exact::{Exact, ONE};
use super::json::{Json, number, text};
use super::partner::{PARTNER_MPN, PARTNER_NAME};
use super::rated::UsageRow;

/// Columns of usage that `basic` lacks (resources §D1).
const FULL_ONLY: [&str; 24] = [
    "AvailabilityId",
    "BenefitID",
    "ConsumedService",
    "CustomerCountry",
    "CustomerDomainName",
    "EntitlementDescription",
    "MeterCategory",
    "MeterId",
    "MeterName",
    "MeterRegion",
    "MeterSubCategory",
    "MeterType",
    "MpnId",
    "PartnerEarnedCreditPercentage",
    "ProductName",
    "PublisherId",
    "ResourceGroup",
    "ResourceLocation",
    "ServiceInfo1",
    "ServiceInfo2",
    "SubscriptionDescription",
    "Tags",
    "Tier2MpnId",
    "Unit",
];

/// Names in v1 that are more than the export's name with a small first letter.
const V1_NAMES: [(&str, &str); 9] = [
    ("PCToBCExchangeRate", "pcToBCExchangeRate"),
    ("PCToBCExchangeRateDate", "pcToBCExchangeRateDate"),
    ("Total", "totalForCustomer"),
    ("ResourceURI", "resourceUri"),
    ("Unit", "unitOfMeasure"),
    ("Tier2MpnId", "resellerMpnId"),
    ("ResellerMpnId", "resellerMpnId"),
    ("PartnerEarnedCreditPercentage", "rateOfPartnerEarnedCredit"),
    ("CreditPercentage", "rateOfCredit"),
];

/// Where a row is spelled: its invoice's id (empty while it is not billed), currency and month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading<'a> {
    pub(super) invoice: &'a str,
    pub(super) currency: &'static Currency,
    pub(super) month: NaiveDate,
}

impl<'a> Heading<'a> {
    /// The heading of an invoice's rows.
    pub(super) fn of(bill: &'a Bill) -> Self {
        Self {
            invoice: &bill.id,
            currency: bill.currency,
            month: bill.month,
        }
    }
}

/// The names and values of a row, in Microsoft's order.
type Cells = Vec<(&'static str, Json)>;

/// A day at midnight, without a zone: it is UTC by documentation.
pub(super) fn midnight(day: NaiveDate) -> Json {
    text(format!("{day}T00:00:00Z"))
}

/// A usage row as a line of an export.
pub(super) fn exported_usage(
    partner: &Partner,
    heading: Heading<'_>,
    row: &UsageRow,
    basic: bool,
) -> Json {
    let cells = usage_cells(partner, heading, row).into_iter();
    let kept = cells.filter(|(name, _)| !basic || !FULL_ONLY.contains(name));
    Json::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A usage row as an item of a v1 page: rates of credit are fractions there, and the period ends
/// on the first day of the next one.
pub(super) fn v1_usage(partner: &Partner, heading: Heading<'_>, row: &UsageRow) -> Json {
    let cells = usage_cells(partner, heading, row).into_iter();
    let kept = cells.filter(|(name, _)| !name.starts_with("Benefit"));
    let item = kept.map(|(name, value)| {
        let value = match name {
            "PartnerEarnedCreditPercentage" if row.earned => Json::Number("0.15".to_owned()),
            "PartnerEarnedCreditPercentage" | "CreditPercentage" => Json::Number("0".to_owned()),
            "ChargeEndDate" => midnight(next_month(heading.month)),
            _ => value,
        };
        (v1_name(name), value)
    });
    Json::Object(item.collect())
        .with("hasPartnerEarnedCredit", Json::Bool(row.earned))
        .with("invoiceLineItemType", text("usage_line_items"))
        .with("billingProvider", text("marketplace"))
        .with("attributes", object_type("DailyRatedUsageLineItem"))
}

/// An invoice line as a line of an export.
pub(super) fn exported_charge(partner: &Partner, heading: Heading<'_>, charge: &Charge) -> Json {
    let cells = charge_cells(partner, heading, charge).into_iter();
    Json::Object(
        cells
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// An invoice line as an item of a v1 page.
pub(super) fn v1_charge(partner: &Partner, heading: Heading<'_>, charge: &Charge) -> Json {
    let cells = charge_cells(partner, heading, charge).into_iter();
    let item = cells.filter(|(name, _)| *name != "ProductCategory");
    Json::Object(item.map(|(name, value)| (v1_name(name), value)).collect())
        .with("discountDetails", text(""))
        .with("invoiceLineItemType", text("billing_line_items"))
        .with("billingProvider", text("one_time"))
        .with("attributes", object_type("OneTimeInvoiceLineItem"))
}

/// The discriminator of an item.
pub(super) fn object_type(name: &str) -> Json {
    Json::Object(vec![("objectType".to_owned(), text(name))])
}

fn v1_name(name: &str) -> String {
    match V1_NAMES.iter().find(|(exported, _)| *exported == name) {
        Some((_, v1)) => (*v1).to_owned(),
        None => {
            let (first, rest) = name.split_at(1);
            format!("{}{rest}", first.to_ascii_lowercase())
        }
    }
}

fn usage_cells(partner: &Partner, heading: Heading<'_>, row: &UsageRow) -> Cells {
    let customer = &partner.customers[row.customer];
    let plan = &customer.plans[row.plan];
    let meter = row.meter();
    let (entitlement, entitlement_name) = &plan.entitlements[row.entitlement];
    let mut cells = customer_cells(partner, row.customer);
    cells.splice(1..1, [("PartnerName", text(PARTNER_NAME))]);
    cells.extend([
        ("MpnId", text(PARTNER_MPN)),
        ("Tier2MpnId", text(customer.reseller())),
        ("InvoiceNumber", text(heading.invoice)),
        ("ProductId", text(meter.product_id)),
        ("SkuId", text(meter.sku_id)),
        ("AvailabilityId", text(meter.availability_id)),
        ("SkuName", text(meter.sku)),
        ("ProductName", text(meter.product)),
        ("PublisherName", text("Microsoft")),
        ("PublisherId", text("")),
        ("SubscriptionDescription", text("Azure plan")),
        ("SubscriptionId", text(&plan.id)),
        ("ChargeStartDate", midnight(heading.month)),
        ("ChargeEndDate", midnight(last_day(heading.month))),
        ("UsageDate", midnight(row.day)),
        ("MeterType", text(meter.unit)),
        ("MeterCategory", text(meter.category)),
        ("MeterId", text(meter_id(partner, row.meter))),
        ("MeterSubCategory", text(meter.sub_category)),
        ("MeterName", text(meter.name)),
        ("MeterRegion", text(meter.region)),
        ("Unit", text(meter.unit)),
        ("ResourceLocation", text("EUWEST")),
        ("ConsumedService", text(meter.resource.0)),
        ("ResourceGroup", text(row.group())),
        ("ResourceURI", text(row.uri(plan))),
    ]);
    cells.extend(usage_amounts(heading, row));
    cells.extend([
        ("EntitlementId", text(entitlement)),
        ("EntitlementDescription", text(entitlement_name)),
        // Strings in Microsoft's sample class, as all that is no price, total, quantity or rate.
        (
            "PartnerEarnedCreditPercentage",
            text(if row.earned { "15" } else { "0" }),
        ),
        ("CreditPercentage", text("0")),
        (
            "CreditType",
            text(if row.earned {
                "Partner Earned Credit Applied"
            } else {
                "Credit Not Applied"
            }),
        ),
        ("BenefitOrderID", text("")),
        ("BenefitID", text("")),
        ("BenefitType", text("Charge")),
    ]);
    cells
}

fn usage_amounts(heading: Heading<'_>, row: &UsageRow) -> Cells {
    let meter = row.meter();
    let billed = row.cost().times(heading.currency.rate).half_up(15);
    vec![
        ("ChargeType", text("new")),
        ("UnitPrice", number(meter.price)),
        ("Quantity", number(row.quantity)),
        ("UnitType", text(meter.unit)),
        ("BillingPreTaxTotal", number(billed)),
        ("BillingCurrency", text(heading.currency.code)),
        ("PricingPreTaxTotal", number(row.cost())),
        ("PricingCurrency", text("USD")),
        ("ServiceInfo1", text("")),
        ("ServiceInfo2", text("")),
        (
            "Tags",
            text(if row.resource == 0 {
                r#"{"env":"production"}"#
            } else {
                ""
            }),
        ),
        (
            "AdditionalInfo",
            text(format!(r#"{{"ServiceType":"{}"}}"#, meter.name)),
        ),
        ("EffectiveUnitPrice", number(row.effective_price())),
        ("PCToBCExchangeRate", number(heading.currency.rate)),
        ("PCToBCExchangeRateDate", midnight(heading.month)),
    ]
}

fn customer_cells(partner: &Partner, customer: usize) -> Cells {
    let customer = &partner.customers[customer];
    vec![
        ("PartnerId", text(&partner.id)),
        ("CustomerId", text(&customer.id)),
        ("CustomerName", text(&customer.name)),
        ("CustomerDomainName", text(&customer.domain)),
        ("CustomerCountry", text(customer.country)),
    ]
}

fn charge_cells(partner: &Partner, heading: Heading<'_>, charge: &Charge) -> Cells {
    let customer = &partner.customers[charge.customer];
    let order = partner.chance.letters(12, &["order", &charge.subscription]);
    let mut cells = customer_cells(partner, charge.customer);
    cells.extend([
        ("InvoiceNumber", text(heading.invoice)),
        ("MpnId", text(PARTNER_MPN)),
        ("ResellerMpnId", text(customer.reseller())),
        ("OrderId", text(order.to_ascii_lowercase())),
        ("OrderDate", midnight(heading.month)),
        ("ProductId", text(charge.product_id)),
        ("SkuId", text(charge.sku_id)),
        ("AvailabilityId", text(charge.availability_id)),
        ("SkuName", text(charge.sku)),
        ("ProductName", text(charge.product)),
        (
            "ChargeType",
            text(if usage_meter(charge).is_some() {
                "new"
            } else {
                "cycleCharge"
            }),
        ),
        ("UnitPrice", number(charge.unit_price)),
        ("Quantity", number(quantity(charge))),
        ("Subtotal", number(charge.subtotal)),
        ("TaxTotal", number(charge.tax)),
        ("Total", number(charge.total())),
        ("Currency", text(heading.currency.code)),
        ("PriceAdjustmentDescription", text(charge.adjustment)),
        ("PublisherName", text("Microsoft Corporation")),
        ("PublisherId", text("")),
        ("SubscriptionDescription", text(plan_name(charge))),
        ("SubscriptionId", text(&charge.subscription)),
    ]);
    cells.extend(charge_terms(partner, heading, charge));
    cells
}

fn charge_terms(partner: &Partner, heading: Heading<'_>, charge: &Charge) -> Cells {
    let (rate, pricing) = match charge.is_priced_as_billed() {
        true => (ONE, heading.currency.code),
        false => (heading.currency.rate, "USD"),
    };
    let (start, end) = (midnight(heading.month), midnight(last_day(heading.month)));
    let unbilled = heading.invoice.is_empty();
    let is_usage = usage_meter(charge).is_some();
    let known = |value: &str| text(if is_usage { "" } else { value });
    let meter = usage_meter(charge).map_or(String::new(), meter_text);
    let reservation = match charge.kind {
        ChargeKind::Reservation => charge.subscription.clone(),
        _ => String::new(),
    };
    let term = match charge.kind {
        ChargeKind::Usage(_) => "",
        ChargeKind::Licence => "One-Year commitment for monthly/yearly billing",
        ChargeKind::Reservation => "1 Year Reservation",
    };
    let alternate = partner
        .chance
        .letters(12, &["alternate", &charge.subscription]);
    vec![
        ("ChargeStartDate", start.clone()),
        ("ChargeEndDate", end.clone()),
        ("TermAndBillingCycle", text(term)),
        ("EffectiveUnitPrice", number(charge.effective_price)),
        (
            "UnitType",
            text(usage_meter(charge).map_or("", |at| METERS[at].unit)),
        ),
        ("AlternateId", text(alternate.to_ascii_lowercase())),
        ("BillableQuantity", number(charge.billable)),
        (
            "BillingFrequency",
            known(if unbilled { "" } else { "Monthly" }),
        ),
        ("PricingCurrency", text(pricing)),
        ("PCToBCExchangeRate", number(rate)),
        ("PCToBCExchangeRateDate", start.clone()),
        ("MeterDescription", text(meter)),
        ("ReservationOrderId", text(reservation)),
        ("CreditReasonCode", text("")),
        (
            "SubscriptionStartDate",
            if is_usage { text("") } else { start },
        ),
        ("SubscriptionEndDate", if is_usage { text("") } else { end }),
        (
            "ReferenceId",
            text(partner.chance.guid(&["reference", &charge.subscription])),
        ),
        ("ProductQualifiers", text("")),
        ("PromotionId", text("")),
        ("ProductCategory", text(description(charge))),
    ]
}

/// GUID of a meter of the catalogue.
pub(super) fn meter_id(partner: &Partner, at: usize) -> String {
    partner
        .chance
        .guid(&["meter", METERS[at].product_id, METERS[at].sku_id])
}

/// How a recon line describes a meter: category, name and region.
pub(super) fn meter_text(at: usize) -> String {
    let meter = &METERS[at];
    let parts = [meter.sub_category, meter.name, meter.region];
    let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    named.join(" - ")
}

const fn usage_meter(charge: &Charge) -> Option<usize> {
    match charge.kind {
        ChargeKind::Usage(at) => Some(at),
        _ => None,
    }
}

/// Purchased units: seats, and one for usage.
const fn quantity(charge: &Charge) -> Exact {
    match charge.kind {
        ChargeKind::Usage(_) => ONE,
        _ => charge.billable,
    }
}

const fn description(charge: &Charge) -> &'static str {
    match charge.kind {
        ChargeKind::Usage(_) => "Azure plan",
        ChargeKind::Licence => "Subscription",
        ChargeKind::Reservation => "Reservation",
    }
}

/// The description by which an Azure plan is told; other subscriptions have none in the samples.
const fn plan_name(charge: &Charge) -> &'static str {
    match charge.kind {
        ChargeKind::Usage(_) => "Azure plan",
        _ => "",
    }
}

fn last_day(month: NaiveDate) -> NaiveDate {
    next_month(month) - Days::new(1)
}
