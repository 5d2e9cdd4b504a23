//! Readings of a whole run: totals, headers, rejected rows, and the facts of every unit. They grow
//! unit by unit, in any order; sorting at the end makes them independent of it.

use std::collections::{BTreeMap, BTreeSet};

use super::incomplete::Awaited;
use super::input_unit::InputUnit;
use super::records::RecordReadings;
use super::unit::{Counted, HeaderInFile, UnitReading};
use crate::engine::count::header::Header;
use crate::engine::count::partial::Partial;
use crate::engine::fold::entries::Entries;
use crate::engine::judge::control_totals::{self, ControlTotal, Tally};
use crate::model::dataset::Dataset;
use crate::model::ids::{Fold, fold};
use crate::model::reject::{RejectedRow, Rejection};
use crate::pipeline::failure::RunError;
use crate::pipeline::kept_rows::row_sums::UnitFile;
use crate::pipeline::spill::parts::Spilled;
use crate::reports::manifest;
use crate::sources::files::FileUnit;

/// Readings of a whole run.
#[derive(Debug)]
pub struct Readings {
    /// Totals of usage; empty if they are in `spilled`, where the lines are then, too.
    pub usage: Partial,
    /// Totals of usage and lines that do not fit in memory, on disk.
    pub spilled: Option<Spilled>,
    /// Totals of invoice lines; empty if they are in `spilled`.
    pub lines: Partial,
    /// Number of usage rows that were counted, duplicates included.
    pub usage_rows: u64,
    /// Number of invoice lines that were counted, duplicates included.
    pub invoice_lines: u64,
    /// Invoice headers, one for each invoice and currency.
    pub headers: Vec<Header>,
    /// All units, for the manifest, by dataset and name.
    pub inputs: Vec<manifest::Input>,
    /// Rows that could not be used, in the order of units and lines.
    pub rejected: Vec<RejectedRow>,
    /// Warnings for the user, sorted.
    pub warnings: Vec<String>,
    /// Conservation laws of decoding and counting.
    pub controls: Vec<ControlTotal>,
    /// Accounts of each unit: dataset, name of the unit, and folded customer and subscription.
    pub lineage: BTreeSet<(&'static str, String, String, String)>,
    /// Totals of usage by day, if a tie-out compares days.
    pub daily: Option<Partial>,
    /// Totals by day of usage before it was billed, if there is such a source.
    pub unbilled: Option<Partial>,
    /// Rows of the record sets, summed up by their keys.
    pub entries: Entries,
    /// Parts of the data that are missing.
    pub awaited: Awaited,
    /// Files of the rows that were counted, each with its dataset, by their hashes; empty where rows are
    /// not kept.
    pub kept_rows: Vec<(Dataset, UnitFile)>,
}

impl Readings {
    /// Readings of no units yet, with the warnings so far.
    pub(crate) fn new(warnings: Vec<String>) -> Self {
        Self {
            usage: Partial::empty(Dataset::Usage),
            spilled: None,
            lines: Partial::empty(Dataset::InvoiceLines),
            usage_rows: 0,
            invoice_lines: 0,
            headers: Vec::new(),
            inputs: Vec::new(),
            rejected: Vec::new(),
            warnings,
            controls: Vec::new(),
            lineage: BTreeSet::new(),
            daily: None,
            unbilled: None,
            entries: Entries::default(),
            awaited: Awaited::default(),
            kept_rows: Vec::new(),
        }
    }

    /// Adds totals of a unit, which may be some of several; returns the number of their rows.
    pub(crate) fn take_totals(
        &mut self,
        dataset: Dataset,
        unit: &FileUnit,
        partial: Partial,
    ) -> u64 {
        let rows = partial.rows();
        self.trace(dataset, unit, &partial);
        match dataset {
            Dataset::Usage => {
                self.usage.merge(partial);
                self.usage_rows += rows;
            }
            Dataset::UnbilledUsage => merge_into(&mut self.unbilled, partial),
            Dataset::InvoiceLines | Dataset::Invoices => {
                self.lines.merge(partial);
                self.invoice_lines += rows;
            }
        }
        rows
    }

