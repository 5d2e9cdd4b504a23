//! The analyst folder after a run: the rows that were counted, and the run's groups, resources and
//! invoices, take the place of those of the same period.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::engine::rules::domain::Domain;
use crate::model::dataset::Dataset;
use crate::model::decimal::{PUBLISHED_SCALE, fixed, to_published};
use crate::model::tables::Table;
use crate::model::tables::analyst::{
    INVOICE_LINES, INVOICES_OF_RUN, RESOURCES_OF_RUN, USAGE_DAILY, VARIANCES_OF_RUN,
};
use crate::pipeline::failure::RunError;
use crate::pipeline::kept_rows::row_sums::UnitFile;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::analyst_tables;
use crate::pipeline::publish::invoice_figures::InvoiceFigures;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::reports::analyst_folder::{ANALYST_POINTER, Partition, replace_period, run_of_period};
use crate::reports::kept_files::KeptFiles;

/// A run that is complete, and what it found.
pub(super) struct AnalystSource<'r> {
    pub(super) plan: &'r Plan,
    pub(super) run_id: &'r str,
    /// Billing period of the run; empty for several.
    pub(super) period: &'r str,
    /// Files of the rows, each with its dataset.
    pub(super) kept_rows: &'r [(Dataset, UnitFile)],
    pub(super) found: &'r Reconciled,
    pub(super) invoices: &'r [InvoiceFigures],
}

/// Puts a run into the analyst folder; a sentence for the user where it has no place there.
///
/// # Errors
/// [`RunError::Behind`] where it cannot be written: the run is published, and the folder is that of
/// the run before.
pub(super) fn refresh(source: &AnalystSource<'_>) -> Result<Option<String>, RunError> {
    let out = &source.plan.out;
    if source.period.is_empty() {
        let words = "the run has several billing periods, and is not in the analyst folder; \
                     name one with `period`";
        return Ok(Some(words.to_owned()));
    }
    let is_there = run_of_period(out, source.period).as_deref() == Some(source.run_id);
    if !is_there {
        write(source).map_err(|source| RunError::Behind {
            tables: out.join(ANALYST_POINTER),
            source: Box::new(source),
        })?;
    }
    Ok(None)
}

fn write(source: &AnalystSource<'_>) -> Result<(), RunError> {
    let AnalystSource {
        plan,
        found,
        kept_rows,
        ..
    } = source;
    let files = KeptFiles::open(&plan.out)?;
    let selected = Selection::of(plan, found);
    for (dataset, side) in [(Dataset::Usage, 0), (Dataset::InvoiceLines, 1)] {
        selected.check(dataset, side, kept_rows, found)?;
    }
    replace_period(&plan.out, source.period, source.run_id, |partition| {
        // The columns of a part do not keep all cores busy: that of the longest texts takes longest.
        let (variances, resources) = rayon::join(
            || {
                partition.write(&VARIANCES_OF_RUN, &|take| {
                    analyst_tables::variances(found, take)
                })
            },
            || {
                partition.write(&RESOURCES_OF_RUN, &|take| {
                    analyst_tables::resources(found, take)
                })
            },
        );
        variances.and(resources)?;
        partition.write(&INVOICES_OF_RUN, &|take| {
            take(&analyst_tables::invoices(found, source.invoices))
        })?;
        for (dataset, table) in [
            (Dataset::Usage, &USAGE_DAILY),
            (Dataset::InvoiceLines, &INVOICE_LINES),
        ] {
            let of_dataset = kept_rows.iter().filter(|(of, _)| *of == dataset);
            let units: Vec<&UnitFile> = of_dataset.map(|(_, unit)| unit).collect();
            selected.place(&units, &files, table, partition)?;
        }
        Ok::<(), RunError>(())
    })?;
    let wanted = kept_rows.iter().map(|(_, unit)| unit.blake3.clone());
    Ok(files.clear(&wanted.collect::<BTreeSet<_>>())?)
}

/// Invoices whose rows belong to the period.
struct Selection {
    /// Folded numbers of the invoices that were compared; `None` where all are.
    invoices: Option<BTreeSet<String>>,
}

