//! Partner Center's endpoints for customers and their subscriptions (endpoints rows 1-5).

use super::super::message::{Answer, Request};
use super::books::Partner;
use super::catalogue::LICENCES;
use super::json::{Json, count, object, text};
use super::paging::{SeekList, collection, link, seek};
use super::partner::{Customer, Standing};
use super::refusals;
use super::spelled::object_type;

/// Customers on a page, unless the settings say otherwise: few enough that 40 are paged.
const PAGE_CUSTOMERS: usize = 15;
/// Customer whose subscriptions come as an empty answer, under a quirk.
const EMPTY: usize = 21;
/// Customer that has no id in the list, under a quirk.
const NAMELESS: usize = 27;

/// The list of customers: id, profile and relation only.
pub(super) fn customers(partner: &Partner, request: &Request) -> Answer {
    // The page marks the parameter as required.
    if request.parameter("size").is_none() {
        return refusals::invalid("size is required");
    }
    let most = match partner.settings.page_size {
        Some(size) => size,
        None => PAGE_CUSTOMERS,
    };
    let listed = partner.customers.iter().enumerate();
    let mut items: Vec<Json> = listed
        .map(|(at, customer)| item(partner, at, customer))
        .collect();
    let page = request.number("size", most).min(most);
    if partner.has("double-customer") && (1..items.len()).contains(&page) {
        // Somebody was added in front while the first page was read.
        items.insert(page, items[page - 1].clone());
    }
    let size = request.text("size");
    let list = SeekList {
        uri: format!("/customers?size={size}"),
        identity: "customers".to_owned(),
        memo: String::new(),
        items,
        most,
        operation: "seekOperation",
    };
    seek(partner, request, list)
}

fn item(partner: &Partner, at: usize, customer: &Customer) -> Json {
    let rest = object([
        ("companyProfile", profile(customer)),
        ("relationshipToPartner", text(customer.relationship())),
        ("attributes", object_type("Customer")),
    ]);
    if at == NAMELESS && partner.has("nameless-customer") {
        return rest;
    }
    let Json::Object(members) = rest else {
        return rest;
    };
    let mut item = vec![("id".to_owned(), text(&customer.id))];
    item.extend(members);
    Json::Object(item)
}

fn profile(customer: &Customer) -> Json {
    object([
        ("tenantId", text(&customer.id)),
        ("domain", text(&customer.domain)),
        ("companyName", text(&customer.name)),
        ("attributes", object_type("CustomerCompanyProfile")),
    ])
}

/// The refusal of calls for a customer that is advised only, or has left; `None` for others.
pub(super) fn refusal(partner: &Partner, customer: &Customer) -> Option<Answer> {
    match customer.standing {
        Standing::Advisor => Some(refusals::partner_center(403, "2032", "Access denied")),
        Standing::Former if partner.has("number-code") => {
            let body = object([
                ("code", count(20_002)),
                (
                    "description",
                    text("No relationship between caller and account."),
                ),
                ("data", Json::List(Vec::new())),
                ("source", text("PartnerFD")),
            ]);
            Some(Answer::json(403, body.to_string()))
        }
        Standing::Former => {
            let (partner, customer) = (&partner.id, &customer.id);
            let message = format!(
                "The partner ID {partner} has no commerce relationship with the customer ID \
                 {customer}."
            );
            Some(refusals::partner_center(403, "20002", &message))
        }
        _ => None,
    }
}

/// One customer, with its profile.
pub(super) fn customer(customer: &Customer) -> Answer {
    let own = format!("/customers/{}", customer.id);
    let body = object([
        ("id", text(&customer.id)),
        ("companyProfile", profile(customer)),
        ("relationshipToPartner", text(customer.relationship())),
        ("allowDelegatedAccess", Json::Bool(true)),
        ("customDomains", Json::List(vec![text(&customer.domain)])),
        ("links", object([("self", link(&own, Vec::new()))])),
        ("attributes", object_type("Customer")),
    ]);
    Answer::json(200, body.to_string())
}

