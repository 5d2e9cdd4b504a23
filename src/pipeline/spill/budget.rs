//! The bound on memory, `--memory`, and how it is divided among the stages that need much of it.
//!
//! The shares add up to about a third of the bound: the decoders, the merging of totals and the
//! comparison of a part need the rest.

use crate::engine::matching::passes::Pass;
use crate::engine::rules::keys::Key;
use crate::model::cause::TieOut;
use crate::pipeline::machine;
use crate::pipeline::plan::pipeline_plan::Plan;

/// Smallest bound on memory, in bytes: 256 MiB. A smaller `--memory` is refused.
pub const LEAST_MEMORY: u64 = 256 << 20;

/// Bytes of memory that each stage may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryShares {
    /// Totals of one unit, per worker; beyond it they wait on disk until the unit is read.
    pub(crate) unit: usize,
    /// Totals of all units together; beyond it they go to disk in parts.
    pub(crate) totals: usize,
    /// The bound itself; `None` for no bound.
    pub(crate) bound: Option<u64>,
    /// Parts that are loaded at a time, by their size on disk: in memory they take several times
    /// that.
    pub(crate) loaded: u64,
    /// Filter that finds rows which may be duplicates.
    pub(crate) filter: u64,
    /// Fingerprints of the rows of one dataset; beyond it they go to disk.
    pub(crate) fingerprints: u64,
}

/// Largest filter for duplicates: 128 MiB. A smaller one takes more rows for possible duplicates.
// At 16 bits a row, 128 MiB serve 67 million rows.
const FILTER: u64 = 128 << 20;
/// Fingerprints kept in memory: 64 MiB, or 8 million rows of a dataset.
const FINGERPRINTS: u64 = 64 << 20;

impl MemoryShares {
    /// Shares of a bound, or of no bound. A plan whose usage cannot be compared account by account
    /// is not bound, and adds the reason to `warnings`.
    pub(crate) fn of(plan: &Plan, bound: Option<u64>, warnings: &mut Vec<String>) -> Self {
        let unbound = Self {
            unit: usize::MAX,
            totals: usize::MAX,
            bound: None,
            loaded: u64::MAX,
            filter: FILTER,
            fingerprints: FINGERPRINTS,
        };
        let Some(bound) = bound else { return unbound };
        // A share too large to be addressed, on 32 bits, is no bound.
        let share = |of: u64| usize::try_from(bound / of).unwrap_or(usize::MAX);
        // Fingerprints and filter are bound even where totals are not: they grow with rows, not
        // keys.
        let filter = FILTER.min(bound / 16);
        let fingerprints = FINGERPRINTS.min(bound / 32);
        // Better a run that needs more memory, and says so, than one that cannot compare.
        if let Some(reason) = needs_all(plan) {
            warnings.push(format!(
                "all usage and lines are kept in memory, in spite of `--memory`: {reason}"
            ));
            return Self {
                filter,
                fingerprints,
                ..unbound
            };
        }
        let workers = rayon::current_num_threads() as u64;
        Self {
            // All workers together hold a twelfth of the bound, however many they are.
            unit: share(12 * workers),
            totals: share(8),
            bound: Some(bound),
            loaded: bound / 24,
            filter,
            fingerprints,
        }
    }

    /// True if the totals of usage and lines have a bound.
    pub(crate) const fn are_bound(&self) -> bool {
        self.totals < usize::MAX
    }
}

/// Memory that a group takes until it is published: 2,000 bytes. Runs with `--memory 256MiB` took
/// 366 MB for 106,254 variances, and 766 MB for 306,254.
const GROUP_BYTES: u64 = 2_000;

/// Memory that a distinct key of usage takes where all usage is compared at once: 1,400 bytes, as
/// measured.
const USAGE_KEY_BYTES: u64 = 1_400;

/// A warning that the groups of a run will take more than `bound`, or more than the machine has.
/// What a run compared so far, `compared` groups from `done` of `all` bytes on disk, tells how many
/// there will be: accounts are divided among the parts by a hash, so that all parts are alike.
///
/// The warning is for the operator, and no part of the outcome: the same inputs must give the same
/// bytes, however much memory there is.
pub(crate) fn warn_of_groups(
    compared: usize,
    [done, all]: [u64; 2],
    bound: Option<u64>,
) -> Option<String> {
    let groups = u128::from(all) * compared as u128 / u128::from(done.max(1));
    // More groups than 2^64 are as many as 2^64, which is more than fit anywhere.
    let groups = u64::try_from(groups).unwrap_or(u64::MAX);
    let (place, room) = bound
        .map(|bytes| ("`--memory`", bytes))
        .into_iter()
        .chain(machine::memory().map(|bytes| ("this machine", bytes)))
        .min_by_key(|(_, bytes)| *bytes)?;
    let wanted = groups.saturating_mul(GROUP_BYTES);
    (wanted > room).then(|| {
        format!(
            "warning: about {groups} variances will take {} MB, more than the {} MB of {place}: \
             all of them have to fit in memory",
            wanted.div_ceil(1_000_000),
            room / 1_000_000
        )
    })
}

/// A warning that usage with so many distinct keys, compared at once, will take more than the
/// machine has.
pub(crate) fn warn_of_usage(keys: usize) -> Option<String> {
    let room = machine::memory()?;
    let wanted = (keys as u64).saturating_mul(USAGE_KEY_BYTES);
    (wanted > room).then(|| {
        format!(
            "warning: {keys} distinct groups of usage will take about {} MB, more than the {} MB \
             of this machine: `--memory` keeps them on disk",
            wanted.div_ceil(1_000_000),
            room / 1_000_000
        )
    })
}

/// True if an enabled tie-out compares usage day by day.
pub(crate) fn looks_at_days(plan: &Plan) -> bool {
    let by_day = [TieOut::UnbilledToBilled, TieOut::UtilizationToUsage];
    plan.tie_outs
        .iter()
        .any(|tie_out| tie_out.enabled && by_day.contains(&tie_out.tie_out))
}

/// Reason why usage and lines cannot be compared account by account; `None` if they can. Only whole
/// accounts can be compared one part after another.
fn needs_all(plan: &Plan) -> Option<String> {
    if looks_at_days(plan) {
        return Some("a tie-out compares usage day by day".to_owned());
    }
    let usage = plan
        .tie_outs
        .iter()
        .find(|tie_out| tie_out.tie_out == TieOut::UsageToInvoice)?;
    let holds_subscription = |pass: &&Pass| pass.keys.contains(&Key::Subscription);
    let pass = usage.passes.iter().find(|pass| !holds_subscription(pass))?;
    Some(format!(
        "pass `{}` of `usage-to-invoice` matches across subscriptions",
        pass.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_will_not_fit_are_told_from_the_first_part() {
        assert_eq!(warn_of_groups(900, [1, 100], Some(200_000_000)), None);
        let told = warn_of_groups(3_000, [1, 100], Some(200_000_000)).unwrap();
        assert!(
            told.contains("about 300000 variances will take 600 MB, more than the 200 MB"),
            "{told}"
        );
        // No machine holds as many, and no number overflows.
        let told = warn_of_groups(usize::MAX, [1, u64::MAX], None);
        assert!(told.is_none_or(|told| told.contains("this machine")));
        assert!(warn_of_usage(10).is_none());
    }
}
