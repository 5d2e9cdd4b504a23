//! An explanation as Markdown, to be pasted into a ticket: sentences, keys, both sides by day, then
//! the source lines with the name and hash of their file. Nothing is computed here.

use std::io::{self, Write};

use super::wording::counted;
use crate::pipeline::explain::{Explanation, Group, Side, SourceLine};

/// Writes an explanation as Markdown.
pub(super) fn write(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    for (at, group) in explanation.groups.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_group(group, out)?;
    }
    if explanation.groups_more > 0 {
        let more = counted(explanation.groups_more as u64, "more group");
        writeln!(out, "\nAnd {more} with smaller differences.")?;
    }
    if !explanation.rejected.is_empty() || explanation.rejected_more > 0 {
        let count = explanation.rejected.len() + explanation.rejected_more;
        let rows = counted(count as u64, "row");
        writeln!(
            out,
            "\n{rows} of the files could not be read and may belong here."
        )?;
    }
    writeln!(out, "\nRun `{}`", explanation.run_id)
}

fn write_group(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    for sentence in &group.sentences {
        writeln!(out, "{}", words(sentence))?;
    }
    writeln!(out, "\n| | |\n|---|---|")?;
    let own = [
        ("break", group.break_id.as_str()),
        ("expected", &group.expected.published),
        ("invoiced", &group.invoiced.published),
        ("difference", &group.variance_amount),
    ];
    let keys = group.keys.iter().map(|(name, text)| (*name, text.as_str()));
    for (name, text) in keys.chain(own) {
        writeln!(out, "| {} | {} |", name.replace('_', " "), cell(text))?;
    }
    if !group.days.is_empty() {
        writeln!(
            out,
            "\nBy day; lines stand on the first day that they charge for\n\n\
             | day | used | amount | charged | amount |\n|---|---:|---:|---:|---:|"
        )?;
        for figures in &group.days {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                figures.day,
                figures.used_quantity,
                figures.used_amount,
                figures.charged_quantity,
                figures.charged_amount
            )?;
        }
    }
    write_side("Expected", &group.expected, out)?;
    write_side("Invoiced", &group.invoiced, out)
}

fn write_side(name: &str, side: &Side, out: &mut dyn Write) -> io::Result<()> {
    if side.lines.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{name}: {}, {} {}\n\n\
         | file | line | {} | order or entitlement | days |\n|---|---:|---:|---|---|",
        counted(side.rows, "source line"),
        side.column,
        side.exact_sum,
        side.column
    )?;
    for line in &side.lines {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&line.unit),
            line.line,
            line.amount,
            cell(&format!("{}{}", line.order_id, line.entitlement_id)),
            days(line)
        )?;
    }
    let more = side.picked_rows - side.lines.len() as u64;
    if more > 0 {
        writeln!(out, "\nAnd {more} more.")?;
    }
    writeln!(out)?;
    let mut files: Vec<(&str, &str)> = side
        .lines
        .iter()
        .map(|line| (line.unit.as_str(), line.blake3.as_str()))
        .collect();
    files.sort_unstable();
    files.dedup();
    for (unit, blake3) in files {
        writeln!(out, "- `{unit}`: BLAKE3 `{blake3}`")?;
    }
    Ok(())
}

/// Day of use, or the days that are charged for.
fn days(line: &SourceLine) -> String {
    match line.charge_start_date.as_str() {
        "" => line.usage_date.clone(),
        start => format!("{start} to {}", line.charge_end_date),
    }
}

/// A text as a cell of a table: in one line, and with no bar of its own.
fn cell(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    words(&line.join(" "))
}

/// Words whose names make neither a bar of a table nor an element of HTML, which Markdown lets through.
fn words(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_a_bar_nor_an_element() {
        assert_eq!(words("a|b<script>"), "a\\|b&lt;script>");
        assert_eq!(cell(" a\n b | <c>"), "a b \\| &lt;c>");
    }
}
