//! `invoices.json`: the two invoice headers, as Partner Center v1 lists them
//! ([resources §C](crate::model::domain::resources), `Invoice`).

use std::path::Path;

use super::partner::{Partner, iso};
use super::request::SynthError;
use super::write::{OutFile, Written};
use crate::model::decimal::fixed;

/// Invoice headers as JSON objects; `totals` are their totalCharges in cents.
pub(super) fn items(partner: &Partner, totals: [i128; 2]) -> Vec<String> {
    let instant = |day| format!("{}T00:00:00Z", iso(day));
    let (first, next) = (partner.dates.first, partner.dates.next);
    let items = partner.invoices.iter().zip(totals).map(|(invoice, total)| {
        let (id, currency) = (&invoice.number, invoice.currency);
        let symbol = if currency == "EUR" { "€" } else { "$" };
        let detail = |kind: &str, provider: &str, path: &str| {
            format!(
                "{{\"invoiceLineItemType\":\"{kind}\",\"billingProvider\":\"{provider}\",\
                 \"links\":{{\"self\":{{\"uri\":\
                 \"/invoices/OneTime-{id}/lineitems/{path}\",\"method\":\"GET\",\"headers\":[]}}}},\
                 \"attributes\":{{\"objectType\":\"InvoiceDetail\"}}}}"
            )
        };
        format!(
            "{{\"id\":\"{id}\",\"invoiceDate\":\"{}\",\"billingPeriodStartDate\":\"{}\",\
             \"billingPeriodEndDate\":\"{}\",\
             \"totalCharges\":{},\"paidAmount\":0.00,\"currencyCode\":\"{currency}\",\
             \"currencySymbol\":\"{symbol}\",\
             \"pdfDownloadLink\":\"/invoices/{id}/documents/statement\",\"invoiceDetails\":[{},{}],\
             \"documentType\":\"invoice\",\"invoiceType\":\"OneTime\",\
             \"links\":{{\"self\":{{\"uri\":\"/invoices/OneTime-{id}\",\
             \"method\":\"GET\",\"headers\":[]}}}},\"attributes\":{{\"objectType\":\"Invoice\"}}}}",
            // The eighth, the last day on which invoices appear: model::domain::semantics §9.
            instant(next + 7),
            instant(first),
            instant(next - 1),
            fixed(total, 2),
            detail("billing_line_items", "one_time", "OneTime/BillingLineItems"),
            detail("usage_line_items", "marketplace", "OneTime/UsageLineItems"),
        )
    });
    items.collect()
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
