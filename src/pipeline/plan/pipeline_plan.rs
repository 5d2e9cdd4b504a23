//! A pipeline as meant: what is read, what is compared, how large a difference may be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;

use super::manifest_settings;
use super::mistake::Mistake;
use super::parse;
use crate::engine::matching::passes::{self, Pass};
use crate::engine::rules::definitions;
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::record::RecordSet;
use crate::sources::fetch::workers::Api;
use crate::sources::identity::account::Account;

/// A pipeline without mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The file's name without `.toml`; `reconcile` for an ad-hoc run.
    pub name: String,
    /// Billing period; `None` for whatever the invoice is for.
    pub period: Option<Period>,
    /// Folder of the runs.
    pub out: PathBuf,
    /// What is read, in the order of [`Dataset::ALL`].
    pub sources: Vec<Source>,
    /// Files of other datasets that a comparison wants.
    pub records: Vec<RecordSource>,
    /// All tie-outs, in the order of [`TieOut::ALL`].
    pub tie_outs: Vec<TieOutPlan>,
    /// What is fetched, if anything.
    pub fetching: Option<Fetching>,
}

/// What is fetched from Partner Center and Graph, by whom, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Who asks.
    pub account: Account,
    /// Names of endpoints.
    pub names: Vec<String>,
    /// Which generation of the API.
    pub api: Api,
    /// Currencies of unbilled data, besides those of the invoices.
    pub currencies: Vec<String>,
    /// The state folder, with the landing.
    pub state: PathBuf,
}

/// Where a dataset comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub dataset: Dataset,
    /// Globs, absolute or relative to the working folder, without `.` and inner `..`.
    pub paths: Vec<String>,
    /// Whether it is what was fetched from Partner Center.
    pub is_fetched: bool,
}

/// Where the answers of another dataset are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSource {
    /// What they are.
    pub set: &'static RecordSet,
    /// Globs, as of a [`Source`]; `{name}` stands for what was asked for.
    pub paths: Vec<String>,
}

/// How a tie-out is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TieOutPlan {
    /// Which one.
    pub tie_out: TieOut,
    /// Whether it is done at all.
    pub enabled: bool,
    /// How large its variances may be.
    pub tolerances: Tolerances,
    /// Key passes, finest first.
    pub passes: Vec<Pass>,
    /// Rounding rules, in the order in which they are tried.
    pub rules: Rules,
    /// Causes that are not looked for.
    pub without_causes: Vec<Cause>,
}

impl TieOutPlan {
    /// A tie-out as it is without a word in the pipeline.
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
}

/// Reads the pipeline file at `path`, with `--set` texts laid over it. Paths in it, and those set,
/// are relative to the file's folder.
///
/// # Errors
/// Every mistake in it, in the order of its lines.
pub fn read(path: &Path, set: &[String]) -> Result<Plan, Vec<Mistake>> {
    let draft = parse::read(path, set);
    if draft.mistakes.is_empty() {
        Ok(draft.plan)
    } else {
        Err(draft.into_mistakes())
    }
}

/// The number in a tolerance's text: decimal, exact, not negative. `None` for anything else.
#[must_use]
pub fn tolerance_number(text: &str) -> Option<Decimal> {
    let number = Decimal::from_str_exact(text.trim()).ok()?;
    (!number.is_sign_negative() || number.is_zero()).then_some(number)
}

impl Plan {
    /// All settings that can change a result, as text: the period, the datasets there are, the
    /// tie-outs and tolerances; neither `out` nor the paths. Equal settings give equal text,
    /// however they are written.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        let period = self
            .period
            .map(|period| period.to_string())
            .unwrap_or_default();
        line(&mut out, format_args!("period={period}"));
        for source in &self.sources {
            line(&mut out, format_args!("source={}", source.dataset.name()));
        }
        for source in &self.records {
            line(&mut out, format_args!("records={}", source.set.name));
        }
        let is_usual = |plan: &&TieOutPlan| {
            plan.enabled
                || matches!(
                    plan.tie_out,
                    TieOut::LinesToInvoice | TieOut::UsageToInvoice
                )
        };
        for plan in self.tie_outs.iter().filter(is_usual) {
            line(
                &mut out,
                format_args!("tie_out={} enabled={}", plan.tie_out.name(), plan.enabled),
            );
            let usual = passes::passes(definitions::definition(plan.tie_out).passes);
            for pass in plan.passes.iter().filter(|_| plan.passes != usual) {
                line(
                    &mut out,
                    format_args!(
                        "  pass=\"{}\" keys={}",
                        pass.name.escape_default(),
                        pass.key_names().join(",")
                    ),
                );
            }
            for rule in manifest_settings::own_rules(&plan.rules) {
                let digits = rule
                    .billing_digits
                    .map(|digits| digits.to_string())
                    .unwrap_or_default();
                let (name, order, mode) = (
                    rule.name.escape_default(),
                    rule.order.name(),
                    manifest_settings::mode_name(rule.mode),
                );
                let (pricing, usage) = (rule.pricing_digits, rule.is_of_usage);
                line(
                    &mut out,
                    format_args!(
                        "  rounding=\"{name}\" order={order} mode={mode} pricing={pricing} billing={digits} usage={usage}"
                    ),
                );
            }
            for cause in &plan.without_causes {
                line(&mut out, format_args!("  without_cause={}", cause.name()));
            }
            tolerance_line(&mut out, "all", "", &plan.tolerances.all);
            for (currency, tolerance) in &plan.tolerances.by_currency {
                tolerance_line(&mut out, "currency", currency, tolerance);
            }
            for (customer, tolerance) in &plan.tolerances.by_customer {
                tolerance_line(&mut out, "customer", customer, tolerance);
            }
        }
        out
    }
}

fn tolerance_line(out: &mut String, scope: &str, name: &str, tolerance: &Tolerance) {
    let amount = |amount: Option<Decimal>| {
        amount
            .map(|amount| amount.normalize().to_string())
            .unwrap_or_default()
    };
    let (absolute, relative, materiality) = (
        amount(tolerance.absolute),
        amount(tolerance.relative),
        amount(tolerance.materiality),
    );
    let name = name.escape_default();
    line(
        out,
        format_args!(
            "  {scope}=\"{name}\" absolute={absolute} relative={relative} materiality={materiality}"
        ),
    );
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = writeln!(out, "{text}");
    assert!(written.is_ok(), "writing to a String cannot fail");
}
