//! Where a run's time went: phases that follow each other without a gap, so that their times add
//! up to the time of the whole run.

use std::time::{Duration, Instant};

/// Resources that one phase used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Name of the phase, for the operator.
    pub name: &'static str,
    /// Elapsed time by the wall clock.
    pub wall: Duration,
    /// Time of all processors together; `None` where the system does not tell.
    pub cpu: Option<Duration>,
    /// Number of rows that the phase worked on; 0 where rows are not counted.
    pub rows: u64,
    /// Peak memory of the process up to the end of the phase, in bytes; `None` where the system
    /// does not tell.
    pub peak: Option<u64>,
}

/// The phases that have ended, and the one that is running.
#[derive(Debug, Default)]
pub struct Phases {
    done: Vec<Phase>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    rows: u64,
    began: Instant,
    /// CPU time of the process when the phase began.
    cpu: Option<Duration>,
}

impl Phases {
    /// Ends the running phase, if any, and begins another.
    pub fn begin(&mut self, name: &'static str) {
        self.end();
        self.running = Some(Running {
            name,
            rows: 0,
            began: Instant::now(),
            cpu: cpu_time(),
        });
    }

    /// Adds `rows` to the running phase; between phases, rows are not counted.
    pub fn add_rows(&mut self, rows: u64) {
        if let Some(running) = &mut self.running {
            // Rows between two phases belong to none: uncounted is better than counted to the wrong
            // one.
            running.rows += rows;
        }
    }

    /// Ends the running phase, if any.
    pub fn end(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let cpu = cpu_time()
            .zip(running.cpu)
            .map(|(now, then)| now.saturating_sub(then));
        self.done.push(Phase {
            name: running.name,
            wall: running.began.elapsed(),
            cpu,
            rows: running.rows,
            peak: peak_memory(),
        });
    }

    /// The phases that have ended, in order.
    #[must_use]
    pub fn done(&self) -> &[Phase] {
        &self.done
    }
}

/// User and system time of this process so far; Linux counts it in hundredths of a second.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may contain blanks: fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    // `utime` and `stime` are fields 14 and 15 of proc(5); two fields stand before the parenthesis.
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // USER_HZ, the unit of these fields, is 100 on every Linux of today.
    Some(Duration::from_millis((user + system) * 10))
}

/// Peak memory of this process in bytes; `None` where the system does not tell.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let text = status
        .lines()
        // The high-water mark of the memory in use.
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
