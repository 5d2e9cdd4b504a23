//! What was found out about a group: what changed between its sides, and the narrowest thing that holds it.

use super::variance_bridge::VarianceBridge;
use crate::model::period::Day;

/// The narrowest thing that holds a break alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Narrowest {
    /// The invoice: all of its groups have the same cause.
    Invoice,
    /// A customer: all of its groups have it.
    Customer,
    /// A subscription, likewise.
    Subscription,
    /// A meter.
    #[default]
    Meter,
    /// One resource of it.
    Resource,
    /// One day of that resource.
    Day,
}

impl Narrowest {
    /// Name in `findings`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Meter => "meter",
            Self::Resource => "resource",
            Self::Day => "day",
        }
    }
}

/// What was found out about a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What changed.
    pub steps: VarianceBridge,
    /// The narrowest thing that holds it.
    pub narrowest: Narrowest,
    /// Code of the only resource that it concerns.
    pub resource: Option<u32>,
    /// First and last day that it concerns.
    pub days: Option<(Day, Day)>,
}
