//! The words a variance is described with: tie-outs, statuses, causes.
//!
//! Closed sets, so that the compiler names every place that a new one concerns. Their order is that
//! of the reports; which cause is looked for first is decided where causes are attributed, not
//! here.

/// A tie-out: one comparison of an expected with an invoiced side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TieOut {
    /// Reconciliation lines' Subtotal against what their own price, quantity and rate come to.
    LineArithmetic,
    /// Reconciliation lines' Total against the invoice header.
    LinesToInvoice,
    /// Charges of classic Azure usage lines against the rate card.
    RateCard,
    /// Usage records against the usage summaries above them.
    RecordsToSummary,
    /// The last unbilled snapshot of the month against its billed usage.
    UnbilledToBilled,
    /// Daily rated usage against reconciliation lines of usage products.
    UsageToInvoice,
    /// Daily rated usage against usage summaries.
    UsageToSummary,
    /// Classic utilization records against the invoice's classic usage lines.
    UtilizationToUsage,
}

impl TieOut {
    /// All tie-outs, in the order of their names.
    pub const ALL: [Self; 8] = [
        Self::LineArithmetic,
        Self::LinesToInvoice,
        Self::RateCard,
        Self::RecordsToSummary,
        Self::UnbilledToBilled,
        Self::UsageToInvoice,
        Self::UsageToSummary,
        Self::UtilizationToUsage,
    ];

    /// Name in reports, pipeline files and flags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LineArithmetic => "line-arithmetic",
            Self::LinesToInvoice => "lines-to-invoice",
            Self::RateCard => "rate-card",
            Self::RecordsToSummary => "records-to-summary",
            Self::UnbilledToBilled => "unbilled-to-billed",
            Self::UsageToInvoice => "usage-to-invoice",
            Self::UsageToSummary => "usage-to-summary",
            Self::UtilizationToUsage => "utilization-to-usage",
        }
    }
}

/// Status of a compared group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Both sides are equal.
    Tied,
    /// The sides differ, by no more than the tolerance.
    WithinTolerance,
    /// The sides differ by more than the tolerance: somebody must look at it.
    Break,
    /// The other side is not final yet.
    Awaited,
    /// The invoiced product never appears in usage.
    OutOfScope,
}

impl Status {
    /// All statuses, in the order in which they are counted.
    pub const ALL: [Self; 5] = [
        Self::Tied,
        Self::WithinTolerance,
        Self::Break,
        Self::Awaited,
        Self::OutOfScope,
    ];

    /// Name in reports and in the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tied => "tied",
            Self::WithinTolerance => "within_tolerance",
            Self::Break => "break",
            Self::Awaited => "awaited",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

/// Proof that rounding alone makes a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// The invoice's own rule makes the invoiced amount of the usage, to the last digit.
    Exact,
    /// The variance is within what rounding can make, where not all that it depends on is known.
    Bounded,
    /// Rounding cannot make the variance.
    None,
}

impl Proof {
    /// Name in reports and in the published tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Bounded => "bounded",
            Self::None => "none",
        }
    }
}

/// A named part of a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Rounding by Microsoft's rules ([semantics §3](crate::model::domain::semantics)).
    Rounding,
    /// Exchange rate of the invoice other than that of usage.
    Fx,
    /// Unit price of the invoice other than that of usage.
    Price,
    /// Quantity invoiced other than that used.
    Quantity,
    /// Partner earned credit gained or lost.
    PartnerEarnedCredit,
    /// A promotion, or another discount beside the partner earned credit, that only the invoice's
    /// price has ([semantics §5](crate::model::domain::semantics)).
    Promotion,
    /// A credit that one side does not show.
    Credit,
    /// Tax that only the lines, or only the header, has.
    Tax,
    /// Usage or charges of another cycle, billed late or early.
    Timing,
    /// A product that never appears in usage.
    OutOfScope,
    /// A usage row or invoice line that came twice.
    Duplicate,
    /// Invoiced without any usage for it.
    MissingUsage,
    /// Used without being invoiced.
    MissingInvoice,
    /// Remainder that none of the other causes explains.
    Unexplained,
}

impl Cause {
    /// All causes, in the order of their columns.
    pub const ALL: [Self; 14] = [
        Self::Rounding,
        Self::Fx,
        Self::Price,
        Self::Quantity,
        Self::PartnerEarnedCredit,
        Self::Promotion,
        Self::Credit,
        Self::Tax,
        Self::Timing,
        Self::OutOfScope,
        Self::Duplicate,
        Self::MissingUsage,
        Self::MissingInvoice,
        Self::Unexplained,
    ];

    /// Name in reports and in the manifest; its column is `<name>_amount`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rounding => "rounding",
            Self::Fx => "fx",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::PartnerEarnedCredit => "partner_earned_credit",
            Self::Promotion => "promotion",
            Self::Credit => "credit",
            Self::Tax => "tax",
            Self::Timing => "timing",
            Self::OutOfScope => "out_of_scope",
            Self::Duplicate => "duplicate",
            Self::MissingUsage => "missing_usage",
            Self::MissingInvoice => "missing_invoice",
            Self::Unexplained => "unexplained",
        }
    }
}
