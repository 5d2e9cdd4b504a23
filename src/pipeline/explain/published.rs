//! A published run, as `explain` reads it back: rows of its tables, its manifest, and the names and
//! hashes of the input files behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::account_filter::AccountFilter;
use super::answer::RejectedLine;
use super::input_file::held_as_read;
use super::run_folder::RunFolder;
use crate::engine::matching::descriptions::DescriptionColumns;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::DESCRIPTION_PARTS;
use crate::engine::rules::scope::Scope;
use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::decimal::{self, PUBLISHED_SCALE};
use crate::model::period::Period;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::manifest_settings;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;
use crate::reports::manifest::{self, Manifest};
use crate::sources::files::FileUnit;

/// A complete run in its folder.
pub(super) struct Published {
    folder: RunFolder,
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
    pub(super) customer_name: String,
    pub(super) product_id: String,
    pub(super) sku_id: String,
    pub(super) availability_id: String,
    pub(super) price_adjustment: String,
    /// Id of the one-sided break that is the other half; empty for none.
    pub(super) counterpart: String,
    /// Cause and amount of each part that is not zero.
    pub(super) parts: Vec<(&'static str, String)>,
}

/// Columns of `variances` before its parts, in the order in which `row_of` takes them.
const COLUMNS: [&str; 22] = [
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
    "customer_name",
    "product_id",
    "sku_id",
    "availability_id",
    "price_adjustment",
    "counterpart",
];
/// Number of columns with the parts of a variance.
const PARTS: usize = Cause::ALL.len();

impl Published {
    /// Opens a run by its id, or the newest complete one.
    ///
    /// # Errors
    /// [`RunError::NotThere`] where there is no such run, and [`RunError::Damaged`].
    pub(super) fn open(out: &Path, run: Option<&str>) -> Result<Self, RunError> {
        let published = Self {
            folder: RunFolder::open(out, run)?,
        };
        // At once, whatever is explained: settings that no run has are those of a damaged manifest.
        published.descriptions()?;
        for tie_out in TieOut::ALL {
            published.settings(tie_out)?;
        }
        Ok(published)
    }

    /// Manifest of the run.
    pub(super) const fn manifest(&self) -> &Manifest {
        &self.folder.manifest
    }

    /// Error for a table that holds what no run publishes.
    fn damaged(&self, found: &str) -> RunError {
        self.folder.damaged("variances.parquet", &found)
    }

    /// The row of `variances` with this id.
    ///
    /// # Errors
    /// [`RunError::NotThere`] where there is none.
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
        self.folder.rows("variances", columns, |cells| {
            if cells[0] == break_id {
                found = Some(cells);
            }
        })?;
        let found = found.ok_or_else(|| RunError::NotThere {
            what: format!("`{break_id}`"),
            found: "no row with this `break_id`".to_owned(),
            wanted: format!("a `break_id` of run `{}`", self.manifest().run_id),
            hint: "the table `variances` of that run lists them; name another run with `--run`"
                .to_owned(),
        })?;
        Ok(row_of(found))
    }

    /// The comparison that a row is of.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a name that no run publishes.
    pub(super) fn tie_out(&self, row: &VarianceRow) -> Result<TieOut, RunError> {
        let found = TieOut::ALL
            .into_iter()
            .find(|tie_out| tie_out.name() == row.tie_out);
        found.ok_or_else(|| self.damaged(&format!("the tie-out `{}`", row.tie_out)))
    }

    /// A published amount or quantity as a number, in units of 10^-10.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a text that is no number.
    pub(super) fn amount(&self, text: &str) -> Result<i128, RunError> {
        match decimal::parse(text.as_bytes(), PUBLISHED_SCALE) {
            Ok(parsed) => Ok(parsed.value),
            Err(_) => Err(self.damaged(&format!("the amount `{text}`"))),
        }
    }

    /// A published number of rows.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a text that is no number.
    pub(super) fn count(&self, text: &str) -> Result<u64, RunError> {
        text.parse()
            .map_err(|_| self.damaged(&format!("the number of rows `{text}`")))
    }

    /// Hands some columns of each row of `variances` to `take`.
    ///
    /// # Errors
    /// [`RunError`] for a table that cannot be read.
    pub(super) fn rows_of_variances<const N: usize>(
        &self,
        columns: [&str; N],
        take: impl FnMut([String; N]),
    ) -> Result<(), RunError> {
        self.folder.rows("variances", columns, take)
    }

