//! Reference data: rate cards of Partner Center (endpoints rows 7, 8), and exchange rates and price
//! sheets of the other host (rows 37, 38).

use flate2::Crc;

use super::super::message::{Answer, Body, Request};
use super::bill::CURRENCIES;
use super::books::Partner;
use super::catalogue::{CLASSIC_METERS, METERS};
use super::exact::ONE;
use super::json::{Json, count, number, object, text};
use super::refusals;
use super::spelled::{meter_id, object_type};

/// A rate card of classic Azure, or of shared services.
pub(super) fn rate_card(request: &Request) -> Answer {
    let currency = match request.text("currency") {
        "" => "EUR",
        given => given,
    };
    let meters = CLASSIC_METERS.iter().map(|meter| {
        object([
            ("id", text(meter.id)),
            ("name", text(meter.name)),
            ("rates", object([("0", number(meter.price))])),
            ("tags", Json::List(Vec::new())),
            ("category", text(meter.service)),
            ("subcategory", text(meter.kind)),
            ("region", text("")),
            ("unit", text(meter.unit)),
            ("includedQuantity", count("0.0")),
            ("effectiveDate", text("2017-01-01T00:00:00Z")),
        ])
    });
    let body = object([
        ("locale", text("en-US")),
        ("currency", text(currency)),
        ("isTaxIncluded", Json::Bool(false)),
        ("meters", Json::List(meters.collect())),
        ("offerTerms", Json::List(Vec::new())),
        ("attributes", object_type("AzureRateCard")),
    ]);
    Answer::json(200, body.to_string())
}

/// Answers a request to the host of exchange rates and price sheets. `path` is what follows the
/// version.
pub(super) fn partner_api(partner: &Partner, request: &Request, path: &str) -> Answer {
    let error = |status, message: &str| refusals::graph(request, status, "BadRequest", message);
    let is_guid = request
        .header("client-request-id")
        .is_some_and(refusals::is_guid);
    if !is_guid {
        return error(400, "The header client-request-id must be a GUID.");
    }
    let this_month = partner.today().format("%Y%m").to_string();
    let argument = |name: &str| {
        let (_, rest) = path.split_once(&format!("{name}='"))?;
        rest.split_once('\'').map(|(value, _)| value.to_owned())
    };
    let (name, sheet) = if path.starts_with("/sales/fxrates") {
        let month = argument("Month").map_or(this_month, |month| month);
        if month.len() != 6 || month.bytes().any(|byte| !byte.is_ascii_digit()) {
            return error(400, "Month must be YYYYMM.");
        }
        ("fxrates", rates(&month))
    } else if path.starts_with("/sales/pricesheets(") {
        let (Some(market), Some(view)) = (argument("Market"), argument("PricesheetView")) else {
            return error(400, "Market and PricesheetView are required.");
        };
        match view.as_str() {
            "azure_consumption" => ("pricesheet", prices(partner, &market)),
            "azure_reservations" | "updatedlicensebased" | "marketplace" | "software" => {
                ("pricesheet", PRICE_HEADER.to_owned())
            }
            _ => return error(400, "The view is unknown."),
        }
    } else {
        return refusals::graph(request, 404, "NotFound", "Not found.");
    };
    if !path.ends_with("/$value") {
        return refusals::graph(request, 404, "NotFound", "Not found.");
    }
    let deflate = request
        .header("accept-encoding")
        .is_some_and(|all| all.contains("deflate"));
    let bytes = match deflate {
        true => zip(&format!("{name}.csv"), sheet.as_bytes()),
        false => sheet.into_bytes(),
    };
    Answer {
        status: 200,
        headers: vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            (
                "Content-Disposition",
                format!("attachment; filename={name}"),
            ),
            ("Cache-Control", "private".to_owned()),
        ],
        body: Body::Bytes(bytes),
    }
}

fn rates(month: &str) -> String {
    let mut sheet = "\"CurrencyCode\",\"USDPerUnit\",\"Month\"\r\n".to_owned();
    for currency in &CURRENCIES {
        let dollars = ONE.over_up(currency.rate, 17).text();
        sheet += &format!("\"{}\",\"{dollars}\",\"{month}\"\r\n", currency.code);
    }
    sheet
}

/// Columns of a price sheet, as the page of 2020 prints them.
const PRICE_HEADER: &str = "\"ProductTitle\",\"ProductId\",\"SkuId\",\"SkuTitle\",\"Publisher\",\
    \"SkuDescription\",\"UnitOfMeasure\",\"TermDuration\",\"Market\",\"Currency\",\"UnitPrice\",\
    \"PricingTierRangeMin\",\"PricingTierRangeMax\",\"EffectiveStartDate\",\"EffectiveEndDate\",\
    \"MeterIds\",\"MeterType\",\"Tags\"\r\n";

fn prices(partner: &Partner, market: &str) -> String {
    let mut sheet = PRICE_HEADER.to_owned();
    for (at, meter) in METERS.iter().enumerate() {
        let id = meter_id(partner, at);
        let price = meter.price.text();
        let cells = [
            meter.product,
            meter.product_id,
            meter.sku_id,
            meter.sku,
            "Microsoft",
            meter.sku,
            meter.unit,
            "payG-1",
            market,
            "USD",
            &price,
            "",
            "",
            "3/1/2018 12:00:00 AM",
            "11/30/9999 11:59:59 PM",
            &id,
            meter.unit,
            "Azure",
        ];
        let cells = cells.map(|cell| format!("\"{cell}\""));
        sheet += &format!("{}\r\n", cells.join(","));
    }
    sheet
}

/// A zip archive of one file, which is stored as it is.
fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut checksum = Crc::new();
    checksum.update(bytes);
    let length = (bytes.len() as u32).to_le_bytes();
    // Version, flags, method, time, date, checksum and both lengths: the same in both headers.
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    for field in [checksum.sum().to_le_bytes(), length, length] {
        common.extend(field);
    }
    common.extend((name.len() as u16).to_le_bytes());
    common.extend([0, 0]);
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(&common);
    archive.extend(name.as_bytes());
    archive.extend(bytes);
    let start = archive.len();
    archive.extend(b"PK\x01\x02\x14\x00");
    archive.extend(&common);
    archive.extend([0; 14]);
    archive.extend(name.as_bytes());
    let size = ((archive.len() - start) as u32).to_le_bytes();
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    archive.extend(size);
    archive.extend((start as u32).to_le_bytes());
    archive.extend([0, 0]);
    archive
}
