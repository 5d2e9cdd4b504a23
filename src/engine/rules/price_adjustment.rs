//! Price adjustment of a usage row and of an invoice line, in one wording for both sides.
//!
//! Usage names its credit in three columns, a line in free text. The adjustment is part of the key
//! on which the two sides meet ([semantics §1](crate::model::domain::semantics)), so both are
//! brought to the same canonical text: `azure credit`, `15% partner earned credit`, or nothing.
//! Promotions are left out, as the known columns of usage have no trace of them
//! ([semantics §5](crate::model::domain::semantics)).

use crate::model::decimal::{self, RATE_SCALE};
use crate::model::ids::{Fold, fold};

/// Canonical adjustment of an Azure credit, which is a line of its own
/// ([semantics §7](crate::model::domain::semantics)).
pub const AZURE_CREDIT: &str = "azure credit";
/// Canonical adjustment of the only partner earned credit that Microsoft grants.
const FULL_CREDIT: &str = "15% partner earned credit";
/// Ends the canonical adjustment of any partner earned credit, behind its percentage.
const EARNED_CREDIT: &str = "% partner earned credit";

/// Canonical price adjustment of a usage row: of CreditType, PartnerEarnedCreditPercentage and
/// CreditPercentage. Empty for none.
#[must_use]
pub fn usage_adjustment(
    credit_type: &str,
    earned_percentage: &str,
    credit_percentage: &str,
) -> String {
    let credit_type = fold(Fold::Text, credit_type);
    // Usage marks the credit in both columns; one of them is enough.
    if credit_type == "azure credit applied" || percentage(credit_percentage).is_some() {
        return AZURE_CREDIT.to_owned();
    }
    match percentage(earned_percentage) {
        Some(percent) => earned_credit(&percent),
        // Zero-priced rows name the credit without its percentage (`model::domain::quirks`, daily
        // rated usage 11); there is none but 15 %.
        None if credit_type == "partner earned credit applied" => FULL_CREDIT.to_owned(),
        None => String::new(),
    }
}

/// Canonical price adjustment of an invoice line: of ChargeType and PriceAdjustmentDescription.
/// Empty for none.
#[must_use]
pub fn line_adjustment(charge_type: &str, description: &str) -> String {
    // The charge type alone tells: such a line is a credit as a whole
    // (`model::domain::semantics §7`).
    if is_credit(charge_type) {
        return AZURE_CREDIT.to_owned();
    }
    // A list of quoted texts, whose wording and order are unstable: only the earned credit is read.
    let folded = fold(Fold::Text, description);
    let Some(text) = folded
        .split('"')
        .find(|text| text.contains("partner earned credit"))
    else {
        return String::new();
    };
    let percent = text
        .split_once('%')
        .and_then(|(before, _)| percentage(last_word(before)));
    match percent {
        Some(percent) => earned_credit(&percent),
        // Named without a percentage that can be read: there is none but 15 %.
        None => FULL_CREDIT.to_owned(),
    }
}

/// True for the charge type of lines that are credits as a whole
/// ([semantics §7](crate::model::domain::semantics)).
#[must_use]
pub fn is_credit(charge_type: &str) -> bool {
    fold(Fold::Text, charge_type) == "customercredit"
}

fn last_word(text: &str) -> &str {
    match text.rsplit_once(' ') {
        Some((_, word)) => word,
        None => text,
    }
}

fn earned_credit(percent: &str) -> String {
    format!("{percent}{EARNED_CREDIT}")
}

/// Share of the list price that the partner earned credit of a canonical adjustment takes off, in
/// units of 10^-18; 0 where the adjustment is another one or none.
///
/// # Panics
/// For a text that neither [`usage_adjustment`] nor [`line_adjustment`] made.
#[must_use]
pub fn earned_fraction(adjustment: &str) -> i128 {
    let Some(percent) = adjustment.strip_suffix(EARNED_CREDIT) else {
        return 0;
    };
    let percent = decimal::parse(percent.as_bytes(), RATE_SCALE)
        .expect("a canonical adjustment begins with its percentage");
    percent.value / 100
}

/// A percentage in plain digits; `None` for 0 and for a text that is not a number. The API writes
/// 0.15 where files write 15 (`model::domain::quirks`, daily rated usage 11): up to 1, a number is
/// a share.
fn percentage(text: &str) -> Option<String> {
    let value = decimal::parse(text.as_bytes(), RATE_SCALE).ok()?.value;
    let one = decimal::power_of_ten(RATE_SCALE);
    match value {
        0 => None,
        // No percentage is that small: the credit is 0 or 15 % (`model::domain::semantics §5`).
        fraction if fraction > 0 && fraction <= one => {
            Some(decimal::plain(fraction.checked_mul(100)?, RATE_SCALE))
        }
        percent => Some(decimal::plain(percent, RATE_SCALE)),
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
}
