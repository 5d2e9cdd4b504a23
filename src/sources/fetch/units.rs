//! Units of an order: each endpoint for each customer, subscription, invoice or currency. Pure: the
//! lists come from `answers`, and `workers` fetches the units.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Detail, Invoice, Subscription, SubscriptionKind};
use super::api_version::{self, ApiVersion, Billed};
use super::context::Context;
use super::endpoints::{
    CUSTOMERS, ENDPOINTS, Endpoint, INVOICES, Over, SUBSCRIPTIONS, TWINS, Twin, all,
};
use super::order::{Api, Order};
use crate::model::period::{Day, Period, date_of, parse_day};
use crate::sources::graph_export::operation::{Report, Scope};
use crate::sources::wire::message::Purpose;

/// Way in which a unit is fetched.
#[derive(Debug)]
pub(super) enum Route {
    Pages(&'static Endpoint),
    Export {
        twin: &'static Twin,
        report: Report,
        scope: Scope,
    },
}

/// What it means if a service has nothing of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// There is nothing, for this reason.
    Proven(&'static str),
    /// There may well be nothing, for this reason: it is believed if the service says so as often as it is
    /// asked, and asked again each night as long as the period is provisional.
    Presumed(&'static str),
    /// The lines of the invoice tell: only usage products have usage.
    AsLinesTell,
    /// There must be something, sooner or later.
    Refuted,
    /// A list without items is an answer; anything else is none.
    Unknown,
}

/// A unit to be fetched.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) route: Route,
    pub(super) context: Context,
    pub(super) purpose: Purpose,
    pub(super) silence: Silence,
}

impl Task {
    /// A unit of pages.
    pub(super) fn pages(endpoint: &'static Endpoint, context: Context, order: &Order) -> Self {
        Self {
            id: id_of(endpoint, "v1", &context, order),
            route: Route::Pages(endpoint),
            context,
            purpose: order.purpose(endpoint.dataset),
            silence: Silence::Unknown,
        }
    }

    /// Name of the dataset.
    pub(super) fn dataset(&self) -> &'static str {
        match &self.route {
            Route::Pages(endpoint) => endpoint.dataset,
            Route::Export { twin, .. } => twin.v1.dataset,
        }
    }

    /// True for an export, which can be restated after it was complete.
    pub(super) fn is_export(&self) -> bool {
        matches!(self.route, Route::Export { .. })
    }
}

/// The id of a unit: dataset, endpoint if its name differs, route, context, and the day of a
/// snapshot. State folders contain these ids, so that they must never change.
fn id_of(endpoint: &Endpoint, route: &str, context: &Context, order: &Order) -> String {
    let mut steps = vec![endpoint.dataset.to_owned()];
    // Two endpoints may serve one dataset, as the daily and the hourly utilization do.
    if endpoint.name != endpoint.dataset {
        steps.push(endpoint.name.to_owned());
    }
    steps.push(route.to_owned());
    // The window of time follows from the period, which is there already.
    let named = context
        .iter()
        .filter(|(name, _)| !["start", "end", "usage_period"].contains(name));
    steps.extend(named.map(|(_, value)| value.to_ascii_lowercase()));
    // Tomorrow the same request is another unit: it shows another state.
    if endpoint.snapshot {
        steps.push(format!("@{}", order.today));
    }
    steps.join("/")
}

/// The lists that must be fetched before the rest can be planned.
pub(super) struct Needs {
    pub(super) invoices: bool,
    pub(super) customers: bool,
    pub(super) subscriptions: bool,
}

