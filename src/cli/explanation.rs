//! An explanation as text: the keys of each group, both sides with their source lines, and the
//! arithmetic from them to the variance and its parts. Nothing is computed here.

use std::io::{self, Write};

use super::summary::{table, text_of};
use super::wording::{counted, indented};
use crate::model::cause::Status;
use crate::pipeline::explain::{DayFigures, Explanation, Group, Side, SourceLine};

/// Writes an explanation; `verbose` adds the text of each source line.
pub(super) fn write(
    explanation: &Explanation,
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (at, group) in explanation.groups.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_group(group, verbose, out)?;
    }
    if explanation.groups_more > 0 {
        writeln!(
            out,
            "\nand {} with smaller variances",
            counted(explanation.groups_more as u64, "more group")
        )?;
    }
    write_rejected(explanation, verbose, out)?;
    if let Some(resources) = &explanation.resources {
        writeln!(
            out,
            "\n`resources` has {} with these keys:",
            counted(resources.rows as u64, "row")
        )?;
        writeln!(
            out,
            "  expected {}, invoiced {} (share of the invoiced amount)",
            resources.expected_amount, resources.invoiced_amount
        )?;
        writeln!(
            out,
            "  variance = {} - {} = {}",
            resources.invoiced_amount,
            signed(&resources.expected_amount),
            resources.variance_amount
        )?;
    }
    writeln!(out, "\nRun {}", explanation.run_id)
}

/// Writes the rejected rows that may belong to the figure, up to the limit.
fn write_rejected(explanation: &Explanation, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let Explanation {
        rejected,
        rejected_more,
        ..
    } = explanation;
    let all = (rejected.len() + rejected_more) as u64;
    if all == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "\n{} may belong here, and counted on neither side:",
        counted(all, "rejected row")
    )?;
    for row in rejected {
        write!(out, "  {} line {}", row.unit, row.line)?;
        if !row.column.is_empty() {
            write!(out, ", column `{}`", row.column)?;
        }
        let quote = if row.in_words { "" } else { "`" };
        writeln!(
            out,
            ": found {quote}{}{quote}, wanted {}",
            row.found, row.wanted
        )?;
        if verbose && !row.text.is_empty() {
            writeln!(out, "    {}", row.text)?;
        }
    }
    if *rejected_more > 0 && !rejected.is_empty() {
        writeln!(
            out,
            "  and {rejected_more} more; a larger `--limit` shows them"
        )?;
    }
    Ok(())
}

/// Writes one group: keys, sides, variance, tolerance and parts.
fn write_group(group: &Group, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let matched = if group.matched_on.is_empty() {
        "one-sided".to_owned()
    } else {
        format!("matched on {}", group.matched_on)
    };
    // First of all, for it is what most readers want.
    indented("", "", &group.sentences.join(" "), out)?;
    writeln!(
        out,
        "\n{} {}: {}, {matched}",
        group.tie_out, group.break_id, group.status
    )?;
    for (name, text) in &group.keys {
        writeln!(out, "  {name:<18} {text}")?;
    }
    if group.status == Status::OutOfScope.name() {
        writeln!(
            out,
            "Expected: not applicable, as no usage is behind such lines; it repeats what they ask for"
        )?;
    } else {
        write_side("Expected", &group.expected, verbose, out)?;
    }
    write_side("Invoiced", &group.invoiced, verbose, out)?;
    write_days(&group.days, out)?;
    for unit in &group.units {
        writeln!(out, "  from {unit}")?;
    }
    let (invoiced, expected) = (&group.invoiced.published, signed(&group.expected.published));
    writeln!(
        out,
        "Variance = invoiced - expected = {invoiced} - {expected} = {}",
        group.variance_amount
    )?;
    writeln!(
        out,
        "  tolerance {} ({})",
        group.tolerance_amount, group.tolerance_is
    )?;
    if !group.narrowest.is_empty() {
        writeln!(out, "  confined to: {}", group.narrowest)?;
    }
    for (cause, amount) in &group.parts {
        writeln!(out, "  part {cause}: {amount}")?;
        for (_, working) in group.workings.iter().filter(|(of, _)| of == cause) {
            writeln!(out, "    {working}")?;
        }
    }
    // A single part is the variance itself.
    if group.parts.len() > 1 {
        let sum: Vec<String> = group
            .parts
            .iter()
            .map(|(_, amount)| signed(amount))
            .collect();
        writeln!(out, "  {} = {}", sum.join(" + "), group.variance_amount)?;
    }
    Ok(())
}

