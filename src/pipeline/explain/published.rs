//! A published run, as `explain` reads it back: rows of its tables, its manifest, and the names and
//! hashes of the input files behind them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::decimal::{self, PUBLISHED_SCALE};
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::manifest_settings;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;
use crate::reports::atomic;
use crate::reports::manifest::{self, Manifest};
use crate::reports::read;
use crate::sources::files::FileUnit;

/// The customer and subscription whose rows are read; `None` lets all through. Both are folded.
pub(super) struct AccountFilter {
    pub(super) customer: Option<String>,
    pub(super) subscription: Option<String>,
}

impl AccountFilter {
    /// True if rows of this account, folded, are read.
    pub(super) fn lets_through(&self, customer: &str, subscription: &str) -> bool {
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        fits(&self.customer, customer) && fits(&self.subscription, subscription)
    }
}

/// A complete run in its folder.
pub(super) struct Published {
    pub(super) run_id: String,
    pub(super) manifest: Manifest,
    folder: PathBuf,
}

/// A row of `variances`, as far as explanations need it, as published text.
pub(super) struct VarianceRow {
    pub(super) break_id: String,
    pub(super) tie_out: String,
    pub(super) invoice_number: String,
    pub(super) customer_id: String,
    pub(super) subscription_id: String,
    pub(super) currency: String,
    pub(super) expected_amount: String,
    pub(super) invoiced_amount: String,
    pub(super) tolerance_amount: String,
    pub(super) status: String,
    pub(super) matched_on: String,
    pub(super) meter_description: String,
    /// Numbers of expected and of invoiced rows.
    pub(super) rows: [String; 2],
    /// Expected and invoiced quantities.
    pub(super) quantities: [String; 2],
    /// Cause and amount of each part that is not zero.
    pub(super) parts: Vec<(&'static str, String)>,
}

/// Columns of `variances` before its parts, in the order in which `row_of` takes them.
const COLUMNS: [&str; 16] = [
    "break_id",
    "tie_out",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "currency",
    "expected_amount",
    "invoiced_amount",
    "tolerance_amount",
    "status",
    "matched_on",
    "meter_description",
    "usage_rows",
    "invoice_lines",
    "expected_quantity",
    "invoiced_quantity",
];
/// Number of columns with the parts of a variance.
const PARTS: usize = Cause::ALL.len();

impl Published {
    /// Opens a run by its id, or the newest complete one.
    ///
    /// # Errors
    /// [`RunError::NotThere`].
    pub(super) fn open(out: &Path, run: Option<&str>) -> Result<Self, RunError> {
        // The pointer to the newest run is set last when a run is published, so that it is
        // complete.
        let run_id = run.map(str::to_owned).or_else(|| atomic::current_run(out));
        let missing = |found: String| RunError::NotThere {
            what: format!("`{}`", out.display()),
            found,
            wanted: "a complete run".to_owned(),
            hint: "name the folder that holds the runs with `--out`; `tieout run` prints it"
                .to_owned(),
        };
        let run_id = run_id.ok_or_else(|| missing("no published run".to_owned()))?;
        let folder = out.join("runs").join(&run_id);
        let path = folder.join("manifest.json");
        let text = fs::read_to_string(&path)
            .map_err(|error| missing(format!("no manifest of run `{run_id}` ({error})")))?;
        let manifest = serde_json::from_str(&text)
            .map_err(|error| missing(format!("a manifest that does not parse ({error})")))?;
        Ok(Self {
            run_id,
            manifest,
            folder,
        })
    }

    /// A table that cannot be read, or holds what no run publishes.
    fn damaged(&self, table: &str, error: &dyn std::fmt::Display) -> RunError {
        RunError::NotThere {
            what: format!("`{}`", self.folder.join(table).display()),
            found: error.to_string(),
            wanted: "the table as it was published".to_owned(),
            hint: "run the pipeline again".to_owned(),
        }
    }

