//! First lines of a summary: for each invoice what was checked against usage, what was found, and what
//! cannot be checked.

use std::io::{self, Write};

use super::wording::counted;
use crate::pipeline::publish::invoice_figures::{CountAndSum, Departed, InvoiceFigures};
use crate::pipeline::publish::outcome::readable;

/// Invoices that are shown, in the order of their numbers: most partners have one in each currency.
const MOST: usize = 12;
/// Characters of a label, and of the amount behind it.
const WIDTHS: (usize, usize) = (24, 16);

/// Writes a block for each of the first invoices.
pub(super) fn write(invoices: &[InvoiceFigures], out: &mut dyn Write) -> io::Result<()> {
    for figures in invoices.iter().take(MOST) {
        write_block(figures, out)?;
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
    writeln!(
        out,
        "\n{title}  {} {}",
        figures.currency,
        readable(&figures.invoiced_amount)
    )?;
    let breaks = figures.over_billed.count + figures.under_billed.count;
    let ties = if breaks > 0 { "ties but for:" } else { "ties" };
    line(
        out,
        "  checked against usage",
        &figures.checked_amount,
        ties,
    )?;
    line_of(out, "      over-billed", &figures.over_billed, "break")?;
    line_of(out, "      under-billed", &figures.under_billed, "break")?;
    let rounding = rounding(figures);
    line(out, "      rounding", &figures.rounding_amount, &rounding)?;
    departed(out, "      off rule", &figures.off_rule_lines)?;
    departed(out, "      at another rate", &figures.other_rate_lines)?;
    departed(out, "      wrong in total", &figures.wrong_total_lines)?;
    if breaks > 0 {
        line(
            out,
            "      without a cause",
            &figures.without_cause_amount,
            "",
        )?;
    }
    line_of(out, "  awaited", &figures.awaited, "group")?;
    line_of(out, "  copies in usage", &figures.usage_copies, "row")?;
    line_of(out, "  copies in the invoice", &figures.line_copies, "line")?;
    for (at, apart) in figures.not_checkable.iter().enumerate() {
        let label = if at == 0 { "  not checkable here" } else { "" };
        let kind = apart.kind.replace('_', " ");
        let share = match &figures.not_checkable_percent {
            Some(percent) if at == 0 => format!("{kind}; {percent} % of the invoice in all"),
            _ => kind,
        };
        line(out, label, &apart.amount, &share)?;
    }
    Ok(())
}

/// Proof of an invoice's rounding, in words.
fn rounding(figures: &InvoiceFigures) -> String {
    match (figures.rounding_rule.as_str(), figures.bounded_groups) {
        ("", 0) if figures.exact_groups == 0 => String::new(),
        ("", _) => "bounded, not proven: its lines agree on no rule".to_owned(),
        (rule, 0) => format!("proven, {rule}"),
        (rule, bounded) => format!(
            "{rule}; proven in {}, bounded in {bounded}",
            counted(figures.exact_groups, "group")
        ),
    }
}

/// Writes a label, an amount and words.
fn line(out: &mut dyn Write, label: &str, amount: &str, words: &str) -> io::Result<()> {
    let (left, right) = WIDTHS;
    let amount = readable(amount);
    let text = format!("{label:<left$}{amount:>right$}  {words}");
    writeln!(out, "{}", text.trim_end())
}

/// Writes a label and what was counted; nothing where there is nothing.
fn line_of(out: &mut dyn Write, label: &str, of: &CountAndSum, noun: &str) -> io::Result<()> {
    if of.count == 0 {
        return Ok(());
    }
    line(out, label, &of.amount, &counted(of.count, noun))
}

/// Writes a label and the lines that depart; nothing where there are none.
fn departed(out: &mut dyn Write, label: &str, of: &Departed) -> io::Result<()> {
    if of.count == 0 {
        return Ok(());
    }
    let mut words = counted(of.count, "line");
    let [above, below] = [&of.above_amount, &of.below_amount].map(|amount| readable(amount));
    if above != "0.00" && below != "0.00" {
        words = format!("{words}: {above} too much, {below} too little");
    }
    line(out, label, &of.amount, &words)
}