/// Writes one side: its source lines up to the limit, and their sums.
fn write_side(name: &str, side: &Side, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let is_zero = !side
        .published
        .bytes()
        .any(|byte| matches!(byte, b'1'..=b'9'));
    // A sum without rows is one whose rows were not counted: `over 0 lines` would be untrue.
    let counted_rows = (side.rows > 0 || is_zero).then_some(side.rows);
    match counted_rows {
        Some(rows) => writeln!(out, "{name}: {}", counted(rows, "source line"))?,
        None => writeln!(out, "{name}: as published, without its rows")?,
    }
    for line in &side.lines {
        writeln!(
            out,
            "  {} line {}: {} {}",
            line.unit, line.line, side.column, line.amount
        )?;
        let said = said_of(line);
        if !said.is_empty() {
            writeln!(out, "    {said}")?;
        }
        writeln!(out, "    {}", line.arithmetic)?;
        if verbose && !line.text.is_empty() {
            writeln!(out, "    {}", line.text)?;
        }
    }
    let more = side.picked_rows - side.lines.len() as u64;
    // `--limit 0` asks for the sums alone, and then nothing is missing.
    if more > 0 && !side.lines.is_empty() {
        writeln!(out, "  and {more} more; a larger `--limit` shows them")?;
    }
    // Only where the keys pick a part of the lines: over all of them it would be the sum below,
    // twice.
    if (1..side.rows).contains(&side.picked_rows) {
        writeln!(
            out,
            "  sum of the {} with these keys: {}",
            counted(side.picked_rows, "line"),
            side.picked_sum
        )?;
    }
    // Usage is rounded for each resource; other amounts are published as they are summed.
    let how = if side.column == "BillingPreTaxTotal" {
        ", rounded to ten decimals for each resource"
    } else {
        ""
    };
    let over = match counted_rows {
        Some(rows) => format!(" over {}", counted(rows, "line")),
        None => String::new(),
    };
    writeln!(
        out,
        "  sum of {}{over}: {}; published {}{how}",
        side.column, side.exact_sum, side.published
    )
}

/// Order, charged days and Azure subscription of a line, as far as it names them.
fn said_of(line: &SourceLine) -> String {
    let SourceLine {
        order_id,
        charge_start_date,
        charge_end_date,
        entitlement_id,
        ..
    } = line;
    let mut words = Vec::new();
    if !order_id.is_empty() {
        words.push(format!("order {order_id}"));
    }
    if !charge_start_date.is_empty() {
        words.push(format!(
            "charged for {charge_start_date} to {charge_end_date}"
        ));
    }
    if !entitlement_id.is_empty() {
        words.push(format!("entitlement {entitlement_id}"));
    }
    words.join(", ")
}

/// Writes both sides by day.
fn write_days(days: &[DayFigures], out: &mut dyn Write) -> io::Result<()> {
    if days.is_empty() {
        return Ok(());
    }
    writeln!(out, "By day (lines on the first day that they charge for)")?;
    let mut table = table(
        &["day", "used", "amount", "charged", "amount"],
        &[1, 2, 3, 4],
    );
    for figures in days {
        table.add_row([
            &figures.day,
            &figures.used_quantity,
            &figures.used_amount,
            &figures.charged_quantity,
            &figures.charged_amount,
        ]);
    }
    writeln!(out, "{}", text_of(&table))
}

/// An amount as a term of a sum: in parentheses if it is negative.
fn signed(amount: &str) -> String {
    if amount.starts_with('-') {
        format!("({amount})")
    } else {
        amount.to_owned()
    }
}
