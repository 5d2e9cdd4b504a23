//! The kept tables: the input columns that they are filled from, which of them go together, and of which
//! each row has its own number.

use crate::engine::rules::keys::Tuple;
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, USAGE, position};
use crate::model::tables::{Table, analyst};

const fn places<const N: usize>(columns: &[Column], names: [&str; N]) -> [usize; N] {
    let mut places = [0; N];
    let mut at = 0;
    while at < N {
        places[at] = position(columns, names[at]);
        at += 1;
    }
    places
}

/// Input columns of [`analyst::USAGE_DAILY`], in its order.
const USAGE_SOURCES: [usize; analyst::USAGE_DAILY.columns.len()] = places(
    USAGE,
    [
        "InvoiceNumber",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "SubscriptionId",
        "SubscriptionDescription",
        "EntitlementId",
        "EntitlementDescription",
        "ProductId",
        "ProductName",
        "SkuId",
        "SkuName",
        "AvailabilityId",
        "PublisherName",
        "PublisherId",
        "MpnId",
        "Tier2MpnId",
        "PartnerId",
        "PartnerName",
        "MeterId",
        "MeterName",
        "MeterType",
        "MeterCategory",
        "MeterSubCategory",
        "MeterRegion",
        "ResourceURI",
        "ResourceGroup",
        "ResourceLocation",
        "ConsumedService",
        "Tags",
        "UsageDate",
        "ChargeType",
        "Quantity",
        "Unit",
        "UnitPrice",
        "EffectiveUnitPrice",
        "BillingPreTaxTotal",
        "BillingCurrency",
        "PricingPreTaxTotal",
        "PricingCurrency",
        "PCToBCExchangeRate",
        "PartnerEarnedCreditPercentage",
        "CreditPercentage",
        "CreditType",
        "BenefitType",
        "BenefitId",
        "BenefitOrderId",
    ],
);

/// Input columns of usage of which each row has its own number.
const USAGE_NUMBERS: [&str; 3] = ["Quantity", "BillingPreTaxTotal", "PricingPreTaxTotal"];

/// Input columns of usage that are no part of a key, each with what its value goes with.
const USAGE_COMPANIONS: [Companions; 5] = [
    Companions::of(
        Tuple::Account,
        &[
            "CustomerDomainName",
            "CustomerCountry",
            "SubscriptionDescription",
            "MpnId",
            "Tier2MpnId",
            "PartnerId",
            "PartnerName",
        ],
    ),
    Companions::of(
        Tuple::Product,
        &[
            "PublisherName",
            "PublisherId",
            "MeterSubCategory",
            "MeterRegion",
            "ConsumedService",
        ],
    ),
    Companions::of(
        Tuple::Resource,
        &["EntitlementDescription", "ResourceLocation", "Tags"],
    ),
    Companions::of(Tuple::State, &["BenefitId", "BenefitOrderId"]),
    // By themselves: a product has several, and no number may rest on a hash (`bundles`).
    Companions {
        is_apart: true,
        ..Companions::of(Tuple::Product, &["UnitPrice", "EffectiveUnitPrice"])
    },
];

/// Columns that go with the columns of a tuple.
pub(super) struct Companions {
    pub(super) tuple: Tuple,
    pub(super) names: &'static [&'static str],
    /// True if they are a bundle of their own, without the columns of the tuple.
    pub(super) is_apart: bool,
}

impl Companions {
    const fn of(tuple: Tuple, names: &'static [&'static str]) -> Self {
        Self {
            tuple,
            names,
            is_apart: false,
        }
    }
}

/// Input columns of [`analyst::INVOICE_LINES`], in its order.
const LINE_SOURCES: [usize; analyst::INVOICE_LINES.columns.len()] = places(
    INVOICE_LINES,
    [
        "InvoiceNumber",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "SubscriptionId",
        "SubscriptionDescription",
        "SubscriptionStartDate",
        "SubscriptionEndDate",
        "OrderId",
        "OrderDate",
        "ProductId",
        "ProductName",
        "ProductCategory",
        "SkuId",
        "SkuName",
        "AvailabilityId",
        "PublisherName",
        "PublisherId",
        "MpnId",
        "ResellerMpnId",
        "PartnerId",
        "MeterDescription",
        "ChargeType",
        "ChargeStartDate",
        "ChargeEndDate",
        "TermAndBillingCycle",
        "BillingFrequency",
        "UnitType",
        "Quantity",
        "BillableQuantity",
        "UnitPrice",
        "EffectiveUnitPrice",
        "Subtotal",
        "TaxTotal",
        "Total",
        "Currency",
        "PricingCurrency",
        "PCToBCExchangeRate",
        "PCToBCExchangeRateDate",
        "PriceAdjustmentDescription",
        "PromotionId",
        "CreditReasonCode",
        "ReservationOrderId",
        "AlternateId",
        "ReferenceId",
        "ProductQualifiers",
    ],
);

/// Input columns of lines of which each row has its own number.
const LINE_NUMBERS: [&str; 7] = [
    "Quantity",
    "BillableQuantity",
    "UnitPrice",
    "EffectiveUnitPrice",
    "Subtotal",
    "TaxTotal",
    "Total",
];

/// Input columns of lines that are no part of a key, each with what its value goes with.
const LINE_COMPANIONS: [Companions; 3] = [
    Companions::of(
        Tuple::Account,
        &[
            "CustomerDomainName",
            "CustomerCountry",
            "MpnId",
            "ResellerMpnId",
            "PartnerId",
            "PCToBCExchangeRateDate",
        ],
    ),
    Companions::of(
        Tuple::Product,
        &[
            "ProductCategory",
            "PublisherName",
            "PublisherId",
            "UnitType",
            "ProductQualifiers",
        ],
    ),
    Companions::of(
        Tuple::State,
        &[
            "SubscriptionStartDate",
            "SubscriptionEndDate",
            "OrderId",
            "OrderDate",
            "BillingFrequency",
            "CreditReasonCode",
            "AlternateId",
            "ReferenceId",
        ],
    ),
];

/// A kept table, and the input columns that it is filled from.
pub(super) struct RowSources {
    pub(super) table: &'static Table,
    pub(super) columns: &'static [Column],
    /// Input column of each column of the table.
    pub(super) sources: &'static [usize],
    pub(super) numbers: &'static [&'static str],
    pub(super) companions: &'static [Companions],
    pub(super) account: [usize; 2],
}

impl RowSources {
    /// Sources of the rows of a dataset; `None` for one whose rows are not kept.
    pub(super) const fn of(dataset: Dataset) -> Option<Self> {
        Some(match dataset {
            Dataset::Usage => Self {
                table: &analyst::USAGE_DAILY,
                columns: USAGE,
                sources: &USAGE_SOURCES,
                numbers: &USAGE_NUMBERS,
                companions: &USAGE_COMPANIONS,
                account: const { places(USAGE, ["InvoiceNumber", "BillingCurrency"]) },
            },
            Dataset::InvoiceLines => Self {
                table: &analyst::INVOICE_LINES,
                columns: INVOICE_LINES,
                sources: &LINE_SOURCES,
                numbers: &LINE_NUMBERS,
                companions: &LINE_COMPANIONS,
                account: const { places(INVOICE_LINES, ["InvoiceNumber", "Currency"]) },
            },
            Dataset::Invoices | Dataset::UnbilledUsage => return None,
        })
    }
}
