//! Partner Center's estimates of the running month (endpoints rows 9-18): summaries, usage records
//! and budgets.

use chrono::Days;

use super::super::message::Answer;
use super::bill::{month_of, next_month};
use super::books::{Partner, currency_of};
use super::catalogue::METERS;
use super::classic::{ClassicUsage, classic_usage};
use super::directory::no_subscription;
use super::exact::{Exact, sum};
use super::json::{Json, count, number, object, text};
use super::paging::{collection, link};
use super::partner::{Customer, PARTNER_NAME, Standing};
use super::rated::UsageRow;
use super::refusals;
use super::spelled::object_type;

/// Cost of the running month in a customer's currency and in US dollars, with 20 decimals at most.
fn cost(at: usize, rows: &[UsageRow]) -> (Exact, Exact) {
    let dollars = sum(rows.iter().map(UsageRow::cost));
    (dollars.times(currency_of(at).rate).down(20), dollars)
}

fn rows_of(partner: &Partner, at: usize) -> Vec<UsageRow> {
    let plans = 0..partner.customers[at].plans.len();
    plans
        .flat_map(|plan| partner.usage_to_date(at, plan))
        .collect()
}

fn modified(partner: &Partner) -> Json {
    text(format!(
        "{}T17:08:11.1433333+00:00",
        partner.today() - Days::new(1)
    ))
}

/// Usage of a classic subscription in the running month, by meter.
fn classic_totals(partner: &Partner, customer: &Customer) -> Vec<(ClassicUsage, Exact)> {
    let first = month_of(partner.today());
    let rows = match partner.today() > first {
        true => classic_usage(
            partner.chance,
            customer,
            (first, partner.today() - Days::new(1)),
        ),
        false => Vec::new(),
    };
    let mut totals: Vec<(ClassicUsage, Exact)> = Vec::new();
    for row in rows {
        match totals
            .iter_mut()
            .find(|(known, _)| known.meter.id == row.meter.id)
        {
            Some((_, total)) => *total = total.plus(row.quantity),
            None => totals.push((row.clone(), row.quantity)),
        }
    }
    totals
}

fn classic_cost(partner: &Partner, customer: &Customer) -> Exact {
    let totals = classic_totals(partner, customer);
    sum(totals
        .iter()
        .map(|(row, total)| row.meter.price.times(*total)))
    .down(6)
}

/// The members that tell what a summary or record is of, and what it costs.
fn costs(partner: &Partner, at: usize, (id, name): (&str, &str)) -> Json {
    let customer = &partner.customers[at];
    let named = object([("resourceId", text(id)), ("resourceName", text(name))]);
    if customer.classic.is_some() {
        return named
            .with("id", text(id))
            .with("name", text(name))
            .with("totalCost", number(classic_cost(partner, customer)))
            .with("currencyLocale", text("de-DE"));
    }
    let (local, dollars) = cost(at, &rows_of(partner, at));
    named
        .with("totalCost", number(local))
        .with("currencyCode", text(currency_of(at).code))
        .with("usdTotalCost", number(dollars))
}

/// First and last instant of the running period; an Azure plan's ends where the next begins.
fn span(partner: &Partner, classic: bool) -> (Json, Json) {
    let first = month_of(partner.today());
    let next = next_month(first);
    match classic {
        true => (
            text(format!("{first}T00:00:00-08:00")),
            text(format!("{}T00:00:00-08:00", next - Days::new(1))),
        ),
        false => (
            text(format!("{first}T00:00:00+00:00")),
            text(format!("{next}T00:00:00+00:00")),
        ),
    }
}

fn summary(partner: &Partner, body: Json, uri: &str, classic: bool, name: &str) -> Answer {
    let (start, end) = span(partner, classic);
    let body = body
        .with("billingStartDate", start)
        .with("billingEndDate", end)
        .with("lastModifiedDate", modified(partner))
        .with("links", object([("self", link(uri, Vec::new()))]))
        .with("attributes", object_type(name));
    Answer::json(200, body.to_string())
}

