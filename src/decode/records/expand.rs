//! Rows out of one item of a response: most items are a row, some hold rows within them.

use std::borrow::Cow;

use super::item::{Item, named, object, objects_in, owned_object, without};
use crate::model::record::Shape;

/// The rows of one item: itself, or what it holds.
pub(super) fn expand(shape: Shape, text: &str) -> Result<Vec<Item<'_>>, String> {
    let item = object(text)?;
    match shape {
        Shape::Items | Shape::Sheet => Ok(vec![item]),
        Shape::RateCard => rate_card(item),
        Shape::Invoices => with_amendments(item),
        Shape::Balances => balances(item),
    }
}

/// An invoice, and the invoices that amend it, which may be amended in turn.
fn with_amendments(item: Item<'_>) -> Result<Vec<Item<'_>>, String> {
    const AMENDMENTS: &str = "amendments";
    let inner = objects_in(&item, AMENDMENTS)?;
    let mut rows = vec![without(item, AMENDMENTS)];
    for amendment in inner {
        rows.extend(with_amendments(amendment)?);
    }
    Ok(rows)
}

/// The balance in a currency, and one row for the share of each type of invoice.
fn balances(item: Item<'_>) -> Result<Vec<Item<'_>>, String> {
    const DETAILS: &str = "details";
    let details = objects_in(&item, DETAILS)?;
    let mut rows = vec![without(item, DETAILS)];
    for detail in details {
        let mut row = match named(&detail, "summary") {
            Some(summary) => owned_object(summary)?,
            None => Item::new(),
        };
        if let Some(kind) = named(&detail, "invoiceType") {
            row.push((Cow::Borrowed("invoiceType"), Cow::Owned(kind.to_owned())));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A row for each tier of each meter, and one for each offer term; each with the keys of the card
/// itself. A card without meters is a row by itself.
fn rate_card(card: Item<'_>) -> Result<Vec<Item<'_>>, String> {
    if named(&card, "meters").is_none() {
        return Ok(vec![card]);
    }
    let head: Item<'static> = ["locale", "currency", "isTaxIncluded", "attributes"]
        .into_iter()
        .filter_map(|name| card.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
        .map(|(key, raw)| (Cow::Owned(key.to_string()), Cow::Owned(raw.to_string())))
        .collect();
    let row_of = |kind: &str| {
        let mut row = head.clone();
        row.push((Cow::Borrowed("rowKind"), Cow::Owned(format!("\"{kind}\""))));
        row
    };
    let mut rows = Vec::new();
    for meter in objects_in(&card, "meters")? {
        let tiers = match named(&meter, "rates") {
            Some(rates) => owned_object(rates)?,
            None => Item::new(),
        };
        let meter = without(meter, "rates");
        for (tier, rate) in tiers {
            let mut row = row_of("meter");
            row.extend(meter.iter().cloned());
            // The keys of `rates` are quantities: from this one on the rate holds.
            row.push((Cow::Borrowed("tierFrom"), Cow::Owned(format!("\"{tier}\""))));
            row.push((Cow::Borrowed("rate"), rate));
            rows.push(row);
        }
    }
    for term in objects_in(&card, "offerTerms")? {
        let mut row = row_of("offer_term");
        row.extend(term);
        rows.push(row);
    }
    Ok(rows)
}
