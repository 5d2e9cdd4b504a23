//! Filter of the rows that are read again for an account: as narrow as its groups allow.

use crate::engine::rules::keys::Key;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;

/// The customer and subscription whose rows are read; `None` lets all through. Both are folded.
pub(super) struct AccountFilter {
    pub(super) customer: Option<String>,
    pub(super) subscription: Option<String>,
    /// True if rows that name no customer, or no subscription, may be of the account's groups.
    may_be_blank: [bool; 2],
}

impl AccountFilter {
    /// Filter of one account, or of all where an id is `None`.
    pub(super) const fn new(customer: Option<String>, subscription: Option<String>) -> Self {
        Self {
            customer,
            subscription,
            may_be_blank: [false; 2],
        }
    }

    /// True if rows of this account, folded, are read.
    pub(super) fn lets_through(&self, customer: &str, subscription: &str) -> bool {
        let fits = |wanted: &Option<String>, found: &str, may_be_blank: bool| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted == found || (may_be_blank && found.is_empty()))
        };
        let [blank_customer, blank_subscription] = self.may_be_blank;
        fits(&self.customer, customer, blank_customer)
            && fits(&self.subscription, subscription, blank_subscription)
    }

    /// This filter as wide as the passes are. A pass that drops an id of a finer one pairs rows that
    /// lack it; an id that no pass asks for, or a group that has none, spans all accounts.
    pub(super) fn held_by_all_passes(self, settings: &TieOutPlan) -> Self {
        let passes = &settings.passes;
        let holds = |key| passes.iter().all(|pass| pass.keys.contains(&key));
        let kept = |wanted: Option<String>, key| {
            let mut coarser = passes.iter().skip_while(|pass| pass.keys.contains(&key));
            let begins_with = passes.first().is_some_and(|pass| pass.keys.contains(&key));
            let pairs_blanks_only = begins_with
                && !coarser.any(|pass| pass.may_contradict && !pass.keys.contains(&key));
            wanted.filter(|id| holds(key) || (pairs_blanks_only && !id.is_empty()))
        };
        Self {
            customer: kept(self.customer, Key::Customer),
            subscription: kept(self.subscription, Key::Subscription),
            may_be_blank: [!holds(Key::Customer), !holds(Key::Subscription)],
        }
    }
}
