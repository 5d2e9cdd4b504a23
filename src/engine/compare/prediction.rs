//! What the invoice's own rounding makes of the usage of a group: the subtotal is predicted, not
//! allowed to differ.
//!
//! Usage and lines of a group are cut into cells by description and price adjustment. The usage
//! behind a single line is known, and the held rule gives its subtotal to the cent. Where several
//! lines share their usage, how it is split among them cannot be known: their own arithmetic must
//! hold at the usage's rate, and together they may have lost no more than rounding takes from so
//! many lines. Usage without a line must round to nothing, and a line without usage is owed nothing:
//! no rule makes a cent out of no usage.
//!
//! Only three things widen a prediction to an interval: digits that were cut off before the numbers
//! were written, usage that cannot be told apart between lines, and an invoice whose lines agree on
//! no rule.

use std::sync::Arc;

use super::charge::{Charge, UsageSum};
use super::invoice_practice::{HeldRule, InvoicePractice};
use super::line_numbers::LineNumbers;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::rounding::{Line, Rule, Rules};
use crate::engine::rules::rounding_bounds::{Bounds, LinesAtOneRate};
use crate::model::currency::minor_digits;
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_SCALE, RATE_SCALE, Rounding, multiply, power_of_ten, rescale,
};

/// Subtotal that rounding alone makes of a group's usage, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prediction {
    /// Least subtotal that rounding can make.
    pub(super) low: i128,
    /// Subtotal that it makes of the numbers as they are written.
    pub(super) nominal: i128,
    /// Greatest subtotal that it can make.
    pub(super) high: i128,
    /// How far rounding can move the lines' sum from that of the usage, on either side: what a part
    /// of a larger variance may be called rounding for.
    pub(super) bounds: Bounds,
    /// True if some usage could not be told apart between lines.
    pub(super) is_shared: bool,
    /// Subtotals of the lines less what the held rule makes of their own numbers.
    pub(super) off_rule: i128,
}

/// Predictions of the groups of a match.
pub(super) struct Predictor<'t> {
    totals: &'t Folded,
    rules: &'t Rules,
    practice: &'t InvoicePractice,
    usage: UsageColumns<'t>,
    /// Description, adjustment, rate, invoice and currency of each usage row.
    of_usage: [&'t [u32]; 5],
    lines: LineNumbers<'t>,
    /// Description, adjustment, invoice and currency of each row of lines.
    of_lines: [&'t [u32]; 4],
    /// Names of the rules, in their order.
    names: Vec<Arc<str>>,
}

/// Rows of a group that share a description and a price adjustment.
struct Cell {
    name: [u32; 2],
    usage: Vec<u32>,
    lines: Vec<u32>,
}

/// What the cells of a group have in common.
struct Terms<'r> {
    held: HeldRule,
    /// Rule that is held.
    rule: &'r Rule,
    /// Rate of most lines of the invoice, in units of 10^-18.
    usual_rate: Option<i128>,
    /// Decimals of the billing currency.
    digits: u32,
}

impl<'t> Predictor<'t> {
    pub(super) fn new(
        totals: &'t Folded,
        matching: &'t Matching,
        rules: &'t Rules,
        practice: &'t InvoicePractice,
    ) -> Self {
        let usage = UsageColumns::of(&totals.usage);
        let lines = LineNumbers::of(totals);
        Self {
            totals,
            rules,
            practice,
            usage,
            of_usage: [
                &matching.described,
                usage.codes(Part::Adjustment),
                usage.codes(Part::Rate),
                usage.codes(Part::Invoice),
                usage.codes(Part::Currency),
            ],
            lines,
            of_lines: [
                Part::Description,
                Part::Adjustment,
                Part::Invoice,
                Part::Currency,
            ]
            .map(|part| lines.columns.codes(part)),
            names: rules
                .all()
                .iter()
                .map(|rule| Arc::from(rule.name.as_ref()))
                .collect(),
        }
    }

    /// Name of the rule that is held for the lines of an invoice; `None` where they agree on none.
    pub(super) fn rule_name(&self, invoice: u32) -> Option<Arc<str>> {
        let held = self.practice.rule_of(invoice);
        held.is_learned.then(|| Arc::clone(&self.names[held.rule]))
    }

    /// Prediction for a group of rows, of which there is at least one; `None` on overflow.
    pub(super) fn predict(&self, usage: &[u32], lines: &[u32]) -> Option<Prediction> {
        let [.., used_in, used_currency] = self.of_usage;
        let [_, _, billed_in, billed_currency] = self.of_lines;
        let (invoice, currency) = match (usage.first(), lines.first()) {
            (_, Some(row)) => (billed_in[*row as usize], billed_currency[*row as usize]),
            (Some(row), _) => (used_in[*row as usize], used_currency[*row as usize]),
            (None, None) => unreachable!("a match has a member"),
        };
        let held = self.practice.rule_of(invoice);
        let terms = Terms {
            held,
            rule: &self.rules.all()[held.rule],
            usual_rate: self.practice.rate_of(invoice, currency),
            digits: minor_digits(self.totals.vocabulary.text(Domain::Currency, currency)),
        };
        let mut whole = Prediction::default();
        if self.count(lines) <= 1 {
            // All usage is behind the only line, whatever either calls itself.
            self.add_cell(&mut whole, &terms, usage, lines)?;
            return Some(whole);
        }
        for cell in self.cells(usage, lines) {
            self.add_cell(&mut whole, &terms, &cell.usage, &cell.lines)?;
        }
        Some(whole)
    }

