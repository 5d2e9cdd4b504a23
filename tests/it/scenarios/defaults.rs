//! What a cell holds in a column that a table of a month leaves out. A column that is not named
//! here is empty then. A blank cell of a table is a blank cell, and takes no default.

/// Text of a column that is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    /// The same text in every row.
    Always(&'static str),
    /// Text of another column of the row.
    Same(&'static str),
    /// A prefix before the text of another column of the row; empty if that is empty.
    Named(&'static str, &'static str),
    /// Text of another column if it is a whole number, else 1: Microsoft's own column is an INT.
    Whole(&'static str),
}

use Text::{Always, Named, Same, Whole};

/// Columns of a dataset that have a default, each after those that it is made of.
pub(crate) type Defaults = &'static [(&'static str, Text)];

pub(crate) const USAGE: Defaults = &[
    ("PartnerId", Always("pa1")),
    ("CustomerId", Always("c1")),
    ("CustomerName", Named("name of ", "CustomerId")),
    ("CustomerCountry", Always("US")),
    ("InvoiceNumber", Always("G1")),
    ("AvailabilityId", Always("A1")),
    ("SkuName", Named("sku of ", "SkuId")),
    ("ProductName", Named("product of ", "ProductId")),
    ("PublisherName", Always("Microsoft")),
    ("SubscriptionDescription", Always("Azure plan")),
    ("ChargeStartDate", Always("2026-10-01")),
    ("ChargeEndDate", Always("2026-10-31")),
    ("MeterId", Named("id-of-", "MeterName")),
    ("MeterCategory", Always("Compute")),
    ("ChargeType", Always("new")),
    ("UnitType", Always("1 Hour")),
    ("Unit", Always("1 Hour")),
    ("PricingPreTaxTotal", Same("BillingPreTaxTotal")),
    ("PricingCurrency", Always("USD")),
    ("PCToBCExchangeRate", Always("1")),
    ("PCToBCExchangeRateDate", Always("2026-10-01")),
    ("EntitlementId", Always("e1")),
    ("EntitlementDescription", Always("Sub 1")),
    ("ResourceGroup", Always("rg")),
    ("ResourceLocation", Always("westeurope")),
    ("ConsumedService", Always("Microsoft.Compute")),
];

pub(crate) const LINES: Defaults = &[
    ("PartnerId", Always("pa1")),
    ("CustomerName", Named("name of ", "CustomerId")),
    ("AvailabilityId", Always("A1")),
    ("SkuName", Named("sku of ", "SkuId")),
    ("ProductName", Named("product of ", "ProductId")),
    ("PricingCurrency", Always("USD")),
    ("PCToBCExchangeRate", Always("1")),
    ("PCToBCExchangeRateDate", Always("2026-10-01")),
    ("Quantity", Whole("BillableQuantity")),
    ("SubscriptionDescription", Always("Azure plan")),
    ("PublisherName", Always("Microsoft")),
    ("OrderId", Always("o1")),
    ("AlternateId", Always("o1")),
    ("OrderDate", Always("2026-10-31")),
    ("UnitType", Always("1 Hour")),
];

pub(super) const INVOICES: Defaults = &[
    ("DocumentType", Always("invoice")),
    ("InvoiceDate", Always("2026-11-07")),
    ("BillingPeriodStartDate", Always("2026-10-01")),
    ("BillingPeriodEndDate", Always("2026-10-31")),
    ("Status", Always("active")),
];

/// Day on which a month is looked at: all of October is final.
pub(crate) const AS_OF: &str = "2026-12-15";

/// Resource id in full; a month may write `r1` for one of the usual group.
pub(super) fn resource(text: &str, entitlement: &str) -> String {
    if text.is_empty() || text.starts_with('/') {
        return text.to_owned();
    }
    format!(
        "/subscriptions/{entitlement}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{text}"
    )
}
