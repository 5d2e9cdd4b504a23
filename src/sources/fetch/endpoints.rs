//! Table of the endpoints: one row each, with path, credential, paging and what the endpoint is
//! asked for ([endpoints §5](crate::model::domain::endpoints)). A new endpoint is one row; how rows
//! turn into requests is in `units` and `pages`.

use super::api_version::Billed;
use super::endpoint::BASE;
pub use super::endpoint::{Endpoint, Over, Paging};
use crate::sources::graph_export::operation::Report;

/// A row for usage records and summaries.
const USAGE: Endpoint = Endpoint {
    refuses_nothing: true,
    ..BASE
};

const SEEK: Paging = Paging::Seek {
    seek: "seekOperation",
};
const SEEK_UTILIZATION: Paging = Paging::Seek {
    seek: "seek_operation",
};
const LINES: &str = "invoices/{invoice}/lineitems";
const DAYS: &[(&str, &str)] = &[
    ("start_time", "{start}"),
    ("end_time", "{end}"),
    ("show_details", "true"),
    ("granularity", "daily"),
];
const HOURS: &[(&str, &str)] = &[
    ("start_time", "{start}"),
    ("end_time", "{end}"),
    ("show_details", "true"),
    ("granularity", "hourly"),
];

/// The list of customers, needed for every endpoint that is asked for each customer.
pub const CUSTOMERS: Endpoint = Endpoint {
    name: "customers",
    dataset: "customers",
    proves_by_items: true,
    path: "customers",
    paging: SEEK,
    page_size: 500,
    ..BASE
};

/// The list of a customer's subscriptions, needed for every endpoint that is asked for each of
/// them.
pub const SUBSCRIPTIONS: Endpoint = Endpoint {
    name: "subscriptions",
    dataset: "subscriptions",
    proves_by_items: true,
    path: "customers/{customer}/subscriptions",
    over: Over::Customers,
    ..BASE
};

/// The list of invoices, needed for every endpoint that is asked for each invoice.
pub const INVOICES: Endpoint = Endpoint {
    name: "invoices",
    dataset: "invoices",
    proves_by_items: true,
    path: "invoices",
    paging: Paging::Offset,
    page_size: 200,
    ..BASE
};

