//! First lines of a summary: for each invoice what was checked against usage, what was found, and what
//! cannot be checked.

use std::io::{self, Write};

use super::wording::counted;
use crate::ledger::record::{InvoiceMovement, Recorded};
use crate::model::decimal::fixed;
use crate::pipeline::publish::invoice_figures::{CountAndSum, Departed, InvoiceFigures};
use crate::pipeline::publish::outcome::{Outcome, readable};

/// Invoices that are shown, in the order of their numbers: most partners have one in each currency.
const MOST: usize = 12;
/// Characters of a label, and of the amount behind it.
const WIDTHS: (usize, usize) = (24, 15);
/// Columns of a terminal that a block fits into.
const COLUMNS: usize = 80;

/// Writes a block for each of the first invoices.
pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let invoices = &outcome.invoices;
    for figures in invoices.iter().take(MOST) {
        write_block(figures, out)?;
        if let Some(ledger) = outcome.ledger.as_ref().filter(|ledger| ledger.is_current) {
            let since = since_words(figures, ledger);
            line(out, "  since the last run", "", &since)?;
        }
    }
    let more = invoices.len().saturating_sub(MOST);
    if more > 0 {
        let more = counted(more as u64, "more invoice");
        writeln!(out, "\n{more}: see the table `summary`")?;
    }
    Ok(())
}

fn write_block(figures: &InvoiceFigures, out: &mut dyn Write) -> io::Result<()> {
    let title = match figures.invoice_number.as_str() {
        "" => "No invoice, or several".to_owned(),
        number => format!("Invoice {number}"),
    };
    let [lines, invoiced, checked] = [
        &figures.lines_amount,
        &figures.invoiced_amount,
        &figures.checked_amount,
    ]
    .map(|amount| cents(amount));
    let title = format!(
        "{title}  {} {}  {}",
        figures.currency,
        money(lines),
        figures.finality
    );
    writeln!(out, "\n{}", title.trim_end())?;
    let breaks = figures.over_billed.count + figures.under_billed.count;
    let ties = if breaks > 0 { "ties but for:" } else { "ties" };
    line(out, "  checked against usage", &money(checked), ties)?;
    line_of(out, "      over-billed", &figures.over_billed, "break")?;
    line_of(out, "      under-billed", &figures.under_billed, "break")?;
    let rounding = rounding(figures);
    amount_line(out, "      rounding", &figures.rounding_amount, &rounding)?;
    if readable(&figures.tolerated_amount) != "0.00" {
        let words = "passed over by a tolerance of the pipeline";
        amount_line(out, "      tolerated", &figures.tolerated_amount, words)?;
    }
    departed(out, "      off rule", &figures.off_rule_lines)?;
    departed(out, "      at another rate", &figures.other_rate_lines)?;
    departed(out, "      wrong in total", &figures.wrong_total_lines)?;
    if breaks > 0 {
        let amount = &figures.without_cause_amount;
        amount_line(out, "      without a cause", amount, "")?;
    }
    line_of(out, "  awaited", &figures.awaited, "group")?;
    line_of(out, "  copies in usage", &figures.usage_copies, "row")?;
    line_of(out, "  copies in the invoice", &figures.line_copies, "line")?;
    if !figures.not_checkable.is_empty() {
        // The rest in cents, so that the two parts come to the invoice on paper, too.
        let apart = invoiced - checked;
        let words = kinds(figures, apart);
        line(out, "  not checkable here", &money(apart), &words)?;
    }
    if lines != invoiced {
        let words = "what other invoices void or bill again, in the groups under them";
        line(out, "  settled elsewhere", &money(lines - invoiced), words)?;
    }
    Ok(())
}

/// Kinds of lines that no usage is behind, with their share of the invoice; `apart` is what they come
/// to, in cents.
fn kinds(figures: &InvoiceFigures, apart: i128) -> String {
    let mut amounts: Vec<i128> = figures
        .not_checkable
        .iter()
        .map(|kind| cents(&kind.amount))
        .collect();
    // Rounded one by one they may miss their sum by a cent, which the largest can bear.
    let missing = apart - amounts.iter().sum::<i128>();
    if let Some(largest) = amounts.iter_mut().max_by_key(|amount| amount.abs()) {
        *largest += missing;
    }
    let kinds = figures.not_checkable.iter().zip(amounts);
    let words: Vec<String> = kinds
        // No line is broken inside of a kind.
        .map(|(kind, amount)| format!("{} {}", kind.kind.replace('_', " "), money(amount)))
        .map(|words| words.replace(' ', "\u{a0}"))
        .collect();
    let words = words.join(", ");
    match &figures.not_checkable_percent {
        Some(percent) => format!("{percent}\u{a0}%: {words}"),
        None => words,
    }
}

