//! The cover of a closing pack: one page of text in 80 columns that a person signs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::conditions::is_open_on;
use super::run_sums::{CoverSum, CoverSums, is_of_quantities};
use super::stream_ledger::StreamLedger;
use crate::ledger::amount;
use crate::ledger::breaks::{LedgerBreak, State};
use crate::ledger::runs::RunRow;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::pipeline::publish::outcome::readable;

/// Columns of the page.
const WIDTH: usize = 80;

/// Who closes a period, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignOff<'s> {
    pub(super) by: &'s str,
    /// Time of the close, UTC.
    pub(super) at: &'s str,
    /// Day of the person.
    pub(super) today: &'s str,
}

/// Text of the cover, line by line.
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, words: &str) {
        self.line("");
        self.line(words);
        self.line(&"-".repeat(words.chars().count()));
    }

    /// Text in lines of 80 columns, each behind `indent` blanks but the first; a longer word is whole.
    fn wrapped(&mut self, indent: usize, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            let width = line.chars().count();
            if width > indent && width + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
            } else if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    /// Rows of a name and right-aligned figures.
    fn figures<const N: usize>(&mut self, name: &str, figures: [&str; N]) {
        let mut line = format!("{name:<26}");
        for figure in figures {
            write!(line, " {figure:>17}").expect("writing to a String cannot fail");
        }
        self.line(&line);
    }
}

/// Text of the cover.
pub(super) fn text(
    stream: &StreamLedger,
    run: &RunRow,
    sums: &CoverSums,
    sign_off: &SignOff<'_>,
) -> String {
    let mut page = Page {
        text: String::new(),
    };
    head(&mut page, stream, run, sign_off);
    totals(&mut page, sums);
    roll_forward(&mut page, stream);
    let (accepted, open): (Vec<&LedgerBreak>, Vec<&LedgerBreak>) = stream
        .breaks
        .iter()
        .map(|(_, one)| one)
        .filter(|one| one.state != State::Resolved)
        .partition(|one| !is_open_on(one, sign_off.today));
    items(&mut page, "Open items", open, open_item);
    items(&mut page, "Accepted items", accepted, accepted_item);
    restatements(&mut page, stream);
    page.heading("Sign-off");
    for who in ["Prepared by", "Reviewed by", "Approved by"] {
        page.line("");
        page.line(&format!(
            "{who:<12} {}  Date {}",
            "_".repeat(40),
            "_".repeat(14)
        ));
    }
    page.text
}

fn head(page: &mut Page, stream: &StreamLedger, run: &RunRow, sign_off: &SignOff<'_>) {
    let title = format!("Closing pack {}", stream.stream.period);
    page.line(&title);
    page.line(&"=".repeat(title.chars().count()));
    page.line("");
    page.line(&format!("Pipeline  {}", stream.stream.pipeline));
    page.line(&format!("Run       {}, number {}", run.run_id, run.run_no));
    page.line(&format!(
        "As of     {} ({}), tieout {}",
        run.as_of, run.finality, run.version
    ));
    page.line(&format!("Closed    {} by {}", sign_off.at, sign_off.by));
    page.line(&format!("Manifest  {}", run.manifest_hash));
    page.line("");
    page.wrapped(
        0,
        "Amounts are in the currency that is named. Difference is invoiced less expected: positive \
         where the provider asks for more than usage comes to.",
    );
}

/// A number in units of 10^-10 as a person reads it.
fn money(units: i128) -> String {
    readable(&fixed(units, PUBLISHED_SCALE))
}

fn of_decimal(number: Decimal) -> String {
    readable(&amount::text(number))
}

fn sum_lines(page: &mut Page, name: &str, sum: &CoverSum) {
    let figures = [sum.expected, sum.invoiced, sum.invoiced - sum.expected].map(money);
    if name.chars().count() > 26 {
        page.line(name);
        page.figures("", figures.each_ref().map(String::as_str));
    } else {
        page.figures(name, figures.each_ref().map(String::as_str));
    }
}

fn totals(page: &mut Page, sums: &CoverSums) {
    page.heading("Totals by tie-out and currency");
    page.figures("", ["expected", "invoiced", "difference"]);
    for ((tie_out, currency), sum) in &sums.totals {
        let measure = if is_of_quantities(tie_out) {
            "quantities"
        } else {
            currency
        };
        sum_lines(page, &format!("{tie_out} {measure}"), sum);
        let counts = [(sum.groups, "group"), (sum.breaks, "break")].map(|(count, noun)| {
            let ending = if count == 1 { "" } else { "s" };
            format!("{count} {noun}{ending}")
        });
        page.line(&format!("  {}", counts.join(", ")));
    }
    page.heading("Invoices: usage and lines");
    page.figures("", ["expected", "invoiced", "difference"]);
    for ((invoice, currency), sum) in &sums.invoices {
        let invoice = if invoice.is_empty() {
            "(no number)"
        } else {
            invoice
        };
        sum_lines(page, &format!("{invoice} {currency}"), sum);
    }
    if sums.invoices.is_empty() {
        page.line("none");
    }
}

