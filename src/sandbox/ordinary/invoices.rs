//! Partner Center's endpoints for invoices as a whole (endpoints rows 19-25): the list, one by id,
//! balances, statements and estimate links.

use chrono::{Datelike, Days, NaiveDate};

use super::super::message::{Answer, Body, Request};
use super::bill::{Bill, CURRENCIES, Content, Currency, closing_month};
use super::books::{Partner, Posted, currency};
use super::exact::{Exact, ZERO, sum};
use super::json::{Json, count, number, object, text};
use super::paging::{collection, link};
use super::refusals;
use super::spelled::{midnight, object_type};

/// Days after which an invoice is paid: payment is due within 60.
const PAID_AFTER: u64 = 60;
/// Total of the adjustment note that is in no line, under a quirk.
const CREDIT: Exact = Exact::new(-10_000, 2);

/// The list of invoices. `size` and `offset` count for legacy invoices alone: modern ones come all
/// at once, whatever was asked (get-a-collection-of-invoices, note).
pub(super) fn list(partner: &Partner, request: &Request) -> Answer {
    if partner.has("invoices-403") {
        return refusals::partner_center(403, "403", "");
    }
    for name in ["size", "offset"] {
        let given = request.parameter(name);
        if given.is_some_and(|value| value.parse::<usize>().is_err()) {
            return refusals::invalid(name);
        }
    }
    let all_paged = partner.has("paged-list");
    let (legacy, modern): (Vec<&Posted>, Vec<&Posted>) = partner
        .posted()
        .partition(|posted| all_paged || posted.bill.is_legacy());
    let offset = request.number("offset", 0);
    let size = request.number("size", usize::MAX);
    let end = offset.saturating_add(size).min(legacy.len());
    let page = legacy.get(offset..end).map_or(&[][..], |page| page);
    let items = page.iter().copied().chain(modern);
    let items: Vec<Json> = items.map(|posted| item(partner, posted, true)).collect();
    let is_paged = request.parameter("size").is_some();
    let uri = |offset: usize| match is_paged {
        true => format!("/invoices?size={size}&offset={offset}"),
        false => "/invoices".to_owned(),
    };
    let mut links = object([("self", link(&uri(offset), Vec::new()))]);
    if is_paged && (end < legacy.len() || partner.has("endless-list")) {
        links = links.with("next", link(&uri(offset.saturating_add(size)), Vec::new()));
    }
    let body = object([
        ("totalCount", count(items.len())),
        ("items", Json::List(items)),
        ("links", links),
        ("attributes", object_type("Collection")),
    ]);
    Answer::json(200, body.to_string())
}

/// One invoice by its id. Of modern ones only those from before 2025-05-15 are served.
pub(super) fn by_id(partner: &Partner, posted: &Posted) -> Answer {
    let frozen = NaiveDate::from_ymd_opt(2025, 5, 15);
    let is_old = frozen.is_some_and(|day| posted.bill.date() < day);
    if !posted.bill.is_legacy() && !is_old && !partner.has("invoice-by-id") {
        return refusals::not_found();
    }
    Answer::json(200, item(partner, posted, false).to_string())
}

/// An invoice's statement, a small PDF.
pub(super) fn statement(posted: &Posted) -> Answer {
    let text = format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n% {}\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        posted.bill.id
    );
    Answer {
        status: 200,
        headers: vec![("Content-Type", "application/pdf".to_owned())],
        body: Body::Bytes(text.into_bytes()),
    }
}

fn item(partner: &Partner, posted: &Posted, listed: bool) -> Json {
    let bill = &posted.bill;
    let id = &bill.id;
    let kind = if bill.is_legacy() {
        "Recurring"
    } else {
        "OneTime"
    };
    let statement = format!("/invoices/{id}/documents/statement");
    let mut item = object([("id", text(id)), ("invoiceDate", midnight(bill.date()))]);
    if !(listed && partner.has("no-period-dates")) {
        item = item
            .with("billingPeriodStartDate", midnight(bill.month))
            .with("billingPeriodEndDate", midnight(bill.last_day()));
    }
    let currency = match partner.has("null-currency") && is_first(bill) {
        true => Json::Null,
        false => text(bill.currency.code),
    };
    item = item
        .with("totalCharges", number(posted.total))
        .with("paidAmount", number(paid(partner, posted)))
        .with("currencyCode", currency)
        .with("currencySymbol", text(bill.currency.symbol))
        .with("pdfDownloadLink", text(statement))
        .with("invoiceDetails", Json::List(details(bill, kind)));
    let (document, amendments) = amendments(partner, posted);
    if let Some(amendments) = amendments {
        item = item.with("amendments", amendments);
    }
    let own = link(&format!("/invoices/{kind}-{id}"), Vec::new());
    item.with("documentType", text(document))
        .with("invoiceType", text(kind))
        .with("links", object([("self", own)]))
        .with("attributes", object_type("Invoice"))
}

/// True for one modern invoice, the first of all that have usage and licences.
fn is_first(bill: &Bill) -> bool {
    let month = (bill.month.year(), bill.month.month());
    month == (2019, 1) && bill.content == Content::Mixed
}

/// Negative if a payment was received.
fn paid(partner: &Partner, posted: &Posted) -> Exact {
    match posted.bill.date() + Days::new(PAID_AFTER) < partner.today() {
        true => ZERO.minus(posted.total),
        false => ZERO,
    }
}

