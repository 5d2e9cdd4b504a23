//! A fetch: which units a period needs, in the order in which they become known, over a bounded
//! number of workers. One unit that fails leaves the others alone; a refusal that concerns all of
//! them ends the fetch.

use super::units;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::answers::{self, Invoice, Subscription};
use super::endpoints::{CUSTOMERS, Endpoint, INVOICES, Over, SUBSCRIPTIONS};
use super::pages::{Context, Pages};
use super::units::{Route, Task};
use crate::model::period::Period;
use crate::progress::watch::{Event, Watch};
use crate::sources::failure::FetchError;
use crate::sources::graph_export::export::Export;
use crate::sources::identity::account::Account;
use crate::sources::identity::auth::Tokens;
use crate::sources::identity::cloud::Addresses;
use crate::sources::landing::Landing;
use crate::sources::landing::journal::Entry;
use crate::sources::wire::http::Http;

/// Which generation of the API to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// As the decision table says.
    #[default]
    Auto,
    /// v1, wherever there is a choice.
    V1,
    /// v2, wherever there is a choice.
    V2,
}

/// What is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names of endpoints and twins, as in a pipeline.
    pub names: Vec<String>,
    /// The billing period.
    pub period: Period,
    /// Today, UTC, as `2026-11-21`: a snapshot is fetched once a day.
    pub today: String,
    /// Which generation.
    pub api: Api,
    /// Currencies of unbilled data, besides those of the period's invoices.
    pub currencies: Vec<String>,
    /// Ask anew for what is complete, too.
    pub refresh: bool,
}

/// A fetch at work.
#[derive(Debug)]
pub struct Fetcher {
    /// The client.
    pub http: Http,
    /// Its tokens.
    pub tokens: Tokens,
    /// Where all goes.
    pub landing: Landing,
    /// What is wanted.
    pub order: Order,
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was complete before.
    Unchanged,
    /// It is complete now.
    Fetched,
    /// It is complete now, beside an older version.
    Restated,
    /// It is not complete, and why.
    Incomplete(String),
}

/// A unit that a period needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its id.
    pub id: String,
    /// Its dataset.
    pub dataset: &'static str,
    /// For what it was asked.
    pub context: Context,
    /// What became of it.
    pub became: Became,
    /// Its pages or blobs.
    pub parts: u64,
    /// Their rows.
    pub rows: u64,
    /// Whether the fault, if any, is a missing permission.
    pub is_forbidden: bool,
}

impl Fetcher {
    /// A fetch for an account, landing in `landing`.
    ///
    /// # Errors
    /// [`FetchError::Start`].
    pub fn new(
        account: &Account,
        landing: Landing,
        order: Order,
        watch: Watch,
    ) -> Result<Self, FetchError> {
        let tokens = Tokens::new(account, landing.credentials());
        Ok(Self {
            http: Http::new(account, watch)?,
            tokens,
            landing,
            order,
        })
    }

