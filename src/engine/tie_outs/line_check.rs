//! Subtotal that a line should have by its own numbers and the practice of its invoice, and what
//! the lines of an invoice came to, as a run's summary tells it.

use std::sync::OnceLock;

use hashbrown::HashSet;

use crate::engine::compare::exchange_rate::written_rate;
use crate::engine::compare::invoice_practice::InvoicePractice;
use crate::engine::compare::line_numbers::LineNumbers;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::rounding::{Line, Rules};

/// Name in place of a rule's, for a line without a price to try a rule with.
pub const NO_PRICE: &str = "no_price";
/// Name in place of a rule's, for a line whose subtotal no rule gives.
pub const UNKNOWN: &str = "unknown";

/// Largest subtotal that is expected of a line, in units of 10^-20: 10^14 in whole units. A price
/// past all sense is none, as its line could be summed with no other.
const LARGEST: i128 = GROSS_LIMIT / 2_000;

/// Lines that depart from what they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departures {
    /// Number of source lines.
    pub lines: u64,
    /// Sum of what is too much, in units of 10^-10; not negative.
    pub above: i128,
    /// Sum of what is too little, in units of 10^-10; not positive.
    pub below: i128,
}

impl Departures {
    pub(super) fn add(&mut self, lines: u64, amount: i128) {
        self.lines += lines;
        // No overflow: published amounts, each below `LARGEST` or the gross limit of the lines.
        *(if amount > 0 {
            &mut self.above
        } else {
            &mut self.below
        }) += amount;
    }

    /// Signed sum, in units of 10^-10; positive where the invoice asks for too much.
    #[must_use]
    pub fn sum(&self) -> i128 {
        self.above + self.below
    }
}

/// What the lines of one invoice and currency came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineCheck {
    /// Number of the invoice.
    pub invoice: String,
    /// Code of the billing currency.
    pub currency: String,
    /// Lines that have no usable price, and whose subtotal was not recomputed.
    pub without_price: u64,
    /// Sum of their subtotals, in units of 10^-20.
    pub without_price_amount: i128,
    /// Lines off the rule that is held, or, of licences, off all rules.
    pub off_rule: Departures,
    /// Lines at another rate than the others, with what they would be at the common rate.
    pub other_rates: Departures,
    /// Lines whose Total is not Subtotal and TaxTotal.
    pub wrong_totals: Departures,
}

impl LineCheck {
    pub(super) fn name(&mut self, vocabulary: &Vocabulary, invoice: u32, currency: u32) {
        vocabulary
            .text(Domain::Invoice, invoice)
            .clone_into(&mut self.invoice);
        vocabulary
            .text(Domain::Currency, currency)
            .clone_into(&mut self.currency);
    }
}

/// Subtotal that a line should have.
pub(super) struct Expected {
    /// In units of 10^-20.
    pub(super) subtotal: i128,
    /// Name of the rule by which the line's own numbers give its subtotal, or [`UNKNOWN`]; empty for
    /// a line that is as it should be.
    pub(super) obeyed: String,
    /// For a line whose rate is not that of the others: true if its subtotal follows from its own
    /// rate. `None` for any other line.
    pub(super) other_rate: Option<bool>,
}

/// Checker of the lines of one frame.
pub(super) struct LineChecker<'t> {
    pub(super) numbers: LineNumbers<'t>,
    totals: &'t Folded,
    rules: &'t Rules,
    practice: &'t InvoicePractice,
    /// Invoice, billing and pricing currency, customer and subscription of each row.
    of_row: [&'t [u32]; 5],
    /// Rates of usage by account and currency; made once a line departs, which is rare.
    used: OnceLock<HashSet<([u32; 3], i128)>>,
}

impl<'t> LineChecker<'t> {
    pub(super) fn new(totals: &'t Folded, rules: &'t Rules, practice: &'t InvoicePractice) -> Self {
        let numbers = LineNumbers::of(totals);
        Self {
            numbers,
            totals,
            rules,
            practice,
            of_row: [
                Part::Invoice,
                Part::Currency,
                Part::PricingCurrency,
                Part::Customer,
                Part::Subscription,
            ]
            .map(|part| numbers.columns.codes(part)),
            used: OnceLock::new(),
        }
    }

    /// Subtotal that each line of a row should have; `None` where the line has no usable price.
    pub(super) fn expected(&self, row: usize) -> Option<Expected> {
        let line = self.numbers.line(row)?;
        let subtotal = self.numbers.subtotal(row);
        let is_metered = self.numbers.is_metered(row);
        let (made, other_rate) = if is_metered {
            let [invoice, ..] = self.of_row;
            let held = self.practice.rule_of(invoice[row]);
            let rule = &self.rules.all()[held.rule];
            match self.common_rate(row, line.rate) {
                Some(rate) => {
                    let by_own_rate = rule.subtotal(line) == Some(subtotal);
                    (rule.subtotal(Line { rate, ..line })?, Some(by_own_rate))
                }
                None => (rule.subtotal(line)?, None),
            }
        } else {
            (self.nearest(line, subtotal)?, None)
        };
        let is_as_expected = made == subtotal && other_rate.is_none();
        (made.checked_abs()? <= LARGEST).then(|| Expected {
            subtotal: made,
            obeyed: if is_as_expected {
                String::new()
            } else {
                self.obeyed(line, subtotal, is_metered)
            },
            other_rate,
        })
    }

    /// Of the subtotals that all rules give, the one nearest to a line's; of equally near ones that
    /// of the first rule.
    fn nearest(&self, line: Line, subtotal: i128) -> Option<i128> {
        let rules = self.rules.all().iter();
        let made = rules.filter_map(|rule| rule.subtotal(line));
        made.min_by_key(|made| made.abs_diff(subtotal))
    }

    fn obeyed(&self, line: Line, subtotal: i128, is_metered: bool) -> String {
        let fitting = self.rules.that_fits(line, subtotal, is_metered);
        fitting.map_or_else(|| UNKNOWN.to_owned(), |rule| rule.name.to_string())
    }

    /// Rate of the other lines of the invoice and pair of currencies; `None` where a row has it, or
    /// where usage of the row's account has the row's rate: the comparison with usage tells of it
    /// then.
    fn common_rate(&self, row: usize, rate: i128) -> Option<i128> {
        let [invoice, billing, pricing, customer, subscription] =
            self.of_row.map(|codes| codes[row]);
        let common = self.practice.common_rate(invoice, [billing, pricing])?;
        if common == rate {
            return None;
        }
        let used = self.used.get_or_init(|| self.rates_of_usage());
        let is_used = used.contains(&([customer, subscription, billing], rate));
        (!is_used).then_some(common)
    }

    fn rates_of_usage(&self) -> HashSet<([u32; 3], i128)> {
        let usage = UsageColumns::of(&self.totals.usage);
        let [customers, subscriptions, currencies, rates] = [
            Part::Customer,
            Part::Subscription,
            Part::Currency,
            Part::Rate,
        ]
        .map(|part| usage.codes(part));
        let rows = 0..rates.len();
        rows.filter_map(|row| {
            let rate = written_rate(&self.totals.vocabulary, rates[row])?;
            let account = [customers[row], subscriptions[row], currencies[row]];
            Some((account, rate))
        })
        .collect()
    }
}
