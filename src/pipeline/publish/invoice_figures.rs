//! Figures of each invoice: what of it was checked against usage, what cannot be, and what the check
//! found. They come first in the summary of a run, so that no sum stays quiet.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::compare::copies::Copies;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::rules::scope::Scope;
use crate::engine::tie_outs::line_check::{Departures, LineCheck};
use crate::model::cause::{Cause, Proof, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, divide, fixed};
use crate::pipeline::reconcile::stages::Reconciled;

/// Figures of one invoice in one currency; amounts are decimal text with ten places, before tax.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceFigures {
    /// Number of the invoice; empty for usage and lines of none, or of several.
    pub invoice_number: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Stage of the month-end: `awaited`, `provisional` or `final`; empty for no invoice.
    pub finality: String,
    /// Sum of the invoice's own lines, as it stands on the invoice.
    pub lines_amount: String,
    /// `lines_amount` less `invoiced_amount`: charges that other invoices void or bill again stand with
    /// what was voided, under one of the invoices.
    pub settled_elsewhere_amount: String,
    /// Sum of the lines of the groups under this invoice.
    pub invoiced_amount: String,
    /// Sum of the lines that usage is expected behind.
    pub checked_amount: String,
    /// Breaks that ask for more than usage comes to.
    pub over_billed: CountAndSum,
    /// Breaks that ask for less than usage comes to; the amount is negative.
    pub under_billed: CountAndSum,
    /// Sum of what rounding makes of groups that are no breaks, with sign: with over- and under-billed,
    /// `tolerated_amount` and `awaited` it comes to what is invoiced less what usage comes to.
    pub rounding_amount: String,
    /// Sum of what a tolerance of the pipeline passed over, with sign.
    pub tolerated_amount: String,
    /// Groups whose rounding the invoice's own rule proves.
    pub exact_groups: u64,
    /// Groups whose rounding lies within what cannot be known, and is not proven.
    pub bounded_groups: u64,
    /// Rounding rule that the invoice's metered lines hold; empty where they agree on none.
    pub rounding_rule: String,
    /// Lines whose subtotal is not what the held rule makes of their own numbers, and by how much
    /// together.
    pub off_rule_lines: Departed,
    /// Lines at another exchange rate than the others of the invoice.
    pub other_rate_lines: Departed,
    /// Lines whose total is not subtotal and tax.
    pub wrong_total_lines: Departed,
    /// Sum of the absolute parts of breaks that have no cause.
    pub without_cause_amount: String,
    /// Sum of the lines that no usage is behind; with `checked_amount` it is `invoiced_amount`.
    pub not_checkable_amount: String,
    /// Lines that no usage is behind, by kind: reservations, licences and the like.
    pub not_checkable: Vec<NotCheckable>,
    /// Share of the sum of the lines that cannot be checked, in per cent with one decimal; `None`
    /// where the lines come to nothing.
    pub not_checkable_percent: Option<String>,
    /// Groups whose other side can still come.
    pub awaited: CountAndSum,
    /// Usage rows that repeat another row, whether or not the lines repeat them, too.
    pub usage_copies: CountAndSum,
    /// Lines that repeat another line, whether or not usage repeats them, too.
    pub line_copies: CountAndSum,
}

/// A number of groups, rows or lines, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountAndSum {
    /// Number of groups, rows or lines.
    pub count: u64,
    /// Sum of their amounts, with sign.
    pub amount: String,
}

/// Lines that depart from what they should be: as a net, and in both directions, which may hide each
/// other in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Departed {
    /// Number of source lines that depart.
    pub count: u64,
    /// Sum of what is too much and too little, with sign.
    pub amount: String,
    /// Sum of what is too much.
    pub above_amount: String,
    /// Sum of what is too little; negative.
    pub below_amount: String,
}

/// Lines of one kind that no usage is behind.
#[derive(Clone, Debug, Serialize)]
pub struct NotCheckable {
    /// Kind of the lines, as in `matched_on` without `rule:`.
    pub kind: &'static str,
    /// Sum of the lines.
    pub amount: String,
}

/// Sums of one invoice and currency, in units of 10^-10.
#[derive(Default)]
struct Sums {
    invoiced: i128,
    checked: i128,
    over_billed: (u64, i128),
    under_billed: (u64, i128),
    rounding: i128,
    tolerated: i128,
    /// Groups that are proven, and groups that are bounded.
    proofs: [u64; 2],
    rule: Option<String>,
    without_cause: i128,
    /// Lines without usage behind them, in the order of [`Scope::ALL`].
    not_checkable: BTreeMap<Scope, i128>,
    awaited: (u64, i128),
    copies: Copies,
    settled_elsewhere: i128,
}

impl Sums {
    fn add(&mut self, variance: &Variance) {
        let sides = &variance.sides;
        let amount = sides.variance_amount();
        self.invoiced += sides.invoiced_amount;
        if sides.scope != Scope::Usage {
            *self.not_checkable.entry(sides.scope).or_default() += sides.invoiced_amount;
            return;
        }
        self.checked += sides.invoiced_amount;
        if let Some(rule) = &sides.rounding_rule {
            self.rule = Some(rule.to_string());
        }
        let counted = match variance.status {
            Status::Awaited => Some(&mut self.awaited),
            Status::Break if amount < 0 => Some(&mut self.under_billed),
            Status::Break => Some(&mut self.over_billed),
            _ => None,
        };
        match counted {
            Some((count, sum)) => {
                *count += 1;
                *sum += amount;
            }
            None => {
                let rounding = variance.parts.by(Cause::Rounding);
                self.rounding += rounding;
                self.tolerated += amount - rounding;
            }
        }
        if variance.status != Status::Awaited {
            self.without_cause += variance.parts.by(Cause::Unexplained).abs();
        }
        match variance.proof {
            Some(Proof::Exact) => self.proofs[0] += 1,
            Some(Proof::Bounded) => self.proofs[1] += 1,
            Some(Proof::None) | None => {}
        }
    }