/// Usage summary of the partner: customers with an Azure plan are left out.
pub(super) fn partner_summary(partner: &Partner) -> Answer {
    let classic = partner
        .customers
        .iter()
        .filter(|customer| customer.classic.is_some());
    let total = sum(classic
        .clone()
        .map(|customer| classic_cost(partner, customer)));
    let body = object([
        ("customersOverBudget", count(0)),
        ("customersTrendingOver", count(0)),
        (
            "customersWithUsageBasedSubscription",
            count(classic.count()),
        ),
        ("resourceId", text(&partner.id)),
        ("id", text(&partner.id)),
        ("resourceName", text(PARTNER_NAME)),
        ("name", text(PARTNER_NAME)),
        ("totalCost", number(total)),
        ("currencyLocale", text("de-DE")),
    ]);
    summary(partner, body, "/usagesummary", true, "PartnerUsageSummary")
}

/// Month to date of all customers that have Azure.
pub(super) fn customer_records(partner: &Partner) -> Answer {
    let customers = partner.customers.iter().enumerate();
    let with_azure = customers.filter(|(_, customer)| {
        customer.is_served() && (customer.uses_azure() || customer.classic.is_some())
    });
    let items = with_azure.map(|(at, customer)| {
        let upgraded = customer.classic.is_none();
        object([
            ("budget", budget_of(at)),
            ("percentUsed", count(0)),
            ("isUpgraded", Json::Bool(upgraded)),
        ])
        .with_all(costs(partner, at, (&customer.id, &customer.name)))
        .replacing("id", text(&customer.id))
        .replacing("name", text(&customer.name))
        .with("lastModifiedDate", modified(partner))
        .with("attributes", object_type("CustomerMonthlyUsageRecord"))
    });
    collection("/customers/usagerecords", items.collect())
}

fn budget_of(at: usize) -> Json {
    let amount = count(100 * at);
    let budget = Json::Object(Vec::new());
    // No amount means no budget.
    let budget = if at.is_multiple_of(3) {
        budget
    } else {
        budget.with("amount", amount)
    };
    budget.with("attributes", object_type("SpendingBudget"))
}

/// Usage summary of a customer.
pub(super) fn customer_summary(partner: &Partner, at: usize, customer: &Customer) -> Answer {
    if !has_usage(customer) {
        return refusals::no_usage();
    }
    let body = object([("budget", budget_of(at))]).with_all(costs(
        partner,
        at,
        (&customer.id, &customer.name),
    ));
    let uri = format!("/customers/{}/usagesummary", customer.id);
    let classic = customer.classic.is_some();
    summary(partner, body, &uri, classic, "CustomerUsageSummary")
}

const fn has_usage(customer: &Customer) -> bool {
    customer.uses_azure() || matches!(customer.standing, Standing::Classic)
}

/// Budget of a customer.
pub(super) fn budget(at: usize, customer: &Customer) -> Answer {
    let uri = format!("/v1/customers/{}/usagebudget", customer.id);
    let links = object([("self", link(&uri, Vec::new()))]);
    Answer::json(200, budget_of(at).with("links", links).to_string())
}

