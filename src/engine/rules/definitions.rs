//! The tie-outs as data: what each compares, by which keys, in which measure, and how final it is.
//!
//! The engine, the pipeline's checks and the publisher all read this table, and none of them names
//! a tie-out where a property of it would do. How the rows of a dataset become a side stands in
//! `feeds`.

use super::keys::{FINE_KEYS, Key, UNBILLED_KEYS};
use crate::model::cause::TieOut;

/// Side of a comparison. Variances are invoiced less expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Expected side: usage, or what is one level closer to usage.
    Expected,
    /// Invoiced side: what the provider sums up or asks for.
    Invoiced,
}

/// Measure that a tie-out compares; the other one is published beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Money, in the billing currency.
    Amount,
    /// Units of a meter, whatever they cost.
    Quantity,
}

/// Rounding that a sum went through before it came here, from which its derived tolerance follows
/// ([semantics §3](crate::model::domain::semantics)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounded {
    /// Each line was rounded by one of the rules in the pipeline.
    ByRules,
    /// Sums of cents are repeated as they are; a sum of more digits was rounded once.
    Once,
    /// A service computed the numbers with some fifteen significant digits.
    ServiceDigits,
    /// Each row of the invoiced side was rounded to this number of decimals.
    EachTo(u32),
}

/// Moment from which a difference counts as a break; until then it is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// Both sides are complete: groups are awaited as long as a unit or a row of a side is missing.
    Complete,
    /// Both sides are complete, and the invoice has usage as well as lines.
    Invoiced,
    /// The snapshot is complete: what it could not know yet informs only, and all else is a break.
    Snapshot,
    /// No such moment: one side is an estimate. Breaks inform, and fail no close.
    Estimate,
}

/// Definition of one tie-out.
#[derive(Debug)]
pub struct Definition {
    /// Tie-out that is defined.
    pub tie_out: TieOut,
    /// Datasets that the sides are made of, the expected side first: of each side at least one must
    /// be there. A single entry makes both sides.
    pub needs: &'static [&'static [&'static str]],
    /// Passes by which rows are matched, finest first, each with its name and its keys.
    pub passes: &'static [(&'static str, &'static [Key])],
    /// Measure that is compared.
    pub measure: Measure,
    /// Rounding of the sums.
    pub rounded: Rounded,
    /// Moment from which differences are breaks.
    pub finality: Finality,
}

/// Usage summaries, each the sum of the records one level below it.
const SUMMARIES: &[&str] = &[
    "subscription_usage_summary",
    "customer_usage_summary",
    "partner_usage_summary",
];

/// Definitions of all tie-outs, in the order of their names, which is also that of the output.
pub const DEFINITIONS: [Definition; 8] = [
    Definition {
        tie_out: TieOut::LineArithmetic,
        // Both sides are made of one line: it is held against itself, and no match is made.
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
        // The card has no customers: its side is made of the lines' own units, at the card's
        // prices.
        needs: &[&["rate_card"], &["azure_lines"]],
        passes: &[(
            "meter",
            &[
                Key::Customer,
                Key::Subscription,
                Key::Meter,
                // First day of the charge period.
                Key::Day,
                Key::Currency,
            ],
        )],
        measure: Measure::Amount,
        rounded: Rounded::EachTo(2),
        finality: Finality::Complete,
    },
    Definition {
        tie_out: TieOut::RecordsToSummary,
        // The description is the label of a feed: each way of summing up is compared by itself.
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
        // Days are no key of a pass: late usage must meet its meter, to be told as a step of its
        // own.
        needs: &[&["unbilled_usage"], &["usage"]],
        passes: &[
            ("meter_and_price", UNBILLED_KEYS),
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
        finality: Finality::Snapshot,
    },
    Definition {
        tie_out: TieOut::UsageToInvoice,
        needs: &[&["usage"], &["invoice_lines"]],
        // No pass is coarser than the product: a customer's plan as a whole would always find a
        // partner, and hide one error behind another (semantics §11, point 21).
        passes: &[
            ("meter_and_price", &FINE_KEYS),
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
                // Usage of basic attributes has no customer; its plan is as good a name.
                "meter_any_customer",
                &[
                    Key::Invoice,
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
        // Quantities are compared, as utilization records have no prices. No pass is without the day:
        // it would tie units of one day with those of another.
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
                // Classic daily usage names no resource: its rows meet their records here.
                "meter_and_day",
                &[Key::Customer, Key::Subscription, Key::Meter, Key::Day],
            ),
        ],
        measure: Measure::Quantity,
        rounded: Rounded::EachTo(6),
        finality: Finality::Complete,
    },
];

/// Definition of a tie-out.
#[must_use]
pub fn definition(tie_out: TieOut) -> &'static Definition {
    let found = DEFINITIONS
        .iter()
        .find(|definition| definition.tie_out == tie_out);
    found.expect("every tie-out is defined")
}

/// Tie-outs of which a dataset is a side, or a part of one.
pub fn uses(dataset: &str) -> impl Iterator<Item = TieOut> {
    DEFINITIONS
        .iter()
        .filter(move |definition| definition.needs.iter().any(|side| side.contains(&dataset)))
        .map(|definition| definition.tie_out)
}
