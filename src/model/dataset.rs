//! Every input dataset's columns in one table: names, aliases, types. The decoders bind by it, the
//! engine picks its keys from it, `tieout schema` prints it.
//!
//! A position in one of these tables is a position in every decoded row, taken with [`position`] in
//! a constant, so that a misspelt column is a compile error. Names and spellings:
//! [resources](crate::model::domain::resources) §C, §D1 and §D3; deviations that are bound by name
//! all the same: [quirks](crate::model::domain::quirks).

use super::ids::Fold;

/// Dataset of input files; all rows of one dataset are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dataset {
    /// Daily rated usage: a meter of a resource on a day.
    Usage,
    /// Reconciliation lines of the new commerce.
    InvoiceLines,
    /// Invoice headers, as Partner Center v1 lists them.
    Invoices,
    /// Daily rated usage before it was billed; the columns are those of [`Self::Usage`].
    UnbilledUsage,
}

/// Type of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared under this folding.
    Text(Fold),
    /// Decimal number, kept and summed at this many decimals.
    Decimal(u32),
    /// Date or instant, of which the UTC day counts.
    Date,
}

/// Degree to which the engine depends on a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A file without the column cannot be used, nor a row in which the cell is empty.
    Value,
    /// A file without the column cannot be used; a row may leave the cell empty.
    Column,
    /// Read where the file has it.
    Optional,
    /// Known by name, so that it counts as one of the dataset's, but never read.
    Unread,
}

/// Column of an input dataset.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Microsoft's name, as the newest CSV spells it.
    pub name: &'static str,
    /// Other names of the column, in [`normalise`]d form.
    pub aliases: &'static [&'static str],
    /// Type of the column's cells.
    pub kind: Kind,
    /// Degree to which the engine depends on the column.
    pub need: Need,
}

const fn column(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    need: Need,
) -> Column {
    Column {
        name,
        aliases,
        kind,
        need,
    }
}

const ID: Kind = Kind::Text(Fold::Identifier);
const SKU: Kind = Kind::Text(Fold::Sku);
const TEXT: Kind = Kind::Text(Fold::Text);
const CODE: Kind = Kind::Text(Fold::Code);
const URI: Kind = Kind::Text(Fold::ArmId);
const AMOUNT: Kind = Kind::Decimal(super::decimal::AMOUNT_SCALE);
const QUANTITY: Kind = Kind::Decimal(super::decimal::QUANTITY_SCALE);
const PRICE: Kind = Kind::Decimal(super::decimal::PRICE_SCALE);
const RATE: Kind = Kind::Decimal(super::decimal::RATE_SCALE);
use Need::{Column as Present, Optional, Unread, Value};

