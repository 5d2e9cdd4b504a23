//! Reports of a run while it is running: counts for a progress bar, lines for a log, figures for
//! the summary. No event contains a secret: its texts are shown on terminals and in logs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::phases::{Phase, Phases};

/// One report to the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Units of a dataset were planned.
    Planned {
        /// Name of the dataset.
        dataset: &'static str,
        /// Number of units, in addition to those planned before.
        units: u64,
    },
    /// A page or blob was downloaded and stored.
    Landed {
        /// Name of the dataset.
        dataset: &'static str,
        /// Number of rows; 0 where the format does not tell.
        rows: u64,
        /// Size in bytes, as received.
        bytes: u64,
    },
    /// A unit is finished: complete or given up.
    Done {
        /// Name of the dataset.
        dataset: &'static str,
    },
    /// A phase of a run began.
    Phase {
        /// Name of the phase, for the operator.
        name: &'static str,
        /// Bytes to read in it; 0 where bytes are not counted.
        bytes: u64,
    },
    /// Part of the running phase is done.
    Advanced {
        /// Bytes read, in addition to those reported before.
        bytes: u64,
        /// Number of rows in those bytes.
        rows: u64,
    },
    /// A line for the log.
    Note(String),
    /// A line for the detailed log only (`--verbose`).
    Detail(String),
}

// Each figure is added to and read with relaxed ordering: no figure guards another, and the summary
// reads them after the threads have ended.
/// Figures of a run, added up by all of its threads.
#[derive(Debug, Default)]
pub struct Counters {
    /// Number of requests sent, retries included.
    pub requests: AtomicU64,
    /// Number of requests that were retries.
    pub retries: AtomicU64,
    /// Bytes of response bodies received.
    pub bytes: AtomicU64,
    /// Number of units that were not read again, because their totals were in the cache.
    pub units_kept: AtomicU64,
    /// Milliseconds that workers waited, added up: for responses, back-offs and rate limits.
    pub waited_ms: AtomicU64,
}

/// The reporting end of a run. Clones report to the same listener and the same figures; without a
/// listener (the default), events are dropped and only figures and phases are kept.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    listener: Option<Sender<Event>>,
    /// Figures of the run.
    pub counters: Arc<Counters>,
    phases: Arc<Mutex<Phases>>,
}

impl Progress {
    /// A reporting end whose events go to `listener`.
    #[must_use]
    pub fn new(listener: Sender<Event>) -> Self {
        Self {
            listener: Some(listener),
            counters: Arc::default(),
            phases: Arc::default(),
        }
    }

    /// Reports an event. A listener that has gone away misses it.
    pub fn tell(&self, event: Event) {
        if let Some(listener) = &self.listener {
            // Nobody shows progress any more: no reason for the run to fail.
            drop(listener.send(event));
        }
    }

    /// Reports a line for the detailed log; `line` is called only if somebody listens.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        if self.listener.is_some() {
            self.tell(Event::Detail(line()));
        }
    }

    /// Ends the running phase, and begins another with `bytes` to read (0: not counted).
    pub fn phase(&self, name: &'static str, bytes: u64) {
        // The clock starts before the listener is told: a slow terminal is part of the phase.
        self.lock_phases().begin(name);
        self.tell(Event::Phase { name, bytes });
    }

    /// Reports that part of the running phase is done.
    pub fn advanced(&self, bytes: u64, rows: u64) {
        self.lock_phases().add_rows(rows);
        self.tell(Event::Advanced { bytes, rows });
    }

    /// Ends the running phase, and returns all phases of the run in order.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        let mut phases = self.lock_phases();
        phases.end();
        phases.done().to_vec()
    }

    /// Counts time that a worker spent waiting.
    pub fn waited(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("no wait lasts 500 million years");
        self.counters.waited_ms.fetch_add(millis, Ordering::Relaxed);
    }

    fn lock_phases(&self) -> MutexGuard<'_, Phases> {
        // A thread that panicked while it held the lock spoils a time at most.
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
