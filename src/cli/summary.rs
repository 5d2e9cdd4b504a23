//! The summary that ends a run: what ties, what does not, and where to look first.

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::pipeline::publish::outcome::{Outcome, Total, readable};

/// Writes the summary of a run as text.
pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let Outcome {
        usage_rows,
        invoice_lines,
        rejected_rows,
        ..
    } = outcome;
    writeln!(
        out,
        "Usage rows {usage_rows}, invoice lines {invoice_lines}, rejected rows {rejected_rows}"
    )?;
    if outcome.units_kept > 0 {
        let Outcome {
            units, units_kept, ..
        } = outcome;
        writeln!(
            out,
            "Units {units}, of which {units_kept} are as they were in an earlier run, and were not read again"
        )?;
    }
    if let Some(fetched) = &outcome.fetched {
        let sums = fetched
            .datasets
            .iter()
            .fold([0; 3], |[complete, unchanged, restated], row| {
                [
                    complete + row.complete,
                    unchanged + row.unchanged,
                    restated + row.restated,
                ]
            });
        let [complete, unchanged, restated] = sums;
        writeln!(
            out,
            "Fetched: {complete} units complete, {unchanged} of them unchanged, {restated} restated; {} requests",
            fetched.requests
        )?;
        for reason in &fetched.incomplete {
            writeln!(out, "INCOMPLETE: {reason}")?;
        }
    }
    if outcome.exit_code == 11 && rejected_rows > &0 {
        writeln!(
            out,
            "INCOMPLETE: the rejected rows are missing from these figures; `rejected_rows` holds them."
        )?;
    }
    for line in explained(outcome) {
        writeln!(out, "{line}")?;
    }
    for line in &outcome.rounding_rules {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "\nTotals (variance = invoiced - expected; positive: the invoice asks for more than usage says)\n{}",
        totals(outcome)
    )?;
    writeln!(out, "\nGroups by status\n{}", statuses(outcome))?;
    if outcome.largest_breaks.is_empty() {
        writeln!(out, "\nNo breaks.")?;
    } else {
        writeln!(out, "\nLargest breaks\n{}", breaks(outcome))?;
        if let Some(first) = outcome.largest_breaks.first() {
            let folder = outcome
                .folder
                .parent()
                .and_then(|runs| runs.parent())
                .unwrap_or(&outcome.folder);
            writeln!(
                out,
                "\nTo see the lines behind one: tieout explain {} --out {}",
                first.break_id,
                folder.display()
            )?;
        }
    }
    writeln!(out, "Published {}", outcome.folder.display())
}

/// What a person need not know to read the figures, but must be told.
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
    let more = outcome
        .rejected_rows
        .saturating_sub(outcome.rejected.len() as u64);
    if more > 0 {
        writeln!(
            notes,
            "rejected: {more} more rows, all of them in `rejected_rows`"
        )?;
    }
    Ok(())
}

fn explained(outcome: &Outcome) -> Vec<String> {
    let tell = |total: &Total| {
        let (gross, unexplained) = (
            readable(&total.gross_variance_amount),
            readable(&total.unexplained_amount),
        );
        let name = format!("{} {}", total.tie_out, total.currency);
        let name = name.trim_end();
        let groups = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            total
                .statuses
                .iter()
                .filter(|status| wanted(status.status))
                .map(|status| status.groups)
                .sum()
        };
        let apart = groups(&|status| matches!(status, "break" | "awaited"));
        match &total.explained_percent {
            None if apart > 0 && total.is_of_quantities => {
                format!(
                    "{name}: {apart} of {} groups differ in quantity.",
                    groups(&|_| true)
                )
            }
            Some(percent) => {
                format!(
                    "{name}: {percent} % of the absolute variance of {gross} is explained; {unexplained} is left to look at."
                )
            }
            None if groups(&|status| status == "awaited") > 0 => {
                format!("{name}: what is final ties.")
            }
            None => format!("{name}: everything ties."),
        }
    };
    let awaited = |total: &Total| {
        let groups: u64 = total
            .statuses
            .iter()
            .filter(|status| status.status == "awaited")
            .map(|status| status.groups)
            .sum();
        let amount = readable(&total.awaited_amount);
        (groups > 0).then(|| {
            format!(
                "{} {}: {groups} groups of {amount} are awaited: a side of them is not complete or not final.",
                total.tie_out, total.currency
            )
        })
    };
    outcome
        .totals
        .iter()
        .flat_map(|total| [Some(tell(total)), awaited(total)])
        .flatten()
        .collect()
}

fn table(header: &[&str], amounts: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for at in amounts {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
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

fn short(text: &str) -> String {
    const WIDTH: usize = 32;
    if text.chars().count() <= WIDTH {
        text.to_owned()
    } else {
        text.chars().take(WIDTH - 1).chain(['…']).collect()
    }
}
