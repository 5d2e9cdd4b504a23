//! The legacy invoice: lines of Office licences and of classic Azure, and the header over them
//! ([resources §C](crate::model::domain::resources)).

use super::meter::{
    ClassicMeter, FINE_SCALE, LINE_SCALE, METERS, PRICE_SCALE, QUANTITY_SCALE, SECOND_TIER, meter,
};
use super::subscription::Classic;
use crate::model::decimal::{self, Rounding, fixed};
use crate::synth::number::number;
use crate::synth::partner::{Partner, iso};
use crate::synth::partner_center::files::Files;
use crate::synth::partner_center::object::Object;
use crate::synth::random::Random;
use crate::synth::request::SynthError;

/// Number of lines of Office licences: more than a page of 2,000.
const OFFICE_LINES: usize = 2_500;

/// Writes a legacy invoice that touches the period, and its three kinds of lines; its header. With
/// `planted`, the first subscription's lines deviate from its utilization and from the rate card.
pub(in crate::synth::partner_center) fn write_legacy(
    files: &mut Files,
    partner: &Partner,
    classics: &[Classic],
    planted: bool,
) -> Result<String, SynthError> {
    let mut random = Random::of(partner.seed, &[22]);
    let drawn = random.digits(8);
    let id = match partner.free_number {
        Some(digits) => format!("D0{digits}"),
        None => format!("D0{drawn}"),
    };
    let instant = |day| format!("{}T00:00:00Z", iso(day));
    let (start, end) = (
        instant(partner.dates.first),
        instant(partner.dates.next - 1),
    );
    let cents = write_office(files, partner, &id, (&start, &end), &mut random)?
        + write_azure(files, partner, &id, (&start, &end), classics, planted)?;
    let header = header(partner, &id, (&start, &end), cents);
    files.put("legacy_invoices", "", &header)?;
    Ok(header)
}

/// Writes the lines of legacy Office licences; their total in cents.
fn write_office(
    files: &mut Files,
    partner: &Partner,
    id: &str,
    (start, end): (&str, &str),
    random: &mut Random,
) -> Result<i128, SynthError> {
    let mut cents = 0;
    for line in 0..OFFICE_LINES {
        // Eight is the least number of customers that a partner has.
        let customer = partner.customer(line % 8);
        let (quantity, price) = (
            i128::from(1 + random.below(40)),
            i128::from(100 + random.below(4_000)),
        );
        let (amount, tax) = (quantity * price, quantity * price / 10);
        cents += amount + tax;
        let item = Object::new()
            .text("partnerId", &partner.id)
            .text("customerId", &customer.id)
            .text("customerName", &customer.name)
            .raw("mpnId", &partner.mpn_id)
            // The mark of a reseller that was removed: model::domain::resources §C.
            .raw("tier2MpnId", "-1")
            .text("orderId", &format!("9{:017}", line))
            .text("subscriptionId", &random.guid())
            .text(
                "syndicationPartnerSubscriptionNumber",
                &random.guid().to_uppercase(),
            )
            .text("offerId", "91FD106F-4B2C-4938-95AC-F54F74E9A239")
            .text("durableOfferId", "91FD106F-4B2C-4938-95AC-F54F74E9A239")
            .text("offerName", "Office 365 E3, synthetic")
            .text("chargeStartDate", start)
            .text("chargeEndDate", end)
            .text(
                "chargeType",
                if line % 50 == 7 {
                    "Cancel instance prorate"
                } else {
                    "Cycle fee"
                },
            )
            .raw("unitPrice", &fixed(price, 2))
            .raw("quantity", &quantity.to_string())
            .raw("amount", &fixed(amount, 2))
            .raw("totalOtherDiscount", "0.0")
            .raw("subtotal", &fixed(amount, 2))
            .raw("tax", &fixed(tax, 2))
            .raw("totalForCustomer", &fixed(amount + tax, 2))
            .text("currency", "USD")
            .text("invoiceLineItemType", "billing_line_items")
            .text("billingProvider", "office")
            .of_type("LicenseBasedLineItem");
        files.put("office_lines", id, &item)?;
    }
    Ok(cents)
}

/// Header of the legacy invoice, of a total in cents.
fn header(partner: &Partner, id: &str, (start, end): (&str, &str), cents: i128) -> String {
    let detail = |kind: &str, provider: &str| {
        Object::new()
            .text("invoiceLineItemType", kind)
            .text("billingProvider", provider)
            .of_type("InvoiceDetail")
    };
    // One entry for each kind of lines that can be asked for.
    let details = [
        detail("billing_line_items", "office"),
        detail("billing_line_items", "azure"),
        detail("usage_line_items", "azure"),
    ]
    .join(",");
    Object::new()
        .text("id", id)
        .text(
            "invoiceDate",
            &format!("{}T01:22:47.603895Z", iso(partner.dates.next + 1)),
        )
        .text("billingPeriodStartDate", start)
        .text("billingPeriodEndDate", end)
        .raw("totalCharges", &fixed(cents, 2))
        .raw("paidAmount", "0")
        .text("currencyCode", "USD")
        .text("currencySymbol", "$")
        .text(
            "pdfDownloadLink",
            &format!("/invoices/{id}/documents/statement"),
        )
        .raw("invoiceDetails", &format!("[{details}]"))
        .text("documentType", "invoice")
        .text("invoiceType", "Recurring")
        .of_type("Invoice")
}