/// Movement of the invoice's breaks, in words.
fn since_words(figures: &InvoiceFigures, ledger: &Recorded) -> String {
    let mut invoices = ledger.invoices.iter();
    let of_invoice = invoices
        .find(|of| of.invoice_number == figures.invoice_number && of.currency == figures.currency);
    let none = InvoiceMovement::default();
    let InvoiceMovement {
        new,
        open,
        accepted,
        resolved,
        ..
    } = of_invoice.unwrap_or(&none);
    match ledger.is_first {
        true => format!("first run of the period: {open} open, {accepted} accepted"),
        false => format!("{new} new, {open} open, {accepted} accepted, {resolved} resolved"),
    }
}

/// Proof of an invoice's rounding, in words.
fn rounding(figures: &InvoiceFigures) -> String {
    let off_rule = counted(figures.off_rule_lines.count, "line");
    match (figures.rounding_rule.as_str(), figures.bounded_groups) {
        ("", 0) if figures.exact_groups == 0 => String::new(),
        ("", _) => "bounded, not proven: its lines agree on no rule".to_owned(),
        (_, 0) => format!("proven; {off_rule} off rule"),
        (_, bounded) => format!(
            "proven in {}, bounded in {bounded}; {off_rule} off rule",
            counted(figures.exact_groups, "group")
        ),
    }
}

/// An amount in whole cents, as it is shown.
fn cents(amount: &str) -> i128 {
    let digits: String = readable(amount).replace([',', '.'], "");
    digits
        .parse()
        .expect("a readable amount is digits, commas and a point")
}

/// Cents as a person reads them.
fn money(cents: i128) -> String {
    readable(&fixed(cents * 100_000_000, 10))
}

/// Writes a label, an amount of ten decimals and words.
fn amount_line(out: &mut dyn Write, label: &str, amount: &str, words: &str) -> io::Result<()> {
    line(out, label, &readable(amount), words)
}

/// Writes a label, an amount and words; without an amount the words begin in its place.
fn line(out: &mut dyn Write, label: &str, amount: &str, words: &str) -> io::Result<()> {
    let (left, right) = WIDTHS;
    let head = match amount {
        "" => format!("{label:<left$}  "),
        amount => format!("{label:<left$}{amount:>right$}  "),
    };
    let mut text = head;
    let indent = left + right + 2;
    let mut is_first = true;
    for word in words.split(' ') {
        if !is_first && text.chars().count() + 1 + word.chars().count() > COLUMNS {
            writeln!(out, "{}", text.trim_end())?;
            text = " ".repeat(indent);
            is_first = true;
        }
        if !is_first {
            text.push(' ');
        }
        text += &word.replace('\u{a0}', " ");
        is_first = false;
    }
    writeln!(out, "{}", text.trim_end())
}

/// Writes a label and what was counted; nothing where there is nothing.
fn line_of(out: &mut dyn Write, label: &str, of: &CountAndSum, noun: &str) -> io::Result<()> {
    if of.count == 0 {
        return Ok(());
    }
    amount_line(out, label, &of.amount, &counted(of.count, noun))
}

/// Writes a label and the lines that depart; nothing where there are none.
fn departed(out: &mut dyn Write, label: &str, of: &Departed) -> io::Result<()> {
    if of.count == 0 {
        return Ok(());
    }
    let mut words = counted(of.count, "line");
    let [above, below] = [&of.above_amount, &of.below_amount].map(|amount| readable(amount));
    if above != "0.00" && below != "0.00" {
        // The words say which way.
        let below = below.trim_start_matches('-');
        words = format!("{words}: {above} too much, {below} too little");
    }
    amount_line(out, label, &of.amount, &words)
}
