//! Inputs to partial totals: every unit identified, decoded and counted once, in parallel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::awaited::Awaited;
use super::failure::RunError;
use super::inputs;
use super::plan::Plan;
use super::record_sources::Gathered;
use crate::decode::{self, Decoded, Sink};
use crate::engine::aggregate::Partial;
use crate::engine::balance::{self, ControlTotal};
use crate::engine::copies::Seen;
use crate::engine::entries::Entries;
use crate::engine::headers::Header;
use crate::engine::keying;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::ids::{Fold, fold};
use crate::model::reject::{RejectedRow, Rejection};
use crate::model::row::Row;
use crate::reports::manifest;
use crate::sources::failure::FetchError;
use crate::sources::files::{self, FileUnit};

/// All that was read.
#[derive(Debug)]
pub struct Readings {
    /// Totals of usage.
    pub usage: Partial,
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

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What it holds.
    pub dataset: Dataset,
    /// The file.
    pub unit: FileUnit,
    /// Version of the export it belongs to.
    pub etag: Option<String>,
}

/// Reads every source of a plan; what is fetched, as it arrives.
///
/// # Errors
/// [`RunError`] for a file that cannot be used, or sums past 38 digits.
pub fn read(plan: &Plan, arriving: Receiver<Arrival>) -> Result<Readings, RunError> {
    let units = units_of(plan)?;
    let mut warnings = Vec::new();
    let units = without_copies(units, &mut warnings);
    let by_day = [TieOut::UnbilledToBilled, TieOut::UtilizationToUsage];
    let by_day = plan.tie_outs.iter().any(|tie_out| tie_out.enabled && by_day.contains(&tie_out.tie_out));
    let counting = Counting { usage: Arc::default(), lines: Arc::default(), by_day };
    let gathered = Mutex::new((Readings::new(warnings), Vec::new()));
    let first_fault: Mutex<Option<((Dataset, PathBuf), RunError)>> = Mutex::new(None);
    // Each unit's totals are merged, in any order, as soon as they are there: none are kept. Of
    // several files that cannot be used the first is told, whichever thread comes to it first.
    let take = |Arrival { dataset, unit, etag }: Arrival| {
        let place = (dataset, unit.path.clone());
        if first_fault.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|(first, _)| *first < place) {
            return;
        }
        match read_unit(dataset, &unit, &counting) {
            Ok(reading) => {
                let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                let (readings, headers) = &mut *gathered;
                readings.take(dataset, &unit, etag, reading, headers);
            }
            Err(error) => {
                let mut faults = first_fault.lock().unwrap_or_else(PoisonError::into_inner);
                if faults.as_ref().is_none_or(|(first, _)| place < *first) {
                    *faults = Some((place, error));
                }
            }
        }
    };
    units.into_par_iter().for_each(|(dataset, unit)| take(Arrival { dataset, unit, etag: None }));
    arriving.into_iter().par_bridge().for_each(|arrival| {
        // What was landed must still be what was landed.
        match files::identify(&arrival.unit.path) {
            Ok(found) if found.blake3 == arrival.unit.blake3 => take(arrival),
            other => {
                let path = arrival.unit.path.clone();
                let error = match other {
                    Ok(_) => FetchError::Damaged { path: path.clone(), found: "other bytes".to_owned() }.into(),
                    Err(unreadable) => RunError::from(unreadable),
                };
                let mut faults = first_fault.lock().unwrap_or_else(PoisonError::into_inner);
                faults.get_or_insert(((arrival.dataset, path), error));
            }
        }
    });
    if let Some((_, error)) = first_fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let (mut readings, mut headers) = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
    readings.inputs.sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
    headers.sort_by(|(left, first), (right, second)| (left, first.line).cmp(&(right, second.line)));
    readings.keep_one_header_each(headers);
    readings.check()?;
    Ok(readings)
}

fn units_of(plan: &Plan) -> Result<Vec<(Dataset, FileUnit)>, RunError> {
    let mut paths: BTreeSet<(Dataset, PathBuf)> = BTreeSet::new();
    for source in &plan.sources {
        for glob in &source.paths {
            let found =
                inputs::find_any(glob).map_err(|(found, hint)| RunError::NoInput { dataset: source.dataset.name(), found, hint })?;
            paths.extend(found.into_iter().map(|path| (source.dataset, path)));
        }
    }
    paths.into_par_iter().map(|(dataset, path)| Ok((dataset, files::identify(&path)?))).collect()
}

