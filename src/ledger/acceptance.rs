//! Acceptances: breaks that are put up with, up to an amount and until a day.

use rust_decimal::Decimal;

use super::breaks::{FoundBreak, LedgerBreak};

/// Actor of acceptances that stand in the pipeline file.
pub const PIPELINE: &str = "pipeline";

/// Kind of breaks that a pipeline file accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// Name of the tie-out; `None` for any.
    pub tie_out: Option<String>,
    /// Name of the cause; `None` for any.
    pub cause: Option<String>,
    /// Id of the customer, whatever its case; `None` for any.
    pub customer: Option<String>,
    /// Id of the product, whatever its case; `None` for any.
    pub product: Option<String>,
    /// Meter text of the line; `None` for any.
    pub meter: Option<String>,
    /// Billing currency; `None` for any.
    pub currency: Option<String>,
    /// Reason of it, in words.
    pub reason: String,
    /// Largest amount of one break, in either direction.
    pub cap: Decimal,
    /// Last day, as `2026-12-31`.
    pub until: String,
}

impl Acceptance {
    /// True if a break is of the kind, whatever its amount.
    #[must_use]
    pub fn is_of(&self, found: &FoundBreak) -> bool {
        let same = |wanted: &Option<String>, text: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(text))
        };
        same(&self.tie_out, &found.tie_out)
            && same(&self.cause, &found.cause)
            && same(&self.customer, &found.customer_id)
            && same(&self.product, &found.product_id)
            && same(&self.meter, &found.meter_description)
            && same(&self.currency, &found.currency)
    }

    /// True if it covers a break on a day: its kind, its amount, and the day.
    #[must_use]
    pub fn covers(&self, found: &FoundBreak, day: &str) -> bool {
        self.is_of(found) && found.amount.abs() <= self.cap && day <= self.until.as_str()
    }
}

/// Reason why the acceptance of a break has ended on a day; `None` if it holds.
pub(super) fn ended(known: &LedgerBreak, day: &str) -> Option<String> {
    let cap = known.accepted_cap?;
    if known.found.amount.abs() > cap {
        let words = format!("it grew past its cap of {}", super::amount::text(cap));
        return Some(words);
    }
    (day > known.accepted_until.as_str())
        .then(|| format!("its acceptance ended on {}", known.accepted_until))
}
