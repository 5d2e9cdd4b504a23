//! `line-arithmetic` in a run: what it learns and adds up while usage and lines go through their
//! stages, and its laws.

use super::settings;
use crate::engine::compare::invoice_practice::{InvoicePractice, LineVotes};
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::control_totals::{
    self, ByCurrency, ControlSums, ControlTotal, QUANTISATION_ALLOWANCE,
};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::Rules;
use crate::engine::tie_outs::line_arithmetic::{LineArithmetic, TOTAL};
use crate::engine::tie_outs::line_check::LineCheck;
use crate::engine::tie_outs::two_lists::Checked;
use crate::model::cause::TieOut;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, power_of_ten};
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};

/// Lines that are recomputed, and what their rules were learned from.
pub(super) struct RecomputedLines<'p> {
    settings: &'p TieOutPlan,
    /// Votes by rules of this tie-out's own; `None` where they are those of usage to invoice, whose
    /// practice holds.
    votes: Option<LineVotes>,
    practice: Option<InvoicePractice>,
    lines: LineArithmetic,
}

impl<'p> RecomputedLines<'p> {
    /// Lines of a run; `rules` are those of usage to invoice.
    pub(super) fn new(plan: &'p Plan, rules: &Rules) -> Self {
        let settings = settings::of_tie_out(plan, TieOut::LineArithmetic);
        let has_own_rules = settings.enabled && settings.rules != *rules;
        Self {
            settings,
            votes: has_own_rules.then(LineVotes::default),
            practice: None,
            lines: LineArithmetic::default(),
        }
    }

    /// Counts the votes of the lines of `totals`, all or a part of them.
    pub(super) fn learn(&mut self, totals: &Folded) {
        if let Some(votes) = &mut self.votes {
            votes.count(totals, &self.settings.rules);
        }
    }

    /// Recomputes the lines of `totals`, all or a part of them, once all have voted. `usual` is the
    /// practice by the rules of usage to invoice.
    pub(super) fn add(
        &mut self,
        totals: &Folded,
        usual: &InvoicePractice,
    ) -> Result<(), EngineError> {
        if !self.settings.enabled {
            return Ok(());
        }
        if let Some(votes) = self.votes.take() {
            self.practice = Some(InvoicePractice::of(&votes));
        }
        let practice = self.practice.as_ref().unwrap_or(usual);
        self.lines.add(totals, &self.settings.rules, practice)
    }

    /// Groups and checks of all lines; the laws that hold for them go to `controls`. `selected` was
    /// counted of the lines apart from this.
    pub(super) fn finish(
        &mut self,
        totals: &Folded,
        usual: &InvoicePractice,
        selected: &ByCurrency,
        controls: &mut Vec<ControlTotal>,
    ) -> Result<(Vec<Checked>, Vec<LineCheck>), EngineError> {
        if !self.settings.enabled {
            return Ok((Vec::new(), Vec::new()));
        }
        let practice = self.practice.as_ref().unwrap_or(usual);
        let (vocabulary, rules) = (&totals.vocabulary, &self.settings.rules);
        let (groups, checks) = self.lines.finish(vocabulary, rules, practice)?;
        controls.extend(laws(totals, &groups, &checks, selected));
        Ok((groups, checks))
    }
}

/// Laws of the recomputation: each line is in one group, or has no price; and what the totals are
/// apart, row by row, is the variance of their groups.
fn laws(
    totals: &Folded,
    groups: &[Checked],
    checks: &[LineCheck],
    selected: &ByCurrency,
) -> Vec<ControlTotal> {
    // Groups and checks have ten decimals, laws twenty.
    let unit = power_of_ten(AMOUNT_SCALE - PUBLISHED_SCALE);
    let (mut invoiced, mut apart) = (ByCurrency::new(), ByCurrency::new());
    for (sides, _) in groups {
        let currency = totals
            .vocabulary
            .text(Domain::Currency, sides.keys[Key::Currency])
            .to_owned();
        let (found, amount) = if *sides.matched_on == *TOTAL {
            (&mut apart, sides.variance_amount())
        } else {
            (&mut invoiced, sides.invoiced_amount)
        };
        let sums = ControlSums::of_amounts(sides.invoiced_rows, amount * unit);
        control_totals::add_to(found, currency, sums);
    }
    let mut counted = ByCurrency::new();
    for check in checks {
        let unpriced = ControlSums::of_amounts(check.without_price, check.without_price_amount);
        control_totals::add_to(&mut invoiced, check.currency.clone(), unpriced);
        let wrong = &check.wrong_totals;
        if wrong.lines > 0 {
            let sums = ControlSums::of_amounts(wrong.lines, wrong.sum() * unit);
            control_totals::add_to(&mut counted, check.currency.clone(), sums);
        }
    }
    let law = control_totals::law;
    let source = TieOut::LineArithmetic.name();
    let mut controls = law(
        "match_invoiced",
        source,
        selected,
        &invoiced,
        QUANTISATION_ALLOWANCE,
    );
    controls.extend(law(
        "add_up_totals",
        source,
        &counted,
        &apart,
        QUANTISATION_ALLOWANCE,
    ));
    controls
}
