//! `lines-to-invoice`: the lines of each invoice and currency against the invoice's header.
//!
//! The lines are summed part by part where usage and lines are compared so, and compared once after
//! the last part. A variance has a cause only if an honest one gives it to the last digit
//! ([semantics §8](crate::model::domain::semantics)).

use std::collections::BTreeMap;

use super::two_lists::{self, Checked, GroupRows, finding};
use crate::engine::causes::finding::Narrowest;
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::Sides;
use crate::engine::count::header::{self, Header};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::LineColumns;
use crate::engine::fold::folded::{Folded, numbered};
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{KEYS, Key, Part};
use crate::engine::rules::price_adjustment::AZURE_CREDIT;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{
    self, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, divide, power_of_ten, to_published as published,
};

/// Sums of invoice lines, by the codes of the invoice and the currency.
#[derive(Debug, Default)]
pub struct LineSums(BTreeMap<(u32, u32), LineSum>);

/// Sums of the lines of one invoice and currency, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
struct LineSum {
    /// Number of source lines.
    rows: u64,
    total: i128,
    /// Tax in the total.
    tax: i128,
    /// Tax of lines whose total leaves it out.
    tax_left_out: i128,
    /// Total of Azure credits, which is negative.
    credits: i128,
    /// Total of duplicate lines.
    duplicates: i128,
}

/// Compares the lines of each invoice and currency with its header.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn compare(
    totals: &Folded,
    lines: &LineSums,
    headers: &[Header],
    passes: &[Pass],
) -> Result<Vec<Checked>, EngineError> {
    let documents = Documents::of(headers, lines, totals).ok_or(EngineError::AmountOverflow)?;
    let expected: Vec<SideRow> = lines
        .0
        .iter()
        .map(|((invoice, currency), sum)| sum.row(*invoice, *currency, totals))
        .collect();
    let compared = two_lists::compare(
        definitions::definition(TieOut::LinesToInvoice),
        passes,
        &expected,
        &documents.rows,
    )?;
    // Parallel to `expected`.
    let sums: Vec<&LineSum> = lines.0.values().collect();
    let check = |(sides, rows): (Sides, GroupRows)| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        let (variance, notes) = (sides.variance_amount(), documents.notes(&rows.invoiced));
        let steps = if rows.expected.is_empty() && notes == Some(variance) {
            // Notes without a line of their own, and without the invoice that they change.
            credit(variance)
        } else if rows.is_one_sided() {
            VarianceBridge::one_sided(&sides)
        } else {
            let in_group = rows.expected.iter().map(|at| sums[*at]);
            let sum = in_group.fold(LineSum::default(), LineSum::plus);
            let digits = minor_digits(
                totals
                    .vocabulary
                    .text(Domain::Currency, sides.keys[Key::Currency]),
            );
            notes
                .and_then(|notes| sum.left_out(variance, notes, digits))
                .ok_or(EngineError::AmountOverflow)?
        };
        Ok((sides, finding(steps, Narrowest::Invoice)))
    };
    let groups = compared.sides.into_iter().zip(compared.rows);
    groups.map(check).collect()
}

/// Invoices and notes, each as a row under the number of the invoice that it is compared with.
struct Documents {
    rows: Vec<SideRow>,
    /// Published amount of each row that is a note, parallel to `rows`; 0 of an invoice.
    notes: Vec<i128>,
}

impl Documents {
    /// Rows of the documents; `None` on overflow.
    fn of(headers: &[Header], lines: &LineSums, totals: &Folded) -> Option<Self> {
        let code = |domain, text: &str| {
            let code = totals.vocabulary.code(domain, text);
            code.expect("the texts of headers were folded with all others")
        };
        let (mut rows, mut notes) = (Vec::new(), Vec::new());
        for (header, number) in headers.iter().zip(header::invoice_numbers(headers)) {
            let currency = code(Domain::Currency, &header.currency);
            let own = code(Domain::Invoice, &header.id);
            // A note with lines of its own is what these come to; one without changes the invoice.
            let has_lines = lines.0.contains_key(&(own, currency));
            let invoice = if has_lines {
                own
            } else {
                code(Domain::Invoice, number)
            };
            let amount = decimal::from_money(header.total_charges)?;
            let is_note = header.is_note || invoice != own;
            notes.push(if is_note { published(amount)? } else { 0 });
            rows.push(SideRow {
                keys: keys_of(invoice, currency),
                rows: 1,
                amount,
                ..SideRow::default()
            });
        }
        Some(Self { rows, notes })
    }

    /// Sum of the notes among some rows; `None` on overflow.
    fn notes(&self, rows: &[usize]) -> Option<i128> {
        rows.iter()
            .try_fold(0_i128, |sum, at| sum.checked_add(self.notes[*at]))
    }
}

fn credit(amount: i128) -> VarianceBridge {
    VarianceBridge {
        credit: amount,
        ..VarianceBridge::default()
    }
}

fn keys_of(invoice: u32, currency: u32) -> [u32; KEYS] {
    let mut keys = [0; KEYS];
    (keys[Key::Invoice as usize], keys[Key::Currency as usize]) = (invoice, currency);
    keys
}

