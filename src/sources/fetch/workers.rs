//! Workers of a fetch: units in the order in which they become known, a bounded number at the same
//! time. A unit that fails leaves the others alone; a failure that concerns all of them ends the
//! fetch. Everything that was stored is kept either way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::answers::{self, Invoice};
use super::context::Context;
use super::endpoints::{CUSTOMERS, INVOICES, SUBSCRIPTIONS};
use super::order::Order;
use super::pages::Pages;
use super::units::{Lists, Needs, Route, Task, rest};
use crate::progress::reporting::{Event, Progress};
use crate::sources::failure::FetchError;
use crate::sources::graph_export::export::Export;
use crate::sources::identity::account::Account;
use crate::sources::landing::Landing;
use crate::sources::landing::journal::Entry;
use crate::sources::session::Session;

/// A fetch at work.
#[derive(Debug)]
pub struct Fetcher {
    session: Arc<Session>,
    /// The state folder, from which the readers take the files of complete units.
    pub landing: Arc<Landing>,
    order: Order,
}

/// Outcome of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// The unit was complete before, and is the same now.
    Unchanged,
    /// The unit is complete, for the first time.
    Fetched,
    /// The unit is complete, beside an older version with other content.
    Restated,
    /// The unit is not complete, for this reason.
    Incomplete(String),
}

/// A unit that the period needs, after it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Id of the unit.
    pub id: String,
    /// Name of the dataset.
    pub dataset: &'static str,
    /// Customer, invoice, currency and so on for which it was fetched.
    pub context: Context,
    /// Outcome of the fetch.
    pub became: Became,
    /// Number of pages or blobs; 0 if the unit is not complete.
    pub parts: u64,
    /// Number of rows; 0 if the unit is not complete.
    pub rows: u64,
    /// True if the unit is not complete because a permission is missing.
    pub is_forbidden: bool,
}

/// Called with each unit as soon as it is complete.
type Arrived<'a> = &'a mut (dyn FnMut(&Fetched) + Send);

impl Fetcher {
    /// A fetch for an account; everything is stored in `landing`.
    ///
    /// # Errors
    /// [`FetchError::Start`] if TLS cannot be set up.
    pub fn new(
        account: &Account,
        landing: Landing,
        order: Order,
        progress: Progress,
    ) -> Result<Self, FetchError> {
        let landing = Arc::new(landing);
        let session = Session::new(account, Arc::clone(&landing), &order.today, progress)?;
        Ok(Self {
            session: Arc::new(session),
            landing,
            order,
        })
    }

    /// Fetches everything that the order names, and calls `arrived` with each unit that is
    /// complete. The result is ordered by dataset and id.
    ///
    /// # Errors
    /// [`FetchError`] if it makes no sense to go on; what was stored is kept.
    pub async fn run(&self, arrived: Arrived<'_>) -> Result<Vec<Fetched>, FetchError> {
        let (mut found, lists) = self.lists(arrived).await?;
        let has_graph = self.session.addresses().graph.is_some();
        let (tasks, reasons) = rest(&self.order, &lists, has_graph);
        for reason in reasons {
            self.note(reason);
        }
        found.extend(self.all(tasks, arrived).await?);
        // Units end in any order; reports must not depend on it.
        found.sort_by(|left, right| (left.dataset, &left.id).cmp(&(right.dataset, &right.id)));
        Ok(found)
    }

    /// Fetches and reads the lists of customers, subscriptions and invoices, as far as the order
    /// needs them.
    async fn lists(&self, arrived: Arrived<'_>) -> Result<(Vec<Fetched>, Lists), FetchError> {
        let needs = Needs::of(&self.order);
        let mut first = Vec::new();
        // Both lists at once: neither needs the other.
        if needs.invoices {
            first.push(Task::pages(&INVOICES, Context::default(), &self.order));
        }
        if needs.customers {
            first.push(Task::pages(&CUSTOMERS, Context::default(), &self.order));
        }
        let mut found = self.all(first, arrived).await?;
        let mut lists = Lists {
            currencies: self.order.currencies.iter().cloned().collect(),
            ..Lists::default()
        };
        if needs.invoices {
            lists.invoices = self.invoices(&found)?;
            let currencies = lists.invoices.iter().map(|invoice| &invoice.currency);
            lists
                .currencies
                .extend(currencies.filter(|code| !code.is_empty()).cloned());
        }
        if needs.customers {
            for unit in found
                .iter()
                .filter(|unit| unit.dataset == CUSTOMERS.dataset)
            {
                lists.customers.extend(self.read(unit, answers::customers)?);
            }
        }
        if needs.subscriptions {
            let tasks = lists.customers.iter().map(|customer| {
                let context = Context::default().with("customer", customer);
                Task::pages(&SUBSCRIPTIONS, context, &self.order)
            });
            let units = self.all(tasks.collect(), arrived).await?;
            for unit in &units {
                let customer = unit.context.get("customer").expect("set above");
                let subscriptions = self.read(unit, answers::subscriptions)?;
                lists
                    .subscriptions
                    .entry(customer.to_owned())
                    .or_default()
                    .extend(subscriptions);
            }
            found.extend(units);
        }
        Ok((found, lists))
    }