/// Identity is the content: a file that is there under two names is read once.
fn without_copies(units: Vec<(Dataset, FileUnit)>, warnings: &mut Vec<String>) -> Vec<(Dataset, FileUnit)> {
    let mut first: BTreeMap<(Dataset, String), String> = BTreeMap::new();
    let mut kept = Vec::with_capacity(units.len());
    for (dataset, unit) in units {
        match first.get(&(dataset, unit.blake3.clone())) {
            Some(name) => warnings.push(format!("`{}` has the same content as `{name}`: read once", unit.name)),
            None => {
                first.insert((dataset, unit.blake3.clone()), unit.name.clone());
                kept.push((dataset, unit));
            }
        }
    }
    kept
}

struct UnitReading {
    decoded: Decoded,
    counted: Counted,
    daily: Option<Partial>,
    /// Accounts of rows that could not be used, folded; one for each.
    lost: Vec<(String, String)>,
}

/// How units are counted.
struct Counting {
    usage: Arc<Seen>,
    lines: Arc<Seen>,
    by_day: bool,
}

enum Counted {
    Totals(Box<Partial>),
    Headers(Vec<PlacedHeader>),
}

/// A header with what a rejection of it would say.
struct PlacedHeader {
    header: Header,
    line: u64,
    text: String,
}

/// Takes a worker's rows.
struct TotalsSink {
    totals: Partial,
    daily: Option<Partial>,
    lost: Vec<(String, String)>,
}

impl Sink for TotalsSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let added = self.totals.add(row);
        match (&added, &mut self.daily) {
            (Ok(()), Some(daily)) => daily.add(row)?,
            (Ok(()), None) => {}
            (Err(_), _) => self.lost.push(keying::account_of(self.totals.dataset, row.cells)),
        }
        added
    }
}

struct HeaderSink(Vec<PlacedHeader>);

impl Sink for HeaderSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let text = crate::model::reject::excerpt(row.place.text);
        self.0.push(PlacedHeader { header: Header::read(row.cells)?, line: row.place.line(), text });
        Ok(())
    }
}

fn read_unit(dataset: Dataset, unit: &FileUnit, counting: &Counting) -> Result<UnitReading, RunError> {
    let input = decode::Input { unit: &unit.name, path: &unit.path, dataset };
    if dataset == Dataset::Invoices {
        let (decoded, sinks) = decode::decode(input, || HeaderSink(Vec::new()))?;
        let mut headers: Vec<PlacedHeader> = sinks.into_iter().flat_map(|sink| sink.0).collect();
        headers.sort_by_key(|header| header.line);
        return Ok(UnitReading { decoded, counted: Counted::Headers(headers), daily: None, lost: Vec::new() });
    }
    let new_sink = || TotalsSink {
        totals: match dataset {
            Dataset::Usage => Partial::new(dataset, Arc::clone(&counting.usage)),
            Dataset::UnbilledUsage => Partial::daily(dataset),
            Dataset::InvoiceLines | Dataset::Invoices => Partial::new(dataset, Arc::clone(&counting.lines)),
        },
        daily: (counting.by_day && dataset == Dataset::Usage).then(|| Partial::daily(dataset)),
        lost: Vec::new(),
    };
    let (decoded, sinks) = decode::decode(input, new_sink)?;
    let mut sinks = sinks.into_iter();
    let mut whole = sinks.next().unwrap_or_else(new_sink);
    for sink in sinks {
        whole.totals.merge(&sink.totals);
        if let (Some(daily), Some(more)) = (&mut whole.daily, &sink.daily) {
            daily.merge(more);
        }
        whole.lost.extend(sink.lost);
    }
    let TotalsSink { totals, daily, lost } = whole;
    Ok(UnitReading { decoded, counted: Counted::Totals(Box::new(totals)), daily, lost })
}

/// Folded customer and subscription of an account tuple.
fn account_of(fields: &[&str]) -> Option<(String, String)> {
    let [_, customer, _, subscription, ..] = fields else { return None };
    Some((fold(Fold::Identifier, customer), fold(Fold::Identifier, subscription)))
}

fn merge_into(whole: &mut Option<Partial>, more: Option<Partial>) {
    match (whole, more) {
        (Some(whole), Some(more)) => whole.merge(&more),
        (whole @ None, more) => *whole = more,
        (Some(_), None) => {}
    }
}

