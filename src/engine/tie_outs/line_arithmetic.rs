//! `line-arithmetic`: each line's own numbers, held against each other.
//!
//! A metered line is expected to be what the rule that is held for its invoice makes of its price,
//! quantity and rate ([`InvoicePractice`]); a licence line what any of the rules makes of them, as
//! Microsoft's examples contradict each other ([semantics §3](crate::model::domain::semantics)).
//! Nothing is allowed for: any other subtotal is off by a known amount. The rate itself must be that
//! of the other lines of the invoice and pair of currencies, unless the account's usage has it, too;
//! and every Total must be Subtotal and TaxTotal.
//!
//! Lines that are as they should be are one row for each invoice and currency; each other line is a
//! group of its own. What was found is added up over the parts of the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::line_check::{Expected, LineCheck, LineChecker};
use super::two_lists::{Checked, finding, narrowest};
use crate::engine::causes::finding::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::{DayRange, Keys, Sides};
use crate::engine::compare::invoice_practice::InvoicePractice;
use crate::engine::compare::line_numbers::LineNumbers;
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key, Part};
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::rounding_bounds::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::to_published;
use rayon::prelude::*;

/// Rows that are judged on all cores before they are added up.
const ROWS_AT_A_TIME: usize = 1 << 16;

/// Off-rule lines of an invoice without a rule that are told one by one. Of more lines it is the
/// invoice that departs from the documented rule: they are two rows, one of the lines above the rule
/// and one of those below it, as a net of both would hide either.
pub const TOLD_ONE_BY_ONE: usize = 20;

/// What was checked, as `matched_on` names it: lines against the rule of their kind.
pub const LINE: &str = "line";
/// Lines whose rate departs from that of the other lines.
pub const RATE: &str = "rate";
/// Totals against Subtotal and TaxTotal.
pub const TOTAL: &str = "total";
/// Lines above and below the documented rule, of an invoice that obeys none.
const TOGETHER: [&str; 2] = ["lines_above_rule", "lines_below_rule"];

/// Lines that were recomputed so far.
#[derive(Debug, Default)]
pub struct LineArithmetic {
    /// By the codes of invoice and currency.
    invoices: BTreeMap<[u32; 2], InvoiceLines>,
    /// Groups of single lines that are not as they should be.
    singles: Vec<Checked>,
}

/// Lines of one invoice and currency.
#[derive(Debug, Default)]
struct InvoiceLines {
    /// Lines whose subtotal is the expected one.
    as_expected: RecomputedSums,
    /// Metered lines off the documented rule, above and below it, where no rule is held.
    together: [RecomputedSums; 2],
    /// Groups of these lines, while they are few.
    few: Vec<Checked>,
    check: LineCheck,
}

/// Sums of lines, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
struct RecomputedSums {
    /// Number of source lines.
    rows: u64,
    quantity: i128,
    expected: i128,
    invoiced: i128,
}

impl RecomputedSums {
    fn add(&mut self, more: &Self) -> Result<(), EngineError> {
        self.rows += more.rows;
        for (sum, more) in [
            (&mut self.quantity, more.quantity),
            (&mut self.expected, more.expected),
            (&mut self.invoiced, more.invoiced),
        ] {
            *sum = sum.checked_add(more).ok_or(EngineError::AmountOverflow)?;
        }
        Ok(())
    }
}

/// Group of lines before it is published.
struct Group<'g> {
    keys: Keys,
    charge_type: &'g str,
    matched_on: &'static str,
    sums: RecomputedSums,
    /// Name of the rule that is held; `None` where there is none.
    rule: Option<Arc<str>>,
}

impl Group<'_> {
    /// Both sides of the group; they are what is compared, and no rounding is allowed for.
    fn sides(&self) -> Result<Sides, EngineError> {
        let published = |sum| to_published(sum).ok_or(EngineError::AmountOverflow);
        let quantity = published(self.sums.quantity)?;
        let (expected, invoiced) = (
            published(self.sums.expected)?,
            published(self.sums.invoiced)?,
        );
        // A wrong rate or total is no question of rounding.
        let is_of_rule = ![RATE, TOTAL].contains(&self.matched_on);
        Ok(Sides {
            tie_out: TieOut::LineArithmetic,
            keys: self.keys,
            charge_type: self.charge_type.to_owned(),
            matched_on: Arc::from(self.matched_on),
            scope: Scope::Usage,
            expected_rows: self.sums.rows,
            invoiced_rows: self.sums.rows,
            expected_quantity: quantity,
            invoiced_quantity: quantity,
            expected_amount: expected,
            invoiced_amount: invoiced,
            bounds: Bounds::default(),
            predicted: None,
            rounding_rule: self.rule.clone(),
            off_rule_amount: if is_of_rule { invoiced - expected } else { 0 },
            measure: Measure::Amount,
            is_billed_again: false,
            used: DayRange::default(),
            charged: DayRange::default(),
            awaited_for: None,
        })
    }
}

