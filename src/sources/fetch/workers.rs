//! Order of work of a fetch. First what a close needs: invoices, all exports, billed data, and
//! what the tie-outs that are wanted compare. Then, after the close is published, what only informs,
//! within a time of its own. Exports of the latter are ordered with the others, as they take long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::answers::Invoice;
use super::context::Context;
use super::endpoints::{self, CUSTOMERS, Endpoint, INVOICES, Over, SUBSCRIPTIONS};
use super::fetched::{Became, Fetched};
use super::lists::ListReader;
use super::order::Order;
use super::pool::{Arrived, LeftCustomers, Pool};
use super::snapshots;
use super::units::{Lists, Needs, Task, is_exported, rest};
use crate::progress::reporting::{Event, Progress};
use crate::sources::failure::{FetchError, Lack};
use crate::sources::identity::account::Account;
use crate::sources::landing::Landing;
use crate::sources::landing::journal::Entry;
use crate::sources::session::Session;
use crate::sources::wire::message::Purpose;

/// A fetch at work.
#[derive(Debug)]
pub struct Fetcher {
    session: Arc<Session>,
    /// The state folder, from which the readers take the files of complete units.
    pub landing: Arc<Landing>,
    /// What the pipeline asks for.
    pub order: Arc<Order>,
    left: LeftCustomers,
    learned: Mutex<Learned>,
    /// Exports that only inform, which run from the beginning.
    background: tokio::sync::Mutex<Pool>,
}

/// What a fetch has learned so far.
#[derive(Debug, Default)]
struct Learned {
    lists: Lists,
    has_invoices: bool,
    has_customers: bool,
    has_subscriptions: bool,
    notes: Vec<String>,
}

