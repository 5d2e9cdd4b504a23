//! The domains of texts: which texts are values of one kind, and how spellings of one value fold
//! together.
//!
//! Parts of the [key table](super::keys) that share a domain share codes, and only their codes may
//! be compared with each other: a line's MeterDescription with a usage row's meter name, for
//! instance.

use crate::model::ids::{Fold, fold};

/// Domain of a text: the kind of value that the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Invoices, by their numbers.
    Invoice,
    /// Customers, by their tenant ids.
    Customer,
    /// Names of customers, as files spell them.
    CustomerName,
    /// Azure plans and licence subscriptions, by their Partner Center ids.
    Subscription,
    /// Currencies, by their codes.
    Currency,
    /// Exchange rates, as they were written.
    Rate,
    /// Products, by their ids.
    Product,
    /// Names of products, as files spell them.
    ProductName,
    /// SKUs, by their ids.
    Sku,
    /// Availabilities, by their ids.
    Availability,
    /// Meters, by their ids.
    Meter,
    /// Texts that a line's MeterDescription may repeat: meter name, meter type, SKU name.
    Description,
    /// Categories of meters, as usage names them.
    Category,
    /// Units in which meters measure.
    Unit,
    /// Azure subscriptions, by their ids.
    Entitlement,
    /// Names of resource groups.
    ResourceGroup,
    /// Resources, by their ARM ids.
    Resource,
    /// Kinds of charges, as ChargeType names them.
    ChargeType,
    /// Price adjustments, in the words that usage and lines share.
    Adjustment,
    /// Months of use, as `2026-10`.
    Month,
    /// Mark of usage that is neither billed nor priced: `free` or nothing.
    Free,
    /// Numbers, as they were written.
    Number,
    /// Dates, as they were written.
    Date,
}

/// Number of domains, each at the position of its number.
pub(crate) const DOMAINS: usize = Domain::Date as usize + 1;

/// Domains with many values, each of which means nothing outside of its account: resources, and the
/// numbers and dates of lines. Where data are compared part by part, only the values of one part
/// are in memory.
pub const LOCAL: [Domain; 3] = [Domain::Resource, Domain::Number, Domain::Date];

impl Domain {
    /// True if the domain is one of [`LOCAL`].
    #[must_use]
    pub fn is_local(self) -> bool {
        LOCAL.contains(&self)
    }

    /// Kind of folding that spellings of one value have in common.
    #[must_use]
    pub fn fold_kind(self) -> Fold {
        match self {
            Self::Sku => Fold::Sku,
            Self::Resource => Fold::ArmId,
            Self::Currency => Fold::Code,
            // Texts, whose case and blanks differ from file to file.
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
            Self::Invoice
            | Self::Customer
            | Self::Subscription
            | Self::Rate
            | Self::Product
            | Self::Availability
            | Self::Meter
            | Self::Entitlement
            | Self::ResourceGroup => Fold::Identifier,
        }
    }
}

/// Folded form of a text of a domain: equal for all spellings of one value.
#[must_use]
pub fn fold_as(domain: Domain, text: &str) -> String {
    fold(domain.fold_kind(), text)
}
