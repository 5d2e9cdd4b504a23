//! The legacy commerce: classic Azure subscriptions with utilization, rate cards, and the lines of
//! a `D…` invoice of the month before.

use std::rc::Rc;

use super::Files;
use super::object::Object;
use crate::model::decimal::{self, Rounding, fixed};
use crate::model::period::Day;
use crate::synth::SynthError;
use crate::synth::number::number;
use crate::synth::partner::{Customer, Partner, iso};
use crate::synth::random::Random;

const METERS: u64 = 30;
const DAILY_RECORDS: u64 = 300;
/// More than one page of 1,000.
const HOURLY_RECORDS: u64 = 1_100;
const OFFICE_LINES: u64 = 2_500;
/// First unit of a rate card's second tier.
const SECOND_TIER: i128 = 1_024;
const QUANTITY_SCALE: u32 = 15;
const LINE_SCALE: u32 = 6;
const PRICE_SCALE: u32 = 5;
/// Decimals of a second tier's price: more than a spreadsheet keeps.
const FINE_SCALE: u32 = 15;

/// A classic subscription, and what it used.
pub(super) struct Classic {
    customer: Rc<Customer>,
    id: String,
    /// Meter, quantity in units of 10^-15, and day.
    records: Vec<(usize, i128, Day)>,
}

/// A meter of the rate card.
struct ClassicMeter {
    id: String,
    name: String,
    category: &'static str,
    unit: &'static str,
    /// Units of 10^-5.
    price: i128,
    /// From the 1,025th unit on, units of 10^-15; the same for a meter without a second tier.
    second_price: i128,
}

fn meter(partner: &Partner, at: u64) -> ClassicMeter {
    let mut random = Random::of(partner.seed, &[20, at]);
    let kinds = [
        ("Storage", "1 GB"),
        ("Virtual Machines", "Hours"),
        ("Networking", "GB"),
        ("Data Services", "10K"),
    ];
    let (category, unit) = kinds[random.index(kinds.len())];
    let price = i128::from(100 + random.below(90_000));
    let fine = price * 10_i128.pow(FINE_SCALE - PRICE_SCALE);
    let second_price = if at.is_multiple_of(3) {
        price * 9 / 10 * 10_i128.pow(FINE_SCALE - PRICE_SCALE) + 7_744_000_000 / 1_000
    } else {
        fine
    };
    ClassicMeter {
        id: random.guid(),
        name: format!("Classic meter {at:02}"),
        category,
        unit,
        price,
        second_price,
    }
}

/// Writes a classic subscription of a customer: utilization by day and by hour, records, summary.
pub(super) fn write_subscription(
    files: &mut Files,
    partner: &Partner,
    customer: &Rc<Customer>,
    at: usize,
) -> Result<Classic, SynthError> {
    let mut random = Random::of(partner.seed, &[21, at as u64]);
    let (id, entitlement) = (random.guid(), random.guid());
    let key = format!("{}/{id}", customer.id);
    let item = Object::new()
        .text("id", &id.to_uppercase())
        .text("entitlementId", &entitlement)
        .text("offerId", "MS-AZR-0145P")
        .text("offerName", "Microsoft Azure")
        .text("friendlyName", "Microsoft Azure")
        .raw("quantity", "1")
        .text("unitType", "Usage-based")
        .text("status", "active")
        .text("billingType", "usage")
        .text("contractType", "subscription")
        .of_type("Subscription");
    files.put("subscriptions", &customer.id, &item)?;
    let mut sums = vec![0_i128; usize::try_from(METERS).unwrap_or(0)];
    let mut records = Vec::new();
    for record in 0..DAILY_RECORDS {
        let (index, quantity) = (
            random.index(sums.len()),
            i128::from(1 + random.below(900_000_000_000_000_000)),
        );
        sums[index] += quantity;
        let day = partner.dates.first + i32::try_from(record % partner.dates.count()).unwrap_or(0);
        records.push((index, quantity, day));
        let (start, end) = (
            format!("{}T17:00:00-07:00", iso(day - 1)),
            format!("{}T17:00:00-07:00", iso(day)),
        );
        let item = utilization(
            &meter(partner, index as u64),
            &entitlement,
            (&start, &end),
            quantity,
            record,
        );
        files.put("utilization_daily", &key, &item)?;
    }
    for record in 0..HOURLY_RECORDS {
        let index = random.below(METERS);
        let quantity = i128::from(1 + random.below(40_000_000_000_000));
        let day =
            iso(partner.dates.first
                + i32::try_from(record / 24 % partner.dates.count()).unwrap_or(0));
        let hour = record % 24;
        let window = (
            format!("{day}T{hour:02}:00:00+00:00"),
            format!("{day}T{hour:02}:59:59+00:00"),
        );
        let item = utilization(
            &meter(partner, index),
            &entitlement,
            (&window.0, &window.1),
            quantity,
            record,
        );
        files.put("utilization_hourly", &key, &item)?;
    }
    write_records(files, partner, customer, &id, &sums)?;
    Ok(Classic {
        customer: Rc::clone(customer),
        id,
        records,
    })
}