impl Readings {
    fn new(warnings: Vec<String>) -> Self {
        Self {
            usage: Partial::new(Dataset::Usage, Arc::default()),
            lines: Partial::new(Dataset::InvoiceLines, Arc::default()),
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

    fn take(
        &mut self,
        dataset: Dataset,
        unit: &FileUnit,
        etag: Option<String>,
        reading: UnitReading,
        headers: &mut Vec<(String, PlacedHeader)>,
    ) {
        let UnitReading { mut decoded, counted, daily, lost } = reading;
        let rejected = decoded.rejected.len() as u64;
        if let Counted::Totals(partial) = &counted {
            self.note_lost(partial, lost, rejected);
        }
        merge_into(&mut self.daily, daily);
        let rows = match counted {
            Counted::Totals(partial) => {
                let rows = partial.rows();
                self.trace(dataset, unit, &partial);
                match dataset {
                    Dataset::Usage => {
                        self.usage.merge(&partial);
                        self.usage_rows += rows;
                    }
                    Dataset::UnbilledUsage => merge_into(&mut self.unbilled, Some(*partial)),
                    Dataset::InvoiceLines | Dataset::Invoices => {
                        self.lines.merge(&partial);
                        self.invoice_lines += rows;
                    }
                }
                rows
            }
            Counted::Headers(found) => {
                let rows = found.len() as u64;
                headers.extend(found.into_iter().map(|header| (unit.name.clone(), header)));
                rows
            }
        };
        self.controls.push(balance::decoded(dataset, decoded.rows, rejected, rows));
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
    pub(super) fn take_records(&mut self, gathered: Gathered) {
        self.entries.absorb(gathered.entries);
        self.inputs.extend(gathered.inputs);
        self.inputs.sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
        for (dataset, unit, rows) in gathered.rejected {
            self.awaited.lacks(dataset);
            self.warnings.push(format!("`{dataset}`: {rows} rows of `{unit}` cannot be used; `tieout fetch` tells each"));
        }
    }

    /// Accounts that lost rows. A row that does not even have its cells may be of any account of its
    /// unit.
    fn note_lost(&mut self, partial: &Partial, lost: Vec<(String, String)>, rejected: u64) {
        if rejected > lost.len() as u64 {
            let [accounts, ..] = &partial.tuples;
            let of_unit = (0..accounts.len()).filter_map(|id| account_of(&accounts.fields(id).collect::<Vec<&str>>()));
            self.awaited.accounts.extend(of_unit);
        }
        self.awaited.accounts.extend(lost);
    }

    fn trace(&mut self, dataset: Dataset, unit: &FileUnit, partial: &Partial) {
        let [accounts, ..] = &partial.tuples;
        for account in 0..accounts.len() {
            if let Some(keys) = account_of(&accounts.fields(account).collect::<Vec<&str>>()) {
                self.lineage.insert((dataset.name(), unit.name.clone(), keys.0, keys.1));
            }
        }
    }

    /// A second header of an invoice and currency is rejected: which of them counts is not for us to
    /// guess, and counting both would double the invoice.
    fn keep_one_header_each(&mut self, headers: Vec<(String, PlacedHeader)>) {
        let mut first: BTreeMap<(String, String), String> = BTreeMap::new();
        for (unit, PlacedHeader { header, line, text }) in headers {
            let key = (fold(Fold::Identifier, &header.id), header.currency.clone());
            match first.get(&key) {
                Some(place) => {
                    let found = format!("invoice {} in {} a second time", header.id, header.currency);
                    let wanted = format!("one header for each invoice and currency; {place} has the first");
                    let rejection = Rejection::in_words("Id", &found, wanted);
                    self.rejected.push(RejectedRow { dataset: Dataset::Invoices, unit, line, rejection, text });
                    let has_rows = |control: &&mut ControlTotal| control.source == Dataset::Invoices.name() && control.rows_out > 0;
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
    fn check(&mut self) -> Result<(), RunError> {
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
        self.controls = Dataset::ALL.iter().filter_map(|dataset| by_dataset.remove(dataset.name())).collect();
        for partial in [&self.usage, &self.lines].into_iter().chain(&self.unbilled) {
            partial.check()?;
            let source = partial.dataset.name();
            self.controls.extend(balance::law("aggregate", source, &balance::control_of(partial), &balance::totals_of(partial), 0));
            if partial.rounded > 0 {
                self.warnings
                    .push(format!("`{source}`: {} numbers held more decimals than are kept, and were rounded half-even", partial.rounded));
            }
        }
        self.warnings.sort();
        self.rejected.sort_by(|left, right| (left.dataset, &left.unit, left.line).cmp(&(right.dataset, &right.unit, right.line)));
        Ok(())
    }
}
