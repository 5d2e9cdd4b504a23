//! A published run, as `explain` looks at it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::manifest_settings;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;
use crate::reports::atomic;
use crate::reports::manifest::{self, Manifest};
use crate::reports::read;
use crate::sources::files::{self, FileUnit};

/// A published run.
pub(super) struct Published {
    pub(super) run_id: String,
    pub(super) manifest: Manifest,
    folder: PathBuf,
}

/// A row of `variances`, as far as it is needed.
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
    /// Expected and invoiced rows, and quantities.
    pub(super) rows: [String; 2],
    pub(super) quantities: [String; 2],
    /// Parts that are not zero.
    pub(super) parts: Vec<(&'static str, String)>,
}

/// Columns of `variances` before its parts, in the order in which they are read back.
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
const PARTS: usize = Cause::ALL.len();

impl Published {
    /// The run, or the newest complete one.
    pub(super) fn open(out: &Path, run: Option<&str>) -> Result<Self, RunError> {
        let run_id = run.map(str::to_owned).or_else(|| atomic::current_run(out));
        let missing = |found: String| RunError::NotThere {
            what: format!("`{}`", out.display()),
            found,
            wanted: "a complete run".to_owned(),
            hint: "name the folder of the runs with `--out`; `tieout run` prints it".to_owned(),
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

    fn damaged(&self, table: &str, error: &dyn std::fmt::Display) -> RunError {
        RunError::NotThere {
            what: format!("`{}`", self.folder.join(table).display()),
            found: error.to_string(),
            wanted: "the table as it was published".to_owned(),
            hint: "run the pipeline again".to_owned(),
        }
    }

    /// The row of `variances` with this id.
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
        let mut found = None;
        read::rows(&self.folder.join("variances.parquet"), columns, |cells| {
            if cells[0] == break_id {
                found = Some(cells);
            }
        })
        .map_err(|error| self.damaged("variances.parquet", &error))?;
        let mut cells = found
            .ok_or_else(|| RunError::NotThere {
                what: format!("`{break_id}`"),
                found: "no such `break_id`".to_owned(),
                wanted: format!("one of run `{}`", self.run_id),
                hint: "`variances` of that run holds them; name another run with `--run`"
                    .to_owned(),
            })?
            .into_iter();
        let mut next = || cells.next().unwrap_or_default();
        let mut row = VarianceRow {
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
        let parts = Cause::ALL
            .into_iter()
            .zip(cells)
            .filter(|(_, amount)| amount.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
        row.parts = parts
            .map(|(cause, amount)| (cause.name(), amount))
            .collect();
        Ok(row)
    }

    /// Products and SKUs that have usage.
    pub(super) fn used_products(&self) -> Result<Vec<(String, String)>, RunError> {
        let mut used = BTreeSet::new();
        read::rows(
            &self.folder.join("resources.parquet"),
            ["product_id", "sku_id", "usage_rows"],
            |[product, sku, rows]| {
                if rows != "0" {
                    used.insert((product, sku));
                }
            },
        )
        .map_err(|error| self.damaged("resources.parquet", &error))?;
        Ok(used.into_iter().collect())
    }

    /// The units of a dataset that hold an account, checked to be the bytes that the run read.
    pub(super) fn units(
        &self,
        dataset: Dataset,
        account: &(Option<String>, Option<String>),
    ) -> Result<Vec<FileUnit>, RunError> {
        let mut names = BTreeSet::new();
        read::rows(
            &self.folder.join("lineage.parquet"),
            ["source", "unit", "customer_id", "subscription_id"],
            |[source, unit, customer, plan]| {
                let fits = |wanted: &Option<String>, found: &str| {
                    wanted.as_deref().is_none_or(|wanted| wanted == found)
                };
                if source == dataset.name()
                    && fits(&account.0, &customer)
                    && fits(&account.1, &plan)
                {
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
        inputs.map(unchanged).collect()
    }

    /// All units of a dataset, checked likewise.
    pub(super) fn all_units(&self, dataset: Dataset) -> Result<Vec<FileUnit>, RunError> {
        self.manifest
            .inputs
            .iter()
            .filter(|input| input.dataset == dataset.name())
            .map(unchanged)
            .collect()
    }

    /// Of the row of `findings` with this id: narrowest level, meter, resource, first and last day.
    pub(super) fn finding(&self, break_id: &str) -> Result<Option<[String; 5]>, RunError> {
        let columns = [
            "break_id",
            "narrowest_level",
            "meter_id",
            "resource_uri",
            "first_usage_date",
            "last_usage_date",
        ];
        let mut found = None;
        read::rows(
            &self.folder.join("findings.parquet"),
            columns,
            |[id, level, meter, resource, first, last]| {
                if id == break_id {
                    found = Some([level, meter, resource, first, last]);
                }
            },
        )
        .map_err(|error| self.damaged("findings.parquet", &error))?;
        Ok(found)
    }

    /// The billing period of each invoice, which an account alone may not tell.
    pub(super) fn periods(&self) -> Result<Vec<(String, Period)>, RunError> {
        let mut periods = BTreeSet::new();
        read::rows(
            &self.folder.join("variances.parquet"),
            ["invoice_number", "billing_period"],
            |[invoice, period]| {
                periods.extend(Period::parse(&period).map(|period| (invoice, period)));
            },
        )
        .map_err(|error| self.damaged("variances.parquet", &error))?;
        Ok(periods.into_iter().collect())
    }

    /// The settings that the run was done with.
    pub(super) fn settings(&self, tie_out: TieOut) -> TieOutPlan {
        manifest_settings::from_manifest(tie_out, &self.manifest.tie_outs)
    }
}

fn unchanged(input: &manifest::Input) -> Result<FileUnit, RunError> {
    let unit = files::identify(Path::new(&input.unit))?;
    if unit.blake3 == input.blake3 {
        Ok(unit)
    } else {
        Err(RunError::Changed { unit: unit.name })
    }
}
