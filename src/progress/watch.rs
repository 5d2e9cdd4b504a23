//! What a run tells while it goes on: counts for a bar, lines for a log. Nothing in it is secret.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::phases::{Phase, Phases};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Units of a dataset were planned.
    Planned {
        /// The dataset.
        dataset: &'static str,
        /// How many.
        units: u64,
    },
    /// A page or blob was landed.
    Landed {
        /// The dataset.
        dataset: &'static str,
        /// Its rows, where they are known.
        rows: u64,
        /// Its bytes as received.
        bytes: u64,
    },
    /// A unit is done: complete or given up.
    Done {
        /// The dataset.
        dataset: &'static str,
    },
    /// A phase of a run begins; of reading, how many bytes there are to read.
    Phase {
        /// What is done.
        name: &'static str,
        /// Bytes to read; 0 where they are not counted.
        bytes: u64,
    },
    /// Part of a phase is done.
    Advanced {
        /// Bytes read.
        bytes: u64,
        /// Rows in them.
        rows: u64,
    },
    /// A line for the log.
    Note(String),
    /// A line for a log that shows everything.
    Detail(String),
}

/// What a run did, in figures.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Of them, repetitions.
    pub retries: AtomicU64,
    /// Bytes of bodies received.
    pub bytes: AtomicU64,
    /// Units that were not read, as they are what they were in an earlier run.
    pub units_kept: AtomicU64,
    /// Milliseconds that workers waited: for the server, for a back-off, for a turn.
    pub waited_ms: AtomicU64,
}

/// Where events go; a copy tells the same listener.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    listener: Option<Arc<Mutex<Sender<Event>>>>,
    /// The figures.
    pub counters: Arc<Counters>,
    phases: Arc<Mutex<Phases>>,
}

impl Watch {
    /// Tells `listener`.
    #[must_use]
    pub fn new(listener: Sender<Event>) -> Self {
        Self {
            listener: Some(Arc::new(Mutex::new(listener))),
            counters: Arc::default(),
            phases: Arc::default(),
        }
    }

    /// Tells an event. A listener that is gone misses it.
    pub fn tell(&self, event: Event) {
        if let Some(listener) = &self.listener {
            drop(
                listener
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .send(event),
            );
        }
    }

    /// Tells a line that is only of use where something goes wrong.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        if self.listener.is_some() {
            self.tell(Event::Detail(line()));
        }
    }

    /// Ends the phase that goes on, and begins another.
    pub fn phase(&self, name: &'static str, bytes: u64) {
        self.phases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .begin(name);
        self.tell(Event::Phase { name, bytes });
    }

    /// Tells that part of the phase is done.
    pub fn advanced(&self, bytes: u64, rows: u64) {
        self.phases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add_rows(rows);
        self.tell(Event::Advanced { bytes, rows });
    }

    /// Ends the phase that goes on; all phases of the run.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.end();
        phases.done().to_vec()
    }

    /// Counts time that was spent waiting.
    pub fn waited(&self, time: Duration) {
        self.counters.waited_ms.fetch_add(
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }
}
