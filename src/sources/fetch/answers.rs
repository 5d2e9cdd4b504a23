//! What a fetch must know of the answers it landed, so that it can go on: which customers,
//! subscriptions and invoices there are. No number of them is looked at but for being zero.

use serde::Deserialize;

use super::api_version::is_legacy;
use crate::model::page::without_boms;
use crate::model::period::{Day, Period, parse_day};

/// A subscription that has usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id; of an Azure plan, the plan's.
    pub id: String,
    /// What it is.
    pub kind: SubscriptionKind,
}

/// What a subscription is, as far as it matters for which endpoints serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionKind {
    /// Azure plan of the new commerce.
    AzurePlan,
    /// MS-AZR-0145P.
    ClassicAzure,
    /// Licences and all else.
    Other,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: String,
    /// Currency.
    pub currency: String,
    /// Whether nothing is charged: only then may an export be empty.
    pub is_zero: bool,
    /// Ids of documents that amend it.
    pub amendments: Vec<String>,
    start: Option<Day>,
    end: Option<Day>,
    dated: Option<Day>,
}

impl Invoice {
    /// Whether it is of the legacy commerce.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        is_legacy(&self.id)
    }

    /// Whether it bills a period. One of the new commerce says so, or is dated in the month after;
    /// one of the legacy commerce has periods of its own, and belongs to each month it touches.
    #[must_use]
    pub fn is_of(&self, period: Period) -> bool {
        let (first, next) = period.days();
        let within = |day: &Option<Day>| day.is_some_and(|day| (first..next).contains(&day));
        if self.is_legacy() {
            return [&self.start, &self.end, &self.dated]
                .into_iter()
                .any(within);
        }
        match self.start {
            Some(_) => within(&self.start),
            None => self
                .dated
                .and_then(Period::of)
                .is_some_and(|dated| Period::of(next) == Some(dated)),
        }
    }
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(alias = "Items", default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubscription {
    id: String,
    #[serde(default)]
    offer_id: Option<String>,
    #[serde(default)]
    offer_name: Option<String>,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    billing_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInvoice {
    id: String,
    #[serde(default)]
    currency_code: String,
    #[serde(default)]
    total_charges: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    invoice_date: Option<String>,
    #[serde(default)]
    billing_period_start_date: Option<String>,
    #[serde(default)]
    billing_period_end_date: Option<String>,
    #[serde(default)]
    amendments: Vec<Customer>,
}

fn page<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, String> {
    serde_json::from_slice::<Page<T>>(without_boms(body))
        .map(|page| page.items)
        .map_err(|error| error.to_string())
}

/// The ids of a page of customers.
///
/// # Errors
/// What is wrong with the page, in words.
pub fn customers(body: &[u8]) -> Result<Vec<String>, String> {
    Ok(page::<Customer>(body)?
        .into_iter()
        .map(|customer| customer.id)
        .collect())
}

/// The subscriptions of a page.
///
/// # Errors
/// What is wrong with the page, in words.
pub fn subscriptions(body: &[u8]) -> Result<Vec<Subscription>, String> {
    let kind = |raw: &RawSubscription| {
        let offer = raw
            .offer_id
            .as_deref()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let names = [&raw.offer_name, &raw.friendly_name];
        let is_named_plan = names
            .into_iter()
            .flatten()
            .any(|name| name.trim().eq_ignore_ascii_case("azure plan"));
        match () {
            () if offer.starts_with("MS-AZR-0145P") => SubscriptionKind::ClassicAzure,
            () if offer.starts_with("DZH318Z0BPS6") || is_named_plan => SubscriptionKind::AzurePlan,
            () if offer.is_empty() && raw.billing_type.as_deref() == Some("usage") => {
                SubscriptionKind::ClassicAzure
            }
            () => SubscriptionKind::Other,
        }
    };
    Ok(page::<RawSubscription>(body)?
        .into_iter()
        .map(|raw| Subscription {
            kind: kind(&raw),
            id: raw.id,
        })
        .collect())
}

/// The invoices of a page. What amends one is named, but is no invoice of its own: whether an
/// amendment can be asked for its lines is not documented.
///
/// # Errors
/// What is wrong with the page, in words.
pub fn invoices(body: &[u8]) -> Result<Vec<Invoice>, String> {
    let mut found = Vec::new();
    for raw in page::<RawInvoice>(body)? {
        let day = |text: &Option<String>| {
            text.as_ref()
                .and_then(|text| parse_day(text.as_bytes()).ok().flatten())
        };
        let total = raw
            .total_charges
            .as_ref()
            .map(|total| total.get().trim_matches('"').to_owned())
            .unwrap_or_default();
        found.push(Invoice {
            currency: raw.currency_code.to_uppercase(),
            is_zero: !total.is_empty()
                && total.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-')),
            start: day(&raw.billing_period_start_date),
            end: day(&raw.billing_period_end_date),
            dated: day(&raw.invoice_date),
            id: raw.id,
            amendments: raw
                .amendments
                .into_iter()
                .map(|amendment| amendment.id)
                .collect(),
        });
    }
    found.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_belongs_to_its_period() {
        let body = br#"{"items":[{"id":"G1","currencyCode":"eur","totalCharges":0.00,"billingPeriodStartDate":"2026-10-01T00:00:00Z"},
            {"id":"G2","totalCharges":"12.5","invoiceDate":"2026-11-08T01:22:47.6Z","amendments":[{"id":"G3","totalCharges":1}]},
            {"id":"D1","totalCharges":5,"invoiceDate":"2026-10-21T00:00:00Z"}]}"#;
        let found = invoices(body).expect("a page");
        let of = |period: &str| -> Vec<&str> {
            let period = Period::parse(period).expect("a month");
            found
                .iter()
                .filter(|invoice| invoice.is_of(period))
                .map(|invoice| invoice.id.as_str())
                .collect()
        };
        assert_eq!(of("2026-10"), ["D1", "G1", "G2"]);
        assert!(of("2026-11").is_empty());
        assert_eq!(
            found
                .iter()
                .map(|invoice| invoice.is_zero)
                .collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(found[2].amendments, ["G3"]);
    }
}
