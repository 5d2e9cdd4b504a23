//! Scope of an invoice line: told by the line's texts, whether usage can stand behind it.
//!
//! Reservations, savings plans, licences and software are invoiced without any rated usage
//! ([semantics §11](crate::model::domain::semantics), 1). Such a line is out of the comparison's
//! scope and not a variance. Free text is read for the hints that Microsoft documents only
//! ([semantics §9](crate::model::domain::semantics), TermAndBillingCycle). A line without any hint
//! stays in scope, so that a person sees it.

use super::price_adjustment::is_credit;
use crate::model::ids::{Fold, fold};
use crate::model::period;

/// Kind of an invoice line: usage stands behind it, or why none does
/// ([semantics §11](crate::model::domain::semantics), 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Usage is expected, and compared.
    Usage,
    /// Azure reservation: the term says so, or a line without a meter names a reservation order.
    Reservation,
    /// Savings plan: the term says so.
    SavingsPlan,
    /// Third-party or software subscription, or the fixed fee beside metered use: the term says
    /// `Subscription`, and there is no meter.
    Subscription,
    /// Seat licence: a commitment term, and no usage of the product.
    Licence,
    /// Perpetual software: no term, no end of charge, and no credit.
    PerpetualSoftware,
    /// Licence in its Extended Service Term, at 3 % or 23 % more: the term says so
    /// ([semantics §6](crate::model::domain::semantics); the lines' exact shape is not documented).
    ExtendedServiceTerm,
}

impl Scope {
    /// Every scope, at the position of its number in the frames of lines.
    pub const ALL: [Self; 7] = [
        Self::Usage,
        Self::Reservation,
        Self::SavingsPlan,
        Self::Subscription,
        Self::Licence,
        Self::PerpetualSoftware,
        Self::ExtendedServiceTerm,
    ];

    /// True of the scopes of lines that would be compared if their product had usage.
    #[must_use]
    pub const fn is_of_unused(self) -> bool {
        match self {
            Self::Licence | Self::PerpetualSoftware | Self::ExtendedServiceTerm => true,
            Self::Usage | Self::Reservation | Self::SavingsPlan | Self::Subscription => false,
        }
    }

    /// Name in the outcome of a run.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Reservation => "reservation",
            Self::SavingsPlan => "savings_plan",
            Self::Subscription => "subscription",
            Self::Licence => "licence",
            Self::PerpetualSoftware => "perpetual_software",
            Self::ExtendedServiceTerm => "extended_service_term",
        }
    }

    /// Name of the rule in `matched_on`; empty for [`Scope::Usage`], which the passes match.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Usage => "",
            Self::Reservation => "rule:reservation",
            Self::SavingsPlan => "rule:savings_plan",
            Self::Subscription => "rule:subscription",
            Self::Licence => "rule:licence",
            Self::PerpetualSoftware => "rule:perpetual_software",
            Self::ExtendedServiceTerm => "rule:extended_service_term",
        }
    }
}

/// Texts of an invoice line that tell what kind of product it charges.
#[derive(Clone, Copy, Debug)]
pub struct LineTexts<'t> {
    /// MeterDescription; only usage has a meter.
    pub meter_description: &'t str,
    /// ChargeType; `customerCredit` is a credit, whatever else the line lacks.
    pub charge_type: &'t str,
    /// SubscriptionId; the charges of an Azure plan name the plan.
    pub subscription_id: &'t str,
    /// SubscriptionDescription; `Azure plan` is usage.
    pub subscription_description: &'t str,
    /// TermAndBillingCycle: free text, read for the documented hints only.
    pub term: &'t str,
    /// ReservationOrderId; of a reservation's or a savings plan's order.
    pub reservation_order_id: &'t str,
    /// ChargeEndDate as written; empty where the charge has no end.
    pub charge_end: &'t str,
    /// True if the usage side has rows of the line's product and SKU.
    pub product_is_used: bool,
}

