//! Partner Center v1: which items a path stands for, and who may ask for them. Paging is in
//! `listing`.

use serde_json::value::RawValue;

use super::faults::Drawn;
use super::listing::{by_offset, collection, legacy, stored};
use super::message::{Answer, Request};
use super::tenant::{Tenant, error};
use super::tokens::Grant;

/// Items of an endpoint, and who may ask for them.
struct Found {
    kind: &'static str,
    key: String,
    /// True if App+User is needed.
    user_only: bool,
    /// True for a single object instead of a list.
    single: bool,
}

/// Answers a request below `/v1/`.
pub(super) fn answer(
    tenant: &Tenant,
    request: &Request,
    grant: &Grant,
    drawn: &mut Drawn,
) -> Answer {
    let path = request
        .path
        .trim_start_matches("/v1/")
        .trim_end_matches('/')
        .to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["invoices", invoice, "lineitems"] => line_items(tenant, request, invoice, drawn),
        ["invoices", invoice, "documents", "statement"] => {
            for_users(grant, || statement(tenant, invoice))
        }
        ["invoices", invoice] if !["summary", "summaries"].contains(invoice) => {
            for_users(grant, || one_invoice(tenant, invoice))
        }
        ["invoices"] => invoices(tenant, request),
        parts => match found(parts, request) {
            Some(found) if found.user_only => {
                for_users(grant, || items_of(tenant, request, &found, drawn))
            }
            Some(found) => items_of(tenant, request, &found, drawn),
            None => error(404, "404", "The sandbox knows no such path."),
        },
    }
}

/// The answer for App+User; App-only is refused.
pub(super) fn for_users(grant: &Grant, answer: impl FnOnce() -> Answer) -> Answer {
    if grant.user {
        return answer();
    }
    error(
        403,
        "900329",
        "This operation does not support app-only credentials.",
    )
}

fn items_of(tenant: &Tenant, request: &Request, found: &Found, drawn: &mut Drawn) -> Answer {
    let Some(items) = tenant.data.items(found.kind, &found.key) else {
        return match found.kind {
            // These answer with an empty list, the others with an error that means the same.
            "utilization_daily" | "utilization_hourly" | "azure_entitlements" => {
                collection(tenant, request, &[], drawn)
            }
            _ => error(404, "3000", "Customer does not have usage data"),
        };
    };
    if !found.single {
        return collection(tenant, request, items, drawn);
    }
    match items.first() {
        Some(item) => Answer::json(200, item.get()),
        None => Answer::empty(204),
    }
}

/// The row of the table for a path; `None` for a path that the sandbox does not know.
fn found(parts: &[&str], request: &Request) -> Option<Found> {
    let of = |kind, key: String, user_only, single| {
        Some(Found {
            kind,
            key,
            user_only,
            single,
        })
    };
    match parts {
        // Lists that tieout asks for customers, subscriptions and invoices.
        ["customers"] => of("customers", String::new(), false, false),
        // Summaries and records of usage: most of them App+User only.
        ["customers", "usagerecords"] => of("customer_usage_records", String::new(), true, false),
        ["customers", c, "subscriptions"] => of("subscriptions", (*c).to_owned(), false, false),
        ["customers", c, "subscriptions", "usagerecords"] => {
            of("subscription_usage_records", (*c).to_owned(), true, false)
        }
        ["customers", c, "usagesummary"] => {
            of("customer_usage_summary", (*c).to_owned(), true, true)
        }
        ["customers", c, "usagebudget"] => of("usage_budget", (*c).to_owned(), false, true),
        ["customers", c, "subscriptions", s, "azureentitlements"] => {
            of("azure_entitlements", format!("{c}/{s}"), false, false)
        }
        ["customers", c, "subscriptions", s, "utilizations", "azure"] => {
            let kind = match request.folded("granularity").as_str() {
                "hourly" => "utilization_hourly",
                _ => "utilization_daily",
            };
            of(kind, format!("{c}/{s}"), false, false)
        }
        ["customers", c, "subscriptions", s, "usagesummary"] => {
            of("subscription_usage_summary", format!("{c}/{s}"), true, true)
        }
        ["customers", c, "subscriptions", s, "meterusagerecords"] => {
            of("meter_usage_records", format!("{c}/{s}"), true, false)
        }
        ["customers", c, "subscriptions", s, "resourceusagerecords"] => {
            of("resource_usage_records", format!("{c}/{s}"), true, false)
        }
        [
            "customers",
            c,
            "subscriptions",
            s,
            "usagerecords",
            "resources",
        ] => of("classic_usage_records", format!("{c}/{s}"), false, false),
        ["usagesummary"] => of("partner_usage_summary", String::new(), true, true),
        // One card for all currencies: the parameter is not looked at.
        ["ratecards", "azure"] => of("rate_card", String::new(), false, true),
        ["ratecards", "azure-shared"] => of("shared_rate_card", String::new(), false, true),
        // Balances: of the partner's currency as one object, of all currencies as a list.
        ["invoices", "summary"] => of("invoice_summary", String::new(), false, true),
        ["invoices", "summaries"] => of("invoice_summaries", String::new(), true, false),
        ["invoices", "estimates", "links"] => of(
            "estimate_links",
            request.folded("currencycode"),
            false,
            false,
        ),
        _ => None,
    }
}