/// Month to date of a customer's subscriptions.
pub(super) fn subscription_records(partner: &Partner, at: usize, customer: &Customer) -> Answer {
    if !has_usage(customer) {
        return refusals::no_usage();
    }
    let classic = customer.classic.iter().map(|id| {
        object([
            ("status", text("active")),
            ("offerId", text("MS-AZR-0145P")),
        ])
        .with_all(costs(partner, at, (id, "Microsoft Azure")))
        .with("usdTotalCost", count(0))
    });
    let plans = customer.plans.iter().enumerate().map(|(place, plan)| {
        let (local, dollars) = cost(at, &partner.usage_to_date(at, place));
        object([
            ("status", text("active")),
            ("partnerOnRecord", text(customer.reseller())),
            ("offerId", text("DZH318Z0BPS6:0001:DZH318Z0BML6")),
            ("resourceId", text(&plan.id)),
            ("id", text(&plan.id)),
            ("resourceName", text("Azure plan")),
            ("name", text("Azure plan")),
            ("totalCost", number(local)),
            ("currencyCode", text(currency_of(at).code)),
            ("usdTotalCost", number(dollars)),
        ])
    });
    let items = classic.chain(plans).map(|record| {
        record
            .with("lastModifiedDate", modified(partner))
            .with("attributes", object_type("SubscriptionMonthlyUsageRecord"))
    });
    let uri = format!("/customers/{}/subscriptions/usagerecords", customer.id);
    collection(&uri, items.collect())
}

/// What a subscription id of a customer stands for.
pub(super) enum Held {
    /// An Azure plan, by its place.
    Plan(usize),
    /// A classic Azure subscription (MS-AZR-0145P).
    Classic,
}

/// What a customer holds under a subscription id; `None` for licences and strangers.
pub(super) fn held(customer: &Customer, id: &str) -> Option<Held> {
    let is = |known: &str| known.eq_ignore_ascii_case(id);
    match customer.plans.iter().position(|plan| is(&plan.id)) {
        Some(at) => Some(Held::Plan(at)),
        None => {
            let classic = customer.classic.as_deref().is_some_and(is);
            classic.then_some(Held::Classic)
        }
    }
}

/// Usage summary of a subscription.
pub(super) fn subscription_summary(
    partner: &Partner,
    (at, customer): (usize, &Customer),
    id: &str,
) -> Answer {
    let uri = format!("/customers/{}/subscriptions/{id}/usagesummary", customer.id);
    let (body, classic) = match held(customer, id) {
        None => return no_subscription(id),
        Some(_) if !has_usage(customer) => return refusals::no_usage(),
        Some(Held::Classic) => (costs(partner, at, (id, "Microsoft Azure")), true),
        Some(Held::Plan(plan)) => {
            let (local, dollars) = cost(at, &partner.usage_to_date(at, plan));
            let body = object([
                ("resourceId", text(id)),
                ("resourceName", text("Azure plan")),
                ("totalCost", number(local)),
                ("currencyCode", text(currency_of(at).code)),
                ("usdTotalCost", number(dollars)),
            ]);
            (body, false)
        }
    };
    summary(partner, body, &uri, classic, "SubscriptionUsageSummary")
}

/// Month to date of a subscription by meter.
pub(super) fn meter_records(
    partner: &Partner,
    (at, customer): (usize, &Customer),
    id: &str,
) -> Answer {
    let uri = format!(
        "/customers/{}/subscriptions/{id}/meterusagerecords",
        customer.id
    );
    let items = match held(customer, id) {
        None => return no_subscription(id),
        Some(_) if !has_usage(customer) => return refusals::no_usage(),
        Some(Held::Classic) => classic_meters(partner, customer, id, "MeterUsageRecord"),
        Some(Held::Plan(plan)) => plan_meters(partner, at, plan, id),
    };
    collection(&uri, items)
}

fn plan_meters(partner: &Partner, at: usize, plan: usize, id: &str) -> Vec<Json> {
    let rows = partner.usage_to_date(at, plan);
    let used = (0..METERS.len()).filter_map(|meter| {
        let mut of_meter = rows.clone();
        of_meter.retain(|row| row.meter == meter);
        (!of_meter.is_empty()).then_some((meter, of_meter))
    });
    let items = used.map(|(meter, rows)| {
        let sold = &METERS[meter];
        let (local, dollars) = cost(at, &rows);
        object([
            ("subscriptionId", text(id)),
            (
                "meterId",
                text(format!("{}-{}-{}", sold.product_id, sold.sku_id, sold.name)),
            ),
            ("meterName", text(sold.name)),
            ("category", text(sold.category)),
            ("subcategory", text(sold.sub_category)),
            (
                "quantityUsed",
                number(sum(rows.iter().map(|row| row.quantity))),
            ),
            ("unit", text(sold.unit)),
            ("totalCost", number(local)),
            ("currencyCode", text(currency_of(at).code)),
            ("usdTotalCost", number(dollars)),
            ("lastModifiedDate", modified(partner)),
            ("attributes", object_type("MeterUsageRecord")),
        ])
    });
    items.collect()
}

