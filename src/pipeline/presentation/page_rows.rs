//! Rows of a page: the figures of a run in the words and the number that a page has room for.

use super::break_lines::BreakLine;
use super::customers::CustomerFigures;
use super::largest::CurrencyRows;
use super::ledger_part::LedgerPart;
use super::money::{CountedSum, Money};
use super::page_drawings::{Bar, share};
use super::page_words::{Name, counted, days_words, grouped, plain_words};
use super::verdicts::{DepartedLines, Verdict};

/// Rows of all lists of one kind, over all currencies.
const MOST_BREAKS: usize = 200;
const MOST_HEADERS: usize = 50;
const MOST_CUSTOMERS: usize = 200;
/// Currencies of a list, and rows that each of them has at least.
const MOST_CURRENCIES: usize = 30;

/// Line of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerdictLine {
    pub(super) words: &'static str,
    pub(super) amount: Money,
    pub(super) note: String,
    /// Class of the line: `part` for a part of the line above it.
    pub(super) kind: &'static str,
}

/// Verdict of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerdictBlock {
    pub(super) invoice: Name,
    pub(super) currency: Name,
    /// Sum of the lines of the invoice.
    pub(super) lines_sum: Money,
    pub(super) breaks: u64,
    pub(super) lines: Vec<VerdictLine>,
    /// Share that was checked; `None` where the lines come to nothing.
    pub(super) checked: Option<Bar>,
    /// What of the invoice was checked, in words.
    pub(super) coverage: String,
}

impl VerdictBlock {
    /// Verdict in a word or two.
    pub(super) fn words(&self) -> String {
        match (self.breaks, self.checked.as_ref().map(|bar| bar.width)) {
            (0, Some(0)) => "not checkable".to_owned(),
            (0, _) => "ties".to_owned(),
            (breaks, _) => counted(breaks, "break"),
        }
    }

    /// Class of the verdict: `good`, `bad`, or none where nothing was checked.
    pub(super) fn class(&self) -> &'static str {
        match (self.breaks, self.checked.as_ref().map(|bar| bar.width)) {
            (0, Some(0)) => "",
            (0, _) => "good",
            _ => "bad",
        }
    }
}

/// Words and figures of a verdict, in the order of a run's summary.
pub(super) fn verdict(of: &Verdict) -> VerdictBlock {
    VerdictBlock {
        invoice: Name::of(&of.invoice_number),
        currency: Name::of(&of.currency),
        lines_sum: of.lines(),
        breaks: of.breaks(),
        lines: verdict_lines(of),
        checked: of
            .not_checkable_per_mille()
            .map(|apart| share(1_000 - apart)),
        coverage: match of.not_checkable_percent() {
            None => String::new(),
            Some(none) if none == "0.0" => "all of the invoice is checked".to_owned(),
            Some(percent) => format!("{percent} % of the invoice is not checkable here"),
        },
    }
}

/// Lines below the sum of an invoice.
fn verdict_lines(of: &Verdict) -> Vec<VerdictLine> {
    let mut lines = Vec::new();
    let mut line = |words, amount, note: String, kind| {
        lines.push(VerdictLine {
            words,
            amount,
            note,
            kind,
        });
    };
    let ties = match of.breaks() {
        0 => "ties",
        _ => "ties but for:",
    };
    line("checked against usage", of.checked, ties.to_owned(), "");
    let mut sums = |words, sum: CountedSum, noun: &str, kind| {
        if sum.count > 0 {
            line(words, sum.amount, counted(sum.count, noun), kind);
        }
    };
    sums("over-billed", of.over_billed, "break", "part");
    sums("under-billed", of.under_billed, "break", "part");
    line("rounding", of.rounding, rounding_words(of), "part");
    if of.tolerated.shown() != "0.00" {
        let note = "passed over by a tolerance of the pipeline".to_owned();
        line("tolerated", of.tolerated, note, "part");
    }
    let departed = [
        ("off rule", of.off_rule),
        ("at another rate", of.other_rate),
        ("wrong in total", of.wrong_total),
    ];
    for (words, lines) in departed {
        if lines.lines > 0 {
            line(words, lines.amount(), departed_words(lines), "part");
        }
    }
    if of.breaks() > 0 {
        line("without a cause", of.without_cause, String::new(), "part");
    }
    let mut sums = |words, sum: CountedSum, noun: &str| {
        if sum.count > 0 {
            line(words, sum.amount, counted(sum.count, noun), "");
        }
    };
    sums("awaited", of.awaited, "group");
    sums("copies in usage", of.usage_copies, "row");
    sums("copies in the invoice", of.line_copies, "line");
    for (kind, amount) in &of.not_checkable {
        line("not checkable here", *amount, plain_words(kind), "");
    }
    if of.settled_elsewhere.shown() != "0.00" {
        let note = "what other invoices void or bill again, in the groups under them".to_owned();
        line("settled elsewhere", of.settled_elsewhere, note, "");
    }
    lines
}

/// Proof of an invoice's rounding, in words.
fn rounding_words(of: &Verdict) -> String {
    match (of.rounding_rule.as_str(), of.bounded_groups) {
        ("", 0) if of.exact_groups == 0 => String::new(),
        ("", _) => "bounded, not proven: its lines agree on no rule".to_owned(),
        (rule, 0) => format!("proven, {}", plain_words(&Name::of(rule).shown)),
        (rule, bounded) => format!(
            "{}; proven in {}, bounded in {bounded}",
            plain_words(&Name::of(rule).shown),
            counted(of.exact_groups, "group")
        ),
    }
}

fn departed_words(lines: DepartedLines) -> String {
    let words = counted(lines.lines, "line");
    let [above, below] = [lines.above, lines.below.abs()].map(Money::shown);
    match above != "0.00" && below != "0.00" {
        true => format!("{words}: {above} too much, {below} too little"),
        false => words,
    }
}

