//! The domains of texts: what a text says, how its spellings fold together, and which domains are local to an account.

use crate::model::ids::{Fold, fold};

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Invoice number.
    Invoice,
    /// Customer tenant.
    Customer,
    /// Customer's name.
    CustomerName,
    /// Plan or licence subscription.
    Subscription,
    /// Currency code.
    Currency,
    /// Exchange rate, as text.
    Rate,
    /// Product id.
    Product,
    /// Product's name.
    ProductName,
    /// SKU id.
    Sku,
    /// Availability id.
    Availability,
    /// Meter id.
    Meter,
    /// Texts that a line's MeterDescription may repeat: meter name, meter type, SKU name.
    Description,
    /// Meter category.
    Category,
    /// Unit of measure.
    Unit,
    /// Azure subscription.
    Entitlement,
    /// Resource group.
    ResourceGroup,
    /// ARM id.
    Resource,
    /// Charge type.
    ChargeType,
    /// Price adjustment, canonical.
    Adjustment,
    /// Month of use, as `2026-10`.
    Month,
    /// `free`, of usage that is neither billed nor priced.
    Free,
    /// A number as it was written.
    Number,
    /// A date as it was written.
    Date,
}

/// Number of domains.
pub(crate) const DOMAINS: usize = Domain::Date as usize + 1;

/// Domains whose values are many, and mean nothing outside of their account: resources, and the numbers
/// and dates of lines.
pub const LOCAL: [Domain; 3] = [Domain::Resource, Domain::Number, Domain::Date];

impl Domain {
    /// Whether it is one of [`LOCAL`].
    #[must_use]
    pub fn is_local(self) -> bool {
        LOCAL.contains(&self)
    }

    /// How spellings of its values fold together.
    #[must_use]
    pub fn fold_kind(self) -> Fold {
        match self {
            Self::Sku => Fold::Sku,
            Self::Resource => Fold::ArmId,
            Self::Currency => Fold::Code,
            Self::CustomerName
            | Self::ProductName
            | Self::Description
            | Self::Category
            | Self::Unit
            | Self::ChargeType
            | Self::Adjustment
            | Self::Month
            | Self::Free
            | Self::Number
            | Self::Date => Fold::Text,
            _ => Fold::Identifier,
        }
    }
}

/// The folded form of a text of a domain.
#[must_use]
pub fn fold_as(domain: Domain, text: &str) -> String {
    fold(domain.fold_kind(), text)
}
