//! Evidence of an explanation: the source lines of each dataset as CSV, under the headings of their
//! sources, each with the name and the hash of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::answer::{Explanation, Group, SourceLine};
use crate::model::dataset::Dataset;
use crate::model::record::RECORD_SETS;
use crate::pipeline::failure::RunError;
use crate::reports::csv::guarded;
use crate::reports::single_files::write_new;

/// Columns before those of the source: which group, and where the line comes from.
const PLACE: [&str; 4] = ["break_id", "file", "blake3", "line"];

fn path_of(folder: &Path, dataset: &str) -> PathBuf {
    folder.join(format!("{dataset}.csv"))
}

/// Fails if a file of evidence is in the folder already: one break's lines must not be taken for
/// another's.
///
/// # Errors
/// [`RunError::NotThere`].
pub(super) fn ensure_free(folder: &Path) -> Result<(), RunError> {
    let datasets = Dataset::ALL.map(Dataset::name).into_iter();
    let datasets = datasets.chain(RECORD_SETS.iter().map(|set| set.name));
    let mut paths = datasets.map(|dataset| path_of(folder, dataset));
    match paths.find(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(RunError::NotThere {
            what: "`--evidence`".to_owned(),
            found: format!("`{}`", path.display()),
            wanted: "a folder without such files".to_owned(),
            hint: "name another folder".to_owned(),
        }),
    }
}

/// Writes a file for each dataset that the explanation has lines of.
///
/// # Errors
/// [`RunError::Publish`].
pub(super) fn write(folder: &Path, found: &Explanation) -> Result<(), RunError> {
    let mut datasets: BTreeMap<&str, Vec<(&Group, &SourceLine)>> = BTreeMap::new();
    for group in &found.groups {
        for line in group.expected.lines.iter().chain(&group.invoiced.lines) {
            datasets
                .entry(line.dataset)
                .or_default()
                .push((group, line));
        }
    }
    for (dataset, mut lines) in datasets {
        // Lines that are held against themselves stand on both sides.
        let mut met = BTreeSet::new();
        lines.retain(|(group, line)| met.insert((&group.break_id, &line.unit, line.line)));
        write_new(&path_of(folder, dataset), |file| write_lines(&lines, file))?;
    }
    Ok(())
}

fn write_lines(lines: &[(&Group, &SourceLine)], out: &mut dyn io::Write) -> io::Result<()> {
    let headings = headings_of(lines);
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(PLACE.into_iter().chain(headings.iter().copied()))?;
    for (group, line) in lines {
        let number = line.line.to_string();
        let cells: BTreeMap<&str, &str> = line
            .cells
            .iter()
            .map(|(heading, text)| (&**heading, &**text))
            .collect();
        let place = [&group.break_id, &line.unit, &line.blake3, &number].map(String::as_str);
        let of_source = headings
            .iter()
            .map(|heading| cells.get(heading).copied().unwrap_or_default());
        let record = place.into_iter().chain(of_source).map(guarded);
        writer.write_record(record.map(std::borrow::Cow::into_owned))?;
    }
    writer.flush()
}

/// Headings of all lines, in the order in which they come.
fn headings_of<'l>(lines: &[(&Group, &'l SourceLine)]) -> Vec<&'l str> {
    let mut met = BTreeSet::new();
    let mut headings = Vec::new();
    for (heading, _) in lines.iter().flat_map(|(_, line)| &line.cells) {
        if met.insert(&**heading) {
            headings.push(&**heading);
        }
    }
    headings
}
