//! A published run: all tables, and the manifest that describes them, written to a staging folder
//! and put in place in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rayon::prelude::*;

use super::tables::{self, Rows};
use super::{invoice_figures, report_files};
use crate::engine::judge::control_totals::ControlTotal;
use crate::engine::judge::rounding_census::Census;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::DESCRIPTION_PARTS;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, fixed, plain};
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::plan::manifest_settings;
use crate::pipeline::plan::output::ReportFiles;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::reports::atomic::{OutputFolder, Publication, Staging, Written};
use crate::reports::csv_form::CsvForm;
use crate::reports::earlier_run::MANIFEST;
use crate::reports::manifest::{self, Manifest};
use crate::reports::{csv, parquet};

/// Places a run in its folder; returns its id and its place. No pointer is moved yet. Equal inputs and settings give the same id. Where
/// memory is limited (`is_bound`), tables are written one after the other, as each writer holds a
/// row group.
///
/// # Errors
/// [`RunError::Publish`]; the last publish is then as it was.
pub(crate) fn publish(
    plan: &Plan,
    output: &OutputFolder,
    readings: &Readings,
    found: &Reconciled,
    exit_code: u8,
    is_bound: bool,
) -> Result<(String, Publication), RunError> {
    // The id does not depend on any table: it is known before the first one is filled.
    let run_id = run_id(
        plan.period,
        &plan.canonical(),
        &readings.inputs,
        &readings.awaited.facts,
    );
    // A run that is published again does not follow itself.
    let previous = output.current().filter(|current| *current != run_id);
    // Before the first table: a run that is damaged must not be followed, and so hidden, by another.
    // One that is published again is compared file by file.
    if let Some(previous) = &previous {
        output.ensure_whole(previous)?;
    }
    let staging = output.stage()?;
    let tables = tables::all(readings, found);
    let files = write_tables(&staging, &tables, plan.csv, is_bound)?;
    let outputs = tables
        .iter()
        .zip(&files)
        .flat_map(|(table, files)| files.iter().map(|file| output_of(file, table.count)))
        .collect();
    drop(tables);
    let mut manifest = manifest(
        plan,
        readings,
        found,
        (run_id.clone(), previous),
        outputs,
        exit_code,
    );
    let mut written: Vec<Written> = files.into_iter().flatten().collect();
    let warnings = own_warnings(readings, found);
    for file in report_files::write(&staging, &manifest, &warnings, plan.output.reports)? {
        manifest.outputs.push(output_of(&file, 0));
        written.push(file);
    }
    // Last: no run exists without its manifest, and the manifest has the hashes of all other files.
    written.push(staging.write(MANIFEST, |file| {
        serde_json::to_writer_pretty(&mut *file, &manifest)?;
        io::Write::write_all(file, b"\n")
    })?);
    // A run published again must have the same bytes, but for the manifest: it names the run
    // before.
    let publication = staging.place(&run_id, &written)?;
    Ok((run_id, publication))
}

/// Writes the tables and reports of a run that is made again, and removes them; their names and
/// hashes. `published` is the manifest that the run had.
///
/// # Errors
/// [`RunError::Publish`], and [`RunError`] of the reports.
pub(crate) fn rehearse(
    output: &OutputFolder,
    readings: &Readings,
    found: &Reconciled,
    form: CsvForm,
    (published, reports): (&Manifest, ReportFiles),
) -> Result<Vec<Written>, RunError> {
    let staging = output.stage()?;
    let files = write_tables(&staging, &tables::all(readings, found), form, false)?;
    let mut written: Vec<Written> = files.into_iter().flatten().collect();
    let warnings = own_warnings(readings, found);
    written.extend(report_files::write(
        &staging, published, &warnings, reports,
    )?);
    Ok(written)
}

/// Warnings that follow from the inputs alone. Those of the reading may be of this one time, as of
/// how much memory there was, and a report must have the same bytes whenever its run is published.
fn own_warnings(readings: &Readings, found: &Reconciled) -> Vec<String> {
    let is_own = |warning: &&String| !readings.warnings.contains(warning);
    found.warnings.iter().filter(is_own).cloned().collect()
}

