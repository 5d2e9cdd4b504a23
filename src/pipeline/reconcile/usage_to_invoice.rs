//! Usage on its way from folded totals to compared groups: all of it, or part by part.

use std::borrow::Cow;

use hashbrown::HashSet;
use polars::prelude::DataFrame;

use super::other_tie_outs;
use super::period::Selection;
use super::stages::plan_of;
use crate::engine::causes::investigate;
use crate::engine::compare::usage_to_invoice::{self, Resource};
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::judge::control_totals::{self, ByCurrency};
use crate::engine::judge::rounding_census::{self, Census};
use crate::engine::matching::passes;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::tie_outs::lines_to_invoice::LineSums;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};

/// What was found on the way.
pub(super) struct Course<'p> {
    plan: &'p Plan,
    settings: Cow<'p, TieOutPlan>,
    pub(super) selection: Selection,
    /// The usage column that MeterDescription repeats, and the lines that pair under each.
    pub(super) description: Option<(Part, [usize; 3])>,
    /// Usage and lines when they were folded, and when the period was selected.
    pub(super) folded: [ByCurrency; 2],
    pub(super) selected: [ByCurrency; 2],
    /// The lines' totals, and by invoice.
    pub(super) lines_total: ByCurrency,
    pub(super) by_invoice: LineSums,
    /// Expected and invoiced amounts of all resources.
    pub(super) allocated: [ByCurrency; 2],
    /// Rows of usage and lines without a customer.
    pub(super) blank: [u64; 2],
    /// Invoices of either.
    pub(super) invoices: HashSet<u32>,
    /// Whether there is usage, and whether there are lines.
    pub(super) has_rows: [bool; 2],
    /// Some usage found its line.
    pub(super) has_met: bool,
    pub(super) by_subscription: Vec<SideRow>,
    /// Which rounding rules the lines obey.
    pub(super) census: Census,
    pub(super) checked: Vec<Checked>,
}

impl<'p> Course<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            settings: plan_of(plan, TieOut::UsageToInvoice),
            selection: Selection::new(plan.period),
            description: None,
            folded: Default::default(),
            selected: Default::default(),
            lines_total: ByCurrency::new(),
            by_invoice: LineSums::default(),
            allocated: Default::default(),
            blank: [0; 2],
            invoices: HashSet::new(),
            has_rows: [false; 2],
            has_met: false,
            by_subscription: Vec::new(),
            census: Census::new(),
            checked: Vec::new(),
        }
    }

    /// Selects the period, and counts before and after.
    fn select(&mut self, totals: &mut Folded) -> Result<(), RunError> {
        for (side, amount) in ["billing", "subtotal"].into_iter().enumerate() {
            let frame = if side == 0 {
                totals.usage.clone()
            } else {
                totals.lines.clone()
            };
            let selected = self.selection.of(totals, &frame)?;
            let before = control_totals::frame_of(totals, &frame, amount);
            let after = control_totals::frame_of(totals, &selected, amount);
            control_totals::add_up(&mut self.folded[side], &before);
            control_totals::add_up(&mut self.selected[side], &after);
            self.blank[side] += blank_customers(&frame)?;
            self.has_rows[side] |= selected.height() > 0;
            self.invoices
                .extend(columns::codes(&selected, Part::Invoice.column()));
            *(if side == 0 {
                &mut totals.usage
            } else {
                &mut totals.lines
            }) = selected;
        }
        control_totals::add_up(
            &mut self.lines_total,
            &control_totals::frame_of(totals, &totals.lines, "total"),
        );
        self.by_invoice.add(totals);
        rounding_census::count(&mut self.census, totals, &self.settings.rules);
        Ok(())
    }

    /// Takes the usage and lines of `totals` through all stages; their resources, in published order.
    pub(super) fn take(
        &mut self,
        totals: &mut Folded,
        phase: &dyn Fn(&'static str),
    ) -> Result<Vec<Resource>, RunError> {
        self.select(totals)?;
        if plan_of(self.plan, TieOut::UsageToSummary).enabled {
            self.by_subscription
                .extend(other_tie_outs::usage_by_subscription(totals)?);
        }
        phase("match");
        let learned = match self.description {
            Some(learned) => learned,
            None => passes::learned(passes::description_pairs(&totals.usage, &totals.lines)),
        };
        self.description = Some(learned);
        let (description, _) = learned;
        let matching = passes::match_usage(totals, Some(description), &self.settings.passes);
        self.has_met |= matching
            .matched_on
            .iter()
            .any(|pass| !pass.is_empty() && !pass.starts_with("rule:"));
        phase("compare and allocate");
        let compared = usage_to_invoice::compare(totals, &matching, &self.settings.rules)?;
        phase("attribute");
        if self.settings.enabled {
            let mut findings =
                investigate::investigate(totals, &matching, &compared.sides, &self.settings.rules)?;
            self.checked.extend(
                (0..)
                    .zip(compared.sides)
                    .map(|(number, sides)| (sides, findings.remove(&number).map(Box::new))),
            );
        }
        let mut resources = compared.resources;
        for (sums, expected) in self.allocated.iter_mut().zip([true, false]) {
            control_totals::add_up(
                sums,
                &control_totals::resources_of(totals, &resources, expected),
            );
        }
        resources
            .sort_by_key(|resource| (totals.periods.get(&resource.key[0]).copied(), resource.key));
        Ok(resources)
    }

    /// Gives the resources of findings from `first` on the codes of a list of their own: those of the
    /// vocabulary are of one part.
    pub(super) fn name_resources(
        &mut self,
        first: usize,
        totals: &Folded,
        names: &mut Vec<String>,
    ) {
        let found = self
            .checked
            .iter_mut()
            .skip(first)
            .filter_map(|(_, finding)| finding.as_mut()?.resource.as_mut());
        for code in found {
            let text = totals.vocabulary.text(Domain::Resource, *code).to_owned();
            *code = u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.push(text);
        }
    }
}

/// Rows of a frame whose customer id is empty.
fn blank_customers(frame: &DataFrame) -> Result<u64, RunError> {
    let rows = columns::counts(frame, "rows");
    Ok(columns::codes(frame, Part::Customer.column())
        .iter()
        .zip(rows)
        .filter(|(code, _)| **code == 0)
        .map(|(_, rows)| rows)
        .sum())
}