/// Rows of one currency that a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageRows<T> {
    pub(super) currency: Name,
    pub(super) rows: Vec<T>,
    pub(super) count: u64,
    pub(super) more: u64,
    pub(super) net: Money,
    pub(super) gross: Money,
}

impl<T> PageRows<T> {
    /// Number of all rows, for a macro, which cannot ask the page.
    pub(super) fn grouped_count(&self) -> String {
        grouped(self.count)
    }

    /// Number of the rows that are not shown, for the same macro.
    pub(super) fn grouped_more(&self) -> String {
        grouped(self.more)
    }
}

/// Break of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShownBreak {
    pub(super) id: String,
    /// Name of the comparison, where a reader would not take a break to be of it.
    pub(super) tie_out: String,
    pub(super) customer: Name,
    pub(super) item: Name,
    pub(super) sides: [Money; 2],
    pub(super) difference: Money,
    pub(super) cause: String,
    /// Narrowest thing that holds it alone, and days of usage; empty where nothing is known.
    pub(super) narrowest: String,
    pub(super) days: String,
    /// Names and values of what is shown on demand.
    pub(super) details: Vec<(&'static str, Name)>,
    pub(super) state: String,
}

/// Lists of breaks by currency, each with its largest rows.
pub(super) fn break_lists(
    lists: &[CurrencyRows<BreakLine>],
    ledger: Option<&LedgerPart>,
) -> Vec<PageRows<ShownBreak>> {
    page_rows(lists, MOST_BREAKS, |line| break_row(line, ledger))
}

/// Lists of breaks of invoice headers, which are few.
pub(super) fn header_lists(
    lists: &[CurrencyRows<BreakLine>],
    ledger: Option<&LedgerPart>,
) -> Vec<PageRows<ShownBreak>> {
    page_rows(lists, MOST_HEADERS, |line| break_row(line, ledger))
}

/// Rows by currency of which a page shows the largest.
fn page_rows<T, R>(
    lists: &[CurrencyRows<T>],
    most: usize,
    row: impl Fn(&T) -> R,
) -> Vec<PageRows<R>> {
    let most = most / lists.len().clamp(1, MOST_CURRENCIES);
    let shown = lists.iter().take(MOST_CURRENCIES).map(|list| {
        let rows: Vec<R> = list.rows.iter().take(most).map(&row).collect();
        PageRows {
            currency: Name::of(&list.currency),
            count: list.count,
            more: list.count - rows.len() as u64,
            rows,
            net: list.net,
            gross: list.gross,
        }
    });
    shown.collect()
}

fn break_row(line: &BreakLine, ledger: Option<&LedgerPart>) -> ShownBreak {
    let evidence = line.evidence.as_ref();
    let days = evidence.map_or_else(String::new, |found| {
        days_words(found.first_day, found.last_day)
    });
    let narrowest = evidence.map_or("", |found| &found.narrowest_level);
    let resource = evidence.map_or("", |found| &found.resource_uri);
    let rows = counted(line.usage_rows, "usage row");
    let rows = format!("{rows}, {}", counted(line.invoice_lines, "invoice line"));
    let details = [
        ("Invoice", line.invoice_number.as_str()),
        ("Customer", &line.customer_id),
        ("Subscription", &line.subscription_id),
        ("Product", &line.product_id),
        ("SKU", &line.sku_id),
        ("Charge type", &line.charge_type),
        ("Resource", resource),
        ("Made up for by", &line.counterpart),
        ("Rows", &rows),
    ];
    let state = ledger.and_then(|ledger| ledger.break_of(&line.break_id));
    ShownBreak {
        id: line.break_id.clone(),
        tie_out: match line.tie_out.as_str() {
            "usage-to-invoice" | "lines-to-invoice" => String::new(),
            other => other.to_owned(),
        },
        customer: Name::of(line.customer()),
        item: Name::of(line.item()),
        sides: line.sides(),
        difference: line.difference,
        cause: plain_words(&line.cause),
        narrowest: plain_words(narrowest),
        days,
        details: details
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, Name::of(text)))
            .collect(),
        state: state.map_or_else(String::new, |one| {
            let known = &one.known;
            let who = match known.ticket.as_str() {
                "" => &known.owner,
                ticket => ticket,
            };
            let who = Name::of(who).shown;
            let days = counted(u64::try_from(one.age_days).unwrap_or(0), "day");
            format!("{} {who}, {days}", known.state.name()).replace(" ,", ",")
        }),
    }
}

/// Customers by currency: those with the largest differences, and with `of` those who have it.
pub(super) fn customer_lists(
    customers: &[CustomerFigures],
    of: impl Fn(&CustomerFigures) -> Money,
    is_shown: impl Fn(&CustomerFigures) -> bool,
) -> Vec<PageRows<CustomerFigures>> {
    let same = |one: &CustomerFigures, next: &CustomerFigures| one.currency == next.currency;
    let lists = customers.chunk_by(same).map(|chunk| {
        let mut rows: Vec<CustomerFigures> =
            chunk.iter().filter(|one| is_shown(one)).cloned().collect();
        rows.sort_by_key(|one| std::cmp::Reverse(of(one).abs()));
        CurrencyRows {
            currency: chunk[0].currency.clone(),
            count: rows.len() as u64,
            net: rows.iter().map(&of).sum(),
            gross: rows.iter().map(|one| of(one).abs()).sum(),
            rows,
        }
    });
    let lists: Vec<CurrencyRows<CustomerFigures>> =
        lists.filter(|list| !list.rows.is_empty()).collect();
    page_rows(&lists, MOST_CUSTOMERS, Clone::clone)
}