/// Writes the tables; their files, in the order of the tables.
fn write_tables(
    staging: &Staging<'_>,
    tables: &[Rows<'_>],
    form: CsvForm,
    is_bound: bool,
) -> Result<Vec<Vec<Written>>, RunError> {
    // Both ways collect in the order of the tables, so that the manifest does not depend on
    // threads.
    let write = |rows| write_table(staging, rows, form);
    if is_bound {
        tables.iter().map(write).collect()
    } else {
        tables.par_iter().map(write).collect()
    }
}

fn output_of(file: &Written, rows: usize) -> manifest::PublishedFile {
    manifest::PublishedFile {
        file: file.name.clone(),
        blake3: file.blake3.clone(),
        bytes: file.bytes,
        rows: rows as u64,
    }
}

/// Writes the Parquet and the CSV file of a table at the same time, part by part: each part is
/// filled once for both.
fn write_table(
    staging: &Staging<'_>,
    rows: &Rows<'_>,
    form: CsvForm,
) -> Result<Vec<Written>, RunError> {
    let name = rows.table.name;
    // The CSV file is written inside the closure of the Parquet file: both are open at once.
    let mut text_file = Ok(None);
    let packed_file = staging.write(&format!("{name}.parquet"), |packed| -> io::Result<()> {
        let mut writer = parquet::Writer::new(rows.table, packed);
        if form == CsvForm::LeftOut {
            rows.each_part(&mut |part| writer.write(part).map_err(io::Error::other))?;
            return writer.close().map_err(io::Error::other);
        }
        let written = staging.write(&format!("{name}.csv"), |text| -> io::Result<()> {
            csv::write_header(rows.table, form, text)?;
            rows.each_part(&mut |part| {
                let (packed, text) = rayon::join(
                    || writer.write(part).map_err(io::Error::other),
                    || csv::write_rows(part, form, text),
                );
                // Of two errors the first is told: both are of the same disk.
                packed.and(text)
            })
        });
        text_file = written.map(Some);
        writer.close().map_err(io::Error::other)
    });
    let text_file = text_file?;
    Ok(std::iter::once(packed_file?).chain(text_file).collect())
}

/// Id of a run: the period, then a hash of everything that can change the tables: the release, the
/// settings, names and bytes of the inputs, and `facts` that are in none of these. The folder of the
/// runs and the threads are no part of it.
fn run_id(
    period: Option<Period>,
    canonical: &str,
    inputs: &[manifest::Input],
    facts: &BTreeSet<String>,
) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(concat!("tieout ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
    hash.update(canonical.as_bytes());
    // Inputs are sorted by dataset and unit, so that the order of reading does not reach the id.
    // No path holds a NUL, so that two lists of inputs cannot run into the same bytes.
    for input in inputs {
        hash.update(format!("{}\0{}\0{}\n", input.dataset, input.unit, input.blake3).as_bytes());
    }
    // Behind a NUL, with which no input begins. A complete run has no facts, and the id that it had
    // before there were any.
    for fact in facts {
        hash.update(format!("\0{fact}\n").as_bytes());
    }
    // 64 bits: enough to tell the runs of one folder apart.
    let short: String = hash.finalize().to_hex().chars().take(16).collect();
    match period {
        Some(period) => format!("{period}-{short}"),
        None => short,
    }
}

fn manifest(
    plan: &Plan,
    readings: &Readings,
    found: &Reconciled,
    (run_id, previous_run_id): (String, Option<String>),
    outputs: Vec<manifest::PublishedFile>,
    exit_code: u8,
) -> Manifest {
    let (descriptions, pairs) = &found.descriptions;
    let pairs = DESCRIPTION_PARTS.into_iter().zip(pairs);
    Manifest {
        version: manifest::VERSION,
        tieout: env!("CARGO_PKG_VERSION").to_owned(),
        run_id,
        previous_run_id,
        pipeline: plan.name.clone(),
        period: plan.period.map(|period| period.to_string()),
        // Of the settings alone: it tells whether two runs differ in more than their inputs.
        configuration_hash: blake3::hash(plan.canonical().as_bytes())
            .to_hex()
            .to_string(),
        configuration: plan.canonical().lines().map(str::to_owned).collect(),
        tie_outs: plan
            .tie_outs
            .iter()
            .filter(|tie_out| tie_out.enabled)
            .map(manifest_settings::to_manifest)
            .collect(),
        inputs: readings.inputs.clone(),
        // `explain` must match by the column that the whole run learned, not one account.
        meter_description_is: descriptions
            .usual
            .map_or_else(String::new, |part| part.column().to_owned()),
        meter_description_of_products: descriptions
            .of_products
            .iter()
            .map(|(product, part)| (product.clone(), part.column().to_owned()))
            .collect(),
        meter_description_pairs: pairs
            .map(|(part, pairs)| (part.column().to_owned(), *pairs))
            .collect::<BTreeMap<_, _>>(),
        rounding_rules: rule_counts(&found.census),
        invoices: manifest_settings::invoices(&found.practice),
        copies: copies(found),
        settled_elsewhere: settled_elsewhere(found),
        control_totals: found.controls.iter().map(control_total).collect(),
        warnings: found.warnings.clone(),
        outputs,
        exit_code,
    }
}

fn rule_counts(census: &Census) -> Vec<manifest::RuleCount> {
    let counts = census
        .iter()
        .map(|((lines, currency, rule), count)| manifest::RuleCount {
            lines: (*lines).to_owned(),
            currency: currency.clone(),
            rule: rule.clone(),
            count: *count,
        });
    counts.collect()
}

fn copies(found: &Reconciled) -> Vec<manifest::InvoiceCopies> {
    let vocabulary = &found.totals.vocabulary;
    let copies = found.copies.iter().map(|([invoice, currency], copies)| {
        let [(usage_rows, usage), (invoice_lines, lines)] = copies.sums();
        manifest::InvoiceCopies {
            invoice_number: vocabulary.text(Domain::Invoice, *invoice).to_owned(),
            currency: vocabulary.text(Domain::Currency, *currency).to_owned(),
            usage_rows,
            usage_amount: fixed(usage, PUBLISHED_SCALE),
            invoice_lines,
            invoice_lines_amount: fixed(lines, PUBLISHED_SCALE),
        }
    });
    copies.collect()
}

fn settled_elsewhere(found: &Reconciled) -> Vec<manifest::SettledElsewhere> {
    let vocabulary = &found.totals.vocabulary;
    let settled = invoice_figures::settled_elsewhere(found);
    let settled = settled.into_iter();
    settled
        .map(|([invoice, currency], amount)| manifest::SettledElsewhere {
            invoice_number: vocabulary.text(Domain::Invoice, invoice).to_owned(),
            currency: vocabulary.text(Domain::Currency, currency).to_owned(),
            amount: fixed(amount, PUBLISHED_SCALE),
        })
        .collect()
}

fn control_total(control: &ControlTotal) -> manifest::ControlTotal {
    manifest::ControlTotal {
        step: control.step.to_owned(),
        source: control.source.to_owned(),
        currency: control.currency.clone(),
        rows_in: control.rows_in,
        rows_out: control.rows_out,
        rows_rejected: control.rows_rejected,
        amount_in: plain(control.amount_in, AMOUNT_SCALE),
        amount_out: plain(control.amount_out, AMOUNT_SCALE),
        difference: plain(control.amount_in - control.amount_out, AMOUNT_SCALE),
        holds: control.holds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::compare::group::AwaitedFor;
    use crate::model::dataset::Dataset;
    use crate::pipeline::intake::incomplete::Awaited;

    /// Id of a run without inputs, over what its fetch lacks.
    fn id_of(lacking: Awaited, code: u8) -> String {
        let mut awaited = Awaited::default();
        awaited.absorb_fetch(lacking, code);
        run_id(None, "period=\n", &[], &awaited.facts)
    }

    /// A night that found nothing of a dataset, and one that could not ask for it, had the same files
    /// and other tables: the second ended with "the published run was changed afterwards".
    #[test]
    fn what_a_fetch_lacks_is_part_of_the_id() {
        let unit = |dataset: Dataset| {
            let mut awaited = Awaited::default();
            awaited.lacks(dataset.name());
            awaited
        };
        let of_invoice = |number: &str, lacks: AwaitedFor| Awaited {
            invoices: BTreeMap::from([(number.to_owned(), lacks)]),
            ..Awaited::default()
        };
        let ids = [
            id_of(Awaited::default(), 0),
            id_of(unit(Dataset::UnbilledUsage), 0),
            id_of(unit(Dataset::UnbilledUsage), 11),
            id_of(unit(Dataset::UnbilledUsage), 20),
            id_of(unit(Dataset::Usage), 11),
            id_of(of_invoice("G1", AwaitedFor::Usage), 11),
            id_of(of_invoice("G1", AwaitedFor::InvoiceLines), 11),
            id_of(of_invoice("G2", AwaitedFor::Usage), 11),
        ];
        assert_eq!(BTreeSet::from(ids.clone()).len(), ids.len(), "{ids:?}");
        let complete = run_id(None, "period=\n", &[], &BTreeSet::new());
        assert_eq!(ids[0], complete);
    }
}
