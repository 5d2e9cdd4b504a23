//! The columns of the record sets, in the words of [resources](crate::model::domain::resources) §B
//! and §C.
//!
//! Order is that of the published tables. A path names a member of the item; `|` separates the
//! spellings that published answers have for it, Microsoft's misspellings among them.

use super::schema::{Field, RecordType};

const fn field(name: &'static str, path: &'static str, record_type: RecordType) -> Field {
    Field {
        name,
        path,
        record_type,
        is_measure: false,
    }
}

const fn measure(name: &'static str, path: &'static str, record_type: RecordType) -> Field {
    Field {
        name,
        path,
        record_type,
        is_measure: true,
    }
}

use RecordType::{Boolean, Date, Integer, Json, Text, Timestamp};
const AMOUNT: RecordType = RecordType::AMOUNT;
const QUANTITY: RecordType = RecordType::QUANTITY;
const PRICE: RecordType = RecordType::PRICE;
const RATE: RecordType = RecordType::RATE;

const OBJECT_TYPE: Field = field("object_type", "attributes.objectType", Text);
// Page 2 of the published daily rated usage has the misspelt key.
const LINE_ITEM_TYPE: Field = field(
    "invoice_line_item_type",
    "invoiceLineItemType|invoiceLineItemTypce",
    Text,
);
const BILLING_PROVIDER: Field = field("billing_provider", "billingProvider", Text);
const TOTAL_COST: Field = measure("total_cost", "totalCost", AMOUNT);
const CURRENCY_LOCALE: Field = field("currency_locale", "currencyLocale", Text);
const CURRENCY_CODE: Field = field("currency_code", "currencyCode", Text);
// Not summed, for it is `totalCost` once more, in dollars.
const USD_TOTAL_COST: Field = field("usd_total_cost", "usdTotalCost", AMOUNT);
const LAST_MODIFIED: Field = field("last_modified_date", "lastModifiedDate", Timestamp);
const RESOURCE_ID: Field = field("resource_id", "resourceId", Text);
const ID: Field = field("id", "id", Text);
const RESOURCE_NAME: Field = field("resource_name", "resourceName", Text);
const NAME: Field = field("name", "name", Text);
const BILLING_START: Field = field("billing_start_date", "billingStartDate", Timestamp);
const BILLING_END: Field = field("billing_end_date", "billingEndDate", Timestamp);
// Published samples spell the budget's member both ways.
const BUDGET: Field = field("budget_amount", "budget.amount|budget.ammount", AMOUNT);

