//! Usage records and summaries: sums of the usage rows by meter and resource, by plan, by customer
//! ([resources §B](crate::model::domain::resources)).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::Files;
use super::object::Object;
use crate::synth::catalogue::Meter;
use crate::synth::number::number;
use crate::synth::partner::{Customer, Entitlement, Partner, Plan, iso};
use crate::synth::request::SynthError;
use crate::synth::usage::{Amounts, QUANTITY_SCALE, Rated, TOTAL_SCALE, UsageRow};

/// Offer of the new commerce's Azure plan: product, SKU and availability.
const PLAN_OFFER: &str = "DZH318Z0BPS6:0001:DZH318Z0BML6";

/// Quantity and amounts of some usage rows.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    quantity: i128,
    billing: i128,
    pricing: i128,
}

impl Cost {
    fn add(&mut self, amounts: Amounts) {
        self.quantity += amounts.quantity;
        self.billing += amounts.billing;
        self.pricing += amounts.pricing;
    }

    fn and(&mut self, other: Self) {
        self.quantity += other.quantity;
        self.billing += other.billing;
        self.pricing += other.pricing;
    }

    fn total(self) -> String {
        number(self.billing, TOTAL_SCALE)
    }

    fn usd(self) -> String {
        number(self.pricing, TOTAL_SCALE)
    }
}

/// Sums of the rows of a plan, by meter, by resource and of all.
#[derive(Default)]
pub(super) struct PlanSums {
    /// Sums by the meter's rank.
    meters: BTreeMap<u64, (Rc<Meter>, Cost)>,
    /// Sums by the meter's rank and the price.
    prices: BTreeMap<(u64, Rated), (Rc<Meter>, Cost)>,
    /// Sums by the resource's canonical ARM id.
    resources: BTreeMap<String, (ResourcePlace, Cost)>,
    all: Cost,
}

/// Place of a resource: its Azure subscription, resource group and provider.
struct ResourcePlace {
    entitlement: Rc<Entitlement>,
    group: String,
    kind: &'static str,
}

impl PlanSums {
    /// Meters of the rows, by their rank.
    pub(super) fn meters(&self) -> impl Iterator<Item = (u64, Rc<Meter>)> {
        let meters = self.meters.iter();
        meters.map(|(rank, (meter, _))| (*rank, Rc::clone(meter)))
    }

    /// Adds a usage row.
    pub(super) fn add(&mut self, row: &UsageRow) {
        let series = &row.series;
        let meter = series.meter();
        let entry = self.meters.entry(meter.rank);
        let (_, cost) = entry.or_insert_with(|| (Rc::clone(meter), Cost::default()));
        cost.add(row.amounts);
        let entry = self.prices.entry((meter.rank, row.rated));
        let (_, cost) = entry.or_insert_with(|| (Rc::clone(meter), Cost::default()));
        cost.add(row.amounts);
        // Not by `entry`, which would copy the id of the resource for every row.
        if let Some((_, cost)) = self.resources.get_mut(series.uri()) {
            cost.add(row.amounts);
        } else {
            let (entitlement, group) = series.place();
            let place = ResourcePlace {
                entitlement: Rc::clone(entitlement),
                group: group.to_owned(),
                kind: meter.service.provider,
            };
            let mut cost = Cost::default();
            cost.add(row.amounts);
            self.resources
                .insert(series.uri().to_owned(), (place, cost));
        }
        self.all.add(row.amounts);
    }
}

/// Customer with the sums of its rows.
pub(super) struct CustomerSums {
    pub(super) customer: Rc<Customer>,
    all: Cost,
}

impl CustomerSums {
    /// Customer without any rows yet.
    pub(super) fn new(customer: &Rc<Customer>) -> Self {
        Self {
            customer: Rc::clone(customer),
            all: Cost::default(),
        }
    }

    /// Adds the sums of a plan.
    pub(super) fn add(&mut self, sums: &PlanSums) {
        self.all.and(sums.all);
    }
}

/// Instant of the last change, with seven fractional digits as in published answers.
fn modified(partner: &Partner) -> String {
    format!("{}T21:08:44.2566667+00:00", iso(partner.dates.next + 1))
}

/// Object with costs and date, which all records and summaries have.
fn costed(object: Object, partner: &Partner, currency: &str, cost: Cost) -> Object {
    object
        .raw("totalCost", &cost.total())
        .text("currencyCode", currency)
        .raw("usdTotalCost", &cost.usd())
        .text("lastModifiedDate", &modified(partner))
}

