//! Pool of the tasks of a fetch. Exports run all at once, as they do little but wait for the service;
//! lists are read by a bounded number of workers. A unit that fails leaves the others alone; a failure
//! that concerns all of them ends the fetch. Everything that was stored is kept either way.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::fetched::{Became, Fetched};
use super::order::Order;
use super::unit::{self, Asked};
use super::units::Task;
use crate::progress::reporting::Event;
use crate::sources::failure::FetchError;
use crate::sources::session::Session;

/// Called with each unit as soon as it is complete.
pub(super) type Arrived<'a> = &'a mut (dyn FnMut(&Fetched) + Send);

/// Ids of customers, in lower case, who have left the partner, as the service said meanwhile.
pub(super) type LeftCustomers = Arc<Mutex<HashSet<String>>>;

/// Tasks that run or wait.
#[derive(Debug)]
pub(super) struct Pool {
    session: Arc<Session>,
    order: Arc<Order>,
    left: LeftCustomers,
    running: JoinSet<Result<Asked, FetchError>>,
    /// What becomes of each running task if its time is used up, and if it reads a list.
    unfinished: HashMap<Id, (Fetched, bool)>,
    waiting: VecDeque<Task>,
}

impl Pool {
    /// An empty pool for a fetch.
    pub(super) fn new(session: &Arc<Session>, order: &Arc<Order>, left: &LeftCustomers) -> Self {
        Self {
            session: Arc::clone(session),
            order: Arc::clone(order),
            left: Arc::clone(left),
            running: JoinSet::new(),
            unfinished: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Adds tasks; exports begin at once.
    pub(super) fn add(&mut self, tasks: Vec<Task>) {
        let progress = &self.session.http.progress;
        let mut by_dataset: BTreeMap<&'static str, u64> = BTreeMap::new();
        for task in &tasks {
            *by_dataset.entry(task.dataset()).or_default() += 1;
        }
        for (dataset, units) in by_dataset {
            progress.tell(Event::Planned { dataset, units });
        }
        for task in tasks {
            if task.is_export() {
                self.start(task);
            } else {
                self.waiting.push_back(task);
            }
        }
    }

    fn start(&mut self, task: Task) {
        let is_list = !task.is_export();
        let (session, order) = (Arc::clone(&self.session), Arc::clone(&self.order));
        let unfinished = unit::unasked(&task, Became::Left);
        let running = async move { unit::fetch(&session, task, &order).await };
        let handle = self.running.spawn(running);
        self.unfinished.insert(handle.id(), (unfinished, is_list));
    }

    /// Works until all tasks are done, or until `deadline`: what is not done then is left. Calls
    /// `arrived` with each unit that is complete.
    ///
    /// # Errors
    /// [`FetchError`] if it makes no sense to go on.
    pub(super) async fn work(
        &mut self,
        arrived: Arrived<'_>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Fetched>, FetchError> {
        let workers = self.session.tokens.account().workers.max(1);
        let mut found = Vec::new();
        loop {
            while self.lists_running() < workers {
                let Some(task) = self.waiting.pop_front() else {
                    break;
                };
                if self.has_left(&task) {
                    let why = "the customer has no relation to the partner any more";
                    let unit = unit::unasked(&task, Became::Nothing(why.to_owned()));
                    self.done(&unit);
                    found.push(unit);
                } else {
                    self.start(task);
                }
            }
            let ended = match deadline {
                None => self.running.join_next_with_id().await,
                Some(deadline) => {
                    let next = self.running.join_next_with_id();
                    match tokio::time::timeout_at(deadline, next).await {
                        Ok(ended) => ended,
                        Err(_) => {
                            found.extend(self.leave());
                            return Ok(found);
                        }
                    }
                }
            };
            let Some(ended) = ended else {
                return Ok(found);
            };
            // An error here concerns all units: the running ones are aborted with the set.
            let (id, asked) = ended.map_err(|source| FetchError::Start {
                what: "a worker",
                source: source.into(),
            })?;
            self.unfinished.remove(&id);
            let Asked { unit, left } = asked?;
            if let Some(customer) = left {
                self.left_customers().insert(customer.to_ascii_lowercase());
            }
            self.done(&unit);
            // A unit that cannot prove that it is complete is never read.
            if unit.is_complete() {
                arrived(&unit);
            }
            found.push(unit);
        }
    }

    fn done(&self, unit: &Fetched) {
        let dataset = unit.dataset;
        self.session.http.progress.tell(Event::Done { dataset });
    }

    fn lists_running(&self) -> usize {
        let is_list = |(_, is_list): &&(Fetched, bool)| *is_list;
        self.unfinished.values().filter(is_list).count()
    }

    fn has_left(&self, task: &Task) -> bool {
        let customer = task.context.get("customer");
        customer.is_some_and(|id| self.left_customers().contains(&id.to_ascii_lowercase()))
    }

    fn left_customers(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what runs or waits.
    fn leave(&mut self) -> Vec<Fetched> {
        self.running.abort_all();
        let running = self.unfinished.drain().map(|(_, (unit, _))| unit);
        let waiting = self.waiting.drain(..);
        let waiting = waiting.map(|task| unit::unasked(&task, Became::Left));
        running.chain(waiting).collect()
    }
}
