//! Invoice headers, and `lines-to-invoice`.

use crate::engine::count::header::Header;
use crate::engine::fold::columns::LineColumns;
use std::collections::BTreeMap;

use super::two_lists::{self, Checked, Members};
use crate::engine::causes::finding::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::VarianceBridge;
use crate::engine::compare::group::Sides;
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::{Folded, numbered};
use crate::engine::fold::side_row::SideRow;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{KEYS, Key, Part};
use crate::engine::rules::price_adjustment::AZURE_CREDIT;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, AMOUNT_SCALE, power_of_ten, to_published as published};

/// The lines of an invoice and currency, in units of 10^-20.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    rows: u64,
    total: i128,
    /// Of the total: tax, Azure credits, copies of lines.
    tax: i128,
    credits: i128,
    copies: i128,
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
    let expected: Vec<SideRow> = lines
        .0
        .iter()
        .map(|((invoice, currency), lines)| lines.row(*invoice, *currency, totals))
        .collect();
    let header = |header: &Header| {
        let code = |domain, text: &str| totals.vocabulary.code(domain, text).unwrap_or(0);
        let (invoice, currency) = (
            code(Domain::Invoice, &header.id),
            code(Domain::Currency, &header.currency),
        );
        decimal::from_money(header.total_charges).map(|amount| SideRow {
            keys: keys_of(invoice, currency),
            rows: 1,
            amount,
            ..SideRow::default()
        })
    };
    let Some(invoiced) = headers.iter().map(header).collect::<Option<Vec<SideRow>>>() else {
        return Err(EngineError::AmountOverflow);
    };
    let compared = two_lists::compare(
        definitions::definition(TieOut::LinesToInvoice),
        passes,
        &expected,
        &invoiced,
    )?;
    let lines: Vec<Lines> = lines.0.values().copied().collect();
    let groups = compared.sides.into_iter().zip(compared.members);
    let check = |(sides, members): (Sides, Members)| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        if members.expected.is_empty() || members.invoiced.is_empty() {
            let steps = VarianceBridge::one_sided(&sides);
            return Ok((
                sides,
                Some(Box::new(Finding {
                    steps,
                    narrowest: Narrowest::Invoice,
                    resource: None,
                    days: None,
                })),
            ));
        }
        let of_group = members
            .expected
            .iter()
            .filter_map(|at| lines.get(*at))
            .fold(Lines::default(), |sum, lines| sum.plus(lines));
        let steps = of_group
            .steps(sides.variance_amount())
            .ok_or(EngineError::AmountOverflow)?;
        Ok((
            sides,
            Some(Box::new(Finding {
                steps,
                narrowest: Narrowest::Invoice,
                resource: None,
                days: None,
            })),
        ))
    };
    groups.map(check).collect()
}

fn keys_of(invoice: u32, currency: u32) -> [u32; KEYS] {
    let mut keys = [0; KEYS];
    (keys[Key::Invoice as usize], keys[Key::Currency as usize]) = (invoice, currency);
    keys
}

/// Lines by invoice and currency.
#[derive(Debug, Default)]
pub struct LineSums(BTreeMap<(u32, u32), Lines>);

impl LineSums {
    /// Adds the lines of some totals.
    pub fn add(&mut self, totals: &Folded) {
        let lines = LineColumns::of(&totals.lines);
        let [invoices, currencies, adjustments] =
            [Part::Invoice, Part::Currency, Part::Adjustment].map(|part| lines.codes(part));
        for (row, rows) in lines.rows.iter().enumerate() {
            let adjustment = totals.vocabulary.text(Domain::Adjustment, adjustments[row]);
            let total = lines.total[row];
            let [.., copies] = numbered(&totals.line_copies, lines.duplicates[row]).sums;
            let more = Lines {
                rows: *rows,
                total,
                tax: lines.tax[row],
                credits: if adjustment == AZURE_CREDIT { total } else { 0 },
                copies,
            };
            let slot = self.0.entry((invoices[row], currencies[row])).or_default();
            *slot = slot.plus(&more);
        }
    }
}

impl Lines {
    /// Sums of lines are bounded (`aggregate::GROSS_LIMIT`).
    fn plus(mut self, more: &Self) -> Self {
        self.rows += more.rows;
        self.total += more.total;
        self.tax += more.tax;
        self.credits += more.credits;
        self.copies += more.copies;
        self
    }

    fn row(&self, invoice: u32, currency: u32, totals: &Folded) -> SideRow {
        // Lines are cents: their sum is exact, and the header repeats it. Only where lines carry
        // more digits was the header rounded, once.
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

    /// The header leaves out tax, credits or copies, or several of these, if their sum is the variance
    /// to the last digit; nothing less is evidence.
    fn steps(&self, variance: i128) -> Option<VarianceBridge> {
        let left_out = [
            published(-self.tax)?,
            published(-self.credits)?,
            published(-self.copies)?,
        ];
        for chosen in 1..8_u8 {
            let part = |at: u8| {
                left_out
                    .get(usize::from(at))
                    .copied()
                    .filter(|_| chosen & (1 << at) != 0)
                    .unwrap_or(0)
            };
            let is_idle = (0..3).any(|at| chosen & (1 << at) != 0 && part(at) == 0);
            if !is_idle && part(0).checked_add(part(1))?.checked_add(part(2))? == variance {
                return Some(VarianceBridge {
                    tax: part(0),
                    credit: part(1),
                    duplicate: part(2),
                    ..VarianceBridge::default()
                });
            }
        }
        Some(VarianceBridge::default())
    }
}