/// Summary of the month; `object` holds what comes before its id and name.
fn summary(
    partner: &Partner,
    (id, name): (&str, &str),
    currency: &str,
    cost: Cost,
    object: Object,
    object_type: &str,
) -> String {
    let object = object
        .text("resourceId", id)
        .text("resourceName", name)
        .text(
            "billingStartDate",
            &format!("{}T00:00:00+00:00", iso(partner.dates.first)),
        )
        .text(
            // Exclusive, the first day of the next month: model::domain::semantics §9.
            "billingEndDate",
            &format!("{}T00:00:00+00:00", iso(partner.dates.next)),
        );
    costed(object, partner, currency, cost).of_type(object_type)
}

/// Writes a plan: subscription, entitlements, records by meter and by resource, and a summary that
/// has `surplus` whole units of money more than they.
pub(super) fn write_plan(
    files: &mut Files,
    partner: &Partner,
    plan: &Plan,
    sums: &PlanSums,
    surplus: i128,
) -> Result<(), SynthError> {
    let customer = &plan.customer;
    let key = format!("{}/{}", customer.id, plan.id);
    write_subscription(files, plan, &key)?;
    let currency = customer.invoice.currency;
    for (meter, cost) in sums.meters.values() {
        let item = meter_record(partner, plan, meter, *cost);
        files.put("meter_usage_records", &key, &item)?;
    }
    for ((_, rated), (meter, cost)) in &sums.prices {
        let item = aggregated(plan, meter, *rated, *cost);
        files.put("aggregated_usage", &customer.invoice.number, &item)?;
    }
    for (uri, (place, cost)) in &sums.resources {
        let item = resource_record(partner, plan, uri, place, *cost);
        files.put("resource_usage_records", &key, &item)?;
    }
    let record = Object::new()
        .text("status", "active")
        .text("partnerOnRecord", &partner.mpn_id)
        .text("offerId", PLAN_OFFER)
        .text("resourceId", &plan.id)
        .text("id", &plan.id)
        .text("resourceName", "Azure plan")
        .text("name", "Azure plan");
    files.put(
        "subscription_usage_records",
        &customer.id,
        &costed(record, partner, currency, sums.all).of_type("SubscriptionMonthlyUsageRecord"),
    )?;
    let names = (plan.id.as_str(), "Azure plan");
    let mut all = sums.all;
    // On the summary only, for the tie-out of records to their summary to find.
    all.billing += surplus * 10_i128.pow(TOTAL_SCALE);
    files.put(
        "subscription_usage_summary",
        &key,
        &summary(
            partner,
            names,
            currency,
            all,
            Object::new(),
            "SubscriptionUsageSummary",
        ),
    )
}

/// Writes the subscription of a plan, and its entitlements.
fn write_subscription(files: &mut Files, plan: &Plan, key: &str) -> Result<(), SynthError> {
    let subscription = Object::new()
        .text("id", &plan.id)
        .text("offerId", PLAN_OFFER)
        .text("offerName", "Azure plan")
        .text("friendlyName", "Azure plan")
        .raw("quantity", "1")
        .text("unitType", "none")
        // Blanks inside the time, as a published sample has: model::domain::quirks, JSON of the
        // API 3.
        .text("creationDate", "2024-03-11T08: 41: 12Z")
        .text("effectiveStartDate", "2024-03-11T00:00:00Z")
        .text("status", "active")
        .raw("autoRenewEnabled", "true")
        .text("billingType", "usage")
        .text("contractType", "subscription")
        .of_type("Subscription");
    files.put("subscriptions", &plan.customer.id, &subscription)?;
    for entitlement in &plan.entitlements {
        let item = Object::new()
            // In upper case, unlike in the records of its resources: joins must fold the ids.
            .text("id", &entitlement.upper_id)
            .text("friendlyName", &entitlement.description)
            .text("status", "active")
            .text("subscriptionId", &plan.id)
            .end();
        files.put("azure_entitlements", key, &item)?;
    }
    Ok(())
}

fn meter_record(partner: &Partner, plan: &Plan, meter: &Meter, cost: Cost) -> String {
    let object = Object::new()
        .text("subscriptionId", &plan.id)
        .text(
            // No GUID: records of an Azure plan name product, SKU and meter in one text.
            "meterId",
            &format!("{}-{}-{}", meter.product_id, meter.sku_id, meter.meter_name),
        )
        .text("meterName", &meter.meter_name)
        .text("category", meter.service.category)
        .text("subcategory", meter.service.sub_category)
        .raw("quantityUsed", &number(cost.quantity, QUANTITY_SCALE))
        .text("unit", meter.service.unit);
    costed(object, partner, plan.customer.invoice.currency, cost).of_type("MeterUsageRecord")
}

