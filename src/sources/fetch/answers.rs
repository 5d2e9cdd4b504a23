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

/// A customer of the partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    /// Id of the customer's tenant.
    pub(super) id: String,
    /// Relation to the partner in Microsoft's words, if it is not that of a customer who buys from
    /// the partner: nothing is asked for such a customer
    /// ([endpoints §4](crate::model::domain::endpoints)).
    pub(super) other_relation: Option<String>,
}

/// An invoice, as far as a fetch needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    /// Id of the invoice.
    pub(super) id: String,
    /// Currency code in upper case; empty if the invoice states none.
    pub(super) currency: String,
    /// True if nothing is charged: only then may the lines be none.
    pub(super) is_zero: bool,
    /// True for a document that amends an invoice.
    pub(super) is_note: bool,
    /// Kinds of lines that the invoice says to have; empty if it says nothing of them.
    pub(super) details: Vec<Detail>,
    start: Option<Day>,
    end: Option<Day>,
    dated: Option<Day>,
}

/// Kind of lines of an invoice, as it lists it; both texts in lower case, letters only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    /// Billing provider: `office`, `azure`, `onetime`.
    pub(super) provider: String,
    /// Kind of the lines: `billinglineitems`, `usagelineitems`.
    pub(super) kind: String,
}

/// Items of a list, and the items that cannot be used, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    pub(super) rejected: Vec<String>,
}

impl Invoice {
    /// True if the invoice is of the legacy commerce.
    #[must_use]
    pub(super) fn is_legacy(&self) -> bool {
        is_legacy(&self.id)
    }

    /// Month of the invoice by its period, or by its date where it states none.
    #[must_use]
    pub(super) fn month(&self) -> Option<Period> {
        self.start.or(self.dated).and_then(Period::of)
    }