fn invoices(tenant: &Tenant, request: &Request) -> Answer {
    let all: Vec<&RawValue> = tenant.data.invoices().collect();
    by_offset("/invoices", request, &all, all.len(), usize::MAX)
}

fn no_such_invoice() -> Answer {
    error(404, "4000", "The invoice was not found.")
}

fn one_invoice(tenant: &Tenant, invoice: &str) -> Answer {
    match tenant.data.invoice(invoice) {
        Some(item) => Answer::json(200, item.get()),
        None => no_such_invoice(),
    }
}

/// A small PDF that names its invoice.
fn statement(tenant: &Tenant, invoice: &str) -> Answer {
    if tenant.data.invoice(invoice).is_none() {
        return no_such_invoice();
    }
    let name = invoice.to_ascii_uppercase();
    // The least that a PDF reader opens, with the end mark that tieout looks for.
    let text = format!("BT /F1 18 Tf 40 100 Td (Synthetic statement of {name}) Tj ET");
    let body = format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1\
         /BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length {}>>stream\n{text}\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        text.len()
    );
    let mut answer = Answer::json(200, body);
    answer.headers = vec![("Content-Type", "application/pdf".to_owned())];
    answer
}

/// Lines of an invoice, or those that are not billed yet.
fn line_items(tenant: &Tenant, request: &Request, invoice: &str, drawn: &mut Drawn) -> Answer {
    let is_usage = request.folded("invoicelineitemtype") == "usagelineitems";
    if invoice == "unbilled" {
        let kind = if is_usage {
            "unbilled_usage"
        } else {
            "unbilled_lines"
        };
        let key = format!(
            "{}/{}",
            request.folded("currencycode"),
            request.folded("period")
        );
        return match tenant.data.items(kind, &key) {
            Some(items) => collection(tenant, request, items, drawn),
            None => collection(tenant, request, &[], drawn),
        };
    }
    let kind = match (request.folded("provider").as_str(), is_usage) {
        ("office", _) => "office_lines",
        ("azure", true) => "azure_usage_lines",
        ("azure", false) => "azure_lines",
        // `marketplace` is the older name of the same provider.
        ("onetime" | "marketplace", _) => {
            let dataset = if is_usage { "usage" } else { "recon" };
            return match tenant.data.part(dataset, "v1", invoice) {
                Some(folder) => stored(tenant, request, &folder, drawn),
                // An invoice of licences has no usage, and a note may have no lines.
                None if tenant.data.invoice(invoice).is_some() => {
                    collection(tenant, request, &[], drawn)
                }
                None => no_such_invoice(),
            };
        }
        _ => return error(400, "2001", "The provider is not valid."),
    };
    // Lines of the legacy commerce are items like any others; only their paging is older.
    match tenant.data.items(kind, invoice) {
        Some(items) => legacy(request, items),
        None => no_such_invoice(),
    }
}