/// Billed aggregated usage of a meter at one price. Nothing of it has a promotion: usage does not
/// know them.
fn aggregated(plan: &Plan, meter: &Meter, rated: Rated, cost: Cost) -> String {
    let (list, earned) = (&meter.unit_price_text, &meter.earned_price_text);
    let (partner, effective) = match rated {
        Rated::Earned => (earned, earned.as_str()),
        Rated::Retail => (list, list.as_str()),
        Rated::Granted(true) | Rated::Covered(true) => (earned, "0"),
        Rated::Granted(false) | Rated::Covered(false) => (list, "0"),
    };
    Object::new()
        .text("InvoiceNumber", &plan.customer.invoice.number)
        .text("CustomerId", &plan.customer.id)
        .text("SubscriptionId", &plan.id)
        .text("ProductId", &meter.product_id)
        .text("SkuId", &meter.sku_id)
        .text("MeterId", &meter.meter_id)
        .raw("Quantity", &number(cost.quantity, QUANTITY_SCALE))
        .raw("UnitPrice", list)
        .raw("PartnerPrice", partner)
        .raw("EffectiveUnitPrice", effective)
        .text("PriceBenefits", "")
        .text("PricingCurrency", "USD")
        .end()
}

fn resource_record(
    partner: &Partner,
    plan: &Plan,
    uri: &str,
    place: &ResourcePlace,
    cost: Cost,
) -> String {
    let (_, name) = uri.rsplit_once('/').expect("an ARM id is a path");
    let object = Object::new()
        .text("subscriptionId", &plan.id)
        .text("resourceUri", uri)
        .text("resourceType", place.kind)
        .text("entitlementId", &place.entitlement.id)
        .text("entitlementName", &place.entitlement.description)
        .text("resourceGroupName", &place.group)
        .text("name", name)
        .text("resourceName", name);
    costed(object, partner, plan.customer.invoice.currency, cost).of_type("ResourceUsageRecord")
}

/// Writes a customer: itself, its record, summary and budget.
pub(super) fn write_customer(
    files: &mut Files,
    partner: &Partner,
    sums: &CustomerSums,
) -> Result<(), SynthError> {
    let CustomerSums { customer, all } = sums;
    let profile = Object::new()
        .text("tenantId", &customer.id)
        .text("domain", &customer.domain)
        .text("companyName", &customer.name)
        .of_type("CustomerCompanyProfile");
    let item = Object::new()
        .text("id", &customer.id)
        .raw("companyProfile", &profile)
        .text("relationshipToPartner", "reseller")
        .of_type("Customer");
    files.put("customers", "", &item)?;
    let budget = Object::new()
        .raw("amount", "5000")
        .of_type("SpendingBudget");
    let object = Object::new()
        .raw("budget", &budget)
        .raw("percentUsed", "28.08")
        .raw("isUpgraded", &has_azure_plan(customer).to_string())
        .text("resourceId", &customer.id)
        .text("id", &customer.id)
        .text("resourceName", &customer.name)
        .text("name", &customer.name);
    let currency = customer.invoice.currency;
    files.put(
        "customer_usage_records",
        "",
        &costed(object, partner, currency, *all).of_type("CustomerMonthlyUsageRecord"),
    )?;
    // Microsoft's own misspelling, for customers without a reseller.
    let summed = if customer.reseller.is_empty() {
        Object::new()
            .raw("ammount", "5000.000000")
            .of_type("SpendingBudget")
    } else {
        budget
    };
    let object = Object::new().raw("budget", &summed);
    let names = (customer.id.as_str(), customer.name.as_str());
    files.put(
        "customer_usage_summary",
        &customer.id,
        &summary(
            partner,
            names,
            currency,
            *all,
            object,
            "CustomerUsageSummary",
        ),
    )?;
    files.put(
        "usage_budget",
        &customer.id,
        &Object::new()
            .raw("amount", "5000")
            .raw("usageSpendingBudget", "5000")
            .of_type("SpendingBudget"),
    )
}

/// True for most customers, as their records tell it: the partner's summary counts the others only.
fn has_azure_plan(customer: &Customer) -> bool {
    !customer.id.ends_with(['0', '4', '8', 'c'])
}

/// Writes the partner's summary. It has one currency: the first invoice's, and of that invoice's
/// customers without an Azure plan only.
pub(super) fn write_partner(
    files: &mut Files,
    partner: &Partner,
    customers: &[CustomerSums],
) -> Result<(), SynthError> {
    let currency = partner.invoices[0].currency;
    let mut all = Cost::default();
    customers
        .iter()
        .filter(|sums| sums.customer.invoice.currency == currency)
        .filter(|sums| !has_azure_plan(&sums.customer))
        .for_each(|sums| all.and(sums.all));
    let object = Object::new()
        .raw("customersOverBudget", "1")
        .raw("customersTrendingOver", "0")
        .raw(
            "customersWithUsageBasedSubscription",
            &customers.len().to_string(),
        );
    let names = (partner.id.as_str(), partner.name);
    files.put(
        "partner_usage_summary",
        "",
        &summary(partner, names, currency, all, object, "PartnerUsageSummary"),
    )
}
