//! Names of the parts of a key, of the tuples that hold their raw texts, and of the places where
//! each side has them.
//!
//! The names alone: what each part is in a pipeline, in a frame and in the output stands in the
//! [key table](super::keys). A new part is a variant of [`Part`] here and a row there, at one place
//! in both.

/// Number of tuples in the raw key of a total.
pub const TUPLES: usize = 4;

/// One of the tuples that make a raw key. Fast, because rows that follow each other mostly share an
/// account and a product: each tuple is first compared with the one of the row before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// Invoice, customer, subscription and currencies.
    Account,
    /// Product down to the meter, with the names that go with the ids.
    Product,
    /// Azure subscription and the resource in it.
    Resource,
    /// Charge type, price and time: the fields by which prices of one meter differ.
    State,
}

impl Tuple {
    /// All tuples, in the order in which they make a key.
    pub const ALL: [Self; TUPLES] = [Self::Account, Self::Product, Self::Resource, Self::State];
}

/// A field of a raw key that no input column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Month of the day of use, as `2026-10`; empty for rows without a day.
    Month,
    /// Day of use, as `2026-10-05`; empty for rows without a day.
    Day,
    /// `free` for usage that is neither billed nor priced, empty otherwise.
    Free,
    /// Total of a line less its Subtotal and TaxTotal, in digits; empty where they agree, and where
    /// the line lacks one of them.
    TotalApart,
}

/// Origin of a part of the key on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The side lacks the part.
    Nowhere,
    /// Text of an input column, by its position among the dataset's columns.
    Text(Tuple, usize),
    /// Text that is made of the row's numbers, at the end of [`Tuple::State`].
    Derived(Derived),
    /// Price adjustment, made of other texts of [`Tuple::State`] when they are folded.
    Adjustment,
    /// Promotion, made of other texts of [`Tuple::State`] when they are folded.
    Promotion,
}

/// Kinds of rows that are counted by a raw key of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Usage, each key once a month.
    Usage,
    /// Usage day by day.
    DailyUsage,
    /// Invoice lines, each kind of line once.
    Lines,
}

/// A part of the key, by its row in the [key table](super::keys::PARTS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Invoice number; empty on unbilled rows.
    Invoice,
    /// Customer, by tenant id.
    Customer,
    /// Customer's name, shown and never compared.
    CustomerName,
    /// Azure plan or licence subscription, by its Partner Center id.
    Subscription,
    /// Azure subscription below a plan.
    Entitlement,
    /// Product, by its id.
    Product,
    /// SKU, by its id.
    Sku,
    /// Availability, by its id; missing where only basic attributes were fetched.
    Availability,
    /// SKU's name, shown and never compared.
    SkuName,
    /// Product's name, shown and never compared.
    ProductName,
    /// Meter, by its id.
    Meter,
    /// Meter's name, one of [`DESCRIPTION_PARTS`](super::keys::DESCRIPTION_PARTS).
    MeterName,
    /// Meter's type, one of [`DESCRIPTION_PARTS`](super::keys::DESCRIPTION_PARTS).
    MeterType,
    /// Meter's category, shown and never compared.
    MeterCategory,
    /// Unit of measure, shown and never compared.
    Unit,
    /// Resource group, shown and never compared.
    ResourceGroup,
    /// Resource, by its ARM id.
    Resource,
    /// MeterDescription of a line; on the usage side the column that the lines were found to
    /// repeat.
    Description,
    /// Kind of the charge.
    ChargeType,
    /// Price adjustment, in words that usage and lines share.
    Adjustment,
    /// Billing currency, by its code.
    Currency,
    /// Currency in which the price is set, by its code.
    PricingCurrency,
    /// Exchange rate from the pricing to the billing currency, as it was written.
    Rate,
    /// Description of a line's price adjustment, as it was written.
    AdjustmentText,
    /// Promotion of a line, by its id.
    PromotionId,
    /// Mark of a line whose price has a promotion, or another discount beside the partner earned
    /// credit.
    Promotion,
    /// Kind of the credit on a usage row.
    CreditType,
    /// Partner earned credit of a usage row, in percent.
    EarnedCreditPercentage,
    /// Credit of a usage row, in percent.
    CreditPercentage,
    /// Kind of the benefit that covers a usage row.
    BenefitType,
    /// Description of a line's subscription.
    SubscriptionDescription,
    /// Term and billing cycle of a line, in free text.
    Term,
    /// Reservation order of a line, by its id.
    ReservationOrder,
    /// Effective unit price, as it was written.
    Price,
    /// Unit price, as it was written.
    UnitPrice,
    /// Billable quantity, as it was written.
    Billable,
    /// Quantity of a line, as it was written.
    Seats,
    /// Subtotal of a line, as it was written.
    SubtotalText,
    /// First day of the charge, as it was written.
    ChargeStart,
    /// Last day of the charge, as it was written.
    ChargeEnd,
    /// Month of use, as `2026-10`.
    Month,
    /// Day of use, as `2026-10-05`.
    Day,
    /// Mark of usage that is neither billed nor priced.
    Free,
    /// Total of a line less its Subtotal and TaxTotal; empty where they agree.
    TotalApart,
    /// Number of a line, where each line is a group of its own.
    Line,
}

/// Number of parts, each at the position of its number.
pub const PART_COUNT: usize = Part::Line as usize + 1;

/// A key that groups are matched by, and that a break is known by. The order is that of the keys in
/// the text from which break ids are made: another order gives every break another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Invoice, by its number as it was folded ([`Part::Invoice`]).
    Invoice,
    /// Customer, by the folded tenant id ([`Part::Customer`]).
    Customer,
    /// Azure plan or licence subscription ([`Part::Subscription`]).
    Subscription,
    /// Product, the coarsest key that a line is matched by ([`Part::Product`]).
    Product,
    /// SKU within a product ([`Part::Sku`]).
    Sku,
    /// Availability within a SKU ([`Part::Availability`]).
    Availability,
    /// Meter, by the text that lines name it with ([`Part::Description`]).
    Description,
    /// Price adjustment, in words that usage and lines share ([`Part::Adjustment`]).
    Adjustment,
    /// Billing currency, as amounts of two are never compared ([`Part::Currency`]).
    Currency,
    /// Meter, by the id that classic lines name it with ([`Part::Meter`]).
    Meter,
    /// Resource, which no invoice line names ([`Part::Resource`]).
    Resource,
    /// Day of use, which no invoice line names ([`Part::Day`]).
    Day,
    /// Number of a line, which is of one run only ([`Part::Line`]).
    Line,
}

/// Number of keys that groups are matched by.
pub const KEYS: usize = Key::Line as usize + 1;

/// Keys that both usage and invoice lines have: [semantics §1](crate::model::domain::semantics),
/// the finest grain of the invoice, with the invoice, the customer and the currency.
// The charge type is left out on purpose: a charge and its refund meet in one group.
pub const FINE_KEYS: [Key; 9] = [
    Key::Invoice,
    Key::Customer,
    Key::Subscription,
    Key::Product,
    Key::Sku,
    Key::Availability,
    Key::Description,
    Key::Adjustment,
    Key::Currency,
];

/// Fine keys but for the invoice, which unbilled rows do not have yet.
pub const UNBILLED_KEYS: &[Key] = FINE_KEYS.split_at(1).1;
