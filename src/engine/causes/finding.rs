//! A finding about a group that rounding alone cannot explain: the bridge between its sides, and
//! the narrowest thing (invoice, meter, resource, day …) that holds the break. Published in
//! `findings`.

use super::variance_bridge::VarianceBridge;
use crate::model::cause::Cause;
use crate::model::period::Day;

/// Level of the narrowest thing that holds a break alone: where a person should look first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Narrowest {
    /// An invoice, all of whose groups have the same cause.
    Invoice,
    /// A customer on an invoice, all of whose groups have the same cause.
    Customer,
    /// A subscription on an invoice, all of whose groups have the same cause.
    Subscription,
    /// A meter (or product) of a subscription.
    #[default]
    Meter,
    /// One resource, on several days.
    Resource,
    /// One day of one resource.
    Day,
}

impl Narrowest {
    /// Name in the column `narrowest_level` of `findings`.
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

/// Finding about one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Changes that lead from the expected to the invoiced amount.
    pub steps: VarianceBridge,
    /// Level of the narrowest thing that holds the break.
    pub narrowest: Narrowest,
    /// Code of the only resource that the break concerns; `None` for several.
    pub resource: Option<u32>,
    /// First and last day that the break concerns; `None` where no usage has a day.
    pub days: Option<(Day, Day)>,
    /// Cause of a break whose amounts agree: one of a line's numbers contradicts all others, and the
    /// amount is right all the same. `None` for any other group.
    pub contradiction: Option<Cause>,
    /// True for quantities that differ because the days of one side are shifted.
    pub is_timing: bool,
}
