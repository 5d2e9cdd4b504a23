//! Usage and invoice lines on their way from folded totals to compared groups: select, match,
//! compare and attribute, for all of the usage at once or part by part.
//!
//! [`UsageStages`] holds what must be added up over the parts; groups never span two parts, as a
//! part holds whole subscriptions.

use hashbrown::HashSet;
use polars::prelude::DataFrame;

use super::invoice_sums::{self, InvoiceSums};
use super::nothing_compared::Seen;
use super::period::PeriodSelection;
use super::recomputed::RecomputedLines;
use super::{settings, usage_by_subscription};
use crate::engine::causes::investigate;
use crate::engine::compare::copies::{self, CopiesByInvoice};
use crate::engine::compare::invoice_practice::{InvoicePractice, LineVotes};
use crate::engine::compare::line_numbers::LineNumbers;
use crate::engine::compare::usage_to_invoice::{self, Resource};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::judge::control_totals::{self, ByCurrency, ControlSums};
use crate::engine::judge::out_of_scope;
use crate::engine::judge::rounding_census::{self, Census};
use crate::engine::matching::descriptions::{
    DescriptionColumns, DescriptionPairs, DescriptionVotes,
};
use crate::engine::matching::usage_matches;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::key_parts::Part;
use crate::engine::rules::key_projections::resource_field;
use crate::engine::rules::keys::RESOURCE_KEYS;
use crate::engine::rules::rounding::Rules;
use crate::engine::tie_outs::lines_to_invoice::LineSums;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::period::Period;
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};

/// Stages of usage and lines, with everything that they add up.
pub(super) struct UsageStages<'p> {
    plan: &'p Plan,
    settings: &'p TieOutPlan,
    /// Billing period that is compared.
    pub(super) selection: PeriodSelection,
    /// Usage columns that MeterDescription repeats, and the lines that pair under each candidate.
    pub(super) descriptions: Option<(DescriptionColumns, DescriptionPairs)>,
    /// Rounding rule and exchange rates of each invoice, learned from all lines.
    pub(super) practice: Option<InvoicePractice>,
    /// Lines that are held against their own arithmetic.
    pub(super) recomputed: RecomputedLines<'p>,
    /// Usage and lines when they were folded.
    pub(super) folded: [ByCurrency; 2],
    /// Usage and lines of the selected period.
    pub(super) selected: [ByCurrency; 2],
    /// Selected lines, with the quantities that they charge for.
    pub(super) charged: ByCurrency,
    /// Total, tax included, of the selected lines.
    pub(super) lines_total: ByCurrency,
    /// Sums of the selected lines by invoice, for the comparison with the headers.
    pub(super) by_invoice: LineSums,
    /// Selected usage and lines by their own invoice.
    pub(super) invoice_sums: [InvoiceSums; 2],
    /// Expected and invoiced amounts of all resources, the expected ones without what only repeats
    /// the invoice.
    pub(super) allocated: [ByCurrency; 2],
    /// Source rows of usage and of lines without a customer id.
    pub(super) blank: [u64; 2],
    /// Codes of the invoices that have usage or lines.
    pub(super) invoices: HashSet<u32>,
    /// Usage and lines before the period was selected.
    pub(super) seen: [Seen; 2],
    /// True where there is usage, and where there are lines.
    pub(super) has_rows: [bool; 2],
    /// True once any usage matched an invoice line.
    pub(super) has_matched: bool,
    /// Usage by subscription; empty unless it is compared with usage summaries.
    pub(super) by_subscription: Vec<SideRow>,
    /// Rows and lines of the period that repeat another one.
    pub(super) copies: CopiesByInvoice,
    /// Number of lines by the rounding rule that they obey.
    pub(super) census: Census,
    /// Compared groups, each with its finding.
    pub(super) checked: Vec<Checked>,
}