impl Needs {
    /// The lists that the endpoints with these names need.
    pub(super) fn of(order: &Order, is_wanted: impl Fn(&Endpoint) -> bool) -> Self {
        let is_wanted = |endpoint: &Endpoint| order.lists(endpoint.name) && is_wanted(endpoint);
        let any_over = |wanted: &[Over]| {
            all().any(|endpoint| is_wanted(endpoint) && wanted.contains(&endpoint.over))
        };
        let subscriptions = is_wanted(&SUBSCRIPTIONS)
            || any_over(&[
                Over::AzurePlans,
                Over::ClassicSubscriptions,
                Over::AzureSubscriptions,
            ]);
        Self {
            // Currencies are those of the invoices, too.
            invoices: is_wanted(&INVOICES)
                || any_over(&[
                    Over::Invoices,
                    Over::InvoicesById,
                    Over::NewInvoices,
                    Over::LegacyInvoices,
                    Over::Currencies,
                ]),
            customers: subscriptions || is_wanted(&CUSTOMERS) || any_over(&[Over::Customers]),
            subscriptions,
        }
    }
}

/// Lists from the first responses.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// Ids of the customers that are asked for, each once.
    pub(super) customers: Vec<String>,
    /// Subscriptions by customer id.
    pub(super) subscriptions: BTreeMap<String, Vec<Subscription>>,
    /// Invoices of the period, each once.
    pub(super) invoices: Vec<Invoice>,
    /// Currencies of the pipeline file and of the invoices.
    pub(super) currencies: BTreeSet<String>,
}

/// The units of an order besides the lists themselves, of those endpoints that are wanted now, and
/// the reasons for their routes, for the log. Exports come first: they run while the rest is asked
/// for.
pub(super) fn rest(
    order: &Order,
    lists: &Lists,
    has_graph: bool,
    is_wanted: impl Fn(&Endpoint) -> bool,
) -> (Vec<Task>, Vec<String>) {
    let is_wanted = |endpoint: &Endpoint| order.lists(endpoint.name) && is_wanted(endpoint);
    let mut tasks = Vec::new();
    let mut reasons = Vec::new();
    for twin in TWINS.iter().filter(|twin| is_wanted(&twin.v1)) {
        let (version, reason) = version_for(order, twin, has_graph);
        reasons.push(reason);
        match twin_contexts(order, lists, twin, has_graph) {
            Ok(contexts) => tasks.extend(
                contexts
                    .into_iter()
                    .map(|context| twin_task(order, lists, twin, version, context)),
            ),
            Err(reason) => reasons.push(reason),
        }
    }
    // These were fetched to make the lists.
    let fetched = [CUSTOMERS.name, SUBSCRIPTIONS.name, INVOICES.name];
    for endpoint in ENDPOINTS
        .iter()
        .filter(|endpoint| is_wanted(endpoint) && !fetched.contains(&endpoint.name))
    {
        tasks.extend(
            contexts(order, lists, endpoint)
                .into_iter()
                .map(|context| Task::pages(endpoint, context, order)),
        );
    }
    // A list may name a thing twice, and two tasks on one unit would mix their pages.
    let mut seen = BTreeSet::new();
    tasks.retain(|task| seen.insert(task.id.clone()));
    tasks.sort_by_key(|task| (!task.is_export(), task.purpose as u8));
    (tasks, reasons)
}

/// True of an endpoint whose data come as an export: they are ordered before anything else.
pub(super) fn is_exported(order: &Order, endpoint: &Endpoint, has_graph: bool) -> bool {
    TWINS.iter().any(|twin| {
        twin.v1.name == endpoint.name && version_for(order, twin, has_graph).0 == ApiVersion::V2
    })
}

fn is_billed(twin: &Twin) -> bool {
    twin.v1.over == Over::NewInvoices
}

/// The generation of the API for a dataset, and the reason in words.
fn version_for(order: &Order, twin: &Twin, has_graph: bool) -> (ApiVersion, String) {
    let name = twin.v1.name;
    match order.api {
        Api::V1 | Api::V2 if twin.is_export_only() => {
            api_version::billed(twin.what, order.period, has_graph)
        }
        Api::V1 => {
            let why = format!("v1 for {name}: the pipeline says so");
            (ApiVersion::V1, why)
        }
        Api::V2 => {
            let why = format!("v2 for {name}: the pipeline says so");
            (ApiVersion::V2, why)
        }
        Api::Auto if is_billed(twin) => api_version::billed(twin.what, order.period, has_graph),
        Api::Auto => api_version::unbilled(twin.what, has_graph),
    }
}

