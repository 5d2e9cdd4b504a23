//! Verdict of each invoice: what of it was checked against usage, what cannot be, and what the check
//! found. The figures are those of a run's summary, added up from its published tables.

use std::collections::BTreeMap;

use super::money::{CountedSum, Money};
use super::table_rows::TableRow;
use crate::model::cause::{Cause, Proof, Status, TieOut};
use crate::model::decimal::{Rounding, divide, fixed};
use crate::model::tables::{VARIANCES, column_of};
use crate::pipeline::failure::RunError;
use crate::reports::manifest::Manifest;

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const INVOICE: usize = column_of(&VARIANCES, "invoice_number");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const MATCHED_ON: usize = column_of(&VARIANCES, "matched_on");
const LINES: usize = column_of(&VARIANCES, "invoice_lines");
const INVOICED: usize = column_of(&VARIANCES, "invoiced_amount");
const VARIANCE: usize = column_of(&VARIANCES, "variance_amount");
const ROUNDING: usize = column_of(&VARIANCES, "rounding_amount");
const UNEXPLAINED: usize = column_of(&VARIANCES, "unexplained_amount");
const PROOF: usize = column_of(&VARIANCES, "proof");
const RULE: usize = column_of(&VARIANCES, "rounding_rule");

/// What `matched_on` begins with for lines that no usage is behind.
const RULE_PREFIX: &str = "rule:";

/// Verdict of one invoice in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Number of the invoice; empty for usage and lines of none, or of several.
    pub invoice_number: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Sum of the invoice's own lines less that of the groups under it.
    pub settled_elsewhere: Money,
    /// Sum of the lines of the groups under this invoice.
    pub invoiced: Money,
    /// Sum of the lines that usage is expected behind.
    pub checked: Money,
    /// Breaks that ask for more than usage comes to.
    pub over_billed: CountedSum,
    /// Breaks that ask for less than usage comes to; the amount is negative.
    pub under_billed: CountedSum,
    /// Sum of what rounding makes of groups that are no breaks, with sign.
    pub rounding: Money,
    /// Sum of what a tolerance of the pipeline passed over, with sign.
    pub tolerated: Money,
    /// Groups whose rounding the invoice's own rule proves.
    pub exact_groups: u64,
    /// Groups whose rounding lies within what cannot be known, and is not proven.
    pub bounded_groups: u64,
    /// Rounding rule that the invoice's metered lines hold; empty where they agree on none.
    pub rounding_rule: String,
    /// Sum of the absolute parts of breaks that have no cause.
    pub without_cause: Money,
    /// Groups whose other side can still come.
    pub awaited: CountedSum,
    /// Lines that no usage is behind, by kind.
    pub not_checkable: BTreeMap<String, Money>,
    /// Lines off the rounding rule of their invoice.
    pub off_rule: DepartedLines,
    /// Lines at another exchange rate than the others.
    pub other_rate: DepartedLines,
    /// Lines whose total is not subtotal and tax.
    pub wrong_total: DepartedLines,
    /// Usage rows that repeat another row.
    pub usage_copies: CountedSum,
    /// Lines that repeat another line.
    pub line_copies: CountedSum,
}

/// Lines that depart from what they should be, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepartedLines {
    /// Number of source lines.
    pub lines: u64,
    /// Sum of what is too much.
    pub above: Money,
    /// Sum of what is too little; negative.
    pub below: Money,
}

impl DepartedLines {
    fn add(&mut self, lines: u64, amount: Money) {
        self.lines += lines;
        if amount.is_negative() {
            self.below += amount;
        } else {
            self.above += amount;
        }
    }

    /// Sum of both directions, with sign.
    #[must_use]
    pub fn amount(&self) -> Money {
        self.above + self.below
    }
}

impl Verdict {
    /// Sum of the invoice's own lines, as it stands on the invoice.
    #[must_use]
    pub fn lines(&self) -> Money {
        self.invoiced + self.settled_elsewhere
    }

    /// Number of breaks between usage and lines.
    #[must_use]
    pub const fn breaks(&self) -> u64 {
        self.over_billed.count + self.under_billed.count
    }

    /// Share of the lines that cannot be checked, in per mille of the invoice, rounded half up; `None`
    /// where the lines come to nothing.
    #[must_use]
    pub fn not_checkable_per_mille(&self) -> Option<i128> {
        let apart: i128 = self.not_checkable.values().map(|sum| sum.0.abs()).sum();
        let whole = self.invoiced.0.abs();
        (whole != 0).then_some(())?;
        Some(divide(apart.checked_mul(1_000)?, whole, Rounding::HalfUp))
    }

    /// The same share in per cent with one decimal.
    #[must_use]
    pub fn not_checkable_percent(&self) -> Option<String> {
        Some(fixed(self.not_checkable_per_mille()?, 1))
    }