/// Movements of the whole period, from the first run to the last.
fn roll_forward(page: &mut Page, stream: &StreamLedger) {
    page.heading("Roll-forward of open breaks, over all runs of the period");
    let last = stream.current().map(|run| run.run_no);
    let mut sums: BTreeMap<(&str, &str), [Decimal; 5]> = BTreeMap::new();
    for (run_no, _, row) in &stream.rolled {
        let sum = sums.entry((&row.tie_out, &row.currency)).or_default();
        let closing = if Some(*run_no) == last {
            row.closing
        } else {
            Decimal::ZERO
        };
        let figures = [row.new, row.moved, -row.resolved, -row.accepted, closing];
        for (sum, figure) in sum.iter_mut().zip(figures) {
            *sum += figure;
        }
    }
    if sums.is_empty() {
        page.line("no break in any run");
    }
    for ((tie_out, currency), figures) in sums {
        page.line(&format!("{tie_out} {currency}"));
        let names = ["opening", "new", "moved", "resolved", "accepted", "closing"];
        let figures = [Decimal::ZERO].into_iter().chain(figures);
        for (name, figure) in names.into_iter().zip(figures) {
            page.figures(&format!("  {name}"), [&of_decimal(figure)]);
        }
    }
}

fn items(
    page: &mut Page,
    heading: &str,
    mut breaks: Vec<&LedgerBreak>,
    words: fn(&LedgerBreak) -> String,
) {
    page.heading(&format!("{heading}: {}", breaks.len()));
    breaks.sort_by_key(|one| std::cmp::Reverse(one.found.amount.abs()));
    let mut sums: BTreeMap<(&str, &str), Decimal> = BTreeMap::new();
    for one in &breaks {
        *sums
            .entry((&one.found.tie_out, &one.found.currency))
            .or_default() += one.found.amount;
    }
    for ((tie_out, currency), sum) in sums {
        page.figures(&format!("{tie_out} {currency}"), [&of_decimal(sum)]);
    }
    for one in breaks {
        let found = &one.found;
        let first = |texts: [&str; 3]| {
            let text = texts.into_iter().find(|text| !text.is_empty());
            text.unwrap_or("-").to_owned()
        };
        let customer = first([
            &found.customer_name,
            &found.customer_id,
            &found.invoice_number,
        ]);
        let item = first([
            &found.meter_description,
            &found.product_name,
            &found.product_id,
        ]);
        let cause = if found.cause.is_empty() {
            "no cause"
        } else {
            &found.cause
        };
        let text = format!(
            "{} {} {}, {cause}, {customer}, {item}, since {}; {}",
            found.break_id,
            of_decimal(found.amount),
            found.currency,
            one.first_seen,
            words(one)
        );
        page.wrapped(2, &text);
    }
}

fn open_item(one: &LedgerBreak) -> String {
    let parts = [
        ("owner", &one.owner),
        ("ticket", &one.ticket),
        ("label", &one.label),
        ("reason", &one.reason),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name}: {text}"))
        .collect();
    match (told.is_empty(), one.found.informs) {
        (true, true) => "informs only".to_owned(),
        (true, false) => "nobody has it".to_owned(),
        (false, _) => told.join(", "),
    }
}

fn accepted_item(one: &LedgerBreak) -> String {
    let cap = one.accepted_cap.map_or_else(String::new, of_decimal);
    format!(
        "accepted by {} up to {cap} until {}: {}",
        one.accepted_by, one.accepted_until, one.reason
    )
}

fn restatements(page: &mut Page, stream: &StreamLedger) {
    page.heading(&format!("Restatements: {}", stream.restatements.len()));
    for row in &stream.restatements {
        let text = format!(
            "{} {} of invoice {}, {} {}: {} to {}, noticed {}, of {}, posted in {}",
            readable(&row.delta),
            row.dataset,
            if row.invoice_number.is_empty() {
                "(no number)"
            } else {
                &row.invoice_number
            },
            row.currency,
            if row.etag_before == row.etag_after {
                ""
            } else {
                "under another eTag"
            },
            readable(&row.amount_before),
            readable(&row.amount_after),
            row.noticed_at,
            row.stream.period,
            row.posted_in
        );
        page.wrapped(2, &text.replace(" :", ":"));
    }
}
