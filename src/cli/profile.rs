//! The table of `--profile`: wall time, CPU time, rows and peak memory of each phase, and of the
//! whole run.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::stderr::{self, Level};
use crate::progress::phases::Phase;

/// Writes a row for each phase of a run that took `whole`, and the rest as a row of its own, so
/// that the wall times add up to `whole`.
pub(super) fn write(phases: &[Phase], whole: Duration, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "phase", "wall s", "share", "CPU s", "rows", "rows/s", "peak MB",
    ]);
    for phase in phases {
        // Most phases count no rows: an empty cell, not a zero.
        let rows = Some(phase.rows).filter(|rows| *rows > 0);
        let rate = rows.and_then(|rows| per_second(rows, phase.wall));
        let megabytes = phase.peak.map(|bytes| bytes.div_ceil(1_000_000));
        table.add_row([
            phase.name.to_owned(),
            seconds(phase.wall),
            share(phase.wall, whole),
            cell(phase.cpu.map(seconds)),
            cell(rows),
            cell(rate),
            cell(megabytes),
        ]);
    }
    let wall: Duration = phases.iter().map(|phase| phase.wall).sum();
    // Unknown if it is unknown for one of them.
    let all_cpu: Option<Duration> = phases.iter().map(|phase| phase.cpu).sum();
    table.add_row([
        // CPU time, rows and peak memory are counted for phases only: their cells stay empty.
        "outside the phases".to_owned(),
        seconds(whole.saturating_sub(wall)),
        share(whole.saturating_sub(wall), whole),
    ]);
    table.add_row([
        "whole run".to_owned(),
        seconds(whole),
        share(whole, whole),
        cell(all_cpu.map(seconds)),
    ]);
    for at in 1..7 {
        table
            .column_mut(at)
            .into_iter()
            .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    }
    writeln!(out, "{table}")
}

/// Writes an event for each phase of a run that took `whole`, and one for the run, to a log in JSON.
pub(super) fn log(phases: &[Phase], whole: Duration) -> io::Result<()> {
    for phase in phases {
        let fields = stderr::fields([
            ("phase", phase.name.into()),
            ("wall_seconds", seconds(phase.wall).into()),
            ("cpu_seconds", phase.cpu.map(seconds).into()),
            ("rows", phase.rows.into()),
            ("peak_bytes", phase.peak.into()),
        ]);
        let message = format!("profile: {} took {} s", phase.name, seconds(phase.wall));
        stderr::event(Level::Info, &message, &fields)?;
    }
    let whole = seconds(whole);
    let message = format!("profile: the whole run took {whole} s");
    let fields = stderr::fields([("wall_seconds", whole.into())]);
    stderr::event(Level::Info, &message, &fields)
}

/// Seconds with three decimals, rounded down.
fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// A cell; empty where the figure is not known.
fn cell(figure: Option<impl ToString>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

/// The share of `part` in `whole`, in per cent with one decimal, rounded down.
fn share(part: Duration, whole: Duration) -> String {
    // A run too short to be measured must not divide by zero.
    let tenths = part.as_micros() * 1_000 / whole.as_micros().max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A count per second, rounded down; `None` for less than a millisecond.
pub(super) fn per_second(count: u64, time: Duration) -> Option<u64> {
    let millis = u64::try_from(time.as_millis())
        .ok()
        .filter(|millis| *millis > 0)?;
    count.checked_mul(1_000).map(|scaled| scaled / millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_add_up_to_the_whole() {
        let phase = |name, millis, rows| Phase {
            name,
            wall: Duration::from_millis(millis),
            cpu: None,
            rows,
            peak: Some(12_345_678),
        };
        let mut out = Vec::new();
        write(
            &[phase("read", 1_500, 3_000), phase("fold", 400, 0)],
            Duration::from_millis(2_000),
            &mut out,
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let cells = |name: &str| {
            let line = text.lines().find(|line| line.contains(name)).unwrap();
            line.split(['│', '┆', '|'])
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            cells("read"),
            ["read", "1.500", "75.0 %", "3000", "2000", "13"]
        );
        assert_eq!(cells("outside"), ["outside the phases", "0.100", "5.0 %"]);
        assert_eq!(cells("whole run"), ["whole run", "2.000", "100.0 %"]);
    }
}
