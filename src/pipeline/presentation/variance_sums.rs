//! One reading of the table `variances`, from which all figures of a report are added up.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::break_lines::{BreakLine, Evidence, difference_of};
use super::bridges::BridgesByCurrency;
use super::customers::CustomerSums;
use super::largest::{CurrencyRows, Largest};
use super::late_usage::LateGroups;
use super::money::Money;
use super::table_rows::{TableRow, each_row};
use super::tie_out_totals::TotalsByTieOut;
use super::verdicts::VerdictSums;
use crate::model::cause::{Status, TieOut};
use crate::model::tables::{FINDINGS, VARIANCES, column_of};
use crate::pipeline::failure::RunError;

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const PERIOD: usize = column_of(&VARIANCES, "billing_period");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const INVOICED: usize = column_of(&VARIANCES, "invoiced_amount");

const FINDING_ID: usize = column_of(&FINDINGS, "break_id");
const NARROWEST: usize = column_of(&FINDINGS, "narrowest_level");
const RESOURCE: usize = column_of(&FINDINGS, "resource_uri");
const FIRST_DAY: usize = column_of(&FINDINGS, "first_usage_date");
const LAST_DAY: usize = column_of(&FINDINGS, "last_usage_date");

/// Figures that are added up row by row.
#[derive(Debug)]
pub(super) struct VarianceSums {
    pub(super) verdicts: VerdictSums,
    pub(super) totals: TotalsByTieOut,
    pub(super) bridges: BridgesByCurrency,
    pub(super) customers: CustomerSums,
    pub(super) late: LateGroups,
    pub(super) periods: BTreeSet<String>,
    breaks: Largest<BreakLine>,
    header_breaks: Largest<BreakLine>,
    claims: Largest<BreakLine>,
    out_of_scope: Largest<BreakLine>,
}

/// Rows of a run by currency, the largest first.
#[derive(Debug)]
pub(super) struct ListedRows {
    pub(super) breaks: Vec<CurrencyRows<BreakLine>>,
    pub(super) header_breaks: Vec<CurrencyRows<BreakLine>>,
    pub(super) claims: Vec<CurrencyRows<BreakLine>>,
    pub(super) out_of_scope: Vec<CurrencyRows<BreakLine>>,
}

impl VarianceSums {
    /// Reads the table of a run; no list holds more than `most` rows of a currency.
    ///
    /// # Errors
    /// [`RunError`] for a table that cannot be read.
    pub(super) fn read(folder: &Path, most: usize) -> Result<Self, RunError> {
        let mut sums = Self {
            verdicts: VerdictSums::default(),
            totals: TotalsByTieOut::default(),
            bridges: BridgesByCurrency::default(),
            customers: CustomerSums::default(),
            late: LateGroups::default(),
            periods: BTreeSet::new(),
            breaks: Largest::of(most),
            header_breaks: Largest::of(most),
            claims: Largest::of(most),
            out_of_scope: Largest::of(most),
        };
        each_row(folder, &VARIANCES, |row| sums.add(row))?;
        Ok(sums)
    }

    fn add(&mut self, row: TableRow<'_>) {
        self.verdicts.add(row);
        self.totals.add(row);
        self.bridges.add(row);
        self.customers.add(row);
        self.late.add(row);
        let period = row.text(PERIOD);
        if !period.is_empty() && !self.periods.contains(period) {
            self.periods.insert(period.to_owned());
        }
        self.list(row);
    }

    fn list(&mut self, row: TableRow<'_>) {
        let (tie_out, currency) = (row.text(TIE_OUT), row.text(CURRENCY));
        let status = row.text(STATUS);
        let line = || BreakLine::of(row);
        if status == Status::OutOfScope.name() && tie_out == TieOut::UsageToInvoice.name() {
            let invoiced = Money(row.number(INVOICED));
            self.out_of_scope.add(currency, invoiced, line);
        }
        if status != Status::Break.name() {
            return;
        }
        let difference = difference_of(row);
        if tie_out == TieOut::LinesToInvoice.name() {
            self.header_breaks.add(currency, difference, line);
            return;
        }
        self.breaks.add(currency, difference, line);
        // What the provider asks for too much is claimed once: line by line, other tie-outs repeat it.
        if tie_out == TieOut::UsageToInvoice.name() && !difference.is_negative() {
            self.claims.add(currency, difference, line);
        }
    }

    /// The lists of rows, each break with its evidence, and the evidence of late usage.
    ///
    /// # Errors
    /// [`RunError`] for a table that cannot be read.
    pub(super) fn listed(
        &mut self,
        folder: &Path,
    ) -> Result<(ListedRows, HashMap<String, Evidence>), RunError> {
        let take = |list: &mut Largest<BreakLine>| std::mem::replace(list, Largest::of(0)).finish();
        let mut rows = ListedRows {
            breaks: take(&mut self.breaks),
            header_breaks: take(&mut self.header_breaks),
            claims: take(&mut self.claims),
            out_of_scope: take(&mut self.out_of_scope),
        };
        let lists = [&rows.breaks, &rows.header_breaks, &rows.claims];
        let lines = lists.into_iter().flatten().flat_map(|of| &of.rows);
        let ids = lines.map(|line| line.break_id.as_str());
        let wanted: HashSet<&str> = ids.chain(self.late.ids()).collect();
        let evidence = evidence_of(folder, &wanted)?;
        for list in [&mut rows.breaks, &mut rows.header_breaks, &mut rows.claims] {
            for line in list.iter_mut().flat_map(|of| &mut of.rows) {
                line.evidence = evidence.get(&line.break_id).cloned();
            }
        }
        Ok((rows, evidence))
    }
}

/// Evidence of the breaks that are wanted, by their ids.
fn evidence_of(
    folder: &Path,
    wanted: &HashSet<&str>,
) -> Result<HashMap<String, Evidence>, RunError> {
    let mut found = HashMap::new();
    each_row(folder, &FINDINGS, |row| {
        let id = row.text(FINDING_ID);
        if wanted.contains(id) {
            let evidence = Evidence {
                narrowest_level: row.text(NARROWEST).to_owned(),
                resource_uri: row.text(RESOURCE).to_owned(),
                first_day: row.day(FIRST_DAY),
                last_day: row.day(LAST_DAY),
            };
            found.insert(id.to_owned(), evidence);
        }
    })?;
    Ok(found)
}
