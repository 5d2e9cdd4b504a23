//! Tables of the analyst folder: the rows that were counted, and a run's groups and resources with
//! folded ids, so that all of them join.
//!
//! Period and id of the run are no columns: they are the folders in which the files lie, and readers
//! of hive partitions have them in every row.

use super::{ColumnType, PublishedColumn, RESOURCES, Table, VARIANCES, count, date, decimal, text};
use crate::model::dataset::is_same_name;

const fn number(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::DecimalOrNull,
        meaning,
    }
}

const INVOICE_NUMBER: PublishedColumn = text("invoice_number", "invoice id, folded");
const CUSTOMER_ID: PublishedColumn = text("customer_id", "customer tenant id, folded");
const CUSTOMER_NAME: PublishedColumn = text("customer_name", "customer name; never a key");
const CUSTOMER_DOMAIN: PublishedColumn = text("customer_domain", "domain of the customer");
const CUSTOMER_COUNTRY: PublishedColumn = text("customer_country", "country of the customer");
const SUBSCRIPTION_ID: PublishedColumn =
    text("subscription_id", "plan or licence subscription id, folded");
const SUBSCRIPTION_NAME: PublishedColumn = text(
    "subscription_description",
    "name of the plan or licence subscription",
);
const PRODUCT_ID: PublishedColumn = text("product_id", "product id, folded");
const PRODUCT_NAME: PublishedColumn = text("product_name", "product name; never a key");
const SKU_ID: PublishedColumn = text("sku_id", "SKU id, folded");
const SKU_NAME: PublishedColumn = text("sku_name", "SKU name; never a key");
const AVAILABILITY_ID: PublishedColumn = text("availability_id", "availability id, folded");
const ENTITLEMENT_ID: PublishedColumn = text("entitlement_id", "Azure subscription id, folded");
const METER_ID: PublishedColumn = text("meter_id", "meter id, folded");
const RESOURCE_URI: PublishedColumn = text("resource_uri", "ARM id of the resource, folded");
const RESOURCE_GROUP: PublishedColumn = text("resource_group", "resource group, in lower case");
const PUBLISHER_NAME: PublishedColumn = text("publisher_name", "publisher of the product");
const PUBLISHER_ID: PublishedColumn = text("publisher_id", "id of the publisher, folded");
const MPN_ID: PublishedColumn = text("mpn_id", "partner id of the CSP partner, folded");
const TIER2_MPN_ID: PublishedColumn = text("tier2_mpn_id", "partner id of the reseller, folded");
const PARTNER_ID: PublishedColumn = text("partner_id", "tenant id of the partner, folded");
const CHARGE_TYPE: PublishedColumn = text("charge_type", "kind of the charge, as it came");
const CURRENCY: PublishedColumn = text("currency", "billing currency, ISO 4217");
const PRICING_CURRENCY: PublishedColumn =
    text("pricing_currency", "currency of the prices, ISO 4217");
const EXCHANGE_RATE: PublishedColumn = number(
    "exchange_rate",
    "units of currency for one of pricing_currency",
);
const UNIT_PRICE: PublishedColumn = number(
    "unit_price",
    "list price of a unit in pricing_currency, rounded half up",
);
const EFFECTIVE_UNIT_PRICE: PublishedColumn = number(
    "effective_unit_price",
    "price of a unit after credits and discounts in pricing_currency, rounded half up",
);

