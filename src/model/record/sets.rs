//! The record sets: one for each kind of answer.

use super::fields::{
    AGGREGATED_USAGE, AZURE_LINES, AZURE_USAGE_LINES, BALANCES, BUDGETS, CLASSIC_RECORDS,
    CUSTOMER_RECORDS, CUSTOMERS, ENTITLEMENTS, FX_RATES, INVOICES, LINES_MORE, LINKS,
    METER_RECORDS, OFFICE_LINES, PARTNER_SUMMARY, RATE_CARD, RESOURCE_RECORDS,
    SUBSCRIPTION_RECORDS, SUBSCRIPTIONS, SUMMARY, USAGE_MORE, UTILIZATION,
};
use super::schema::{Fields, RecordSet, Shape};
use crate::model::dataset::Dataset;

/// Set of which each entry below names only what differs.
const BASE: RecordSet = RecordSet {
    name: "",
    row: "",
    object_types: &[],
    shape: Shape::Items,
    context: &[],
    fields: Fields::Listed(&[]),
    currency: "",
};
const CUSTOMER: &[&str] = &["customer_id"];
const SUBSCRIPTION: &[&str] = &["customer_id", "subscription_id"];
const INVOICE: &[&str] = &["invoice_number"];

/// All record sets, in the order of the data dictionary.
pub const RECORD_SETS: &[RecordSet] = &[
    RecordSet {
        name: "usage",
        row: "one line of daily rated usage",
        object_types: &["DailyRatedUsageLineItem"],
        fields: Fields::OfDataset(Dataset::Usage, USAGE_MORE),
        currency: "billing_currency",
        ..BASE
    },
    RecordSet {
        name: "invoice_lines",
        row: "one new-commerce reconciliation line",
        object_types: &["OneTimeInvoiceLineItem"],
        fields: Fields::OfDataset(Dataset::InvoiceLines, LINES_MORE),
        currency: "currency",
        ..BASE
    },
    // What it charges is in the lines already: it says why, and nobody must add both up.
    RecordSet {
        name: "aggregated_usage",
        row: "the billed usage of one meter, with its promotions",
        fields: Fields::Listed(AGGREGATED_USAGE),
        context: INVOICE,
        ..BASE
    },
    // Apart from the billed sets: what is unbilled today is billed later, so nobody must add both
    // up (model::domain::semantics §10).
    RecordSet {
        name: "unbilled_usage",
        row: "one line of daily rated usage that is not billed yet",
        object_types: &["DailyRatedUsageLineItem"],
        fields: Fields::OfDataset(Dataset::Usage, USAGE_MORE),
        currency: "billing_currency",
        context: &["period"],
        ..BASE
    },
    RecordSet {
        name: "unbilled_lines",
        row: "one reconciliation line that is not billed yet",
        object_types: &["OneTimeInvoiceLineItem"],
        fields: Fields::OfDataset(Dataset::InvoiceLines, LINES_MORE),
        currency: "currency",
        context: &["period"],
        ..BASE
    },
    RecordSet {
        name: "invoices",
        row: "one invoice, or an amendment of one",
        object_types: &["Invoice"],
        shape: Shape::Invoices,
        fields: Fields::Listed(INVOICES),
        currency: "currency_code",
        ..BASE
    },
    // Apart from the list's: newer invoices are not answered by id (model::domain::endpoints §0).
    RecordSet {
        name: "invoice",
        row: "one invoice of the period, asked for by its id, or an amendment of one",
        object_types: &["Invoice"],
        shape: Shape::Invoices,
        fields: Fields::Listed(INVOICES),
        currency: "currency_code",
        ..BASE
    },
    RecordSet {
        name: "invoice_summaries",
        row: "the balance in a currency, or its part of one type of invoice",
        object_types: &["InvoiceSummary"],
        shape: Shape::Balances,
        fields: Fields::Listed(BALANCES),
        ..BASE
    },
    RecordSet {
        name: "estimate_links",
        row: "one link to unbilled data",
        fields: Fields::Listed(LINKS),
        context: &["currency"],
        ..BASE
    },
    // Lines of the legacy commerce have no dataset of files: only the API's are read.
    RecordSet {
        name: "office_lines",
        row: "one line of legacy Office licences",
        object_types: &["LicenseBasedLineItem"],
        fields: Fields::Listed(OFFICE_LINES),
        currency: "currency",
        context: INVOICE,
        ..BASE
    },
    RecordSet {
        name: "azure_lines",
        row: "one money line of classic Azure",
        object_types: &["UsageBasedLineItem"],
        fields: Fields::Listed(AZURE_LINES),
        currency: "currency",
        context: INVOICE,
        ..BASE
    },
    RecordSet {
        name: "azure_usage_lines",
        row: "one daily usage line of classic Azure",
        object_types: &["DailyUsageLineItem"],
        fields: Fields::Listed(AZURE_USAGE_LINES),
        context: INVOICE,
        ..BASE
    },
    RecordSet {
        name: "customers",
        row: "one customer",
        object_types: &["Customer"],
        fields: Fields::Listed(CUSTOMERS),
        ..BASE
    },
    RecordSet {
        name: "subscriptions",
        row: "one subscription of a customer",
        object_types: &["Subscription"],
        fields: Fields::Listed(SUBSCRIPTIONS),
        context: CUSTOMER,
        ..BASE
    },
    RecordSet {
        name: "azure_entitlements",
        row: "one Azure subscription below an Azure plan",
        fields: Fields::Listed(ENTITLEMENTS),
        context: SUBSCRIPTION,
        ..BASE
    },
    // Utilization is not rated: these are quantities without any price.
    RecordSet {
        name: "utilization",
        row: "the usage of one meter by one resource in one window",
        object_types: &["AzureUtilizationRecord"],
        fields: Fields::Listed(UTILIZATION),
        context: SUBSCRIPTION,
        ..BASE
    },
    RecordSet {
        name: "rate_card",
        row: "one tier of one meter, or an offer term",
        object_types: &["AzureRateCard"],
        shape: Shape::RateCard,
        fields: Fields::Listed(RATE_CARD),
        ..BASE
    },
    RecordSet {
        name: "shared_rate_card",
        row: "one tier of one meter of shared services, or an offer term",
        object_types: &["AzureRateCard"],
        shape: Shape::RateCard,
        fields: Fields::Listed(RATE_CARD),
        ..BASE
    },
    RecordSet {
        name: "fx_rates",
        row: "the dollars for one unit of a currency in one month",
        shape: Shape::Sheet,
        fields: Fields::Listed(FX_RATES),
        ..BASE
    },
    // Summaries and records are estimates, never what is billed: model::domain::endpoints §0.
    RecordSet {
        name: "partner_usage_summary",
        row: "the estimated cost of the partner",
        object_types: &["PartnerUsageSummary"],
        fields: Fields::Listed(PARTNER_SUMMARY),
        currency: "currency_code",
        ..BASE
    },
    RecordSet {
        name: "customer_usage_summary",
        row: "the estimated cost of one customer",
        object_types: &["CustomerUsageSummary"],
        fields: Fields::Listed(SUMMARY),
        currency: "currency_code",
        context: CUSTOMER,
        ..BASE
    },
    RecordSet {
        name: "subscription_usage_summary",
        row: "the estimated cost of one subscription",
        object_types: &["SubscriptionUsageSummary"],
        fields: Fields::Listed(SUMMARY),
        currency: "currency_code",
        context: SUBSCRIPTION,
        ..BASE
    },
    RecordSet {
        name: "customer_usage_records",
        row: "the estimated cost of one customer, of the list of all",
        object_types: &["CustomerMonthlyUsageRecord"],
        fields: Fields::Listed(CUSTOMER_RECORDS),
        currency: "currency_code",
        ..BASE
    },
    RecordSet {
        name: "subscription_usage_records",
        row: "the estimated cost of one subscription, of a customer's list",
        object_types: &["SubscriptionMonthlyUsageRecord"],
        fields: Fields::Listed(SUBSCRIPTION_RECORDS),
        currency: "currency_code",
        context: CUSTOMER,
        ..BASE
    },
    RecordSet {
        name: "meter_usage_records",
        row: "the estimated cost of one meter of a subscription",
        object_types: &["MeterUsageRecord"],
        fields: Fields::Listed(METER_RECORDS),
        currency: "currency_code",
        context: SUBSCRIPTION,
        ..BASE
    },
    RecordSet {
        name: "resource_usage_records",
        row: "the estimated cost of one resource of a subscription",
        object_types: &["ResourceUsageRecord"],
        fields: Fields::Listed(RESOURCE_RECORDS),
        currency: "currency_code",
        context: SUBSCRIPTION,
        ..BASE
    },
    RecordSet {
        name: "classic_usage_records",
        row: "the estimated cost of one meter of a classic subscription",
        object_types: &["AzureResourceMonthlyUsageRecord"],
        fields: Fields::Listed(CLASSIC_RECORDS),
        currency: "currency_code",
        context: SUBSCRIPTION,
        ..BASE
    },
    RecordSet {
        name: "usage_budget",
        row: "the spending budget of one customer",
        object_types: &["SpendingBudget"],
        fields: Fields::Listed(BUDGETS),
        context: CUSTOMER,
        ..BASE
    },
];

impl RecordSet {
    /// Set of that name; `None` where no kind of answer is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RECORD_SETS.iter().find(|set| set.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::schema::snake_case;

    #[test]
    fn columns_have_one_name_and_one_path_each() {
        assert_eq!(
            snake_case("PCToBCExchangeRateDate"),
            "pc_to_bc_exchange_rate_date"
        );
        assert_eq!(snake_case("ResourceURI"), "resource_uri");
        assert_eq!(snake_case("Tier2MpnId"), "tier2_mpn_id");
        for set in RECORD_SETS {
            let columns = set.columns();
            let mut names: Vec<&str> = columns
                .iter()
                .map(|column| column.name.as_str())
                .chain(set.context.iter().copied())
                .collect();
            let mut paths: Vec<&String> = columns.iter().flat_map(|column| &column.paths).collect();
            let counts = (names.len(), paths.len());
            names.sort_unstable();
            names.dedup();
            paths.sort();
            paths.dedup();
            assert_eq!((names.len(), paths.len()), counts, "{}", set.name);
            assert!(
                set.currency.is_empty() || names.contains(&set.currency),
                "{}",
                set.name
            );
        }
    }
}