    /// Adds the reading of a unit, of which `rows_waited` rows were added before, as they had
    /// waited on disk.
    pub(crate) fn take(
        &mut self,
        input: InputUnit,
        reading: UnitReading,
        rows_waited: u64,
        headers: &mut Vec<(String, HeaderInFile)>,
    ) {
        let InputUnit {
            dataset,
            unit,
            etag,
        } = input;
        let unit = &unit;
        let UnitReading {
            mut decoded,
            counted,
            daily,
            lost,
            rows: kept,
            ..
        } = reading;
        self.kept_rows.extend(kept.map(|kept| (dataset, kept)));
        let rejected = decoded.rejected.len() as u64;
        if let Some(daily) = daily {
            merge_into(&mut self.daily, daily);
        }
        let rows = match counted {
            Counted::Totals(partial) => {
                let rows = rows_waited + self.take_totals(dataset, unit, *partial);
                self.note_lost(dataset, unit, lost, rejected);
                rows
            }
            Counted::Headers(found) => {
                let rows = found.len() as u64;
                headers.extend(found.into_iter().map(|header| (unit.name.clone(), header)));
                rows
            }
        };
        self.controls.push(control_totals::decoded(
            dataset,
            decoded.rows,
            rejected,
            rows,
        ));
        self.inputs.push(manifest::Input {
            dataset: dataset.name().to_owned(),
            unit: unit.name.clone(),
            format: decoded.format.to_owned(),
            blake3: unit.blake3.clone(),
            bytes: unit.bytes,
            rows: decoded.rows,
            rows_rejected: rejected,
            etag,
        });
        self.rejected.append(&mut decoded.rejected);
        self.warnings.append(&mut decoded.warnings);
    }

    /// Adds the readings of the record sets.
    pub(crate) fn take_records(&mut self, records: RecordReadings) {
        self.entries.absorb(records.entries);
        self.inputs.extend(records.inputs);
        self.warnings.extend(records.warnings);
        self.inputs
            .sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
        for (dataset, unit, rows) in records.rejected {
            // The sums lack those rows, so that a difference in them may not be a break.
            self.awaited.lacks(dataset);
            self.warnings.push(format!(
                "`{dataset}`: {rows} rows of `{unit}` cannot be used; `tieout fetch` lists them"
            ));
        }
    }

    /// Notes the accounts that lost rows. `lost` has those of the rows that had their cells; a row
    /// that did not even have them may be of any account of its unit.
    fn note_lost(
        &mut self,
        dataset: Dataset,
        unit: &FileUnit,
        lost: Vec<(String, String)>,
        rejected: u64,
    ) {
        if rejected > lost.len() as u64 {
            let first = (
                dataset.name(),
                unit.name.clone(),
                String::new(),
                String::new(),
            );
            // The totals of the unit were added before, and with them all accounts that it holds.
            let of_unit = self
                .lineage
                .range(first..)
                .take_while(|(of, name, ..)| *of == dataset.name() && *name == unit.name);
            self.awaited.accounts.extend(
                of_unit
                    .map(|(.., customer, subscription)| (customer.clone(), subscription.clone())),
            );
        }
        self.awaited.accounts.extend(lost);
    }

    /// Notes which accounts a unit holds.
    fn trace(&mut self, dataset: Dataset, unit: &FileUnit, partial: &Partial) {
        let [accounts, ..] = &partial.tuples;
        // By account, not by row: a unit has few accounts and many rows.
        for account in 0..accounts.len() {
            let fields: Vec<&str> = partial.fields(0, account).collect();
            let [_, customer, _, subscription, ..] = fields.as_slice() else {
                unreachable!("an account has a customer and a subscription");
            };
            self.lineage.insert((
                dataset.name(),
                unit.name.clone(),
                fold(Fold::Identifier, customer),
                fold(Fold::Identifier, subscription),
            ));
        }
    }

    /// Takes the first header of each invoice and currency. Others that say the same are left out
    /// with a warning, and rejected where they say something else.
    pub(crate) fn keep_one_header_each(&mut self, headers: Vec<(String, HeaderInFile)>) {
        let FirstHeaders {
            kept,
            again,
            mut rejected,
        } = first_headers(headers);
        self.headers
            .extend(kept.into_iter().map(|(_, found)| found.header));
        for _ in 0..again.len() + rejected.len() {
            let has_rows = |control: &&mut ControlTotal| {
                control.source == Dataset::Invoices.name() && control.rows_out > 0
            };
            let found = self.controls.iter_mut().find(has_rows);
            let control = found.expect("a header counts as a row of its unit");
            control.rows_out -= 1;
            control.rows_rejected += 1;
        }
        self.rejected.append(&mut rejected);
        self.warnings.extend(again);
    }

    /// Sums the laws of decoding over units, adds those of counting, and sorts warnings and
    /// rejected rows.
    ///
    /// # Errors
    /// [`RunError::Overflow`] for a sum that is beyond its limit.
    pub(crate) fn check(&mut self) -> Result<(), RunError> {
        self.sum_decoding_laws();
        for (dataset, tally) in self.tallies()? {
            let source = dataset.name();
            self.controls.extend(control_totals::law(
                "aggregate",
                source,
                &tally.control,
                &tally.totals,
                0,
            ));
            if tally.rounded > 0 {
                self.warnings.push(format!(
                    "`{source}`: {} numbers had more decimals than are kept and were rounded half to even",
                    tally.rounded
                ));
            }
        }
        self.warnings.sort();
        self.rejected.sort_by(|left, right| {
            (left.dataset, &left.unit, left.line).cmp(&(right.dataset, &right.unit, right.line))
        });
        Ok(())
    }

