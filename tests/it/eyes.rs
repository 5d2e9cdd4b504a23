//! 529 small files of every text format with the answer that an expert insists on, written from the
//! public documents alone, by somebody who had not read the decoders: how many rows are used, how
//! many are rejected, what they come to, or which words an error must have.
//!
//! `eyes/known.txt` names the files of which the answer is another one, each with what it is; the
//! list can only shrink. `TIEOUT_EYES=record` writes it anew.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;
use tieout::model::dataset::Dataset;

use crate::fixtures::{LINE, USAGE, sheet};
use crate::program::PACKAGE;
use crate::runs::{Globs, reconcile};

/// What became of a file.
enum Got {
    Read {
        rows: u64,
        rejected: u64,
        sum: String,
        told: String,
    },
    Refused(String),
}

fn folder() -> PathBuf {
    Path::new(PACKAGE).join("tests/it/eyes")
}

fn cases() -> Vec<Value> {
    let file = std::fs::File::open(folder().join("files.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let cases = text.lines().map(|line| serde_json::from_str(line).unwrap());
    cases.collect()
}

fn bytes_of(case: &Value) -> Vec<u8> {
    use base64::Engine as _;
    match case["base64"].as_str() {
        Some(text) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap(),
        None => case["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// One usual file of usage and one of lines, so that the run has both sides.
fn usual_files(folder: &Path) -> Globs {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        vec![path.to_string_lossy().into_owned()]
    };
    [
        write("usual-usage.csv", sheet(USAGE, &[&[]])),
        write("usual-lines.csv", sheet(LINE, &[&[]])),
        Vec::new(),
    ]
}

/// Runs over the file, beside the usual files of the other datasets.
fn got(case: &Value) -> Got {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(case["file"].as_str().unwrap());
    std::fs::write(&path, bytes_of(case)).unwrap();
    let name = case["dataset"].as_str().unwrap();
    let at = Dataset::ALL
        .iter()
        .position(|dataset| dataset.name() == name)
        .unwrap();
    let mut globs = usual_files(folder.path());
    globs[at] = vec![path.to_string_lossy().into_owned()];
    let out = folder.path().join("out");
    let outcome = match reconcile(&globs, &out, None) {
        Ok(outcome) => outcome,
        Err(error) => return Got::Refused(error.to_string()),
    };
    let manifest = outcome.folder.join("manifest.json");
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let input = |inputs: &Value| {
        let mut inputs = inputs.as_array().unwrap().clone();
        inputs.retain(|input| input["dataset"] == name);
        inputs.remove(0)
    };
    let input = input(&manifest["inputs"]);
    let rejected = input["rows_rejected"].as_u64().unwrap();
    let laws = manifest["control_totals"].as_array().unwrap();
    let sum = laws
        .iter()
        .filter(|law| law["step"] == "aggregate" && law["source"] == name)
        .map(|law| law["amount_in"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ");
    Got::Read {
        rows: input["rows"].as_u64().unwrap() - rejected,
        rejected,
        sum,
        told: manifest["warnings"].to_string().to_lowercase(),
    }
}

/// What is wrong with an answer; `None` where it is the wanted one.
fn fault(wanted: &Value, got: &Got) -> Option<String> {
    match got {
        Got::Refused(words) => {
            let Some(must) = wanted["error"].as_array() else {
                return Some(format!("refused: {words}"));
            };
            let lower = words.to_lowercase();
            let lacks = must
                .iter()
                .map(|word| word.as_str().unwrap().to_lowercase())
                .find(|word| !lower.contains(word));
            lacks.map(|word| format!("no `{word}` in: {words}"))
        }
        Got::Read {
            rows,
            rejected,
            sum,
            told,
        } => {
            if wanted["error"].is_array() {
                return Some(format!("read: {rows} rows, {rejected} rejected"));
            }
            let counts = [("rows", rows), ("rejected", rejected)];
            for (name, found) in counts {
                if wanted[name].as_u64() != Some(*found) {
                    return Some(format!("{rows} rows, {rejected} rejected, sum {sum}"));
                }
            }
            let is_single = !sum.is_empty() && !sum.contains(' ');
            if let Some(wanted) = wanted["sum"].as_str().filter(|_| is_single)
                && !is_equal(wanted, sum)
            {
                return Some(format!("sum {sum}, wanted {wanted}"));
            }
            let words = wanted["told"].as_array().into_iter().flatten();
            let mut words = words.map(|word| word.as_str().unwrap().to_lowercase());
            words
                .find(|word| !told.contains(word))
                .map(|word| format!("`{word}` is not told: {told}"))
        }
    }
}

fn is_equal(left: &str, right: &str) -> bool {
    let number = |text: &str| {
        tieout::model::decimal::parse(text.as_bytes(), 20)
            .unwrap()
            .value
    };
    number(left) == number(right)
}

#[test]
fn every_file_has_the_answer_that_an_expert_wants() {
    let cases = cases();
    assert!(cases.len() >= 529, "{} files", cases.len());
    let found: BTreeMap<String, String> = cases
        .par_iter()
        .filter_map(|case| {
            let got = got(case);
            let wanted = fault(&case["wanted"], &got)?;
            let mut others = case["or"].as_array().into_iter().flatten();
            if others.any(|other| fault(other, &got).is_none()) {
                return None;
            }
            Some((case["name"].as_str().unwrap().to_owned(), wanted))
        })
        .collect();
    let path = folder().join("known.txt");
    if std::env::var("TIEOUT_EYES").is_ok_and(|asked| asked == "record") {
        let lines = found.iter().map(|(name, fault)| {
            let short: String = fault.replace('\n', " ").chars().take(160).collect();
            format!("{name}: {short}\n")
        });
        return std::fs::write(path, lines.collect::<String>()).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap();
    let known: Vec<&str> = known
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let new: Vec<_> = found
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .collect();
    assert!(new.is_empty(), "{} surprises: {new:#?}", new.len());
    let mended: Vec<_> = known
        .iter()
        .filter(|name| !found.contains_key(**name))
        .collect();
    assert!(
        mended.is_empty(),
        "these hold: remove them from the list: {mended:?}"
    );
}