    /// The row of `variances` with this id.
    ///
    /// # Errors
    /// [`RunError::NotThere`] where there is none, or the table cannot be read.
    pub(super) fn find(&self, break_id: &str) -> Result<VarianceRow, RunError> {
        let part_columns = Cause::ALL.map(|cause| format!("{}_amount", cause.name()));
        let mut columns = [""; COLUMNS.len() + PARTS];
        for (slot, name) in columns.iter_mut().zip(
            COLUMNS
                .into_iter()
                .chain(part_columns.iter().map(String::as_str)),
        ) {
            *slot = name;
        }
        // Ids are unique within a run, so that the last match is the only one.
        let mut found = None;
        read::rows(&self.folder.join("variances.parquet"), columns, |cells| {
            if cells[0] == break_id {
                found = Some(cells);
            }
        })
        .map_err(|error| self.damaged("variances.parquet", &error))?;
        let found = found.ok_or_else(|| RunError::NotThere {
            what: format!("`{break_id}`"),
            found: "no row with this `break_id`".to_owned(),
            wanted: format!("a `break_id` of run `{}`", self.run_id),
            hint: "the table `variances` of that run lists them; name another run with `--run`"
                .to_owned(),
        })?;
        Ok(row_of(found))
    }

    /// The comparison that a row is of.
    ///
    /// # Errors
    /// [`RunError::NotThere`] for a name that no run publishes.
    pub(super) fn tie_out(&self, row: &VarianceRow) -> Result<TieOut, RunError> {
        let found = TieOut::ALL
            .into_iter()
            .find(|tie_out| tie_out.name() == row.tie_out);
        found.ok_or_else(|| {
            let error = format!("the tie-out `{}`", row.tie_out);
            self.damaged("variances.parquet", &error)
        })
    }

    /// A published amount or quantity as a number, in units of 10^-10.
    ///
    /// # Errors
    /// [`RunError::NotThere`] for a text that is no number.
    pub(super) fn amount(&self, text: &str) -> Result<i128, RunError> {
        match decimal::parse(text.as_bytes(), PUBLISHED_SCALE) {
            Ok(parsed) => Ok(parsed.value),
            Err(_) => Err(self.damaged("variances.parquet", &format!("the amount `{text}`"))),
        }
    }

    /// A published number of rows.
    ///
    /// # Errors
    /// [`RunError::NotThere`] for a text that is no number.
    pub(super) fn count(&self, text: &str) -> Result<u64, RunError> {
        text.parse().map_err(|_| {
            let error = format!("the number of rows `{text}`");
            self.damaged("variances.parquet", &error)
        })
    }

    /// Products and SKUs that have usage: they decide which lines are in scope.
    pub(super) fn used_products(&self) -> Result<Vec<(String, String)>, RunError> {
        // Usage of any account counts: in the run, too, it puts the lines of a product in scope.
        let mut used = BTreeSet::new();
        read::rows(
            &self.folder.join("resources.parquet"),
            ["product_id", "sku_id", "usage_rows"],
            |[product, sku, rows]| {
                // Rows without usage are invoiced amounts alone: counted, a line would put itself
                // in scope.
                if rows != "0" {
                    used.insert((product, sku));
                }
            },
        )
        .map_err(|error| self.damaged("resources.parquet", &error))?;
        Ok(used.into_iter().collect())
    }

    /// The units of a dataset that hold an account, as the run read them.
    pub(super) fn units(
        &self,
        dataset: Dataset,
        account: &AccountFilter,
    ) -> Result<Vec<FileUnit>, RunError> {
        // Lineage first: an account stands in few units, and only those are hashed and read again.
        let mut names = BTreeSet::new();
        read::rows(
            &self.folder.join("lineage.parquet"),
            ["source", "unit", "customer_id", "subscription_id"],
            |[source, unit, customer, subscription]| {
                if source == dataset.name() && account.lets_through(&customer, &subscription) {
                    names.insert(unit);
                }
            },
        )
        .map_err(|error| self.damaged("lineage.parquet", &error))?;
        let inputs = self
            .manifest
            .inputs
            .iter()
            .filter(|input| input.dataset == dataset.name() && names.contains(&input.unit));
        Ok(inputs.map(as_read).collect())
    }

