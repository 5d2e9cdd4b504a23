//! The front of the tenant: tells the services of one port from each other by their paths, holds
//! each call to what its service requires, and writes it down.

use super::super::message::{Answer, Body, Request};
use super::access::{Access, Audience};
use super::bill::Bill;
use super::books::Partner;
use super::directory;
use super::estimates;
use super::invoices;
use super::limits::{self, Limits};
use super::line_items::{self, LineKind};
use super::pace;
use super::partner::Customer;
use super::record::Record;
use super::refusals;
use super::reports::Reports;
use super::sheets;
use super::storage;
use super::utilization;

/// Customers whose endpoints are broken for ever, by their places in the list.
const BROKEN_500: usize = 4;
const BROKEN_401: usize = 5;
const BROKEN_403: usize = 6;
const BROKEN_429: usize = 7;
const NEVER_ANSWERED: usize = 8;
const INVALID_PROPERTY: usize = 9;

/// The services of the tenant.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) partner: Partner,
    /// Scheme, host and port under which the tenant is reached.
    pub(super) origin: String,
    pub(super) record: Record,
    access: Access,
    limits: Limits,
    reports: Reports,
    /// Classic subscriptions whose utilization was asked for, and therefore is ready.
    asked: std::sync::Mutex<Vec<String>>,
}

impl Front {
    /// The services of a partner under an origin.
    pub(super) fn new(partner: Partner, origin: String, record: Record) -> Self {
        Self {
            partner,
            origin,
            record,
            access: Access::default(),
            limits: Limits::new(),
            reports: Reports::default(),
            asked: std::sync::Mutex::new(Vec::new()),
        }
    }

    /// The answer to a request; `None` if it is never answered.
    pub(super) fn answer(&self, request: &Request) -> Option<Answer> {
        let path = request.path.as_str();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (service, answer) = match &parts[..] {
            [tenant, "oauth2", "token"] => (
                "login",
                Some(self.access.token(&self.partner, request, tenant, false)),
            ),
            [tenant, "oauth2", "v2.0", "token"] => (
                "login",
                Some(self.access.token(&self.partner, request, tenant, true)),
            ),
            ["v1", rest @ ..] => ("partnercenter", self.partner_center(request, rest)),
            ["v1.0", "sales", ..] => ("partner-api", Some(self.partner_api(request))),
            [version @ ("v1.0" | "beta"), ..] => ("graph", Some(self.graph(request, version))),
            [folder, "v1", ..] if folder.ends_with("fastpath") => {
                let found = self.reports.blob(path);
                ("blob", Some(storage::answer(&self.partner, request, found)))
            }
            _ => ("none", Some(refusals::not_found())),
        };
        let answer = answer.map(|answer| self.dressed(service, request, answer));
        self.record.note(service, request, answer.as_ref());
        answer
    }

    /// An answer with the headers that its service puts on each.
    fn dressed(&self, service: &str, request: &Request, mut answer: Answer) -> Answer {
        let date = pace::header_date(pace::now());
        answer = answer.with("Date", date);
        let echo = |name: &str| request.header(name).map(str::to_owned);
        match service {
            "partnercenter" => {
                if let (true, Body::Bytes(bytes)) = (self.partner.has("bom"), &mut answer.body) {
                    bytes.splice(0..0, *b"\xef\xbb\xbf");
                }
                for (name, header) in [
                    ("MS-CorrelationId", "ms-correlationid"),
                    ("MS-RequestId", "ms-requestid"),
                ] {
                    if let Some(value) = echo(header) {
                        answer = answer.with(name, value);
                    }
                }
                answer
                    .with("MS-CV", "7v11Wa//5EuGEo+A.0")
                    .with("MS-ServerId", "202010406")
            }
            "graph" | "partner-api" => {
                answer = answer.with("request-id", "94fb3b52-452a-4535-a601-69e0a90e3aa2");
                match echo("client-request-id") {
                    Some(id) => answer.with("client-request-id", id),
                    None => answer,
                }
            }
            "blob" => answer.with("x-ms-version", "2021-08-06"),
            _ => answer,
        }
    }

