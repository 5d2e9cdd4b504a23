//! Breaks of a version, and how they differ from those of the version before.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cause::Status;
use crate::synth::truth::Truth;

/// Columns that name a break, parallel to [`Key`].
pub(super) const KEYS: [&str; 9] = [
    "tie_out",
    "billing_period",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "meter_description",
    "currency",
];

/// Name of a break: finer parts of a key, as the availability and the price adjustment, are left
/// out, as they may change from day to day.
pub(super) type Key = [String; KEYS.len()];

/// Amount of a break in units of 10^-10, and the names of its causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) amount: i128,
    pub(super) causes: String,
}

/// Breaks by their names.
pub(super) type Breaks = BTreeMap<Key, Break>;

/// Breaks of a version. Variances of one name are one break.
pub(super) fn breaks(period: &str, truths: &[Truth]) -> Breaks {
    let mut breaks = Breaks::new();
    for truth in truths.iter().filter(|it| it.status() == Status::Break) {
        let key = [
            truth.tie_out.name(),
            period,
            &truth.invoice_number,
            &truth.customer_id,
            &truth.subscription_id,
            &truth.product_id,
            &truth.sku_id,
            &truth.meter_description,
            truth.currency,
        ]
        .map(str::to_owned);
        let found: &mut Break = breaks.entry(key).or_default();
        found.amount += truth.invoiced - truth.expected;
        let causes = truth.causes.iter().map(|cause| cause.name());
        let causes = causes.collect::<Vec<_>>().join("+");
        if !found.causes.is_empty() {
            found.causes.push('|');
        }
        found.causes.push_str(&causes);
    }
    breaks
}

/// Change of a break from one version to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    New,
    Moved,
    Resolved,
    /// It was there once, and not in the version before.
    Reopened,
}

impl Event {
    /// Name in the tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Moved => "moved",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }
}

/// Event of one break; `None` where a side does not have it.
pub(super) struct BreakChange {
    pub(super) key: Key,
    pub(super) event: Event,
    pub(super) before: Option<Break>,
    pub(super) after: Option<Break>,
}

impl BreakChange {
    /// Amount after less amount before, units of 10^-10.
    pub(super) fn amount(&self) -> i128 {
        let amount = |side: &Option<Break>| side.as_ref().map_or(0, |found| found.amount);
        amount(&self.after) - amount(&self.before)
    }
}

/// Changes from one version to the next; `known` are the names of all earlier versions.
pub(super) fn changes(before: &Breaks, after: &Breaks, known: &BTreeSet<Key>) -> Vec<BreakChange> {
    let names: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let change = |key: &Key| {
        let (before, after) = (before.get(key), after.get(key));
        let event = match (before, after) {
            (None, _) if known.contains(key) => Event::Reopened,
            (None, _) => Event::New,
            (_, None) => Event::Resolved,
            (Some(before), Some(after)) if before.amount == after.amount => return None,
            _ => Event::Moved,
        };
        Some(BreakChange {
            key: key.clone(),
            event,
            before: before.cloned(),
            after: after.cloned(),
        })
    };
    names.into_iter().filter_map(change).collect()
}
