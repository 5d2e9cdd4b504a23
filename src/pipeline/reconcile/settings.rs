//! How the plan wants each tie-out to be done.

use crate::model::cause::TieOut;
use crate::pipeline::plan::pipeline_plan::{Plan, TieOutPlan};

/// Settings of a tie-out, enabled or not.
///
/// # Panics
/// Where the plan lacks the tie-out: a plan that was read has all of them.
pub(super) fn of_tie_out(plan: &Plan, tie_out: TieOut) -> &TieOutPlan {
    plan.tie_outs
        .iter()
        .find(|candidate| candidate.tie_out == tie_out)
        .expect("a plan has settings for every tie-out")
}
