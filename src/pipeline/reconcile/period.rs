//! The invoices of one period; what is left out is counted.

use std::collections::BTreeSet;

use polars::prelude::DataFrame;

use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::joins;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::model::period::Period;
use crate::pipeline::failure::RunError;

/// What is selected, and what was left out so far.
#[derive(Debug)]
pub(super) struct Selection {
    period: Option<Period>,
    dropped: BTreeSet<u32>,
}

impl Selection {
    pub(super) const fn new(period: Option<Period>) -> Self {
        Self {
            period,
            dropped: BTreeSet::new(),
        }
    }

    /// The rows of a frame that belong to the period.
    pub(super) fn of(
        &mut self,
        totals: &mut Folded,
        frame: &DataFrame,
    ) -> Result<DataFrame, RunError> {
        let Some(period) = self.period else {
            return Ok(frame.clone());
        };
        let codes = columns::codes(frame, Part::Invoice.column());
        let belongs = |invoice: &u32| {
            totals
                .periods
                .get(invoice)
                .is_none_or(|found| *found == period)
        };
        let kept: Vec<u32> = (0..)
            .zip(codes)
            .filter(|(_, invoice)| belongs(invoice))
            .map(|(row, _)| row)
            .collect();
        self.dropped
            .extend(codes.iter().filter(|invoice| !belongs(invoice)));
        let undated: BTreeSet<u32> = codes
            .iter()
            .filter(|invoice| !totals.periods.contains_key(*invoice))
            .copied()
            .collect();
        let selected = joins::take(frame, &kept);
        // Nothing says that these are of another period: they are of the one that was asked for.
        totals
            .periods
            .extend(undated.into_iter().map(|invoice| (invoice, period)));
        Ok(selected)
    }

    /// Tells the invoices that were left out.
    pub(super) fn tell(&self, totals: &Folded, warnings: &mut Vec<String>) {
        let Some(period) = self.period else { return };
        for invoice in &self.dropped {
            let name = totals.vocabulary.text(Domain::Invoice, *invoice);
            let month = totals
                .periods
                .get(invoice)
                .map(ToString::to_string)
                .unwrap_or_default();
            warnings.push(format!(
                "invoice `{name}` is of {month}, not of {period}: left out"
            ));
        }
    }
}
