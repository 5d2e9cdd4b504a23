//! The words a variance is described with: tie-outs, statuses, causes.

/// One comparison of an expected with an invoiced side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TieOut {
    /// Recon lines' Subtotal, recomputed from their own numbers.
    LineArithmetic,
    /// Recon lines' Total against the invoice header.
    LinesToInvoice,
    /// Classic usage lines against the rate card.
    RateCard,
    /// Usage records against usage summaries.
    RecordsToSummary,
    /// The last unbilled snapshot of the month against its billed usage.
    UnbilledToBilled,
    /// Daily rated usage against recon lines of usage products.
    UsageToInvoice,
    /// Daily rated usage against usage summaries.
    UsageToSummary,
    /// Utilization records against usage.
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

    /// Name in reports and pipelines.
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

/// Where a compared group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Both sides are equal.
    Tied,
    /// The difference is no more than the tolerance.
    WithinTolerance,
    /// The difference must be looked at.
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

    /// Name in reports.
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

/// A named part of a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Rounding by Microsoft's rules.
    Rounding,
    /// Another exchange rate.
    Fx,
    /// Another unit price.
    Price,
    /// Another quantity.
    Quantity,
    /// Partner earned credit gained or lost.
    PartnerEarnedCredit,
    /// A credit that one side does not show.
    Credit,
    /// Tax.
    Tax,
    /// Late or earlier-cycle usage.
    Timing,
    /// A product that never appears in usage.
    OutOfScope,
    /// A line that came twice.
    Duplicate,
    /// Invoiced, and no usage for it.
    MissingUsage,
    /// Used, and not invoiced.
    MissingInvoice,
    /// What is left.
    Unexplained,
}

impl Cause {
    /// All causes, in the order of their columns.
    pub const ALL: [Self; 13] = [
        Self::Rounding,
        Self::Fx,
        Self::Price,
        Self::Quantity,
        Self::PartnerEarnedCredit,
        Self::Credit,
        Self::Tax,
        Self::Timing,
        Self::OutOfScope,
        Self::Duplicate,
        Self::MissingUsage,
        Self::MissingInvoice,
        Self::Unexplained,
    ];

    /// Name in reports; its column is `<name>_amount`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rounding => "rounding",
            Self::Fx => "fx",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::PartnerEarnedCredit => "partner_earned_credit",
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
