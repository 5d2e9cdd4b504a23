//! Price adjustment of a usage row and of an invoice line, in one wording for both sides.
//!
//! Usage names its credit in three columns, a line in free text. The adjustment is part of the key
//! on which the two sides meet ([semantics §1](crate::model::domain::semantics)), so both are
//! brought to the same canonical text: `azure credit`, `15% partner earned credit`, or nothing.
//! Promotions are left out of it, as the known columns of usage have no trace of them
//! ([semantics §5](crate::model::domain::semantics)): they are a mark of the line's own.

use crate::model::decimal::{self, PRICE_SCALE, RATE_SCALE, Rounding};
use crate::model::ids::{Fold, fold};

/// Canonical adjustment of an Azure credit, which is a line of its own
/// ([semantics §7](crate::model::domain::semantics)).
pub const AZURE_CREDIT: &str = "azure credit";
/// Canonical adjustment of the only partner earned credit that Microsoft grants.
const FULL_CREDIT: &str = "15% partner earned credit";
/// Mark of a line with a promotion.
pub const PROMOTION: &str = "promotion";
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

/// Texts of an invoice line that tell the discounts in its price.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineDiscounts<'t> {
    /// Text of ChargeType, which names Azure credits.
    pub charge_type: &'t str,
    /// Text of PriceAdjustmentDescription: a list of quoted texts, whose wording and order are
    /// unstable.
    pub description: &'t str,
    /// Text of PromotionId, empty for none.
    pub promotion_id: &'t str,
    /// Text of EffectiveUnitPrice, the price that was billed.
    pub price: &'t str,
    /// Text of UnitPrice, the list price.
    pub unit_price: &'t str,
}

impl LineDiscounts<'_> {
    /// Canonical price adjustment of the line. Empty for none.
    #[must_use]
    pub fn adjustment(&self) -> String {
        if self.is_credit() {
            return AZURE_CREDIT.to_owned();
        }
        let folded = fold(Fold::Text, self.description);
        let texts = texts(&folded);
        match self.earned_text(&texts) {
            Some(text) => match percent_in(text) {
                Some(percent) => earned_credit(&decimal::plain(percent, RATE_SCALE)),
                // Named without a percentage that can be read: there is none but 15 %.
                None => FULL_CREDIT.to_owned(),
            },
            None => String::new(),
        }
    }

    /// Mark of a line whose price has a promotion, or another discount beside the partner earned
    /// credit: PromotionId, or the remaining texts of the adjustment. Empty for none.
    #[must_use]
    pub fn promotion(&self) -> String {
        let folded = fold(Fold::Text, self.description);
        let texts = texts(&folded);
        let earned = self.earned_text(&texts);
        let mut others = texts.iter().filter(|text| Some(**text) != earned);
        let is_promoted = !self.promotion_id.trim().is_empty()
            // Texts without a number or a word of a discount say how a price was found, as "Price
            // for given billing period" does.
            || others.any(|text| text.contains('%') || is_other_discount(text));
        if is_promoted && !self.is_credit() {
            PROMOTION.to_owned()
        } else {
            String::new()
        }
    }

    /// True of an Azure credit: the charge type alone tells, as such a line is a credit as a whole.
    fn is_credit(&self) -> bool {
        is_credit(self.charge_type)
    }

    /// The one of the adjustment's texts that is the partner earned credit: by its words, else, as
    /// their wording is unstable, by its percentage where the line's prices bear all of them out.
    fn earned_text<'f>(&self, texts: &[&'f str]) -> Option<&'f str> {
        let named = texts
            .iter()
            .find(|text| text.contains("partner earned credit"));
        named.copied().or_else(|| {
            let full = percent_in(FULL_CREDIT)?;
            let text = texts
                .iter()
                .find(|text| percent_in(text) == Some(full) && !is_other_discount(text))?;
            self.bears_out(texts)?.then_some(*text)
        })
    }

    /// True if the effective price is the list price less the percentages of all texts; `None`
    /// where one of them is missing.
    fn bears_out(&self, texts: &[&str]) -> Option<bool> {
        let number = |text: &str| decimal::parse(text.as_bytes(), PRICE_SCALE).ok();
        let (price, mut left) = (number(self.price)?.value, number(self.unit_price)?.value);
        let whole = 100 * decimal::power_of_ten(RATE_SCALE);
        for text in texts {
            let rest = (whole - percent_in(text)?, RATE_SCALE + 2);
            left = decimal::multiply((left, PRICE_SCALE), rest, PRICE_SCALE, Rounding::HalfUp)?;
        }
        // Effective prices have 15 decimals, and are rounded up.
        let apart = price.checked_sub(left)?.unsigned_abs();
        Some(apart <= price.unsigned_abs() / 1_000_000_000)
    }
}

