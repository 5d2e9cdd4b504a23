//! From an order to its units: an endpoint for each customer, subscription, invoice or currency.

use std::collections::BTreeSet;

use super::answers::{Invoice, SubscriptionKind};
use super::api_version::{self, Version};
use super::endpoints::{
    CUSTOMERS, ENDPOINTS, Endpoint, INVOICES, Over, SUBSCRIPTIONS, TWINS, Twin,
};
use super::pages::Context;
use super::workers::{Api, Order, Subscriptions, is_by_customer};
use crate::model::period::{Period, date_of, parse_day};
use crate::sources::graph_export::export::Emptiness;

/// How a unit is fetched.
pub(super) enum Route {
    Pages(&'static Endpoint),
    Export {
        twin: &'static Twin,
        emptiness: Emptiness,
    },
}

/// A unit to be fetched.
pub(super) struct Task {
    pub(super) id: String,
    pub(super) route: Route,
    pub(super) context: Context,
}

impl Task {
    /// A unit of pages.
    pub(super) fn pages(endpoint: &'static Endpoint, context: Context, order: &Order) -> Self {
        let id = id_of(endpoint, "v1", &context, order);
        Self {
            id,
            route: Route::Pages(endpoint),
            context,
        }
    }

    pub(super) fn dataset(&self) -> &'static str {
        match &self.route {
            Route::Pages(endpoint) => endpoint.dataset,
            Route::Export { twin, .. } => twin.v1.dataset,
        }
    }

    pub(super) fn is_export(&self) -> bool {
        matches!(self.route, Route::Export { .. })
    }
}

/// Dataset, route, for whom; and of a snapshot, when.
fn id_of(endpoint: &Endpoint, route: &str, context: &Context, order: &Order) -> String {
    let mut steps = vec![endpoint.dataset.to_owned()];
    if endpoint.name != endpoint.dataset {
        steps.push(endpoint.name.to_owned());
    }
    steps.push(route.to_owned());
    let told = context
        .0
        .iter()
        .filter(|(name, _)| !["start", "end"].contains(name));
    steps.extend(told.map(|(_, value)| value.to_ascii_lowercase()));
    if endpoint.snapshot {
        steps.push(format!("@{}", order.today));
    }
    steps.join("/")
}

/// Which lists must be known before the rest can be planned.
pub(super) struct Needs {
    pub(super) invoices: bool,
    pub(super) customers: bool,
    pub(super) subscriptions: bool,
}

impl Needs {
    pub(super) fn of(order: &Order) -> Self {
        let listed = |endpoint: &Endpoint| order.names.iter().any(|name| name == endpoint.name);
        let all = || {
            TWINS
                .iter()
                .map(|twin| &twin.v1)
                .chain(ENDPOINTS)
                .filter(|endpoint| listed(endpoint))
        };
        let by_subscription = |endpoint: &Endpoint| {
            matches!(
                endpoint.over,
                Over::AzurePlans | Over::ClassicSubscriptions | Over::AzureSubscriptions
            )
        };
        let by_invoice = |endpoint: &Endpoint| {
            matches!(
                endpoint.over,
                Over::Invoices | Over::NewInvoices | Over::LegacyInvoices | Over::Currencies
            )
        };
        let subscriptions = listed(&SUBSCRIPTIONS) || all().any(by_subscription);
        Self {
            invoices: listed(&INVOICES) || all().any(by_invoice),
            customers: subscriptions || listed(&CUSTOMERS) || all().any(is_by_customer),
            subscriptions,
        }
    }
}

/// What the first answers said.
#[derive(Default)]
pub(super) struct Known {
    pub(super) customers: Vec<String>,
    pub(super) subscriptions: Subscriptions,
    pub(super) invoices: Vec<Invoice>,
    pub(super) currencies: BTreeSet<String>,
}

/// The units of all that is not fetched yet, and the reasons for their routes.
pub(super) fn rest(order: &Order, known: &Known, has_graph: bool) -> (Vec<Task>, Vec<String>) {
    let mut tasks = Vec::new();
    let mut reasons = Vec::new();
    let first = [CUSTOMERS.name, SUBSCRIPTIONS.name, INVOICES.name];
    let listed = |name: &str| order.names.iter().any(|listed| listed == name);
    for twin in TWINS.iter().filter(|twin| listed(twin.v1.name)) {
        twin_tasks(order, known, twin, has_graph, &mut tasks, &mut reasons);
    }
    for endpoint in ENDPOINTS
        .iter()
        .filter(|endpoint| listed(endpoint.name) && !first.contains(&endpoint.name))
    {
        tasks.extend(
            contexts(order, known, endpoint.over)
                .into_iter()
                .map(|context| Task::pages(endpoint, context, order)),
        );
    }
    (tasks, reasons)
}

