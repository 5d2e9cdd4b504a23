//! Partner Center's endpoint for the lines of an invoice (endpoints rows 26-33): all of the legacy
//! commerce, and modern periods from before Graph took over.

use chrono::{Datelike, Days, NaiveDate};

use super::super::message::{Answer, Request};
use super::bill::Bill;
use super::books::Partner;
use super::classic::{ClassicCharge, ClassicUsage, OfficeCharge, classic_usage};
use super::exact::{ZERO, sum};
use super::json::{Json, count, number, object, text};
use super::paging::{SeekList, collection, link, seek};
use super::partner::{PARTNER_MPN, PARTNER_NAME};
use super::refusals;
use super::spelled::{Heading, object_type, v1_charge, v1_usage};

/// Most lines on a page, and the default.
const PAGE_LINES: usize = 2_000;

/// A provider and a type of lines, as the query or the old form of the path names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Office,
    AzureMoney,
    AzureUsage,
    ModernLines,
    ModernUsage,
}

impl LineKind {
    /// The kind of a provider and type, in any case; `None` for what no page names.
    pub(super) fn named(provider: &str, lines: &str) -> Option<Self> {
        let provider = provider.to_ascii_lowercase();
        match (provider.as_str(), lines.to_ascii_lowercase().as_str()) {
            ("office", "billinglineitems") => Some(Self::Office),
            ("azure", "billinglineitems") => Some(Self::AzureMoney),
            ("azure", "usagelineitems") => Some(Self::AzureUsage),
            ("onetime" | "all", "billinglineitems") => Some(Self::ModernLines),
            ("onetime" | "marketplace", "usagelineitems") => Some(Self::ModernUsage),
            _ => None,
        }
    }
}

/// The lines of an invoice. `path` is the path of the request, as links repeat it.
pub(super) fn lines(partner: &Partner, request: &Request, bill: &Bill, kind: LineKind) -> Answer {
    let query = format!(
        "/invoices/{}/lineitems?provider={}&invoicelineitemtype={}",
        bill.id,
        request.text("provider"),
        request.text("invoicelineitemtype")
    );
    match kind {
        LineKind::ModernLines | LineKind::ModernUsage => modern(partner, request, bill, kind),
        _ if !bill.is_legacy() => refusals::invalid("Invoice Line Item type is not valid."),
        LineKind::Office => {
            let lines = partner.office_charges(bill);
            let items = lines.iter().map(|line| office(partner, bill, line));
            by_offset(request, &query, items.collect())
        }
        LineKind::AzureMoney => {
            let lines = partner.classic_charges(bill);
            let items = lines.iter().map(|line| azure_money(partner, bill, line));
            by_offset(request, &query, items.collect())
        }
        LineKind::AzureUsage => {
            let is_azure = !partner.classic_charges(bill).is_empty();
            let customers = bill.customers.clone().filter(|_| is_azure);
            let items = customers.flat_map(|customer| azure_usage(partner, bill, customer));
            by_offset(request, &query, items.collect())
        }
    }
}

/// Lines of a modern invoice: served for periods that Graph does not have.
fn modern(partner: &Partner, request: &Request, bill: &Bill, kind: LineKind) -> Answer {
    if bill.is_legacy() {
        return refusals::invalid("Invoice Line Item type is not valid.");
    }
    let is_usage = kind == LineKind::ModernUsage;
    // Graph has lines since February 2024, usage since September 2022 (endpoints §0).
    let since = if is_usage { (2022, 9) } else { (2024, 2) };
    if (bill.month.year(), bill.month.month()) >= since {
        return refusals::invalid("this period is served by API v2 only");
    }
    if is_usage {
        let code = request.text("currencycode");
        if code.is_empty() || !["current", "previous"].contains(&request.folded("period").as_str())
        {
            return refusals::invalid("currencycode and period are required");
        }
        if !bill.currency.code.eq_ignore_ascii_case(code) {
            return collection("/invoices", Vec::new());
        }
    }
    let heading = Heading::of(bill);
    let book = partner.book(bill);
    let items: Vec<Json> = match is_usage {
        true => book
            .rows
            .iter()
            .map(|row| v1_usage(partner, heading, row))
            .collect(),
        false => {
            let charges = book.charges.iter();
            charges
                .map(|charge| v1_charge(partner, heading, charge))
                .collect()
        }
    };
    let lines = if is_usage {
        "usagelineitems"
    } else {
        "billinglineitems"
    };
    let most = match partner.settings.page_size {
        Some(size) => size,
        None => PAGE_LINES,
    };
    let mut uri = format!(
        "/invoices/{}/lineitems?provider=onetime&invoicelineitemtype={lines}",
        bill.id
    );
    let identity = uri.clone();
    if is_usage {
        uri += &format!("&currencycode={}&period=previous", bill.currency.code);
    }
    let list = SeekList {
        uri: format!("{uri}&size={most}"),
        identity,
        memo: String::new(),
        items,
        most,
        operation: "seekOperation",
    };
    seek(partner, request, list)
}

