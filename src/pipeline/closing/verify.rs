//! The proof that nothing has moved: runs, their inputs, closing packs and the ledger are held against
//! the hashes under which they were written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::hashed_files::{self, Fault, HashedInputs};
use super::pack::{self, HASHES};
use super::recompute::recompute;
use super::stream_ledger;
use crate::ledger::audit;
use crate::ledger::closes::{self, CLOSED, CloseRow};
use crate::ledger::failure::LedgerError;
use crate::ledger::runs::{self, RunRow};
use crate::ledger::store::Ledger;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::exports;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::progress::reporting::Progress;
use crate::reports::earlier_run::MANIFEST;
use crate::reports::output_entries::{current_run, pointed_runs};

/// Runs that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// The newest run of each period, and every closed one.
    Usual,
    /// Those of one period.
    Period(String),
    /// A period, the id of a run, or its number.
    Named(String),
    /// Every run of the log.
    All,
}

/// Request to prove that nothing has moved.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// Output folder of the runs.
    pub out: PathBuf,
    /// Runs that are meant.
    pub meant: Meant,
    /// Name of the pipeline whose runs are meant; `None` for all.
    pub pipeline: Option<String>,
    /// Pipeline; its state folder is looked into for files that are not at their paths.
    pub plan: Option<Plan>,
    /// True if the runs are made again with the pipeline.
    pub is_recomputed: bool,
}

/// Proof, or the faults in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Everything that is not as it was written.
    pub faults: Vec<Fault>,
    /// Sentences about what was not looked at, and why.
    pub notes: Vec<String>,
    /// Ids of the runs that were looked at.
    pub runs: Vec<String>,
    /// Number of published files that were hashed.
    pub outputs: usize,
    /// Number of inputs that were hashed.
    pub inputs: usize,
    /// Bytes of these inputs.
    pub input_bytes: u64,
    /// Closing packs that were looked at.
    pub packs: Vec<String>,
    /// Number of events, runs and closes in the chains of the ledger.
    pub records: usize,
    /// Number of files that came out the same when their runs were made again.
    pub recomputed: usize,
}

/// Looks at the runs that are meant, their packs, and the ledger.
///
/// # Errors
/// [`LedgerError::Refused`] if no run is meant, and [`RunError`] for what cannot be looked at.
pub fn verify(request: &VerifyRequest, progress: &Progress) -> Result<Verified, RunError> {
    let ledger = stream_ledger::opened(&request.out)?;
    let log = ledger.read(runs::all)?;
    let closes = ledger.read(closes::all)?;
    let mut meant = select(&request.meant, &log, &closes)?;
    if let Some(name) = &request.pipeline {
        meant.runs.retain(|run| run.pipeline == *name);
        meant.packs.retain(|close| close.pipeline == *name);
    }
    let mut found = Verified::default();
    audit_ledger(&request.out, &ledger, &log, &closes, &mut found)?;
    let needed = needed_runs(&request.out, &log, &closes)?;
    let state = request
        .plan
        .as_ref()
        .and_then(|plan| plan.fetching.as_ref())
        .map(|fetching| fetching.state.clone());
    let mut inputs = HashedInputs::default();
    for run in &meant.runs {
        let folder = request.out.join("runs").join(&run.run_id);
        if !folder.is_dir() && !needed.contains(&run.run_id) {
            found.notes.push(format!(
                "run {} (`{}`): not there any more; nothing needs it",
                run.run_no, run.run_id
            ));
            continue;
        }
        let is_needed = needed.contains(&run.run_id);
        let state = state.as_deref();
        verify_run((run, is_needed), &folder, state, &mut inputs, &mut found);
        if request.is_recomputed {
            make_again(request, run, &folder, progress, &mut found)?;
        }
    }
    for close in &meant.packs {
        verify_pack(&request.out, close, &mut found);
    }
    found.inputs = inputs.files();
    found.input_bytes = inputs.bytes;
    Ok(found)
}

/// Runs and packs that are looked at.
struct Selected<'l> {
    runs: Vec<&'l RunRow>,
    packs: Vec<&'l CloseRow>,
}

