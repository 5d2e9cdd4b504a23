//! Rows of the datasets other than usage, lines and invoices, from files or fetched: summed up for
//! the tie-outs that compare them. Those datasets are small, and are read one file after another.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::held_reading::{ExpectedContent, read_held};
use super::page_lists::PageLists;
use crate::decode::records::{self, RecordsRead, Value};
use crate::engine::fold::entries::{Entries, Field};
use crate::model::record::{RecordColumn, RecordSet};
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::globs;
use crate::pipeline::plan::pipeline_plan::{Plan, RecordSource};
use crate::reports::manifest;
use crate::sources::files::{self, FileUnit, HeldFile};

/// Microseconds in a day, for instants in microseconds since 1970.
const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// Rows and units of all record sets that were read.
#[derive(Debug, Default)]
pub(crate) struct RecordReadings {
    /// Rows, summed up by their keys.
    pub entries: Entries,
    /// Units, for the manifest.
    pub inputs: Vec<manifest::Input>,
    /// Units with rows that could not be used: dataset, name of the unit, number of rows.
    pub rejected: Vec<(&'static str, String, u64)>,
    /// Warnings for the user about single units.
    pub warnings: Vec<String>,
}

impl RecordReadings {
    /// Adds the unit of a file that was read.
    pub(crate) fn note(
        &mut self,
        set: &'static RecordSet,
        unit: &FileUnit,
        read: &RecordsRead,
        etag: Option<String>,
    ) {
        self.inputs.push(input(set, unit, read, etag));
        self.warnings.extend(read.warning.clone());
        if read.rows_rejected > 0 {
            self.rejected
                .push((set.name, unit.name.clone(), read.rows_rejected));
        }
    }

    /// Adds the readings of another source.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.entries.absorb(other.entries);
        self.inputs.extend(other.inputs);
        self.rejected.extend(other.rejected);
        self.warnings.extend(other.warnings);
    }
}

/// Adds rows of one record set to the entries.
pub(crate) struct RecordTaker {
    set: &'static RecordSet,
    columns: Vec<RecordColumn>,
}

impl RecordTaker {
    /// Taker for a set that a tie-out compares; `None` for other sets.
    pub(crate) fn of(set: &'static RecordSet) -> Option<Self> {
        Entries::takes(set.name).then(|| Self {
            set,
            columns: set.columns(),
        })
    }

    /// Adds a row: `context` are the parameters of the request, parallel to the set's, and `values`
    /// those of the response, parallel to its columns.
    pub(crate) fn take(&self, entries: &mut Entries, context: &[&str], values: &[Value]) {
        entries.add(self.set.name, &|name: &str| {
            let parameters = self.set.context;
            if let Some(at) = parameters.iter().position(|known| *known == name) {
                return Field::Text(context[at]);
            }
            // A tie-out that needs no such column of this set asks for one without a name.
            let Some(at) = self.columns.iter().position(|column| column.name == name) else {
                return Field::Missing;
            };
            field_of(&values[at])
        });
    }
}

/// A value of a response as the tie-outs take it: of an instant its day.
pub(crate) fn field_of(value: &Value) -> Field<'_> {
    match value {
        Value::Text(text) => Field::Text(text),
        Value::Decimal(number) => Field::Decimal(*number),
        Value::Day(day) => Field::Day(*day),
        Value::Instant(instant) => {
            let day = instant.div_euclid(DAY_MICROSECONDS);
            Field::Day(i32::try_from(day).expect("64 bits of microseconds are 2^27 days"))
        }
        Value::Boolean(is_true) => Field::Flag(*is_true),
        Value::Missing | Value::Integer(_) => Field::Missing,
    }
}

/// Manifest's entry for a file.
fn input(
    set: &RecordSet,
    unit: &FileUnit,
    read: &RecordsRead,
    etag: Option<String>,
) -> manifest::Input {
    manifest::Input {
        dataset: set.name.to_owned(),
        unit: unit.name.clone(),
        format: read.format.to_owned(),
        blake3: unit.blake3.clone(),
        bytes: unit.bytes,
        rows: read.rows,
        rows_rejected: read.rows_rejected,
        etag,
    }
}

/// Reads the files of a plan's record sets.
///
/// # Errors
/// [`RunError`] for a glob that matches no file, or a file that cannot be used.
pub(crate) fn read(plan: &Plan) -> Result<RecordReadings, RunError> {
    read_those(plan, &|_, _| true)
}

/// Reads those files of a plan's record sets that are wanted, by dataset and name.
///
/// # Errors
/// Those of [`read`].
pub(crate) fn read_those(
    plan: &Plan,
    is_wanted: &dyn Fn(&str, &str) -> bool,
) -> Result<RecordReadings, RunError> {
    let mut readings = RecordReadings::default();
    let mut lists = PageLists::default();
    for source in &plan.records {
        let Some(taker) = RecordTaker::of(source.set) else {
            continue;
        };
        // One file after another: these datasets are small beside usage.
        for (path, context) in files_of(source)? {
            let name = files::name_of(&path);
            if !is_wanted(source.set.name, &name) {
                continue;
            }
            let held = HeldFile::open(&path)?;
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            let entries = &mut readings.entries;
            let expected = ExpectedContent {
                blake3: None,
                otherwise: &|| held.changed().into(),
            };
            let (read, blake3) = read_held(&held, &expected, |file| {
                let read = records::read(&name, file, source.set, &mut |values| {
                    taker.take(entries, &context, values);
                    Ok(())
                })?;
                let hash = read.blake3.clone();
                Ok((read, hash))
            })?;
            let unit = FileUnit {
                name,
                blake3,
                bytes: held.bytes(),
                path,
            };
            readings.note(source.set, &unit, &read, None);
            lists.note(source.set.name, &unit.name, read.page);
        }
    }
    lists.check()?;
    Ok(readings)
}

/// Files of a source, each with the parameters of its request, which its path holds, in the order
/// of the set's. A parameter that the pattern does not name is empty.
fn files_of(source: &RecordSource) -> Result<Vec<(PathBuf, Vec<String>)>, RunError> {
    let dataset = source.set.name;
    // By path: two globs of a source may match the same file, which is read once.
    let mut found: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for pattern in &source.paths {
        for path in globs::find_input(dataset, &globs::glob_of(pattern))? {
            let mut context = Vec::with_capacity(source.set.context.len());
            for name in source.set.context {
                let told = globs::captured(pattern, &path, name)
                    .map_err(|fault| globs::no_input(dataset, fault))?;
                context.push(told.unwrap_or_default());
            }
            match found.insert(path.clone(), context.clone()) {
                Some(other) if other != context => {
                    return Err(RunError::NoInput {
                        dataset,
                        found: format!(
                            "`{}` under two patterns that tell different names",
                            path.display()
                        ),
                        wanted: "one pattern for each file".to_owned(),
                        hint: "leave out one of the patterns: its rows would count twice"
                            .to_owned(),
                    });
                }
                _ => {}
            }
        }
    }
    Ok(found.into_iter().collect())
}