/// A page by size and offset.
fn by_offset(request: &Request, query: &str, items: Vec<Json>) -> Answer {
    if items.is_empty() {
        return refusals::invalid("Invoice Line Item type is not valid.");
    }
    let size = request.number("size", PAGE_LINES).min(PAGE_LINES);
    let offset = request.number("offset", 0);
    if size == 0 {
        return refusals::invalid("size must be a positive number");
    }
    let end = (offset + size).min(items.len());
    let page = items.get(offset..end).map_or(&[][..], |page| page).to_vec();
    let uri = |offset: usize| format!("{query}&size={size}&offset={offset}");
    let mut links = object([("self", link(&uri(offset), Vec::new()))]);
    if end < items.len() {
        links = links.with("next", link(&uri(end), Vec::new()));
    }
    let body = object([
        ("totalCount", count(page.len())),
        ("items", Json::List(page)),
        ("links", links),
        ("attributes", object_type("Collection")),
    ]);
    Answer::json(200, body.to_string())
}

fn day(day: NaiveDate) -> Json {
    text(format!("{day}T00:00:00"))
}

fn office(partner: &Partner, bill: &Bill, line: &OfficeCharge) -> Json {
    let customer = &partner.customers[line.customer];
    let key = [customer.id.as_str(), line.name];
    let upper = |kind: &str| {
        let id = partner.chance.guid(&[kind, key[0], key[1]]);
        text(id.to_ascii_uppercase())
    };
    object([
        ("partnerId", text(&partner.id)),
        // The legacy commerce writes ids of customers in upper case.
        ("customerId", text(customer.id.to_ascii_uppercase())),
        ("customerName", text(&customer.name)),
        ("mpnId", count(PARTNER_MPN)),
        ("tier2MpnId", count(-1)),
        ("orderId", text("567735045559164136")),
        (
            "subscriptionId",
            text(partner.chance.letters(16, &["office", key[0], key[1]])),
        ),
        ("syndicationPartnerSubscriptionNumber", upper("syndication")),
        ("offerId", upper("offer")),
        ("durableOfferId", upper("durable")),
        ("offerName", text(line.name)),
        ("domainName", text(&customer.domain)),
        ("billingCycleType", text("MONTHLY")),
        ("subscriptionName", text(line.name)),
        ("subscriptionDescription", text(line.name)),
        ("subscriptionStartDate", day(bill.month)),
        ("subscriptionEndDate", day(bill.last_day())),
        ("chargeStartDate", day(bill.month)),
        ("chargeEndDate", day(bill.last_day())),
        ("chargeType", text("Cycle fee")),
        ("unitPrice", number(line.unit_price)),
        ("quantity", number(line.seats)),
        ("amount", number(line.amount)),
        ("totalOtherDiscount", number(ZERO)),
        ("subtotal", number(line.amount)),
        ("tax", number(line.tax)),
        ("totalForCustomer", number(line.amount.plus(line.tax))),
        ("currency", text(bill.currency.code)),
        ("invoiceLineItemType", text("billing_line_items")),
        ("billingProvider", text("office")),
        ("attributes", object_type("LicenseBasedLineItem")),
    ])
}

/// What money and usage lines of classic Azure have in common.
fn azure_base(partner: &Partner, bill: &Bill, customer: usize) -> Json {
    let customer = &partner.customers[customer];
    let subscription = customer.classic.as_deref().map_or(Json::Null, text);
    object([
        ("partnerId", text(partner.id.to_ascii_uppercase())),
        ("partnerName", text(PARTNER_NAME)),
        ("partnerBillableAccountId", text("1010578050")),
        ("customerId", text(&customer.id)),
        ("domainName", text(&customer.domain)),
        ("customerCompanyName", text(&customer.name)),
        ("mpnId", count(PARTNER_MPN)),
        ("tier2MpnId", count(-1)),
        ("invoiceNumber", text(&bill.id)),
        ("subscriptionId", subscription),
        ("subscriptionName", text("Microsoft Azure")),
        ("subscriptionDescription", text("Microsoft Azure")),
        ("billingCycleType", text("Monthly")),
        ("orderId", text("568297985427000000")),
        ("chargeStartDate", day(bill.month)),
        ("chargeEndDate", day(bill.last_day())),
        ("billingProvider", text("azure")),
    ])
}

