//! Where the time went: a line for each phase, and what they add up to.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::progress::phases::Phase;

/// Writes the phases of a run that took `whole`.
pub(super) fn write(phases: &[Phase], whole: Duration, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "phase", "wall s", "share", "CPU s", "rows", "rows/s", "peak MB",
    ]);
    let cpu = |time: Option<Duration>| time.map(seconds).unwrap_or_default();
    for phase in phases {
        let rows = if phase.rows > 0 {
            phase.rows.to_string()
        } else {
            String::new()
        };
        let rate = per_second(phase.rows, phase.wall)
            .filter(|_| phase.rows > 0)
            .map(|rate| rate.to_string())
            .unwrap_or_default();
        table.add_row([
            phase.name.to_owned(),
            seconds(phase.wall),
            share(phase.wall, whole),
            cpu(phase.cpu),
            rows,
            rate,
            megabytes(phase.peak),
        ]);
    }
    let (wall, all_cpu) = (
        phases.iter().map(|phase| phase.wall).sum(),
        phases.iter().map(|phase| phase.cpu).sum(),
    );
    table.add_row([
        "around them".to_owned(),
        seconds(whole.saturating_sub(wall)),
        share(whole.saturating_sub(wall), whole),
    ]);
    table.add_row([
        "whole run".to_owned(),
        seconds(whole),
        share(whole, whole),
        cpu(all_cpu),
    ]);
    for at in 1..7 {
        table
            .column_mut(at)
            .into_iter()
            .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    }
    writeln!(out, "{table}")
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes
        .map(|bytes| bytes.div_ceil(1_000_000).to_string())
        .unwrap_or_default()
}

fn share(part: Duration, whole: Duration) -> String {
    let tenths = part.as_micros() * 1_000 / whole.as_micros().max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A count by the second.
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
        assert_eq!(cells("around them"), ["around them", "0.100", "5.0 %"]);
        assert_eq!(cells("whole run"), ["whole run", "2.000", "100.0 %"]);
    }
}