/// Daily rated usage: a row for each that was counted.
pub const USAGE_DAILY: Table = Table {
    name: "usage_daily",
    row: "one counted row of daily rated usage: a meter of a resource on a day",
    columns: &[
        INVOICE_NUMBER,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        CUSTOMER_DOMAIN,
        CUSTOMER_COUNTRY,
        SUBSCRIPTION_ID,
        SUBSCRIPTION_NAME,
        ENTITLEMENT_ID,
        text("entitlement_description", "name of the Azure subscription"),
        PRODUCT_ID,
        PRODUCT_NAME,
        SKU_ID,
        SKU_NAME,
        AVAILABILITY_ID,
        PUBLISHER_NAME,
        PUBLISHER_ID,
        MPN_ID,
        TIER2_MPN_ID,
        PARTNER_ID,
        text("partner_name", "name of the partner"),
        METER_ID,
        text("meter_name", "meter name; never a key"),
        text("meter_type", "type of the meter"),
        text("meter_category", "meter category"),
        text("meter_sub_category", "meter subcategory"),
        text("meter_region", "region of the meter's price"),
        RESOURCE_URI,
        RESOURCE_GROUP,
        text("resource_location", "region in which the resource ran"),
        text("consumed_service", "Azure resource provider"),
        text("tags", "tags of the resource, as JSON"),
        date("usage_date", "day of use, UTC"),
        CHARGE_TYPE,
        number("quantity", "quantity used, in unit, rounded half up"),
        text("unit", "unit of measure"),
        UNIT_PRICE,
        EFFECTIVE_UNIT_PRICE,
        number(
            "amount",
            "what the usage comes to before tax in currency, rounded half up row by row",
        ),
        CURRENCY,
        number(
            "pricing_amount",
            "what the usage comes to before tax in pricing_currency, rounded half up row by row",
        ),
        PRICING_CURRENCY,
        EXCHANGE_RATE,
        number(
            "partner_earned_credit_percent",
            "partner earned credit, in per cent; a fraction, as the first API writes it, times 100",
        ),
        number("credit_percent", "credit, in per cent"),
        text("credit_type", "kind of the credit"),
        text("benefit_type", "kind of the benefit that covers the usage"),
        text("benefit_id", "id of the benefit, folded"),
        text("benefit_order_id", "order of the benefit, folded"),
    ],
};

/// Invoice lines: a row for each that was counted.
pub const INVOICE_LINES: Table = Table {
    name: "invoice_lines",
    row: "one counted reconciliation line",
    columns: &[
        INVOICE_NUMBER,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        CUSTOMER_DOMAIN,
        CUSTOMER_COUNTRY,
        SUBSCRIPTION_ID,
        SUBSCRIPTION_NAME,
        date(
            "subscription_start_date",
            "first day of the subscription's term",
        ),
        date(
            "subscription_end_date",
            "last day of the subscription's term",
        ),
        text("order_id", "order id, folded"),
        date("order_date", "day of the order"),
        PRODUCT_ID,
        PRODUCT_NAME,
        text("product_category", "category of the product"),
        SKU_ID,
        SKU_NAME,
        AVAILABILITY_ID,
        PUBLISHER_NAME,
        PUBLISHER_ID,
        MPN_ID,
        TIER2_MPN_ID,
        PARTNER_ID,
        text(
            "meter_description",
            "text of the meter; empty for what is no usage",
        ),
        CHARGE_TYPE,
        date("charge_start_date", "first day that the line charges for"),
        date(
            "charge_end_date",
            "last day that the line charges for, as it came",
        ),
        text("term_and_billing_cycle", "term and cycle, in words"),
        text("billing_frequency", "frequency of the bill"),
        text("unit_type", "unit of measure"),
        number("quantity", "size of the subscription after the change"),
        number("billable_quantity", "quantity that is charged"),
        UNIT_PRICE,
        EFFECTIVE_UNIT_PRICE,
        number("subtotal", "amount before tax in currency"),
        number("tax", "tax in currency"),
        number("total", "amount with tax in currency"),
        CURRENCY,
        PRICING_CURRENCY,
        EXCHANGE_RATE,
        date("exchange_rate_date", "day of the exchange rate"),
        text(
            "price_adjustment_description",
            "credits and discounts of the line, in words",
        ),
        text("promotion_id", "promotion, folded"),
        text("credit_reason_code", "reason of a credit"),
        text("reservation_order_id", "reservation order, folded"),
        text("alternate_id", "quote id, folded"),
        text("reference_id", "reference of the line, folded"),
        text("product_qualifiers", "qualifiers of the product"),
    ],
};

/// Columns that the tables of a run have under the same names, with ids as they came.
const FOLDED: [PublishedColumn; 11] = [
    INVOICE_NUMBER,
    CUSTOMER_ID,
    SUBSCRIPTION_ID,
    ENTITLEMENT_ID,
    PRODUCT_ID,
    SKU_ID,
    AVAILABILITY_ID,
    METER_ID,
    RESOURCE_URI,
    RESOURCE_GROUP,
    CURRENCY,
];

