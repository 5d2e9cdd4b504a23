//! Classic subscriptions: utilization by day and by hour, usage records, a summary.

use std::rc::Rc;

use super::meter::{ClassicMeter, METERS, PRICE_SCALE, QUANTITY_SCALE, meter};
use crate::model::period::Day;
use crate::synth::number::number;
use crate::synth::partner::{Customer, Partner, iso};
use crate::synth::partner_center::files::Files;
use crate::synth::partner_center::object::Object;
use crate::synth::random::Random;
use crate::synth::request::SynthError;

/// Number of daily utilization records of a subscription.
const DAILY_RECORDS: u64 = 300;
/// Number of hourly utilization records: more than one page of 1,000.
const HOURLY_RECORDS: u64 = 1_100;

/// Classic subscription with its daily utilization.
pub(in crate::synth::partner_center) struct Classic {
    pub(super) customer: Rc<Customer>,
    pub(super) id: String,
    /// Daily utilization records, in the order in which they are written.
    pub(super) records: Vec<Utilized>,
}

/// Use of one meter on one day.
pub(super) struct Utilized {
    /// Position of the meter on the rate card.
    pub(super) meter: usize,
    /// Quantity in units of 10^-15.
    pub(super) quantity: i128,
    pub(super) day: Day,
}

/// Writes a classic subscription of a customer: itself, utilization by day and by hour, records,
/// summary.
pub(in crate::synth::partner_center) fn write_subscription(
    files: &mut Files,
    partner: &Partner,
    customer: &Rc<Customer>,
    at: usize,
) -> Result<Classic, SynthError> {
    let mut random = Random::of(partner.seed, &[21, at as u64]);
    let (id, entitlement) = (random.guid(), random.guid());
    let item = Object::new()
        // In the other case than in all records of it: ids are to be compared without case.
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
    let key = format!("{}/{id}", customer.id);
    let records = write_daily(files, partner, &key, &entitlement, &mut random)?;
    write_hourly(files, partner, &key, &entitlement, &mut random)?;
    write_records(files, partner, &key, &id, &records)?;
    Ok(Classic {
        customer: Rc::clone(customer),
        id,
        records,
    })
}

/// Writes utilization by day, in windows of a day on the Pacific coast.
fn write_daily(
    files: &mut Files,
    partner: &Partner,
    key: &str,
    entitlement: &str,
    random: &mut Random,
) -> Result<Vec<Utilized>, SynthError> {
    let mut records = Vec::new();
    for record in 0..DAILY_RECORDS {
        let at = random.index(METERS);
        let quantity = i128::from(1 + random.below(900_000_000_000_000_000));
        let day = day_of(partner, record);
        records.push(Utilized {
            meter: at,
            quantity,
            day,
        });
        // 17:00 on the Pacific coast is midnight UTC: the usage is of the UTC day `day`, though its
        // window names the day before (model::domain::quirks, JSON of the API 3).
        let window = (
            format!("{}T17:00:00-07:00", iso(day - 1)),
            format!("{}T17:00:00-07:00", iso(day)),
        );
        let meter = meter(partner, at);
        let item = utilization(&meter, entitlement, &window, quantity, record);
        files.put("utilization_daily", key, &item)?;
    }
    Ok(records)
}

/// Writes utilization by hour, one record an hour.
fn write_hourly(
    files: &mut Files,
    partner: &Partner,
    key: &str,
    entitlement: &str,
    random: &mut Random,
) -> Result<(), SynthError> {
    for record in 0..HOURLY_RECORDS {
        let meter = meter(partner, random.index(METERS));
        let quantity = i128::from(1 + random.below(40_000_000_000_000));
        let (day, hour) = (iso(day_of(partner, record / 24)), record % 24);
        let window = (
            format!("{day}T{hour:02}:00:00+00:00"),
            format!("{day}T{hour:02}:59:59+00:00"),
        );
        let item = utilization(&meter, entitlement, &window, quantity, record);
        files.put("utilization_hourly", key, &item)?;
    }
    Ok(())
}

/// Day of the month for a running number; after the last day comes the first again.
fn day_of(partner: &Partner, number: u64) -> Day {
    let offset = number % partner.dates.count();
    partner.dates.first + i32::try_from(offset).expect("a day of a month")
}

/// Utilization record of a meter in a window.
fn utilization(
    meter: &ClassicMeter,
    entitlement: &str,
    (start, end): &(String, String),
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
        "/subscriptions/{entitlement}/resourceGroups/classic/providers/\
         Microsoft.Compute/virtualMachines/vm{:03}",
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

/// Writes the usage records of the month by meter, and the summary of the subscription.
fn write_records(
    files: &mut Files,
    partner: &Partner,
    key: &str,
    id: &str,
    records: &[Utilized],
) -> Result<(), SynthError> {
    let mut sums = [0_i128; METERS];
    for record in records {
        sums[record.meter] += record.quantity;
    }
    let mut total = 0;
    let date = format!("{}T23:04:41.193+00:00", iso(partner.dates.next + 1));
    let used = sums.into_iter().enumerate();
    for (at, quantity) in used.filter(|(_, quantity)| *quantity > 0) {
        let meter = meter(partner, at);
        let cost = quantity * meter.price;
        total += cost;
        let item = Object::new()
            .text("category", meter.category)
            .text("subcategory", "")
            .raw("quantityUsed", &number(quantity, QUANTITY_SCALE))
            .text("unit", meter.unit)
            .text("id", &meter.id)
            .text("name", &meter.name)
            .raw("totalCost", &number(cost, QUANTITY_SCALE + PRICE_SCALE))
            .text("currencyLocale", "en-US")
            .text("lastModifiedDate", &date)
            .of_type("AzureResourceMonthlyUsageRecord");
        files.put("classic_usage_records", key, &item)?;
    }
    // 20 decimals, the longest published scale of a total: model::domain::resources §A, point 2.
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
    files.put("subscription_usage_summary", key, &item)
}