/// Columns of daily rated usage, in the order of the downloaded CSV
/// ([resources §D3](crate::model::domain::resources)).
// Aliases are v1's names (`unitOfMeasure`, `resellerMpnId`, and `rateOf…`, which are fractions
// there) and those of Cost Management's files (`customerTenantId`, `invoiceId`, `resourceId`):
// model::domain::resources §D1 and §E4.
pub const USAGE: &[Column] = &[
    column("PartnerId", &[], ID, Unread),
    column("PartnerName", &[], TEXT, Unread),
    // Blank in old samples: the column must be there, its cells need not be filled.
    column("CustomerId", &["customertenantid"], ID, Present),
    // One name may cover several customers: model::domain::quirks, daily rated usage 7.
    column("CustomerName", &["customercompanyname"], TEXT, Optional),
    column("CustomerDomainName", &[], TEXT, Unread),
    column("CustomerCountry", &[], TEXT, Unread),
    column("MpnId", &[], ID, Unread),
    column("Tier2MpnId", &["resellermpnid"], ID, Unread),
    // Empty before the usage is billed.
    column("InvoiceNumber", &["invoiceid"], ID, Optional),
    column("ProductId", &[], ID, Present),
    column("SkuId", &[], SKU, Present),
    column("AvailabilityId", &[], ID, Optional),
    column("SkuName", &[], TEXT, Optional),
    column("ProductName", &[], TEXT, Optional),
    column("PublisherName", &["providername"], TEXT, Unread),
    column("PublisherId", &["providerid"], ID, Unread),
    column("SubscriptionDescription", &[], TEXT, Unread),
    // The Azure plan, not the Azure subscription: that is EntitlementId.
    column("SubscriptionId", &[], ID, Present),
    column("ChargeStartDate", &[], Kind::Date, Optional),
    // Inclusive in CSV and exclusive in JSON: nothing may depend on the last day.
    column("ChargeEndDate", &[], Kind::Date, Unread),
    column("UsageDate", &[], Kind::Date, Present),
    column("MeterType", &[], TEXT, Optional),
    column("MeterCategory", &[], TEXT, Optional),
    // Optional, as the `basic` attribute set lacks it, and AvailabilityId too.
    column("MeterId", &[], ID, Optional),
    column("MeterSubCategory", &[], TEXT, Unread),
    column("MeterName", &[], TEXT, Optional),
    column("MeterRegion", &[], TEXT, Unread),
    column("Unit", &["unitofmeasure"], TEXT, Optional),
    column("ResourceLocation", &[], TEXT, Unread),
    column("ConsumedService", &[], TEXT, Unread),
    column("ResourceGroup", &["resourcegroupname"], TEXT, Optional),
    column("ResourceURI", &["resourceid", "instanceid"], URI, Optional),
    column("ChargeType", &[], TEXT, Optional),
    column("UnitPrice", &[], PRICE, Optional),
    column("Quantity", &[], QUANTITY, Value),
    column("UnitType", &[], TEXT, Unread),
    column("BillingPreTaxTotal", &[], AMOUNT, Value),
    column("BillingCurrency", &[], CODE, Present),
    column("PricingPreTaxTotal", &[], AMOUNT, Optional),
    column("PricingCurrency", &[], CODE, Optional),
    column("ServiceInfo1", &[], TEXT, Unread),
    column("ServiceInfo2", &[], TEXT, Unread),
    column("Tags", &[], TEXT, Unread),
    column("AdditionalInfo", &[], TEXT, Unread),
    // 0 where a grant makes usage free, though UnitPrice is not:
    // model::domain::quirks, daily rated usage 10.
    column("EffectiveUnitPrice", &[], PRICE, Optional),
    column("PCToBCExchangeRate", &[], RATE, Optional),
    column("PCToBCExchangeRateDate", &[], Kind::Date, Unread),
    column("EntitlementId", &[], ID, Optional),
    column("EntitlementDescription", &[], TEXT, Unread),
    column(
        "PartnerEarnedCreditPercentage",
        &["rateofpartnerearnedcredit"],
        RATE,
        Optional,
    ),
    column("CreditPercentage", &["rateofcredit"], RATE, Optional),
    column("CreditType", &[], TEXT, Optional),
    column("BenefitOrderId", &[], ID, Unread),
    column("BenefitId", &[], ID, Unread),
    column("BenefitType", &[], TEXT, Optional),
];

