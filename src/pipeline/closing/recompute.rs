//! A run made again from exactly the inputs that its manifest names, and its tables held against those
//! that were published, byte by byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use super::hashed_files::Fault;
use crate::ledger::failure::LedgerError;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::input_unit::InputUnit;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::intake::{records, units};
use crate::pipeline::plan::pipeline_plan::{Plan, Source};
use crate::pipeline::publish::staging;
use crate::pipeline::reconcile::stages;
use crate::progress::reporting::Progress;
use crate::reports::atomic::OutputFolder;
use crate::reports::csv_form::CsvForm;
use crate::reports::manifest::{Input, Manifest};
use crate::sources::files::FileUnit;

/// Comparison of a run with itself, made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// Differences of inputs and tables, each by its file.
    pub faults: Vec<Fault>,
    /// Files that are the same byte for byte.
    pub same: usize,
    /// Sentence about another release that made the run; empty for this one.
    pub note: String,
}

/// Makes a run again from the inputs of its manifest, in a folder of its own that is then removed.
///
/// # Errors
/// [`LedgerError::Refused`] where the pipeline has other settings than the run had, and [`RunError`] for
/// an input that is not what it was.
pub(super) fn recompute(
    plan: &Plan,
    out: &Path,
    manifest: &Manifest,
    progress: &Progress,
) -> Result<Recomputed, RunError> {
    let plan = of_run(plan, manifest)?;
    ensure_complete(manifest)?;
    let output = OutputFolder::open(out)?;
    let mut readings = read(&plan, manifest, progress)?;
    let mut recomputed = Recomputed {
        faults: other_inputs(&readings.inputs, &manifest.inputs),
        ..Recomputed::default()
    };
    if manifest.tieout != env!("CARGO_PKG_VERSION") {
        recomputed.note = format!(
            "tieout {} made the run, and this is {}: figures may differ for that reason",
            manifest.tieout,
            env!("CARGO_PKG_VERSION")
        );
    }
    // The run was complete: what it rejected was tolerated, and no group waits for it.
    readings.awaited.accounts.clear();
    let found = stages::reconcile_watched(&plan, &mut readings, progress)?;
    let written = staging::rehearse(
        &output,
        &readings,
        &found,
        plan.csv,
        (manifest, plan.output.reports),
    )?;
    let made: BTreeMap<&str, &str> = written
        .iter()
        .map(|file| (file.name.as_str(), file.blake3.as_str()))
        .collect();
    let folder = output.run_folder(&manifest.run_id);
    for file in &manifest.outputs {
        let found = match made.get(file.file.as_str()) {
            Some(blake3) if *blake3 == file.blake3 => {
                recomputed.same += 1;
                continue;
            }
            Some(_) => "other bytes when it is made again",
            None => "no such table when it is made again",
        };
        let wanted = "the bytes that were published";
        recomputed
            .faults
            .push(Fault::new(&folder.join(&file.file), found, wanted));
    }
    Ok(recomputed)
}

fn refused(what: String, found: String, wanted: &str, hint: &str) -> RunError {
    RunError::from(LedgerError::Refused {
        what,
        found,
        wanted: wanted.to_owned(),
        hint: hint.to_owned(),
    })
}

/// The plan under the period of the run.
///
/// # Errors
/// [`LedgerError::Refused`] with the settings that differ.
fn of_run(plan: &Plan, manifest: &Manifest) -> Result<Plan, RunError> {
    let mut plan = plan.clone();
    plan.period = manifest.period.as_deref().and_then(Period::parse);
    // No figure depends on it, and a flag may have asked for it.
    plan.csv = CsvForm::of_configuration(&manifest.configuration);
    let canonical = plan.canonical();
    if blake3::hash(canonical.as_bytes()).to_hex().as_str() == manifest.configuration_hash {
        return Ok(plan);
    }
    let has: BTreeSet<&str> = canonical.lines().collect();
    let had: BTreeSet<&str> = manifest.configuration.iter().map(String::as_str).collect();
    let more = has
        .difference(&had)
        .map(|line| format!("`{}`", line.trim()));
    let less = had
        .difference(&has)
        .map(|line| format!("no `{}`", line.trim()));
    let differing: Vec<String> = more.chain(less).collect();
    let found = if differing.is_empty() {
        "its settings in another order".to_owned()
    } else {
        differing.join(" and ")
    };
    Err(refused(
        format!("The settings of pipeline `{}`", plan.name),
        found,
        &format!("those of run `{}`", manifest.run_id),
        "name the pipeline file as it was for that run, with the same `--set`",
    ))
}