/// Texts of a folded adjustment, without the punctuation of their list.
fn texts(folded: &str) -> Vec<&str> {
    let quoted = folded.split('"').map(str::trim);
    quoted
        .filter(|text| text.contains(char::is_alphanumeric))
        .collect()
}

/// True of a text that names a discount other than the partner earned credit.
fn is_other_discount(text: &str) -> bool {
    text.contains("promo") || text.contains("discount")
}

/// Number before the percent sign of a text, in units of 10^-18; `None` for a text without one. A
/// comma is a decimal sign, as no percentage has thousands.
fn percent_in(text: &str) -> Option<i128> {
    let (before, _) = text.split_once('%')?;
    let number = last_word(before.trim_end()).replace(',', ".");
    let percent = decimal::parse(number.as_bytes(), RATE_SCALE).ok()?.value;
    (percent != 0).then_some(percent)
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
/// For a text that neither [`usage_adjustment`] nor [`LineDiscounts::adjustment`] made.
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
/// 0.15 where files write 15 (`model::domain::quirks`, daily rated usage 11): below 1, a number is
/// a share. 1 is one percent, as no credit takes all of a price.
fn percentage(text: &str) -> Option<String> {
    let value = decimal::parse(text.as_bytes(), RATE_SCALE).ok()?.value;
    let one = decimal::power_of_ten(RATE_SCALE);
    match value {
        0 => None,
        // No percentage is that small: the credit is 0 or 15 % (`model::domain::semantics §5`).
        fraction if fraction > 0 && fraction < one => {
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
        let of = |charge_type, description| {
            LineDiscounts {
                charge_type,
                description,
                ..LineDiscounts::default()
            }
            .adjustment()
        };
        let line = |text| of("new", text);
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
        assert_eq!(of("CustomerCredit", ""), AZURE_CREDIT);
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
        assert_eq!(usage_adjustment("", "1", ""), "1% partner earned credit");
        assert_eq!(
            usage_adjustment("Azure Credit Applied", "", "100"),
            AZURE_CREDIT
        );
    }

    #[test]
    fn promotions_are_told_from_the_earned_credit() {
        let read = |description, promotion_id, price| {
            let discounts = LineDiscounts {
                charge_type: "new",
                description,
                promotion_id,
                price,
                unit_price: "1",
            };
            [discounts.adjustment(), discounts.promotion()]
        };
        let german = "[\"15,0 % Partnergutschrift\"]";
        assert_eq!(read(german, "", "0.85"), [FULL_CREDIT, ""]);
        assert_eq!(read(german, "", "0.80"), ["", PROMOTION]);
        let both = "[\"20% Rabatt\",\"15 % Partnergutschrift\"]";
        assert_eq!(read(both, "", "0.68"), [FULL_CREDIT, PROMOTION]);
        assert_eq!(read("[\"15% promotion\"]", "", "0.85"), ["", PROMOTION]);
        let earned = "[\"15.0% Partner earned credit for services managed\"]";
        assert_eq!(read(earned, "", "0.68"), [FULL_CREDIT, ""]);
        assert_eq!(read(earned, "p1", "0.68"), [FULL_CREDIT, PROMOTION]);
        assert_eq!(
            read("[\"Price for given billing period\"]", "", "1"),
            ["", ""]
        );
    }
}
