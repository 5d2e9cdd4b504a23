//! The tie-outs as data: what each compares, by which keys, in which measure, and what it may say.

use super::keys::Key;
use crate::model::cause::TieOut;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Money of the billing currency.
    Amount,
    /// Units of a meter.
    Quantity,
}

/// What rounding alone can make of a sum: from it comes the derived tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounded {
    /// Lines follow the rounding rules of the pipeline.
    ByRules,
    /// Cents are repeated as they are; a sum of more digits is rounded once.
    Once,
    /// A service computed with some fifteen digits.
    ServiceDigits,
    /// Each row of the invoiced side was rounded to so many decimals.
    EachTo(u32),
}

/// When a side is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// When it is complete: its groups are awaited as long as a unit or a row of it is missing.
    Complete,
    /// When, besides, the invoice has both usage and lines.
    Invoiced,
    /// Never: one side is an estimate or a snapshot. Breaks inform, and fail no close.
    Estimate,
}

/// One tie-out.
#[derive(Debug)]
pub struct Definition {
    /// Which.
    pub tie_out: TieOut,
    /// Datasets of which it needs one each: of the expected and the invoiced side.
    pub needs: &'static [&'static [&'static str]],
    /// Passes, finest first: name and keys.
    pub passes: &'static [(&'static str, &'static [Key])],
    /// What is compared.
    pub measure: Measure,
    /// What rounding can make of it.
    pub rounded: Rounded,
    /// When it is final.
    pub finality: Finality,
}

impl Definition {
    /// Its breaks inform, and fail no close.
    #[must_use]
    pub fn informs(&self) -> bool {
        self.finality == Finality::Estimate
    }
}

const SUMMARIES: &[&str] = &[
    "subscription_usage_summary",
    "customer_usage_summary",
    "partner_usage_summary",
];

/// The tie-outs of the contract, in the order of their names.
pub const DEFINITIONS: [Definition; 8] = [
    Definition {
        tie_out: TieOut::LineArithmetic,
        needs: &[&["invoice_lines"]],
        passes: &[(
            "line",
            &[
                Key::Invoice,
                Key::Customer,
                Key::Subscription,
                Key::Product,
                Key::Sku,
                Key::Availability,
                Key::Description,
                Key::Adjustment,
                Key::Currency,
                Key::Line,
            ],
        )],
        measure: Measure::Amount,
        rounded: Rounded::ByRules,
        finality: Finality::Complete,
    },
    Definition {
        tie_out: TieOut::LinesToInvoice,
        needs: &[&["invoice_lines"], &["invoices"]],
        passes: &[("invoice", &[Key::Invoice, Key::Currency])],
        measure: Measure::Amount,
        rounded: Rounded::Once,
        finality: Finality::Complete,
    },
    Definition {
        tie_out: TieOut::RateCard,
        needs: &[&["rate_card"], &["azure_lines"]],
        passes: &[(
            "meter",
            &[Key::Customer, Key::Subscription, Key::Meter, Key::Currency],
        )],
        measure: Measure::Amount,
        rounded: Rounded::EachTo(2),
        finality: Finality::Complete,
    },
    Definition {
        tie_out: TieOut::RecordsToSummary,
        needs: &[
            &[
                "meter_usage_records",
                "resource_usage_records",
                "classic_usage_records",
                "subscription_usage_records",
                "customer_usage_records",
            ],
            SUMMARIES,
        ],
        passes: &[(
            "total",
            &[
                Key::Customer,
                Key::Subscription,
                Key::Description,
                Key::Currency,
            ],
        )],
        measure: Measure::Amount,
        rounded: Rounded::ServiceDigits,
        finality: Finality::Complete,
    },
    Definition {
        tie_out: TieOut::UnbilledToBilled,
        needs: &[&["unbilled_usage"], &["usage"]],
        passes: &[
            (
                "meter_and_price",
                &[
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Availability,
                    Key::Description,
                    Key::Adjustment,
                    Key::Currency,
                ],
            ),
            (
                "meter",
                &[
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Availability,
                    Key::Description,
                    Key::Currency,
                ],
            ),
            (
                "sku",
                &[
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Currency,
                ],
            ),
            (
                "product",
                &[
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Currency,
                ],
            ),
        ],
        measure: Measure::Amount,
        rounded: Rounded::ServiceDigits,
        finality: Finality::Estimate,
    },
    Definition {
        tie_out: TieOut::UsageToInvoice,
        needs: &[&["usage"], &["invoice_lines"]],
        // None is coarser than the product: a customer's plan as a whole would always find a partner,
        // and hide one error behind another.
        passes: &[
            (
                "meter_and_price",
                &[
                    Key::Invoice,
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Availability,
                    Key::Description,
                    Key::Adjustment,
                    Key::Currency,
                ],
            ),
            (
                "meter",
                &[
                    Key::Invoice,
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Availability,
                    Key::Description,
                    Key::Currency,
                ],
            ),
            (
                "meter_any_availability",
                &[
                    Key::Invoice,
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Description,
                    Key::Currency,
                ],
            ),
            (
                "sku",
                &[
                    Key::Invoice,
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Sku,
                    Key::Currency,
                ],
            ),
            (
                "product",
                &[
                    Key::Invoice,
                    Key::Customer,
                    Key::Subscription,
                    Key::Product,
                    Key::Currency,
                ],
            ),
        ],
        measure: Measure::Amount,
        rounded: Rounded::ByRules,
        finality: Finality::Invoiced,
    },
    Definition {
        tie_out: TieOut::UsageToSummary,
        needs: &[&["usage"], &["subscription_usage_summary"]],
        passes: &[(
            "subscription",
            &[Key::Customer, Key::Subscription, Key::Currency],
        )],
        measure: Measure::Amount,
        rounded: Rounded::ServiceDigits,
        finality: Finality::Estimate,
    },
    Definition {
        tie_out: TieOut::UtilizationToUsage,
        needs: &[&["utilization"], &["azure_usage_lines", "usage"]],
        passes: &[
            (
                "resource_and_day",
                &[
                    Key::Customer,
                    Key::Subscription,
                    Key::Meter,
                    Key::Resource,
                    Key::Day,
                ],
            ),
            (
                "meter_and_day",
                &[Key::Customer, Key::Subscription, Key::Meter, Key::Day],
            ),
            ("meter", &[Key::Customer, Key::Subscription, Key::Meter]),
        ],
        measure: Measure::Quantity,
        rounded: Rounded::EachTo(6),
        finality: Finality::Complete,
    },
];

/// The definition of a tie-out.
#[must_use]
pub fn definition(tie_out: TieOut) -> &'static Definition {
    let found = DEFINITIONS
        .iter()
        .find(|definition| definition.tie_out == tie_out);
    found.expect("every tie-out is defined")
}

