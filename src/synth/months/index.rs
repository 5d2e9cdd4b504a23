//! `months.json`: which version of which month is served from which day on.

use std::path::Path;

use super::calendar::Days;
use crate::model::period::Period;
use crate::synth::partner::iso;
use crate::synth::request::SynthError;
use crate::synth::write::{OutFile, Written};

/// Versions of all months so far.
#[derive(Default)]
pub(super) struct Index {
    months: Vec<String>,
    versions: Vec<String>,
}

impl Index {
    /// Notes a version of the month at hand, and its folder.
    pub(super) fn version(&mut self, version: usize, folder: &str, days: Days) {
        self.versions.push(format!(
            "      {{ \"version\": {version}, \"folder\": \"{folder}\", \
             \"lines_from\": \"{}\", \"usage_from\": \"{}\" }}",
            iso(days.lines),
            iso(days.usage)
        ));
    }

    /// Ends the month at hand.
    pub(super) fn end_month(&mut self, period: Period) {
        let versions = std::mem::take(&mut self.versions).join(",\n");
        self.months.push(format!(
            "    {{ \"period\": \"{period}\", \"versions\": [\n{versions}\n    ] }}"
        ));
    }

    /// Writes `months.json` into the folder.
    pub(super) fn write(self, out: &Path) -> Result<Written, SynthError> {
        let mut file = OutFile::create(out.join("months.json"))?;
        let text = format!(
            "{{\n  \"months\": [\n{}\n  ]\n}}\n",
            self.months.join(",\n")
        );
        file.put(text.as_bytes())?;
        Ok(Written {
            files: 1,
            bytes: file.close()?,
        })
    }
}
