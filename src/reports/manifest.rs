//! `manifest.json`: what went into a run, what came out, and the proof that nothing was lost. No
//! run exists without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of this file's shape; raised when a member changes its meaning.
pub const VERSION: u32 = 1;

/// JSON Schema of this file.
pub const SCHEMA: &str = include_str!("manifest.schema.json");

/// A run's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the shape.
    pub version: u32,
    /// The tieout that made it.
    pub tieout: String,
    /// Hash of program version, configuration and inputs.
    pub run_id: String,
    /// The run that `current` pointed at before.
    pub previous_run_id: Option<String>,
    /// Pipeline file, without `.toml`.
    pub pipeline: String,
    /// Period asked for.
    pub period: Option<String>,
    /// BLAKE3 of the settings that can change a result.
    pub configuration_hash: String,
    /// Those settings, a line each.
    pub configuration: Vec<String>,
    /// The tie-outs that were done, with their tolerances.
    pub tie_outs: Vec<TieOut>,
    /// Every input unit.
    pub inputs: Vec<Input>,
    /// Usage column that MeterDescription was found to repeat.
    pub meter_description_is: String,
    /// Lines that pair under each candidate.
    pub meter_description_pairs: BTreeMap<String, u64>,
    /// Lines that obey each rounding rule, by currency.
    #[serde(default)]
    pub rounding_rules: Vec<RuleCount>,
    /// Every conservation law, amounts exact.
    pub control_totals: Vec<ControlTotal>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Every file of the run but this one.
    pub outputs: Vec<Output>,
    /// Exit code of the run.
    pub exit_code: u8,
}

/// A tie-out and its configured tolerances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOut {
    /// Its name.
    pub name: String,
    /// For every group.
    pub all: Tolerance,
    /// By currency.
    pub by_currency: BTreeMap<String, Tolerance>,
    /// By folded customer id.
    pub by_customer: BTreeMap<String, Tolerance>,
    /// Key passes, finest first.
    #[serde(default)]
    pub passes: Vec<Pass>,
    /// Rounding rules besides the documented ones.
    #[serde(default)]
    pub rounding: Vec<Rule>,
    /// Causes that were not looked for.
    #[serde(default)]
    pub without_causes: Vec<String>,
}

/// A key pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Name in `matched_on`.
    pub name: String,
    /// Keys that must agree.
    pub keys: Vec<String>,
}

/// A rounding rule of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Order of its steps.
    pub order: String,
    /// How each step rounds.
    pub mode: String,
    /// Decimals of the pricing currency.
    pub pricing_digits: u32,
    /// Decimals of the billing currency; none for those of the currency.
    pub billing_digits: Option<u32>,
    /// Lines of usage may follow it.
    pub usage: bool,
}

/// Configured tolerance, as decimal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    /// In the billing currency.
    pub absolute: Option<String>,
    /// Fraction of the expected amount.
    pub relative: Option<String>,
    /// In the billing currency.
    pub materiality: Option<String>,
}

/// How many lines obey a rounding rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// `usage` or `other`: of lines with a meter, and without.
    pub lines: String,
    /// Currency.
    pub currency: String,
    /// The first rule that gives the subtotal; `unknown` for none, `no_price` where there is none to
    /// try them with.
    pub rule: String,
    /// Lines.
    pub count: u64,
}

/// An input unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it holds.
    pub dataset: String,
    /// File.
    pub unit: String,
    /// Format, as sniffed.
    pub format: String,
    /// BLAKE3 of its bytes.
    pub blake3: String,
    /// Size.
    pub bytes: u64,
    /// Rows found.
    pub rows: u64,
    /// Of these, rejected.
    pub rows_rejected: u64,
    /// Export eTag, for fetched units.
    pub etag: Option<String>,
}

/// A conservation law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotal {
    /// Stage.
    pub step: String,
    /// Dataset or table.
    pub source: String,
    /// Currency of the amounts.
    pub currency: String,
    /// Rows before.
    pub rows_in: u64,
    /// Rows after.
    pub rows_out: u64,
    /// Rows rejected.
    pub rows_rejected: u64,
    /// Amount before, exact.
    pub amount_in: String,
    /// Amount after, exact.
    pub amount_out: String,
    /// Their difference, exact.
    pub difference: String,
    /// The law holds.
    pub holds: bool,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// File name.
    pub file: String,
    /// BLAKE3 of its bytes.
    pub blake3: String,
    /// Size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}