    fn add(&mut self, row: TableRow<'_>) {
        let (invoiced, variance) = (Money(row.number(INVOICED)), Money(row.number(VARIANCE)));
        let status = row.text(STATUS);
        self.invoiced += invoiced;
        if status == Status::OutOfScope.name() {
            let matched_on = row.text(MATCHED_ON);
            let kind = matched_on.strip_prefix(RULE_PREFIX).unwrap_or(matched_on);
            *self.not_checkable.entry(kind.to_owned()).or_default() += invoiced;
            return;
        }
        self.checked += invoiced;
        if !row.text(RULE).is_empty() {
            row.text(RULE).clone_into(&mut self.rounding_rule);
        }
        if status == Status::Awaited.name() {
            self.awaited.add(1, variance);
        } else {
            self.without_cause += Money(row.number(UNEXPLAINED)).abs();
        }
        if status == Status::Break.name() {
            let sum = match variance.is_negative() {
                true => &mut self.under_billed,
                false => &mut self.over_billed,
            };
            sum.add(1, variance);
        } else if status != Status::Awaited.name() {
            let rounding = row.number(ROUNDING);
            self.rounding += Money(rounding);
            self.tolerated += Money(variance.0 - rounding);
        }
        let proof = row.text(PROOF);
        self.exact_groups += u64::from(proof == Proof::Exact.name());
        self.bounded_groups += u64::from(proof == Proof::Bounded.name());
    }
}

/// Collector of the verdicts, by number of the invoice and currency.
#[derive(Debug, Default)]
pub(super) struct VerdictSums {
    found: BTreeMap<(String, String), Verdict>,
    /// Departed lines: off the rule, at another rate, with a wrong total.
    departed: BTreeMap<(String, String), [DepartedLines; 3]>,
}

impl VerdictSums {
    pub(super) fn add(&mut self, row: TableRow<'_>) {
        let tie_out = row.text(TIE_OUT);
        if tie_out == TieOut::UsageToInvoice.name() {
            of_invoice(&mut self.found, row).add(row);
        } else if tie_out == TieOut::LineArithmetic.name() {
            self.depart(row);
        }
    }

    fn depart(&mut self, row: TableRow<'_>) {
        let amount = Money(row.number(VARIANCE));
        let at = match row.text(MATCHED_ON) {
            // The lines of an invoice that are as they should be are one row, without a variance.
            "line" | "total" if amount.is_zero() => return,
            "rate" => 1,
            "total" => 2,
            _ => 0,
        };
        let departed = of_invoice(&mut self.departed, row);
        departed[at].add(row.count(LINES), amount);
    }

    /// The verdicts by number and currency, those of no invoice last.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a manifest with a text where an amount should be.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<Vec<Verdict>, RunError> {
        for copies in &manifest.copies {
            let key = (copies.invoice_number.clone(), copies.currency.clone());
            let verdict = self.found.entry(key).or_default();
            let sum = |count, amount: &str| -> Result<CountedSum, RunError> {
                let amount = Money::read(amount, "`copies` of the manifest")?;
                Ok(CountedSum { count, amount })
            };
            verdict.usage_copies = sum(copies.usage_rows, &copies.usage_amount)?;
            verdict.line_copies = sum(copies.invoice_lines, &copies.invoice_lines_amount)?;
        }
        for settled in &manifest.settled_elsewhere {
            let key = (settled.invoice_number.clone(), settled.currency.clone());
            let amount = Money::read(&settled.amount, "`settled_elsewhere` of the manifest")?;
            self.found.entry(key).or_default().settled_elsewhere = amount;
        }
        let departed = self.departed;
        let verdicts = self.found.into_iter().map(|(key, mut verdict)| {
            if let Some(departed) = departed.get(&key) {
                [verdict.off_rule, verdict.other_rate, verdict.wrong_total] = *departed;
            }
            (verdict.invoice_number, verdict.currency) = key;
            verdict
        });
        let (none, numbered): (Vec<_>, Vec<_>) =
            verdicts.partition(|verdict| verdict.invoice_number.is_empty());
        Ok(numbered.into_iter().chain(none).collect())
    }
}

/// Entry of the invoice and currency of a row.
fn of_invoice<'f, T: Default>(
    found: &'f mut BTreeMap<(String, String), T>,
    row: TableRow<'_>,
) -> &'f mut T {
    let key = (row.text(INVOICE).to_owned(), row.text(CURRENCY).to_owned());
    found.entry(key).or_default()
}

/// Position of the part of a cause among the columns of `variances`.
pub(super) const fn part_column(cause: Cause) -> usize {
    // The columns of the parts stand in the order of `Cause::ALL`, as a test of `model::tables` holds.
    ROUNDING + cause as usize
}