impl<'p> UsageStages<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let settings = settings::of_tie_out(plan, TieOut::UsageToInvoice);
        Self {
            plan,
            settings,
            recomputed: RecomputedLines::new(plan, &settings.rules),
            selection: PeriodSelection::new(plan.period),
            descriptions: None,
            practice: None,
            folded: Default::default(),
            selected: Default::default(),
            charged: ByCurrency::new(),
            lines_total: ByCurrency::new(),
            by_invoice: LineSums::default(),
            invoice_sums: Default::default(),
            allocated: Default::default(),
            blank: [0; 2],
            invoices: HashSet::new(),
            seen: Default::default(),
            has_rows: [false; 2],
            has_matched: false,
            by_subscription: Vec::new(),
            copies: CopiesByInvoice::new(),
            census: Census::new(),
            checked: Vec::new(),
        }
    }

    /// Takes the usage and lines of `totals` through all stages; returns their resources in
    /// published order, and tells `phase` which stage begins.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub(super) fn take(
        &mut self,
        totals: &mut Folded,
        phase: &dyn Fn(&'static str),
    ) -> Result<Vec<Resource>, EngineError> {
        // Selected first: the column of descriptions is learned from rows of the period alone.
        self.select(totals);
        if settings::of_tie_out(self.plan, TieOut::UsageToSummary).enabled {
            let sums = usage_by_subscription::sum(totals)?;
            self.by_subscription.extend(sums);
        }
        phase("match");
        // Part by part, the column was learned from all parts before the first was compared.
        if self.descriptions.is_none() {
            let mut votes = DescriptionVotes::default();
            votes.count(&totals.usage, &totals.lines);
            self.set_descriptions(&votes, totals);
        }
        let (descriptions, _) = self.descriptions.as_ref().expect("set above");
        let settings = self.settings;
        let matching = usage_matches::match_usage(totals, descriptions, &settings.passes);
        // A scope rule is no match: it sets lines aside that no usage is expected behind.
        self.has_matched |= matching
            .matched_on
            .iter()
            .any(|pass| !pass.is_empty() && !pass.starts_with("rule:"));
        phase("compare and allocate");
        let practice = self.practice.get_or_insert_with(|| {
            let mut votes = LineVotes::default();
            votes.count(totals, &settings.rules);
            self.recomputed.learn(totals);
            InvoicePractice::of(&votes)
        });
        self.recomputed.add(totals, practice)?;
        let compared = usage_to_invoice::compare(totals, &matching, &settings.rules, practice)?;
        let repeated = out_of_scope::repeated_of(totals, &compared.sides);
        phase("attribute");
        let first_group = u32::try_from(self.checked.len()).expect("fewer than 2^32 groups");
        if settings.enabled {
            let mut findings = investigate::investigate(
                totals,
                &matching,
                &compared.sides,
                &settings.rules,
                practice,
            )?;
            self.checked.extend(
                (0..)
                    .zip(compared.sides)
                    .map(|(number, sides)| (sides, findings.remove(&number).map(Box::new))),
            );
        }
        // Resources are published even where the tie-out is off: they are what customers are billed
        // by.
        let mut resources = compared.resources;
        // Groups are numbered part by part, and their ids are found by their place among all.
        for resource in &mut resources {
            resource.group += first_group;
        }
        for (sums, is_expected) in self.allocated.iter_mut().zip([true, false]) {
            let found = control_totals::resources_of(totals, &resources, is_expected);
            control_totals::add_up(sums, &found);
        }
        // Lines behind which no usage is expected stand on both sides; the law is about usage.
        out_of_scope::take_off(&mut self.allocated[0], &repeated);
        resources.sort_by_key(|resource| published_order(totals, &resource.key));
        Ok(resources)
    }

    /// Sets what the lines' descriptions were found to repeat.
    pub(super) fn set_descriptions(&mut self, votes: &DescriptionVotes, totals: &Folded) {
        self.descriptions = Some((votes.columns(&totals.vocabulary), votes.sum()));
    }

    /// Rounding rules of usage to invoice.
    pub(super) fn rules(&self) -> &'p Rules {
        &self.settings.rules
    }

    /// Leaves only the selected period in the frames of `totals`, and counts both before and after.
    fn select(&mut self, totals: &mut Folded) {
        // A frame's clone shares its columns: nothing is copied but the selected rows.
        let usage = totals.usage.clone();
        totals.usage = self.select_side(0, totals, &usage, "billing");
        let lines = totals.lines.clone();
        totals.lines = self.select_side(1, totals, &lines, "subtotal");
        control_totals::add_up(&mut self.charged, &charged_lines(totals));
        control_totals::add_up(
            &mut self.lines_total,
            &control_totals::frame_of(totals, &totals.lines, "total"),
        );
        self.by_invoice.add(totals);
        copies::add(&mut self.copies, totals);
        rounding_census::count(&mut self.census, totals, &self.settings.rules);
    }

    /// Selected rows of usage (side 0) or lines (side 1); `amount` names the column that is added
    /// up.
    fn select_side(
        &mut self,
        side: usize,
        totals: &mut Folded,
        frame: &DataFrame,
        amount: &str,
    ) -> DataFrame {
        // First: the selection gives invoices of no known period the one that is wanted.
        self.seen[side].add(totals, frame);
        let selected = self.selection.select(totals, frame);
        let before = control_totals::frame_of(totals, frame, amount);
        let after = control_totals::frame_of(totals, &selected, amount);
        control_totals::add_up(&mut self.folded[side], &before);
        control_totals::add_up(&mut self.selected[side], &after);
        invoice_sums::add(&mut self.invoice_sums[side], totals, &selected, amount);
        // Counted before the selection: the warning is about the files, not about the period.
        self.blank[side] += rows_without_customer(frame);
        self.has_rows[side] |= selected.height() > 0;
        self.invoices
            .extend(columns::codes(&selected, Part::Invoice.column()));
        selected
    }

    /// Replaces the resource codes in the findings from number `first` on by places in `texts`, to
    /// which their texts are appended: codes of resources are valid within one part only.
    pub(super) fn keep_resource_texts(
        &mut self,
        first: usize,
        totals: &Folded,
        texts: &mut Vec<String>,
    ) {
        let of_part = self.checked[first..].iter_mut();
        let found = of_part.filter_map(|(_, finding)| finding.as_mut()?.resource.as_mut());
        for code in found {
            let text = totals.vocabulary.text(Domain::Resource, *code).to_owned();
            *code = u32::try_from(texts.len()).expect("fewer than 2^32 findings");
            texts.push(text);
        }
    }
}

