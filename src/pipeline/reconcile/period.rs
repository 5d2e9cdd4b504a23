//! Selection of the invoices of one billing period. Invoices of other periods are left out, with a
//! warning for each.
//!
//! A file of usage or lines may hold several months. Only the period of the *invoice* decides:
//! licence lines may be charged for days outside of it, and must not be dropped for that
//! ([semantics §9](crate::model::domain::semantics)).

use std::collections::BTreeSet;

use polars::prelude::DataFrame;

use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::joins;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::model::period::Period;

/// Period that is compared, and the invoices that were left out for it.
#[derive(Debug)]
pub(super) struct PeriodSelection {
    /// Period of the plan; `None` where all invoices are compared.
    period: Option<Period>,
    /// Codes of the invoices that are of another period.
    left_out: BTreeSet<u32>,
}

impl PeriodSelection {
    pub(super) const fn new(period: Option<Period>) -> Self {
        Self {
            period,
            left_out: BTreeSet::new(),
        }
    }

    /// Rows of a frame of usage or lines whose invoice belongs to the period. Invoices without a
    /// known period are given this one.
    pub(super) fn select(&mut self, totals: &mut Folded, frame: &DataFrame) -> DataFrame {
        let Some(period) = self.period else {
            return frame.clone();
        };
        let codes = columns::codes(frame, Part::Invoice.column());
        let mut rows: Vec<u32> = Vec::new();
        for (row, invoice) in (0..).zip(codes) {
            // Nothing says that an undated invoice is of another period, and the user asked for
            // this one.
            if *totals.periods.entry(*invoice).or_insert(period) == period {
                rows.push(row);
            } else {
                self.left_out.insert(*invoice);
            }
        }
        joins::take(frame, &rows)
    }

    /// Warns of each invoice that was left out.
    pub(super) fn warn(&self, totals: &Folded, warnings: &mut Vec<String>) {
        let Some(period) = self.period else { return };
        for invoice in &self.left_out {
            let name = totals.vocabulary.text(Domain::Invoice, *invoice);
            let month = totals.periods[invoice];
            warnings.push(format!(
                "invoice `{name}` is for {month}, not {period}, and was left out"
            ));
        }
    }
}
