//! Promotions: discounts that only the line knows, as no column of usage names them ([semantics
//! §5](crate::model::domain::semantics)).

use super::lines::{EARNED, Line};
use super::planting::Change;
use crate::model::dataset::{INVOICE_LINES, position};

/// Part of the price that is left, in percent.
pub(super) const PRICE_PERCENT: i128 = 80;
/// Offer that the line names.
const OFFER: &str = "39NFJQT1Q5KF:0002:39NFJQT1X3CV";

impl Line {
    /// Line that tells its discount: by the id of an offer and its text, or by another text only.
    pub(super) fn promoted(mut self, change: Change, earned: bool) -> Self {
        let (text, offer) = match change {
            Change::Promotion => ("Azure Consumption Promotion 20%", OFFER),
            _ => ("20% Migration discount", ""),
        };
        // A list of texts, the partner earned credit first.
        let texts = if earned {
            format!("{},\"{text}\"]", EARNED.trim_end_matches(']'))
        } else {
            format!("[\"{text}\"]")
        };
        self.cells[position(INVOICE_LINES, "PriceAdjustmentDescription")] = texts;
        offer.clone_into(&mut self.cells[position(INVOICE_LINES, "PromotionId")]);
        self
    }
}
