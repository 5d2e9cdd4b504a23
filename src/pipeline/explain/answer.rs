//! The question that `explain` is asked, and its answer as text and JSON show it.

use std::path::PathBuf;

use serde::Serialize;

use crate::decode::texts::NamedCells;
use crate::model::reject::RejectedRow;

/// A figure to explain, and how much of its sources to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The figure: a break, or the keys of some usage.
    pub target: Target,
    /// Folder of the runs, as the pipeline names it.
    pub out: PathBuf,
    /// Id of the run; `None` for the newest complete one.
    pub run: Option<String>,
    /// Number of source lines to show on each side.
    pub limit: usize,
}

/// The figure that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The group with this `break_id`; of an id without a number the first of its groups.
    Break(String),
    /// The usage and lines in which each named column has its value.
    Keys(Vec<(String, String)>),
}

/// The answer: the groups that the figure is in.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Id of the run.
    pub run_id: String,
    /// The groups, largest absolute variance first; at most twenty.
    pub groups: Vec<Group>,
    /// Number of further groups, with smaller variances.
    pub groups_more: usize,
    /// Sums over the rows of `resources` with the keys asked for; `None` for a break, and where
    /// `resources` does not have the keys.
    pub resources: Option<PickedResources>,
    /// Rows that the run rejected and that may belong to the figure, up to the limit. They count on
    /// neither side.
    pub rejected: Vec<RejectedLine>,
    /// Number of rejected rows beyond the limit.
    pub rejected_more: usize,
}

/// One compared group, with its sources. Amounts are decimal text.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Id of the group, as published.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: &'static str,
    /// Published key columns and values, those without a value left out.
    pub keys: Vec<(&'static str, String)>,
    /// Pass or rule that matched both sides; empty for one-sided groups.
    pub matched_on: String,
    /// Status, as published: only the whole run knows what is awaited.
    pub status: String,
    /// The difference in sentences that need no other knowledge: both sides, then each cause.
    pub sentences: Vec<String>,
    /// Both sides by day; empty where the rows have no days.
    pub days: Vec<DayFigures>,
    /// The expected side: usage, or the sum of the lines.
    pub expected: Side,
    /// The invoiced side: lines, or the header.
    pub invoiced: Side,
    /// invoiced - expected, as published.
    pub variance_amount: String,
    /// The largest variance that would be no break.
    pub tolerance_amount: String,
    /// Setting or rule that the tolerance comes from.
    pub tolerance_is: &'static str,
    /// Cause and amount of each part of the variance, those of zero left out.
    pub parts: Vec<(&'static str, String)>,
    /// Cause and arithmetic of each part that has one.
    pub workings: Vec<(&'static str, String)>,
    /// The narrowest thing that holds the variance alone; empty where rounding makes it.
    pub narrowest: String,
    /// Files behind the group with their number of rows, where rows are not shown one by one.
    pub units: Vec<String>,
}

/// One side of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Source column that is summed.
    pub column: &'static str,
    /// Number of source rows.
    pub rows: u64,
    /// Sum of all rows, with all of its decimals.
    pub exact_sum: String,
    /// The figure that was published, with ten decimals.
    pub published: String,
    /// Number of `rows` that have the keys asked for.
    pub picked_rows: u64,
    /// Sum of these rows, with all of its decimals.
    pub picked_sum: String,
    /// The first of these rows, by file and line, up to the limit.
    pub lines: Vec<SourceLine>,
}

/// Both sides of a group on one day: usage by its day, lines by the first day that they charge for.
/// Numbers are decimal text, with all of their decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayFigures {
    /// Day, as `2026-10-04`; empty for rows without one.
    pub day: String,
    /// Quantity that was used.
    pub used_quantity: String,
    /// Amount that the usage comes to.
    pub used_amount: String,
    /// Quantity that is charged from this day on.
    pub charged_quantity: String,
    /// Amount that is charged from this day on.
    pub charged_amount: String,
}

/// One source row, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct SourceLine {
    /// Name of the dataset that the row is of.
    pub dataset: &'static str,
    /// Path of the file.
    pub unit: String,
    /// BLAKE3 of the file, 64 hexadecimal digits.
    pub blake3: String,
    /// Day of usage, as `2026-10-04`; empty for other rows.
    pub usage_date: String,
    /// Id of the order; empty where the row names none.
    pub order_id: String,
    /// First day that a line charges for.
    pub charge_start_date: String,
    /// Last day that a line charges for, as the source counts it.
    pub charge_end_date: String,
    /// Azure subscription of the usage; empty for lines.
    pub entitlement_id: String,
    /// Cells of the row under the headings of its source.
    #[serde(skip)]
    pub cells: NamedCells,
    /// Line number in the file, from 1; of Parquet the row number.
    pub line: u64,
    /// Amount, with all of its decimals.
    pub amount: String,
    /// Price, quantity and rate that the amount is made of.
    pub arithmetic: String,
    /// Text of the line, cut to 4,000 characters; empty for Parquet.
    pub text: String,
}

/// One row that the run could not use, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedLine {
    /// Name of the dataset.
    pub source: String,
    /// Path of the file.
    pub unit: String,
    /// Line number in the file, from 1; of Parquet the row number.
    pub line: u64,
    /// Column at fault; empty where the whole row is.
    pub column: String,
    /// Text of the cell, or a description of it.
    pub found: String,
    /// True if `found` is a description, and is shown without backticks.
    #[serde(skip)]
    pub in_words: bool,
    /// Description of a right value.
    pub wanted: String,
    /// Text of the row, cut to 200 characters.
    pub text: String,
}

impl From<RejectedRow> for RejectedLine {
    fn from(row: RejectedRow) -> Self {
        Self {
            source: row.dataset.name().to_owned(),
            unit: row.unit,
            line: row.line,
            column: row.rejection.column,
            found: row.rejection.found,
            in_words: row.rejection.in_words,
            wanted: row.rejection.wanted,
            text: row.text,
        }
    }
}

impl Explanation {
    /// Leaves out source lines beyond the first `limit` of each side, and rejected rows beyond it.
    pub(super) fn shorten(&mut self, limit: usize) {
        for group in &mut self.groups {
            group.expected.lines.truncate(limit);
            group.invoiced.lines.truncate(limit);
        }
        self.rejected_more += self.rejected.len().saturating_sub(limit);
        self.rejected.truncate(limit);
    }

    /// Answer with one group, or several; of the rejected rows at most `limit` are shown.
    #[must_use]
    pub(super) fn new(
        run_id: &str,
        groups: Vec<Group>,
        mut rejected: Vec<RejectedLine>,
        limit: usize,
    ) -> Self {
        let rejected_more = rejected.len().saturating_sub(limit);
        rejected.truncate(limit);
        Self {
            run_id: run_id.to_owned(),
            groups,
            groups_more: 0,
            resources: None,
            rejected,
            rejected_more,
        }
    }
}

/// Sums over rows of `resources`. Amounts are decimal text.
#[derive(Clone, Debug, Serialize)]
pub struct PickedResources {
    /// Number of rows of `resources`.
    pub rows: usize,
    /// Sum of the usage amounts.
    pub expected_amount: String,
    /// Sum of the shares of invoiced amounts.
    pub invoiced_amount: String,
    /// Sum of the invoiced shares - sum of the usage amounts.
    pub variance_amount: String,
}