/// Sort key of a row of `resources`: the invoice's period, then the codes, which are in the order
/// of their texts.
fn published_order(
    totals: &Folded,
    key: &[u32; RESOURCE_KEYS.len()],
) -> (Option<Period>, [u32; RESOURCE_KEYS.len()]) {
    const INVOICE: usize = resource_field(Part::Invoice);
    (totals.periods.get(&key[INVOICE]).copied(), *key)
}

/// Number of source rows in a frame whose customer id is empty, which is code 0.
fn rows_without_customer(frame: &DataFrame) -> u64 {
    columns::codes(frame, Part::Customer.column())
        .iter()
        .zip(columns::counts(frame, "rows"))
        .filter(|(code, _)| **code == 0)
        .map(|(_, rows)| rows)
        .sum()
}

/// Counts of the lines with the quantities that they charge for: refunds take theirs back, and a
/// group counts them so.
fn charged_lines(totals: &Folded) -> ByCurrency {
    let numbers = LineNumbers::of(totals);
    let mut found = control_totals::frame_of(totals, &totals.lines, "subtotal");
    let currencies = numbers.columns.codes(Part::Currency);
    for (row, currency) in currencies.iter().enumerate() {
        let taken_back = numbers.charged_quantity(row) - numbers.columns.quantity[row];
        if taken_back != 0 {
            let name = totals.vocabulary.text(Domain::Currency, *currency);
            let sums = ControlSums {
                quantity: Some(taken_back),
                ..ControlSums::NOTHING
            };
            control_totals::add_to(&mut found, name.to_owned(), sums);
        }
    }
    found
}