    /// Whom it asks.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.tokens.account().addresses
    }

    /// Fetches all that the order names; `arrived` is told of each unit that is complete. Rows of
    /// the result are in the order of datasets and ids.
    ///
    /// # Errors
    /// [`FetchError`] where it makes no sense to go on; what was landed stays.
    pub async fn run(
        self: &Arc<Self>,
        arrived: &mut (dyn FnMut(&Fetched) + Send),
    ) -> Result<Vec<Fetched>, FetchError> {
        let mut found: Vec<Fetched> = Vec::new();
        let needs = units::Needs::of(&self.order);
        let mut known = units::Known {
            currencies: self.order.currencies.iter().cloned().collect(),
            ..units::Known::default()
        };
        let mut first = Vec::new();
        if needs.invoices {
            first.push(Task::pages(&INVOICES, Context::default(), &self.order));
        }
        if needs.customers {
            first.push(Task::pages(&CUSTOMERS, Context::default(), &self.order));
        }
        found.extend(self.all(first, arrived).await?);
        if needs.invoices {
            known.invoices = self.invoices(&found)?;
            for invoice in known
                .invoices
                .iter()
                .filter(|invoice| !invoice.amendments.is_empty())
            {
                let line = format!(
                    "invoice `{}` is amended by {}, whose lines are not fetched",
                    invoice.id,
                    invoice.amendments.join(", ")
                );
                self.http.watch.tell(Event::Note(line));
            }
            known.currencies.extend(
                known
                    .invoices
                    .iter()
                    .map(|invoice| invoice.currency.clone())
                    .filter(|currency| !currency.is_empty()),
            );
        }
        if needs.customers {
            known.customers = self
                .read(&found, CUSTOMERS.dataset, answers::customers)?
                .into_values()
                .flatten()
                .collect();
        }
        if needs.subscriptions {
            let tasks = known.customers.iter().map(|customer| {
                Task::pages(
                    &SUBSCRIPTIONS,
                    Context::default().with("customer", customer),
                    &self.order,
                )
            });
            found.extend(self.all(tasks.collect(), arrived).await?);
            known.subscriptions =
                self.read(&found, SUBSCRIPTIONS.dataset, answers::subscriptions)?;
        }
        let (tasks, reasons) = units::rest(&self.order, &known, self.addresses().graph.is_some());
        for reason in reasons {
            self.http.watch.tell(Event::Note(reason));
        }
        found.extend(self.all(tasks, arrived).await?);
        found.sort_by(|left, right| (left.dataset, &left.id).cmp(&(right.dataset, &right.id)));
        Ok(found)
    }

    /// Runs tasks on a bounded number of workers.
    async fn all(
        self: &Arc<Self>,
        tasks: Vec<Task>,
        arrived: &mut (dyn FnMut(&Fetched) + Send),
    ) -> Result<Vec<Fetched>, FetchError> {
        let mut by_dataset: BTreeMap<&'static str, u64> = BTreeMap::new();
        tasks
            .iter()
            .for_each(|task| *by_dataset.entry(task.dataset()).or_default() += 1);
        for (dataset, units) in by_dataset {
            self.http.watch.tell(Event::Planned { dataset, units });
        }
        let mut found = Vec::with_capacity(tasks.len());
        let mut waiting = tasks.into_iter();
        let mut running: JoinSet<Result<Fetched, FetchError>> = JoinSet::new();
        loop {
            while running.len() < self.tokens.account().workers.max(1) {
                let Some(task) = waiting.next() else { break };
                let fetcher = Arc::clone(self);
                running.spawn(async move { fetcher.one(task).await });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(found);
            };
            let fetched = ended.map_err(|source| FetchError::Start {
                what: "a worker",
                source: source.into(),
            })??;
            self.http.watch.tell(Event::Done {
                dataset: fetched.dataset,
            });
            if !matches!(fetched.became, Became::Incomplete(_)) {
                arrived(&fetched);
            }
            found.push(fetched);
        }
    }

    async fn one(self: Arc<Self>, task: Task) -> Result<Fetched, FetchError> {
        let id = task.id.clone();
        let before = self.landing.unit(&id);
        let is_known = !before.versions.is_empty() && before.open.is_none();
        // An export that was complete on an earlier day may have been restated since.
        let is_checked =
            !task.is_export() || before.checked.as_deref() == Some(self.order.today.as_str());
        let result = if is_known && is_checked && !self.order.refresh {
            Ok(())
        } else {
            self.fetch(&task).await
        };
        let (became, is_forbidden) = match result {
            Ok(()) => (self.became(&id, before.versions.len()), false),
            Err(error) if error.is_of_one_unit() => {
                let reason = error.to_string();
                self.landing.enter(
                    &id,
                    Entry::Incomplete {
                        reason: reason.clone(),
                    },
                )?;
                self.http
                    .watch
                    .tell(Event::Note(format!("incomplete: {reason}")));
                (
                    Became::Incomplete(reason),
                    matches!(error, FetchError::Refused { status: 403, .. }),
                )
            }
            Err(error) => return Err(error),
        };
        let after = self.landing.unit(&id);
        let version = after
            .versions
            .last()
            .filter(|_| !matches!(became, Became::Incomplete(_)));
        let (parts, rows) = version.map_or((0, 0), |version| {
            (version.parts.len() as u64, version.rows())
        });
        Ok(Fetched {
            id,
            dataset: task.dataset(),
            context: task.context,
            became,
            parts,
            rows,
            is_forbidden,
        })
    }

    fn became(&self, id: &str, before: usize) -> Became {
        let versions = self.landing.unit(id).versions;
        let same = |left: usize, right: usize| {
            let hashes = |at: usize| {
                versions.get(at).map(|version| {
                    version
                        .parts
                        .iter()
                        .map(|part| &part.blake3)
                        .collect::<Vec<_>>()
                })
            };
            hashes(left) == hashes(right)
        };
        match (before, versions.len()) {
            (before, after) if before == after => Became::Unchanged,
            (0, _) => Became::Fetched,
            (before, after) if same(before - 1, after - 1) => Became::Unchanged,
            _ => Became::Restated,
        }
    }

    async fn fetch(self: &Arc<Self>, task: &Task) -> Result<(), FetchError> {
        match &task.route {
            Route::Pages(endpoint) => {
                Pages {
                    fetcher: self,
                    endpoint,
                    context: &task.context,
                    id: &task.id,
                }
                .fetch()
                .await
            }
            Route::Export { twin, emptiness } => {
                Export {
                    fetcher: self,
                    twin,
                    context: &task.context,
                    id: &task.id,
                    emptiness: *emptiness,
                }
                .fetch()
                .await
            }
        }
    }

    /// What the landed pages of a dataset say, by customer.
    fn read<T>(
        &self,
        found: &[Fetched],
        dataset: &str,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<BTreeMap<String, Vec<T>>, FetchError> {
        let mut read: BTreeMap<String, Vec<T>> = BTreeMap::new();
        for unit in found.iter().filter(|unit| unit.dataset == dataset) {
            let slot = read
                .entry(unit.context.get("customer").unwrap_or_default().to_owned())
                .or_default();
            for part in self.landing.parts_of(&unit.id) {
                let body = self.landing.bytes_of(&part)?;
                slot.extend(parse(&body).map_err(|found| FetchError::Damaged {
                    path: part.path.clone(),
                    found,
                })?);
            }
        }
        Ok(read)
    }

    fn invoices(&self, found: &[Fetched]) -> Result<Vec<Invoice>, FetchError> {
        let all = self
            .read(found, INVOICES.dataset, answers::invoices)?
            .into_values()
            .flatten();
        let mut seen = BTreeSet::new();
        Ok(all
            .filter(|invoice| {
                invoice.is_of(self.order.period) && seen.insert(invoice.id.to_ascii_uppercase())
            })
            .collect())
    }
}

/// What is known of a partner's customers.
pub type Subscriptions = BTreeMap<String, Vec<Subscription>>;

/// Whether an endpoint is asked for customers.
#[must_use]
pub fn is_by_customer(endpoint: &Endpoint) -> bool {
    matches!(
        endpoint.over,
        Over::Customers | Over::AzurePlans | Over::ClassicSubscriptions | Over::AzureSubscriptions
    )
}
