//! Progress of a run on stderr: on a terminal a bar for each fetched dataset and for the current
//! phase, elsewhere a line every 30 seconds; and the log lines.
//!
//! A thread of its own prints, so that neither fetching nor reading ever waits for a terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Map, Value};

use super::arguments::Globals;
use super::phase_bar::PhaseBar;
use super::stderr::{self, Level};
use crate::pipeline::failure::RunError;
use crate::pipeline::machine::STACK_BYTES;
use crate::progress::reporting::{Event, Progress};

/// Time between two lines of progress where there is no terminal, as in the log of a scheduler.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Handle of the printing thread, which ends when the last [`Progress`] is dropped.
pub(super) struct ProgressDisplay {
    thread: JoinHandle<()>,
}

impl ProgressDisplay {
    /// Starts the thread; events told to the returned progress are shown.
    ///
    /// # Errors
    /// [`RunError::Threads`].
    pub(super) fn start(globals: &Globals) -> Result<(Progress, Self), RunError> {
        let (sender, events) = channel();
        let screen = Screen {
            verbose: globals.verbose,
            quiet: globals.quiet,
            bars: (io::stderr().is_terminal()
                && !globals.quiet
                && !globals.verbose
                && !stderr::is_json())
            .then(MultiProgress::new),
            datasets: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            phase: None,
        };
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || screen.listen(&events))
            .map_err(|source| RunError::Threads { threads: 1, source })?;
        Ok((Progress::new(sender), Self { thread }))
    }

    /// Waits until all events are shown. Every copy of the progress must be dropped before, or this
    /// never returns.
    pub(super) fn end(self) {
        // A panic of the thread costs the display, not the run.
        drop(self.thread.join());
    }
}

/// State of the display, owned by its thread.
struct Screen {
    verbose: bool,
    quiet: bool,
    /// Bars; `None` where stderr is no terminal, or lines of the log would tear them.
    bars: Option<MultiProgress>,
    datasets: BTreeMap<&'static str, DatasetProgress>,
    /// Rows and bytes fetched, over all datasets.
    rows: u64,
    bytes: u64,
    phase: Option<PhaseBar>,
}

/// Progress of fetching one dataset, in units.
#[derive(Default)]
struct DatasetProgress {
    bar: Option<ProgressBar>,
    units: u64,
    done: u64,
    rows: u64,
}

impl Screen {
    /// Shows events until the last sender is gone.
    fn listen(mut self, events: &Receiver<Event>) {
        let mut beat = Instant::now();
        loop {
            // Waits for no longer than a heartbeat, so that a line is due even while nothing
            // happens; how much time has really passed is asked below.
            match events.recv_timeout(HEARTBEAT) {
                Ok(event) => self.show(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if beat.elapsed() >= HEARTBEAT && self.bars.is_none() && !self.quiet {
                beat = Instant::now();
                // A run goes on where stderr is closed.
                drop(stderr::event(
                    Level::Info,
                    &self.heartbeat(),
                    &self.heartbeat_fields(),
                ));
            }
        }
        self.end_phase();
        for dataset in self.datasets.values() {
            // Left on the screen with their last numbers, which show how far a failed fetch came.
            dataset.bar.iter().for_each(ProgressBar::abandon);
        }
    }

    /// The line for where there is no terminal: fetched units, the current phase, or both.
    fn heartbeat(&self) -> String {
        let (units, done) = self
            .datasets
            .values()
            .fold((0, 0), |(units, done), dataset| {
                (units + dataset.units, done + dataset.done)
            });
        // Complete files are read while others are still being fetched.
        let fetching = format!(
            "fetching: {done} of {units} units, {} rows, {} MB",
            self.rows,
            self.bytes / 1_000_000
        );
        match &self.phase {
            Some(phase) if done < units => format!("{fetching}; {}", phase.heartbeat()),
            Some(phase) => phase.heartbeat(),
            None => fetching,
        }
    }

    /// Figures of a heartbeat, for a log in JSON.
    fn heartbeat_fields(&self) -> Map<String, Value> {
        let units: u64 = self.datasets.values().map(|dataset| dataset.units).sum();
        let done: u64 = self.datasets.values().map(|dataset| dataset.done).sum();
        let fetched = |figure: u64| match units {
            0 => Value::Null,
            _ => figure.into(),
        };
        let mut fields = stderr::fields([
            ("units", fetched(units)),
            ("units_done", fetched(done)),
            ("rows_fetched", fetched(self.rows)),
            ("bytes_fetched", fetched(self.bytes)),
        ]);
        fields.extend(self.phase.iter().flat_map(PhaseBar::fields));
        fields
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Planned { dataset, units } => {
                let bars = &self.bars;
                let shown = self.datasets.entry(dataset).or_default();
                shown.units += units;
                let bar = shown.bar.get_or_insert_with(|| match bars {
                    Some(bars) => {
                        bars.add(ProgressBar::new(0).with_style(style()).with_prefix(dataset))
                    }
                    // Takes the same calls and draws nothing.
                    None => ProgressBar::hidden(),
                });
                bar.set_length(shown.units);
            }
            Event::Landed {
                dataset,
                rows,
                bytes,
            } => {
                self.rows += rows;
                self.bytes += bytes;
                let shown = self.datasets.entry(dataset).or_default();
                shown.rows += rows;
                if let Some(bar) = &shown.bar {
                    bar.set_message(format!("{} rows", shown.rows));
                }
            }
            Event::Done { dataset } => {
                let shown = self.datasets.entry(dataset).or_default();
                shown.done += 1;
                if let Some(bar) = &shown.bar {
                    bar.inc(1);
                }
            }
            Event::Phase { name, bytes } => self.begin(name, bytes),
            Event::Advanced { bytes, rows } => {
                self.phase
                    .iter_mut()
                    .for_each(|phase| phase.advance(bytes, rows));
            }
            Event::Note(line) if !self.quiet => self.line(Level::Info, &line),
            Event::Detail(line) if self.verbose => self.line(Level::Debug, &line),
            Event::Note(_) | Event::Detail(_) => {}
        }
    }

    fn begin(&mut self, name: &'static str, bytes: u64) {
        self.end_phase();
        self.phase = Some(PhaseBar::begin(name, bytes, self.bars.as_ref()));
    }

    /// Removes the bar of the phase that ended: its result is in the summary.
    fn end_phase(&mut self) {
        if let Some(phase) = self.phase.take() {
            phase.end();
        }
    }

    /// Prints a line above the bars.
    fn line(&self, level: Level, line: &str) {
        let write = || stderr::told(level, line);
        // A run goes on where stderr is closed.
        drop(match &self.bars {
            // The bars are taken off the screen for the time of the write, or the line would end up
            // inside one.
            Some(bars) => bars.suspend(write),
            None => write(),
        });
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:28} [{bar:24}] {pos}/{len} units {msg} {elapsed}")
        .expect("the template is valid")
        .progress_chars("=> ")
}