fn utilization(
    meter: &ClassicMeter,
    entitlement: &str,
    (start, end): (&str, &str),
    quantity: i128,
    record: u64,
) -> String {
    let resource = Object::new()
        .text("id", &meter.id)
        .text("name", &meter.name)
        .text("category", meter.category)
        .text("subcategory", "")
        .text("region", "EU West")
        .end();
    let uri = format!(
        "/subscriptions/{entitlement}/resourceGroups/classic/providers/Microsoft.Compute/virtualMachines/vm{:03}",
        record % 9
    );
    let instance = Object::new()
        .text("resourceUri", &uri)
        .text("location", "westeurope")
        .text("partNumber", "")
        .text("orderNumber", "")
        .raw("tags", &Object::new().text("env", "prod").end())
        .raw("additionalInfo", "{}")
        .end();
    let plain = number(quantity, QUANTITY_SCALE);
    // A number in one record, text in another.
    let quantity = if record % 7 == 3 {
        format!("\"{plain}\"")
    } else {
        plain
    };
    Object::new()
        .text("usageStartTime", start)
        .text("usageEndTime", end)
        .raw("resource", &resource)
        .raw("quantity", &quantity)
        .text("unit", meter.unit)
        .raw("infoFields", "{}")
        .raw("instanceData", &instance)
        .of_type("AzureUtilizationRecord")
}

fn write_records(
    files: &mut Files,
    partner: &Partner,
    customer: &Customer,
    id: &str,
    sums: &[i128],
) -> Result<(), SynthError> {
    let key = format!("{}/{id}", customer.id);
    let mut total = 0;
    let date = format!("{}T23:04:41.193+00:00", iso(partner.dates.next + 1));
    for (at, quantity) in sums
        .iter()
        .enumerate()
        .filter(|(_, quantity)| **quantity > 0)
    {
        let meter = meter(partner, at as u64);
        let cost = quantity * meter.price;
        total += cost;
        let item = Object::new()
            .text("category", meter.category)
            .text("subcategory", "")
            .raw("quantityUsed", &number(*quantity, QUANTITY_SCALE))
            .text("unit", meter.unit)
            .text("id", &meter.id)
            .text("name", &meter.name)
            .raw("totalCost", &number(cost, QUANTITY_SCALE + PRICE_SCALE))
            .text("currencyLocale", "en-US")
            .text("lastModifiedDate", &date)
            .of_type("AzureResourceMonthlyUsageRecord");
        files.put("classic_usage_records", &key, &item)?;
    }
    let cost = number(total, QUANTITY_SCALE + PRICE_SCALE);
    let item = Object::new()
        .text("resourceId", id)
        .text("id", id)
        .text("resourceName", "Microsoft Azure")
        .text("name", "Microsoft Azure")
        .text(
            "billingStartDate",
            &format!("{}T00:00:00-07:00", iso(partner.dates.first)),
        )
        .text(
            "billingEndDate",
            &format!("{}T00:00:00-07:00", iso(partner.dates.next - 1)),
        )
        .raw("totalCost", &cost)
        .text("currencyLocale", "en-US")
        .text("lastModifiedDate", &date)
        .of_type("SubscriptionUsageSummary");
    files.put("subscription_usage_summary", &key, &item)
}

