//! A folder with inputs and output as a whole: copied, listed, its current run and its ledger read
//! back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use tieout::ledger::failure::LedgerError;
use tieout::ledger::store::Ledger;
use tieout::ledger::{audit, breaks, closes, events, runs};

/// Copies a folder with its links.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

/// Id of the run that `current` leads to; empty if there is none.
pub(crate) fn current(world: &Path) -> String {
    let led = fs::canonicalize(world.join("out/current")).unwrap_or_default();
    led.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// What the ledger says: its breaks, its events, its closes, and the runs that became current, without numbers
/// of runs and times. Of a copy, as whoever opens it may mend it.
pub(crate) fn ledger(world: &Path) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ledger.db", "ledger.db-journal"] {
        let from = world.join("out").join(name);
        if from.exists() {
            fs::copy(from, folder.path().join(name)).unwrap();
        }
    }
    let read = || -> Result<_, LedgerError> {
        let ledger = Ledger::open(folder.path())?;
        let faults = ledger.read(audit::faults)?;
        let mut said: Vec<String> = Vec::new();
        for (stream, one) in ledger.read(breaks::all)? {
            let (id, amount) = (&one.found.break_id, &one.found.amount);
            let (state, owner) = (one.state, &one.owner);
            said.push(format!("{stream:?} {id} {amount} {state:?} {owner}"));
        }
        for event in ledger.read(|connection| events::list(connection, None))? {
            let (id, amount) = (&event.break_id, &event.amount);
            let (actor, kind) = (&event.actor, &event.event);
            said.push(format!("{} {id} {kind} {amount} {actor}", event.event_no));
        }
        for close in ledger.read(closes::all)? {
            said.push(format!("{} {} by {}", close.event, close.period, close.by));
        }
        let mut current: Vec<String> = ledger
            .read(runs::all)?
            .into_iter()
            .filter(|run| run.is_current)
            .map(|run| run.run_id)
            .collect();
        current.dedup();
        Ok((faults, [said, current].concat()))
    };
    match read() {
        Ok((faults, said)) if faults.is_empty() => Ok(said),
        Ok((faults, _)) => Err(format!("the ledger: {}", faults.join("; "))),
        Err(error) => Err(format!("the ledger: {error}")),
    }
}

/// Names of everything below a folder, with the targets of links. Copies of the ledger's tables have
/// numbers, which grow with whatever is noted.
pub(crate) fn names(world: &Path) -> Vec<String> {
    let listed = Command::new("find")
        .args([".", "-printf", "/%P %y %l\\n"])
        .current_dir(world)
        .output()
        .unwrap();
    let mut names: Vec<String> = String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .map(|line| match line.split_once("ledger-tables/") {
            Some((before, rest)) => {
                let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
                format!("{before}ledger-tables/N{rest}")
            }
            None => line.to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The files of the current run by name. The manifest is left out: it tells which run came before.
pub(crate) fn tables(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(files) = fs::read_dir(world.join("out/current")) else {
        return BTreeMap::new();
    };
    files
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), file.path()))
        .filter(|(name, _)| name != "manifest.json")
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

/// Checks that a run has every file of its manifest, as it was written, and no other.
pub(crate) fn whole(run: &Path) -> Result<(), String> {
    let manifest = fs::read(run.join("manifest.json")).map_err(|error| error.to_string())?;
    let manifest: serde_json::Value =
        serde_json::from_slice(&manifest).map_err(|error| error.to_string())?;
    let outputs = manifest["outputs"].as_array().ok_or("no outputs")?;
    for output in outputs {
        let name = output["file"].as_str().unwrap();
        let bytes = fs::read(run.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if blake3::hash(&bytes).to_hex().as_str() != output["blake3"] {
            return Err(format!("{name}: other bytes"));
        }
    }
    let found = fs::read_dir(run).unwrap().count();
    if found == outputs.len() + 1 {
        Ok(())
    } else {
        Err(format!("{found} files"))
    }
}