    fn count(&self, lines: &[u32]) -> u64 {
        let rows = lines
            .iter()
            .map(|row| self.lines.columns.rows[*row as usize]);
        rows.sum()
    }

    /// Cells of a group with several lines: those that both sides name alike, and one of all the
    /// rest.
    fn cells(&self, usage: &[u32], lines: &[u32]) -> Vec<Cell> {
        let [described, adjusted, ..] = self.of_usage;
        let [billed_as, billed_at, ..] = self.of_lines;
        let mut cells: Vec<Cell> = Vec::new();
        for row in lines {
            let name = [billed_as[*row as usize], billed_at[*row as usize]];
            match cells.iter_mut().find(|cell| cell.name == name) {
                Some(cell) => cell.lines.push(*row),
                None => cells.push(Cell {
                    name,
                    usage: Vec::new(),
                    lines: vec![*row],
                }),
            }
        }
        let mut rest = Cell {
            name: [0; 2],
            usage: Vec::new(),
            lines: Vec::new(),
        };
        for row in usage {
            let name = [described[*row as usize], adjusted[*row as usize]];
            match cells.iter_mut().find(|cell| cell.name == name) {
                Some(cell) => cell.usage.push(*row),
                None => rest.usage.push(*row),
            }
        }
        let (mut cells, unused): (Vec<Cell>, Vec<Cell>) =
            cells.into_iter().partition(|cell| !cell.usage.is_empty());
        rest.lines
            .extend(unused.into_iter().flat_map(|cell| cell.lines));
        if !rest.usage.is_empty() || !rest.lines.is_empty() {
            cells.push(rest);
        }
        cells
    }

    fn add_cell(
        &self,
        whole: &mut Prediction,
        terms: &Terms<'_>,
        usage: &[u32],
        lines: &[u32],
    ) -> Option<()> {
        let [_, _, rates, ..] = self.of_usage;
        let sums = UsageSum::of_rows(&self.usage, rates, usage);
        let charges: Vec<Charge> = sums
            .iter()
            .map(|sum| Charge::of(sum, terms.usual_rate, &self.totals.vocabulary))
            .collect::<Option<_>>()?;
        let cell = self.predict_cell(terms, &sums, &charges, lines)?;
        whole.low = whole.low.checked_add(cell.low)?;
        whole.nominal = whole.nominal.checked_add(cell.nominal)?;
        whole.high = whole.high.checked_add(cell.high)?;
        whole.bounds = whole.bounds.plus(cell.bounds)?;
        whole.is_shared |= cell.is_shared;
        whole.off_rule = whole.off_rule.checked_add(self.off_rule(terms, lines)?)?;
        Some(())
    }

    /// Prediction of a cell: its usage of each exchange rate, and its lines.
    fn predict_cell(
        &self,
        terms: &Terms<'_>,
        sums: &[UsageSum],
        charges: &[Charge],
        lines: &[u32],
    ) -> Option<Prediction> {
        let mut cell = Prediction::default();
        // Each rate is a line of its own, as far as is known: one line has one rate.
        for (sum, charge) in sums.iter().zip(charges) {
            let of_rate = self.of_one_line(terms, sum, charge)?;
            cell.low = cell.low.checked_add(of_rate.low)?;
            cell.nominal = cell.nominal.checked_add(of_rate.nominal)?;
            cell.high = cell.high.checked_add(of_rate.high)?;
            cell.bounds = cell.bounds.plus(of_rate.bounds)?;
        }
        let count = self.count(lines);
        let Some(charge) = charges.first() else {
            return Some(cell);
        };
        if count.max(charges.len() as u64) > 1 && count > 0 {
            self.share(terms, &mut cell, sums, charge, lines)?;
        }
        Some(cell)
    }