/// Writes the rate cards; every third meter has a second tier.
pub(super) fn write_rate_cards(files: &mut Files, partner: &Partner) -> Result<(), SynthError> {
    let meters = (0..METERS).map(|at| {
        let meter = meter(partner, at);
        let mut rates = Object::new().raw("0", &number(meter.price, PRICE_SCALE));
        if at % 3 == 0 {
            rates = rates.raw(
                &SECOND_TIER.to_string(),
                &fixed(meter.second_price, FINE_SCALE),
            );
        }
        Object::new()
            .text("id", &meter.id)
            .text("name", &meter.name)
            .raw("rates", &rates.end())
            .raw("tags", "[]")
            .text("category", meter.category)
            .text("subcategory", "")
            .text("region", "EU West")
            .text("unit", meter.unit)
            .raw("includedQuantity", "0.0")
            .text("effectiveDate", "2015-09-01T00:00:00Z")
            .end()
    });
    let meters = meters.collect::<Vec<_>>().join(",");
    let excluded = format!("[\"{}\"]", meter(partner, 1).id);
    let term = Object::new()
        .text("name", "Overage discount")
        .raw("discount", "0.15")
        .raw("excludedMeterIds", &excluded)
        .text("effectiveDate", "2014-01-01T00:00:00")
        .end();
    let card = Object::new()
        .text("locale", "en-US")
        .text("currency", "USD")
        .raw("isTaxIncluded", "false")
        .raw("meters", &format!("[{meters}]"))
        .raw("offerTerms", &format!("[{term}]"))
        .of_type("AzureRateCard");
    files.put("rate_card", "", &card)?;
    files.put("shared_rate_card", "", &card)
}

/// Writes a legacy invoice that touches the period, and its three kinds of lines; its header.
pub(super) fn write_legacy(
    files: &mut Files,
    partner: &Partner,
    classics: &[Classic],
    planted: bool,
) -> Result<String, SynthError> {
    let mut random = Random::of(partner.seed, &[22]);
    let id = format!("D0{}", random.digits(8));
    let instant = |day| format!("{}T00:00:00Z", iso(day));
    let (start, end) = (
        instant(partner.dates.first),
        instant(partner.dates.next - 1),
    );
    let mut cents = 0;
    for line in 0..OFFICE_LINES {
        let customer = partner.customer(usize::try_from(line % 8).unwrap_or(0));
        let (quantity, price) = (
            i128::from(1 + random.below(40)),
            i128::from(100 + random.below(4_000)),
        );
        let (amount, tax) = (quantity * price, quantity * price / 10);
        cents += amount + tax;
        let item = Object::new()
            .text("partnerId", &partner.id)
            .text("customerId", &customer.id)
            .text("customerName", &customer.name)
            .raw("mpnId", &partner.mpn_id)
            .raw("tier2MpnId", "-1")
            .text("orderId", &format!("9{:017}", line))
            .text("subscriptionId", &random.guid())
            .text(
                "syndicationPartnerSubscriptionNumber",
                &random.guid().to_uppercase(),
            )
            .text("offerId", "91FD106F-4B2C-4938-95AC-F54F74E9A239")
            .text("durableOfferId", "91FD106F-4B2C-4938-95AC-F54F74E9A239")
            .text("offerName", "Office 365 E3, synthetic")
            .text("chargeStartDate", &start)
            .text("chargeEndDate", &end)
            .text(
                "chargeType",
                if line % 50 == 7 {
                    "Cancel instance prorate"
                } else {
                    "Cycle fee"
                },
            )
            .raw("unitPrice", &fixed(price, 2))
            .raw("quantity", &quantity.to_string())
            .raw("amount", &fixed(amount, 2))
            .raw("totalOtherDiscount", "0.0")
            .raw("subtotal", &fixed(amount, 2))
            .raw("tax", &fixed(tax, 2))
            .raw("totalForCustomer", &fixed(amount + tax, 2))
            .text("currency", "USD")
            .text("invoiceLineItemType", "billing_line_items")
            .text("billingProvider", "office")
            .of_type("LicenseBasedLineItem");
        files.put("office_lines", &id, &item)?;
    }
    cents += write_azure(files, partner, &id, (&start, &end), classics, planted)?;
    let detail = |kind: &str, provider: &str| {
        Object::new()
            .text("invoiceLineItemType", kind)
            .text("billingProvider", provider)
            .of_type("InvoiceDetail")
    };
    let details = [
        detail("billing_line_items", "office"),
        detail("billing_line_items", "azure"),
        detail("usage_line_items", "azure"),
    ]
    .join(",");
    let header = Object::new()
        .text("id", &id)
        .text(
            "invoiceDate",
            &format!("{}T01:22:47.603895Z", iso(partner.dates.next + 1)),
        )
        .text("billingPeriodStartDate", &start)
        .text("billingPeriodEndDate", &end)
        .raw("totalCharges", &fixed(cents, 2))
        .raw("paidAmount", "0")
        .text("currencyCode", "USD")
        .text("currencySymbol", "$")
        .text(
            "pdfDownloadLink",
            &format!("/invoices/{id}/documents/statement"),
        )
        .raw("invoiceDetails", &format!("[{details}]"))
        .text("documentType", "invoice")
        .text("invoiceType", "Recurring")
        .of_type("Invoice");
    files.put("legacy_invoices", "", &header)?;
    Ok(header)
}

