//! Every endpoint that is asked, one row each: path, who may ask, how it is paged, what it is asked
//! for (`endpoints.md` §5). A new endpoint is one row.

/// How a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// One answer.
    None,
    /// By continuation token; `seek` is the parameter's name.
    Seek {
        /// `seekOperation`, or `seek_operation` for utilization.
        seek: &'static str,
        /// Whether the other parameters are sent again.
        keeps_query: bool,
    },
    /// By `size` and `offset`.
    Offset,
    /// Not JSON: a file.
    File,
}

/// For what an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Once.
    Partner,
    /// For each customer.
    Customers,
    /// For each Azure plan.
    AzurePlans,
    /// For each classic Azure subscription (MS-AZR-0145P).
    ClassicSubscriptions,
    /// For each Azure plan and each classic Azure subscription.
    AzureSubscriptions,
    /// For each currency.
    Currencies,
    /// For each invoice of the period.
    Invoices,
    /// For each invoice of the new commerce.
    NewInvoices,
    /// For each invoice of the legacy commerce.
    LegacyInvoices,
}

/// One endpoint of Partner Center v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name, in a pipeline's list.
    pub name: &'static str,
    /// What its answers hold.
    pub dataset: &'static str,
    /// Path below `/v1/`, with placeholders.
    pub path: &'static str,
    /// Query parameters, with placeholders.
    pub query: &'static [(&'static str, &'static str)],
    /// Whether App+User is needed.
    pub user_only: bool,
    /// How it is paged.
    pub paging: Paging,
    /// Rows a page; 0 where no size is sent.
    pub page_size: u32,
    /// Which gate its requests pass; `{customer}` makes it one for each.
    pub throttle: &'static str,
    /// For what it is asked.
    pub over: Over,
    /// Whether 204 means "not yet".
    pub waits_for_content: bool,
    /// Whether its answer is of today, so that tomorrow it is asked again.
    pub snapshot: bool,
}

const BASE: Endpoint = Endpoint {
    name: "",
    dataset: "",
    path: "",
    query: &[],
    user_only: false,
    paging: Paging::None,
    page_size: 0,
    throttle: "partner",
    over: Over::Partner,
    waits_for_content: false,
    snapshot: true,
};