/// Subscriptions of a customer.
pub(super) fn subscriptions(partner: &Partner, at: usize, customer: &Customer) -> Answer {
    if at == EMPTY && partner.has("null-items") {
        return Answer::json(200, r#"{"totalCount": 0, "items": null}"#);
    }
    if at == EMPTY && partner.has("blank-list") {
        return Answer::json(200, "");
    }
    let uri = format!("/customers/{}/subscriptions", customer.id);
    collection(&uri, subscription_items(partner, customer))
}

/// One subscription of a customer.
pub(super) fn subscription(partner: &Partner, customer: &Customer, id: &str) -> Answer {
    let items = subscription_items(partner, customer).into_iter();
    let mut found = items.filter(|item| match item {
        Json::Object(members) => members.iter().any(|(name, value)| {
            name == "id" && matches!(value, Json::Text(text) if text.eq_ignore_ascii_case(id))
        }),
        _ => false,
    });
    match found.next() {
        Some(item) => Answer::json(200, item.to_string()),
        None => no_subscription(id),
    }
}

/// The error for a subscription that the customer does not have.
pub(super) fn no_subscription(id: &str) -> Answer {
    let message = format!("Subscription with ID {id} not found.");
    refusals::partner_center(404, "20003", &message)
}

/// Azure subscriptions of an Azure plan.
pub(super) fn entitlements(customer: &Customer, id: &str) -> Answer {
    let mut plans = customer.plans.iter();
    let Some(plan) = plans.find(|plan| plan.id.eq_ignore_ascii_case(id)) else {
        if subscription_ids(customer).any(|known| known.eq_ignore_ascii_case(id)) {
            let message = "This subscription is not a valid Azure subscription";
            return refusals::partner_center(400, "800011", message);
        }
        return no_subscription(id);
    };
    let items = plan.entitlements.iter().map(|(entitlement, name)| {
        object([
            ("id", text(entitlement)),
            ("friendlyName", text(name)),
            ("status", text("active")),
            ("subscriptionId", text(&plan.id)),
        ])
    });
    let uri = format!(
        "/customers/{}/subscriptions/{id}/azureEntitlements",
        customer.id
    );
    collection(&uri, items.collect())
}

fn subscription_ids(customer: &Customer) -> impl Iterator<Item = &str> {
    let others = customer.licences.iter().chain(&customer.classic);
    others.map(String::as_str)
}

fn subscription_items(partner: &Partner, customer: &Customer) -> Vec<Json> {
    let plans = customer.plans.iter().map(|plan| {
        let offer = ("DZH318Z0BPS6:0001:DZH318Z0BML6", "Azure plan");
        subscription_item(customer, &plan.id, offer, ("Usage-based", "usage"))
            .with("termDuration", text(""))
    });
    let classic = customer.classic.iter().map(|id| {
        let offer = ("MS-AZR-0145P", "Microsoft Azure");
        let entitlement = partner.chance.guid(&["classic-entitlement", id]);
        subscription_item(customer, id, offer, ("Usage-based", "usage"))
            // The published samples mix the case of this id.
            .with("entitlementId", text(entitlement.to_ascii_uppercase()))
    });
    let licences = customer.licences.iter().map(|id| {
        let place = partner.chance.below(LICENCES.len() as u64, &["sold", id]) as usize;
        let licence = &LICENCES[place];
        let offer = format!(
            "{}:{}:{}",
            licence.product_id, licence.sku_id, licence.availability_id
        );
        subscription_item(
            customer,
            id,
            (&offer, licence.name),
            ("Licenses", "license"),
        )
        .with("termDuration", text("P1Y"))
    });
    plans.chain(classic).chain(licences).collect()
}

fn subscription_item(
    customer: &Customer,
    id: &str,
    (offer, name): (&str, &str),
    (unit, billing): (&str, &str),
) -> Json {
    let own = format!("/customers/{}/subscriptions/{id}", customer.id);
    let links = object([
        (
            "offer",
            link(&format!("/offers/{offer}?country=DE"), Vec::new()),
        ),
        ("self", link(&own, Vec::new())),
    ]);
    let mut item = object([
        ("id", text(id)),
        ("offerId", text(offer)),
        ("offerName", text(name)),
        ("friendlyName", text(name)),
        ("quantity", count(1)),
        ("unitType", text(unit)),
        ("creationDate", text("2021-05-10T07:30:05.427Z")),
        ("effectiveStartDate", text("2021-05-10T00:00:00Z")),
        ("commitmentEndDate", text("9999-12-10T00:00:00Z")),
        ("status", text("active")),
        ("autoRenewEnabled", Json::Bool(billing == "license")),
        ("billingType", text(billing)),
        ("billingCycle", text("monthly")),
        ("contractType", text("subscription")),
        ("links", links),
        ("attributes", object_type("Subscription")),
    ]);
    // The reseller of record, in the indirect model only.
    if customer.standing == Standing::Indirect {
        item = item.with("partnerId", text(customer.reseller()));
    }
    item
}