impl LineArithmetic {
    /// Recomputes the lines of `totals`, which are all or those of a part. `practice` was learned by
    /// the same rules from all lines of all parts.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub fn add(
        &mut self,
        totals: &Folded,
        rules: &Rules,
        practice: &InvoicePractice,
    ) -> Result<(), EngineError> {
        let checker = LineChecker::new(totals, rules, practice);
        let rows: Vec<usize> = (0..checker.numbers.columns.rows.len()).collect();
        let names: Vec<Arc<str>> = rules
            .all()
            .iter()
            .map(|rule| Arc::from(rule.name.as_ref()))
            .collect();
        let adding = Adding {
            numbers: checker.numbers,
            vocabulary: &totals.vocabulary,
            fine: FINE_KEYS.map(|key| checker.numbers.columns.codes(key.part())),
            charge_types: checker.numbers.columns.codes(Part::ChargeType),
            practice,
            names: &names,
        };
        for rows in rows.chunks(ROWS_AT_A_TIME) {
            let expected: Vec<Option<Expected>> =
                rows.par_iter().map(|row| checker.expected(*row)).collect();
            for (row, expected) in rows.iter().zip(expected) {
                self.add_row(&adding, *row, expected)?;
            }
        }
        Ok(())
    }

    fn add_row(
        &mut self,
        adding: &Adding<'_>,
        row: usize,
        expected: Option<Expected>,
    ) -> Result<(), EngineError> {
        let keys = adding.keys(row);
        let (invoice, currency) = (keys[Key::Invoice], keys[Key::Currency]);
        let of_invoice = self.invoices.entry([invoice, currency]).or_default();
        let count = adding.numbers.columns.rows[row];
        self.singles.extend(adding.wrong_total(row, of_invoice)?);
        let Some(expected) = expected else {
            of_invoice.check.without_price += count;
            of_invoice.check.without_price_amount += adding.numbers.columns.subtotal[row];
            return Ok(());
        };
        let sums = adding.sums(row, expected.subtotal)?;
        let off = sums.invoiced - sums.expected;
        if expected.other_rate.is_none() && off == 0 {
            return of_invoice.as_expected.add(&sums);
        }
        let is_metered = adding.numbers.is_metered(row);
        let held = adding.practice.rule_of(invoice);
        let group = Group {
            keys,
            charge_type: adding.charge_type(row),
            matched_on: if expected.other_rate.is_some() {
                RATE
            } else {
                LINE
            },
            sums,
            rule: (is_metered && held.is_learned).then(|| Arc::clone(&adding.names[held.rule])),
        };
        let sides = group.sides()?;
        let variance = sides.variance_amount();
        if expected.other_rate.is_some() {
            of_invoice.check.other_rates.add(count, variance);
        } else {
            of_invoice.check.off_rule.add(count, variance);
        }
        let tax = to_published(adding.numbers.columns.tax[row]);
        let tax = tax.ok_or(EngineError::AmountOverflow)?;
        let checked = (sides, expected.finding(variance, tax, narrowest(&keys)));
        if !is_metered || held.is_learned || expected.other_rate.is_some() {
            self.singles.push(checked);
            return Ok(());
        }
        of_invoice.together[usize::from(off < 0)].add(&sums)?;
        // One more is kept: it tells that they are too many.
        if of_invoice.few.len() <= TOLD_ONE_BY_ONE {
            of_invoice.few.push(checked);
        }
        Ok(())
    }

    /// All groups, and what was found in each invoice and currency, in the order of their codes;
    /// nothing is left behind.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub fn finish(
        &mut self,
        vocabulary: &Vocabulary,
        rules: &Rules,
        practice: &InvoicePractice,
    ) -> Result<(Vec<Checked>, Vec<LineCheck>), EngineError> {
        let mut groups = std::mem::take(&mut self.singles);
        let mut checks = Vec::new();
        for ([invoice, currency], mut lines) in std::mem::take(&mut self.invoices) {
            let mut keys = Keys::default();
            (keys[Key::Invoice], keys[Key::Currency]) = (invoice, currency);
            let held = practice.rule_of(invoice);
            let rule = held.is_learned.then(|| &rules.all()[held.rule].name);
            let group = |matched_on, sums| Group {
                keys,
                charge_type: "",
                matched_on,
                sums,
                rule: rule.map(|name| Arc::from(name.as_ref())),
            };
            if lines.as_expected.rows > 0 {
                groups.push((group(LINE, lines.as_expected).sides()?, None));
            }
            if lines.few.len() <= TOLD_ONE_BY_ONE {
                groups.append(&mut lines.few);
            } else {
                for (matched_on, sums) in TOGETHER.into_iter().zip(lines.together) {
                    if sums.rows > 0 {
                        let found = finding(VarianceBridge::default(), Narrowest::Invoice);
                        groups.push((group(matched_on, sums).sides()?, found));
                    }
                }
            }
            lines.check.name(vocabulary, invoice, currency);
            checks.push(lines.check);
        }
        Ok((groups, checks))
    }
}

