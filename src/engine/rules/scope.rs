//! What a usage row's or an invoice line's texts mean: its price adjustment, and whether usage can
//! be expected behind it at all.

use crate::model::decimal::{self, RATE_SCALE};
use crate::model::ids::{Fold, fold};

/// Price adjustment of an Azure credit line (`semantics.md` 7).
pub const AZURE_CREDIT: &str = "azure credit";
const FULL_CREDIT: &str = "15% partner earned credit";

/// The price adjustment of a usage row, in the words that invoice lines are brought to as well.
#[must_use]
pub fn usage_adjustment(
    credit_type: &str,
    earned_percentage: &str,
    credit_percentage: &str,
) -> String {
    let credit_type = fold(Fold::Text, credit_type);
    if credit_type == "azure credit applied" || percentage(credit_percentage).is_some() {
        return AZURE_CREDIT.to_owned();
    }
    match percentage(earned_percentage) {
        Some(percent) => earned_credit(&percent),
        // Zero-priced lines say it without the number; there is no other than 15.
        None if credit_type == "partner earned credit applied" => FULL_CREDIT.to_owned(),
        None => String::new(),
    }
}

/// The price adjustment of an invoice line. Wording and order of the description are unstable: only
/// the partner earned credit is read from it, as the rest has no trace in usage.
#[must_use]
pub fn line_adjustment(charge_type: &str, description: &str) -> String {
    if fold(Fold::Text, charge_type) == "customercredit" {
        return AZURE_CREDIT.to_owned();
    }
    let folded = fold(Fold::Text, description);
    let Some(part) = folded
        .split('"')
        .find(|part| part.contains("partner earned credit"))
    else {
        return String::new();
    };
    let number = part
        .split('%')
        .next()
        .and_then(|before| before.rsplit(' ').next())
        .unwrap_or_default();
    match percentage(number) {
        Some(percent) if part.contains('%') => earned_credit(&percent),
        _ => FULL_CREDIT.to_owned(),
    }
}

fn earned_credit(percent: &str) -> String {
    format!("{percent}% partner earned credit")
}

/// The fraction of the partner earned credit that a canonical price adjustment names, in units of
/// 10^-18; 0 for none.
#[must_use]
pub fn earned_fraction(adjustment: &str) -> i128 {
    let percent = adjustment
        .strip_suffix("% partner earned credit")
        .and_then(|number| decimal::parse(number.as_bytes(), RATE_SCALE).ok());
    percent.map_or(0, |percent| percent.value / 100)
}

/// A percentage in plain digits; `None` for none. The API says 0.15 where files say 15.
fn percentage(text: &str) -> Option<String> {
    let value = decimal::parse(text.as_bytes(), RATE_SCALE).ok()?.value;
    let one = decimal::power_of_ten(RATE_SCALE);
    match value {
        0 => None,
        fraction if fraction > 0 && fraction <= one => {
            Some(decimal::plain(fraction.checked_mul(100)?, RATE_SCALE))
        }
        percent => Some(decimal::plain(percent, RATE_SCALE)),
    }
}

/// Why no usage can be expected behind an invoice line (`semantics.md` 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Usage is expected.
    Usage,
    /// Azure reservation: the term says so, or a reservation order stands on a line without meter.
    Reservation,
    /// Savings plan: the term says so.
    SavingsPlan,
    /// Third-party or software subscription: the term says `Subscription`.
    Subscription,
    /// Seat licence: a commitment term, and no usage of the product.
    Licence,
    /// Perpetual software: no term, no end of charge.
    PerpetualSoftware,
}

impl Scope {
    /// All scopes, by number.
    pub const ALL: [Self; 6] = [
        Self::Usage,
        Self::Reservation,
        Self::SavingsPlan,
        Self::Subscription,
        Self::Licence,
        Self::PerpetualSoftware,
    ];

    /// The name of the rule, as `matched_on` shows it.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Usage => "",
            Self::Reservation => "rule:reservation",
            Self::SavingsPlan => "rule:savings_plan",
            Self::Subscription => "rule:subscription",
            Self::Licence => "rule:licence",
            Self::PerpetualSoftware => "rule:perpetual_software",
        }
    }
}

