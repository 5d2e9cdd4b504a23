//! The scenario suite: small months as readable text, each with the answer that an expert wants.
//! They were written from the documents of the domain by someone who had not seen the engine.
//!
//! `months/*.month` are the months, `known.txt` names those that do not hold yet. The list can only
//! shrink: a month that begins to hold must be taken off it, and `TIEOUT_SCENARIOS=record` takes
//! names off and writes anew what was got, but adds no name. `TIEOUT_SCENARIOS='show NAME'` prints
//! one month: what is wanted, what was published, and where the two differ.

mod answer;
pub(crate) mod defaults;
pub(crate) mod inputs;
mod judge;
mod known;
pub(crate) mod month;
mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::month::Month;
use crate::program::PACKAGE;

/// Files of the suite.
fn folder() -> PathBuf {
    Path::new(PACKAGE).join("tests/it/scenarios")
}

/// All months, in the order of their names.
fn months() -> Vec<Month> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join("months"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| Month::read(path)).collect()
}

/// What is wrong with each month; an empty list for one that holds.
fn judged(months: &[Month]) -> BTreeMap<String, Vec<String>> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    // More than the cores: a run of a few rows waits for the disk most of the time.
    let workers = 8 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(month) = months.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let wrong = judge::faults(month, &run::run(month));
                    found.lock().unwrap().insert(month.name.clone(), wrong);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// Every month that is not named in `known.txt` has the wanted answer, and every other has not.
#[test]
fn every_month_has_the_answer_that_an_expert_wants() {
    let asked = std::env::var("TIEOUT_SCENARIOS").unwrap_or_default();
    let months = months();
    if let Some(name) = asked.strip_prefix("show ") {
        return show(months.iter().find(|month| month.name == name).unwrap());
    }
    assert!(months.len() >= 314, "{} months", months.len());
    let found = judged(&months);
    let path = folder().join("known.txt");
    if asked == "record" {
        return known::record(&path, &found);
    }
    let surprises = known::surprises(&path, &found);
    assert!(
        surprises.is_empty(),
        "{} surprises\n{}\nTIEOUT_SCENARIOS='show NAME' shows one",
        surprises.len(),
        surprises.join("\n")
    );
}

/// Prints one month: its text, what was published, and where the two differ.
#[expect(clippy::print_stderr, reason = "shown to the person who asks for it")]
fn show(month: &Month) {
    let got = run::run(month);
    eprintln!("{}\n--- got\n{}", month.text.trim_end(), got.shown());
    let wrong = judge::faults(month, &got);
    eprintln!("--- {} faults\n{}", wrong.len(), wrong.join("\n"));
}
