//! The summary that ends a run: what ties, what does not, and where to look first.
//!
//! Amounts are rounded to cents for reading; the published tables have all digits.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::wording::counted;
use crate::pipeline::fetch::handover::{DatasetReport, FetchReport};
use crate::pipeline::publish::outcome::{Break, Outcome, Total, readable};

/// Characters of a customer's or item's name in the table of breaks; longer names are cut.
const NAME_WIDTH: usize = 32;

/// Writes the summary of a run as text.
pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    write_counts(outcome, out)?;
    if let Some(fetched) = &outcome.fetched {
        write_fetched(fetched, out)?;
    }
    // Not every run with rejected rows is incomplete: `--allow-rejects` tolerates some.
    if outcome.exit_code == 11 && outcome.rejected_rows > 0 {
        writeln!(
            out,
            "INCOMPLETE: rejected rows are missing from these figures; \
             the table `rejected_rows` lists them."
        )?;
    }
    for line in &outcome.nothing_compared {
        writeln!(out, "INCOMPLETE: {line}")?;
    }
    for total in &outcome.totals {
        writeln!(out, "{}", explained(total))?;
        if let Some(line) = awaited(total) {
            writeln!(out, "{line}")?;
        }
    }
    for line in &outcome.rounding_rules {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "\nTotals (variance = invoiced - expected; \
         positive: the invoice asks for more than expected)\n{}",
        totals(outcome)
    )?;
    writeln!(out, "\nGroups by status\n{}", statuses(outcome))?;
    match outcome.largest_breaks.as_slice() {
        [] => writeln!(out, "\nNo breaks.")?,
        [largest, ..] => write_breaks(outcome, largest, out)?,
    }
    writeln!(out, "Published in {}", outcome.folder.display())
}

/// Writes warnings and rejected rows: not needed to read the figures, but a person must see them.
pub(super) fn write_notes(outcome: &Outcome, notes: &mut dyn Write) -> io::Result<()> {
    if let Some(fetched) = &outcome.fetched {
        super::fetch::write_notes(fetched, notes)?;
    }
    for warning in &outcome.warnings {
        writeln!(notes, "warning: {warning}")?;
    }
    for row in &outcome.rejected {
        writeln!(notes, "rejected: {row}")?;
    }
    // The outcome lists the first rejected rows only.
    let more = outcome.rejected_rows - outcome.rejected.len() as u64;
    if more > 0 {
        writeln!(
            notes,
            "rejected: {}; the table `rejected_rows` lists all of them",
            counted(more, "more row")
        )?;
    }
    Ok(())
}

fn write_counts(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{}, {}, {}",
        counted(outcome.usage_rows, "usage row"),
        counted(outcome.invoice_lines, "invoice line"),
        counted(outcome.rejected_rows, "rejected row")
    )?;
    if outcome.units_kept > 0 {
        writeln!(
            out,
            "{}, {} of them unchanged since an earlier run and not read again",
            counted(outcome.units, "file"),
            outcome.units_kept
        )?;
    }
    Ok(())
}

fn write_fetched(fetched: &FetchReport, out: &mut dyn Write) -> io::Result<()> {
    let sum = |count: fn(&DatasetReport) -> u64| fetched.datasets.iter().map(count).sum::<u64>();
    writeln!(
        out,
        "Fetched with {}: {} complete, {} of them unchanged, {} restated",
        counted(fetched.requests, "request"),
        counted(sum(|row| row.complete), "unit"),
        sum(|row| row.unchanged),
        sum(|row| row.restated)
    )?;
    for reason in &fetched.incomplete {
        writeln!(out, "INCOMPLETE: {reason}")?;
    }
    Ok(())
}

fn write_breaks(outcome: &Outcome, largest: &Break, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nLargest breaks\n{}", breaks(outcome))?;
    writeln!(
        out,
        "\nTo see the source lines behind a break: tieout explain {} --out {}",
        largest.break_id,
        output_folder(&outcome.folder).display()
    )
}

/// The output folder `OUT` of a run that was published in `OUT/runs/<run id>`.
fn output_folder(run: &Path) -> &Path {
    run.parent()
        .and_then(Path::parent)
        .expect("a run is published in OUT/runs/<run id>")
}