/// Writes usage and money lines of classic Azure; the money, in cents. Planted, one record has no
/// usage line, another a unit more, and one meter another price than the card's.
fn write_azure(
    files: &mut Files,
    partner: &Partner,
    id: &str,
    cycle: (&str, &str),
    classics: &[Classic],
    planted: bool,
) -> Result<i128, SynthError> {
    let mut cents = 0;
    for (at, classic) in classics.iter().enumerate() {
        let lines = AzureLines {
            partner,
            classic,
            id,
            cycle,
            planted: planted && at == 0,
        };
        let used = lines.write_usage(files)?;
        for (meter, quantity) in used.into_iter().enumerate() {
            cents += lines.write_money(files, meter, quantity)?;
        }
    }
    Ok(cents)
}

/// Lines of one classic subscription on the legacy invoice.
struct AzureLines<'a> {
    partner: &'a Partner,
    classic: &'a Classic,
    /// Id of the invoice.
    id: &'a str,
    /// First and last instant of the charge cycle.
    cycle: (&'a str, &'a str),
    /// True if variances are planted into these lines.
    planted: bool,
}

impl AzureLines<'_> {
    /// Writes the daily usage lines; the quantity of each meter in units of 10^-6.
    fn write_usage(&self, files: &mut Files) -> Result<[i128; METERS], SynthError> {
        let mut used = [0_i128; METERS];
        for (at, record) in self.classic.records.iter().enumerate() {
            // Lines have six decimals.
            let cut = 10_i128.pow(QUANTITY_SCALE - LINE_SCALE);
            let mut quantity = decimal::divide(record.quantity, cut, Rounding::HalfUp);
            if self.planted && at == 5 {
                quantity += 10_i128.pow(LINE_SCALE);
            }
            // Counted even if the line is left out below: the money is charged all the same, and
            // only the line of the usage is missing.
            used[record.meter] += quantity;
            if self.planted && at == 3 {
                continue;
            }
            let item = self
                .line(&meter(self.partner, record.meter), quantity)
                .text("usageDate", &format!("{}T00:00:00Z", iso(record.day)))
                .text("meteredRegion", "EU West")
                .text("meteredService", "STORAGE")
                .text("meteredServiceType", "")
                .text("invoiceLineItemType", "usage_line_items")
                .of_type("DailyUsageLineItem");
            files.put("azure_usage_lines", self.id, &item)?;
        }
        Ok(used)
    }

    /// Writes the money lines of a meter, one for each tier that the quantity reaches; the money in
    /// cents.
    fn write_money(
        &self,
        files: &mut Files,
        at: usize,
        quantity: i128,
    ) -> Result<i128, SynthError> {
        let meter = meter(self.partner, at);
        let limit = SECOND_TIER * 10_i128.pow(LINE_SCALE);
        let first_price = meter.price * 10_i128.pow(FINE_SCALE - PRICE_SCALE);
        let tiers = [
            (quantity.min(limit), first_price),
            ((quantity - limit).max(0), meter.second_price),
        ];
        let mut cents = 0;
        for (tier, (quantity, mut price)) in tiers.into_iter().enumerate() {
            if quantity == 0 {
                continue;
            }
            if self.planted && at == 0 {
                price = price * 103 / 100;
            }
            // Half up to cents, as the legacy commerce rounds: model::domain::semantics §3.
            let amount = decimal::divide(
                quantity * price,
                10_i128.pow(LINE_SCALE + FINE_SCALE - 2),
                Rounding::HalfUp,
            );
            cents += amount;
            let item = self
                .line(&meter, quantity)
                .raw("detailLineItemId", &(tier + 1).to_string())
                .raw("includedQuantity", "0")
                .raw("overageQuantity", &number(quantity, LINE_SCALE))
                .raw("listPrice", &number(price, FINE_SCALE))
                .text("currency", "USD")
                .raw("pretaxCharges", &fixed(amount, 2))
                .raw("taxAmount", "0")
                .raw("postTaxTotal", &fixed(amount, 2))
                .text("chargeType", "Assess usage fee for current cycle")
                .text("invoiceLineItemType", "billing_line_items")
                .of_type("UsageBasedLineItem");
            files.put("azure_lines", self.id, &item)?;
        }
        Ok(cents)
    }

    /// Members that usage and money lines share.
    fn line(&self, meter: &ClassicMeter, quantity: i128) -> Object {
        let (start, end) = self.cycle;
        let customer = &self.classic.customer;
        Object::new()
            .text("partnerId", &self.partner.id)
            .text("partnerName", self.partner.name)
            .text("customerId", &customer.id)
            .text("customerCompanyName", &customer.name)
            .raw("mpnId", &self.partner.mpn_id)
            .text("invoiceNumber", self.id)
            // In upper case, unlike in utilization: joins must fold the ids.
            .text("subscriptionId", &self.classic.id.to_uppercase())
            .text("serviceName", meter.category)
            .text("resourceGuid", &meter.id.to_uppercase())
            .text("resourceName", &meter.name)
            .text("region", "EU West")
            .raw("consumedQuantity", &number(quantity, LINE_SCALE))
            .text("unit", meter.unit)
            .text("chargeStartDate", start)
            .text("chargeEndDate", end)
            .text("billingProvider", "azure")
    }
}
