//! Partner Center v1: collections, single objects, pages by continuation token and by offset.

use serde_json::value::RawValue;

use super::faults::Fault;
use super::http::{Answer, Request};
use super::routes::{Tenant, error, foreign};
use super::tokens::Grant;

/// Where an endpoint's items are, and who may ask.
struct Found<'t> {
    kind: &'t str,
    key: String,
    user_only: bool,
    single: bool,
}

/// Answers a request below `/v1/`.
pub(super) fn answer(
    tenant: &Tenant,
    request: &Request,
    grant: &Grant,
    fault: Option<Fault>,
    hit: &mut bool,
) -> Answer {
    let path = request
        .path
        .trim_start_matches("/v1/")
        .trim_end_matches('/')
        .to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    if let ["invoices", invoice, "lineitems"] = parts.as_slice() {
        return line_items(tenant, request, invoice, fault, hit);
    }
    if let ["invoices", invoice, "documents", "statement"] = parts.as_slice() {
        return statement(tenant, invoice, grant);
    }
    if let ["invoices", invoice] = parts.as_slice()
        && !["summary", "summaries"].contains(invoice)
    {
        return one_invoice(tenant, invoice, grant);
    }
    let Some(found) = found(&parts, request) else {
        return error(404, "404", "The sandbox knows no such path.");
    };
    if found.user_only && !grant.user {
        return error(
            403,
            "900329",
            "This operation does not support app-only credentials.",
        );
    }
    if parts == ["invoices"] {
        return invoices(tenant, request);
    }
    let Some(items) = tenant.data.items(found.kind, &found.key) else {
        return match found.kind {
            "utilization_daily" | "utilization_hourly" | "azure_entitlements" => {
                collection(request, &[], fault, hit, tenant)
            }
            _ => error(404, "3000", "Customer does not have usage data"),
        };
    };
    if found.single {
        return items
            .first()
            .map_or_else(|| Answer::empty(204), |item| Answer::json(200, item.get()));
    }
    collection(request, items, fault, hit, tenant)
}

fn found<'t>(parts: &[&str], request: &Request) -> Option<Found<'t>> {
    let of = |kind, key: String, user_only, single| {
        Some(Found {
            kind,
            key,
            user_only,
            single,
        })
    };
    match parts {
        ["customers"] => of("customers", String::new(), false, false),
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
            let hourly = request
                .parameter("granularity")
                .is_some_and(|granularity| granularity.eq_ignore_ascii_case("hourly"));
            of(
                if hourly {
                    "utilization_hourly"
                } else {
                    "utilization_daily"
                },
                format!("{c}/{s}"),
                false,
                false,
            )
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
        ["ratecards", "azure"] => of("rate_card", String::new(), false, true),
        ["ratecards", "azure-shared"] => of("shared_rate_card", String::new(), false, true),
        ["invoices"] => of("invoices", String::new(), false, false),
        ["invoices", "summary"] => of("invoice_summary", String::new(), false, true),
        ["invoices", "summaries"] => of("invoice_summaries", String::new(), true, false),
        ["invoices", "estimates", "links"] => of(
            "estimate_links",
            request
                .parameter("currencycode")
                .unwrap_or_default()
                .to_owned(),
            false,
            false,
        ),
        _ => None,
    }
}

fn all_invoices(tenant: &Tenant) -> Vec<&RawValue> {
    let of = |kind| {
        tenant
            .data
            .items(kind, "")
            .unwrap_or_default()
            .iter()
            .map(AsRef::as_ref)
    };
    of("invoices").chain(of("legacy_invoices")).collect()
}