    /// All units of a dataset, as the run read them.
    pub(super) fn all_units(&self, dataset: Dataset) -> Vec<FileUnit> {
        // Lineage is by account, but an invoice has lines of many, and its header of none.
        self.manifest
            .inputs
            .iter()
            .filter(|input| input.dataset == dataset.name())
            .map(as_read)
            .collect()
    }

    /// Narrowest level, meter, resource, first and last day of the row of `findings` with this id;
    /// all empty where there is none, as of groups that rounding explains and that have no finer
    /// key.
    pub(super) fn finding(&self, break_id: &str) -> Result<[String; 5], RunError> {
        let columns = [
            "break_id",
            "narrowest_level",
            "meter_id",
            "resource_uri",
            "first_usage_date",
            "last_usage_date",
        ];
        let mut found = [const { String::new() }; 5];
        read::rows(
            &self.folder.join("findings.parquet"),
            columns,
            |[id, level, meter, resource, first, last]| {
                if id == break_id {
                    found = [level, meter, resource, first, last];
                }
            },
        )
        .map_err(|error| self.damaged("findings.parquet", &error))?;
        Ok(found)
    }

    /// Billing period of each invoice. The usage and lines of one account alone may not tell it, as
    /// it can come from a header.
    pub(super) fn periods(&self) -> Result<Vec<(String, Period)>, RunError> {
        let mut periods = BTreeSet::new();
        read::rows(
            &self.folder.join("variances.parquet"),
            ["invoice_number", "billing_period"],
            |[invoice, period]| {
                // Empty where the run did not know the period either.
                periods.extend(Period::parse(&period).map(|period| (invoice, period)));
            },
        )
        .map_err(|error| self.damaged("variances.parquet", &error))?;
        Ok(periods.into_iter().collect())
    }

    /// The settings that the run was done with.
    pub(super) fn settings(&self, tie_out: TieOut) -> TieOutPlan {
        // The manifest, not the pipeline file, which may have changed since the run.
        manifest_settings::from_manifest(tie_out, &self.manifest.tie_outs)
    }
}

/// A row by the cells of [`COLUMNS`] and of the parts.
fn row_of(cells: [String; COLUMNS.len() + PARTS]) -> VarianceRow {
    let mut cells = cells.into_iter();
    // Fields of a struct are filled in the order in which they are written: that of `COLUMNS`.
    let mut next = || cells.next().expect("a cell for each column");
    let row = VarianceRow {
        break_id: next(),
        tie_out: next(),
        invoice_number: next(),
        customer_id: next(),
        subscription_id: next(),
        currency: next(),
        expected_amount: next(),
        invoiced_amount: next(),
        tolerance_amount: next(),
        status: next(),
        matched_on: next(),
        meter_description: next(),
        rows: [next(), next()],
        quantities: [next(), next()],
        parts: Vec::new(),
    };
    // Of the text, which is a number by the type of its column.
    let is_zero = |amount: &str| !amount.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let parts = Cause::ALL
        .into_iter()
        .zip(cells)
        .filter(|(_, amount)| !is_zero(amount))
        .map(|(cause, amount)| (cause.name(), amount))
        .collect();
    VarianceRow { parts, ..row }
}

impl VarianceRow {
    /// The error for source lines that come to other amounts than were published.
    pub(super) fn disagrees(&self, expected: &str, invoiced: &str) -> RunError {
        let words =
            |expected: &str, invoiced: &str| format!("{expected} expected and {invoiced} invoiced");
        RunError::Disagrees {
            break_id: self.break_id.clone(),
            published: words(&self.expected_amount, &self.invoiced_amount),
            recounted: words(expected, invoiced),
        }
    }
}

/// An input file, with the identity that the run read it under.
fn as_read(input: &manifest::Input) -> FileUnit {
    FileUnit {
        name: input.unit.clone(),
        path: PathBuf::from(&input.unit),
        blake3: input.blake3.clone(),
        bytes: input.bytes,
    }
}
