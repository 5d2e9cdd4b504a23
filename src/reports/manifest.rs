//! The shape of `manifest.json`: what went into a run, what came out, and the proof that nothing
//! was lost. No run exists without it. `manifest.schema.json` describes the same members, and a
//! test holds the two against each other; members that came later have a default, so that old
//! manifests can still be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of this file's shape; raised when a member changes its meaning.
pub const VERSION: u32 = 1;

/// JSON Schema of this file.
pub const SCHEMA: &str = include_str!("manifest.schema.json");

/// The manifest of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this shape, [`VERSION`] when it was written.
    pub version: u32,
    /// Version of the program that made the run.
    pub tieout: String,
    /// Hash of program version, configuration and inputs, behind the period if one was asked for.
    pub run_id: String,
    /// Id of the run that `current` pointed at before; `None` for the first run.
    pub previous_run_id: Option<String>,
    /// Name of the pipeline file without `.toml`, or `reconcile`.
    pub pipeline: String,
    /// Billing period that was asked for, as `2026-10`.
    pub period: Option<String>,
    /// BLAKE3 of the settings that can change a result.
    pub configuration_hash: String,
    /// The settings that can change a result, one in each string.
    pub configuration: Vec<String>,
    /// Tie-outs that were done, with the settings by which `explain` judges as the run did.
    pub tie_outs: Vec<TieOut>,
    /// Every file that was read.
    pub inputs: Vec<Input>,
    /// Name of the usage column that the lines' MeterDescription was found to repeat.
    pub meter_description_is: String,
    /// Names of other columns that it was found to repeat in lines of some products, by folded
    /// product id.
    #[serde(default)]
    pub meter_description_of_products: BTreeMap<String, String>,
    /// Number of lines that pair with usage under each column that MeterDescription could repeat.
    pub meter_description_pairs: BTreeMap<String, u64>,
    /// Number of lines that obey each rounding rule, by currency.
    #[serde(default)]
    pub rounding_rules: Vec<RuleCount>,
    /// Practice of each invoice with metered lines, by which `explain` judges as the run did.
    #[serde(default)]
    pub invoices: Vec<Invoice>,
    /// Copies among the rows of each invoice, where it has any.
    #[serde(default)]
    pub copies: Vec<InvoiceCopies>,
    /// Invoices of which a part stands with the charge of another invoice, or the other way round.
    #[serde(default)]
    pub settled_elsewhere: Vec<SettledElsewhere>,
    /// Every conservation law that was checked.
    pub control_totals: Vec<ControlTotal>,
    /// Warnings for the user, as they were printed when the run was published first.
    pub warnings: Vec<String>,
    /// Every file of the run except the manifest itself.
    pub outputs: Vec<PublishedFile>,
    /// Exit code of the run: 0, or that for what is missing. Breaks leave it 0, for whether they
    /// have a code of their own is a question of a flag, and the run is the same.
    pub exit_code: u8,
}

/// A tie-out and its configured tolerances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOut {
    /// Name of the tie-out.
    pub name: String,
    /// Tolerance of every group that has no narrower one.
    pub all: Tolerance,
    /// Tolerances of single currencies, by the code of the billing currency.
    // Sorted maps, as the order of a hash table would change the file from run to run.
    pub by_currency: BTreeMap<String, Tolerance>,
    /// Tolerance by folded customer id.
    pub by_customer: BTreeMap<String, Tolerance>,
    /// Key passes of the matching, finest first.
    #[serde(default)]
    pub passes: Vec<Pass>,
    /// Rounding rules of the pipeline, besides the documented ones.
    #[serde(default)]
    pub rounding: Vec<Rule>,
    /// Names of the causes that were not looked for.
    #[serde(default)]
    pub without_causes: Vec<String>,
}

/// A pass of the matching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Name of the pass in the column `matched_on`.
    pub name: String,
    /// Keys on which both sides must agree.
    pub keys: Vec<String>,
}