/// What the rows of one frame are added with.
struct Adding<'t> {
    numbers: LineNumbers<'t>,
    vocabulary: &'t Vocabulary,
    /// Codes of each row, in the order of [`FINE_KEYS`].
    fine: [&'t [u32]; FINE_KEYS.len()],
    charge_types: &'t [u32],
    practice: &'t InvoicePractice,
    names: &'t [Arc<str>],
}

impl Adding<'_> {
    fn keys(&self, row: usize) -> Keys {
        Keys::fine(self.fine.map(|column| column[row]))
    }

    fn charge_type(&self, row: usize) -> &str {
        self.vocabulary
            .text(Domain::ChargeType, self.charge_types[row])
    }

    /// Sums of a row's lines, each of which should have a subtotal (in units of 10^-20).
    fn sums(&self, row: usize, each: i128) -> Result<RecomputedSums, EngineError> {
        let columns = &self.numbers.columns;
        let expected = each.checked_mul(self.numbers.count(row));
        Ok(RecomputedSums {
            rows: columns.rows[row],
            quantity: columns.quantity[row],
            expected: expected.ok_or(EngineError::AmountOverflow)?,
            invoiced: columns.subtotal[row],
        })
    }

    /// Group of lines whose Total is not Subtotal and TaxTotal; `None` where it is.
    fn wrong_total(
        &self,
        row: usize,
        of_invoice: &mut InvoiceLines,
    ) -> Result<Option<Checked>, EngineError> {
        let each = self.numbers.total_apart(row);
        if each == 0 {
            return Ok(None);
        }
        let columns = &self.numbers.columns;
        let keys = self.keys(row);
        let group = Group {
            keys,
            charge_type: self.charge_type(row),
            matched_on: TOTAL,
            sums: RecomputedSums {
                rows: columns.rows[row],
                quantity: columns.quantity[row],
                expected: columns.subtotal[row] + columns.tax[row],
                invoiced: columns.total[row],
            },
            rule: None,
        };
        let sides = group.sides()?;
        let variance = sides.variance_amount();
        // Told by the text that the lines were counted by: the sums must agree with it (a law).
        let apart = to_published(each * self.numbers.count(row));
        let apart = apart.ok_or(EngineError::AmountOverflow)?;
        of_invoice.check.wrong_totals.add(columns.rows[row], apart);
        // A Total that leaves out the tax, or holds it twice.
        let tax = to_published(columns.tax[row]).ok_or(EngineError::AmountOverflow)?;
        let steps = VarianceBridge {
            tax: if variance.abs() == tax.abs() {
                variance
            } else {
                0
            },
            ..VarianceBridge::default()
        };
        Ok(Some((sides, finding(steps, narrowest(&keys)))))
    }
}

impl Expected {
    /// Finding about lines whose subtotal or rate is not the expected one; `tax` is what the lines
    /// name as theirs.
    fn finding(&self, variance: i128, tax: i128, narrowest: Narrowest) -> Option<Box<Finding>> {
        let is_of_rate = self.other_rate == Some(true);
        let steps = VarianceBridge {
            fx: if is_of_rate { variance } else { 0 },
            // To the last digit: a near miss is no evidence of tax in the subtotal.
            tax: if !is_of_rate && variance == tax {
                variance
            } else {
                0
            },
            rule: self.obeyed.clone(),
            ..VarianceBridge::default()
        };
        let mut found = finding(steps, narrowest);
        if let Some(found) = &mut found
            && self.other_rate.is_some()
            && variance == 0
        {
            found.contradiction = Some(Cause::Fx);
        }
        found
    }
}