/// Usage and money lines of classic Azure; the money, in cents. Planted, one record has no usage
/// line, another a unit more, and one meter another price than the card's.
fn write_azure(
    files: &mut Files,
    partner: &Partner,
    id: &str,
    cycle: (&str, &str),
    classics: &[Classic],
    planted: bool,
) -> Result<i128, SynthError> {
    let mut cents = 0;
    for (number_of_plan, classic) in classics.iter().enumerate() {
        let plant = |record: usize, at: usize| planted && number_of_plan == 0 && record == at;
        let mut used = vec![0_i128; usize::try_from(METERS).unwrap_or(0)];
        for (record, (index, quantity, day)) in classic.records.iter().enumerate() {
            // Lines have six decimals.
            let exact = decimal::divide(
                *quantity,
                10_i128.pow(QUANTITY_SCALE - LINE_SCALE),
                Rounding::HalfUp,
            );
            let line = exact
                + if plant(record, 5) {
                    10_i128.pow(LINE_SCALE)
                } else {
                    0
                };
            used[*index] += line;
            if plant(record, 3) {
                continue;
            }
            let item = azure_line(
                partner,
                classic,
                &meter(partner, *index as u64),
                id,
                cycle,
                line,
            )
            .text("usageDate", &format!("{}T00:00:00Z", iso(*day)))
            .text("meteredRegion", "EU West")
            .text("meteredService", "STORAGE")
            .text("meteredServiceType", "")
            .text("invoiceLineItemType", "usage_line_items")
            .of_type("DailyUsageLineItem");
            files.put("azure_usage_lines", id, &item)?;
        }
        for (index, quantity) in used
            .into_iter()
            .enumerate()
            .filter(|(_, quantity)| *quantity > 0)
        {
            let meter = meter(partner, index as u64);
            let limit = SECOND_TIER * 10_i128.pow(LINE_SCALE);
            let first_price = meter.price * 10_i128.pow(FINE_SCALE - PRICE_SCALE);
            let tiers = [
                (quantity.min(limit), first_price),
                ((quantity - limit).max(0), meter.second_price),
            ];
            for (tier, (quantity, price)) in tiers
                .into_iter()
                .enumerate()
                .filter(|(_, (quantity, _))| *quantity > 0)
            {
                let price = if plant(index, 0) {
                    price * 103 / 100
                } else {
                    price
                };
                // Half up to cents, as the legacy commerce rounds.
                let amount = decimal::divide(
                    quantity * price,
                    10_i128.pow(LINE_SCALE + FINE_SCALE - 2),
                    Rounding::HalfUp,
                );
                cents += amount;
                let item = azure_line(partner, classic, &meter, id, cycle, quantity)
                    .raw("detailLineItemId", &(tier + 1).to_string())
                    .raw("includedQuantity", "0")
                    .raw("overageQuantity", &number(quantity, LINE_SCALE))
                    .raw("listPrice", &number(price, FINE_SCALE))
                    .text("currency", "USD")
                    .raw("pretaxCharges", &fixed(amount, 2))
                    .raw("taxAmount", "0")
                    .raw("postTaxTotal", &fixed(amount, 2))
                    .text("chargeType", "Assess usage fee for current cycle")
                    .text("invoiceLineItemType", "billing_line_items")
                    .of_type("UsageBasedLineItem");
                files.put("azure_lines", id, &item)?;
            }
        }
    }
    Ok(cents)
}

fn azure_line(
    partner: &Partner,
    classic: &Classic,
    meter: &ClassicMeter,
    id: &str,
    (start, end): (&str, &str),
    quantity: i128,
) -> Object {
    Object::new()
        .text("partnerId", &partner.id)
        .text("partnerName", partner.name)
        .text("customerId", &classic.customer.id)
        .text("customerCompanyName", &classic.customer.name)
        .raw("mpnId", &partner.mpn_id)
        .text("invoiceNumber", id)
        .text("subscriptionId", &classic.id.to_uppercase())
        .text("serviceName", meter.category)
        .text("resourceGuid", &meter.id.to_uppercase())
        .text("resourceName", &meter.name)
        .text("region", "EU West")
        .raw("consumedQuantity", &number(quantity, LINE_SCALE))
        .text("unit", meter.unit)
        .text("chargeStartDate", start)
        .text("chargeEndDate", end)
        .text("billingProvider", "azure")
}