/// What an invoice lists: a legacy one only what it has.
fn details(bill: &Bill, kind: &str) -> Vec<Json> {
    let wanted: &[(&str, &str, &str)] = match bill.content {
        Content::Classic { office, azure } => match (office, azure) {
            (true, false) => &[("billing_line_items", "office", "Office/BillingLineItems")],
            (false, true) => &[
                ("billing_line_items", "azure", "Azure/BillingLineItems"),
                ("usage_line_items", "azure", "Azure/UsageLineItems"),
            ],
            _ => &[
                ("billing_line_items", "office", "Office/BillingLineItems"),
                ("billing_line_items", "azure", "Azure/BillingLineItems"),
                ("usage_line_items", "azure", "Azure/UsageLineItems"),
            ],
        },
        // The samples list no usage of a modern invoice.
        _ => &[("billing_line_items", "one_time", "OneTime/BillingLineItems")],
    };
    let details = wanted.iter().map(|(lines, provider, path)| {
        let uri = format!("/invoices/{kind}-{}/lineitems/{path}", bill.id);
        object([
            ("invoiceLineItemType", text(*lines)),
            ("billingProvider", text(*provider)),
            ("links", object([("self", link(&uri, Vec::new()))])),
            ("attributes", object_type("InvoiceDetail")),
        ])
    });
    details.collect()
}

/// The kind of document, and its amendments where it has a member for them.
fn amendments(partner: &Partner, posted: &Posted) -> (&'static str, Option<Json>) {
    let bill = &posted.bill;
    let note = |suffix: &str, total: Exact, document: &str| {
        object([
            ("id", text(format!("{}{suffix}", bill.id))),
            ("invoiceDate", midnight(bill.date() + Days::new(1))),
            ("totalCharges", number(total)),
            ("paidAmount", count(0)),
            ("currencyCode", text(bill.currency.code)),
            ("currencySymbol", text(bill.currency.symbol)),
            ("documentType", text(document)),
            ("amendsOf", text(&bill.id)),
            ("invoiceType", text("OneTime")),
            ("attributes", object_type("Invoice")),
        ])
    };
    let is_credited = bill.month == closing_month()
        && bill.content == Content::Mixed
        && bill.currency == &CURRENCIES[0];
    if is_credited && partner.has("credit-note") {
        let note = note("A", CREDIT, "adjustment_note");
        return ("invoice", Some(Json::List(vec![note])));
    }
    // One of the early years was voided and billed again, in the shape of the published sample.
    if !bill.is_legacy() && bill.month.year() == 2020 && bill.month.month() == 3 {
        let note = note("A", posted.total, "adjustment_note");
        return ("void_note", Some(Json::List(vec![note])));
    }
    let null = partner.has("null-amendments") && bill.month.month().is_multiple_of(2);
    ("invoice", null.then_some(Json::Null))
}

/// Balance in the partner's own currency.
pub(super) fn balance(partner: &Partner) -> Answer {
    Answer::json(200, balance_of(partner, &CURRENCIES[0]).to_string())
}

/// Balances in each currency.
pub(super) fn balances(partner: &Partner) -> Answer {
    let items = CURRENCIES
        .iter()
        .map(|currency| balance_of(partner, currency));
    collection("/invoices/summaries", items.collect())
}

fn balance_of(partner: &Partner, currency: &Currency) -> Json {
    let unpaid = |legacy: bool| {
        let of_currency = partner.posted().filter(move |posted| {
            posted.bill.currency == currency && posted.bill.is_legacy() == legacy
        });
        sum(of_currency.map(|posted| posted.total.plus(paid(partner, posted))))
    };
    let summary = |amount: Exact| {
        object([
            ("balanceAmount", number(amount)),
            ("currencyCode", text(currency.code)),
            ("currencySymbol", text(currency.symbol)),
            ("accountingDate", midnight(partner.today())),
            ("firstInvoiceCreationDate", text("2017-02-06T00:00:00Z")),
            // The sentinel for a date that is not set.
            ("lastPaymentDate", text("0001-01-01T00:00:00")),
            ("lastPaymentAmount", count(0)),
            ("latestInvoiceDate", midnight(partner.today())),
            ("attributes", object_type("InvoiceSummary")),
        ])
    };
    let (legacy, modern) = (unpaid(true), unpaid(false));
    let details = [("Recurring", legacy), ("OneTime", modern)]
        .map(|(kind, amount)| object([("invoiceType", text(kind)), ("summary", summary(amount))]));
    let own = link("/invoices/summary", Vec::new());
    summary(legacy.plus(modern))
        .with("details", Json::List(details.to_vec()))
        .with("links", object([("self", own)]))
}

/// Links to the four kinds of unbilled lines.
pub(super) fn estimate_links(request: &Request) -> Answer {
    let Some(currency) = currency(request.text("currencycode")) else {
        return refusals::invalid("currencycode is required");
    };
    let kinds = [
        (
            "daily_rated_usage",
            "Daily rated usage unbilled",
            "Marketplace",
            "UsageLineItems",
        ),
        (
            "non_consumption",
            "Unbilled reconciliation line items",
            "all",
            "billinglineitems",
        ),
    ];
    let items = kinds.iter().flat_map(|(kind, title, provider, lines)| {
        ["Current", "Previous"].map(|period| {
            let uri = format!(
                "/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={lines}&\
                 currencycode={}&period={}&size=2000",
                currency.code,
                period.to_ascii_lowercase()
            );
            object([
                ("type", text(*kind)),
                ("title", text(*title)),
                ("description", text("This includes unbilled data only.")),
                ("period", text(period)),
                ("link", link(&uri, Vec::new())),
            ])
        })
    });
    collection("/invoices/estimates/links", items.collect())
}