pub(super) const CUSTOMERS: &[Field] = &[
    ID,
    field("tenant_id", "companyProfile.tenantId", Text),
    field("domain", "companyProfile.domain", Text),
    field("company_name", "companyProfile.companyName", Text),
    field("relationship_to_partner", "relationshipToPartner", Text),
    OBJECT_TYPE,
];
pub(super) const SUBSCRIPTIONS: &[Field] = &[
    ID,
    field("entitlement_id", "entitlementId", Text),
    field("offer_id", "offerId", Text),
    field("offer_name", "offerName", Text),
    field("friendly_name", "friendlyName", Text),
    field("quantity", "quantity", QUANTITY),
    field("unit_type", "unitType", Text),
    field("parent_subscription_id", "parentSubscriptionId", Text),
    field("creation_date", "creationDate", Timestamp),
    field("effective_start_date", "effectiveStartDate", Timestamp),
    field("commitment_end_date", "commitmentEndDate", Timestamp),
    field("status", "status", Text),
    field("auto_renew_enabled", "autoRenewEnabled", Boolean),
    field("billing_type", "billingType", Text),
    field("billing_cycle", "billingCycle", Text),
    field("term_duration", "termDuration", Text),
    field("contract_type", "contractType", Text),
    field("order_id", "orderId", Text),
    OBJECT_TYPE,
];
// `subscriptionId` is the Azure plan here; the Azure subscription is the item's own id.
pub(super) const ENTITLEMENTS: &[Field] = &[
    ID,
    field("friendly_name", "friendlyName", Text),
    field("status", "status", Text),
    field("plan_id", "subscriptionId", Text),
];
pub(super) const UTILIZATION: &[Field] = &[
    field("usage_start_time", "usageStartTime", Timestamp),
    field("usage_end_time", "usageEndTime", Timestamp),
    field("meter_id", "resource.id", Text),
    field("meter_name", "resource.name", Text),
    field("meter_category", "resource.category", Text),
    field("meter_sub_category", "resource.subcategory", Text),
    field("meter_region", "resource.region", Text),
    measure("quantity", "quantity", QUANTITY),
    field("unit", "unit", Text),
    field("info_fields", "infoFields", Json),
    field("resource_uri", "instanceData.resourceUri", Text),
    field("resource_location", "instanceData.location", Text),
    field("part_number", "instanceData.partNumber", Text),
    field("order_number", "instanceData.orderNumber", Text),
    field("tags", "instanceData.tags", Json),
    field("additional_info", "instanceData.additionalInfo", Json),
    OBJECT_TYPE,
];
pub(super) const RATE_CARD: &[Field] = &[
    // `rowKind`, `tierFrom` and `rate` are no members of the answer: a card becomes rows, one for
    // each tier.
    field("row_kind", "rowKind", Text),
    field("locale", "locale", Text),
    field("currency", "currency", Text),
    field("is_tax_included", "isTaxIncluded", Boolean),
    field("meter_id", "id", Text),
    field("meter_name", "name", Text),
    field("meter_category", "category", Text),
    field("meter_sub_category", "subcategory", Text),
    field("meter_region", "region", Text),
    field("unit", "unit", Text),
    field("included_quantity", "includedQuantity", QUANTITY),
    field("effective_date", "effectiveDate", Timestamp),
    field("tier_from", "tierFrom", QUANTITY),
    field("unit_price", "rate", PRICE),
    field("tags", "tags", Json),
    field("discount", "discount", RATE),
    field("excluded_meter_ids", "excludedMeterIds", Json),
];
pub(super) const PARTNER_SUMMARY: &[Field] = &[
    RESOURCE_ID,
    ID,
    RESOURCE_NAME,
    NAME,
    field("customers_over_budget", "customersOverBudget", Integer),
    field("customers_trending_over", "customersTrendingOver", Integer),
    field(
        "customers_with_usage_based_subscription",
        "customersWithUsageBasedSubscription",
        Integer,
    ),
    field("emails_to_notify", "emailsToNotify", Json),
    BILLING_START,
    BILLING_END,
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const SUMMARY: &[Field] = &[
    RESOURCE_ID,
    ID,
    RESOURCE_NAME,
    NAME,
    BUDGET,
    BILLING_START,
    BILLING_END,
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const CUSTOMER_RECORDS: &[Field] = &[
    RESOURCE_ID,
    ID,
    RESOURCE_NAME,
    NAME,
    BUDGET,
    field("percent_used", "percentUsed", RATE),
    // True for customers with an Azure plan, whom the partner's summary leaves out.
    field("is_upgraded", "isUpgraded", Boolean),
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const SUBSCRIPTION_RECORDS: &[Field] = &[
    RESOURCE_ID,
    ID,
    RESOURCE_NAME,
    NAME,
    field("status", "status", Text),
    field("partner_on_record", "partnerOnRecord", Text),
    field("offer_id", "offerId", Text),
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const METER_RECORDS: &[Field] = &[
    field("plan_id", "subscriptionId", Text),
    // Of an Azure plan no GUID, but product, SKU and description in one text.
    field("meter_id", "meterId", Text),
    field("meter_name", "meterName", Text),
    field("meter_category", "category", Text),
    field("meter_sub_category", "subcategory", Text),
    measure("quantity_used", "quantityUsed", QUANTITY),
    field("unit", "unit", Text),
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const RESOURCE_RECORDS: &[Field] = &[
    field("plan_id", "subscriptionId", Text),
    field("resource_uri", "resourceUri", Text),
    field("resource_type", "resourceType", Text),
    field("entitlement_id", "entitlementId", Text),
    field("entitlement_name", "entitlementName", Text),
    field("resource_group_name", "resourceGroupName", Text),
    NAME,
    RESOURCE_NAME,
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    USD_TOTAL_COST,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const CLASSIC_RECORDS: &[Field] = &[
    // `id` and `resourceId` may both be sent, with equal values.
    field("meter_id", "id|resourceId", Text),
    field("meter_name", "name|resourceName", Text),
    field("meter_category", "category", Text),
    field("meter_sub_category", "subcategory", Text),
    measure("quantity_used", "quantityUsed", QUANTITY),
    field("unit", "unit", Text),
    TOTAL_COST,
    CURRENCY_LOCALE,
    CURRENCY_CODE,
    LAST_MODIFIED,
    OBJECT_TYPE,
];
pub(super) const BUDGETS: &[Field] = &[
    field("amount", "amount|ammount", AMOUNT),
    field("usage_spending_budget", "usageSpendingBudget", AMOUNT),
    OBJECT_TYPE,
];
pub(super) const INVOICES: &[Field] = &[
    ID,
    field("invoice_date", "invoiceDate", Timestamp),
    field(
        "billing_period_start_date",
        "billingPeriodStartDate",
        Timestamp,
    ),
    field("billing_period_end_date", "billingPeriodEndDate", Timestamp),
    measure("total_charges", "totalCharges", AMOUNT),
    field("paid_amount", "paidAmount", AMOUNT),
    CURRENCY_CODE,
    field("currency_symbol", "currencySymbol", Text),
    field("pdf_download_link", "pdfDownloadLink", Text),
    field("tax_receipts", "taxReceipts", Json),
    field("invoice_details", "invoiceDetails", Json),
    field("document_type", "documentType", Text),
    field("amends_of", "amendsOf", Text),
    field("invoice_type", "invoiceType", Text),
    field("status", "status|state", Text),
    OBJECT_TYPE,
];
// Nothing is summed: the details are rows beside the balance that they add up to.
pub(super) const BALANCES: &[Field] = &[
    field("invoice_type", "invoiceType", Text),
    field("balance_amount", "balanceAmount", AMOUNT),
    CURRENCY_CODE,
    field("currency_symbol", "currencySymbol", Text),
    field("accounting_date", "accountingDate", Timestamp),
    field(
        "first_invoice_creation_date",
        "firstInvoiceCreationDate",
        Timestamp,
    ),
    field("last_payment_date", "lastPaymentDate", Timestamp),
    field("last_payment_amount", "lastPaymentAmount", AMOUNT),
    field("latest_invoice_date", "latestInvoiceDate", Timestamp),
    OBJECT_TYPE,
];
pub(super) const LINKS: &[Field] = &[
    field("type", "type", Text),
    field("title", "title", Text),
    field("description", "description", Text),
    field("period", "period", Text),
    field("uri", "link.uri", Text),
];
/// Partner and customer, as all lines of the legacy commerce begin.
const LEGACY_WHO: [Field; 4] = [
    field("partner_id", "partnerId", Text),
    field("customer_id", "customerId", Text),
    // Text, as the ids come as a number, a text, `0` or `-1`: model::domain::quirks, JSON of the
    // API 1.
    field("mpn_id", "mpnId", Text),
    field("tier2_mpn_id", "tier2MpnId|resellerMpnId", Text),
];
pub(super) const OFFICE_LINES: &[Field] = &[
    LEGACY_WHO[0],
    LEGACY_WHO[1],
    field("customer_name", "customerName", Text),
    LEGACY_WHO[2],
    LEGACY_WHO[3],
    field("order_id", "orderId", Text),
    // The billing platform's id; the portal's is the next one.
    field("subscription_id", "subscriptionId", Text),
    field(
        "syndication_partner_subscription_number",
        "syndicationPartnerSubscriptionNumber",
        Text,
    ),
    field("offer_id", "offerId", Text),
    field("durable_offer_id", "durableOfferId", Text),
    field("offer_name", "offerName", Text),
    field("domain_name", "domainName", Text),
    field("billing_cycle_type", "billingCycleType", Text),
    field("subscription_name", "subscriptionName", Text),
    field("subscription_description", "subscriptionDescription", Text),
    field("subscription_start_date", "subscriptionStartDate", Date),
    field("subscription_end_date", "subscriptionEndDate", Date),
    field("charge_start_date", "chargeStartDate", Date),
    field("charge_end_date", "chargeEndDate", Date),
    field("charge_type", "chargeType", Text),
    field("unit_price", "unitPrice", PRICE),
    field("quantity", "quantity", QUANTITY),
    measure("amount", "amount", AMOUNT),
    field("total_other_discount", "totalOtherDiscount", AMOUNT),
    measure("subtotal", "subtotal", AMOUNT),
    measure("tax", "tax", AMOUNT),
    measure("total_for_customer", "totalForCustomer", AMOUNT),
    field("currency", "currency", Text),
    LINE_ITEM_TYPE,
    BILLING_PROVIDER,
    OBJECT_TYPE,
];
/// Columns that money and usage lines of classic Azure have in common.
const AZURE: [Field; 27] = [
    LEGACY_WHO[0],
    field("partner_name", "partnerName", Text),
    field(
        "partner_billable_account_id",
        "partnerBillableAccountId",
        Text,
    ),
    LEGACY_WHO[1],
    field("customer_name", "customerCompanyName|customerName", Text),
    field("domain_name", "domainName", Text),
    LEGACY_WHO[2],
    LEGACY_WHO[3],
    // Not `invoice_number`: that is the context's, by which the lines were asked for.
    field("line_invoice_number", "invoiceNumber", Text),
    field("subscription_id", "subscriptionId", Text),
    field("subscription_name", "subscriptionName", Text),
    field("subscription_description", "subscriptionDescription", Text),
    field("billing_cycle_type", "billingCycleType", Text),
    field("order_id", "orderId", Text),
    field("service_name", "serviceName", Text),
    field("service_type", "serviceType", Text),
    field("meter_id", "resourceGuid", Text),
    field("meter_name", "resourceName", Text),
    field("region", "region", Text),
    measure("consumed_quantity", "consumedQuantity", QUANTITY),
    field("charge_start_date", "chargeStartDate", Date),
    field("charge_end_date", "chargeEndDate", Date),
    field("unit", "unit", Text),
    LINE_ITEM_TYPE,
    BILLING_PROVIDER,
    OBJECT_TYPE,
    field("charge_type", "chargeType", Text),
];
const AZURE_MONEY: [Field; 13] = [
    field("detail_line_item_id", "detailLineItemId", Integer),
    field("sku", "sku", Text),
    field("included_quantity", "includedQuantity", QUANTITY),
    field("overage_quantity", "overageQuantity", QUANTITY),
    field("list_price", "listPrice", PRICE),
    field("consumption_price", "consumptionPrice", PRICE),
    field("consumption_discount", "consumptionDiscount", PRICE),
    field("currency", "currency", Text),
    measure("pretax_charges", "pretaxCharges", AMOUNT),
    measure("tax_amount", "taxAmount", AMOUNT),
    measure("post_tax_total", "postTaxTotal", AMOUNT),
    field("pretax_effective_rate", "pretaxEffectiveRate", PRICE),
    field("post_tax_effective_rate", "postTaxEffectiveRate", PRICE),
];
const AZURE_USAGE: [Field; 7] = [
    field("customer_billable_account", "customerBillableAccount", Text),
    field("usage_date", "usageDate", Date),
    field("metered_service", "meteredService", Text),
    field("metered_service_type", "meteredServiceType", Text),
    field("metered_region", "meteredRegion", Text),
    field("project", "project", Text),
    field("service_info", "serviceInfo", Text),
];
pub(super) const AZURE_LINES: &[Field] = &joined::<27, 13, 40>(AZURE, AZURE_MONEY);
pub(super) const AZURE_USAGE_LINES: &[Field] = &joined::<27, 7, 34>(AZURE, AZURE_USAGE);

/// Both lists in one, made in a constant: `concat` is not to be had there.
const fn joined<const A: usize, const B: usize, const C: usize>(
    first: [Field; A],
    second: [Field; B],
) -> [Field; C] {
    // A filler, of which nothing is left as long as `C` is `A` + `B`.
    let mut all = [OBJECT_TYPE; C];
    let mut at = 0;
    while at < A {
        all[at] = first[at];
        at += 1;
    }
    while at < A + B {
        all[at] = second[at - A];
        at += 1;
    }
    all
}

/// Columns of usage that only the API's items have.
pub(super) const USAGE_MORE: &[Field] = &[
    field(
        "has_partner_earned_credit",
        "hasPartnerEarnedCredit",
        Boolean,
    ),
    LINE_ITEM_TYPE,
    BILLING_PROVIDER,
    OBJECT_TYPE,
];
/// Columns of billed aggregated usage. Microsoft names the key, the promotion and two of the prices
/// ([resources §D4](crate::model::domain::resources)); the others are called as in its other exports.
pub(super) const AGGREGATED_USAGE: &[Field] = &[
    field("line_invoice_number", "invoiceNumber", Text),
    field("customer_id", "customerId", Text),
    field("subscription_id", "subscriptionId", Text),
    field("product_id", "productId", Text),
    field("sku_id", "skuId", Text),
    field("meter_id", "meterId", Text),
    field("quantity", "quantity", QUANTITY),
    // List price, then after margins such as the partner earned credit, then after promotions, too.
    field("unit_price", "unitPrice", PRICE),
    field("partner_price", "partnerPrice", PRICE),
    field("effective_unit_price", "effectiveUnitPrice", PRICE),
    field("price_benefits", "priceBenefits", Text),
    field("pricing_currency", "pricingCurrency", Text),
];
/// Columns of the sheet of exchange rates ([resources §G](crate::model::domain::resources)).
pub(super) const FX_RATES: &[Field] = &[
    field("currency_code", "CurrencyCode", Text),
    field("usd_per_unit", "USDPerUnit", RATE),
    field("month", "Month", Text),
];
/// Columns of reconciliation lines that only the API's items have.
pub(super) const LINES_MORE: &[Field] = &[
    field("discount_details", "discountDetails", Text),
    LINE_ITEM_TYPE,
    BILLING_PROVIDER,
    OBJECT_TYPE,
];