/// Month to date of an Azure plan by resource.
pub(super) fn resource_records(
    partner: &Partner,
    (at, customer): (usize, &Customer),
    id: &str,
) -> Answer {
    let uri = format!(
        "/customers/{}/subscriptions/{id}/resourceusagerecords",
        customer.id
    );
    let plan = match held(customer, id) {
        None => return no_subscription(id),
        Some(_) if !has_usage(customer) => return refusals::no_usage(),
        Some(Held::Classic) => return refusals::invalid("the subscription is no Azure plan"),
        Some(Held::Plan(plan)) => plan,
    };
    let rows = partner.usage_to_date(at, plan);
    let mut names: Vec<(usize, String)> = rows
        .iter()
        .map(|row| (row.entitlement, row.name()))
        .collect();
    names.sort();
    names.dedup();
    let items = names.into_iter().filter_map(|(entitlement, name)| {
        let mut of_resource = rows.clone();
        of_resource.retain(|row| row.entitlement == entitlement && row.name() == name);
        let first = of_resource.first()?.clone();
        let (local, dollars) = cost(at, &of_resource);
        let held = &customer.plans[plan];
        Some(object([
            ("subscriptionId", text(id)),
            ("resourceUri", text(first.uri(held))),
            ("resourceType", text(first.meter().resource.0)),
            ("entitlementId", text(&held.entitlements[entitlement].0)),
            ("entitlementName", text(&held.entitlements[entitlement].1)),
            ("resourceGroupName", text(first.group())),
            ("name", text(&name)),
            ("resourceName", text(&name)),
            ("totalCost", number(local)),
            ("currencyCode", text(currency_of(at).code)),
            ("usdTotalCost", number(dollars)),
            ("lastModifiedDate", modified(partner)),
            ("attributes", object_type("ResourceUsageRecord")),
        ]))
    });
    collection(&uri, items.collect())
}

/// Month to date of a classic subscription by meter.
pub(super) fn classic_records(partner: &Partner, customer: &Customer, id: &str) -> Answer {
    let uri = format!(
        "/customers/{}/subscriptions/{id}/usagerecords/resources",
        customer.id
    );
    match held(customer, id) {
        None => no_subscription(id),
        Some(Held::Plan(_)) => refusals::invalid("the subscription is an Azure plan"),
        Some(Held::Classic) => {
            let name = "AzureResourceMonthlyUsageRecord";
            collection(&uri, classic_meters(partner, customer, id, name))
        }
    }
}

fn classic_meters(partner: &Partner, customer: &Customer, id: &str, name: &str) -> Vec<Json> {
    let totals = classic_totals(partner, customer).into_iter();
    let items = totals.map(|(row, total)| {
        let meter = row.meter;
        let identity = match name {
            "MeterUsageRecord" => object([
                ("subscriptionId", text(id)),
                ("meterId", text(meter.id)),
                ("meterName", text(meter.name)),
            ]),
            _ => object([("id", text(meter.id)), ("name", text(meter.name))]),
        };
        identity
            .with("category", text(meter.service))
            .with("subcategory", text(meter.kind))
            .with("quantityUsed", number(total))
            .with("unit", text(meter.unit))
            .with("totalCost", number(meter.price.times(total)))
            .with("currencyLocale", text("de-DE"))
            .with("attributes", object_type(name))
    });
    items.collect()
}
