//! What a folder of several months holds on a day: which version of which month the service serves
//! then, as `months.json` has it.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use super::failure::SandboxError;

/// Index of the months in their folder.
const INDEX: &str = "months.json";

/// Folders that are served on a day.
#[derive(Debug, Default)]
pub(super) struct OnDay {
    /// Folders whose invoices and lines are there, a month each.
    pub(super) lines: Vec<PathBuf>,
    /// Folders whose daily rated usage is there.
    pub(super) usage: Vec<PathBuf>,
    /// Folder of the month of the day; `None` after the last month.
    pub(super) current: Option<PathBuf>,
    /// Folder of the month before, as long as it is not billed.
    pub(super) last: Option<PathBuf>,
    /// Folder that tells who is there: that of the newest month.
    pub(super) newest: PathBuf,
    /// All months that have begun: their exchange rates are known.
    pub(super) begun: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Index {
    months: Vec<Month>,
}

#[derive(Deserialize)]
struct Month {
    period: String,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    folder: String,
    /// First days as ISO texts, which compare as days do.
    lines_from: String,
    usage_from: String,
}

impl Month {
    /// Folder of the newest version that is there on a day, as `from` tells.
    fn on(&self, day: &str, from: impl Fn(&Version) -> &str) -> Option<&str> {
        let mut versions = self.versions.iter().rev();
        let there = versions.find(|version| from(version) <= day);
        there.map(|version| version.folder.as_str())
    }

    /// Folder of the first version.
    fn first(&self) -> Option<&str> {
        self.versions.first().map(|version| version.folder.as_str())
    }
}

/// True if a folder holds several months.
pub(super) fn has_months(folder: &Path) -> bool {
    folder.join(INDEX).exists()
}

/// What a folder holds on a day.
///
/// # Errors
/// [`SandboxError`] if it has no index, or no month has begun on that day.
pub(super) fn on_day(folder: &Path, day: NaiveDate) -> Result<OnDay, SandboxError> {
    let path = folder.join(INDEX);
    let no_data = |found: String| SandboxError::NoData {
        path: path.clone(),
        found,
    };
    let text = std::fs::read(&path).map_err(|_| no_data("no such file".to_owned()))?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|error| no_data(format!("another index of months ({error})")))?;
    let today = day.to_string();
    let this = day.format("%Y-%m").to_string();
    let mut found = OnDay::default();
    for month in index.months.iter().filter(|month| month.period <= this) {
        let at = |below: &str| folder.join(below);
        let lines = month.on(&today, |version| &version.lines_from).map(at);
        let usage = month.on(&today, |version| &version.usage_from).map(at);
        let Some(first) = month.first().map(at) else {
            return Err(no_data(format!("no version of {}", month.period)));
        };
        found.newest = usage.clone().unwrap_or_else(|| first.clone());
        found.begun.push(first.clone());
        let is_current = month.period == this;
        found.current = is_current.then(|| first.clone());
        // Until it is billed; after that, nobody asks the service for its unbilled data.
        if !is_current {
            found.last = lines.is_none().then_some(first);
        }
        found.lines.extend(lines);
        found.usage.extend(usage);
    }
    if found.begun.is_empty() {
        return Err(no_data(format!("no month that has begun on {day}")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_newest_version_of_each_month_and_unbilled_data_of_two() {
        let folder = tempfile::tempdir().expect("a folder");
        let version = |folder: &str, lines: &str, usage: &str| {
            format!(r#"{{"folder":"{folder}","lines_from":"{lines}","usage_from":"{usage}"}}"#)
        };
        let text = format!(
            r#"{{"months":[{{"period":"2026-10","versions":[{},{}]}},{{"period":"2026-11","versions":[{}]}}]}}"#,
            version("2026-10/1", "2026-11-06", "2026-11-08"),
            version("2026-10/2", "2026-11-10", "2026-11-10"),
            version("2026-11/1", "2026-12-07", "2026-12-08"),
        );
        std::fs::write(folder.path().join(INDEX), text).expect("a new file");
        let names = |folders: &[PathBuf]| {
            let below = folders.iter().map(|it| it.strip_prefix(folder.path()));
            let names = below.map(|it| it.expect("below").display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        let on = |day: &str| {
            let day = day.parse().expect("a day");
            let found = on_day(folder.path(), day).expect("a month");
            let unbilled: Vec<PathBuf> = found.current.into_iter().chain(found.last).collect();
            [
                names(&found.lines),
                names(&found.usage),
                names(&unbilled),
                names(&[found.newest]),
            ]
        };
        assert_eq!(on("2026-10-31"), ["", "", "2026-10/1", "2026-10/1"]);
        let november = "2026-11/1 2026-10/1";
        assert_eq!(on("2026-11-05"), ["", "", november, "2026-11/1"]);
        let lines = ["2026-10/1", "", "2026-11/1", "2026-11/1"];
        assert_eq!(on("2026-11-06"), lines);
        assert_eq!(on("2026-11-09")[..2], ["2026-10/1", "2026-10/1"]);
        assert_eq!(on("2026-11-10")[..2], ["2026-10/2", "2026-10/2"]);
        let both = "2026-10/2 2026-11/1";
        assert_eq!(on("2027-01-01"), [both, both, "", "2026-11/1"]);
        let early = "2026-09-30".parse().expect("a day");
        assert!(on_day(folder.path(), early).is_err());
    }
}