    fn graph(&self, request: &Request, version: &str) -> Answer {
        match self.access.pass(request) {
            Some(pass) if pass.audience == Audience::Graph => {}
            _ => {
                let message = "Access token is empty, has expired, or is for another audience.";
                return refusals::graph(request, 401, "InvalidAuthenticationToken", message);
            }
        }
        let path = &request.path[version.len() + 1..];
        self.reports
            .answer(&self.partner, request, &self.origin, (version, path))
    }

    fn partner_api(&self, request: &Request) -> Answer {
        match self.access.pass(request) {
            // The audience of this host is not documented: both that could be meant are taken.
            Some(pass)
                if matches!(
                    pass.audience,
                    Audience::PartnerApi | Audience::PartnerCenter
                ) =>
            {
                if !pass.user || self.partner.has("no-fx") {
                    return refusals::graph(request, 403, "Forbidden", "App+User is required.");
                }
            }
            _ => return refusals::graph(request, 401, "Unauthorized", "Access denied."),
        }
        if request.method != "GET" {
            return refusals::graph(request, 405, "MethodNotAllowed", "Method not allowed.");
        }
        sheets::partner_api(&self.partner, request, &request.path["/v1.0".len()..])
    }

    /// A call to Partner Center, from its token to its route.
    fn partner_center(&self, request: &Request, parts: &[&str]) -> Option<Answer> {
        let pass = match self.access.pass(request) {
            Some(pass) if pass.audience == Audience::PartnerCenter => pass,
            Some(pass) if pass.audience == Audience::Retired => {
                let message = "The audience of the token is retired.";
                return Some(refusals::partner_center(401, "900420", message));
            }
            _ => return Some(refusals::partner_center(401, "400", "Access denied")),
        };
        let wants_version = self.partner.has("strict-version");
        if let Some(refusal) = refusals::lacking_header(request, wants_version) {
            return Some(refusal);
        }
        let folded: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
        let route: Vec<&str> = folded.iter().map(String::as_str).collect();
        if request.method != "GET" {
            return Some(refusals::partner_center(405, "405", "Method not allowed"));
        }
        if needs_user(&route) && !pass.user {
            let message = "This operation does not support app-only authentication.";
            return Some(refusals::partner_center(403, "900329", message));
        }
        match &route[..] {
            ["customers"] => Some(directory::customers(&self.partner, request)),
            ["customers", "usagerecords"] => Some(estimates::customer_records(&self.partner)),
            ["customers", id, rest @ ..] => self.of_customer(request, id, rest),
            ["usagesummary"] => Some(estimates::partner_summary(&self.partner)),
            ["ratecards", "azure" | "azure-shared"] => Some(sheets::rate_card(request)),
            ["invoices", rest @ ..] => Some(self.of_invoices(request, rest)),
            _ => Some(refusals::not_found()),
        }
    }

    fn of_customer(&self, request: &Request, id: &str, route: &[&str]) -> Option<Answer> {
        let partner = &self.partner;
        if let Some(refusal) = self.limits.refusal(partner) {
            return Some(refusal);
        }
        let Some((at, customer)) = partner.customer(id) else {
            return Some(refusals::partner_center(404, "60003", "Tenant not found"));
        };
        if let Some(refusal) = directory::refusal(partner, customer) {
            return Some(refusal);
        }
        match (at, route) {
            (BROKEN_500, ["usagebudget"]) if partner.has("broken-500") => {
                let message = "Unexpected service error";
                return Some(refusals::partner_center(500, "800003", message));
            }
            (BROKEN_401, ["usagesummary"]) if partner.has("broken-401") => {
                return Some(refusals::partner_center(401, "400", "Access denied"));
            }
            (BROKEN_403, ["subscriptions", "usagerecords"]) if partner.has("broken-403") => {
                return Some(refusals::partner_center(403, "2032", "Access denied"));
            }
            (BROKEN_429, ["usagesummary"]) if partner.has("broken-429") => {
                return Some(limits::for_ever(partner));
            }
            (INVALID_PROPERTY, ["usagesummary"]) if partner.has("invalid-property") => {
                return Some(refusals::partner_center(400, "3000", "Invalid property"));
            }
            (NEVER_ANSWERED, ["usagesummary"]) if partner.has("never-answers") => return None,
            _ => {}
        }
        Some(self.customer_route(request, (at, customer), route))
    }

