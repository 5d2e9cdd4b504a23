//! The rate cards of classic Azure ([resources §B](crate::model::domain::resources),
//! `AzureRateCard`).

use super::meter::{FINE_SCALE, METERS, PRICE_SCALE, SECOND_TIER, meter};
use crate::model::decimal::fixed;
use crate::synth::number::number;
use crate::synth::partner::Partner;
use crate::synth::partner_center::files::Files;
use crate::synth::partner_center::object::Object;
use crate::synth::request::SynthError;

/// Writes the rate card, and the one of shared services, which holds equal meters.
pub(in crate::synth::partner_center) fn write_rate_cards(
    files: &mut Files,
    partner: &Partner,
) -> Result<(), SynthError> {
    let meters = (0..METERS).map(|at| {
        let meter = meter(partner, at);
        // Tiers by their first unit, which is text, as in real answers.
        let mut rates = Object::new().raw("0", &number(meter.price, PRICE_SCALE));
        if at % 3 == 0 {
            rates = rates.raw(
                &SECOND_TIER.to_string(),
                &fixed(meter.second_price, FINE_SCALE),
            );
        }
        Object::new()
            .text("id", &meter.id)
            .text("name", &meter.name)
            .raw("rates", &rates.end())
            .raw("tags", "[]")
            .text("category", meter.category)
            .text("subcategory", "")
            .text("region", "EU West")
            .text("unit", meter.unit)
            .raw("includedQuantity", "0.0")
            .text("effectiveDate", "2015-09-01T00:00:00Z")
            .end()
    });
    let meters = meters.collect::<Vec<_>>().join(",");
    let excluded = format!("[\"{}\"]", meter(partner, 1).id);
    let term = Object::new()
        .text("name", "Overage discount")
        .raw("discount", "0.15")
        .raw("excludedMeterIds", &excluded)
        .text("effectiveDate", "2014-01-01T00:00:00")
        .end();
    let card = Object::new()
        .text("locale", "en-US")
        .text("currency", "USD")
        .raw("isTaxIncluded", "false")
        .raw("meters", &format!("[{meters}]"))
        .raw("offerTerms", &format!("[{term}]"))
        .of_type("AzureRateCard");
    files.put("rate_card", "", &card)?;
    files.put("shared_rate_card", "", &card)
}