    /// Products and SKUs, folded, of which the run set lines aside because no usage of them was
    /// read. Of no other product does any line depend on it.
    pub(super) fn unused_products(&self) -> Result<BTreeSet<(String, String)>, RunError> {
        // Not the usage of `resources`: in the run usage of other periods counts as well.
        let rules = Scope::ALL.into_iter().filter(|scope| scope.is_of_unused());
        let rules: Vec<&str> = rules.map(Scope::rule).collect();
        let mut unused = BTreeSet::new();
        self.folder.rows(
            "variances",
            ["product_id", "sku_id", "matched_on"],
            |[product, sku, matched_on]| {
                if rules.contains(&matched_on.as_str()) {
                    unused.insert((
                        fold_as(Domain::Product, &product),
                        fold_as(Domain::Sku, &sku),
                    ));
                }
            },
        )?;
        Ok(unused)
    }

    /// The units of a dataset that hold an account, as the run read them.
    pub(super) fn units(
        &self,
        dataset: Dataset,
        account: &AccountFilter,
    ) -> Result<Vec<FileUnit>, RunError> {
        // Lineage first: an account stands in few units, and only those are hashed and read again.
        let names = self.units_of(dataset, account)?;
        let inputs = self.inputs(dataset);
        let of_account = inputs.filter(|input| names.contains(&input.unit));
        Ok(of_account.map(as_read).collect())
    }

    /// Names of the units of a dataset in which the run counted rows of an account.
    fn units_of(
        &self,
        dataset: Dataset,
        account: &AccountFilter,
    ) -> Result<BTreeSet<String>, RunError> {
        let mut names = BTreeSet::new();
        self.folder.rows(
            "lineage",
            ["source", "unit", "customer_id", "subscription_id"],
            |[source, unit, customer, subscription]| {
                if source == dataset.name() && account.lets_through(&customer, &subscription) {
                    names.insert(unit);
                }
            },
        )?;
        Ok(names)
    }

    /// The other units of a dataset that have rejected rows, which may be of the account: lineage
    /// knows rows that counted only.
    pub(super) fn units_with_rejects(
        &self,
        dataset: Dataset,
        account: &AccountFilter,
    ) -> Result<Vec<FileUnit>, RunError> {
        let names = self.units_of(dataset, account)?;
        let of_rejects = self
            .inputs(dataset)
            .filter(|input| input.rows_rejected > 0 && !names.contains(&input.unit));
        Ok(of_rejects.map(as_read).collect())
    }

    /// All units of a dataset, as the run read them.
    pub(super) fn all_units(&self, dataset: Dataset) -> Vec<FileUnit> {
        // Lineage is by account, but an invoice has lines of many, and its header of none.
        self.inputs(dataset).map(as_read).collect()
    }

    /// All units of a dataset of any kind, by its name.
    pub(super) fn units_named(&self, dataset: &str) -> Vec<FileUnit> {
        let inputs = self.manifest().inputs.iter();
        let inputs = inputs.filter(|input| input.dataset == dataset);
        inputs.map(as_read).collect()
    }

    /// Number of rows that the run found in some units of a dataset.
    pub(super) fn rows_in(&self, dataset: Dataset, units: &[FileUnit]) -> u64 {
        let names: BTreeSet<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        self.inputs(dataset)
            .filter(|input| names.contains(input.unit.as_str()))
            .map(|input| input.rows)
            .sum()
    }

    fn inputs(&self, dataset: Dataset) -> impl Iterator<Item = &manifest::Input> {
        let inputs = self.manifest().inputs.iter();
        inputs.filter(move |input| input.dataset == dataset.name())
    }

