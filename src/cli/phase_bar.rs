//! Progress of one phase of a run: a bar on a terminal, words for a log.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Map, Value};

use super::profile::per_second;
use super::stderr;

/// Progress of the current phase.
pub(super) struct PhaseBar {
    name: &'static str,
    began: Instant,
    /// Bytes to read in this phase; 0 if they are not counted.
    bytes: u64,
    /// Bytes read so far.
    done: u64,
    rows: u64,
    bar: Option<ProgressBar>,
}

impl PhaseBar {
    /// Rows so far, rows a second and time left, as far as they are known.
    fn words(&self) -> String {
        let mut words = String::new();
        if self.rows > 0 {
            words += &format!("{} rows", self.rows);
            if let Some(rate) = per_second(self.rows, self.began.elapsed()) {
                words += &format!(", {rate} rows/s");
            }
        }
        if self.done > 0 && self.bytes > self.done {
            // In proportion to bytes, rounded up to whole seconds.
            // In 128 bits, for the product of milliseconds and bytes of a long run may exceed 64.
            let left_ms = self.began.elapsed().as_millis() * u128::from(self.bytes - self.done)
                / u128::from(self.done);
            let left = left_ms.div_ceil(1_000);
            words += &format!(", {left} s left");
        }
        words
    }

    /// Begins a phase of `bytes` to read; with a bar if there are bars, a spinner if bytes are not
    /// counted.
    pub(super) fn begin(name: &'static str, bytes: u64, bars: Option<&MultiProgress>) -> Self {
        let bar = bars.map(|bars| {
            let bar = if bytes > 0 {
                ProgressBar::new(bytes).with_style(bytes_style())
            } else {
                ProgressBar::new_spinner()
            };
            bars.add(
                // The spinner shows its message only: the name is the message until there are
                // figures.
                bar.with_prefix(name)
                    .with_message(if bytes > 0 { "" } else { name }),
            )
        });
        if let Some(bar) = &bar {
            // Drawn by time as well: a phase that reports nothing for long must not look hung.
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            name,
            began: Instant::now(),
            bytes,
            done: 0,
            rows: 0,
            bar,
        }
    }

    /// Adds bytes and rows that were read.
    pub(super) fn advance(&mut self, bytes: u64, rows: u64) {
        self.done += bytes;
        self.rows += rows;
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
            bar.set_message(self.words());
        }
    }

    /// A line for a log, such as `read 25 %, 5000 rows, 250000 rows/s, 1 s left`.
    pub(super) fn heartbeat(&self) -> String {
        // Without a percentage where bytes are not counted: their number is then 0.
        let percent = match (self.done * 100).checked_div(self.bytes) {
            Some(percent) => format!(" {percent} %"),
            None => String::new(),
        };
        let words = self.words();
        let words = if words.is_empty() {
            format!(", {} s so far", self.began.elapsed().as_secs())
        } else {
            format!(", {words}")
        };
        format!("{}{percent}{words}", self.name)
    }

    /// Figures of the phase, for a log in JSON.
    pub(super) fn fields(&self) -> Map<String, Value> {
        stderr::fields([
            ("phase", self.name.into()),
            ("phase_bytes", self.bytes.into()),
            ("phase_bytes_done", self.done.into()),
            ("phase_rows", self.rows.into()),
            ("phase_seconds", self.began.elapsed().as_secs().into()),
        ])
    }

    /// Removes the bar from the terminal.
    pub(super) fn end(self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn bytes_style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:28} [{bar:24}] {bytes}/{total_bytes} {msg}")
        .expect("the template is valid")
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_the_log_has_share_rows_speed_and_time_left() {
        let mut phase = PhaseBar::begin("read", 400, None);
        assert_eq!(phase.heartbeat(), "read 0 %, 0 s so far");
        std::thread::sleep(Duration::from_millis(20));
        phase.advance(100, 5_000);
        let line = phase.heartbeat();
        assert!(
            line.starts_with("read 25 %, 5000 rows, ") && line.ends_with(" rows/s, 1 s left"),
            "{line}"
        );
        let spinning = PhaseBar::begin("fold", 0, None);
        assert_eq!(spinning.heartbeat(), "fold, 0 s so far");
        spinning.end();
    }
}
