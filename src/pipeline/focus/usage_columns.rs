//! Columns of usage in FOCUS 1.2, Cost and Usage: all 57 of FOCUS, and our own behind them.

use super::columns::{FocusColumn, flag, instant, number, text};
use super::source_rows::{midnight, midnight_after};
use super::usage_rows::{UsageRow, usage};

/// Columns of any rows, for whoever wants their names and types.
pub(super) const USAGE_COLUMNS: &[FocusColumn<UsageRow<'static>>] = &UsageRow::COLUMNS;

impl UsageRow<'_> {
    /// Columns, those of FOCUS first, each part in the order of the alphabet.
    pub(super) const COLUMNS: [FocusColumn<Self>; 78] = [
        text("AvailabilityZone", "null: usage does not tell it", |_| None),
        number("BilledCost", "amount, as it is billed", |row| {
            Some(row.amount)
        }),
        text("BillingAccountId", "partner_id", |row| {
            row.source.text(const { usage("partner_id") })
        }),
        text(
            "BillingAccountName",
            "partner_name, or the name that the export was given",
            |row| {
                row.source
                    .text(const { usage("partner_name") })
                    .or(row.facts.partner_name.as_deref())
            },
        ),
        text("BillingAccountType", "Partner Account", |_| {
            Some("Partner Account")
        }),
        text("BillingCurrency", "currency", |row| {
            row.source.text(const { usage("currency") })
        }),
        instant(
            "BillingPeriodEnd",
            "first instant after the run's period",
            |row| Some(row.facts.period_instants()[1]),
        ),
        instant(
            "BillingPeriodStart",
            "first instant of the run's period",
            |row| Some(row.facts.period_instants()[0]),
        ),
        text(
            "CapacityReservationId",
            "null: usage does not tell it",
            |_| None,
        ),
        text(
            "CapacityReservationStatus",
            "null, as there is no reservation of capacity",
            |_| None,
        ),
        text(
            "ChargeCategory",
            "Credit for what was granted after the fact, else Usage",
            |row| Some(if row.is_credit { "Credit" } else { "Usage" }),
        ),
        text(
            "ChargeClass",
            "Correction for money back for an earlier period",
            |row| row.is_correction.then_some("Correction"),
        ),
        text(
            "ChargeDescription",
            "product, SKU and meter by name",
            |row| row.description.as_deref(),
        ),
        text("ChargeFrequency", "Usage-Based", |_| Some("Usage-Based")),
        instant("ChargePeriodEnd", "first instant after usage_date", |row| {
            row.source
                .day(const { usage("usage_date") })
                .map(midnight_after)
        }),
        instant("ChargePeriodStart", "first instant of usage_date", |row| {
            row.source.day(const { usage("usage_date") }).map(midnight)
        }),
        text(
            "CommitmentDiscountCategory",
            "Usage for a reservation, Spend for a savings plan",
            |row| {
                row.commitment
                    .map(|it| if it.is_savings_plan { "Spend" } else { "Usage" })
            },
        ),
        text(
            "CommitmentDiscountId",
            "benefit_id, or benefit_order_id",
            |row| row.commitment.map(|it| it.id),
        ),
        text(
            "CommitmentDiscountName",
            "null: usage does not tell it",
            |_| None,
        ),
        number(
            "CommitmentDiscountQuantity",
            "ConsumedQuantity of a reservation; null for a savings plan",
            |row| row.covered_quantity(),
        ),
        text(
            "CommitmentDiscountStatus",
            "Used for what a commitment covers",
            |row| row.commitment.map(|_| "Used"),
        ),
        text(
            "CommitmentDiscountType",
            "Reservation or Savings Plan",
            |row| {
                row.commitment.map(|it| {
                    if it.is_savings_plan {
                        "Savings Plan"
                    } else {
                        "Reservation"
                    }
                })
            },
        ),
        text(
            "CommitmentDiscountUnit",
            "ConsumedUnit of a reservation",
            |row| row.covered_quantity().map(|_| row.unit.consumed.as_str()),
        ),
        number(
            "ConsumedQuantity",
            "PricingQuantity times the size of the block",
            |row| row.pricing.consumed,
        ),
        text("ConsumedUnit", "unit without its block", |row| {
            row.pricing.consumed.map(|_| row.unit.consumed.as_str())
        }),
        number(
            "ContractedCost",
            "as ListCost: the earned credit is no negotiated price",
            |row| Some(row.list_cost()),
        ),
        number("ContractedUnitPrice", "as ListUnitPrice", |row| {
            row.pricing.billed_price
        }),
        number(
            "EffectiveCost",
            "as BilledCost; 0 where a commitment covers the usage",
            |row| Some(row.amount),
        ),
        text(
            "InvoiceId",
            "invoice_number; null before it is billed",
            |row| row.invoice.as_deref(),
        ),
        text(
            "InvoiceIssuerName",
            "Microsoft, or the issuer that the export was given",
            |row| Some(&row.facts.issuer),
        ),
        number(
            "ListCost",
            "ListUnitPrice times PricingQuantity; BilledCost without these",
            |row| Some(row.list_cost()),
        ),
        number("ListUnitPrice", "unit_price times exchange_rate", |row| {
            row.pricing.billed_price
        }),
        text(
            "PricingCategory",
            "Committed, Dynamic (spot) or Standard",
            |row| row.pricing_category(),
        ),
        text("PricingCurrency", "pricing_currency", |row| {
            row.source.text(const { usage("pricing_currency") })
        }),
        number(
            "PricingCurrencyContractedUnitPrice",
            "unit_price without its sign",
            |row| row.pricing.price,
        ),
        number("PricingCurrencyEffectiveCost", "pricing_amount", |row| {
            row.sent.pricing_amount
        }),
        number(
            "PricingCurrencyListUnitPrice",
            "unit_price without its sign",
            |row| row.pricing.price,
        ),
        number(
            "PricingQuantity",
            "quantity in blocks; negative where unit_price is",
            |row| row.pricing.quantity,
        ),
        text("PricingUnit", "unit with its block", |row| {
            row.pricing.quantity.map(|_| row.unit.pricing.as_str())
        }),
        text("ProviderName", "as InvoiceIssuerName", |row| {
            Some(&row.facts.issuer)
        }),
        text(
            "PublisherName",
            "publisher_name, or publisher_id, or Microsoft",
            |row| Some(row.publisher()),
        ),
        text("RegionId", "resource_location, by its id", |row| {
            row.region.as_ref().map(|region| &*region.id)
        }),
        text("RegionName", "resource_location, by its name", |row| {
            row.region.as_ref().map(|region| region.name)
        }),
        text("ResourceId", "resource_uri, in lower case", |row| {
            row.resource.as_ref().map(|found| found.id)
        }),
        text("ResourceName", "last segment of ResourceId", |row| {
            row.resource.as_ref().map(|found| found.name)
        }),
        text(
            "ResourceType",
            "provider and type of ResourceId, or consumed_service",
            |row| row.resource.as_ref()?.resource_type.as_deref(),
        ),
        text("ServiceCategory", "of ServiceName", |row| {
            Some(row.service.1.category)
        }),
        text(
            "ServiceName",
            "meter_category, or product_name, or sku_name",
            |row| Some(row.service.0),
        ),
        text("ServiceSubcategory", "of ServiceName", |row| {
            Some(row.service.1.subcategory)
        }),
        text("SkuId", "product_id and sku_id", |row| row.sku.as_deref()),
        text("SkuMeter", "meter_name, or sku_name", |row| row.sku_meter()),
        text(
            "SkuPriceDetails",
            "null: the folder has no AdditionalInfo",
            |_| None,
        ),
        text("SkuPriceId", "product_id, sku_id and meter_id", |row| {
            row.sku_price.as_deref()
        }),
        text(
            "SubAccountId",
            "entitlement_id, or the subscription in resource_uri",
            |row| row.sub_account,
        ),
        text(
            "SubAccountName",
            "entitlement_description, or SubAccountId",
            |row| row.sub_account_name(),
        ),
        text("SubAccountType", "Azure Subscription", |row| {
            row.sub_account.map(|_| "Azure Subscription")
        }),
        text("Tags", "tags, as one flat JSON object", |row| {
            row.tags.object()
        }),
        text("x_AvailabilityId", "availability_id", |row| {
            row.availability.as_deref()
        }),
        number(
            "x_BilledUnitPriceInPricingCurrency",
            "effective_unit_price",
            |row| row.sent.effective_price,
        ),
        number("x_BillingExchangeRate", "exchange_rate", |row| {
            row.sent.exchange_rate
        }),
        text("x_ChargeType", "charge_type", |row| {
            row.source.text(const { usage("charge_type") })
        }),
        number("x_CreditPercentage", "credit_percent", |row| {
            row.sent.credit_percent
        }),
        text("x_CreditType", "credit_type", |row| {
            row.source.text(const { usage("credit_type") })
        }),
        text("x_CustomerId", "customer_id", |row| {
            row.source.text(const { usage("customer_id") })
        }),
        text("x_CustomerName", "customer_name", |row| {
            row.source.text(const { usage("customer_name") })
        }),
        flag(
            "x_PartnerCreditApplied",
            "true if partner_earned_credit_percent is not 0",
            |row| row.sent.earned_credit.map(|rate| rate != 0),
        ),
        number(
            "x_PartnerCreditRate",
            "partner_earned_credit_percent, as a fraction",
            |row| row.sent.earned_credit,
        ),
        number("x_PricingBlockSize", "size of the block in unit", |row| {
            Some(row.sent.block)
        }),
        text("x_PricingUnitDescription", "unit, as it came", |row| {
            row.source.text(const { usage("unit") })
        }),
        text("x_PublisherId", "publisher_id", |row| {
            row.source.text(const { usage("publisher_id") })
        }),
        text("x_ResellerId", "tier2_mpn_id", |row| row.reseller()),
        text(
            "x_ResourceGroupName",
            "resource_group, in lower case",
            |row| row.source.text(const { usage("resource_group") }),
        ),
        text("x_RunId", "run that the rows are of", |row| {
            Some(&row.facts.run_id)
        }),
        text("x_SkuMeterCategory", "meter_category", |row| {
            row.source.text(const { usage("meter_category") })
        }),
        text("x_SkuMeterId", "meter_id", |row| {
            row.source.text(const { usage("meter_id") })
        }),
        text("x_SkuMeterSubcategory", "meter_sub_category", |row| {
            row.source.text(const { usage("meter_sub_category") })
        }),
        text("x_SkuRegion", "meter_region", |row| {
            row.source.text(const { usage("meter_region") })
        }),
        text("x_SubscriptionId", "subscription_id: the plan", |row| {
            row.source.text(const { usage("subscription_id") })
        }),
    ];
}