/// Tie-outs that a dataset is part of.
pub fn uses(dataset: &str) -> impl Iterator<Item = TieOut> {
    let of = |definition: &&Definition| {
        definition
            .needs
            .iter()
            .any(|needed| needed.contains(&dataset))
    };
    DEFINITIONS
        .iter()
        .filter(of)
        .map(|definition| definition.tie_out)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What usage says.
    Expected,
    /// What the provider sums up or asks for.
    Invoiced,
}

/// How rows of a dataset become a side of a tie-out.
#[derive(Debug)]
pub struct Feed {
    /// Dataset, as `model::record` names it.
    pub set: &'static str,
    /// The tie-out.
    pub tie_out: TieOut,
    /// The side.
    pub side: Side,
    /// Key and the column that it is read from.
    pub keys: &'static [(Key, &'static str)],
    /// What is summed up, where one customer or subscription is summed up in several ways: stands in
    /// for the meter's description.
    pub label: &'static str,
    /// Column of the quantity; empty for none.
    pub quantity: &'static str,
    /// Column of the amount; empty for none.
    pub amount: &'static str,
    /// Only rows in which this column has a value.
    pub only_with: &'static str,
}

const METERS: &str = "all meters";
const RESOURCES: &str = "all resources";
const SUBSCRIPTIONS: &str = "all subscriptions";
const CUSTOMERS: &str = "all customers";

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
        label,
        quantity: "",
        amount: "total_cost",
        only_with: "",
    }
}

const OF_SUBSCRIPTION: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Currency, "currency_code"),
];
const OF_CUSTOMER: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Currency, "currency_code"),
];
const OF_PARTNER: &[(Key, &str)] = &[(Key::Currency, "currency_code")];
const UTILIZED: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Meter, "meter_id"),
    (Key::Description, "meter_name"),
    (Key::Resource, "resource_uri"),
    (Key::Day, "usage_start_time"),
];
const CLASSIC_USED: &[(Key, &str)] = &[
    (Key::Customer, "customer_id"),
    (Key::Subscription, "subscription_id"),
    (Key::Meter, "meter_id"),
    (Key::Description, "meter_name"),
    (Key::Day, "usage_date"),
];

/// The feeds. Usage, invoice lines and headers come through the totals instead; a rate card is no
/// side by itself (`rate_card`).
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
    // Classic subscriptions name no currency code, and have no records by resource.
    Feed {
        only_with: "currency_code",
        ..cost(
            "subscription_usage_summary",
            Side::Invoiced,
            OF_SUBSCRIPTION,
            RESOURCES,
        )
    },
    // Its rows are of a customer's list: the subscription is a row, not what is summed up.
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
    cost(
        "customer_usage_records",
        Side::Expected,
        OF_PARTNER,
        CUSTOMERS,
    ),
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
        label: "",
        quantity: "",
        amount: "total_cost",
        // Classic subscriptions have no daily rated usage.
        only_with: "currency_code",
    },
    Feed {
        set: "utilization",
        tie_out: TieOut::UtilizationToUsage,
        side: Side::Expected,
        keys: UTILIZED,
        label: "",
        quantity: "quantity",
        amount: "",
        only_with: "",
    },
    Feed {
        set: "azure_usage_lines",
        tie_out: TieOut::UtilizationToUsage,
        side: Side::Invoiced,
        keys: CLASSIC_USED,
        label: "",
        quantity: "consumed_quantity",
        amount: "",
        only_with: "",
    },
];