const SEEK: Paging = Paging::Seek {
    seek: "seekOperation",
    keeps_query: true,
};
const SEEK_UTILIZATION: Paging = Paging::Seek {
    seek: "seek_operation",
    keeps_query: true,
};
const LINES: &str = "invoices/{invoice}/lineitems";
const WINDOW: &[(&str, &str)] = &[
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

/// Of customers, on which all that is asked for customers depends.
pub const CUSTOMERS: Endpoint = Endpoint {
    name: "customers",
    dataset: "customers",
    path: "customers",
    paging: SEEK,
    page_size: 500,
    ..BASE
};

/// Of a customer's subscriptions, on which all that is asked for subscriptions depends.
pub const SUBSCRIPTIONS: Endpoint = Endpoint {
    name: "subscriptions",
    dataset: "subscriptions",
    path: "customers/{customer}/subscriptions",
    throttle: "customer {customer}",
    over: Over::Customers,
    ..BASE
};

/// Of invoices, on which all that is asked for invoices depends.
pub const INVOICES: Endpoint = Endpoint {
    name: "invoices",
    dataset: "invoices",
    path: "invoices",
    paging: Paging::Offset,
    page_size: 200,
    ..BASE
};

/// All endpoints, but those that have a twin in v2.
pub const ENDPOINTS: &[Endpoint] = &[
    CUSTOMERS,
    SUBSCRIPTIONS,
    Endpoint {
        name: "azure_entitlements",
        dataset: "azure_entitlements",
        path: "customers/{customer}/subscriptions/{subscription}/azureEntitlements",
        throttle: "customer {customer}",
        over: Over::AzurePlans,
        ..BASE
    },
    Endpoint {
        name: "utilization_daily",
        dataset: "utilization",
        path: "customers/{customer}/subscriptions/{subscription}/utilizations/azure",
        query: WINDOW,
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
    Endpoint {
        name: "partner_usage_summary",
        dataset: "partner_usage_summary",
        path: "usagesummary",
        user_only: true,
        ..BASE
    },
    Endpoint {
        name: "customer_usage_summary",
        dataset: "customer_usage_summary",
        path: "customers/{customer}/usagesummary",
        user_only: true,
        over: Over::Customers,
        ..BASE
    },
    Endpoint {
        name: "subscription_usage_summary",
        dataset: "subscription_usage_summary",
        path: "customers/{customer}/subscriptions/{subscription}/usagesummary",
        user_only: true,
        over: Over::AzureSubscriptions,
        ..BASE
    },
    Endpoint {
        name: "customer_usage_records",
        dataset: "customer_usage_records",
        path: "customers/usagerecords",
        user_only: true,
        ..BASE
    },
    Endpoint {
        name: "subscription_usage_records",
        dataset: "subscription_usage_records",
        path: "customers/{customer}/subscriptions/usagerecords",
        user_only: true,
        over: Over::Customers,
        ..BASE
    },
    Endpoint {
        name: "meter_usage_records",
        dataset: "meter_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/meterusagerecords",
        user_only: true,
        paging: SEEK,
        over: Over::AzurePlans,
        ..BASE
    },
    Endpoint {
        name: "resource_usage_records",
        dataset: "resource_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/resourceusagerecords",
        user_only: true,
        paging: SEEK,
        over: Over::AzurePlans,
        ..BASE
    },
    Endpoint {
        name: "classic_usage_records",
        dataset: "classic_usage_records",
        path: "customers/{customer}/subscriptions/{subscription}/usagerecords/resources",
        over: Over::ClassicSubscriptions,
        ..BASE
    },
    Endpoint {
        name: "usage_budget",
        dataset: "usage_budget",
        path: "customers/{customer}/usagebudget",
        over: Over::Customers,
        ..BASE
    },
    INVOICES,
    Endpoint {
        name: "invoice",
        dataset: "invoice",
        path: "invoices/{invoice}",
        user_only: true,
        over: Over::Invoices,
        ..BASE
    },
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
    Endpoint {
        name: "office_lines",
        dataset: "office_lines",
        path: LINES,
        query: &[
            ("provider", "office"),
            ("invoicelineitemtype", "billinglineitems"),
        ],
        paging: Paging::Offset,
        page_size: 2_000,
        over: Over::LegacyInvoices,
        snapshot: false,
        ..BASE
    },
    Endpoint {
        name: "azure_lines",
        dataset: "azure_lines",
        path: LINES,
        query: &[
            ("provider", "azure"),
            ("invoicelineitemtype", "billinglineitems"),
        ],
        paging: Paging::Offset,
        page_size: 2_000,
        over: Over::LegacyInvoices,
        snapshot: false,
        ..BASE
    },
    Endpoint {
        name: "azure_usage_lines",
        dataset: "azure_usage_lines",
        path: LINES,
        query: &[
            ("provider", "azure"),
            ("invoicelineitemtype", "usagelineitems"),
        ],
        paging: Paging::Offset,
        page_size: 2_000,
        over: Over::LegacyInvoices,
        snapshot: false,
        ..BASE
    },
];

/// A dataset that both generations serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Its v1 endpoint; the name is the dataset's.
    pub v1: Endpoint,
    /// Path of its v2 export below the Graph reports.
    pub v2: &'static str,
    /// What it is.
    pub what: super::api_version::Billed,
}

/// Billed and unbilled usage and lines.
pub const TWINS: &[Twin] = &[
    Twin {
        v1: Endpoint {
            name: "usage",
            dataset: "usage",
            path: LINES,
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "usagelineitems"),
                ("currencycode", "{currency}"),
            ],
            paging: SEEK,
            page_size: 2_000,
            over: Over::NewInvoices,
            snapshot: false,
            ..BASE
        },
        v2: "usage/billed/export",
        what: super::api_version::Billed::Usage,
    },
    Twin {
        v1: Endpoint {
            name: "invoice_lines",
            dataset: "invoice_lines",
            path: LINES,
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "billinglineitems"),
            ],
            paging: SEEK,
            page_size: 2_000,
            over: Over::NewInvoices,
            snapshot: false,
            ..BASE
        },
        v2: "reconciliation/billed/export",
        what: super::api_version::Billed::Lines,
    },
    Twin {
        v1: Endpoint {
            name: "unbilled_usage",
            dataset: "unbilled_usage",
            path: "invoices/unbilled/lineitems",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "usagelineitems"),
                ("currencycode", "{currency}"),
                ("period", "{period}"),
            ],
            paging: SEEK,
            page_size: 2_000,
            over: Over::Currencies,
            ..BASE
        },
        v2: "usage/unbilled/export",
        what: super::api_version::Billed::Usage,
    },
    Twin {
        v1: Endpoint {
            name: "unbilled_lines",
            dataset: "unbilled_lines",
            path: "invoices/unbilled/lineitems",
            query: &[
                ("provider", "onetime"),
                ("invoicelineitemtype", "billinglineitems"),
                ("currencycode", "{currency}"),
                ("period", "{period}"),
            ],
            paging: SEEK,
            page_size: 2_000,
            over: Over::Currencies,
            ..BASE
        },
        v2: "reconciliation/unbilled/export",
        what: super::api_version::Billed::Lines,
    },
];

/// The dataset that an endpoint of that name answers.
#[must_use]
pub fn dataset_of(name: &str) -> Option<&'static str> {
    let all = TWINS.iter().map(|twin| &twin.v1).chain(ENDPOINTS);
    all.into_iter()
        .find(|endpoint| endpoint.name == name)
        .map(|endpoint| endpoint.dataset)
}

/// All names that a pipeline can list, those with twins first.
pub fn names() -> impl Iterator<Item = &'static str> {
    TWINS
        .iter()
        .map(|twin| twin.v1.name)
        .chain(ENDPOINTS.iter().map(|endpoint| endpoint.name))
}