/// Runs that are meant, each once under its last row of the log, and the packs of their periods.
fn select<'l>(
    meant: &Meant,
    log: &'l [RunRow],
    closes: &'l [CloseRow],
) -> Result<Selected<'l>, RunError> {
    let mut by_id: BTreeMap<&str, &RunRow> = BTreeMap::new();
    let mut newest: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for run in log.iter().filter(|run| run.published) {
        by_id.insert(&run.run_id, run);
        if run.is_current {
            newest.insert((&run.period, &run.pipeline), &run.run_id);
        }
    }
    let is_closed = |run: &RunRow| {
        closes
            .iter()
            .any(|close| close.event == CLOSED && close.run_id == run.run_id)
    };
    let is_newest = |run: &RunRow| {
        newest.get(&(run.period.as_str(), run.pipeline.as_str())) == Some(&run.run_id.as_str())
    };
    let is_usual = |run: &RunRow| is_newest(run) || is_closed(run);
    let has_period = |period: &str| {
        by_id.values().any(|run| run.period == period)
            || closes.iter().any(|close| close.period == period)
    };
    let is_meant = |run: &RunRow| match meant {
        Meant::All => true,
        Meant::Usual => is_usual(run),
        Meant::Period(period) => run.period == *period && is_usual(run),
        Meant::Named(name) if has_period(name) => run.period == *name && is_usual(run),
        Meant::Named(name) => {
            run.run_id == *name
                || log
                    .iter()
                    .any(|row| row.run_id == run.run_id && row.run_no.to_string() == *name)
        }
    };
    let mut meant_runs: Vec<&RunRow> = by_id
        .values()
        .copied()
        .filter(|run| is_meant(run))
        .collect();
    meant_runs.sort_by_key(|run| run.run_no);
    let is_pack_meant = |close: &CloseRow| match meant {
        Meant::All | Meant::Usual => true,
        Meant::Period(period) => close.period == *period,
        Meant::Named(name) if has_period(name) => close.period == *name,
        Meant::Named(_) => meant_runs.iter().any(|run| run.run_id == close.run_id),
    };
    let packs: Vec<&CloseRow> = closes
        .iter()
        .filter(|close| close.event == CLOSED && is_pack_meant(close))
        .collect();
    match (meant, meant_runs.is_empty()) {
        (Meant::Period(name) | Meant::Named(name), true) => {
            Err(RunError::from(LedgerError::Refused {
                what: format!("`{name}`"),
                found: "neither a period nor a run of the ledger".to_owned(),
                wanted: "a period such as `2026-10`, the id of a run, or its number".to_owned(),
                hint: "`tieout runs` lists them".to_owned(),
            }))
        }
        _ => Ok(Selected {
            runs: meant_runs,
            packs,
        }),
    }
}

/// Ids of the runs that `prune` never removes.
pub(super) fn needed_runs(
    out: &Path,
    log: &[RunRow],
    closes: &[CloseRow],
) -> Result<BTreeSet<String>, RunError> {
    let mut needed: BTreeSet<String> = pointed_runs(out)?.into_iter().collect();
    let mut newest: BTreeMap<_, &str> = BTreeMap::new();
    for run in log.iter().filter(|run| run.is_current) {
        newest.insert(run.stream(), &run.run_id);
    }
    needed.extend(newest.into_values().map(str::to_owned));
    needed.extend(closes.iter().map(|close| close.run_id.clone()));
    Ok(needed)
}

/// Looks at the ledger's own proofs, and at the pointer that follows from it.
fn audit_ledger(
    out: &Path,
    ledger: &Ledger,
    log: &[RunRow],
    closes: &[CloseRow],
    found: &mut Verified,
) -> Result<(), RunError> {
    let faults = ledger.read(audit::faults)?;
    let place = ledger.path();
    let faults = faults
        .into_iter()
        .map(|fault| Fault::new(place, fault, "the ledger as it was written"));
    found.faults.extend(faults);
    for (path, words) in exports::changed(out, ledger)? {
        let wanted = "the table as the ledger gives it";
        found.faults.push(Fault::new(&path, words, wanted));
    }
    let pointed = ledger.read(|connection| runs::pointed_at(connection, None))?;
    let current = current_run(out);
    if let Some(newest) = pointed.filter(|newest| current.as_ref() != Some(&newest.run_id)) {
        let words = match current {
            Some(other) => format!("a pointer to run `{other}`"),
            None => "no pointer to a run".to_owned(),
        };
        let wanted = format!("one to run `{}`, the newest complete one", newest.run_id);
        found
            .faults
            .push(Fault::new(&out.join("current"), words, wanted));
    }
    let events = ledger.read(|connection| crate::ledger::events::list(connection, None))?;
    found.records = events.len() + log.len() + closes.len();
    Ok(())
}

