//! How far a phase is: a bar on a terminal, words elsewhere.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::profile::per_second;

/// What is done at the moment.
pub(super) struct Phase {
    name: &'static str,
    began: Instant,
    /// Bytes that there are, and that are done; 0 where they are not counted.
    bytes: u64,
    done: u64,
    rows: u64,
    bar: Option<ProgressBar>,
}

impl Phase {
    /// How far it is, how fast, and how long it will take.
    fn words(&self) -> String {
        let mut words = String::new();
        if self.rows > 0 {
            words += &format!("{} rows", self.rows);
            if let Some(rate) = per_second(self.rows, self.began.elapsed()) {
                words += &format!(", {rate} rows/s");
            }
        }
        if self.done > 0 && self.bytes > self.done {
            let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let left = (elapsed.saturating_mul(self.bytes - self.done) / self.done).div_ceil(1_000);
            words += &format!(", {left} s left");
        }
        words
    }

    /// Begins a phase, with a bar where there are any.
    pub(super) fn begin(name: &'static str, bytes: u64, bars: Option<&MultiProgress>) -> Self {
        let bar = bars.map(|bars| {
            let bar = if bytes > 0 {
                ProgressBar::new(bytes).with_style(bytes_style())
            } else {
                ProgressBar::new_spinner()
            };
            bars.add(
                bar.with_prefix(name)
                    .with_message(if bytes > 0 { "" } else { name }),
            )
        });
        if let Some(bar) = &bar {
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

    /// Counts what is done.
    pub(super) fn advance(&mut self, bytes: u64, rows: u64) {
        self.done += bytes;
        self.rows += rows;
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
            bar.set_message(self.words());
        }
    }

    /// A line for where there is no terminal.
    pub(super) fn heartbeat(&self) -> String {
        let percent = (self.done * 100)
            .checked_div(self.bytes)
            .map(|percent| format!(" {percent} %"))
            .unwrap_or_default();
        let words = self.words();
        let words = if words.is_empty() {
            format!(", {} s so far", self.began.elapsed().as_secs())
        } else {
            format!(", {words}")
        };
        format!("{}{percent}{words}", self.name)
    }

    /// Leaves nothing on the terminal.
    pub(super) fn end(self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn bytes_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix:28} [{bar:24}] {bytes}/{total_bytes} {msg}");
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_says_how_far_and_how_fast() {
        let mut phase = Phase::begin("read", 400, None);
        assert_eq!(phase.heartbeat(), "read 0 %, 0 s so far");
        std::thread::sleep(Duration::from_millis(20));
        phase.advance(100, 5_000);
        let line = phase.heartbeat();
        assert!(
            line.starts_with("read 25 %, 5000 rows, ") && line.ends_with(" rows/s, 1 s left"),
            "{line}"
        );
        let spinning = Phase::begin("fold", 0, None);
        assert_eq!(spinning.heartbeat(), "fold, 0 s so far");
        spinning.end();
    }
}