    /// Replaces the laws of decoding, of which each unit has one, by one law for each dataset.
    fn sum_decoding_laws(&mut self) {
        let mut by_dataset: BTreeMap<&str, ControlTotal> = BTreeMap::new();
        for control in self.controls.drain(..) {
            match by_dataset.get_mut(control.source) {
                Some(sum) => {
                    sum.rows_in += control.rows_in;
                    sum.rows_out += control.rows_out;
                    sum.rows_rejected += control.rows_rejected;
                    sum.holds &= control.holds;
                }
                None => {
                    by_dataset.insert(control.source, control);
                }
            }
        }
        // In the order of the datasets, whichever unit came first.
        self.controls = Dataset::ALL
            .iter()
            .filter_map(|dataset| by_dataset.remove(dataset.name()))
            .collect();
    }

    /// Counts of each dataset that has totals. Those of totals on disk were checked when they were
    /// spilled.
    fn tallies(&self) -> Result<Vec<(Dataset, Tally)>, RunError> {
        let mut tallies = Vec::new();
        let mut held: Vec<&Partial> = Vec::new();
        match &self.spilled {
            Some(spilled) => {
                let [usage, lines] = &spilled.counted;
                tallies.push((Dataset::Usage, usage.clone()));
                tallies.push((Dataset::InvoiceLines, lines.clone()));
            }
            None => held.extend([&self.usage, &self.lines]),
        }
        // Unbilled usage stays in memory in any case.
        held.extend(&self.unbilled);
        for partial in held {
            partial.check()?;
            tallies.push((partial.dataset, Tally::of(partial)));
        }
        Ok(tallies)
    }
}

/// Headers of all units, one for each invoice and currency.
#[derive(Debug)]
pub(crate) struct FirstHeaders {
    /// Headers that count, each with the name of its unit.
    pub(crate) kept: Vec<(String, HeaderInFile)>,
    /// A sentence for each further header that says the same as the one that counts.
    pub(crate) again: Vec<String>,
    /// Further headers of the same invoices and currencies that say something else.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// Keeps the first header of each invoice and currency: counting two would double the invoice. A copy,
/// as of a list that was saved twice, says nothing new; of others it cannot be known which is right,
/// and they are rejected.
pub(crate) fn first_headers(mut headers: Vec<(String, HeaderInFile)>) -> FirstHeaders {
    // By unit and line, so that "first" does not depend on threads.
    headers.sort_by(|(left, first), (right, second)| (left, first.line).cmp(&(right, second.line)));
    let mut first: BTreeMap<(String, String), (String, Header)> = BTreeMap::new();
    let (mut kept, mut again, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for (unit, found) in headers {
        let HeaderInFile { header, line, .. } = &found;
        // An invoice in two currencies has two headers, and both count.
        let key = (fold(Fold::Identifier, &header.id), header.currency.clone());
        match first.get(&key) {
            Some((place, known)) if says_the_same(known, header) => again.push(format!(
                "`{unit}` line {line}: invoice `{}` in {} a second time, as in {place}; it counts once",
                header.id, header.currency
            )),
            Some((place, _)) => {
                let words = format!("invoice {} in {} a second time", header.id, header.currency);
                let wanted =
                    format!("one header for each invoice and currency; {place} has the first");
                rejected.push(RejectedRow {
                    dataset: Dataset::Invoices,
                    unit,
                    line: *line,
                    rejection: Rejection::in_words("Id", &words, wanted),
                    text: found.text,
                });
            }
            None => {
                first.insert(key, (format!("`{unit}` line {line}"), header.clone()));
                kept.push((unit, found));
            }
        }
    }
    FirstHeaders {
        kept,
        again,
        rejected,
    }
}

/// True if two headers of one invoice and currency say the same of what it comes to. One that names
/// no period does not contradict one that does: an answer by id has fewer fields than a list.
fn says_the_same(one: &Header, other: &Header) -> bool {
    let folded = |header: &Header| fold(Fold::Identifier, &header.amends);
    one.total_charges == other.total_charges
        && folded(one) == folded(other)
        && (one.period == other.period || one.period.is_none() || other.period.is_none())
}

/// Adds totals by day to those there are.
fn merge_into(whole: &mut Option<Partial>, more: Partial) {
    whole
        .get_or_insert_with(|| Partial::daily(more.dataset))
        .merge(more);
}
