//! Usage on its way from folded totals to compared groups: all of it, or part by part.

use std::borrow::Cow;

use hashbrown::HashSet;
use polars::prelude::DataFrame;

use super::plan_of;
use super::select::Selection;
use crate::engine::balance::{self, ByCurrency};
use crate::engine::comparison::{Checked, Row};
use crate::engine::frames;
use crate::engine::investigate;
use crate::engine::matching;
use crate::engine::totals::Totals;
use crate::engine::usage_to_invoice::{self, Resource};
use crate::engine::vocabulary::Domain;
use crate::model::cause::TieOut;
use crate::pipeline::comparisons;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::{Plan, TieOutPlan};

/// What was found on the way.
pub(super) struct Course<'p> {
    plan: &'p Plan,
    settings: Cow<'p, TieOutPlan>,
    pub(super) selection: Selection,
    /// The usage column that MeterDescription repeats, and the lines that pair under each.
    pub(super) description: Option<(&'static str, [usize; 3])>,
    /// Usage when it was folded, and when the period was selected.
    pub(super) folded: ByCurrency,
    pub(super) selected: ByCurrency,
    /// Expected and invoiced amounts of all resources.
    pub(super) allocated: [ByCurrency; 2],
    /// Rows without a customer.
    pub(super) blank: u64,
    pub(super) invoices: HashSet<u32>,
    pub(super) has_rows: bool,
    /// Some usage found its line.
    pub(super) has_met: bool,
    pub(super) by_subscription: Vec<Row>,
    pub(super) checked: Vec<Checked>,
}

impl<'p> Course<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            settings: plan_of(plan, TieOut::UsageToInvoice),
            selection: Selection::new(plan.period),
            description: None,
            folded: ByCurrency::new(),
            selected: ByCurrency::new(),
            allocated: Default::default(),
            blank: 0,
            invoices: HashSet::new(),
            has_rows: false,
            has_met: false,
            by_subscription: Vec::new(),
            checked: Vec::new(),
        }
    }

    /// Learns from usage what MeterDescription repeats.
    pub(super) fn learn(&mut self, usage: &DataFrame, lines: &DataFrame) -> Result<&'static str, RunError> {
        let learned = match self.description {
            Some(learned) => learned,
            None => matching::learn_description(usage, lines)?,
        };
        self.description = Some(learned);
        Ok(learned.0)
    }

    /// Takes the usage and lines of `totals` through all stages; their resources, in published order.
    pub(super) fn take(&mut self, totals: &mut Totals, phase: &dyn Fn(&'static str)) -> Result<Vec<Resource>, RunError> {
        balance::add_up(&mut self.folded, &balance::frame_of(totals, &totals.usage, "billing")?);
        self.blank += blank_customers(&totals.usage)?;
        let folded = totals.usage.clone();
        totals.usage = self.selection.of(totals, &folded)?;
        drop(folded);
        balance::add_up(&mut self.selected, &balance::frame_of(totals, &totals.usage, "billing")?);
        self.has_rows |= totals.usage.height() > 0;
        self.invoices.extend(frames::codes(&totals.usage, "invoice")?);
        if plan_of(self.plan, TieOut::UsageToSummary).enabled {
            self.by_subscription.extend(comparisons::usage_by_subscription(totals)?);
        }
        phase("match");
        let description = self.learn(&totals.usage, &totals.lines)?;
        let matching = matching::match_usage(totals, Some(description), &self.settings.passes)?;
        self.has_met |= matching.matched_on.iter().any(|pass| !pass.is_empty() && !pass.starts_with("rule:"));
        phase("compare and allocate");
        let compared = usage_to_invoice::compare(totals, &matching, &self.settings.rules)??;
        phase("attribute");
        if self.settings.enabled {
            let mut findings = investigate::investigate(totals, &matching, &compared.sides, &self.settings.rules)??;
            self.checked.extend((0..).zip(compared.sides).map(|(number, sides)| (sides, findings.remove(&number).map(Box::new))));
        }
        let mut resources = compared.resources;
        for (sums, expected) in self.allocated.iter_mut().zip([true, false]) {
            balance::add_up(sums, &balance::resources_of(totals, &resources, expected));
        }
        resources.sort_by_key(|resource| (totals.periods.get(&resource.key[0]).copied(), resource.key));
        Ok(resources)
    }

    /// Gives the resources of findings from `first` on the codes of a list of their own: those of the
    /// vocabulary are of one part.
    pub(super) fn name_resources(&mut self, first: usize, totals: &Totals, names: &mut Vec<String>) {
        let found = self.checked.iter_mut().skip(first).filter_map(|(_, finding)| finding.as_mut()?.resource.as_mut());
        for code in found {
            let text = totals.vocabulary.text(Domain::Resource, *code).to_owned();
            *code = u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.push(text);
        }
    }
}

/// Rows of a frame whose customer id is empty.
pub(super) fn blank_customers(frame: &DataFrame) -> Result<u64, RunError> {
    let rows = frames::counts(frame, "rows")?;
    Ok(frames::codes(frame, "customer")?.iter().zip(rows).filter(|(code, _)| **code == 0).map(|(_, rows)| rows).sum())
}