/// Columns of new-commerce reconciliation lines, in the order of the downloaded CSV
/// ([resources §D3](crate::model::domain::resources)).
// Aliases are v1's names (`totalForCustomer`, `quoteId`), older ones (`providerName`), and
// spellings of the CSV that vary (`Tier2MpnId`): model::domain::resources §C and §D3.
pub const INVOICE_LINES: &[Column] = &[
    column("PartnerId", &[], ID, Unread),
    column("CustomerId", &["customertenantid"], ID, Present),
    column("CustomerName", &["customercompanyname"], TEXT, Optional),
    column("CustomerDomainName", &[], TEXT, Unread),
    column("CustomerCountry", &[], TEXT, Unread),
    column("InvoiceNumber", &["invoiceid"], ID, Optional),
    column("MpnId", &[], ID, Unread),
    column("ResellerMpnId", &["tier2mpnid"], ID, Unread),
    column("OrderId", &[], ID, Unread),
    column("OrderDate", &[], Kind::Date, Unread),
    column("ProductId", &[], ID, Present),
    column("SkuId", &[], SKU, Present),
    column("AvailabilityId", &[], ID, Optional),
    column("SkuName", &[], TEXT, Optional),
    column("ProductName", &[], TEXT, Optional),
    column("ChargeType", &[], TEXT, Optional),
    column("UnitPrice", &[], PRICE, Optional),
    // Size of the subscription after the change; what is charged is BillableQuantity.
    column("Quantity", &[], QUANTITY, Optional),
    column("Subtotal", &[], AMOUNT, Value),
    // Zero on unbilled lines, as is the total, whatever the invoice will say:
    // model::domain::semantics §8.
    column("TaxTotal", &["tax"], AMOUNT, Optional),
    column("Total", &["totalforcustomer"], AMOUNT, Optional),
    column(
        "Currency",
        &["billingcurrency", "currencycode"],
        CODE,
        Present,
    ),
    // Missing in some copies: model::domain::quirks, recon files.
    column("PriceAdjustmentDescription", &[], TEXT, Optional),
    column("PublisherName", &["providername"], TEXT, Unread),
    column("PublisherId", &["providerid"], ID, Unread),
    column("SubscriptionDescription", &[], TEXT, Optional),
    column("SubscriptionId", &[], ID, Present),
    column("ChargeStartDate", &[], Kind::Date, Optional),
    column("ChargeEndDate", &[], Kind::Date, Optional),
    // Free text, of which only documented words are looked for: model::domain::semantics §9.
    column("TermAndBillingCycle", &[], TEXT, Optional),
    column("EffectiveUnitPrice", &[], PRICE, Optional),
    column("UnitType", &[], TEXT, Optional),
    column("AlternateId", &["quoteid"], ID, Unread),
    column("BillableQuantity", &[], QUANTITY, Optional),
    column("BillingFrequency", &[], TEXT, Optional),
    column("PricingCurrency", &[], CODE, Optional),
    column("PCToBCExchangeRate", &[], RATE, Optional),
    column("PCToBCExchangeRateDate", &[], Kind::Date, Unread),
    column("MeterDescription", &[], TEXT, Optional),
    column("ReservationOrderId", &[], ID, Optional),
    column("CreditReasonCode", &[], TEXT, Optional),
    column("SubscriptionStartDate", &[], Kind::Date, Unread),
    column("SubscriptionEndDate", &[], Kind::Date, Unread),
    // A scalar or, in newer files, a JSON object: model::domain::quirks, recon files.
    column("ReferenceId", &[], ID, Unread),
    column("ProductQualifiers", &[], TEXT, Unread),
    column("PromotionId", &[], ID, Optional),
    // The 47th column, appended in newer files.
    column("ProductCategory", &[], TEXT, Unread),
];

/// Columns of invoice headers ([resources §C](crate::model::domain::resources), `Invoice`).
pub const INVOICES: &[Column] = &[
    column("Id", &["invoiceid", "invoicenumber"], ID, Value),
    column("InvoiceDate", &[], Kind::Date, Optional),
    column(
        "BillingPeriodStartDate",
        &["billingperiodstart"],
        Kind::Date,
        Optional,
    ),
    column(
        "BillingPeriodEndDate",
        &["billingperiodend"],
        Kind::Date,
        Optional,
    ),
    column("TotalCharges", &[], AMOUNT, Value),
    column("PaidAmount", &[], AMOUNT, Unread),
    column("CurrencyCode", &["currency"], CODE, Value),
    column("CurrencySymbol", &[], TEXT, Unread),
    column("PdfDownloadLink", &[], TEXT, Unread),
    column("TaxReceipts", &[], TEXT, Unread),
    column("InvoiceDetails", &[], TEXT, Unread),
    column("Amendments", &[], TEXT, Unread),
    column("DocumentType", &[], TEXT, Optional),
    column("AmendsOf", &[], TEXT, Optional),
    column("InvoiceType", &[], TEXT, Unread),
    // `state` is the newer name.
    column("Status", &["state"], TEXT, Unread),
];

