//! Utilization of classic Azure (endpoints row 6): usage that was reported in a span of time.

use chrono::{Days, NaiveDate};

use super::super::message::{Answer, Request};
use super::books::Partner;
use super::classic::{ClassicUsage, classic_usage};
use super::directory::no_subscription;
use super::estimates::{Held, held};
use super::json::{Json, number, object, text};
use super::paging::{SeekList, memo, seek};
use super::partner::Customer;
use super::refusals;
use super::spelled::object_type;

/// Most records of utilization on a page.
const PAGE_UTILIZATION: usize = 1_000;

/// What a request for utilization asks for.
struct Span {
    start: String,
    end: String,
    hourly: bool,
    details: bool,
}

impl Span {
    /// The span of a request; a further page may leave all of it to its token, as the SDK does.
    fn of(request: &Request) -> Option<Self> {
        let carried = memo(request);
        let mut carried = carried.split('_');
        if request.parameter("start_time").is_none() && request.parameter("end_time").is_none() {
            return Some(Self {
                start: carried.next()?.to_owned(),
                end: carried.next()?.to_owned(),
                hourly: carried.next()? == "hourly",
                details: carried.next()? == "true",
            });
        }
        let granularity = request.folded("granularity");
        let known = ["", "daily", "hourly"].contains(&granularity.as_str());
        known.then(|| Self {
            start: request.text("start_time").to_owned(),
            end: request.text("end_time").to_owned(),
            hourly: granularity == "hourly",
            details: request.folded("show_details") != "false",
        })
    }

    fn memo(&self) -> String {
        let granularity = if self.hourly { "hourly" } else { "daily" };
        format!("{}_{}_{granularity}_{}", self.start, self.end, self.details)
    }
}

fn day(time: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(time.get(..10)?, "%Y-%m-%d").ok()
}

/// Utilization of a classic subscription: usage that was reported in a span of time.
pub(super) fn utilization(
    partner: &Partner,
    request: &Request,
    customer: &Customer,
    id: &str,
) -> Answer {
    match held(customer, id) {
        None => return no_subscription(id),
        Some(Held::Plan(_)) => {
            let message = "This subscription is not a valid Azure subscription";
            return refusals::partner_center(400, "800011", message);
        }
        Some(Held::Classic) => {}
    }
    let Some(span) = Span::of(request) else {
        return refusals::invalid("granularity must be daily or hourly");
    };
    let (Some(start), Some(end)) = (day(&span.start), day(&span.end)) else {
        return refusals::invalid("start_time and end_time are required");
    };
    // What is reported on a day was used the day before; today's reports are not in.
    let until = end.min(partner.today());
    let used = (start - Days::new(1), until - Days::new(2));
    let rows = classic_usage(partner.chance, customer, used);
    let items = rows.iter().map(|row| record(partner, id, row, &span));
    let most = match partner.settings.page_size {
        Some(size) => size,
        None => PAGE_UTILIZATION,
    };
    let path = format!(
        "customers/{}/subscriptions/{id}/utilizations/azure",
        customer.id
    );
    let list = SeekList {
        // No slash in front, as the published sample has it.
        uri: format!(
            "{path}?start_time={}&end_time={}&granularity={}&show_details={}&size={most}",
            span.start,
            span.end,
            if span.hourly { "Hourly" } else { "Daily" },
            span.details,
        ),
        identity: path,
        memo: span.memo(),
        items: items.collect(),
        most,
        operation: "seek_operation",
    };
    seek(partner, request, list)
}

fn record(partner: &Partner, id: &str, row: &ClassicUsage, span: &Span) -> Json {
    let (from, to) = match span.hourly {
        // All of a day's usage in its first hour: hours differ from days in their bounds only.
        true => (
            format!("{}T00:00:00+00:00", row.day),
            format!("{}T01:00:00+00:00", row.day),
        ),
        false => (
            format!("{}T00:00:00+00:00", row.day),
            format!("{}T00:00:00+00:00", row.day + Days::new(1)),
        ),
    };
    let resource = object([
        ("id", text(row.meter.id)),
        ("name", text(row.meter.name)),
        ("category", text(row.meter.service)),
        ("subcategory", text(row.meter.kind)),
        ("region", text("")),
    ]);
    let item = object([
        ("usageStartTime", text(from)),
        ("usageEndTime", text(to)),
        ("resource", resource),
        ("quantity", number(row.quantity)),
        ("unit", text(row.meter.unit)),
        ("infoFields", Json::Object(Vec::new())),
    ]);
    let item = match span.details {
        false => item,
        true => {
            let subscription = partner.chance.guid(&["classic-entitlement", id]);
            let uri = format!(
                "/subscriptions/{subscription}/resourceGroups/classic/providers/\
                 Microsoft.Web/serverFarms/{}",
                row.meter.name.replace('/', "-")
            );
            item.with(
                "instanceData",
                object([
                    ("resourceUri", text(uri)),
                    ("location", text("euwest")),
                    ("partNumber", text("")),
                    ("orderNumber", text("")),
                    ("additionalInfo", Json::Object(Vec::new())),
                ]),
            )
        }
    };
    item.with("attributes", object_type("AzureUtilizationRecord"))
}