/// The contexts of a twin; the reason, in words, if its period or its cloud is not served.
fn twin_contexts(
    order: &Order,
    lists: &Lists,
    twin: &Twin,
    has_graph: bool,
) -> Result<Vec<Context>, String> {
    if twin.is_export_only() && !has_graph {
        return Err(format!("no {}: this cloud has no v2", twin.v1.name));
    }
    if is_billed(twin) {
        return Ok(contexts(order, lists, &twin.v1));
    }
    let period = unbilled_period(order).ok_or_else(|| {
        format!(
            "no {} for {}: only the current and the last month are served",
            twin.v1.name, order.period
        )
    })?;
    Ok(lists
        .currencies
        .iter()
        .map(|currency| {
            Context::default()
                .with("currency", currency)
                .with("period", period)
        })
        .collect())
}

fn twin_task(
    order: &Order,
    lists: &Lists,
    twin: &'static Twin,
    version: ApiVersion,
    context: Context,
) -> Task {
    let silence = silence_of(lists, twin, &context);
    let purpose = order.purpose(twin.v1.dataset);
    if version == ApiVersion::V1 {
        let context = if is_billed(twin) && twin.what == Billed::Usage {
            // Any month but the current one is `previous`: there is no third word.
            context.with("usage_period", unbilled_period(order).unwrap_or("previous"))
        } else {
            context
        };
        return Task {
            silence,
            ..Task::pages(&twin.v1, context, order)
        };
    }
    let scope = match context.get("invoice") {
        Some(id) => Scope::Invoice(id.to_owned()),
        None => Scope::Unbilled {
            currency: context
                .get("currency")
                .expect("unbilled data have one")
                .to_owned(),
            // Partner Center's word for the last month is `previous`, Graph's is `last`.
            period: match context.get("period") {
                Some("previous") => "last",
                _ => "current",
            },
        },
    };
    Task {
        id: id_of(&twin.v1, "v2", &context, order),
        route: Route::Export {
            twin,
            report: match twin.what {
                Billed::Aggregated => Report {
                    version: order.aggregated,
                    ..twin.v2
                },
                Billed::Usage | Billed::Lines => twin.v2,
            },
            scope,
        },
        context,
        purpose,
        silence,
    }
}

/// What it means if there is nothing of a twin.
fn silence_of(lists: &Lists, twin: &Twin, context: &Context) -> Silence {
    let Some(id) = context.get("invoice") else {
        // What was unbilled is billed once an invoice of the month is out.
        let is_out = lists.invoices.iter().any(|invoice| {
            !invoice.is_legacy() && Some(&*invoice.currency) == context.get("currency")
        });
        return if is_out {
            Silence::Proven("the month is billed")
        } else {
            Silence::Unknown
        };
    };
    let invoice = lists.invoices.iter().find(|invoice| invoice.id == id);
    let invoice = invoice.expect("contexts are made of the invoices");
    match twin.what {
        // Free usage is billed by lines of zero, too: they tell, where there are any. Aggregated usage
        // leaves out the same products as daily rated usage.
        Billed::Usage | Billed::Aggregated => Silence::AsLinesTell,
        Billed::Lines if invoice.is_zero => Silence::Proven("the invoice charges nothing"),
        Billed::Lines if invoice.is_note => {
            // Some have lines, and code 5000 is no proof that this one has none.
            Silence::Presumed("it amends an invoice, and may have no lines of its own")
        }
        Billed::Lines => Silence::Refuted,
    }
}