/// One sentence: how much of a tie-out's variance has a cause.
fn explained(total: &Total) -> String {
    let name = name(total);
    let apart = groups(total, |status| matches!(status, "break" | "awaited"));
    match &total.explained_percent {
        Some(percent) => format!(
            "{name}: {percent} % of the absolute variance of {} is explained; {} is unexplained.",
            readable(&total.gross_variance_amount),
            readable(&total.unexplained_amount)
        ),
        None if apart > 0 && total.is_of_quantities => format!(
            "{name}: {apart} of {} differ in quantity.",
            counted(groups(total, |_| true), "group")
        ),
        None if groups(total, |status| status == "awaited") > 0 => {
            format!("{name}: everything that is final ties.")
        }
        None => format!("{name}: everything ties."),
    }
}

/// One sentence on the groups that are awaited; `None` if there are none.
fn awaited(total: &Total) -> Option<String> {
    let groups = groups(total, |status| status == "awaited");
    (groups > 0).then(|| {
        format!(
            "{}: awaited: {} with an absolute variance of {}, \
             because a side is not complete or not final.",
            name(total),
            counted(groups, "group"),
            readable(&total.awaited_amount)
        )
    })
}

/// Tie-out and currency; a tie-out of quantities has no currency.
fn name(total: &Total) -> String {
    let name = format!("{} {}", total.tie_out, total.currency);
    name.trim_end().to_owned()
}

/// Number of groups whose status is wanted.
fn groups(total: &Total, is_wanted: impl Fn(&str) -> bool) -> u64 {
    total
        .statuses
        .iter()
        .filter(|status| is_wanted(status.status))
        .map(|status| status.groups)
        .sum()
}

/// An empty table; the columns numbered in `amounts` are aligned to the right.
fn table(header: &[&str], amounts: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        // Not fitted to a terminal: the summary reads the same on a screen and in a log.
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for at in amounts {
        let column = table.column_mut(*at).expect("the header has the column");
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn totals(outcome: &Outcome) -> Table {
    let mut table = table(
        &[
            "tie-out",
            "currency",
            "expected",
            "invoiced",
            "variance",
            "absolute variance",
        ],
        &[2, 3, 4, 5],
    );
    for total in &outcome.totals {
        let amounts = [
            &total.expected_amount,
            &total.invoiced_amount,
            &total.variance_amount,
            &total.gross_variance_amount,
        ];
        let mut row = vec![total.tie_out.to_owned(), total.currency.clone()];
        row.extend(amounts.map(|amount| readable(amount)));
        table.add_row(row);
    }
    table
}

fn statuses(outcome: &Outcome) -> Table {
    let mut table = table(
        &["tie-out", "currency", "status", "groups", "variance"],
        &[3, 4],
    );
    for total in &outcome.totals {
        for status in &total.statuses {
            let amount = readable(&status.variance_amount);
            let cells = [
                total.tie_out,
                &total.currency,
                status.status,
                &status.groups.to_string(),
                &amount,
            ]
            .map(str::to_owned);
            table.add_row(cells);
        }
    }
    table
}

fn breaks(outcome: &Outcome) -> Table {
    let header = [
        "break", "tie-out", "customer", "item", "currency", "expected", "invoiced", "variance",
        "cause",
    ];
    let mut table = table(&header, &[5, 6, 7]);
    for found in &outcome.largest_breaks {
        let amounts = [
            &found.expected_amount,
            &found.invoiced_amount,
            &found.variance_amount,
        ]
        .map(|amount| readable(amount));
        let texts = [
            &found.break_id,
            found.tie_out,
            &short(&found.customer),
            &short(&found.item),
            &found.currency,
        ]
        .map(str::to_owned);
        table.add_row(
            texts
                .into_iter()
                .chain(amounts)
                .chain([found.cause.to_owned()]),
        );
    }
    table
}

/// A name of at most [`NAME_WIDTH`] characters.
fn short(text: &str) -> String {
    // Characters and not bytes: names have accents, and a cut inside a character would panic.
    if text.chars().count() <= NAME_WIDTH {
        text.to_owned()
    } else {
        text.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
    }
}
