//! All that was read, put together unit by unit.

use std::collections::{BTreeMap, BTreeSet};

use super::incomplete::Awaited;
use super::records::Gathered;
use super::unit::{Counted, PlacedHeader, UnitReading};
use super::units::Arrival;
use crate::engine::count::header::Header;
use crate::engine::count::partial::Partial;
use crate::engine::fold::entries::Entries;
use crate::engine::judge::control_totals::{self, ControlTotal, Tally};
use crate::model::dataset::Dataset;
use crate::model::ids::{Fold, fold};
use crate::model::reject::{RejectedRow, Rejection};
use crate::pipeline::failure::RunError;
use crate::pipeline::spill::parts::Spilled;
use crate::reports::manifest;
use crate::sources::files::FileUnit;

/// All that was read.
#[derive(Debug)]
pub struct Readings {
    /// Totals of usage; none where they are in `spilled`, as are the lines then.
    pub usage: Partial,
    /// Usage and lines that are more than may be in memory.
    pub spilled: Option<Spilled>,
    /// Totals of invoice lines.
    pub lines: Partial,
    /// Usage rows that counted.
    pub usage_rows: u64,
    /// Invoice lines that counted.
    pub invoice_lines: u64,
    /// Invoice headers, each once.
    pub headers: Vec<Header>,
    /// Every unit, for the manifest.
    pub inputs: Vec<manifest::Input>,
    /// Rows that could not be used, in the order of units and lines.
    pub rejected: Vec<RejectedRow>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Laws of decoding.
    pub controls: Vec<ControlTotal>,
    /// Which unit holds which customer and subscription, folded.
    pub lineage: BTreeSet<(&'static str, String, String, String)>,
    /// Usage day by day, where a comparison looks at days.
    pub daily: Option<Partial>,
    /// Usage before it was billed, likewise.
    pub unbilled: Option<Partial>,
    /// Rows of the other datasets.
    pub entries: Entries,
    /// What is missing of what was read.
    pub awaited: Awaited,
}

/// Folded customer and subscription of an account tuple.
fn account_of(fields: &[&str]) -> Option<(String, String)> {
    let [_, customer, _, subscription, ..] = fields else {
        return None;
    };
    Some((
        fold(Fold::Identifier, customer),
        fold(Fold::Identifier, subscription),
    ))
}

/// Adds totals day by day, if there are any.
fn merge_into(whole: &mut Option<Partial>, more: Option<Partial>) {
    if let Some(more) = more {
        whole
            .get_or_insert_with(|| Partial::daily(more.dataset))
            .merge(more);
    }
}

impl Readings {
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
        }
    }

    /// Takes totals of a unit, of which there may be more; their rows.
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
            Dataset::UnbilledUsage => merge_into(&mut self.unbilled, Some(partial)),
            Dataset::InvoiceLines | Dataset::Invoices => {
                self.lines.merge(partial);
                self.invoice_lines += rows;
            }
        }
        rows
    }

    /// Takes a unit; `waited` rows of it were taken before.
    pub(crate) fn take(
        &mut self,
        arrival: Arrival,
        reading: UnitReading,
        waited: u64,
        headers: &mut Vec<(String, PlacedHeader)>,
    ) {
        let Arrival {
            dataset,
            unit,
            etag,
        } = arrival;
        let unit = &unit;
        let UnitReading {
            mut decoded,
            counted,
            daily,
            lost,
            ..
        } = reading;
        let rejected = decoded.rejected.len() as u64;
        merge_into(&mut self.daily, daily);
        let rows = match counted {
            Counted::Totals(partial) => {
                let rows = waited + self.take_totals(dataset, unit, *partial);
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

    /// Takes what was read of the other datasets.
    pub(in crate::pipeline) fn take_records(&mut self, gathered: Gathered) {
        self.entries.absorb(gathered.entries);
        self.inputs.extend(gathered.inputs);
        self.inputs
            .sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
        for (dataset, unit, rows) in gathered.rejected {
            self.awaited.lacks(dataset);
            self.warnings.push(format!(
                "`{dataset}`: {rows} rows of `{unit}` cannot be used; `tieout fetch` tells each"
            ));
        }
    }

    /// Accounts that lost rows. A row that does not even have its cells may be of any account of its
    /// unit.
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

    fn trace(&mut self, dataset: Dataset, unit: &FileUnit, partial: &Partial) {
        let [accounts, ..] = &partial.tuples;
        for account in 0..accounts.len() {
            if let Some(keys) = account_of(&partial.fields(0, account).collect::<Vec<&str>>()) {
                self.lineage
                    .insert((dataset.name(), unit.name.clone(), keys.0, keys.1));
            }
        }
    }

    /// A second header of an invoice and currency is rejected: which of them counts is not for us to
    /// guess, and counting both would double the invoice.
    pub(crate) fn keep_one_header_each(&mut self, headers: Vec<(String, PlacedHeader)>) {
        let mut first: BTreeMap<(String, String), String> = BTreeMap::new();
        for (unit, PlacedHeader { header, line, text }) in headers {
            let key = (fold(Fold::Identifier, &header.id), header.currency.clone());
            match first.get(&key) {
                Some(place) => {
                    let found =
                        format!("invoice {} in {} a second time", header.id, header.currency);
                    let wanted =
                        format!("one header for each invoice and currency; {place} has the first");
                    let rejection = Rejection::in_words("Id", &found, wanted);
                    self.rejected.push(RejectedRow {
                        dataset: Dataset::Invoices,
                        unit,
                        line,
                        rejection,
                        text,
                    });
                    let has_rows = |control: &&mut ControlTotal| {
                        control.source == Dataset::Invoices.name() && control.rows_out > 0
                    };
                    if let Some(control) = self.controls.iter_mut().find(has_rows) {
                        control.rows_out -= 1;
                        control.rows_rejected += 1;
                    }
                }
                None => {
                    first.insert(key, format!("`{unit}` line {line}"));
                    self.headers.push(header);
                }
            }
        }
    }

    /// The laws of decoding, summed over units; and what must be told of all of them.
    pub(crate) fn check(&mut self) -> Result<(), RunError> {
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
        self.controls = Dataset::ALL
            .iter()
            .filter_map(|dataset| by_dataset.remove(dataset.name()))
            .collect();
        let mut counted = Vec::new();
        match &self.spilled {
            Some(Spilled {
                counted: [usage, lines],
                ..
            }) => counted.extend([
                (Dataset::Usage, usage.clone()),
                (Dataset::InvoiceLines, lines.clone()),
            ]),
            None => {
                for partial in [&self.usage, &self.lines] {
                    partial.check()?;
                    counted.push((partial.dataset, Tally::of(partial)));
                }
            }
        }
        if let Some(partial) = &self.unbilled {
            partial.check()?;
            counted.push((partial.dataset, Tally::of(partial)));
        }
        for (
            dataset,
            Tally {
                control,
                totals,
                rounded,
                ..
            },
        ) in counted
        {
            let source = dataset.name();
            self.controls.extend(control_totals::law(
                "aggregate",
                source,
                &control,
                &totals,
                0,
            ));
            if rounded > 0 {
                self.warnings.push(format!("`{source}`: {rounded} numbers held more decimals than are kept, and were rounded half-even"));
            }
        }
        self.warnings.sort();
        self.rejected.sort_by(|left, right| {
            (left.dataset, &left.unit, left.line).cmp(&(right.dataset, &right.unit, right.line))
        });
        Ok(())
    }
}
