//! `invoices.json`: the invoice headers, as Partner Center v1 lists them
//! ([resources §C](crate::model::domain::resources), `Invoice`).

use std::path::Path;

use super::partner::{Partner, iso};
use super::request::SynthError;
use super::write::{OutFile, Written};
use crate::model::decimal::fixed;

/// Header of an invoice that is to be listed.
pub(super) struct Listed<'i> {
    pub(super) id: &'i str,
    pub(super) currency: &'i str,
    /// Total of the charges (totalCharges), in cents.
    pub(super) total: i128,
    /// Note that amends the invoice; `None` for none.
    pub(super) note: Option<Note<'i>>,
}

/// Note inside of an invoice, which is an invoice of its own number.
pub(super) struct Note<'i> {
    pub(super) id: &'i str,
    /// Kind of the note (documentType).
    pub(super) kind: &'static str,
    /// Total of the charges (totalCharges), in cents; negative where the note gives back.
    pub(super) total: i128,
}

/// Invoice headers as JSON objects.
pub(super) fn items(partner: &Partner, listed: &[Listed<'_>]) -> Vec<String> {
    listed.iter().map(|header| item(partner, header)).collect()
}

fn item(partner: &Partner, header: &Listed<'_>) -> String {
    let Listed { id, currency, .. } = header;
    let detail = |kind: &str, provider: &str, path: &str| {
        format!(
            "{{\"invoiceLineItemType\":\"{kind}\",\"billingProvider\":\"{provider}\",\
             \"links\":{{\"self\":{{\"uri\":\
             \"/invoices/OneTime-{id}/lineitems/{path}\",\"method\":\"GET\",\"headers\":[]}}}},\
             \"attributes\":{{\"objectType\":\"InvoiceDetail\"}}}}"
        )
    };
    format!(
        "{{{},\"invoiceDetails\":[{},{}],{}\"documentType\":\"invoice\",\"invoiceType\":\"OneTime\",\
         \"links\":{{\"self\":{{\"uri\":\"/invoices/OneTime-{id}\",\
         \"method\":\"GET\",\"headers\":[]}}}},\"attributes\":{{\"objectType\":\"Invoice\"}}}}",
        head(partner, id, currency, header.total),
        detail("billing_line_items", "one_time", "OneTime/BillingLineItems"),
        detail("usage_line_items", "marketplace", "OneTime/UsageLineItems"),
        header
            .note
            .as_ref()
            .map_or_else(String::new, |note| amendments(partner, header, note)),
    )
}

/// Member `amendments` of an invoice, with a comma behind it.
fn amendments(partner: &Partner, header: &Listed<'_>, note: &Note<'_>) -> String {
    format!(
        "\"amendments\":[{{{},\"amendsOf\":\"{}\",\"documentType\":\"{}\",\
         \"invoiceType\":\"OneTime\",\"attributes\":{{\"objectType\":\"Invoice\"}}}}],",
        head(partner, note.id, header.currency, note.total),
        header.id,
        note.kind,
    )
}

/// Members that every document has, an invoice and a note; `total` in cents.
fn head(partner: &Partner, id: &str, currency: &str, total: i128) -> String {
    let instant = |day| format!("{}T00:00:00Z", iso(day));
    let (first, next) = (partner.dates.first, partner.dates.next);
    let symbol = if currency == "EUR" { "€" } else { "$" };
    format!(
        "\"id\":\"{id}\",\"invoiceDate\":\"{}\",\"billingPeriodStartDate\":\"{}\",\
         \"billingPeriodEndDate\":\"{}\",\
         \"totalCharges\":{},\"paidAmount\":0.00,\"currencyCode\":\"{currency}\",\
         \"currencySymbol\":\"{symbol}\",\
         \"pdfDownloadLink\":\"/invoices/{id}/documents/statement\"",
        // The eighth, the last day on which invoices appear: model::domain::semantics §9.
        instant(next + 7),
        instant(first),
        instant(next - 1),
        fixed(total, 2),
    )
}

/// Writes the collection `invoices/<name>` of these items.
pub(super) fn write(out: &Path, name: &str, items: &[String]) -> Result<Written, SynthError> {
    let (count, items) = (items.len(), items.join(","));
    let text = format!(
        "{{\"totalCount\":{count},\"items\":[{items}],\
         \"links\":{{\"self\":{{\"uri\":\"/invoices\",\"method\":\"GET\",\"headers\":[]}}}},\
         \"attributes\":{{\"objectType\":\"Collection\"}}}}\n"
    );
    let mut file = OutFile::create(out.join("invoices").join(name))?;
    file.put(text.as_bytes())?;
    Ok(Written {
        files: 1,
        bytes: file.close()?,
    })
}