impl LineSums {
    /// Adds the lines of a part, or all of them.
    pub fn add(&mut self, totals: &Folded) {
        let lines = LineColumns::of(&totals.lines);
        let [invoices, currencies, adjustments] =
            [Part::Invoice, Part::Currency, Part::Adjustment].map(|part| lines.codes(part));
        for (row, rows) in lines.rows.iter().enumerate() {
            let adjustment = totals.vocabulary.text(Domain::Adjustment, adjustments[row]);
            let (total, tax) = (lines.total[row], lines.tax[row]);
            let is_left_out = total == lines.subtotal[row];
            // The last of a line's sums is its total, which is what the header repeats.
            let [.., duplicates] = numbered(&totals.line_duplicates, lines.duplicates[row]).sums;
            let more = LineSum {
                rows: *rows,
                total,
                tax: if is_left_out { 0 } else { tax },
                tax_left_out: if is_left_out { tax } else { 0 },
                credits: if adjustment == AZURE_CREDIT { total } else { 0 },
                duplicates,
            };
            let sum = self.0.entry((invoices[row], currencies[row])).or_default();
            *sum = sum.plus(&more);
        }
    }
}

impl LineSum {
    // No addition is checked: all sums of lines are bounded by `count::partial::GROSS_LIMIT`.
    fn plus(mut self, more: &Self) -> Self {
        self.rows += more.rows;
        self.total += more.total;
        self.tax += more.tax;
        self.tax_left_out += more.tax_left_out;
        self.credits += more.credits;
        self.duplicates += more.duplicates;
        self
    }

    fn row(&self, invoice: u32, currency: u32, totals: &Folded) -> SideRow {
        // Lines are cents, so that their sum is exact and the header repeats it. Only where lines
        // carry more digits was the header rounded, once.
        let digits = minor_digits(totals.vocabulary.text(Domain::Currency, currency));
        let cent = power_of_ten(AMOUNT_SCALE - digits);
        let bound = if self.total % cent == 0 { 0 } else { cent };
        SideRow {
            keys: keys_of(invoice, currency),
            rows: self.rows,
            amount: self.total,
            bound,
            ..SideRow::default()
        }
    }

    /// Steps of a header that leaves out tax, credits or duplicates of the lines, counts notes that no
    /// line has, or has tax that the lines' totals leave out, or several of these: those whose sum is
    /// the variance to the last digit, as nothing less is evidence; else a tax that only the header
    /// has. Empty where there are none such, `None` on overflow. `notes` and the result are published
    /// amounts.
    fn left_out(&self, variance: i128, notes: i128, digits: u32) -> Option<VarianceBridge> {
        let parts = [
            notes,
            published(-self.tax)?,
            published(-self.credits)?,
            published(-self.duplicates)?,
            published(self.tax_left_out)?,
        ];
        // Each set of parts is a number of which the bits are its members.
        for chosen in 1..1_u8 << parts.len() {
            let is_chosen = |at: usize| chosen & (1 << at) != 0;
            // A set with a part of 0 says no more than the set without it.
            if (0..parts.len()).any(|at| is_chosen(at) && parts[at] == 0) {
                continue;
            }
            let part = |at: usize| if is_chosen(at) { parts[at] } else { 0 };
            let [notes, credits, duplicate] = [part(0), part(2), part(3)];
            let credit = notes.checked_add(credits)?;
            let tax = part(1).checked_add(part(4))?;
            if tax.checked_add(credit)?.checked_add(duplicate)? == variance {
                return Some(VarianceBridge {
                    tax,
                    credit,
                    duplicate,
                    ..VarianceBridge::default()
                });
            }
        }
        Some(self.header_tax(variance, notes, digits).unwrap_or_default())
    }

    /// Steps of a tax or levy that stands on the header alone, as some countries add it, beside the
    /// notes: evidence is that no line has tax, and that one rate in whole or half per cent makes the
    /// amount of the lines' sum to the last digit.
    fn header_tax(&self, variance: i128, notes: i128, digits: u32) -> Option<VarianceBridge> {
        const HALF_PER_CENTS: i128 = 60;
        let cent = power_of_ten(AMOUNT_SCALE - digits);
        // Of a small sum any amount is some rate: a step of the rate must be ten times the last digit.
        if self.tax != 0 || self.total.checked_abs()? < 10 * 200 * cent {
            return None;
        }
        let published_cent = power_of_ten(PUBLISHED_SCALE - digits);
        let is_rate = |tax: i128, halves: i128| {
            let exact = self.total.checked_mul(halves);
            let rounded =
                |mode| exact.map(|exact| divide(exact, 200 * cent, mode) * published_cent);
            [Rounding::HalfUp, Rounding::Down]
                .map(rounded)
                .contains(&Some(tax))
        };
        [notes, 0].into_iter().find_map(|credit| {
            let tax = variance.checked_sub(credit)?;
            (1..=HALF_PER_CENTS)
                .any(|halves| is_rate(tax, halves))
                .then(|| VarianceBridge {
                    tax,
                    credit,
                    ..VarianceBridge::default()
                })
        })
    }
}
