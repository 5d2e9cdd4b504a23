//! Lists that a fetch reads from its own responses to go on: customers, subscriptions and invoices.
//! No amount in them is looked at, except for whether it is zero; decoding is for `decode`.

use serde::Deserialize;

use super::api_version::is_legacy;
use crate::model::page::{self, PageFault, without_boms};
use crate::model::period::{Day, Period, parse_day};

/// A subscription of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    /// Id of the subscription; of an Azure plan, the plan's.
    pub(super) id: String,
    /// Kind of the subscription.
    pub(super) kind: SubscriptionKind,
}

/// Kind of a subscription, which decides which endpoints serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubscriptionKind {
    /// Azure plan of the new commerce.
    AzurePlan,
    /// Classic Azure subscription of the offer MS-AZR-0145P.
    ClassicAzure,
    /// Licences and everything else.
    Other,
}

/// An invoice, as far as a fetch needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    /// Id of the invoice.
    pub(super) id: String,
    /// Currency code in upper case; empty if the invoice states none.
    pub(super) currency: String,
    /// True if nothing is charged: only then may an export be empty.
    pub(super) is_zero: bool,
    /// Ids of the documents that amend the invoice.
    pub(super) amendments: Vec<String>,
    start: Option<Day>,
    end: Option<Day>,
    dated: Option<Day>,
}

impl Invoice {
    /// True if the invoice is of the legacy commerce.
    #[must_use]
    pub(super) fn is_legacy(&self) -> bool {
        is_legacy(&self.id)
    }

    /// True if the invoice bills a period. A new commerce invoice states the start of its period,
    /// or is dated in the month after it. A legacy invoice has a period that is not a month, and
    /// counts for every month that it touches.
    #[must_use]
    pub(super) fn is_of(&self, period: Period) -> bool {
        let (first, next) = period.days();
        let within = |day: Option<Day>| day.is_some_and(|day| (first..next).contains(&day));
        if self.is_legacy() {
            return [self.start, self.end, self.dated].into_iter().any(within);
        }
        match self.start {
            Some(_) => within(self.start),
            // Invoices are dated in the month after the period that they bill.
            None => self
                .dated
                .and_then(Period::of)
                .is_some_and(|dated| Period::of(next) == Some(dated)),
        }
    }
}

/// A customer or an amendment, of which only the id is of interest.
#[derive(Deserialize)]
struct WithId {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionItem {
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
struct InvoiceItem {
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
    amendments: Vec<WithId>,
}

/// The items of a list. An answer that is no list is a fault: read as an empty one, it would say
/// that there are no customers or invoices.
fn page<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, String> {
    let page = page::read(without_boms(body)).map_err(|fault| match fault {
        PageFault::Json(error) => error.to_string(),
        PageFault::Unclear(found) => found,
    })?;
    let items = page.items.ok_or("an answer without `items`")?;
    items
        .into_iter()
        .map(|item| serde_json::from_str(item.get()).map_err(|error| error.to_string()))
        .collect()
}

/// The ids on a page of customers.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn customers(body: &[u8]) -> Result<Vec<String>, String> {
    Ok(page::<WithId>(body)?
        .into_iter()
        .map(|customer| customer.id)
        .collect())
}

/// The subscriptions on a page.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn subscriptions(body: &[u8]) -> Result<Vec<Subscription>, String> {
    Ok(page::<SubscriptionItem>(body)?
        .into_iter()
        .map(|item| Subscription {
            kind: item.kind(),
            id: item.id,
        })
        .collect())
}

impl SubscriptionItem {
    /// The kind by the offer's id; of an item without a telling one, by its names.
    fn kind(&self) -> SubscriptionKind {
        let offer = self.offer_id.as_deref().map(str::to_ascii_uppercase);
        let offer = offer.filter(|offer| !offer.is_empty());
        let is_offer = |prefix: &str| offer.as_ref().is_some_and(|id| id.starts_with(prefix));
        let is_named_plan = [&self.offer_name, &self.friendly_name]
            .into_iter()
            .flatten()
            .any(|name| name.trim().eq_ignore_ascii_case("azure plan"));
        // Offers of the same kind differ behind these beginnings.
        if is_offer("MS-AZR-0145P") {
            SubscriptionKind::ClassicAzure
        } else if is_offer("DZH318Z0BPS6") || is_named_plan {
            SubscriptionKind::AzurePlan
        } else if offer.is_none() && self.billing_type.as_deref() == Some("usage") {
            SubscriptionKind::ClassicAzure
        } else {
            SubscriptionKind::Other
        }
    }
}

/// The invoices on a page, by id. An amendment is named, but is not an invoice of its own here: it
/// is not documented whether its lines can be asked for.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn invoices(body: &[u8]) -> Result<Vec<Invoice>, String> {
    let mut found: Vec<Invoice> = page::<InvoiceItem>(body)?
        .into_iter()
        .map(Invoice::from)
        .collect();
    found.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(found)
}

impl From<InvoiceItem> for Invoice {
    fn from(item: InvoiceItem) -> Self {
        // A date that cannot be read is no date: the invoice is then judged by the others.
        let day = |text: Option<String>| parse_day(text?.as_bytes()).ok().flatten();
        // As text, without a number type: only zeros, in whatever number of decimals.
        let is_zero = item.total_charges.is_some_and(|total| {
            let total = total.get().trim_matches('"');
            !total.is_empty() && total.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
        });
        Self {
            id: item.id,
            currency: item.currency_code.to_uppercase(),
            is_zero,
            amendments: item.amendments.into_iter().map(|it| it.id).collect(),
            start: day(item.billing_period_start_date),
            end: day(item.billing_period_end_date),
            dated: day(item.invoice_date),
        }
    }
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
