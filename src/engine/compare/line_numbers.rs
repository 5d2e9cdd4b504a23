//! Numbers of single invoice lines, read back from the frame of lines: what a rounding rule needs
//! to make a line's subtotal anew.
//!
//! A row of the frame sums lines that are equal in all their numbers ([`LINES_FRAME`]), so that
//! one of them stands for each.
//!
//! [`LINES_FRAME`]: crate::engine::rules::keys::LINES_FRAME

use super::exchange_rate::rate_of;
use crate::engine::fold::columns::LineColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::price_adjustment::AZURE_CREDIT;
use crate::engine::rules::rounding::Line;
use crate::engine::rules::scope::Scope;
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, AMOUNT_SCALE, PRICE_SCALE};

/// Numbers of the lines of a frame.
#[derive(Clone, Copy, Debug)]
pub struct LineNumbers<'f> {
    /// Columns of the frame.
    pub columns: LineColumns<'f>,
    vocabulary: &'f Vocabulary,
    price: &'f [u32],
    rate: &'f [u32],
    currency: &'f [u32],
    adjustment: &'f [u32],
    total_apart: &'f [u32],
}

impl<'f> LineNumbers<'f> {
    /// Numbers of the lines of `totals`.
    #[must_use]
    pub fn of(totals: &'f Folded) -> Self {
        let columns = LineColumns::of(&totals.lines);
        Self {
            columns,
            vocabulary: &totals.vocabulary,
            price: columns.codes(Part::Price),
            rate: columns.codes(Part::Rate),
            currency: columns.codes(Part::Currency),
            adjustment: columns.codes(Part::Adjustment),
            total_apart: columns.codes(Part::TotalApart),
        }
    }

    /// Numbers of one line of a row; `None` where the line has no price.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<Line> {
        let price = self.vocabulary.text(Domain::Number, self.price[row]);
        let price = decimal::parse(price.as_bytes(), PRICE_SCALE).ok()?;
        Some(Line {
            price: price.value,
            quantity: self.columns.quantity[row] / self.count(row),
            rate: self.rate(row),
            digits: self.digits(row),
        })
    }

    /// Quantity that a row's lines charge for, in units of 10^-20. Refunds repeat the quantity of
    /// the charge at the opposite price ([semantics §3](crate::model::domain::semantics)): theirs is
    /// negative, so that a charge that was voided and issued again has its quantity once. An Azure
    /// credit takes no quantity back.
    #[must_use]
    pub fn charged_quantity(&self, row: usize) -> i128 {
        let quantity = self.columns.quantity[row];
        let is_negative = |price: &str| price.trim_start().starts_with('-');
        let is_refund = quantity > 0
            && (self.columns.subtotal[row] < 0
                || is_negative(self.vocabulary.text(Domain::Number, self.price[row])));
        if is_refund && !self.is_credit(row) {
            -quantity
        } else {
            quantity
        }
    }

    fn is_credit(&self, row: usize) -> bool {
        let adjustment = self.adjustment[row];
        self.vocabulary.text(Domain::Adjustment, adjustment) == AZURE_CREDIT
    }

    /// Exchange rate of a row's lines, in units of 10^-18.
    #[must_use]
    pub fn rate(&self, row: usize) -> i128 {
        rate_of(self.vocabulary, self.rate[row])
    }

    /// Decimals of the currency of a row's lines.
    #[must_use]
    pub fn digits(&self, row: usize) -> u32 {
        minor_digits(self.vocabulary.text(Domain::Currency, self.currency[row]))
    }

    /// Number of the lines that a row sums, at least 1.
    #[must_use]
    pub fn count(&self, row: usize) -> i128 {
        i128::from(self.columns.rows[row])
    }

    /// Subtotal of one line of a row, in units of 10^-20.
    #[must_use]
    pub fn subtotal(&self, row: usize) -> i128 {
        self.columns.subtotal[row] / self.count(row)
    }

    /// Total of one line of a row less its Subtotal and TaxTotal, in units of 10^-20; 0 where they
    /// agree, or the line lacks one of them.
    ///
    /// # Panics
    /// For a text that the count did not write.
    #[must_use]
    pub fn total_apart(&self, row: usize) -> i128 {
        match self.vocabulary.text(Domain::Number, self.total_apart[row]) {
            "" => 0,
            text => {
                let apart = decimal::parse(text.as_bytes(), AMOUNT_SCALE);
                apart.expect("a number that was counted").value
            }
        }
    }

    /// True if usage is expected behind a row's lines.
    #[must_use]
    pub fn is_metered(&self, row: usize) -> bool {
        self.columns.scope(row) == Scope::Usage
    }
}