fn twin_tasks(
    order: &Order,
    known: &Known,
    twin: &'static Twin,
    has_graph: bool,
    tasks: &mut Vec<Task>,
    reasons: &mut Vec<String>,
) {
    let is_billed = twin.v1.over == Over::NewInvoices;
    let (version, reason) = match (order.api, is_billed) {
        (Api::V1, _) => (
            Version::V1,
            format!("v1 for {}: the pipeline says so", twin.v1.name),
        ),
        (Api::V2, _) => (
            Version::V2,
            format!("v2 for {}: the pipeline says so", twin.v1.name),
        ),
        (Api::Auto, true) => api_version::billed(twin.what, order.period, has_graph),
        (Api::Auto, false) => api_version::unbilled(twin.what, has_graph),
    };
    reasons.push(reason);
    let contexts = if is_billed {
        contexts(order, known, Over::NewInvoices)
    } else {
        match unbilled_period(order) {
            Some(period) => known
                .currencies
                .iter()
                .map(|currency| {
                    Context::default()
                        .with("currency", currency)
                        .with("period", period)
                })
                .collect(),
            None => {
                reasons.push(format!(
                    "no {} of {}: only the current and the last month are served",
                    twin.v1.name, order.period
                ));
                Vec::new()
            }
        }
    };
    for context in contexts {
        tasks.push(match version {
            Version::V1 => Task::pages(&twin.v1, context, order),
            Version::V2 => {
                let invoice = context
                    .get("invoice")
                    .and_then(|id| known.invoices.iter().find(|invoice| invoice.id == id));
                let emptiness = match invoice {
                    Some(invoice) if invoice.is_zero => Emptiness::Proven,
                    Some(_) => Emptiness::Refuted,
                    None => Emptiness::Possible,
                };
                Task {
                    id: id_of(&twin.v1, "v2", &context, order),
                    route: Route::Export { twin, emptiness },
                    context,
                }
            }
        });
    }
}

/// `current` or `previous`, as unbilled data are asked for; `None` for months before.
fn unbilled_period(order: &Order) -> Option<&'static str> {
    let today = parse_day(order.today.as_bytes()).ok().flatten()?;
    let current = Period::of(today)?;
    let last = Period::of(current.days().0 - 1)?;
    match order.period {
        period if period == current => Some("current"),
        period if period == last => Some("previous"),
        _ => None,
    }
}

fn contexts(order: &Order, known: &Known, over: Over) -> Vec<Context> {
    let (first, next) = order.period.days();
    let instant = |day| {
        date_of(day)
            .map(|date| format!("{date}T00:00:00+00:00"))
            .unwrap_or_default()
    };
    let period = order.period.to_string();
    let of_kind = |wanted: &[SubscriptionKind]| {
        let mut contexts = Vec::new();
        for (customer, subscriptions) in &known.subscriptions {
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
    };
    let invoices = |wanted: &dyn Fn(&Invoice) -> bool| -> Vec<Context> {
        let of = |invoice: &Invoice| {
            Context::default()
                .with("invoice", &invoice.id)
                .with("currency", &invoice.currency)
        };
        known
            .invoices
            .iter()
            .filter(|invoice| wanted(invoice))
            .map(of)
            .collect()
    };
    match over {
        Over::Partner => vec![Context::default()],
        Over::Customers => known
            .customers
            .iter()
            .map(|customer| Context::default().with("customer", customer))
            .collect(),
        Over::AzurePlans => of_kind(&[SubscriptionKind::AzurePlan]),
        Over::AzureSubscriptions => {
            of_kind(&[SubscriptionKind::AzurePlan, SubscriptionKind::ClassicAzure])
        }
        // Usage is selected by when it was reported, which is up to some days after it was used.
        Over::ClassicSubscriptions => of_kind(&[SubscriptionKind::ClassicAzure])
            .into_iter()
            .map(|context| {
                context
                    .with("period", &period)
                    .with("start", &instant(first))
                    .with("end", &instant(next))
            })
            .collect(),
        Over::Currencies => known
            .currencies
            .iter()
            .map(|currency| Context::default().with("currency", currency))
            .collect(),
        Over::Invoices => invoices(&|_| true),
        Over::NewInvoices => invoices(&|invoice| !invoice.is_legacy()),
        Over::LegacyInvoices => invoices(&Invoice::is_legacy),
    }
}
