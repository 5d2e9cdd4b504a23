//! Settings of the sheets of exchange rates and prices in the `partner_center` table.

use super::checker::{Checker, join};
use super::document::{Entry, Value, get};
use crate::sources::fetch::order::PriceSheet;
use crate::sources::identity::cloud::SHEETS_AUDIENCE;

/// Views of a price sheet ([endpoints §5](crate::model::domain::endpoints), row 38).
const VIEWS: [&str; 5] = [
    "azure_consumption",
    "azure_reservations",
    "updatedlicensebased",
    "marketplace",
    "software",
];

/// Audience of the tokens for sheets.
pub(super) fn audience(checker: &mut Checker<'_>, fields: &[Entry]) -> String {
    let key = "partner_center.sheets_audience";
    let wanted = "an audience, such as `https://api.partner.microsoft.com`";
    let given = get(fields, "sheets_audience").and_then(|entry| checker.text(key, entry, wanted));
    given.unwrap_or(SHEETS_AUDIENCE).to_owned()
}

/// Price sheets that are wanted: none where the table names none.
pub(super) fn price_sheets(checker: &mut Checker<'_>, fields: &[Entry]) -> Vec<PriceSheet> {
    let key = "partner_center.price_sheets";
    let Some(entry) = get(fields, "price_sheets") else {
        return Vec::new();
    };
    let wanted = "a list, such as `[{ market = \"DE\", view = \"azure_consumption\" }]`";
    let Value::List(items) = &entry.node.value else {
        checker.wrong(key, &entry.node, wanted, None);
        return Vec::new();
    };
    let mut sheets = Vec::new();
    for item in items {
        let Value::Table(fields) = &item.value else {
            checker.wrong(key, item, wanted, None);
            continue;
        };
        checker.known(key, fields, &["market", "view"]);
        let mut text = |name, wanted, is_good: &dyn Fn(&str) -> bool| {
            let Some(entry) = get(fields, name) else {
                checker.missing(&join(key, name), &item.place, wanted, "a sheet has both");
                return None;
            };
            let text = checker.text(&join(key, name), entry, wanted)?;
            if !is_good(text) {
                checker.wrong(&join(key, name), &entry.node, wanted, None);
                return None;
            }
            Some(text.to_owned())
        };
        let is_market =
            |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        let market = text("market", "a country, such as `DE`", &is_market);
        let view = text(
            "view",
            "`azure_consumption`, `azure_reservations`, `updatedlicensebased`, `marketplace` or `software`",
            &|text| VIEWS.contains(&text),
        );
        sheets.extend(
            market
                .zip(view)
                .map(|(market, view)| PriceSheet { market, view }),
        );
    }
    sheets
}
