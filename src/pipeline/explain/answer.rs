//! What is asked, and what is answered.

use std::path::PathBuf;

use serde::Serialize;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// A break, or the keys of some usage.
    pub target: Target,
    /// Folder of the runs.
    pub out: PathBuf,
    /// The run; `None` for the newest complete one.
    pub run: Option<String>,
    /// Source lines to show on each side.
    pub limit: usize,
}

/// Which figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The group with this `break_id`.
    Break(String),
    /// The usage and lines in which each named column has its value.
    Keys(Vec<(String, String)>),
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The run.
    pub run_id: String,
    /// The groups, largest variance first.
    pub groups: Vec<Group>,
    /// Groups left out of `groups`.
    pub groups_more: usize,
    /// For keys: the resources' figures that the picked usage comes to.
    pub resources: Option<Resources>,
}

/// One group. Amounts are decimal text.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Its id.
    pub break_id: String,
    /// What was compared.
    pub tie_out: &'static str,
    /// Its keys, those without a value left out.
    pub keys: Vec<(&'static str, String)>,
    /// How both sides met.
    pub matched_on: String,
    /// Where it stands.
    pub status: String,
    /// The expected side.
    pub expected: Side,
    /// The invoiced side.
    pub invoiced: Side,
    /// invoiced - expected, as published.
    pub variance_amount: String,
    /// The largest variance that would be no break.
    pub tolerance_amount: String,
    /// What decided it.
    pub tolerance_is: &'static str,
    /// Parts of the variance, those of zero left out.
    pub parts: Vec<(&'static str, String)>,
    /// How the parts come about, by part.
    pub workings: Vec<(&'static str, String)>,
    /// The narrowest thing that holds the variance alone; empty where rounding makes it.
    pub narrowest: String,
    /// The units behind it, where its rows are not shown one by one.
    pub units: Vec<String>,
}

/// One side of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Column that is summed.
    pub column: &'static str,
    /// Source rows in all.
    pub rows: u64,
    /// Their sum, exact.
    pub exact_sum: String,
    /// The published figure.
    pub published: String,
    /// Of `rows`, those that fit the keys asked for.
    pub picked_rows: u64,
    /// Their sum, exact.
    pub picked_sum: String,
    /// The first of these, by file and line.
    pub lines: Vec<SourceLine>,
}

/// One source row.
#[derive(Clone, Debug, Serialize)]
pub struct SourceLine {
    /// File.
    pub unit: String,
    /// Line in it; of Parquet the row.
    pub line: u64,
    /// Its amount, exact.
    pub amount: String,
    /// How the amount comes about.
    pub arithmetic: String,
    /// The line as it stands; empty for Parquet.
    pub text: String,
}

/// Sums over rows of `resources`.
#[derive(Clone, Debug, Serialize)]
pub struct Resources {
    /// Rows of `resources`.
    pub rows: usize,
    /// Usage amount.
    pub expected_amount: String,
    /// Share of the invoiced amounts.
    pub invoiced_amount: String,
    /// Share of the variances.
    pub variance_amount: String,
}
