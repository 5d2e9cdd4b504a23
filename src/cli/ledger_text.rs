//! Texts that the commands of the ledger share: tables that fit a terminal, statements of sums, states.

use std::io::{self, Write};

use comfy_table::{ColumnConstraint, Table, Width};

use super::summary::{short, table, text_of};
use crate::pipeline::ledger_views::break_rows::BreakRow;
use crate::pipeline::ledger_views::sums::ExactSum;
use crate::pipeline::publish::outcome::readable;

/// Characters of a name, ticket or label in a table; longer ones are cut.
const WORD_WIDTH: usize = 13;

/// An empty table. The columns numbered in `amounts` are aligned to the right, and those in `whole`
/// are never broken into lines.
pub(super) fn ledger_table(header: &[&str], amounts: &[usize], whole: &[usize]) -> Table {
    let mut table = table(header, amounts);
    for at in amounts.iter().chain(whole) {
        let column = table.column_mut(*at).expect("the header has the column");
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Breaks the cells of a column into lines where they are wider than this.
pub(super) fn limit_width(table: &mut Table, at: usize, width: u16) {
    let column = table.column_mut(at).expect("the header has the column");
    column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
}

/// Writes a table, without the blanks at the ends of its lines.
pub(super) fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", text_of(table))
}

/// A sum rounded to cents.
pub(super) fn cents(sum: ExactSum) -> String {
    readable(&sum.text())
}

/// A sum rounded to cents, where most are none; `-` for 0.
pub(super) fn cents_or_dash(sum: ExactSum) -> String {
    match sum.is_zero() {
        true => "-".to_owned(),
        false => cents(sum),
    }
}

/// A sum with all its digits, in groups of three before the point.
pub(super) fn exact(sum: ExactSum) -> String {
    grouped(&sum.text())
}

/// A decimal number with its digits in groups of three before the point.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (digits, String::new()),
    };
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &fraction
}

/// Writes sums below each other, with all digits, so that they foot on paper, too.
pub(super) fn write_statement(lines: &[(&str, ExactSum)], out: &mut dyn Write) -> io::Result<()> {
    let texts: Vec<String> = lines.iter().map(|(_, sum)| exact(*sum)).collect();
    let names = lines.iter().map(|(name, _)| name.chars().count()).max();
    let widths = texts.iter().map(String::len).max();
    let (names, width) = (names.unwrap_or(0), widths.unwrap_or(0));
    for ((name, _), text) in lines.iter().zip(&texts) {
        writeln!(out, "  {name:<names$}  {text:>width$}")?;
    }
    Ok(())
}

/// State of a break with the name that belongs to it.
pub(super) fn state_words(row: &BreakRow) -> String {
    let cut = |text: &str| cut(text, WORD_WIDTH);
    match row.state.name() {
        "assigned" => format!("assigned {}", cut(&row.owner)),
        "disputed" => format!("disputed {}", cut(&row.ticket)),
        "accepted" => format!(
            "accepted to {}, up to {}",
            row.accepted_until,
            readable(&row.accepted_cap)
        ),
        "resolved" => format!("resolved in run {}", row.closed_in),
        state => state.to_owned(),
    }
}

/// Words that are not empty, the longer ones cut, with a dot between.
pub(super) fn dotted<const N: usize>(words: [&str; N]) -> String {
    let words: Vec<String> = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(short)
        .collect();
    words.join(" · ")
}

/// Name of a tie-out, where a reader would not take a break to be of it.
pub(super) fn tie_out_words(tie_out: &str) -> &str {
    match tie_out {
        "usage-to-invoice" => "",
        other => other,
    }
}

/// A text of at most `width` characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Pipeline and period in words.
pub(super) fn stream_words(pipeline: &str, period: &str) -> String {
    match period {
        "" => format!("`{pipeline}`"),
        period => format!("`{pipeline}`, {period}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_and_none_is_lost() {
        assert_eq!(grouped("-1234567.8900000001"), "-1,234,567.8900000001");
        assert_eq!(grouped("-123.00"), "-123.00");
        assert_eq!(grouped("1000"), "1,000");
        assert_eq!(cut("ääää", 3), "ää…");
    }
}