/// Looks at the folder and the inputs of a run. Of one that nothing needs any more, files that were
/// replaced since are no fault: the next month has the same names.
fn verify_run(
    (run, is_needed): (&RunRow, bool),
    folder: &Path,
    state: Option<&Path>,
    inputs: &mut HashedInputs,
    found: &mut Verified,
) {
    found.runs.push(run.run_id.clone());
    let hashed = match hashed_files::manifest_in(folder) {
        Ok(hashed) => hashed,
        Err(fault) => {
            found.faults.push(fault);
            return;
        }
    };
    if hashed.blake3 != run.manifest_hash {
        let words = format!(
            "another manifest than that of run {} in the log",
            run.run_no
        );
        let wanted = "the file as it was published";
        found
            .faults
            .push(Fault::new(&folder.join(MANIFEST), words, wanted));
    }
    let outputs = hashed_files::outputs(&hashed.manifest);
    found.outputs += outputs.len() + 1;
    found
        .faults
        .extend(hashed_files::of_folder(folder, &outputs));
    let moved = inputs.of_run(&hashed.manifest, state);
    let is_landed = |fault: &Fault| fault.place.contains("landing/");
    let (kept, replaced): (Vec<Fault>, Vec<Fault>) = moved
        .into_iter()
        .partition(|fault| is_needed || is_landed(fault));
    if !replaced.is_empty() {
        found.notes.push(format!(
            "run {} (`{}`): {} of its inputs replaced since; nothing needs it",
            run.run_no,
            run.run_id,
            replaced.len()
        ));
    }
    for fault in kept {
        // Many runs were made of the same file.
        if !found.faults.contains(&fault) {
            found.faults.push(fault);
        }
    }
}

/// Makes a run again with the pipeline of the request.
fn make_again(
    request: &VerifyRequest,
    run: &RunRow,
    folder: &Path,
    progress: &Progress,
    found: &mut Verified,
) -> Result<(), RunError> {
    let (Some(plan), Ok(hashed)) = (&request.plan, hashed_files::manifest_in(folder)) else {
        return Ok(());
    };
    if plan.name != run.pipeline {
        found.notes.push(format!(
            "run {} (`{}`): of pipeline `{}`, and not made again with `{}`",
            run.run_no, run.run_id, run.pipeline, plan.name
        ));
        return Ok(());
    }
    let made = recompute(plan, &request.out, &hashed.manifest, progress)?;
    if !made.note.is_empty() {
        found.notes.push(format!(
            "run {} (`{}`): {}",
            run.run_no, run.run_id, made.note
        ));
    }
    found.faults.extend(made.faults);
    found.recomputed += made.same;
    Ok(())
}

/// Looks at the files of a closing pack. Its inputs are those of its run, and are looked at there.
fn verify_pack(out: &Path, close: &CloseRow, found: &mut Verified) {
    let folder = out.join(&close.pack);
    found.packs.push(close.pack.clone());
    let path = folder.join(HASHES);
    let wanted = "the list of hashes as the close wrote it";
    let mut fault = |words: &str| found.faults.push(Fault::new(&path, words, wanted));
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) => return fault(&format!("a file that cannot be read ({error})")),
    };
    let hash = blake3::hash(&text).to_hex().to_string();
    if pack::hash_in_totals(&close.totals) != Some(hash.as_str()) {
        return fault("other bytes");
    }
    let listed = String::from_utf8(text)
        .ok()
        .and_then(|text| pack::hashes_in(&text));
    let Some(listed) = listed else {
        return fault("something else than hashes and names");
    };
    let files: Vec<(String, String)> = listed
        .into_iter()
        .filter(|(name, _)| Path::new(name).is_relative())
        .collect();
    found.outputs += files.len() + 1;
    found
        .faults
        .extend(hashed_files::of_folder(&folder, &files));
}
