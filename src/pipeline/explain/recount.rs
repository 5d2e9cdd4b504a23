//! The reconciliation of one account, done again from its source lines.
//!
//! It goes through the stages of the run ([`reconcile`](crate::pipeline::reconcile)) with the
//! settings and the learned column of the manifest, for one customer and subscription only. What
//! other accounts decide is taken from the published run: the periods of invoices, and which
//! products have usage.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use polars::prelude::DataFrame;

use super::account_filter::AccountFilter;
use super::answer::PickedResources;
use super::gather;
use super::published::Published;
use crate::engine::causes::finding::Finding;
use crate::engine::causes::investigate;
use crate::engine::compare::group::Sides;
use crate::engine::compare::invoice_practice::InvoicePractice;
use crate::engine::compare::usage_to_invoice::{self, Resource};
use crate::engine::count::partial::Partial;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::{self, Folded, OtherInputs};
use crate::engine::judge::variance::{self, Variance};
use crate::engine::matching::descriptions::DescriptionColumns;
use crate::engine::matching::joins;
use crate::engine::matching::usage_matches::{self, Matching};
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::key_projections::{FieldPlace, raw_place};
use crate::engine::rules::keys::{Counted, LINES_FRAME, Part, RESOURCE_KEYS, USAGE_FRAME};
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::model::reject::RejectedRow;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::manifest_settings;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;
use crate::pipeline::reconcile::judging::published_order;

/// Groups and resources of one account, computed again.
pub(super) struct Recount<'p> {
    pub(super) published: &'p Published,
    pub(super) account: AccountFilter,
    /// Products and SKUs, folded, without usage in the run, as far as a line's scope depends on it.
    pub(super) unused: BTreeSet<(String, String)>,
    /// Rejected rows that are of the account, or may be.
    pub(super) rejected: Vec<RejectedRow>,
    pub(super) totals: Folded,
    /// Usage columns that MeterDescription repeats, as the run learned them.
    pub(super) descriptions: DescriptionColumns,
    pub(super) matching: Matching,
    /// Both sides of each group, by its number.
    pub(super) sides: Vec<Sides>,
    pub(super) settings: TieOutPlan,
    /// Rounding rule and exchange rates of each invoice, as the run learned them.
    pub(super) practice: InvoicePractice,
    resources: Vec<Resource>,
    /// Findings by the number of their group; rounding alone explains groups without one.
    findings: hashbrown::HashMap<u32, Finding>,
}

impl<'p> Recount<'p> {
    /// Counts an account again.
    ///
    /// # Errors
    /// [`RunError::Changed`], [`RunError::Decode`], [`RunError::Overflow`], and
    /// [`RunError::NotThere`] for damaged tables.
    pub(super) fn new(published: &'p Published, account: AccountFilter) -> Result<Self, RunError> {
        let settings = published.settings(TieOut::UsageToInvoice)?;
        let descriptions = published.descriptions()?;
        let unused = published.unused_products()?;
        let account = account.held_by_all_passes(&settings);
        let usage = gather::count(published, Dataset::Usage, &account)?;
        let lines = gather::count(published, Dataset::InvoiceLines, &account)?;
        let also_used = also_used(&lines.partial, &unused);
        let mut totals = folded::fold_partials(
            usage.partial,
            lines.partial,
            // Neither headers nor other inputs: the periods of invoices are taken from the run, and
            // the other tie-outs are explained from its tables.
            &[],
            &also_used,
            OtherInputs::default(),
        )?;
        select(published, &mut totals)?;
        let rules = &settings.rules;
        let matching = usage_matches::match_usage(&totals, &descriptions, &settings.passes);
        // One account tells nothing of what nine of ten lines of its invoice obey.
        let practice = manifest_settings::practice(&published.manifest().invoices);
        let practice = InvoicePractice::from_words(&practice, &totals.vocabulary, rules);
        let usage_to_invoice::Compared { sides, resources } =
            usage_to_invoice::compare(&totals, &matching, rules, &practice)?;
        let mut findings = investigate::investigate(&totals, &matching, &sides, rules, &practice)?;
        investigate::narrow(&mut findings, &sides);
        Ok(Self {
            published,
            account,
            unused,
            rejected: [usage.rejected, lines.rejected].concat(),
            totals,
            descriptions,
            matching,
            sides,
            settings,
            practice,
            resources,
            findings,
        })
    }