/// Checks that the run was complete: what an incomplete one lacked is not in its manifest.
fn ensure_complete(manifest: &Manifest) -> Result<(), RunError> {
    if matches!(manifest.exit_code, 0 | 10) {
        return Ok(());
    }
    Err(refused(
        format!("Run `{}`", manifest.run_id),
        format!("an incomplete run, with exit code {}", manifest.exit_code),
        "a complete one",
        "what it waited for is no part of its manifest: only complete runs can be made again",
    ))
}

/// Reads the inputs of a manifest, and no others.
fn read(plan: &Plan, manifest: &Manifest, progress: &Progress) -> Result<Readings, RunError> {
    let of = |dataset: Dataset| {
        let inputs = manifest.inputs.iter();
        inputs.filter(move |input| input.dataset == dataset.name())
    };
    let known: BTreeSet<&str> = Dataset::ALL
        .iter()
        .map(|dataset| dataset.name())
        .chain(plan.records.iter().map(|source| source.set.name))
        .collect();
    if let Some(other) = manifest
        .inputs
        .iter()
        .find(|input| !known.contains(input.dataset.as_str()))
    {
        return Err(refused(
            format!("Run `{}`", manifest.run_id),
            format!("answers of `{}` among its inputs", other.dataset),
            "usage, lines and invoices, or files of other datasets",
            "the parameters of such requests are not in the manifest; `tieout verify` without \
             `--recompute` proves that the answers are unchanged",
        ));
    }
    let (to, arriving) = sync_channel(manifest.inputs.len().max(1));
    let mut sources: Vec<Source> = Vec::new();
    for source in &plan.sources {
        let mut paths = Vec::new();
        for input in of(source.dataset) {
            if source.is_fetched {
                to.send(landed(source.dataset, input))
                    .expect("the channel has room for all of them");
            } else {
                paths.push(glob::Pattern::escape(&input.unit));
            }
        }
        sources.push(Source {
            paths,
            ..source.clone()
        });
    }
    drop(to);
    let mut exact = Plan {
        sources,
        ..plan.clone()
    };
    // The tables of the run are compared, and nothing is kept.
    exact.output.analyst = false;
    let mut readings = units::read(&exact, arriving, None, None, progress)?;
    let wanted: BTreeSet<(&str, &str)> = manifest
        .inputs
        .iter()
        .map(|input| (input.dataset.as_str(), input.unit.as_str()))
        .collect();
    let is_wanted = |dataset: &str, unit: &str| wanted.contains(&(dataset, unit));
    readings.take_records(records::read_those(plan, &is_wanted)?);
    Ok(readings)
}

/// A downloaded file, which must have the bytes that it had.
fn landed(dataset: Dataset, input: &Input) -> InputUnit {
    InputUnit {
        dataset,
        unit: FileUnit {
            name: input.unit.clone(),
            path: PathBuf::from(&input.unit),
            blake3: input.blake3.clone(),
            bytes: input.bytes,
        },
        etag: input.etag.clone(),
    }
}

/// Inputs in which two lists differ.
fn other_inputs(found: &[Input], wanted: &[Input]) -> Vec<Fault> {
    let by_name = |inputs: &[Input]| -> BTreeMap<(String, String), String> {
        let inputs = inputs.iter();
        inputs
            .map(|input| {
                let name = (input.dataset.clone(), input.unit.clone());
                (name, input.blake3.clone())
            })
            .collect()
    };
    let (found, wanted) = (by_name(found), by_name(wanted));
    let names: BTreeSet<&(String, String)> = found.keys().chain(wanted.keys()).collect();
    let faults = names.into_iter().filter_map(|name| {
        let (dataset, unit) = name;
        let words = match (found.get(name), wanted.get(name)) {
            (Some(is), Some(was)) if is == was => return None,
            (Some(_), Some(_)) => "other content",
            (Some(_), None) => "a file that the run did not read",
            (None, _) => "a file that is not read any more",
        };
        let wanted = format!("the `{dataset}` that the run read");
        Some(Fault::new(Path::new(unit), words, wanted))
    });
    faults.collect()
}