impl Selection {
    fn of(plan: &Plan, found: &Reconciled) -> Self {
        let of_period = |period| {
            let all = found.totals.periods.iter();
            let codes = all.filter(|(_, of)| **of == period).map(|(code, _)| *code);
            codes
                .map(|code| found.totals.vocabulary.folded(Domain::Invoice, code))
                .collect()
        };
        Self {
            invoices: plan.period.map(of_period),
        }
    }

    fn has(&self, invoice: &str) -> bool {
        let invoices = self.invoices.as_ref();
        invoices.is_none_or(|invoices| invoices.contains(invoice))
    }

    /// Places the files of a table: one that is of the period as a whole is linked, one of several
    /// periods copied in part.
    fn place(
        &self,
        units: &[&UnitFile],
        files: &KeptFiles,
        table: &'static Table,
        partition: &Partition<'_>,
    ) -> Result<(), RunError> {
        // Copies of one file are rows twice over, as they are in the comparison.
        let mut placed = 0;
        for unit in units {
            let path = files.path_of(&unit.blake3);
            let of_period = unit
                .sums
                .iter()
                .filter(|sum| self.has(&sum.invoice))
                .count();
            if of_period == 0 {
                continue;
            }
            if of_period == unit.sums.len() {
                partition.link(table, placed, &path)?;
            } else {
                partition.write_selected(table, placed, &path, &|invoice| self.has(invoice))?;
            }
            placed += 1;
        }
        if placed == 0 {
            partition.write_empty(table)?;
        }
        Ok(partition.sync(table)?)
    }

    /// Holds the kept rows against those that were compared, by invoice and currency.
    ///
    /// # Errors
    /// [`RunError::RowsApart`] where they differ: a bug of ours.
    fn check(
        &self,
        dataset: Dataset,
        side: usize,
        kept_rows: &[(Dataset, UnitFile)],
        found: &Reconciled,
    ) -> Result<(), RunError> {
        let mut kept: BTreeMap<[String; 2], (u64, i128)> = BTreeMap::new();
        let units = kept_rows.iter().filter(|(of, _)| *of == dataset);
        for sum in units.flat_map(|(_, unit)| &unit.sums) {
            if self.has(&sum.invoice) {
                let key = [sum.invoice.clone(), sum.currency.clone()];
                let known = kept.entry(key).or_default();
                known.0 += sum.rows;
                known.1 = known.1.wrapping_add(sum.amount);
            }
        }
        let vocabulary = &found.totals.vocabulary;
        let mut compared: HashMap<[String; 2], (u64, Option<i128>)> = HashMap::new();
        for ([invoice, currency], sum) in &found.invoice_sums[side] {
            let key = [
                vocabulary.folded(Domain::Invoice, *invoice),
                vocabulary.folded(Domain::Currency, *currency),
            ];
            compared.insert(key, (sum.rows, Some(sum.amount)));
        }
        for (key, (rows, amount)) in &kept {
            let published = to_published(*amount);
            let other = compared.remove(key).unwrap_or((0, Some(0)));
            if other != (*rows, published) {
                return Err(apart(dataset, key, (*rows, published), other));
            }
        }
        match compared.into_iter().find(|(_, (rows, _))| *rows > 0) {
            None => Ok(()),
            Some((key, other)) => Err(apart(dataset, &key, (0, Some(0)), other)),
        }
    }
}

fn apart(
    dataset: Dataset,
    [invoice, currency]: &[String; 2],
    kept: (u64, Option<i128>),
    compared: (u64, Option<i128>),
) -> RunError {
    let words = |(rows, amount): (u64, Option<i128>)| {
        let amount =
            amount.map_or_else(|| "too much".to_owned(), |one| fixed(one, PUBLISHED_SCALE));
        format!("{rows} rows of {amount}")
    };
    RunError::RowsApart {
        dataset: dataset.name(),
        invoice: invoice.clone(),
        currency: currency.clone(),
        kept: words(kept),
        compared: words(compared),
    }
}