fn invoices(tenant: &Tenant, request: &Request) -> Answer {
    let all = all_invoices(tenant);
    let number = |name: &str| {
        request
            .parameter(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let (size, offset) = (
        number("size").unwrap_or(all.len()).max(1),
        number("offset").unwrap_or(0),
    );
    offset_page(
        "/invoices",
        all.iter().map(|item| item.get()),
        all.len(),
        size,
        offset,
    )
}

fn one_invoice(tenant: &Tenant, invoice: &str, grant: &Grant) -> Answer {
    if !grant.user {
        return error(
            403,
            "900329",
            "This operation does not support app-only credentials.",
        );
    }
    let wanted = format!("\"{}\"", invoice.to_ascii_uppercase());
    match all_invoices(tenant)
        .into_iter()
        .find(|item| item.get().contains(&wanted))
    {
        Some(item) => Answer::json(200, item.get()),
        None => error(404, "4000", "The invoice was not found."),
    }
}

/// A small PDF that says what it is.
fn statement(tenant: &Tenant, invoice: &str, grant: &Grant) -> Answer {
    if !grant.user {
        return error(
            403,
            "900329",
            "This operation does not support app-only credentials.",
        );
    }
    let name = invoice.to_ascii_uppercase();
    if !all_invoices(tenant)
        .into_iter()
        .any(|item| item.get().contains(&format!("\"{name}\"")))
    {
        return error(404, "4000", "The invoice was not found.");
    }
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

fn line_items(
    tenant: &Tenant,
    request: &Request,
    invoice: &str,
    fault: Option<Fault>,
    hit: &mut bool,
) -> Answer {
    let parameter = |name: &str| {
        request
            .parameter(name)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let usage = parameter("invoicelineitemtype") == "usagelineitems";
    if invoice == "unbilled" {
        let kind = if usage {
            "unbilled_usage"
        } else {
            "unbilled_lines"
        };
        let key = format!("{}/{}", parameter("currencycode"), parameter("period"));
        return collection(
            request,
            tenant.data.items(kind, &key).unwrap_or_default(),
            fault,
            hit,
            tenant,
        );
    }
    match parameter("provider").as_str() {
        "office" => legacy(tenant, request, "office_lines", invoice),
        "azure" if usage => legacy(tenant, request, "azure_usage_lines", invoice),
        "azure" => legacy(tenant, request, "azure_lines", invoice),
        "onetime" | "marketplace" => stored(
            tenant,
            request,
            if usage { "usage" } else { "recon" },
            invoice,
            fault,
            hit,
        ),
        _ => error(400, "2001", "The provider is not valid."),
    }
}

/// Pages by offset, of at most 2,000.
fn legacy(tenant: &Tenant, request: &Request, kind: &str, invoice: &str) -> Answer {
    let Some(items) = tenant.data.items(kind, invoice) else {
        return error(404, "4000", "The invoice was not found.");
    };
    let number = |name: &str| {
        request
            .parameter(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let (size, offset) = (
        number("size").unwrap_or(2_000).clamp(1, 2_000),
        number("offset").unwrap_or(0),
    );
    offset_page(
        &request.path,
        items.iter().map(|item| item.get()),
        items.len(),
        size,
        offset,
    )
}

fn offset_page<'i>(
    path: &str,
    items: impl Iterator<Item = &'i str>,
    count: usize,
    size: usize,
    offset: usize,
) -> Answer {
    let page: Vec<&str> = items.skip(offset).take(size).collect();
    let next = match offset + page.len() < count {
        true => format!(
            r#","next":{{"uri":"{path}?size={size}&offset={}","method":"GET","headers":[]}}"#,
            offset + page.len()
        ),
        false => String::new(),
    };
    let links = format!(
        r#""links":{{"self":{{"uri":"{path}?size={size}&offset={offset}","method":"GET","headers":[]}}{next}}}"#
    );
    Answer::json(
        200,
        format!(
            r#"{{"totalCount":{},"items":[{}],{links},"attributes":{{"objectType":"Collection"}}}}"#,
            page.len(),
            page.join(",")
        ),
    )
}

/// The number in a token, as it stands there.
pub(super) fn number_of(token: &str) -> String {
    token
        .rsplit_once(',')
        .and_then(|(_, rest)| rest.split('/').next())
        .unwrap_or_default()
        .to_owned()
}

/// The page that a request asks for, from 1; `None` for a token that nobody gave out.
fn page_of(request: &Request) -> Option<usize> {
    match request.header("ms-continuationtoken") {
        None => Some(1),
        Some(token) => number_of(token)
            .parse::<usize>()
            .ok()
            .map(|number| number + 1),
    }
}

/// Pages as `synth` wrote them.
fn stored(
    tenant: &Tenant,
    request: &Request,
    dataset: &str,
    invoice: &str,
    fault: Option<Fault>,
    hit: &mut bool,
) -> Answer {
    let Some(folder) = tenant.data.part(dataset, "v1", invoice) else {
        return error(404, "4000", "The invoice was not found.");
    };
    let Some(number) = page_of(request) else {
        return error(400, "2002", "The continuation token is not known.");
    };
    let page = |number: usize| std::fs::read(folder.join(format!("page-{number:05}.json"))).ok();
    misdirect(number, page, fault, hit, tenant)
        .unwrap_or_else(|| error(400, "2002", "The continuation token is not known."))
}

/// Pages made of items, by continuation token.
fn collection(
    request: &Request,
    items: &[Box<RawValue>],
    fault: Option<Fault>,
    hit: &mut bool,
    tenant: &Tenant,
) -> Answer {
    let limit = if request.path.contains("/utilizations/") {
        1_000
    } else {
        2_000
    };
    let size = request
        .parameter("size")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(limit)
        .clamp(1, limit);
    let Some(number) = page_of(request) else {
        return error(400, "2002", "The continuation token is not known.");
    };
    let path = request.path.trim_start_matches("/v1");
    let page = |number: usize| {
        let start = (number - 1) * size;
        if start > 0 && start >= items.len() {
            return None;
        }
        let page: Vec<&str> = items
            .iter()
            .skip(start)
            .take(size)
            .map(|item| item.get())
            .collect();
        let token = format!("sandbox,{number:08}/a4ayc+80=");
        let (head, next) = match start + page.len() < items.len() {
            true => (
                format!(r#""continuationToken":"{token}","#),
                format!(
                    r#","next":{{"uri":"{path}?size={size}?seekOperation=Next","method":"GET","headers":[{{"key":"MS-ContinuationToken","value":"{token}"}}]}}"#
                ),
            ),
            false => (String::new(), String::new()),
        };
        let body = format!(
            r#"{{{head}"totalCount":{},"items":[{}],"links":{{"self":{{"uri":"{path}?size={size}","method":"GET","headers":[]}}{next}}},"attributes":{{"objectType":"Collection"}}}}"#,
            page.len(),
            page.join(",")
        );
        Some(body.into_bytes())
    };
    misdirect(number, page, fault, hit, tenant)
        .unwrap_or_else(|| error(400, "2002", "The continuation token is not known."))
}

/// The page asked for, or what a fault of paging makes of it.
fn misdirect(
    number: usize,
    page: impl Fn(usize) -> Option<Vec<u8>>,
    fault: Option<Fault>,
    hit: &mut bool,
    tenant: &Tenant,
) -> Option<Answer> {
    let whole = page(number)?;
    let mut distorted = None;
    match fault {
        Some(Fault::PageRepeated) if number > 1 => distorted = page(number - 1),
        Some(Fault::PageEmpty) if number > 1 => {
            let token = format!("sandbox,{:08}/a4ayc+80=", number - 1);
            distorted = Some(
                format!(
                    r#"{{"continuationToken":"{token}","totalCount":0,"items":[],"links":{{}}}}"#
                )
                .into_bytes(),
            );
        }
        Some(Fault::PageCycle) if number > 1 => {
            let token = format!(
                "\"continuationToken\":\"sandbox,{:08}/a4ayc+80=\",",
                number - 1
            );
            let last = || replaced(&whole, "\"totalCount\"", &format!("{token}\"totalCount\""));
            distorted = replaced(
                &whole,
                &format!(",{number:08}/"),
                &format!(",{:08}/", number - 1),
            )
            .or_else(last);
        }
        Some(Fault::ForeignNext) => distorted = foreign_next(&whole, foreign(&tenant.settings)),
        Some(Fault::TokenExpired) if number > 1 => {
            *hit = true;
            return Some(error(400, "2003", "The continuation token has expired."));
        }
        _ => {}
    }
    *hit |= distorted.is_some();
    Some(Answer::json(200, distorted.unwrap_or(whole)))
}

fn replaced(body: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    text.contains(from)
        .then(|| text.replace(from, to).into_bytes())
}

fn foreign_next(body: &[u8], host: &str) -> Option<Vec<u8>> {
    replaced(
        body,
        r#""next":{"uri":"/"#,
        &format!(r#""next":{{"uri":"{host}/v1/"#),
    )
}