    /// Fetches units on a bounded number of workers.
    async fn all(
        &self,
        tasks: Vec<Task>,
        arrived: Arrived<'_>,
    ) -> Result<Vec<Fetched>, FetchError> {
        let progress = &self.session.http.progress;
        let mut by_dataset: BTreeMap<&'static str, u64> = BTreeMap::new();
        for task in &tasks {
            *by_dataset.entry(task.dataset()).or_default() += 1;
        }
        for (dataset, units) in by_dataset {
            progress.tell(Event::Planned { dataset, units });
        }
        let workers = self.session.tokens.account().workers.max(1);
        let mut found = Vec::with_capacity(tasks.len());
        let mut waiting = tasks.into_iter();
        let mut running: JoinSet<Result<Fetched, FetchError>> = JoinSet::new();
        loop {
            while running.len() < workers {
                let Some(task) = waiting.next() else { break };
                let session = Arc::clone(&self.session);
                let refresh = self.order.refresh;
                running.spawn(async move { fetch_unit(&session, task, refresh).await });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(found);
            };
            // An error here concerns all units: the running ones are aborted with the set.
            let fetched = ended.map_err(|source| FetchError::Start {
                what: "a worker",
                source: source.into(),
            })??;
            progress.tell(Event::Done {
                dataset: fetched.dataset,
            });
            // A unit that cannot prove that it is complete is never read.
            if !matches!(fetched.became, Became::Incomplete(_)) {
                arrived(&fetched);
            }
            found.push(fetched);
        }
    }

    /// The items on the stored pages of a unit; none if the unit is not complete.
    fn read<T>(
        &self,
        unit: &Fetched,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<Vec<T>, FetchError> {
        let mut items = Vec::new();
        let Some(version) = self.landing.newest(&unit.id) else {
            return Ok(items);
        };
        for part in &version.parts {
            let body = self.landing.bytes_of(part)?;
            items.extend(parse(&body).map_err(|found| FetchError::Damaged {
                path: part.path.clone(),
                found,
            })?);
        }
        Ok(items)
    }

    /// The invoices of the period, each once.
    fn invoices(&self, found: &[Fetched]) -> Result<Vec<Invoice>, FetchError> {
        let mut invoices = Vec::new();
        let mut seen = BTreeSet::new();
        for unit in found.iter().filter(|unit| unit.dataset == INVOICES.dataset) {
            for invoice in self.read(unit, answers::invoices)? {
                // Pages by offset may overlap when an invoice is added while they are read.
                let is_wanted = invoice.is_of(self.order.period)
                    && seen.insert(invoice.id.to_ascii_uppercase());
                if !is_wanted {
                    continue;
                }
                if !invoice.amendments.is_empty() {
                    self.note(format!(
                        "invoice `{}` is amended by {}, whose lines are not fetched",
                        invoice.id,
                        invoice.amendments.join(", ")
                    ));
                }
                invoices.push(invoice);
            }
        }
        Ok(invoices)
    }

    fn note(&self, line: String) {
        self.session.http.progress.tell(Event::Note(line));
    }
}

/// Fetches one unit, unless it is complete and up to date; with `refresh`, always.
async fn fetch_unit(
    session: &Arc<Session>,
    task: Task,
    refresh: bool,
) -> Result<Fetched, FetchError> {
    let before = session.landing.unit(&task.id);
    // A version that was begun and not ended may have been announced by a newer manifest.
    let is_complete = !before.versions.is_empty() && before.open.is_none();
    // An export that was complete on an earlier day may have been restated since.
    let is_current = !task.is_export() || before.checked.as_deref() == Some(&session.today);
    let result = if is_complete && is_current && !refresh {
        Ok(())
    } else {
        follow(session, &task).await
    };
    let mut fetched = Fetched {
        dataset: task.dataset(),
        became: Became::Unchanged,
        parts: 0,
        rows: 0,
        is_forbidden: false,
        id: task.id,
        context: task.context,
    };
    match result {
        Ok(()) => {
            fetched.became = became(session, &fetched.id, before.versions.len());
            if let Some(version) = session.landing.newest(&fetched.id) {
                fetched.parts = version.parts.len() as u64;
                fetched.rows = version.rows();
            }
        }
        Err(error) if error.is_of_one_unit() => {
            let reason = error.to_string();
            let progress = &session.http.progress;
            session.landing.enter(
                &fetched.id,
                Entry::Incomplete {
                    reason: reason.clone(),
                },
            )?;
            progress.tell(Event::Note(format!("incomplete: {reason}")));
            fetched.became = Became::Incomplete(reason);
            fetched.is_forbidden = error.is_forbidden();
        }
        Err(error) => return Err(error),
    }
    Ok(fetched)
}

/// Fetches a unit on its route.
async fn follow(session: &Arc<Session>, task: &Task) -> Result<(), FetchError> {
    match &task.route {
        Route::Pages(endpoint) => {
            let pages = Pages {
                session,
                endpoint,
                context: &task.context,
                id: &task.id,
            };
            pages.fetch().await
        }
        Route::Export {
            twin,
            scope,
            emptiness,
        } => {
            let export = Export {
                session,
                dataset: twin.v1.dataset,
                report: twin.v2,
                scope,
                id: &task.id,
                emptiness: *emptiness,
            };
            export.fetch().await
        }
    }
}

/// The outcome of a complete unit that had `before` versions. A new version with the same bytes is
/// no restatement.
fn became(session: &Session, id: &str, before: usize) -> Became {
    let versions = session.landing.unit(id).versions;
    if before == versions.len() {
        return Became::Unchanged;
    }
    let Some(previous) = before.checked_sub(1) else {
        return Became::Fetched;
    };
    // An export's eTag may change although its rows do not.
    let hashes = |at: usize| versions[at].parts.iter().map(|part| &part.blake3);
    if hashes(previous).eq(hashes(versions.len() - 1)) {
        Became::Unchanged
    } else {
        Became::Restated
    }
}