    /// All groups, judged, each with its number, in published order.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub(super) fn variances(&self) -> Result<Vec<(u32, Variance)>, EngineError> {
        let settings = &self.settings;
        let judge = |(number, sides): (u32, &Sides)| {
            let finding = self.findings.get(&number).cloned().map(Box::new);
            let variance = variance::judge(
                sides.clone(),
                &settings.tolerances,
                &self.totals.vocabulary,
                finding,
                &settings.without_causes,
            )?;
            Ok((number, variance))
        };
        let variances = (0..).zip(&self.sides).map(judge);
        let mut variances = variances.collect::<Result<Vec<(u32, Variance)>, EngineError>>()?;
        let periods = &self.totals.periods;
        variances.sort_by(|(_, left), (_, right)| {
            published_order(periods, left).cmp(&published_order(periods, right))
        });
        // Groups of equal keys are of the same accounts, so that their numbers are those of the
        // run.
        variance::separate_equal_ids(variances.iter_mut().map(|(_, variance)| variance));
        Ok(variances)
    }

    /// Usage and lines: each frame with the groups of its rows, and true for usage.
    pub(super) fn frames(&self) -> [(&DataFrame, &[u32], bool); 2] {
        [
            (&self.totals.usage, &self.matching.of_usage, true),
            (&self.totals.lines, &self.matching.of_lines, false),
        ]
    }

    /// Numbers of the groups that hold rows with all of these keys; lines are looked at only where
    /// no usage has the keys.
    ///
    /// # Errors
    /// [`RunError::NotThere`] where no row has them.
    pub(super) fn pick(&self, keys: &[(String, String)]) -> Result<HashSet<u32>, RunError> {
        for (frame, groups, is_usage) in self.frames() {
            let rows = self.rows_with(frame, keys, is_usage);
            if !rows.is_empty() {
                return Ok(rows.into_iter().map(|row| groups[row]).collect());
            }
        }
        let words: Vec<String> = keys
            .iter()
            .map(|(name, value)| format!("`{name}={value}`"))
            .collect();
        Err(RunError::NotThere {
            what: words.join(" "),
            found: "no usage and no invoice line".to_owned(),
            wanted: "keys that the run has".to_owned(),
            hint: "the tables `resources` and `variances` of the run list its keys".to_owned(),
        })
    }

    /// Rows of a frame that have all keys; none where the frame lacks one of the columns.
    fn rows_with(
        &self,
        frame: &DataFrame,
        keys: &[(String, String)],
        is_usage: bool,
    ) -> Vec<usize> {
        let parts: &[Part] = if is_usage { &USAGE_FRAME } else { &LINES_FRAME };
        let mut rows: Vec<usize> = (0..frame.height()).collect();
        for (name, value) in keys {
            let Some(part) = Part::picked_by(name) else {
                return Vec::new();
            };
            let codes = match part {
                Part::Description if is_usage => &self.matching.described,
                part if parts.contains(&part) => columns::codes(frame, part.column()),
                _ => return Vec::new(),
            };
            // A value in no row has no code, and leaves no row.
            let code = self.totals.vocabulary.code(part.domain(), value);
            rows.retain(|row| code == Some(codes[*row]));
        }
        rows
    }

    /// Sums of the rows of `resources` with these keys; `None` where rows of `resources` lack one
    /// of the columns, or no row has the value.
    pub(super) fn resource_sums(&self, keys: &[(String, String)]) -> Option<PickedResources> {
        let mut wanted: BTreeMap<usize, u32> = BTreeMap::new();
        for (name, value) in keys {
            let part = Part::picked_by(name)?;
            let field = RESOURCE_KEYS.iter().position(|of| *of == part)?;
            wanted.insert(field, self.totals.vocabulary.code(part.domain(), value)?);
        }
        // A key of the whole run may have resources of several groups: all of them are summed.
        let mut rows = 0;
        let (mut expected, mut invoiced) = (0, 0);
        for resource in &self.resources {
            if wanted
                .iter()
                .all(|(field, code)| resource.key[*field] == *code)
            {
                rows += 1;
                expected += resource.expected_amount;
                invoiced += resource.invoiced_amount;
            }
        }
        Some(PickedResources {
            rows,
            expected_amount: fixed(expected, PUBLISHED_SCALE),
            invoiced_amount: fixed(invoiced, PUBLISHED_SCALE),
            variance_amount: fixed(invoiced - expected, PUBLISHED_SCALE),
        })
    }
}

/// Products and SKUs of the lines that the run did not set aside for want of usage.
fn also_used(lines: &Partial, unused: &BTreeSet<(String, String)>) -> Vec<(String, String)> {
    const PRODUCT: FieldPlace = raw_place(Counted::Lines, Part::Product);
    const SKU: FieldPlace = raw_place(Counted::Lines, Part::Sku);
    let mut used = BTreeSet::new();
    for key in lines.totals.keys() {
        let text = |place| lines.text_at(key, place);
        let (product, sku) = (text(PRODUCT), text(SKU));
        let folded = (fold_as(Domain::Product, product), fold_as(Domain::Sku, sku));
        if !unused.contains(&folded) {
            used.insert((product.to_owned(), sku.to_owned()));
        }
    }
    used.into_iter().collect()
}

/// Gives each invoice the period that the run gave it, and leaves out the invoices that the run
/// left out for its period.
fn select(published: &Published, totals: &mut Folded) -> Result<(), RunError> {
    let mut compared = HashSet::new();
    for (invoice, period) in published.periods()? {
        // Invoices of other accounts are not in the vocabulary.
        if let Some(code) = totals.vocabulary.code(Domain::Invoice, &invoice) {
            compared.insert(code);
            if let Some(period) = period {
                totals.periods.insert(code, period);
            }
        }
    }
    if published.manifest().period.is_none() {
        return Ok(());
    }
    for frame in [&mut totals.usage, &mut totals.lines] {
        let invoices = columns::codes(frame, Part::Invoice.column());
        let rows: Vec<u32> = (0..)
            .zip(invoices)
            .filter(|(_, invoice)| compared.contains(*invoice))
            .map(|(row, _)| row)
            .collect();
        *frame = joins::take(frame, &rows);
    }
    Ok(())
}
