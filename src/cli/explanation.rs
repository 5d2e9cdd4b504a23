//! An explanation as text: keys, both sides with their source lines, and the arithmetic.

use std::io::{self, Write};

use crate::pipeline::explain::{Explanation, Group, Side};

/// Writes an explanation; `verbose` prints each source line as it stands.
pub(super) fn write(
    explanation: &Explanation,
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "Run {}", explanation.run_id)?;
    for group in &explanation.groups {
        write_group(group, verbose, out)?;
    }
    if explanation.groups_more > 0 {
        writeln!(
            out,
            "\n{} more groups with smaller variances",
            explanation.groups_more
        )?;
    }
    if let Some(resources) = &explanation.resources {
        writeln!(
            out,
            "\nIn `resources`, {} rows of these keys:",
            resources.rows
        )?;
        writeln!(
            out,
            "  expected {}, invoiced {} (its share)",
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
    Ok(())
}

fn write_group(group: &Group, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let matched = if group.matched_on.is_empty() {
        "one-sided".to_owned()
    } else {
        format!("matched on {}", group.matched_on)
    };
    writeln!(
        out,
        "\n{} {}: {}, {matched}",
        group.tie_out, group.break_id, group.status
    )?;
    for (name, text) in &group.keys {
        writeln!(out, "  {name:<18} {text}")?;
    }
    write_side("Expected", &group.expected, verbose, out)?;
    write_side("Invoiced", &group.invoiced, verbose, out)?;
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
        writeln!(out, "  held by {}", group.narrowest)?;
    }
    for (cause, amount) in &group.parts {
        writeln!(out, "  part {cause}: {amount}")?;
        for (_, working) in group.workings.iter().filter(|(of, _)| of == cause) {
            writeln!(out, "    {working}")?;
        }
    }
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

fn write_side(name: &str, side: &Side, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{name}: {} source {}",
        side.rows,
        if side.rows == 1 { "line" } else { "lines" }
    )?;
    for line in &side.lines {
        writeln!(
            out,
            "  {} line {}: {} {}",
            line.unit, line.line, side.column, line.amount
        )?;
        writeln!(out, "    {}", line.arithmetic)?;
        if verbose && !line.text.is_empty() {
            writeln!(out, "    {}", line.text)?;
        }
    }
    let more = side.picked_rows.saturating_sub(side.lines.len() as u64);
    if more > 0 && !side.lines.is_empty() {
        writeln!(out, "  and {more} more; `--limit` shows them")?;
    }
    if (1..side.rows).contains(&side.picked_rows) {
        writeln!(
            out,
            "  sum of the {} lines of these keys: {}",
            side.picked_rows, side.picked_sum
        )?;
    }
    let how = if side.column == "BillingPreTaxTotal" {
        ", the sum of its resources at ten places"
    } else {
        ""
    };
    writeln!(
        out,
        "  sum of {} over all {}: {}; published {}{how}",
        side.column, side.rows, side.exact_sum, side.published
    )
}

/// A subtrahend in parentheses where it is negative.
fn signed(amount: &str) -> String {
    if amount.starts_with('-') {
        format!("({amount})")
    } else {
        amount.to_owned()
    }
}