/// Columns of a table of a run as they are here, followed by others: ids are folded, and the billing
/// period is called `invoice_period`, for the folder of the file is that of the run, and readers refuse a
/// name that is both folder and column.
const fn for_analysts<const N: usize>(table: &Table) -> [PublishedColumn; N] {
    let mut columns = [INVOICE_PERIOD; N];
    let mut at = 0;
    while at < table.columns.len() {
        let name = table.columns[at].name;
        if !is_same_name(name, "billing_period") {
            columns[at] = table.columns[at];
        }
        let mut folded = 0;
        while folded < FOLDED.len() {
            if is_same_name(name, FOLDED[folded].name) {
                columns[at] = FOLDED[folded];
            }
            folded += 1;
        }
        at += 1;
    }
    columns
}

const INVOICE_PERIOD: PublishedColumn = text(
    "invoice_period",
    "calendar month of the invoice, UTC, as 2026-10",
);

/// Groups of the newest complete run.
pub const VARIANCES_OF_RUN: Table = Table {
    name: "variances",
    row: "one matched or one-sided group of one tie-out, as in the run's table, ids folded",
    columns: &{
        const COLUMNS: [PublishedColumn; VARIANCES.columns.len()] = for_analysts(&VARIANCES);
        COLUMNS
    },
};

/// Resources of the newest complete run, by group.
pub const RESOURCES_OF_RUN: Table = Table {
    name: "resources",
    row: "one resource in one group of variances: its share of that group, ids folded",
    columns: &{
        const COUNT: usize = RESOURCES.columns.len() + 1;
        const COLUMNS: [PublishedColumn; COUNT] = {
            let mut columns: [PublishedColumn; COUNT] = for_analysts(&RESOURCES);
            columns[COUNT - 1] = text(
                "break_id",
                "the group, as in variances; empty where usage to invoice is off",
            );
            columns
        };
        COLUMNS
    },
};

/// What a run says of each invoice.
pub const INVOICES_OF_RUN: Table = Table {
    name: "invoices",
    row: "one invoice and currency of the newest complete run",
    columns: &[
        INVOICE_NUMBER,
        CURRENCY,
        text("finality", "awaited, provisional or final"),
        text(
            "rounding_rule",
            "rounding rule that the metered lines hold; empty where they agree on none",
        ),
        decimal(
            "lines_amount",
            "sum of the invoice's own lines before tax, as on the invoice",
        ),
        decimal(
            "invoiced_amount",
            "sum of the groups that stand under the invoice: a charge that another invoice voids \
             or bills again is one group with it",
        ),
        decimal(
            "settled_elsewhere_amount",
            "lines_amount less invoiced_amount",
        ),
        decimal("checked_amount", "of these, what usage is held against"),
        decimal(
            "not_checkable_amount",
            "of these, licences, reservations and the like",
        ),
        decimal("over_billed_amount", "breaks that ask for too much"),
        decimal(
            "under_billed_amount",
            "breaks that ask for too little; negative",
        ),
        decimal("awaited_amount", "groups whose other side can still come"),
        decimal(
            "rounding_amount",
            "what rounding makes of groups that are no breaks",
        ),
        decimal(
            "tolerated_amount",
            "what a tolerance of the pipeline passed over",
        ),
        decimal(
            "without_cause_amount",
            "sum of the absolute parts of breaks that have no cause",
        ),
        decimal(
            "off_rule_amount",
            "by which lines are off the rounding rule, with sign",
        ),
        count("breaks", "number of breaks"),
        count("off_rule_lines", "lines that are off the rounding rule"),
    ],
};

/// All tables of the analyst folder that have a folder of partitions.
pub const ANALYST_TABLES: [&Table; 5] = [
    &USAGE_DAILY,
    &INVOICE_LINES,
    &VARIANCES_OF_RUN,
    &RESOURCES_OF_RUN,
    &INVOICES_OF_RUN,
];