/// What the lines of an invoice say of its usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinesTell {
    /// None of them charges a usage product.
    NoUsage,
    /// Some of them charge usage products.
    Usage,
    /// They can still come.
    Awaited,
    /// They are not there, for this reason.
    NotThere(String),
}

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
        let (session, order) = (Arc::new(session), Arc::new(order));
        let left = LeftCustomers::default();
        Ok(Self {
            background: tokio::sync::Mutex::new(Pool::new(&session, &order, &left)),
            learned: Mutex::default(),
            session,
            landing,
            order,
            left,
        })
    }

    /// Fetches what the tie-outs need that are wanted, and calls `arrived` with each unit that is
    /// complete. If the list of invoices is not to be had, nothing else is asked for. The result is ordered by
    /// dataset and id.
    ///
    /// # Errors
    /// [`FetchError`] if it makes no sense to go on; what was stored is kept.
    pub async fn needed(&self, arrived: Arrived<'_>) -> Result<Vec<Fetched>, FetchError> {
        let has_graph = self.session.addresses().graph.is_some();
        let is_wanted = |endpoint: &Endpoint| {
            self.order.needed.contains(endpoint.dataset)
                || is_exported(&self.order, endpoint, has_graph)
        };
        let mut found = self
            .lists(&is_wanted, Purpose::Needed, arrived, None)
            .await?;
        let lacks = |unit: &Fetched| unit.dataset == INVOICES.dataset && !unit.is_complete();
        if found.iter().any(lacks) {
            return Ok(in_order(found));
        }
        let tasks = self.tasks(is_wanted);
        let (needed, informational): (Vec<Task>, Vec<Task>) = tasks
            .into_iter()
            .partition(|task| task.purpose == Purpose::Needed);
        let mut pool = self.pool();
        pool.add(needed);
        // Behind the others, so that these are ordered first.
        self.background.lock().await.add(informational);
        let mut units = pool.work(arrived, None).await?;
        for unit in &mut units {
            if snapshots::take_last(&self.landing, &self.order, unit) {
                let note = format!(
                    "`{}`: the last snapshot before the month was billed",
                    unit.id
                );
                self.learned().notes.push(note);
                arrived(unit);
            }
        }
        found.extend(units);
        Ok(in_order(found))
    }

    /// Fetches what only informs, as far as there is time. The result is ordered by dataset and id.
    ///
    /// # Errors
    /// [`FetchError`] if it makes no sense to go on; what was stored is kept.
    pub async fn informational(&self) -> Result<Vec<Fetched>, FetchError> {
        let limit = self.session.http.retry_policy.informational_ms;
        let deadline = Some(Instant::now() + Duration::from_millis(limit));
        let has_graph = self.session.addresses().graph.is_some();
        let is_wanted = |endpoint: &Endpoint| {
            !self.order.needed.contains(endpoint.dataset)
                && !is_exported(&self.order, endpoint, has_graph)
        };
        let mut nobody = |_: &Fetched| {};
        let purpose = Purpose::Informational;
        let mut found = self
            .lists(&is_wanted, purpose, &mut nobody, deadline)
            .await?;
        let mut pool = self.pool();
        pool.add(self.tasks(is_wanted));
        found.extend(pool.work(&mut nobody, deadline).await?);
        let mut background = self.background.lock().await;
        found.extend(background.work(&mut nobody, deadline).await?);
        Ok(in_order(found))
    }

    /// Sentences about what the lists hold that is not asked for, so far.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.learned().notes.clone()
    }

    /// True if the list of invoices was read whole, and holds none of the period from which data that
    /// are needed follow.
    #[must_use]
    pub fn is_not_due(&self) -> bool {
        let state = self.learned();
        let invoices = &state.lists.invoices;
        let is_needed = |legacy: bool| {
            let of_needed =
                |endpoint: &&'static Endpoint| self.order.needed.contains(endpoint.dataset);
            endpoints::all()
                .filter(of_needed)
                .any(|endpoint| match endpoint.over {
                    Over::NewInvoices => !legacy,
                    Over::LegacyInvoices => legacy,
                    _ => false,
                })
        };
        let is_there = |invoice: &Invoice| is_needed(invoice.is_legacy());
        state.has_invoices
            && (is_needed(true) || is_needed(false))
            && !invoices.iter().any(is_there)
    }

    /// Decides about usage that the service has nothing of.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub fn settle(&self, unit: &mut Fetched, lines: LinesTell) -> Result<(), FetchError> {
        let Became::Doubtful(found) = &unit.became else {
            return Ok(());
        };
        let of_unit = |wanted: &str| format!("`{}`: found {found}, wanted {wanted}", unit.id);
        let became = match lines {
            LinesTell::NoUsage => {
                let day = self.order.today.clone();
                self.landing
                    .enter(&unit.id, Entry::Complete { etag: None, day })?;
                Became::Nothing("the invoice's lines hold no usage products".to_owned())
            }
            LinesTell::Usage if self.order.is_provisional() => Became::Awaited(
                of_unit(
                    "the usage that the invoice's lines charge; it follows the lines within 48 hours",
                ) + &self.order.lateness(),
            ),
            LinesTell::Usage => Became::Incomplete(
                Lack::Data,
                of_unit("the usage that the invoice's lines charge"),
            ),
            LinesTell::Awaited => {
                Became::Awaited(of_unit("usage, or lines that say that there is none"))
            }
            LinesTell::NotThere(why) => {
                let wanted = format!("usage, or lines that say that there is none ({why})");
                Became::Incomplete(Lack::Data, of_unit(&wanted))
            }
        };
        unit.became = became;
        Ok(())
    }

    fn pool(&self) -> Pool {
        Pool::new(&self.session, &self.order, &self.left)
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tasks of those endpoints that are wanted now.
    fn tasks(&self, is_wanted: impl Fn(&Endpoint) -> bool) -> Vec<Task> {
        let has_graph = self.session.addresses().graph.is_some();
        let lists = self.learned().lists.clone();
        let (tasks, reasons) = rest(&self.order, &lists, has_graph, is_wanted);
        for reason in reasons {
            self.session.http.progress.tell(Event::Note(reason));
        }
        tasks
    }

    /// Fetches and reads the lists of invoices, customers and subscriptions, as far as those endpoints
    /// need them that are wanted now, and as they are not there yet.
    async fn lists(
        &self,
        is_wanted: &impl Fn(&Endpoint) -> bool,
        purpose: Purpose,
        arrived: Arrived<'_>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Fetched>, FetchError> {
        let needs = Needs::of(&self.order, is_wanted);
        let task = |endpoint, context| Task {
            purpose,
            ..Task::pages(endpoint, context, &self.order)
        };
        let mut first = Vec::new();
        {
            let state = self.learned();
            // Both lists at once: neither needs the other.
            if needs.invoices && !state.has_invoices {
                first.push(task(&INVOICES, Context::default()));
            }
            if needs.customers && !state.has_customers {
                first.push(task(&CUSTOMERS, Context::default()));
            }
        }
        let mut pool = self.pool();
        pool.add(first);
        let mut found = pool.work(arrived, deadline).await?;
        self.learn(&found)?;
        if needs.subscriptions && !self.learned().has_subscriptions {
            let customers = self.learned().lists.customers.clone();
            let tasks = customers.iter().map(|customer| {
                task(
                    &SUBSCRIPTIONS,
                    Context::default().with("customer", customer),
                )
            });
            pool.add(tasks.collect());
            let units = pool.work(arrived, deadline).await?;
            self.learn(&units)?;
            self.learned().has_subscriptions = true;
            found.extend(units);
        }
        Ok(found)
    }

    /// Reads the lists among units.
    fn learn(&self, found: &[Fetched]) -> Result<(), FetchError> {
        let mut state = self.learned();
        let mut lists = std::mem::take(&mut state.lists);
        let mut reader = ListReader {
            landing: &self.landing,
            order: &self.order,
            notes: Vec::new(),
        };
        let of = |dataset: &'static str| {
            found
                .iter()
                .filter(move |unit| unit.dataset == dataset && unit.is_complete())
        };
        if of(INVOICES.dataset).next().is_some() {
            reader.invoices(found, &mut lists)?;
            state.has_invoices = true;
        }
        if let Some(unit) = of(CUSTOMERS.dataset).next() {
            reader.customers(unit, &mut lists)?;
            state.has_customers = true;
        }
        for unit in of(SUBSCRIPTIONS.dataset) {
            reader.subscriptions(unit, &mut lists)?;
        }
        let notes = reader.notes;
        (state.lists, state.notes) = (lists, [std::mem::take(&mut state.notes), notes].concat());
        Ok(())
    }
}

/// Units in an order that does not depend on when they ended.
fn in_order(mut found: Vec<Fetched>) -> Vec<Fetched> {
    found.sort_by(|left, right| (left.dataset, &left.id).cmp(&(right.dataset, &right.id)));
    found
}
