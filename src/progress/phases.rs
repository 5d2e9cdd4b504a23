//! Where a run's time went: phases that follow each other without a gap, so that they add up to the
//! whole.

use std::time::{Duration, Instant};

/// Time spent in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What was done.
    pub name: &'static str,
    /// By the clock on the wall.
    pub wall: Duration,
    /// By all processors together, where the system tells.
    pub cpu: Option<Duration>,
    /// Rows that were worked on, where they are counted.
    pub rows: u64,
    /// The most memory in bytes that the process had by its end, where the system tells.
    pub peak: Option<u64>,
}

/// The phases so far, and the one that goes on.
#[derive(Debug, Default)]
pub struct Phases {
    done: Vec<Phase>,
    open: Option<(Phase, Instant, Option<Duration>)>,
}

impl Phases {
    /// Ends the phase that goes on, and begins another.
    pub fn begin(&mut self, name: &'static str) {
        self.end();
        self.open = Some((
            Phase {
                name,
                wall: Duration::ZERO,
                cpu: None,
                rows: 0,
                peak: None,
            },
            Instant::now(),
            cpu_time(),
        ));
    }

    /// Counts rows to the phase that goes on.
    pub fn add_rows(&mut self, rows: u64) {
        if let Some((phase, ..)) = &mut self.open {
            phase.rows += rows;
        }
    }

    /// Ends the phase that goes on.
    pub fn end(&mut self) {
        if let Some((phase, began, cpu)) = self.open.take() {
            let cpu = cpu_time()
                .zip(cpu)
                .map(|(now, then)| now.saturating_sub(then));
            self.done.push(Phase {
                wall: began.elapsed(),
                cpu,
                peak: peak_memory(),
                ..phase
            });
        }
    }

    /// The phases that have ended, in order.
    #[must_use]
    pub fn done(&self) -> &[Phase] {
        &self.done
    }
}

/// User and system time of this process so far; Linux tells it in hundredths of a second.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold blanks.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap_or(0))
        .sum();
    Some(Duration::from_millis(ticks * 10))
}

/// The most memory in bytes that this process ever had, where the system tells.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let text = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    text.trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
        .map(|kib: u64| kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        let mut phases = Phases::default();
        let began = Instant::now();
        phases.begin("one");
        phases.add_rows(3);
        phases.begin("two");
        phases.end();
        phases.end();
        assert_eq!(
            phases
                .done()
                .iter()
                .map(|phase| (phase.name, phase.rows))
                .collect::<Vec<_>>(),
            [("one", 3), ("two", 0)]
        );
        assert!(
            phases
                .done()
                .iter()
                .map(|phase| phase.wall)
                .sum::<Duration>()
                <= began.elapsed()
        );
    }
}