/// The billing period in Partner Center's words for unbilled data: `current` or `previous`; `None`
/// for any other month.
fn unbilled_period(order: &Order) -> Option<&'static str> {
    // A date that cannot be read means that no month is current: nothing is asked for.
    let today = parse_day(order.today.as_bytes()).ok().flatten()?;
    let current = Period::of(today)?;
    // The day before the first of this month lies in the last one.
    let last = Period::of(current.days().0 - 1)?;
    match order.period {
        period if period == current => Some("current"),
        period if period == last => Some("previous"),
        _ => None,
    }
}

/// One context for each thing that an endpoint is asked for.
fn contexts(order: &Order, lists: &Lists, endpoint: &Endpoint) -> Vec<Context> {
    let with = |name: &'static str, value: &String| Context::default().with(name, value);
    match endpoint.over {
        Over::Partner => vec![Context::default()],
        Over::Month => {
            let month = order.period.to_string().replace('-', "");
            vec![with("month", &month)]
        }
        Over::PriceSheets => order
            .price_sheets
            .iter()
            .map(|sheet| with("market", &sheet.market).with("view", &sheet.view))
            .collect(),
        Over::Customers => lists
            .customers
            .iter()
            .map(|customer| with("customer", customer))
            .collect(),
        Over::AzurePlans => of_subscriptions(lists, &[SubscriptionKind::AzurePlan]),
        Over::AzureSubscriptions => of_subscriptions(
            lists,
            &[SubscriptionKind::AzurePlan, SubscriptionKind::ClassicAzure],
        ),
        Over::ClassicSubscriptions => of_subscriptions(lists, &[SubscriptionKind::ClassicAzure])
            .into_iter()
            .map(|context| with_window(context, order.period))
            .collect(),
        Over::Currencies => lists
            .currencies
            .iter()
            .map(|currency| with("currency", currency))
            .collect(),
        Over::Invoices => of_invoices(lists, |_| true),
        Over::InvoicesById => of_invoices(lists, Invoice::is_served_by_id),
        Over::NewInvoices => of_invoices(lists, |invoice| !invoice.is_legacy()),
        Over::LegacyInvoices => of_invoices(lists, |invoice| {
            invoice.is_legacy() && has_lines_of(invoice, endpoint)
        }),
    }
}

fn of_subscriptions(lists: &Lists, wanted: &[SubscriptionKind]) -> Vec<Context> {
    let mut contexts = Vec::new();
    for (customer, subscriptions) in &lists.subscriptions {
        for subscription in subscriptions
            .iter()
            .filter(|subscription| wanted.contains(&subscription.kind))
        {
            contexts.push(
                Context::default()
                    .with("customer", customer)
                    .with("subscription", &subscription.id),
            );
        }
    }
    contexts
}

fn of_invoices(lists: &Lists, wanted: impl Fn(&Invoice) -> bool) -> Vec<Context> {
    lists
        .invoices
        .iter()
        .filter(|invoice| wanted(invoice))
        .map(|invoice| {
            Context::default()
                .with("invoice", &invoice.id)
                .with("currency", &invoice.currency)
        })
        .collect()
}

/// True if an invoice has the lines of an endpoint, as far as it says. One that says nothing is
/// asked for all.
fn has_lines_of(invoice: &Invoice, endpoint: &Endpoint) -> bool {
    let value = |name: &str| {
        let found = endpoint.query.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| *value)
    };
    let wanted = (value("provider"), value("invoicelineitemtype"));
    let of = |detail: &Detail| (&*detail.provider, &*detail.kind) == wanted;
    invoice.details.is_empty() || invoice.details.iter().any(of)
}

/// A context with the window of a period. Utilization is selected by when it was reported, which is
/// up to some days after it was used (`model::domain::endpoints` §5, row 6).
fn with_window(context: Context, period: Period) -> Context {
    let (first, next) = period.days();
    let midnight = |day: Day| {
        let date = date_of(day).expect("a day of a period is a date");
        format!("{date}T00:00:00+00:00")
    };
    context
        .with("period", &period.to_string())
        .with("start", &midnight(first))
        .with("end", &midnight(next))
}