/// What an invoice line says of its product.
#[derive(Clone, Copy, Debug)]
pub struct LineTexts<'t> {
    /// MeterDescription.
    pub meter_description: &'t str,
    /// SubscriptionDescription.
    pub subscription_description: &'t str,
    /// TermAndBillingCycle: free text, read for the documented hints only.
    pub term: &'t str,
    /// ReservationOrderId.
    pub reservation_order_id: &'t str,
    /// ChargeEndDate.
    pub charge_end: &'t str,
    /// The usage side has this product and SKU.
    pub product_is_used: bool,
}

/// Whether usage is expected behind a line, by the first rule that speaks.
#[must_use]
pub fn scope_of(line: LineTexts<'_>) -> Scope {
    let term = fold(Fold::Text, line.term);
    let metered = !line.meter_description.trim().is_empty();
    if term.contains("savings plan") {
        return Scope::SavingsPlan;
    }
    if term.contains("reservation") || (!line.reservation_order_id.trim().is_empty() && !metered) {
        return Scope::Reservation;
    }
    if metered
        || line.product_is_used
        || fold(Fold::Text, line.subscription_description) == "azure plan"
    {
        return Scope::Usage;
    }
    let open_ended = matches!(
        crate::model::period::parse_day(line.charge_end.as_bytes()),
        Ok(None)
    );
    match (term.contains("subscription"), term.is_empty(), open_ended) {
        (true, ..) => Scope::Subscription,
        (false, false, _) => Scope::Licence,
        (false, true, true) => Scope::PerpetualSoftware,
        // Nothing says that it is no usage: a person must see it.
        (false, true, false) => Scope::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_the_same_words() {
        let line = |text| line_adjustment("new", text);
        assert_eq!(
            line("[\"15.0% Partner earned credit for services managed\"]"),
            FULL_CREDIT
        );
        assert_eq!(
            line("[\"Promo\",\"15% partner  earned credit\"]"),
            FULL_CREDIT
        );
        assert_eq!(
            line("[\"10.5% Partner earned credit\"]"),
            "10.5% partner earned credit"
        );
        assert_eq!(line("[\"Price for given billing period\"]"), "");
        assert_eq!(line_adjustment("CustomerCredit", ""), AZURE_CREDIT);
        for (percentage, credit_type) in [
            ("15", ""),
            ("0.15", ""),
            ("", "Partner Earned Credit Applied"),
            ("15.00", "Credit Not Applied"),
        ] {
            assert_eq!(
                usage_adjustment(credit_type, percentage, ""),
                FULL_CREDIT,
                "{percentage} {credit_type}"
            );
        }
        assert_eq!(usage_adjustment("Credit Not Applied", "0", "0"), "");
        assert_eq!(
            usage_adjustment("Azure Credit Applied", "", "100"),
            AZURE_CREDIT
        );
    }

    #[test]
    fn scope_follows_what_the_line_says() {
        let blank = LineTexts {
            meter_description: "",
            subscription_description: "",
            term: "",
            reservation_order_id: "",
            charge_end: "10/31/2026",
            product_is_used: false,
        };
        let check =
            |line: LineTexts<'_>, expect: Scope| assert_eq!(scope_of(line), expect, "{line:?}");
        check(
            LineTexts {
                meter_description: "D2 v3",
                ..blank
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                subscription_description: "Azure Plan",
                ..blank
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                term: "Reservation 3 Years",
                subscription_description: "Azure plan",
                ..blank
            },
            Scope::Reservation,
        );
        check(
            LineTexts {
                reservation_order_id: "RIOderId1",
                ..blank
            },
            Scope::Reservation,
        );
        check(
            LineTexts {
                term: "Savings Plan 1 Year",
                ..blank
            },
            Scope::SavingsPlan,
        );
        check(
            LineTexts {
                term: "Subscription, monthly",
                ..blank
            },
            Scope::Subscription,
        );
        check(
            LineTexts {
                term: "One-Year commitment for monthly/yearly billing",
                ..blank
            },
            Scope::Licence,
        );
        check(
            LineTexts {
                term: "D2 v3 hours",
                product_is_used: true,
                ..blank
            },
            Scope::Usage,
        );
        check(
            LineTexts {
                charge_end: "",
                ..blank
            },
            Scope::PerpetualSoftware,
        );
        check(blank, Scope::Usage);
    }
}