    fn customer_route(
        &self,
        request: &Request,
        (at, customer): (usize, &Customer),
        route: &[&str],
    ) -> Answer {
        let partner = &self.partner;
        match route {
            [] => directory::customer(customer),
            ["usagesummary"] => estimates::customer_summary(partner, at, customer),
            ["usagebudget"] => estimates::budget(at, customer),
            ["servicecosts", "mostrecent"] => line_items::service_costs(partner, at, false),
            ["servicecosts", "mostrecent", "lineitems"] => {
                line_items::service_costs(partner, at, true)
            }
            ["subscriptions"] => directory::subscriptions(partner, at, customer),
            ["subscriptions", "usagerecords"] => {
                estimates::subscription_records(partner, at, customer)
            }
            ["subscriptions", id] => directory::subscription(partner, customer, id),
            ["subscriptions", id, "azureentitlements"] => directory::entitlements(customer, id),
            ["subscriptions", id, "usagesummary"] => {
                estimates::subscription_summary(partner, (at, customer), id)
            }
            ["subscriptions", id, "meterusagerecords"] => {
                estimates::meter_records(partner, (at, customer), id)
            }
            ["subscriptions", id, "resourceusagerecords"] => {
                estimates::resource_records(partner, (at, customer), id)
            }
            ["subscriptions", id, "usagerecords", "resources"] => {
                estimates::classic_records(partner, customer, id)
            }
            ["subscriptions", id, "utilizations", "azure"] => {
                if self.is_first(id) && partner.has("utilization-not-ready") {
                    let wait = pace::scaled(&partner.settings, 10);
                    let wait = pace::retry_after(wait).to_string();
                    return Answer::empty(204).with("Retry-After", wait);
                }
                utilization::utilization(partner, request, customer, id)
            }
            _ => refusals::not_found(),
        }
    }

    /// True if the utilization of a subscription was never asked for.
    fn is_first(&self, id: &str) -> bool {
        let mut asked = self
            .asked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_first = !asked.iter().any(|known| known == id);
        if is_first {
            asked.push(id.to_owned());
        }
        is_first
    }

    fn of_invoices(&self, request: &Request, route: &[&str]) -> Answer {
        let partner = &self.partner;
        match route {
            [] => return invoices::list(partner, request),
            ["summary"] => return invoices::balance(partner),
            ["summaries"] => return invoices::balances(partner),
            ["estimates", "links"] => return invoices::estimate_links(request),
            // New commerce is no longer served here, and there is no unbilled legacy data.
            ["unbilled", ..] => return refusals::not_found(),
            _ => {}
        }
        let Some(posted) = route.first().and_then(|id| partner.find(id)) else {
            return refusals::not_found();
        };
        match &route[1..] {
            [] => invoices::by_id(partner, posted),
            ["documents", "statement"] => invoices::statement(posted),
            ["lineitems"] => {
                let (provider, lines) = (
                    request.text("provider"),
                    request.text("invoicelineitemtype"),
                );
                self.lines(request, &posted.bill, provider, lines)
            }
            ["lineitems", provider, lines] => self.lines(request, &posted.bill, provider, lines),
            _ => refusals::not_found(),
        }
    }

    fn lines(&self, request: &Request, bill: &Bill, provider: &str, lines: &str) -> Answer {
        match LineKind::named(provider, lines) {
            Some(kind) => line_items::lines(&self.partner, request, bill, kind),
            None => refusals::invalid("Invoice Line Item type is not valid."),
        }
    }
}

/// True for endpoints that no application alone may call (endpoints §5, `U`).
fn needs_user(route: &[&str]) -> bool {
    match route {
        ["usagesummary"] | ["invoices", "summaries"] => true,
        ["customers", rest @ ..] => {
            let last = rest.last();
            let is_summary = ["usagesummary", "meterusagerecords", "resourceusagerecords"];
            last.is_some_and(|last| is_summary.contains(last) || *last == "usagerecords")
                || rest.contains(&"servicecosts")
        }
        ["invoices", "summary"] | ["invoices", "estimates" | "unbilled", ..] => false,
        ["invoices", _] | ["invoices", _, "documents", ..] => true,
        _ => false,
    }
}