    fn figures(self, invoice: &str, currency: &str, checks: &[LineCheck]) -> InvoiceFigures {
        let check = checks
            .iter()
            .find(|check| (check.invoice.as_str(), check.currency.as_str()) == (invoice, currency));
        let of = |departures: fn(&LineCheck) -> Departures| {
            let found = check.map_or_else(Departures::default, departures);
            Departed {
                count: found.lines,
                amount: published(found.sum()),
                above_amount: published(found.above),
                below_amount: published(found.below),
            }
        };
        let counted = |(count, amount): (u64, i128)| CountAndSum {
            count,
            amount: published(amount),
        };
        let apart: i128 = self.not_checkable.values().map(|amount| amount.abs()).sum();
        let [exact_groups, bounded_groups] = self.proofs;
        let [usage_copies, line_copies] = self.copies.sums();
        InvoiceFigures {
            invoice_number: invoice.to_owned(),
            currency: currency.to_owned(),
            // Known to the month-end; the caller sets it.
            finality: String::new(),
            lines_amount: published(self.invoiced + self.settled_elsewhere),
            settled_elsewhere_amount: published(self.settled_elsewhere),
            invoiced_amount: published(self.invoiced),
            checked_amount: published(self.checked),
            over_billed: counted(self.over_billed),
            under_billed: counted(self.under_billed),
            rounding_amount: published(self.rounding),
            tolerated_amount: published(self.tolerated),
            exact_groups,
            bounded_groups,
            rounding_rule: self.rule.unwrap_or_default(),
            off_rule_lines: of(|check| check.off_rule),
            other_rate_lines: of(|check| check.other_rates),
            wrong_total_lines: of(|check| check.wrong_totals),
            without_cause_amount: published(self.without_cause),
            not_checkable_amount: published(self.invoiced - self.checked),
            not_checkable_percent: share_percent(apart, self.invoiced.abs()),
            not_checkable: self
                .not_checkable
                .into_iter()
                .map(|(scope, amount)| NotCheckable {
                    kind: scope.name(),
                    amount: published(amount),
                })
                .collect(),
            awaited: counted(self.awaited),
            usage_copies: counted(usage_copies),
            line_copies: counted(line_copies),
        }
    }
}

/// Figures of all invoices, in the order of their numbers and currencies; those of no invoice last.
pub(super) fn of_invoices(found: &Reconciled) -> Vec<InvoiceFigures> {
    // Codes are in the order of their texts, so that the map sorts by number.
    let mut sums: BTreeMap<[u32; 2], Sums> = BTreeMap::new();
    for variance in &found.variances {
        let keys = &variance.sides.keys;
        let of_invoice = [keys[Key::Invoice], keys[Key::Currency]];
        if variance.sides.tie_out == TieOut::UsageToInvoice {
            sums.entry(of_invoice).or_default().add(variance);
        }
    }
    for (of_invoice, copies) in &found.copies {
        sums.entry(*of_invoice).or_default().copies.add(copies);
    }
    for (of_invoice, amount) in settled_elsewhere(found) {
        sums.entry(of_invoice).or_default().settled_elsewhere = amount;
    }
    let vocabulary = &found.totals.vocabulary;
    let is_of_none = |[invoice, _]: &[u32; 2]| *invoice == 0;
    let (none, numbered): (Vec<_>, Vec<_>) = sums.into_iter().partition(|(of, _)| is_of_none(of));
    numbered
        .into_iter()
        .chain(none)
        .map(|([invoice, currency], sums)| {
            sums.figures(
                vocabulary.text(Domain::Invoice, invoice),
                vocabulary.text(Domain::Currency, currency),
                &found.line_checks,
            )
        })
        .collect()
}

/// What the lines of each invoice and currency come to, less the groups under it, where the two differ;
/// none where usage to invoice is off.
pub(super) fn settled_elsewhere(found: &Reconciled) -> BTreeMap<[u32; 2], i128> {
    if found.group_ids.is_empty() {
        return BTreeMap::new();
    }
    let mut apart: BTreeMap<[u32; 2], i128> = BTreeMap::new();
    for (of_invoice, sum) in &found.invoice_sums[1] {
        *apart.entry(*of_invoice).or_default() += sum.amount;
    }
    for variance in &found.variances {
        let sides = &variance.sides;
        if sides.tie_out == TieOut::UsageToInvoice {
            let of_invoice = [sides.keys[Key::Invoice], sides.keys[Key::Currency]];
            *apart.entry(of_invoice).or_default() -= sides.invoiced_amount;
        }
    }
    apart.retain(|_, amount| *amount != 0);
    apart
}

/// An amount of ten decimals as text.
pub(super) fn published(amount: i128) -> String {
    fixed(amount, PUBLISHED_SCALE)
}

/// Share of an amount in another in per cent, with one decimal, rounded half up; `None` where there
/// is nothing to divide by.
pub(super) fn share_percent(part: i128, whole: i128) -> Option<String> {
    (whole != 0).then_some(())?;
    let per_mille = divide(part.checked_mul(1_000)?, whole, Rounding::HalfUp);
    Some(fixed(per_mille, 1))
}