/// All endpoints, except those that have a twin in v2.
pub const ENDPOINTS: &[Endpoint] = &[
    CUSTOMERS,
    SUBSCRIPTIONS,
    Endpoint {
        name: "azure_entitlements",
        dataset: "azure_entitlements",
        path: "customers/{customer}/subscriptions/{subscription}/azureEntitlements",
        over: Over::AzurePlans,
        ..BASE
    },
    // Days and hours of the same usage: a pipeline lists one of the two.
    Endpoint {
        name: "utilization_daily",
        dataset: "utilization",
        path: "customers/{customer}/subscriptions/{subscription}/utilizations/azure",
        query: DAYS,
        paging: SEEK_UTILIZATION,
        page_size: 1_000,
        over: Over::ClassicSubscriptions,
        waits_for_content: true,
        ..BASE
    },
    Endpoint {
        name: "utilization_hourly",
        dataset: "utilization",
        path: "customers/{customer}/subscriptions/{subscription}/utilizations/azure",
        query: HOURS,
        paging: SEEK_UTILIZATION,
        page_size: 1_000,
        over: Over::ClassicSubscriptions,
        waits_for_content: true,
        ..BASE
    },
    Endpoint {
        name: "rate_card",
        dataset: "rate_card",
        path: "ratecards/azure",
        query: &[("currency", "{currency}")],
        over: Over::Currencies,
        ..BASE
    },
    Endpoint {
        name: "shared_rate_card",
        dataset: "shared_rate_card",
        path: "ratecards/azure-shared",
        query: &[("currency", "{currency}")],
        over: Over::Currencies,
        ..BASE
    },
    // Its total leaves out customers with an Azure plan.
    Endpoint {
        name: "partner_usage_summary",
        dataset: "partner_usage_summary",
        path: "usagesummary",
        user_only: true,
        ..USAGE
    },
    Endpoint {
        name: "customer_usage_summary",
        dataset: "customer_usage_summary",
        path: "customers/{customer}/usagesummary",
        user_only: true,
        over: Over::Customers,
        ..USAGE
    },
    Endpoint {
        name: "subscription_usage_summary",
        dataset: "subscription_usage_summary",
        path: "customers/{customer}/subscriptions/{subscription}/usagesummary",
        user_only: true,
        over: Over::AzureSubscriptions,
        ..USAGE
    },
    Endpoint {
        name: "customer_usage_records",
        dataset: "customer_usage_records",
        path: "customers/usagerecords",
        user_only: true,
        ..USAGE
    },
    Endpoint {
        name: "subscription_usage_records",
        dataset: "subscription_usage_records",
        path: "customers/{customer}/subscriptions/usagerecords",
        user_only: true,
        over: Over::Customers,
        ..USAGE
    },
    Endpoint {
        name: "meter_usage_records",
        dataset: "meter_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/meterusagerecords",
        user_only: true,
        paging: SEEK,
        over: Over::AzurePlans,
        ..USAGE
    },
    Endpoint {
        name: "resource_usage_records",
        dataset: "resource_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/resourceusagerecords",
        user_only: true,
        paging: SEEK,
        over: Over::AzurePlans,
        ..USAGE
    },
    // By meter, as above, but App-only and for classic subscriptions alone.
    Endpoint {
        name: "classic_usage_records",
        dataset: "classic_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/usagerecords/resources",
        over: Over::ClassicSubscriptions,
        ..USAGE
    },
    Endpoint {
        name: "usage_budget",
        dataset: "usage_budget",
        path: "customers/{customer}/usagebudget",
        over: Over::Customers,
        ..BASE
    },
    INVOICES,
    // By id, invoices after May 2025 may be refused; headers come from the list above
    // (`model::domain::endpoints` §0).
    Endpoint {
        name: "invoice",
        dataset: "invoice",
        path: "invoices/{invoice}",
        user_only: true,
        over: Over::InvoicesById,
        ..BASE
    },
    // The balance in the partner's own currency, and below it those in all currencies.
    Endpoint {
        name: "invoice_summary",
        dataset: "invoice_summaries",
        path: "invoices/summary",
        ..BASE
    },
    Endpoint {
        name: "invoice_summaries",
        dataset: "invoice_summaries",
        path: "invoices/summaries",
        user_only: true,
        ..BASE
    },
    // The links lead to endpoints that new commerce no longer serves: information only.
    Endpoint {
        name: "estimate_links",
        dataset: "estimate_links",
        path: "invoices/estimates/links",
        query: &[("currencycode", "{currency}")],
        over: Over::Currencies,
        ..BASE
    },
    Endpoint {
        name: "statements",
        dataset: "statements",
        path: "invoices/{invoice}/documents/statement",
        user_only: true,
        paging: Paging::File,
        over: Over::Invoices,
        snapshot: false,
        ..BASE
    },
    // One rate of each currency for the whole month.
    Endpoint {
        name: "fx_rates",
        dataset: "fx_rates",
        path: "sales/fxrates(Month='{month}')/$value",
        over: Over::Month,
        snapshot: false,
        paging: Paging::Sheet {
            columns: &["currencycode", "usdperunit", "month"],
        },
        ..SHEET
    },
    // The prices of the running month up to the day of the call.
    Endpoint {
        name: "price_sheets",
        dataset: "price_sheets",
        path: "sales/pricesheets(Market='{market}',PricesheetView='{view}')/$value",
        over: Over::PriceSheets,
        ..SHEET
    },
    Endpoint {
        name: "office_lines",
        dataset: "office_lines",
        query: &[
            ("provider", "office"),
            ("invoicelineitemtype", "billinglineitems"),
        ],
        ..LEGACY
    },
    Endpoint {
        name: "azure_lines",
        dataset: "azure_lines",
        query: &[
            ("provider", "azure"),
            ("invoicelineitemtype", "billinglineitems"),
        ],
        ..LEGACY
    },
    Endpoint {
        name: "azure_usage_lines",
        dataset: "azure_usage_lines",
        query: &[
            ("provider", "azure"),
            ("invoicelineitemtype", "usagelineitems"),
        ],
        ..LEGACY
    },
];