    /// Prediction of usage that stands on one line.
    fn of_one_line(
        &self,
        terms: &Terms<'_>,
        sum: &UsageSum,
        charge: &Charge,
    ) -> Option<Prediction> {
        let made = |rule: &Rule, pricing: i128| {
            rule.subtotal_of_charge(pricing, sum.quantity, charge.rate, terms.digits)
        };
        let nominal = made(terms.rule, snapped(charge, terms.rule.pricing_digits)?)?;
        let (mut low, mut high) = (
            made(terms.rule, charge.low)?,
            made(terms.rule, charge.high)?,
        );
        if !terms.held.is_learned {
            for rule in self.rules.all().iter().filter(|rule| rule.is_of_usage) {
                low = low.min(made(rule, charge.low)?);
                high = high.max(made(rule, charge.high)?);
            }
        }
        let digits = multiply(
            (charge.digits(), AMOUNT_SCALE),
            (charge.rate, RATE_SCALE),
            AMOUNT_SCALE,
            Rounding::HalfUp,
        )?
        .checked_abs()?;
        let bounds = self.bounds(terms, sum, charge, 1)?.plus(Bounds {
            below: digits,
            // Cutting rows to cents makes usage smaller only, so that the invoice can be larger
            // only.
            above: digits.checked_add(charge.floored)?,
        })?;
        Some(Prediction {
            low: low.min(high).min(nominal),
            nominal,
            high: high.max(low).max(nominal),
            bounds,
            ..Prediction::default()
        })
    }

    /// How far rounding can move the sum of `count` lines from that of their usage.
    fn bounds(
        &self,
        terms: &Terms<'_>,
        sum: &UsageSum,
        charge: &Charge,
        count: u64,
    ) -> Option<Bounds> {
        let lines = LinesAtOneRate {
            count,
            rate: charge.rate,
            quantity: sum.quantity,
            subtotal: sum.billing,
            digits: terms.digits,
        };
        if terms.held.is_learned {
            Bounds::of_rule(terms.rule, lines)
        } else {
            Bounds::of_lines(self.rules, lines)
        }
    }

    /// Widens a prediction to several lines that share its usage: what their own arithmetic gives
    /// at the usage's rate, if rounding so many lines can make it of the usage.
    fn share(
        &self,
        terms: &Terms<'_>,
        cell: &mut Prediction,
        sums: &[UsageSum],
        charge: &Charge,
        lines: &[u32],
    ) -> Option<()> {
        let count = self.count(lines).max(sums.len() as u64);
        let whole = UsageSum {
            quantity: sums.iter().map(|sum| sum.quantity).sum(),
            billing: sums.iter().map(|sum| sum.billing).sum(),
            ..*sums.first()?
        };
        // One line is in the bounds already.
        cell.bounds = cell
            .bounds
            .plus(self.bounds(terms, &whole, charge, count - 1)?)?;
        cell.is_shared = true;
        let least = whole.billing.checked_sub(cell.bounds.below)?;
        let most = whole.billing.checked_add(cell.bounds.above)?;
        let Some(own) = self.own_arithmetic(terms, charge.rate, lines)? else {
            // Without prices nothing is known of the lines but their number.
            (cell.low, cell.high) = (least.min(cell.low), most.max(cell.high));
            return Some(());
        };
        if (least..=most).contains(&own) {
            (cell.low, cell.nominal, cell.high) = (own, own, own);
        }
        Some(())
    }

    /// Subtotals that the held rule makes of the lines' own prices and quantities at the usage's
    /// rate; the inner value is `None` where a line has no price, the outer one on overflow.
    #[expect(clippy::option_option, reason = "overflow is no missing price")]
    fn own_arithmetic(&self, terms: &Terms<'_>, rate: i128, lines: &[u32]) -> Option<Option<i128>> {
        let mut own = 0_i128;
        for row in lines.iter().map(|row| *row as usize) {
            let Some(line) = self.lines.line(row) else {
                return Some(None);
            };
            let made = terms.rule.subtotal(Line { rate, ..line })?;
            own = own.checked_add(made.checked_mul(self.lines.count(row))?)?;
        }
        Some(Some(own))
    }

    /// Subtotals of lines less what the held rule makes of their own numbers; lines without a price
    /// have no such distance.
    fn off_rule(&self, terms: &Terms<'_>, lines: &[u32]) -> Option<i128> {
        let mut off = 0_i128;
        for row in lines.iter().map(|row| *row as usize) {
            if let Some(line) = self.lines.line(row) {
                let each = terms.rule.distance(line, self.lines.subtotal(row))?;
                off = off.checked_add(each.checked_mul(self.lines.count(row))?)?;
            }
        }
        Some(off)
    }
}

/// A charge as Microsoft had it before its digits were cut: the whole cents that the written digits
/// allow, as meters are charged in cents ([semantics §3](crate::model::domain::semantics), effective
/// unit price); else as it is written. `None` on overflow.
fn snapped(charge: &Charge, digits: u32) -> Option<i128> {
    if charge.low == charge.high || digits > PUBLISHED_SCALE {
        return Some(charge.written);
    }
    let cents = rescale(charge.written, AMOUNT_SCALE, digits, Rounding::HalfUp)?;
    let whole = cents.checked_mul(power_of_ten(AMOUNT_SCALE - digits))?;
    let is_allowed = (charge.low..=charge.high).contains(&whole);
    Some(if is_allowed { whole } else { charge.written })
}