impl Dataset {
    /// All datasets, in the order in which they are reported.
    pub const ALL: [Self; 4] = [
        Self::Usage,
        Self::InvoiceLines,
        Self::Invoices,
        Self::UnbilledUsage,
    ];

    /// Name in pipelines, flags and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::InvoiceLines => "invoice_lines",
            Self::Invoices => "invoices",
            Self::UnbilledUsage => "unbilled_usage",
        }
    }

    /// Columns of the dataset; a row's cells are parallel to them.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Usage | Self::UnbilledUsage => USAGE,
            Self::InvoiceLines => INVOICE_LINES,
            Self::Invoices => INVOICES,
        }
    }

    /// Position of the column that a header cell or JSON key names, in any case and spelling.
    /// `None` for a column that is not known.
    #[must_use]
    pub fn position_of(self, heading: &str) -> Option<usize> {
        let wanted = normalise(heading);
        let is_meant = |column: &Column| {
            is_spelt(column.name, &wanted) || column.aliases.contains(&wanted.as_str())
        };
        self.columns().iter().position(is_meant)
    }
}

/// Position of `name` in `columns`; a compile error where it is misspelt.
#[must_use]
#[expect(
    clippy::panic,
    reason = "evaluated in constants only, where a panic is a compile error"
)]
pub const fn position(columns: &[Column], name: &str) -> usize {
    let mut at = 0;
    while at < columns.len() {
        if is_same_name(columns[at].name, name) {
            return at;
        }
        at += 1;
    }
    panic!("no such column")
}

/// Equality of names in a constant, where `==` is not to be had.
#[must_use]
pub const fn is_same_name(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// True if a normalised heading is a column's name, which has nothing but letters and digits.
fn is_spelt(name: &str, normalised: &str) -> bool {
    name.eq_ignore_ascii_case(normalised)
}

/// A heading without case, blanks, BOMs and punctuation; of a localised `Name (Original)` the
/// original.
#[must_use]
pub fn normalise(heading: &str) -> String {
    // A localised download: `Ressourcengruppe (ResourceGroup)`.
    // From the right, for the translated name may hold parentheses of its own.
    let original = heading
        .rsplit_once('(')
        .and_then(|(_, rest)| rest.trim_end().strip_suffix(')'));
    original
        .unwrap_or(heading)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_bind_in_any_spelling() {
        let at = position(USAGE, "ResourceGroup");
        for heading in [
            "resourcegroup",
            "\u{feff}ResourceGroup",
            "Ressourcengruppe (ResourceGroup)",
            "RESOURCE_GROUP",
            "\"ResourceGroup\"",
        ] {
            assert_eq!(Dataset::Usage.position_of(heading), Some(at), "{heading}");
        }
        assert_eq!(
            Dataset::Usage.position_of("unitOfMeasure"),
            Some(position(USAGE, "Unit"))
        );
        assert_eq!(
            Dataset::InvoiceLines.position_of("totalForCustomer"),
            Some(position(INVOICE_LINES, "Total"))
        );
        assert_eq!(Dataset::Usage.position_of("ss"), None);
    }

    #[test]
    fn the_tables_have_the_published_widths_and_no_name_twice() {
        assert_eq!((USAGE.len(), INVOICE_LINES.len()), (55, 47));
        for dataset in Dataset::ALL {
            let mut names: Vec<String> = Vec::new();
            for column in dataset.columns() {
                names.push(normalise(column.name));
                names.extend(column.aliases.iter().map(|alias| (*alias).to_owned()));
            }
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{}", dataset.name());
        }
    }
}
