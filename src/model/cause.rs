//! The words a variance is described with: tie-outs, statuses, causes.

/// One comparison of an expected with an invoiced side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TieOut {
    /// Recon lines' Total against the invoice header.
    LinesToInvoice,
    /// Daily rated usage against recon lines of usage products.
    UsageToInvoice,
}

impl TieOut {
    /// All tie-outs, in the order of their names.
    pub const ALL: [Self; 2] = [Self::LinesToInvoice, Self::UsageToInvoice];

    /// Name in reports and pipelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinesToInvoice => "lines-to-invoice",
            Self::UsageToInvoice => "usage-to-invoice",
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
    pub const ALL: [Self; 5] = [Self::Tied, Self::WithinTolerance, Self::Break, Self::Awaited, Self::OutOfScope];

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
