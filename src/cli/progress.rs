//! What a run shows while it goes on: a bar for each dataset that is fetched and for each phase on a
//! terminal, a heartbeat elsewhere, and the log.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Globals;
use super::phase_bar::Phase;
use crate::progress::watch::{Event, Watch};

const HEARTBEAT: Duration = Duration::from_secs(30);

/// A listener on a thread of its own; it ends when the last teller is gone.
pub(super) struct Progress {
    thread: JoinHandle<()>,
}

impl Progress {
    /// Begins to listen.
    pub(super) fn start(globals: &Globals) -> (Watch, Self) {
        let (teller, events) = channel();
        let shown = Shown {
            verbose: globals.verbose,
            quiet: globals.quiet,
            bars: (io::stderr().is_terminal() && !globals.quiet && !globals.verbose)
                .then(MultiProgress::new),
            datasets: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            phase: None,
        };
        (
            Watch::new(teller),
            Self {
                thread: std::thread::spawn(move || shown.listen(&events)),
            },
        )
    }

    /// Waits until all is shown. The watch must be gone by then.
    pub(super) fn end(self) {
        // A listener that panicked has shown what it could.
        drop(self.thread.join());
    }
}

struct Shown {
    verbose: bool,
    quiet: bool,
    bars: Option<MultiProgress>,
    datasets: BTreeMap<&'static str, Dataset>,
    rows: u64,
    bytes: u64,
    phase: Option<Phase>,
}

#[derive(Default)]
struct Dataset {
    bar: Option<ProgressBar>,
    units: u64,
    done: u64,
    rows: u64,
}

impl Shown {
    fn listen(mut self, events: &Receiver<Event>) {
        let mut beat = Instant::now();
        loop {
            match events.recv_timeout(HEARTBEAT) {
                Ok(event) => self.show(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if beat.elapsed() >= HEARTBEAT && self.bars.is_none() && !self.quiet {
                beat = Instant::now();
                self.line(&self.heartbeat());
            }
        }
        self.end_phase();
        for dataset in self.datasets.values() {
            dataset.bar.iter().for_each(ProgressBar::abandon);
        }
    }

    fn heartbeat(&self) -> String {
        let (units, done) = self
            .datasets
            .values()
            .fold((0, 0), |(units, done), dataset| {
                (units + dataset.units, done + dataset.done)
            });
        // Files are read while others are fetched.
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
            Event::Note(line) if !self.quiet => self.line(&line),
            Event::Detail(line) if self.verbose => self.line(&line),
            Event::Note(_) | Event::Detail(_) => {}
        }
    }

    fn begin(&mut self, name: &'static str, bytes: u64) {
        self.end_phase();
        self.phase = Some(Phase::begin(name, bytes, self.bars.as_ref()));
    }

    /// A phase that is over leaves nothing on the terminal: the summary says what came of it.
    fn end_phase(&mut self) {
        if let Some(phase) = self.phase.take() {
            phase.end();
        }
    }

    fn line(&self, line: &str) {
        let write = || writeln!(io::stderr().lock(), "{line}");
        // Where stderr is gone, nobody can be told.
        drop(match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        });
    }
}

fn style() -> ProgressStyle {
    let style =
        ProgressStyle::with_template("{prefix:28} [{bar:24}] {pos}/{len} units {msg} {elapsed}");
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
