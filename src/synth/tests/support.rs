//! Partners made for a test, and their files read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::decimal;
use crate::model::period::Period;
use crate::synth::{Format, Report, Request, generate};

pub(super) fn make(out: &Path, rows: u64, seed: u64, formats: &[Format], planted: bool) -> Report {
    let period = Period::parse("2026-10").unwrap();
    generate(&Request {
        rows,
        seed,
        out: out.to_owned(),
        period,
        formats: formats.to_vec(),
        planted,
    })
    .unwrap()
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

pub(super) fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder)
        .into_iter()
        .map(|path| {
            (
                path.strip_prefix(folder).unwrap().to_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect()
}

pub(super) fn csv_rows(folder: &Path) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for path in files(folder) {
        let text = std::fs::read(path).unwrap();
        let body = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        let mut reader = ::csv::Reader::from_reader(body);
        rows.extend(
            reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect()),
        );
    }
    rows
}

pub(super) fn value(text: &str, scale: u32) -> i128 {
    if text.is_empty() {
        0
    } else {
        decimal::parse(text.as_bytes(), scale).unwrap().value
    }
}

/// An object whose values are still text: a number read as a JSON value would pass through a float.
pub(super) type Raw = BTreeMap<String, Box<serde_json::value::RawValue>>;

pub(super) fn json_text(value: &serde_json::value::RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap(),
        other => other.to_owned(),
    }
}
