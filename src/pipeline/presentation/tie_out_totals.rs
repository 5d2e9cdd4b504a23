//! Totals of each tie-out and currency.

use std::collections::BTreeMap;

use super::break_lines::{difference_of, is_of_quantities};
use super::money::Money;
use super::table_rows::TableRow;
use crate::model::cause::Status;
use crate::model::tables::{VARIANCES, column_of};

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const UNEXPLAINED: usize = column_of(&VARIANCES, "unexplained_amount");

/// Total of a tie-out in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TieOutTotal {
    /// Name of the comparison.
    pub tie_out: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// True if quantities are compared; the sums are quantities then.
    pub is_of_quantities: bool,
    /// Number of groups of each status, in the order of [`Status::ALL`].
    pub groups: [u64; Status::ALL.len()],
    /// Sum of the variances, with sign.
    pub net: Money,
    /// Sum of the absolute variances, without groups that are awaited.
    pub gross: Money,
    /// Sum of the absolute variances of groups that are awaited.
    pub awaited: Money,
    /// Part of `gross` that has no cause.
    pub unexplained: Money,
}

impl TieOutTotal {
    /// Number of groups of a status.
    #[must_use]
    pub const fn of(&self, status: Status) -> u64 {
        self.groups[status as usize]
    }

    /// Number of all groups.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.groups.iter().sum()
    }
}

/// Collector of the totals, by tie-out and currency.
#[derive(Debug, Default)]
pub(super) struct TotalsByTieOut(BTreeMap<(String, String), TieOutTotal>);

impl TotalsByTieOut {
    pub(super) fn add(&mut self, row: TableRow<'_>) {
        let key = (row.text(TIE_OUT).to_owned(), row.text(CURRENCY).to_owned());
        let total = self
            .0
            .entry(key)
            .or_insert_with_key(|(tie_out, currency)| TieOutTotal {
                tie_out: tie_out.clone(),
                currency: currency.clone(),
                is_of_quantities: is_of_quantities(tie_out),
                ..TieOutTotal::default()
            });
        let difference = difference_of(row);
        total.net += difference;
        let status = row.text(STATUS);
        for (count, known) in total.groups.iter_mut().zip(Status::ALL) {
            *count += u64::from(known.name() == status);
        }
        // An awaited group may tie once its rows arrive: it is no part of what must be explained.
        if status == Status::Awaited.name() {
            total.awaited += difference.abs();
        } else {
            total.gross += difference.abs();
            total.unexplained += Money(row.number(UNEXPLAINED)).abs();
        }
    }

    pub(super) fn finish(self) -> Vec<TieOutTotal> {
        self.0.into_values().collect()
    }
}
