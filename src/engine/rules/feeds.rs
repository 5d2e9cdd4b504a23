//! Feeds of the tie-outs besides usage to invoice, as data: how the rows of a dataset become a
//! side.
//!
//! A dataset may feed several sides, in the same tie-out too: a subscription's summary is held
//! against its meters and against its resources. Reading and summing the rows is not done here but
//! in `fold/entries`.

use super::definitions::Side;
use super::keys::Key;
use crate::model::cause::TieOut;

/// Way in which rows of a dataset become a side of a tie-out.
#[derive(Debug)]
pub struct Feed {
    /// Name of the dataset, as in [`crate::model::record`].
    pub set: &'static str,
    /// Tie-out that the rows are compared in.
    pub tie_out: TieOut,
    /// Side that the rows make, or a part of it.
    pub side: Side,
    /// Keys of a row, each with the column of the dataset that it is read from.
    pub keys: &'static [(Key, &'static str)],
    /// Name of what is summed up, where one customer or subscription is summed up in several ways.
    /// It stands in for the meter's description, so that each way is a group of its own.
    pub label: Option<&'static str>,
    /// Column that is true for rows of another label, and that label.
    pub labelled_by: Option<(&'static str, &'static str)>,
    /// Column that is compared; the tie-out's measure says whether it holds amounts or quantities.
    pub measured: &'static str,
    /// Column that must have a value, lest the row be passed over; `None` takes all rows.
    pub only_with: Option<&'static str>,
}

// Labels of the ways in which costs are summed up.
const METERS: &str = "all meters";
const RESOURCES: &str = "all resources";
const SUBSCRIPTIONS: &str = "all subscriptions";
const CUSTOMERS: &str = "all customers";
/// Label of the customers whom the partner's summary leaves out: those with an Azure plan ([semantics
/// §11](crate::model::domain::semantics), 19).
pub const AZURE_PLAN_CUSTOMERS: &str = "customers with an Azure plan";

/// Feed of costs in `records-to-summary`.
const fn cost(
    set: &'static str,
    side: Side,
    keys: &'static [(Key, &'static str)],
    label: &'static str,
) -> Feed {
    Feed {
        set,
        tie_out: TieOut::RecordsToSummary,
        side,
        keys,
        label: Some(label),
        labelled_by: None,
        measured: "total_cost",
        only_with: None,
    }
}

/// Keys of costs of a subscription.
const OF_SUBSCRIPTION: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Currency, "currency_code"),
];
/// Keys of costs of a customer.
const OF_CUSTOMER: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Currency, "currency_code"),
];
/// Keys of costs of the whole partner.
const OF_PARTNER: &[(Key, &str)] = &[(Key::Currency, "currency_code")];
/// Keys of a classic utilization record.
const UTILIZED: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Meter, "meter_id"),
    (Key::Description, "meter_name"),
    (Key::Resource, "resource_uri"),
    (Key::Day, "usage_start_time"),
];
/// Keys of a classic daily usage line, which names no resource in a column of its own.
const CLASSIC_USED: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Meter, "meter_id"),
    (Key::Description, "meter_name"),
    (Key::Day, "usage_date"),
];

/// Feeds of all tie-outs. Usage, invoice lines and headers have none, as they come through the
/// totals; nor has the rate card, which is no side by itself ([`rate_card`](super::rate_card)).
pub const FEEDS: &[Feed] = &[
    cost(
        "meter_usage_records",
        Side::Expected,
        OF_SUBSCRIPTION,
        METERS,
    ),
    cost(
        "classic_usage_records",
        Side::Expected,
        OF_SUBSCRIPTION,
        METERS,
    ),
    cost(
        "resource_usage_records",
        Side::Expected,
        OF_SUBSCRIPTION,
        RESOURCES,
    ),
    cost(
        "subscription_usage_summary",
        Side::Invoiced,
        OF_SUBSCRIPTION,
        METERS,
    ),
    // Classic subscriptions name no currency code, and have no records by resource
    // (model::domain::resources §B, usage summary and usage records).
    Feed {
        only_with: Some("currency_code"),
        ..cost(
            "subscription_usage_summary",
            Side::Invoiced,
            OF_SUBSCRIPTION,
            RESOURCES,
        )
    },
    // The records are a customer's list of subscriptions, of which the customer's summary is the
    // sum: no subscription among the keys.
    cost(
        "subscription_usage_records",
        Side::Expected,
        OF_CUSTOMER,
        SUBSCRIPTIONS,
    ),
    cost(
        "customer_usage_summary",
        Side::Invoiced,
        OF_CUSTOMER,
        SUBSCRIPTIONS,
    ),
    Feed {
        labelled_by: Some(("is_upgraded", AZURE_PLAN_CUSTOMERS)),
        ..cost(
            "customer_usage_records",
            Side::Expected,
            OF_PARTNER,
            CUSTOMERS,
        )
    },
    cost(
        "partner_usage_summary",
        Side::Invoiced,
        OF_PARTNER,
        CUSTOMERS,
    ),
    Feed {
        set: "subscription_usage_summary",
        tie_out: TieOut::UsageToSummary,
        side: Side::Invoiced,
        keys: OF_SUBSCRIPTION,
        label: None,
        labelled_by: None,
        measured: "total_cost",
        // Classic subscriptions have no daily rated usage, and are told by their missing currency
        // code.
        only_with: Some("currency_code"),
    },
    Feed {
        set: "utilization",
        tie_out: TieOut::UtilizationToUsage,
        side: Side::Expected,
        keys: UTILIZED,
        label: None,
        labelled_by: None,
        measured: "quantity",
        only_with: None,
    },
    Feed {
        set: "azure_usage_lines",
        tie_out: TieOut::UtilizationToUsage,
        side: Side::Invoiced,
        keys: CLASSIC_USED,
        label: None,
        labelled_by: None,
        measured: "consumed_quantity",
        only_with: None,
    },
];
