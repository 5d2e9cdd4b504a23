//! Invoice headers, and `lines-to-invoice`.

use std::collections::BTreeMap;

use polars::prelude::PolarsResult;
use rust_decimal::Decimal;

use super::two_lists::{self, Checked, Members, Row};
use crate::engine::causes::investigate::{Finding, Narrowest};
use crate::engine::causes::variance_bridge::Steps;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::fold::folded::Totals;
use crate::engine::fold::vocabulary::Domain;
use crate::engine::judge::variance::{AmountOverflow, Sides};
use crate::engine::matching::joins;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions::{self, CURRENCY, INVOICE, KEYS};
use crate::engine::rules::scope::AZURE_CREDIT;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::dataset::{INVOICES, position};
use crate::model::decimal::{self, AMOUNT_SCALE, power_of_ten, to_published as published};
use crate::model::period::Period;
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// One invoice header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Invoice id.
    pub id: String,
    /// Billing currency.
    pub currency: String,
    /// Sum asked for, tax included unless the invoice says otherwise.
    pub total_charges: Decimal,
    /// Month that it bills, where it says so.
    pub period: Option<Period>,
}

impl Header {
    /// Reads a header row.
    ///
    /// # Errors
    /// A [`Rejection`] naming the cell that cannot be used.
    pub fn read(cells: &[Cell<'_>]) -> Result<Self, Rejection> {
        let cell = |name: &str| {
            cells
                .get(position(INVOICES, name))
                .unwrap_or(&Cell::Missing)
        };
        let text = |name: &'static str| {
            let bytes = cell(name).bytes();
            let text = std::str::from_utf8(&bytes).map(|text| text.trim().to_owned());
            text.map_err(|_| Rejection::new(name, &bytes, "UTF-8 text".to_owned()))
        };
        let needed = |name: &'static str| match text(name)? {
            empty if empty.is_empty() => {
                Err(Rejection::in_words(name, "nothing", "a value".to_owned()))
            }
            value => Ok(value),
        };
        let total = needed("TotalCharges")?;
        let exact = decimal::parse(total.as_bytes(), AMOUNT_SCALE)
            .ok()
            .filter(|parsed| !parsed.rounded && parsed.value.abs() <= GROSS_LIMIT);
        let money = exact.and_then(|parsed| {
            Decimal::from_str_exact(&decimal::plain(parsed.value, AMOUNT_SCALE)).ok()
        });
        let total_charges = money.ok_or_else(|| {
            Rejection::new(
                "TotalCharges",
                total.as_bytes(),
                "a decimal number below 10^17, as `1234.56`, of at most 28 digits".to_owned(),
            )
        })?;
        let start = cell("BillingPeriodStartDate").day("BillingPeriodStartDate")?;
        Ok(Self {
            id: needed("Id")?,
            currency: needed("CurrencyCode")?.to_uppercase(),
            total_charges,
            period: start.and_then(Period::of),
        })
    }
}

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
/// [`AmountOverflow`], or a polars error, which is a bug of ours.
pub fn compare(
    totals: &Totals,
    lines: &LineSums,
    headers: &[Header],
    passes: &[Pass],
) -> PolarsResult<Result<Vec<Checked>, AmountOverflow>> {
    let expected: Vec<Row> = lines
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
        decimal::from_money(header.total_charges).map(|amount| Row {
            keys: keys_of(invoice, currency),
            rows: 1,
            amount,
            ..Row::default()
        })
    };
    let Some(invoiced) = headers.iter().map(header).collect::<Option<Vec<Row>>>() else {
        return Ok(Err(AmountOverflow));
    };
    let compared = match two_lists::compare(
        definitions::definition(TieOut::LinesToInvoice),
        passes,
        &expected,
        &invoiced,
    )? {
        Ok(compared) => compared,
        Err(overflow) => return Ok(Err(overflow)),
    };
    let lines: Vec<Lines> = lines.0.values().copied().collect();
    let groups = compared.sides.into_iter().zip(compared.members);
    let check = |(sides, members): (Sides, Members)| {
        if !sides.is_beyond_rounding()? {
            return Ok((sides, None));
        }
        if members.expected.is_empty() || members.invoiced.is_empty() {
            let steps = Steps::one_sided(&sides);
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
            .ok_or(AmountOverflow)?;
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
    Ok(groups.map(check).collect())
}

fn keys_of(invoice: u32, currency: u32) -> [u32; KEYS.len()] {
    let mut keys = [0; KEYS.len()];
    (keys[INVOICE], keys[CURRENCY]) = (invoice, currency);
    keys
}

/// Lines by invoice and currency.
#[derive(Debug, Default)]
pub struct LineSums(BTreeMap<(u32, u32), Lines>);

impl LineSums {
    /// Adds the lines of some totals.
    ///
    /// # Errors
    /// A polars error, which is a bug of ours.
    pub fn add(&mut self, totals: &Totals) -> PolarsResult<()> {
        let lines = &totals.lines;
        let (invoices, currencies) = (
            joins::codes(lines, "invoice")?,
            joins::codes(lines, "currency")?,
        );
        let (taxes, adjustments) = (
            joins::sums(lines, "tax")?,
            joins::codes(lines, "adjustment")?,
        );
        let (rows, sums, copies) = (
            joins::counts(lines, "rows")?,
            joins::sums(lines, "total")?,
            joins::codes(lines, "copies")?,
        );
        for (row, (invoice, currency)) in invoices.iter().zip(currencies).enumerate() {
            let code = |column: &[u32]| column.get(row).copied().unwrap_or(0);
            let sum = |column: &[i128]| column.get(row).copied().unwrap_or(0);
            let is_credit = totals
                .vocabulary
                .text(Domain::Adjustment, code(adjustments))
                == AZURE_CREDIT;
            let [.., copied] = totals
                .line_copies
                .get((code(copies) as usize).wrapping_sub(1))
                .copied()
                .unwrap_or_default()
                .sums;
            let total = sum(sums);
            let more = Lines {
                rows: rows.get(row).copied().unwrap_or(0),
                total,
                tax: sum(taxes),
                credits: if is_credit { total } else { 0 },
                copies: copied,
            };
            let slot = self.0.entry((*invoice, *currency)).or_default();
            *slot = slot.plus(&more);
        }
        Ok(())
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

    fn row(&self, invoice: u32, currency: u32, totals: &Totals) -> Row {
        // Lines are cents: their sum is exact, and the header repeats it. Only where lines carry
        // more digits was the header rounded, once.
        let digits = minor_digits(totals.vocabulary.text(Domain::Currency, currency));
        let cent = power_of_ten(AMOUNT_SCALE - digits);
        let bound = if self.total % cent == 0 { 0 } else { cent };
        Row {
            keys: keys_of(invoice, currency),
            rows: self.rows,
            amount: self.total,
            bound,
            ..Row::default()
        }
    }

    /// The header leaves out tax, credits or copies, or several of these, if their sum is the variance
    /// to the last digit; nothing less is evidence.
    fn steps(&self, variance: i128) -> Option<Steps> {
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
                return Some(Steps {
                    tax: part(0),
                    credit: part(1),
                    duplicate: part(2),
                    ..Steps::default()
                });
            }
        }
        Some(Steps::default())
    }
}
