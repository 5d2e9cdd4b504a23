//! Sheets of exchange rates and prices: rows of cells, the header first
//! ([resources §G](crate::model::domain::resources)).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::files::Files;
use crate::model::decimal::{self, Rounding};
use crate::synth::catalogue::Meter;
use crate::synth::number::number;
use crate::synth::partner::{Partner, RATE_SCALE};
use crate::synth::request::SynthError;
use crate::synth::write::push_json_text;

/// Decimals of a rate in Microsoft's sample.
const DOLLAR_SCALE: u32 = 17;

/// Writes the month's dollars for a unit of each currency: the reverse of the invoices' rates.
pub(super) fn write_rates(files: &mut Files, partner: &Partner) -> Result<(), SynthError> {
    let month = partner.period.to_string().replace('-', "");
    let mut put = |cells: &[&str]| files.put("fx_rates", &month, &row(cells));
    put(&["CurrencyCode", "USDPerUnit", "Month"])?;
    let mut rates: BTreeMap<&str, i128> = BTreeMap::new();
    for invoice in partner.all_invoices() {
        rates.insert(invoice.currency, invoice.rate);
    }
    for (currency, rate) in rates {
        let one = 10_i128.pow(RATE_SCALE + DOLLAR_SCALE);
        let dollars = decimal::divide(one, rate, Rounding::HalfEven);
        put(&[currency, &number(dollars, DOLLAR_SCALE), &month])?;
    }
    Ok(())
}

/// Writes the price sheet of consumption: list prices in dollars, as usage has them.
pub(super) fn write_prices(
    files: &mut Files,
    meters: &BTreeMap<u64, Rc<Meter>>,
) -> Result<(), SynthError> {
    let mut put = |cells: &[&str]| files.put("price_sheets", "azure_consumption", &row(cells));
    put(&[
        "ProductTitle",
        "ProductId",
        "SkuId",
        "SkuTitle",
        "MeterId",
        "UnitOfMeasure",
        "Currency",
        "UnitPrice",
    ])?;
    for meter in meters.values() {
        put(&[
            &meter.product_name,
            &meter.product_id,
            &meter.sku_id,
            &meter.sku_name,
            &meter.meter_id,
            meter.service.unit,
            "USD",
            &meter.unit_price_text,
        ])?;
    }
    Ok(())
}

/// A row as a list of texts in JSON, which is a row of CSV in brackets.
fn row(cells: &[&str]) -> String {
    let mut text = "[".to_owned();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_json_text(&mut text, cell);
    }
    text.push(']');
    text
}