/// A row for sheets of the other host, for Admin and Sales Agents alone.
const SHEET: Endpoint = Endpoint {
    user_only: true,
    paging: Paging::Sheet { columns: &[] },
    // 204 is no sheet.
    proves_by_items: true,
    ..BASE
};

/// A row for lines of legacy commerce invoices.
const LEGACY: Endpoint = Endpoint {
    path: LINES,
    paging: Paging::Offset,
    page_size: 2_000,
    over: Over::LegacyInvoices,
    snapshot: false,
    ..BASE
};

/// A dataset that both generations of the API serve, or the second alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Endpoint in v1; its name is the dataset's. Without a path there is none.
    pub v1: Endpoint,
    /// Export in v2, by its path.
    pub(super) v2: Report,
    /// Kind of the data.
    pub(super) what: Billed,
}

impl Twin {
    /// True if v1 has nothing of it.
    #[must_use]
    pub fn is_export_only(&self) -> bool {
        self.v1.path.is_empty()
    }
}

/// A report of Graph's first version, of which all attributes are wanted.
const fn report(path: &'static str) -> Report {
    Report {
        version: "v1.0",
        path,
        has_attributes: true,
        is_new: false,
    }
}

/// Billed and unbilled usage and reconciliation lines, and billed usage by meter with its promotions.
pub const TWINS: &[Twin] = &[
    Twin {
        v1: Endpoint {
            name: "usage",
            dataset: "usage",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "usagelineitems"),
                ("currencycode", "{currency}"),
                ("period", "{usage_period}"),
            ],
            ..BILLED
        },
        v2: report("usage/billed/export"),
        what: Billed::Usage,
    },
    Twin {
        v1: Endpoint {
            name: "invoice_lines",
            dataset: "invoice_lines",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "billinglineitems"),
            ],
            ..BILLED
        },
        v2: report("reconciliation/billed/export"),
        what: Billed::Lines,
    },
    Twin {
        v1: Endpoint {
            name: "unbilled_usage",
            dataset: "unbilled_usage",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "usagelineitems"),
                ("currencycode", "{currency}"),
                ("period", "{period}"),
            ],
            ..UNBILLED
        },
        v2: report("usage/unbilled/export"),
        what: Billed::Usage,
    },
    Twin {
        v1: Endpoint {
            name: "unbilled_lines",
            dataset: "unbilled_lines",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "billinglineitems"),
                ("currencycode", "{currency}"),
                ("period", "{period}"),
            ],
            ..UNBILLED
        },
        v2: report("reconciliation/unbilled/export"),
        what: Billed::Lines,
    },
    // Documented in beta since September 2026 (model::domain::endpoints §7.1).
    Twin {
        v1: Endpoint {
            name: "aggregated_usage",
            dataset: "aggregated_usage",
            path: "",
            ..BILLED
        },
        v2: Report {
            version: "beta",
            path: "aggregatedUsage/billed/export",
            has_attributes: false,
            is_new: true,
        },
        what: Billed::Aggregated,
    },
];

/// A row for lines of new commerce invoices.
const BILLED: Endpoint = Endpoint {
    path: LINES,
    paging: SEEK,
    page_size: 2_000,
    over: Over::NewInvoices,
    snapshot: false,
    proves_by_items: true,
    ..BASE
};

/// A row for lines that are not billed yet, one request for each currency.
const UNBILLED: Endpoint = Endpoint {
    path: "invoices/unbilled/lineitems",
    paging: SEEK,
    page_size: 2_000,
    over: Over::Currencies,
    proves_by_items: true,
    ..BASE
};

/// The dataset of the endpoint with that name.
#[must_use]
pub fn dataset_of(name: &str) -> Option<&'static str> {
    all()
        .find(|endpoint| endpoint.name == name)
        .map(|endpoint| endpoint.dataset)
}

/// All names that a pipeline file can list, those with a twin in v2 first.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|endpoint| endpoint.name)
}

/// All endpoints of v1, those with a twin in v2 first.
pub(super) fn all() -> impl Iterator<Item = &'static Endpoint> {
    TWINS.iter().map(|twin| &twin.v1).chain(ENDPOINTS)
}