fn azure_money(partner: &Partner, bill: &Bill, line: &ClassicCharge) -> Json {
    let total = line.pretax.plus(line.tax);
    azure_base(partner, bill, line.customer)
        .with("detailLineItemId", count(1))
        .with("sku", text(line.meter.sku))
        .with("includedQuantity", count(0))
        .with("overageQuantity", number(line.quantity))
        .with("listPrice", number(line.meter.price))
        .with("currency", text(bill.currency.code))
        .with("pretaxCharges", number(line.pretax))
        .with("taxAmount", number(line.tax))
        .with("postTaxTotal", number(total))
        .with(
            "pretaxEffectiveRate",
            number(line.pretax.over_up(line.quantity, 8)),
        )
        .with(
            "postTaxEffectiveRate",
            number(total.over_up(line.quantity, 8)),
        )
        .with("chargeType", text("Assess usage fee for current cycle"))
        .with("invoiceLineItemType", text("billing_line_items"))
        .with("serviceName", text(line.meter.service))
        .with("serviceType", text(line.meter.kind))
        .with("resourceGuid", text(line.meter.id))
        .with("resourceName", text(line.meter.name))
        .with("region", text(""))
        .with("consumedQuantity", number(line.quantity))
        .with("unit", text(line.meter.unit))
        .with("attributes", object_type("UsageBasedLineItem"))
}

/// Daily lines of one customer: texts in upper case, as in the samples.
fn azure_usage(partner: &Partner, bill: &Bill, customer: usize) -> Vec<Json> {
    let span = (bill.month, bill.last_day());
    let usage = classic_usage(partner.chance, &partner.customers[customer], span);
    let line = |row: &ClassicUsage| {
        let upper = |word: &str| text(word.to_ascii_uppercase());
        azure_base(partner, bill, customer)
            .with("customerBillableAccount", text("1439508127"))
            .with("usageDate", day(row.day))
            .with("invoiceLineItemType", text("usage_line_items"))
            .with("serviceName", upper(row.meter.service))
            .with("serviceType", upper(row.meter.kind))
            .with("resourceGuid", upper(row.meter.id))
            .with("resourceName", upper(row.meter.name))
            .with("region", text(""))
            .with("consumedQuantity", number(row.quantity))
            .with("unit", upper(row.meter.unit))
            .with("attributes", object_type("DailyUsageLineItem"))
    };
    usage.iter().map(line).collect()
}

/// Costs of a customer's classic Azure in the last period (endpoints row 35): one line for each
/// meter where `lines` are asked for, else their sum.
pub(super) fn service_costs(partner: &Partner, at: usize, lines: bool) -> Answer {
    let customer = &partner.customers[at];
    let newest = partner
        .posted()
        .filter(|posted| posted.bill.is_legacy())
        .last();
    let charges = newest.map_or(Vec::new(), |posted| partner.classic_charges(&posted.bill));
    let own: Vec<&ClassicCharge> = charges.iter().filter(|line| line.customer == at).collect();
    let costs = |pretax, tax| {
        object([
            ("pretaxTotal", number(pretax)),
            ("tax", number(tax)),
            ("afterTaxTotal", number(pretax.plus(tax))),
            ("currencyCode", text("EUR")),
            ("currencySymbol", text("€")),
            ("customerId", text(&customer.id)),
        ])
    };
    let uri = format!("/customers/{}/servicecosts/MostRecent", customer.id);
    if lines {
        let items = own.iter().map(|line| {
            costs(line.pretax, line.tax)
                .with("chargeType", text("CYCLE FEE"))
                .with("quantity", number(line.quantity))
                .with("unitPrice", number(line.meter.price))
                .with("productName", text(line.meter.name))
        });
        return collection(&format!("{uri}/lineitems"), items.collect());
    }
    let month = newest.map_or(partner.today(), |posted| posted.bill.month);
    let body = costs(
        sum(own.iter().map(|line| line.pretax)),
        sum(own.iter().map(|line| line.tax)),
    )
    .with("billingStartDate", text(format!("{month}T00:00:00Z")))
    .with(
        "billingEndDate",
        text(format!("{}T00:00:00Z", month + Days::new(30))),
    )
    .with("links", object([("self", link(&uri, Vec::new()))]))
    .with("attributes", object_type("ServiceCostsSummary"));
    Answer::json(200, body.to_string())
}
