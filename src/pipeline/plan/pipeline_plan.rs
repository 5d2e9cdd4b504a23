//! A pipeline as meant: where data come from, which tie-outs are done, and how large a difference
//! may be. Only the types; [`parse`](super::parse) fills them from a file, and `tieout reconcile`
//! from its arguments.

use std::path::PathBuf;

use super::notices::Notices;
use super::output::Output;
use crate::engine::matching::passes::{self, Pass};
use crate::engine::rules::definitions;
use crate::engine::rules::rounding::{DOCUMENTED, Rule, Rules};
use crate::engine::rules::tolerance::Tolerances;
use crate::ledger::acceptance::Acceptance;
use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::record::RecordSet;
use crate::model::settling::SettlingDays;
use crate::reports::csv_form::CsvForm;
use crate::sources::fetch::order::{Api, Exclusion, PriceSheet};
use crate::sources::identity::account::Account;

/// A pipeline without mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Name of the file without `.toml`; `reconcile` for an ad-hoc run.
    pub name: String,
    /// Billing period; `None` for that of the invoice, whichever it is.
    pub period: Option<Period>,
    /// Folder of the runs.
    pub out: PathBuf,
    /// Sources of usage, lines and invoices, in the order of [`Dataset::ALL`].
    pub sources: Vec<Source>,
    /// Sources of the other datasets that a tie-out needs, in the order of
    /// [`RECORD_SETS`](crate::model::record::RECORD_SETS).
    pub records: Vec<RecordSource>,
    /// All tie-outs, enabled or not, in the order of [`TieOut::ALL`].
    pub tie_outs: Vec<TieOutPlan>,
    /// Kinds of breaks that are put up with. They move the ledger, and change no table of a run.
    pub acceptances: Vec<Acceptance>,
    /// Days on which the stage of a period changes.
    pub settling: SettlingDays,
    /// What a run leaves beside its tables.
    pub output: Output,
    /// Fetch before the run; `None` for a pipeline of files alone.
    pub fetching: Option<Fetching>,
    /// Form of the tables as CSV.
    pub csv: CsvForm,
    /// Notices of the end of a run; none for an ad-hoc run.
    pub notices: Notices,
}

/// A fetch from Partner Center and Graph: by which account, of which endpoints, to which folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Tenant, credentials and limits of the requests.
    pub account: Account,
    /// Names of endpoints, sorted, each once.
    pub names: Vec<String>,
    /// Version of the API for usage and invoice lines.
    pub api: Api,
    /// Price sheets that are fetched.
    pub price_sheets: Vec<PriceSheet>,
    /// Version of Graph that is asked for aggregated usage: `beta` or `v1.0`.
    pub aggregated: &'static str,
    /// ISO codes of currencies of unbilled data, besides those of the invoices.
    pub currencies: Vec<String>,
    /// Customers of whom nothing is asked.
    pub exclusions: Vec<Exclusion>,
    /// State folder, which holds the downloaded files.
    pub state: PathBuf,
}

/// Source of a dataset: files, or a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Dataset that the files hold.
    pub dataset: Dataset,
    /// Globs, absolute or relative to the current folder, without `.` and inner `..`.
    pub paths: Vec<String>,
    /// True if the dataset is fetched from Partner Center.
    pub is_fetched: bool,
}

/// Source of a dataset whose rows are records of an API, such as a usage summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSource {
    /// Dataset that the files hold.
    pub set: &'static RecordSet,
    /// Globs as in [`Source::paths`]; `{name}` stands for a parameter of the request, such as
    /// `customer_id`, which the records themselves lack.
    pub paths: Vec<String>,
}

/// Settings of one tie-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TieOutPlan {
    /// Tie-out that the settings are for.
    pub tie_out: TieOut,
    /// True if the tie-out is done at all.
    pub enabled: bool,
    /// Differences that do not count as breaks.
    pub tolerances: Tolerances,
    /// Passes over the keys, finest first.
    pub passes: Vec<Pass>,
    /// Rounding rules, in the order in which they are tried.
    pub rules: Rules,
    /// Causes that are not looked for.
    pub without_causes: Vec<Cause>,
}

impl TieOutPlan {
    /// Settings of a tie-out that the pipeline does not configure.
    #[must_use]
    pub fn usual(tie_out: TieOut, enabled: bool) -> Self {
        let passes = passes::passes(definitions::definition(tie_out).passes);
        Self {
            tie_out,
            enabled,
            tolerances: Tolerances::default(),
            passes,
            rules: Rules::default(),
            without_causes: Vec::new(),
        }
    }

    /// Rounding rules that the pipeline adds; the documented ones come first in any plan.
    pub(crate) fn own_rules(&self) -> &[Rule] {
        &self.rules.all()[DOCUMENTED.len()..]
    }
}