/// Scope of a line, by the first rule that applies: what the term says outweighs the meter, and a
/// meter outweighs the shape of the rest.
#[must_use]
pub fn scope_of(line: LineTexts<'_>) -> Scope {
    let term = fold(Fold::Text, line.term);
    let metered = !line.meter_description.trim().is_empty();
    // Capacity that is held ready is metered by the hour like a machine that runs: no commitment,
    // though the name of its meter says "reservation".
    if metered && term.contains("capacity reservation") {
        return Scope::Usage;
    }
    // Asked before the plan: reservations and savings plans are bought within an Azure plan, and
    // their lines may name it as the subscription.
    if term.contains("savings plan") {
        return Scope::SavingsPlan;
    }
    if term.contains("reservation") || (!line.reservation_order_id.trim().is_empty() && !metered) {
        return Scope::Reservation;
    }
    if metered {
        return Scope::Usage;
    }
    // Before the product is asked for usage: a product may be billed with included units, by a fixed
    // fee on one line and what goes beyond them on another (`model::domain::semantics §2`, 3).
    if term.contains("subscription") {
        return Scope::Subscription;
    }
    // A plan without an id is only a word: nothing used hangs on it.
    let is_of_plan = !line.subscription_id.trim().is_empty()
        && fold(Fold::Text, line.subscription_description) == "azure plan";
    if line.product_is_used || is_of_plan {
        return Scope::Usage;
    }
    // Named, as it is dearer than the term before it; no more is told of it than that the line says
    // so.
    if term.contains("extended service") {
        return Scope::ExtendedServiceTerm;
    }
    // No date, or Microsoft's sentinel for none.
    let open_ended = matches!(period::parse_day(line.charge_end.as_bytes()), Ok(None));
    match (term.is_empty(), open_ended, is_credit(line.charge_type)) {
        (false, ..) => Scope::Licence,
        (true, true, false) => Scope::PerpetualSoftware,
        // Nothing tells it apart from usage: compared, it becomes a variance that a person sees.
        (true, ..) => Scope::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLANK: LineTexts<'static> = LineTexts {
        meter_description: "",
        charge_type: "new",
        subscription_id: "s1",
        subscription_description: "",
        term: "",
        reservation_order_id: "",
        charge_end: "10/31/2026",
        product_is_used: false,
    };

    fn check(line: LineTexts<'_>, expect: Scope) {
        assert_eq!(scope_of(line), expect, "{line:?}");
    }

    #[test]
    fn the_term_tells_commitments_and_licences() {
        for (term, expect) in [
            ("Savings Plan 1 Year", Scope::SavingsPlan),
            ("Subscription, monthly", Scope::Subscription),
            (
                "One-Year commitment for monthly/yearly billing",
                Scope::Licence,
            ),
            ("Extended Service Term", Scope::ExtendedServiceTerm),
        ] {
            check(LineTexts { term, ..BLANK }, expect);
        }
        // Within an Azure plan, too.
        check(
            LineTexts {
                term: "Reservation 3 Years",
                subscription_description: "Azure plan",
                ..BLANK
            },
            Scope::Reservation,
        );
        check(
            LineTexts {
                reservation_order_id: "RIOderId1",
                ..BLANK
            },
            Scope::Reservation,
        );
    }

    #[test]
    fn usage_is_told_by_the_meter_the_plan_or_the_product() {
        check(BLANK, Scope::Usage);
        check(
            LineTexts {
                meter_description: "D2 v3",
                ..BLANK
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                subscription_description: "Azure Plan",
                ..BLANK
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                term: "D2 v3 hours",
                product_is_used: true,
                ..BLANK
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                term: "D2 v5 Capacity Reservation",
                meter_description: "D2 v5 Capacity Reservation",
                ..BLANK
            },
            Scope::Usage,
        );
    }

    #[test]
    fn without_term_and_end_a_line_is_software_unless_it_is_a_credit() {
        let open_ended = LineTexts {
            charge_end: "",
            ..BLANK
        };
        check(open_ended, Scope::PerpetualSoftware);
        let credit = LineTexts {
            charge_type: "customerCredit",
            ..open_ended
        };
        check(credit, Scope::Usage);
        for (subscription_id, expect) in [("s1", Scope::Usage), ("", Scope::PerpetualSoftware)] {
            let line = LineTexts {
                subscription_id,
                subscription_description: "Azure plan",
                ..open_ended
            };
            check(line, expect);
        }
    }

    #[test]
    fn the_fee_for_included_units_has_no_usage_though_its_product_has() {
        let fee = LineTexts {
            term: "Subscription",
            subscription_description: "Azure plan",
            product_is_used: true,
            ..BLANK
        };
        check(fee, Scope::Subscription);
        let metered = LineTexts {
            meter_description: "Calls",
            ..fee
        };
        check(metered, Scope::Usage);
    }
}