    /// True if the invoice is served by its id: new commerce ones are not since 2025-05-15
    /// ([endpoints §0](crate::model::domain::endpoints)).
    #[must_use]
    pub(super) fn is_served_by_id(&self) -> bool {
        let last = parse_day(b"2025-05-14").ok().flatten();
        self.is_legacy() || self.dated.is_some() && self.dated <= last
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomerItem {
    id: String,
    #[serde(default)]
    relationship_to_partner: Option<String>,
}

/// Relations in which nothing of a customer is to be had.
const OTHER_RELATIONS: [&str; 2] = ["advisor", "none"];

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
    // Each of these has been `null` where it is usually there.
    #[serde(default)]
    currency_code: Option<String>,
    #[serde(default)]
    total_charges: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    invoice_date: Option<String>,
    #[serde(default)]
    billing_period_start_date: Option<String>,
    #[serde(default)]
    billing_period_end_date: Option<String>,
    #[serde(default)]
    invoice_details: Option<Vec<DetailItem>>,
    #[serde(default)]
    amendments: Option<Vec<InvoiceItem>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailItem {
    #[serde(default)]
    billing_provider: Option<String>,
    #[serde(default)]
    invoice_line_item_type: Option<String>,
}

/// The items of a list. An answer that is no list is a fault: read as an empty one, it would say
/// that there are no customers or invoices. One item that cannot be used is no fault of the others.
fn page<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Listed<T>, String> {
    let page = page::read(without_boms(body)).map_err(|fault| match fault {
        PageFault::Json(error) => error.to_string(),
        PageFault::Unclear(found) => found,
    })?;
    let raw = page.items.ok_or("an answer without `items`")?;
    let mut listed = Listed {
        items: Vec::with_capacity(raw.len()),
        rejected: Vec::new(),
    };
    for (number, item) in raw.into_iter().enumerate() {
        match serde_json::from_str(item.get()) {
            Ok(item) => listed.items.push(item),
            Err(error) => listed
                .rejected
                .push(format!("item {}: {error}", number + 1)),
        }
    }
    Ok(listed)
}

impl<T> Listed<T> {
    fn map<U>(self, of: impl Fn(T) -> U) -> Listed<U> {
        Listed {
            items: self.items.into_iter().map(of).collect(),
            rejected: self.rejected,
        }
    }
}

/// The customers on a page.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn customers(body: &[u8]) -> Result<Listed<Customer>, String> {
    let listed = page::<CustomerItem>(body)?;
    Ok(listed.map(|item| Customer {
        id: item.id,
        other_relation: item.relationship_to_partner.filter(|relation| {
            let is_same = |other: &&str| relation.trim().eq_ignore_ascii_case(other);
            OTHER_RELATIONS.iter().any(is_same)
        }),
    }))
}

/// The subscriptions on a page.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn subscriptions(body: &[u8]) -> Result<Listed<Subscription>, String> {
    let listed = page::<SubscriptionItem>(body)?;
    Ok(listed.map(|item| Subscription {
        kind: item.kind(),
        id: item.id,
    }))
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

/// The invoices on a page, and the documents that amend them. A document without dates of its own
/// is of the period of what it amends.
///
/// # Errors
/// The fault of the page, in words.
pub(super) fn invoices(body: &[u8]) -> Result<Listed<Invoice>, String> {
    let listed = page::<InvoiceItem>(body)?;
    let mut found = Vec::new();
    for item in listed.items {
        with_amendments(item, None, &mut found);
    }
    Ok(Listed {
        items: found,
        rejected: listed.rejected,
    })
}

/// Adds an invoice and what amends it.
fn with_amendments(mut item: InvoiceItem, amended: Option<&Invoice>, found: &mut Vec<Invoice>) {
    let amendments = item.amendments.take().unwrap_or_default();
    let mut invoice = Invoice::from(item);
    if let Some(amended) = amended {
        invoice.is_note = true;
        // It is billed with what it amends, whatever day it was made.
        (invoice.start, invoice.end, invoice.dated) = (amended.start, amended.end, amended.dated);
        if invoice.currency.is_empty() {
            invoice.currency.clone_from(&amended.currency);
        }
    }
    for amendment in amendments {
        // Some answers name a document as its own amendment.
        if !amendment.id.eq_ignore_ascii_case(&invoice.id) {
            with_amendments(amendment, Some(&invoice), found);
        }
    }
    found.push(invoice);
}

/// A word in lower case, its letters only: `one_time` and `OneTime` are the same provider.
fn letters(text: Option<String>) -> String {
    let text = text.unwrap_or_default().to_lowercase();
    text.chars().filter(char::is_ascii_alphabetic).collect()
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
        let details = item.invoice_details.unwrap_or_default();
        Self {
            id: item.id,
            currency: item.currency_code.unwrap_or_default().to_uppercase(),
            is_zero,
            is_note: false,
            details: details
                .into_iter()
                .map(|detail| Detail {
                    provider: letters(detail.billing_provider),
                    kind: letters(detail.invoice_line_item_type),
                })
                .collect(),
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
            {"currencyCode":"EUR"},
            {"id":"D1","currencyCode":null,"amendments":null,"totalCharges":5,"invoiceDate":"2026-10-21T00:00:00Z",
             "invoiceDetails":[{"billingProvider":"office","invoiceLineItemType":"billing_line_items"}]}]}"#;
        let listed = invoices(body).expect("a page");
        assert_eq!(listed.rejected.len(), 1, "{:?}", listed.rejected);
        let found = listed.items;
        let of = |period: &str| -> Vec<&str> {
            let period = Period::parse(period).expect("a month");
            let of = found.iter().filter(|invoice| invoice.is_of(period));
            of.map(|invoice| invoice.id.as_str()).collect()
        };
        assert_eq!(of("2026-10"), ["G1", "G3", "G2", "D1"]);
        assert!(of("2026-11").is_empty());
        let zero_or_note = |invoice: &Invoice| (invoice.is_zero, invoice.is_note);
        assert_eq!(
            found.iter().map(zero_or_note).collect::<Vec<_>>(),
            [(true, false), (false, true), (false, false), (false, false)]
        );
        assert_eq!(found[3].details[0].kind, "billinglineitems");
    }

    #[test]
    fn what_is_no_list_is_a_fault() {
        for bad in ["", "null", "{}", "<html>"] {
            assert!(customers(bad.as_bytes()).is_err(), "{bad}");
        }
        let listed = customers(
            br#"{"items":[{"id":"a","relationshipToPartner":"advisor"},
            {"id":"b","relationshipToPartner":"reseller"},{"id":"c"}]}"#,
        );
        let other = |customer: &Customer| customer.other_relation.is_some();
        let found = listed.expect("a list").items;
        assert_eq!(
            found.iter().map(other).collect::<Vec<_>>(),
            [true, false, false]
        );
    }
}
