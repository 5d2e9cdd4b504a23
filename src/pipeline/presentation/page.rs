//! The page: one HTML file that stands alone. Nothing in it asks for anything from outside, and all of
//! it can be read without its script.

use std::borrow::Borrow;
use std::io::{self, Write};

use askama::Template;

use super::bridges::UsageBridge;
use super::customers::CustomerFigures;
use super::late_usage::LateUsage;
use super::ledger_part::{ChangedLine, LedgerPart, RestatedLine, unit_words};
use super::money::Money;
use super::page_drawings::{self, DrawnBridge};
use super::page_rows::{
    PageRows, ShownBreak, VerdictBlock, break_lists, customer_lists, header_lists, verdict,
};
use super::page_words::{Name, SourceHash, counted, days_words, grouped, plain_words};
use super::report_figures::ReportFigures;
use crate::ledger::accruals::Accrual;
use crate::ledger::roll_forward::RollForwardRow;
use crate::model::printable::printable;
use crate::reports::manifest::{ControlTotal, Input};

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// Rows of tables that have no size to sort by.
const MOST: usize = 200;

/// Characters of a sentence, of the end of a path, and of the beginning of a hash.
const LONGEST: usize = 600;
const PATH_SHOWN: usize = 70;
const HASH_SHOWN: usize = 12;

/// Page of a run.
#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'f> {
    figures: &'f ReportFigures,
    style: &'static str,
    script: &'static str,
    style_hash: SourceHash,
    script_hash: SourceHash,
    period: String,
    verdicts: Vec<VerdictBlock>,
    bridges: Vec<DrawnBridge>,
    breaks: Vec<PageRows<ShownBreak>>,
    header_breaks: Vec<PageRows<ShownBreak>>,
    customers: Vec<PageRows<CustomerFigures>>,
    credit_lost: Vec<PageRows<CustomerFigures>>,
    ledger: Option<&'f LedgerPart>,
}

/// Writes the page of a run.
///
/// # Errors
/// That of the writer.
pub fn write_page(figures: &ReportFigures, out: &mut dyn Write) -> io::Result<()> {
    let ledger = figures.ledger.as_ref();
    let page = ReportPage {
        figures,
        style: STYLE,
        script: SCRIPT,
        style_hash: SourceHash(STYLE),
        script_hash: SourceHash(SCRIPT),
        period: figures.period_words(),
        verdicts: figures.verdicts.iter().take(MOST).map(verdict).collect(),
        bridges: drawn(&figures.bridges),
        breaks: break_lists(&figures.breaks, ledger),
        header_breaks: header_lists(&figures.header_breaks, ledger),
        customers: customer_lists(&figures.customers, |one| one.gross, |_| true),
        credit_lost: customer_lists(
            &figures.customers,
            |one| one.credit_lost.amount,
            |one| one.credit_lost.count > 0,
        ),
        ledger,
    };
    page.write_into(out)
}

fn drawn(bridges: &[UsageBridge]) -> Vec<DrawnBridge> {
    bridges
        .iter()
        .take(MOST)
        .map(page_drawings::bridge)
        .collect()
}

/// The rows of a table that a page shows.
fn first<T>(rows: &[T]) -> &[T] {
    &rows[..rows.len().min(MOST)]
}

// What the template asks for by name.
impl ReportPage<'_> {
    fn name(&self, text: impl AsRef<str>) -> Name {
        Name::of(text.as_ref())
    }

    fn words(&self, name: impl AsRef<str>) -> String {
        plain_words(name.as_ref())
    }

    fn counted(&self, count: impl Borrow<u64>, noun: &str) -> String {
        counted(*count.borrow(), noun)
    }

    fn grouped(&self, count: impl Borrow<u64>) -> String {
        grouped(*count.borrow())
    }

    fn days(&self, late: &LateUsage) -> String {
        match late.days {
            Some((first, last)) => days_words(Some(first), Some(last)),
            None => "not known".to_owned(),
        }
    }

    fn late(&self) -> &[LateUsage] {
        first(&self.figures.late_usage)
    }

    fn changes<'l>(&self, ledger: &'l LedgerPart) -> &'l [ChangedLine] {
        first(&ledger.changes)
    }

    fn rolled_rows<'l>(&self, ledger: &'l LedgerPart) -> &'l [RollForwardRow] {
        first(&ledger.roll_forward)
    }

    /// Items of a list behind those that a page shows.
    fn more(&self, all: usize) -> u64 {
        all.saturating_sub(MOST) as u64
    }

    fn restated<'l>(&self, ledger: &'l LedgerPart) -> &'l [RestatedLine] {
        first(&ledger.restatements)
    }

    fn accrued<'l>(&self, ledger: &'l LedgerPart) -> &'l [Accrual] {
        first(&ledger.accruals)
    }

    fn accruals(&self, row: &Accrual) -> [Money; 3] {
        [row.usage_without_line, row.unbilled_usage, row.credits_due].map(Money::of)
    }

    fn inputs(&self) -> &[Input] {
        first(&self.figures.inputs)
    }

    fn warnings(&self) -> &[String] {
        first(&self.figures.warnings)
    }

    fn laws(&self) -> &[ControlTotal] {
        first(&self.figures.control_totals)
    }

    /// A sentence, cut where it would fill the page.
    fn long(&self, text: impl AsRef<str>) -> String {
        let mut characters = text.as_ref().chars().map(printable);
        let shown: String = characters.by_ref().take(LONGEST).collect();
        match characters.next() {
            None => shown,
            Some(_) => shown + "…",
        }
    }

    /// The end of a path, which says more than its beginning.
    fn end_of(&self, path: &str) -> String {
        let characters: Vec<char> = path.chars().map(printable).collect();
        match characters.len().checked_sub(PATH_SHOWN) {
            None | Some(0) => characters.into_iter().collect(),
            Some(cut) => ['…'].iter().chain(&characters[cut + 1..]).collect(),
        }
    }

    /// The beginning of a hash, by which it is told from others.
    fn begin_of(&self, hash: &str) -> String {
        hash.chars().take(HASH_SHOWN).collect()
    }

    fn unit(&self, tie_out: &str, currency: &str) -> String {
        unit_words(tie_out, currency)
    }

    fn rolled(&self, row: &RollForwardRow) -> [Money; 6] {
        [
            row.opening,
            row.new,
            row.moved,
            -row.resolved,
            -row.accepted,
            row.closing,
        ]
        .map(Money::of)
    }
}
