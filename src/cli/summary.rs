//! The summary that ends a run: what ties, what does not, and where to look first.
//!
//! Amounts are rounded to cents for reading; the published tables have all digits.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::invoice_blocks;
use super::wording::counted;
use crate::ledger::record::Recorded;
use crate::pipeline::fetch::report::{DatasetReport, FetchReport};
use crate::pipeline::publish::outcome::{Break, Outcome, Total, readable};

/// Characters of a customer's or item's name in the table of breaks; longer names are cut.
const NAME_WIDTH: usize = 32;
/// Columns of a terminal that the summary fits into.
const WIDTH: u16 = 80;

/// Writes the summary of a run as text.
pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    write_counts(outcome, out)?;
    if let Some(fetched) = &outcome.fetched {
        write_fetched(fetched, out)?;
    }
    write_incomplete(outcome, out)?;
    invoice_blocks::write(outcome, out)?;
    writeln!(
        out,
        "\nBy tie-out (variance = invoiced - expected)\n{}",
        text_of(&totals(outcome))
    )?;
    match outcome
        .largest_breaks
        .first()
        .or(outcome.header_breaks.first())
    {
        None => writeln!(out, "\nNo breaks.")?,
        Some(largest) => write_breaks(outcome, largest, out)?,
    }
    if let Some(ledger) = &outcome.ledger {
        write_since(ledger, out)?;
    }
    writeln!(out, "Published in {}", outcome.folder.display())
}

/// Writes why the figures are not those of the whole period.
fn write_incomplete(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = incomplete(outcome);
    lines.try_for_each(|line| writeln!(out, "INCOMPLETE: {line}"))
}

/// Sentences that say why the figures are not those of the whole period.
fn incomplete(outcome: &Outcome) -> impl Iterator<Item = &str> {
    // Not every run with rejected rows is incomplete: `--allow-rejects` tolerates some.
    let has_lost = outcome.exit_code == 11 && outcome.rejected_rows > 0;
    let lost = has_lost.then_some(
        "rejected rows are missing from these figures; the table `rejected_rows` lists them.",
    );
    let others = outcome.nothing_compared.iter().map(String::as_str);
    lost.into_iter().chain(others)
}

/// What `--json` says of a published run that is not complete: why, in words; `None` of one that is.
pub(super) fn incompleteness(outcome: &Outcome) -> Option<String> {
    if outcome.exit_code != 11 {
        return None;
    }
    let mut reasons: Vec<&str> = incomplete(outcome).collect();
    if let Some(fetched) = &outcome.fetched {
        let reported = fetched.awaited.iter().chain(&fetched.incomplete);
        reasons.extend(reported.map(String::as_str));
    }
    Some(match reasons.is_empty() {
        true => {
            "something that a tie-out needs is awaited: see `awaited_for` in `variances`".to_owned()
        }
        false => reasons.join("; "),
    })
}

/// Writes what has changed in all tie-outs since the run before.
fn write_since(ledger: &Recorded, out: &mut dyn Write) -> io::Result<()> {
    if !ledger.is_current {
        // Why it is so stands above, or in a warning.
        return writeln!(out, "\nLedger: this run moved no break and no pointer.");
    }
    let since = match ledger.is_first {
        true => "First run of the period",
        false => "Since the last run",
    };
    writeln!(
        out,
        "\n{since}, all tie-outs: {} new, {} moved, {} resolved;\nnow {} open, {} accepted",
        ledger.new, ledger.moved, ledger.resolved, ledger.open, ledger.accepted
    )
}

/// Writes warnings and rejected rows: not needed to read the figures, but a person must see them.
/// Who is `quiet` reads no summary, and is told here that something is incomplete.
pub(super) fn write_notes(outcome: &Outcome, quiet: bool, notes: &mut dyn Write) -> io::Result<()> {
    if let Some(fetched) = &outcome.fetched {
        super::fetch::write_notes(fetched, quiet, notes)?;
    }
    if quiet {
        write_incomplete(outcome, notes)?;
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
    super::fetch::write_reasons(fetched, out)
}

fn write_breaks(outcome: &Outcome, largest: &Break, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = outcome.largest_breaks.as_slice();
    while let Some(first) = rest.first() {
        let of_currency = rest
            .iter()
            .take_while(|found| found.currency == first.currency);
        let (breaks, others) = rest.split_at(of_currency.count());
        let in_currency = match first.currency.as_str() {
            "" => String::new(),
            currency => format!(" in {currency}"),
        };
        writeln!(
            out,
            "\nLargest breaks{in_currency}\n{}",
            text_of(&table_of(breaks))
        )?;
        rest = others;
    }
    if !outcome.header_breaks.is_empty() {
        let breaks = text_of(&table_of(&outcome.header_breaks));
        writeln!(out, "\nHeaders that differ from their lines\n{breaks}")?;
    }
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
pub(super) fn table(header: &[&str], amounts: &[usize]) -> Table {
    let mut table = Table::new();
    table
        // Without borders, which would take a third of what 80 columns hold.
        .load_style(NOTHING)
        // Fitted to what every terminal and log has, so that both read the same.
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for at in amounts {
        let column = table.column_mut(*at).expect("the header has the column");
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Text of a table, without the blanks that fill its last column.
pub(super) fn text_of(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn totals(outcome: &Outcome) -> Table {
    let mut table = table(
        &[
            "tie-out",
            "",
            "groups",
            "breaks",
            "variance",
            "absolute",
            "explained",
        ],
        &[2, 3, 4, 5, 6],
    );
    for total in &outcome.totals {
        let explained = match &total.explained_percent {
            Some(percent) => format!("{percent} %"),
            None => String::new(),
        };
        table.add_row([
            total.tie_out.to_owned(),
            total.currency.clone(),
            groups(total, |_| true).to_string(),
            groups(total, |status| status == "break").to_string(),
            readable(&total.variance_amount),
            readable(&total.gross_variance_amount),
            explained,
        ]);
    }
    table
}

/// Table of breaks of one currency.
fn table_of(breaks: &[Break]) -> Table {
    let mut table = table(&["break", "what", "variance", "cause"], &[2]);
    for found in breaks {
        table.add_row([
            found.break_id.clone(),
            what(found),
            readable(&found.variance_amount),
            found.cause.to_owned(),
        ]);
    }
    table
}

/// Customer and item of a break, and its tie-out where a reader would not know it.
fn what(found: &Break) -> String {
    let tie_out = match found.tie_out {
        // The first is what a reader takes a break for, and the second has a table of its own.
        "usage-to-invoice" | "lines-to-invoice" => "",
        other => other,
    };
    let parts = [tie_out, &short(&found.customer), &short(&found.item)];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// A name of at most [`NAME_WIDTH`] characters.
pub(super) fn short(text: &str) -> String {
    // Characters and not bytes: names have accents, and a cut inside a character would panic.
    if text.chars().count() <= NAME_WIDTH {
        text.to_owned()
    } else {
        text.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
    }
}
