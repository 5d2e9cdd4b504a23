//! Rows of the other datasets, from files or fetched, into the comparisons that want them.

use std::path::{Path, PathBuf};

use crate::decode::records::{self, RecordsRead, Value};
use crate::engine::fold::entries::{Entries, Field};
use crate::model::record::{RecordColumn, RecordSet};
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::{Plan, RecordSource};
use crate::pipeline::plan::survey;
use crate::reports::manifest;
use crate::sources::files::{self, FileUnit};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What was read of the other datasets.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Their rows, summed up.
    pub entries: Entries,
    /// Their units, for the manifest.
    pub inputs: Vec<manifest::Input>,
    /// Rows that could not be used: dataset, unit and how many.
    pub rejected: Vec<(&'static str, String, u64)>,
}

impl Gathered {
    /// Notes a unit that was read.
    pub(crate) fn note(
        &mut self,
        set: &'static RecordSet,
        unit: &FileUnit,
        read: &RecordsRead,
        etag: Option<String>,
    ) {
        self.inputs.push(input(set, unit, read, etag));
        if read.rows_rejected > 0 {
            self.rejected
                .push((set.name, unit.name.clone(), read.rows_rejected));
        }
    }

    /// Takes over what another has.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.entries.absorb(other.entries);
        self.inputs.extend(other.inputs);
        self.rejected.extend(other.rejected);
    }
}

/// Puts rows of one set into the entries.
pub(crate) struct Taker {
    set: &'static RecordSet,
    columns: Vec<RecordColumn>,
}

impl Taker {
    /// For a set that a comparison wants; `None` for others.
    pub(crate) fn of(set: &'static RecordSet) -> Option<Self> {
        Entries::takes(set.name).then(|| Self {
            set,
            columns: set.columns(),
        })
    }

    /// Adds a row: what was asked for, and the answer's values.
    pub(crate) fn take(&self, entries: &mut Entries, context: &[&str], values: &[Value]) {
        entries.add(self.set.name, &|name: &str| {
            if let Some(text) = self
                .set
                .context
                .iter()
                .position(|known| *known == name)
                .and_then(|at| context.get(at))
            {
                return Field::Text(text);
            }
            let value = self
                .columns
                .iter()
                .position(|column| column.name == name)
                .and_then(|at| values.get(at));
            match value {
                Some(Value::Text(text)) => Field::Text(text),
                Some(Value::Decimal(number)) => Field::Decimal(*number),
                Some(Value::Day(day)) => Field::Day(*day),
                Some(Value::Instant(instant)) => {
                    Field::Day(i32::try_from(instant.div_euclid(DAY)).unwrap_or(0))
                }
                _ => Field::Missing,
            }
        });
    }
}

/// The unit of a file, for the manifest.
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

/// Reads the files of a plan's other datasets.
///
/// # Errors
/// [`RunError`] for a path that finds nothing, or a file that cannot be used.
pub(crate) fn read(plan: &Plan) -> Result<Gathered, RunError> {
    let mut gathered = Gathered::default();
    for source in &plan.records {
        let Some(taker) = Taker::of(source.set) else {
            continue;
        };
        for (path, context) in files_of(source)? {
            let unit = files::identify(&path)?;
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            let entries = &mut gathered.entries;
            let read = records::read(&unit.name, &path, source.set, &mut |values| {
                taker.take(entries, &context, values);
                Ok(())
            })?;
            gathered.note(source.set, &unit, &read, None);
        }
    }
    Ok(gathered)
}

/// The files of a source, each with the texts that its path holds for the columns that were asked
/// for, in their order.
fn files_of(source: &RecordSource) -> Result<Vec<(PathBuf, Vec<String>)>, RunError> {
    let mut found = Vec::new();
    for pattern in &source.paths {
        let missing = |(found, hint)| RunError::NoInput {
            dataset: source.set.name,
            found,
            hint,
        };
        for path in survey::find_any(&glob_of(pattern)).map_err(missing)? {
            let context = source
                .set
                .context
                .iter()
                .map(|name| captured(pattern, &path, name).unwrap_or_default())
                .collect();
            found.push((path, context));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// A pattern's glob: `{customer_id}` stands for any text within a step of the path.
pub(crate) fn glob_of(pattern: &str) -> String {
    let mut glob = String::new();
    let mut rest = pattern;
    while let Some((before, _, after)) = capture(rest) {
        glob.push_str(before);
        glob.push('*');
        rest = after;
    }
    glob.push_str(rest);
    glob
}

/// Names in braces of a pattern.
pub(crate) fn names_in(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some((_, name, after)) = capture(rest) {
        names.push(name);
        rest = after;
    }
    names
}

fn capture(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// What stands in a path where its pattern has `{name}`: the step of the path, without what is
/// written around the braces.
fn captured(pattern: &str, path: &Path, name: &str) -> Option<String> {
    let steps = |path: &Path| {
        path.iter()
            .map(|step| step.to_string_lossy().into_owned())
            .collect::<Vec<String>>()
    };
    let (wanted, found) = (steps(Path::new(pattern)), steps(path));
    let braced = format!("{{{name}}}");
    let at = wanted.iter().position(|step| step.contains(&braced))?;
    // Counted from the end: what is before may be written in another way.
    let found = found.get((found.len() + at).checked_sub(wanted.len())?)?;
    let (before, after) = wanted.get(at)?.split_once(&braced)?;
    found
        .strip_prefix(before)?
        .strip_suffix(after)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_for_whom_they_are() {
        let pattern = "a/{customer_id}/usage-{subscription_id}.json";
        assert_eq!(glob_of(pattern), "a/*/usage-*.json");
        assert_eq!(names_in(pattern), ["customer_id", "subscription_id"]);
        let path = Path::new("a/C-1/usage-s2.json");
        assert_eq!(captured(pattern, path, "customer_id").unwrap(), "C-1");
        assert_eq!(captured(pattern, path, "subscription_id").unwrap(), "s2");
        assert_eq!(captured(pattern, path, "period"), None);
    }
}