/// A rounding rule of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Name of the rule.
    pub name: String,
    /// Name of the order in which its steps are taken.
    pub order: String,
    /// Name of the way in which each step rounds.
    pub mode: String,
    /// Decimals of the pricing currency.
    pub pricing_digits: u32,
    /// Decimals of the billing currency; `None` for as many as the currency has.
    pub billing_digits: Option<u32>,
    /// True if lines of usage may follow the rule.
    pub usage: bool,
}

/// A configured tolerance, as decimal text; `None` where the pipeline sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Largest variance within tolerance, in the billing currency.
    pub absolute: Option<String>,
    /// Largest variance within tolerance, as a fraction of the expected amount.
    pub relative: Option<String>,
    /// Amount in the billing currency below which no variance is a break.
    pub materiality: Option<String>,
}

/// Number of lines that obey a rounding rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// `usage` for lines with a meter, `other` for lines without.
    pub lines: String,
    /// Billing currency of the lines.
    pub currency: String,
    /// Name of the first rule that gives the subtotal; `unknown` if none does, `no_price` if the
    /// line has no price to try them with.
    pub rule: String,
    /// Number of lines of that currency that obey the rule.
    pub count: u64,
}

/// Practice of an invoice, as its metered lines show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Number of the invoice.
    pub invoice_number: String,
    /// Name of the rounding rule that at least nine of ten lines obey; `None` where they agree on
    /// none, so that rounding is bounded there and not proven.
    pub rounding_rule: Option<String>,
    /// Exchange rate of most lines, as decimal text, by the code of the billing currency.
    pub exchange_rates: BTreeMap<String, String>,
}

/// Rows of an invoice that repeat another row, whether or not the other side repeats them, too.
/// Amounts are decimal text with ten places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceCopies {
    /// Number of the invoice; empty for usage of none.
    pub invoice_number: String,
    /// Billing currency of the rows.
    pub currency: String,
    /// Number of usage rows that are copies.
    pub usage_rows: u64,
    /// Sum of their billed amounts.
    pub usage_amount: String,
    /// Number of invoice lines that are copies.
    pub invoice_lines: u64,
    /// Sum of their subtotals.
    pub invoice_lines_amount: String,
}

/// What an invoice has of charges that other invoices void or bill again: such a charge is one group
/// with what was voided, under one of the invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledElsewhere {
    /// Number of the invoice; empty for lines of none.
    pub invoice_number: String,
    /// Billing currency of the lines.
    pub currency: String,
    /// Sum of the invoice's own lines before tax, less that of the groups under it.
    pub amount: String,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Name of the dataset that the file holds.
    pub dataset: String,
    /// Name of the file, as it was found.
    pub unit: String,
    /// Name of the format, as told from the content.
    pub format: String,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Number of rows found, usable or not.
    pub rows: u64,
    /// Number of rows that could not be used.
    pub rows_rejected: u64,
    /// ETag of the export that the file was fetched from; `None` for files that were given.
    pub etag: Option<String>,
}

/// A conservation law: what went into a step and what came out of it. Amounts are exact decimal
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotal {
    /// Name of the step.
    pub step: String,
    /// Name of the dataset or table.
    pub source: String,
    /// Billing currency of the amounts.
    pub currency: String,
    /// Number of rows before the step.
    pub rows_in: u64,
    /// Number of rows after the step.
    pub rows_out: u64,
    /// Number of rows rejected by the step.
    pub rows_rejected: u64,
    /// Amount before the step.
    pub amount_in: String,
    /// Amount after the step.
    pub amount_out: String,
    /// Amount before the step less the amount after it; `0` where the law holds.
    pub difference: String,
    /// True if nothing was lost.
    pub holds: bool,
}

/// A file that the run published, with the hash by which a later copy of it can be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Name of the file in the folder of the run.
    pub file: String,
    /// BLAKE3 of the file's bytes, 64 hexadecimal digits.
    pub blake3: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Number of rows of the table; 0 for a report.
    pub rows: u64,
}