    /// Rejected rows of some datasets, as published.
    pub(super) fn rejected(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<RejectedLine>, RunError> {
        let mut rows = Vec::new();
        self.folder.rows(
            "rejected_rows",
            [
                "source", "unit", "line", "column", "found", "wanted", "text",
            ],
            |[source, unit, line, column, found, wanted, text]| {
                if is_wanted(&source) {
                    rows.push((source, unit, line, column, found, wanted, text));
                }
            },
        )?;
        let line =
            |(source, unit, line, column, found, wanted, text): (_, _, String, _, _, _, _)| {
                Ok(RejectedLine {
                    source,
                    unit,
                    line: self.count(&line)?,
                    column,
                    found,
                    // The table does not tell.
                    in_words: false,
                    wanted,
                    text,
                })
            };
        rows.into_iter().map(line).collect()
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
        self.folder.rows(
            "findings",
            columns,
            |[id, level, meter, resource, first, last]| {
                if id == break_id {
                    found = [level, meter, resource, first, last];
                }
            },
        )?;
        Ok(found)
    }

    /// Each invoice that was compared, with its billing period as far as the run knew it. The usage
    /// and lines of one account alone may not tell it, as it can come from a header.
    pub(super) fn periods(&self) -> Result<BTreeMap<String, Option<Period>>, RunError> {
        let mut periods = BTreeMap::new();
        // Every amount is spread over resources, so that no invoice is missing there.
        self.folder.rows(
            "resources",
            ["invoice_number", "billing_period"],
            |[invoice, period]| {
                periods
                    .entry(invoice)
                    .or_insert_with(|| Period::parse(&period));
            },
        )?;
        Ok(periods)
    }

    /// Fails if the run did not do a tie-out.
    pub(super) fn needs(&self, tie_out: TieOut) -> Result<(), RunError> {
        let name = tie_out.name();
        let mut done = self.manifest().tie_outs.iter();
        if done.any(|done| done.name == name) {
            return Ok(());
        }
        Err(RunError::NotThere {
            what: format!("Run `{}`", self.manifest().run_id),
            found: format!("no tie-out `{name}`"),
            wanted: "a run that compares usage with lines, by whose groups keys are looked up"
                .to_owned(),
            hint: format!("run the pipeline with `tie_out.{name}`, or explain a `break_id`"),
        })
    }

    /// The settings that the run was done with.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for settings that no run has.
    pub(super) fn settings(&self, tie_out: TieOut) -> Result<TieOutPlan, RunError> {
        // The manifest, not the pipeline file, which may have changed since the run.
        manifest_settings::from_manifest(tie_out, &self.manifest().tie_outs)
            .map_err(|found| self.folder.damaged("manifest.json", &found))
    }

    /// Usage columns that the run found MeterDescription to repeat. One account alone might pair
    /// better by other columns than all accounts together.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a column that no run finds.
    pub(super) fn descriptions(&self) -> Result<DescriptionColumns, RunError> {
        let part_of = |learned: &String| {
            let mut parts = DESCRIPTION_PARTS.into_iter();
            parts.find(|part| part.column() == learned).ok_or_else(|| {
                let found = format!("the column `{learned}` as meter description");
                self.folder.damaged("manifest.json", &found)
            })
        };
        let manifest = self.manifest();
        let usual = &manifest.meter_description_is;
        let of_products = manifest.meter_description_of_products.iter();
        Ok(DescriptionColumns {
            // Empty where descriptions repeat no column.
            usual: (!usual.is_empty()).then(|| part_of(usual)).transpose()?,
            of_products: of_products
                .map(|(product, part)| Ok((product.clone(), part_of(part)?)))
                .collect::<Result<_, RunError>>()?,
        })
    }

    /// The error for source rows that do not come to the published figures of a group. It is ours
    /// only if the inputs are still those that the run read.
    pub(super) fn disagrees(&self, row: &VarianceRow, expected: &str, invoiced: &str) -> RunError {
        let words =
            |expected: &str, invoiced: &str| format!("{expected} expected and {invoiced} invoiced");
        for dataset in Dataset::ALL {
            for unit in self.all_units(dataset) {
                if let Err(error) = held_as_read(&unit) {
                    return error;
                }
            }
        }
        RunError::Disagrees {
            break_id: row.break_id.clone(),
            published: words(&row.expected_amount, &row.invoiced_amount),
            recounted: words(expected, invoiced),
        }
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
        customer_name: next(),
        product_id: next(),
        sku_id: next(),
        availability_id: next(),
        price_adjustment: next(),
        counterpart: next(),
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

/// An input file, with the identity that the run read it under.
fn as_read(input: &manifest::Input) -> FileUnit {
    FileUnit {
        name: input.unit.clone(),
        path: PathBuf::from(&input.unit),
        blake3: input.blake3.clone(),
        bytes: input.bytes,
    }
}
