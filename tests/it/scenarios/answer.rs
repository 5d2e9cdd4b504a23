//! What a run published, as rows that wanted rows can be held against.

use std::collections::BTreeMap;

use tieout::pipeline::publish::outcome::Outcome;

use super::month::Month;
use crate::runs::Published;

/// Cells of a published row by column; a column that the program does not have yet is missing.
pub(super) type Cells = BTreeMap<String, String>;

/// Answer of the program to a month.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What the run failed with, instead of an exit code and tables.
    pub(super) error: Option<String>,
    pub(super) exit: u8,
    pub(super) variances: Vec<Cells>,
    pub(super) resources: Vec<Cells>,
}

impl Answer {
    /// Answer of a run that published nothing.
    pub(super) fn failed(error: String) -> Self {
        let line = error.lines().next().unwrap_or_default().to_owned();
        Self {
            error: Some(line),
            ..Self::default()
        }
    }

    /// Answer of a run that published.
    pub(super) fn of(month: &Month, outcome: &Outcome) -> Self {
        let read = |table| Published::read(&outcome.folder, table).cells();
        let findings = read("findings");
        let mut variances = read("variances");
        for row in &mut variances {
            let same = |finding: &&Cells| finding["break_id"] == row["break_id"];
            let finding = findings.iter().find(same);
            let of = |name: &str| finding.map_or("", |cells| cells[name].as_str());
            let (day, meter) = (of("first_usage_date"), of("meter_id"));
            let meter = match meter {
                "" => meter_of(month, &row["meter_description"]),
                known => known.to_owned(),
            };
            let day = day.to_owned();
            row.insert("day".to_owned(), day);
            row.insert("meter_id".to_owned(), meter);
        }
        Self {
            error: None,
            exit: outcome.exit_code,
            variances,
            resources: read("resources"),
        }
    }

    /// All published rows of a tie-out.
    pub(super) fn of_tie_out<'a>(&'a self, tie_out: &'a str) -> impl Iterator<Item = &'a Cells> {
        let rows = self.variances.iter();
        rows.filter(move |row| row["tie_out"] == tie_out)
    }

    /// The answer for a reader: every row with its filled cells.
    pub(super) fn shown(&self) -> String {
        if let Some(error) = &self.error {
            return error.clone();
        }
        let rows = self.variances.iter().chain(&self.resources);
        let lines = rows.map(|row| {
            let is_told = |(_, cell): &(&String, &String)| {
                !cell.is_empty() && cell.as_str() != "0.0000000000"
            };
            let cells = row.iter().filter(is_told);
            let cells: Vec<String> = cells.map(|(name, cell)| format!("{name}={cell}")).collect();
            cells.join(" ")
        });
        format!(
            "{}\nexit {}",
            lines.collect::<Vec<_>>().join("\n"),
            self.exit
        )
    }
}

/// Id of a meter whose description is published without one.
fn meter_of(month: &Month, description: &str) -> String {
    let id = |name: &str| {
        let table = month.table(name)?;
        let is_its = |row: &&Vec<String>| {
            [Some("MeterName"), Some("ResourceName")]
                .into_iter()
                .flatten()
                .any(|column| table.cell(row, column) == Some(description))
        };
        let row = table.rows.iter().find(is_its)?;
        let id = table
            .cell(row, "MeterId")
            .or_else(|| table.cell(row, "ResourceGuid"));
        id.map(str::to_owned)
    };
    ["unbilled", "classic-lines"]
        .into_iter()
        .find_map(id)
        .unwrap_or_default()
}
