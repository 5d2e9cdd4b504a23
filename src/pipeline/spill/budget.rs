//! A bound on memory, and what it leaves to each of those who need much.

use crate::engine::matching::passes::Pass;
use crate::engine::rules::keys::Key;
use crate::model::cause::TieOut;
use crate::pipeline::plan::pipeline_plan::Plan;

/// The least that a run can be bound to.
pub const LEAST: u64 = 256 << 20;

/// Bytes that the parts of a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// The totals of one unit and worker; what is past it waits on disk until the unit is read.
    pub(crate) unit: usize,
    /// The totals of all units; what is past it goes to disk in parts.
    pub(crate) totals: usize,
    /// What is loaded of these parts at a time, as it is stored: in memory it takes several times that.
    pub(crate) loaded: u64,
    /// The filter for copies.
    pub(crate) filter: u64,
    /// Fingerprints of rows.
    pub(crate) fingerprints: u64,
}

/// The largest filter for copies.
const FILTER: u64 = 128 << 20;
/// Fingerprints that are kept in memory.
const FINGERPRINTS: u64 = 64 << 20;

impl Shares {
    /// Of a bound, or of none. What cannot be compared account by account has to be in memory.
    pub(crate) fn of(plan: &Plan, bound: Option<u64>, warnings: &mut Vec<String>) -> Self {
        let unbound = Self {
            unit: usize::MAX,
            totals: usize::MAX,
            loaded: u64::MAX,
            filter: FILTER,
            fingerprints: FINGERPRINTS,
        };
        let Some(bound) = bound else { return unbound };
        let share = |of: u64| usize::try_from(bound / of).unwrap_or(usize::MAX);
        let filter = FILTER.min(bound / 16);
        let fingerprints = FINGERPRINTS.min(bound / 32);
        if let Some(reason) = needs_all(plan) {
            warnings.push(format!(
                "usage and lines are kept in memory as a whole, whatever `--memory` says: {reason}"
            ));
            return Self {
                filter,
                fingerprints,
                ..unbound
            };
        }
        let workers = rayon::current_num_threads() as u64;
        Self {
            unit: share(12 * workers),
            totals: share(8),
            loaded: bound / 24,
            filter,
            fingerprints,
        }
    }

    /// Whether usage and lines have a bound.
    pub(crate) const fn are_bound(&self) -> bool {
        self.totals < usize::MAX
    }
}

/// Whether a tie-out compares usage day by day.
pub(crate) fn looks_at_days(plan: &Plan) -> bool {
    let by_day = [TieOut::UnbilledToBilled, TieOut::UtilizationToUsage];
    plan.tie_outs
        .iter()
        .any(|tie_out| tie_out.enabled && by_day.contains(&tie_out.tie_out))
}

/// Why usage and lines cannot be compared account by account, if they cannot.
fn needs_all(plan: &Plan) -> Option<String> {
    if looks_at_days(plan) {
        return Some("a tie-out compares usage day by day".to_owned());
    }
    if plan
        .tie_outs
        .iter()
        .any(|tie_out| tie_out.enabled && tie_out.tie_out == TieOut::LineArithmetic)
    {
        return Some("`line-arithmetic` looks at each line".to_owned());
    }
    let usage = plan
        .tie_outs
        .iter()
        .find(|tie_out| tie_out.tie_out == TieOut::UsageToInvoice)?;
    let holds = |pass: &&Pass| {
        [Key::Customer, Key::Subscription]
            .iter()
            .all(|key| pass.keys.contains(key))
    };
    let pass = usage.passes.iter().find(|pass| !holds(pass))?;
    Some(format!(
        "pass `{}` of `usage-to-invoice` goes across customers or subscriptions",
        pass.name
    ))
}
