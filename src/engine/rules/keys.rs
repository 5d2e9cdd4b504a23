//! The key table: one row for each part of the key by which usage and invoice lines are counted,
//! folded, matched, shown and picked.
//!
//! Everything else that has to do with keys is a projection of this table: which input columns are
//! counted (`count/key_layout`), which codes they get (`fold/codes`), the columns of the frames and
//! their order, what groups are matched by, what a row of `resources` is of, and what `explain` is
//! asked with. The parts are named in `key_parts`, and places within keys are computed in
//! `key_projections`.
//!
//! A misspelt input column, a row out of its place, or a part that a projection wants and the table
//! does not give is a compile error. A new part is a variant of [`Part`], a row here, and a place
//! in the order of the frames.

use super::domain::Domain;
use crate::model::dataset::{INVOICE_LINES, USAGE, position};

pub use super::key_parts::{
    Counted, Derived, FINE_KEYS, KEYS, Key, Origin, PART_COUNT, Part, TUPLES, Tuple, UNBILLED_KEYS,
};

/// One row of the key table: a part, and all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct PartRow {
    /// Part that the row is of; it stands at the part's place in the table.
    pub part: Part,
    /// Name of the part's column in a frame, and of the part in a pipeline.
    pub column: &'static str,
    /// Name of the published column; empty for a part that is not published as a key.
    pub published: &'static str,
    /// Domain in which the part's texts get their codes; `None` for a raw text without a code of
    /// its own.
    pub domain: Option<Domain>,
    /// Origin of the part in usage that is counted by month.
    pub usage: Origin,
    /// Origin of the part in usage that is counted day by day.
    pub daily: Origin,
    /// Origin of the part in invoice lines.
    pub lines: Origin,
    /// Key of the part, if groups are matched by the part.
    pub key: Option<Key>,
}

/// A row of a part that neither side has yet; the methods below say where each side has it.
const fn part(part: Part, column: &'static str, domain: Domain) -> PartRow {
    PartRow {
        part,
        column,
        published: "",
        domain: Some(domain),
        usage: Origin::Nowhere,
        daily: Origin::Nowhere,
        lines: Origin::Nowhere,
        key: None,
    }
}

/// A row of a raw text that gets no code of its own: others are made of the text.
const fn raw(part: Part, column: &'static str) -> PartRow {
    PartRow {
        domain: None,
        // The domain is replaced, and any would do.
        ..self::part(part, column, Domain::Number)
    }
}

impl PartRow {
    /// Makes the part a key, published under a name.
    const fn key(self, key: Key, published: &'static str) -> Self {
        Self {
            key: Some(key),
            published,
            ..self
        }
    }

    /// Publishes the part, which is no key that groups are matched by.
    const fn published(self, published: &'static str) -> Self {
        Self { published, ..self }
    }

    /// Reads the part from an input column of usage.
    const fn usage(self, tuple: Tuple, column: &str) -> Self {
        // Usage by month and by day differ in derived parts only.
        let origin = Origin::Text(tuple, position(USAGE, column));
        Self {
            usage: origin,
            daily: origin,
            ..self
        }
    }

    /// Reads the part from an input column of invoice lines.
    const fn lines(self, tuple: Tuple, column: &str) -> Self {
        Self {
            lines: Origin::Text(tuple, position(INVOICE_LINES, column)),
            ..self
        }
    }

    /// Reads the part from an input column that both sides have under one name.
    const fn both(self, tuple: Tuple, column: &str) -> Self {
        self.usage(tuple, column).lines(tuple, column)
    }

    /// Makes the part of a row's numbers, in each kind of usage that is counted by it.
    const fn derived(self, derived: Derived) -> Self {
        let origin = Origin::Derived(derived);
        match derived {
            Derived::Month => Self {
                usage: origin,
                ..self
            },
            Derived::Day => Self {
                daily: origin,
                ..self
            },
            Derived::Free => Self {
                usage: origin,
                daily: origin,
                ..self
            },
            Derived::TotalApart => Self {
                lines: origin,
                ..self
            },
        }
    }

    /// Makes the part of other texts, on both sides.
    const fn adjustment(self) -> Self {
        Self {
            usage: Origin::Adjustment,
            daily: Origin::Adjustment,
            lines: Origin::Adjustment,
            ..self
        }
    }

    /// Makes the part of other texts of a line.
    const fn promotion(self) -> Self {
        Self {
            lines: Origin::Promotion,
            ..self
        }
    }

    /// Origin of the part in one kind of rows.
    #[must_use]
    pub const fn origin(&self, counted: Counted) -> Origin {
        match counted {
            Counted::Usage => self.usage,
            Counted::DailyUsage => self.daily,
            Counted::Lines => self.lines,
        }
    }
}

/// The key table. The fields of a tuple stand in the order of their rows here.
pub const PARTS: [PartRow; PART_COUNT] = {
    use Tuple::{Account, Product, Resource, State};
    [
        part(Part::Invoice, "invoice", Domain::Invoice)
            .key(Key::Invoice, "invoice_number")
            .both(Account, "InvoiceNumber"),
        part(Part::Customer, "customer", Domain::Customer)
            .key(Key::Customer, "customer_id")
            .both(Account, "CustomerId"),
        part(Part::CustomerName, "customer_name", Domain::CustomerName)
            .both(Account, "CustomerName"),
        part(Part::Subscription, "subscription", Domain::Subscription)
            .key(Key::Subscription, "subscription_id")
            .both(Account, "SubscriptionId"),
        part(Part::Entitlement, "entitlement", Domain::Entitlement)
            .published("entitlement_id")
            .usage(Resource, "EntitlementId"),
        part(Part::Product, "product", Domain::Product)
            .key(Key::Product, "product_id")
            .both(Product, "ProductId"),
        part(Part::Sku, "sku", Domain::Sku)
            .key(Key::Sku, "sku_id")
            .both(Product, "SkuId"),
        part(Part::Availability, "availability", Domain::Availability)
            .key(Key::Availability, "availability_id")
            .both(Product, "AvailabilityId"),
        part(Part::SkuName, "sku_name", Domain::Description).both(Product, "SkuName"),
        part(Part::ProductName, "product_name", Domain::ProductName).both(Product, "ProductName"),
        part(Part::Meter, "meter", Domain::Meter)
            .key(Key::Meter, "meter_id")
            .usage(Product, "MeterId"),
        part(Part::MeterName, "meter_name", Domain::Description).usage(Product, "MeterName"),
        part(Part::MeterType, "meter_type", Domain::Description).usage(Product, "MeterType"),
        part(Part::MeterCategory, "meter_category", Domain::Category)
            .usage(Product, "MeterCategory"),
        part(Part::Unit, "unit", Domain::Unit).usage(Product, "Unit"),
        part(Part::ResourceGroup, "resource_group", Domain::ResourceGroup)
            .usage(Resource, "ResourceGroup"),
        part(Part::Resource, "resource", Domain::Resource)
            .key(Key::Resource, "resource_uri")
            .usage(Resource, "ResourceURI"),
        part(Part::Description, "description", Domain::Description)
            .key(Key::Description, "meter_description")
            .lines(Product, "MeterDescription"),
        part(Part::ChargeType, "charge_type", Domain::ChargeType).both(State, "ChargeType"),
        part(Part::Adjustment, "adjustment", Domain::Adjustment)
            .key(Key::Adjustment, "price_adjustment")
            .adjustment(),
        part(Part::Currency, "currency", Domain::Currency)
            .key(Key::Currency, "currency")
            .usage(Account, "BillingCurrency")
            .lines(Account, "Currency"),
        part(Part::PricingCurrency, "pricing_currency", Domain::Currency)
            .both(Account, "PricingCurrency"),
        part(Part::Rate, "rate", Domain::Rate).both(Account, "PCToBCExchangeRate"),
        raw(Part::AdjustmentText, "adjustment_text").lines(State, "PriceAdjustmentDescription"),
        raw(Part::PromotionId, "promotion_id").lines(State, "PromotionId"),
        part(Part::Promotion, "promotion", Domain::Adjustment).promotion(),
        raw(Part::CreditType, "credit_type").usage(State, "CreditType"),
        raw(Part::EarnedCreditPercentage, "earned_credit")
            .usage(State, "PartnerEarnedCreditPercentage"),
        raw(Part::CreditPercentage, "credit").usage(State, "CreditPercentage"),
        // Usage that a benefit covers has a total of its own, though no figure depends on it yet.
        raw(Part::BenefitType, "benefit_type").usage(State, "BenefitType"),
        raw(Part::SubscriptionDescription, "subscription_description")
            .lines(State, "SubscriptionDescription"),
        raw(Part::Term, "term").lines(State, "TermAndBillingCycle"),
        raw(Part::ReservationOrder, "reservation_order").lines(State, "ReservationOrderId"),
        // Numbers and dates are among the keys of lines, as lines that agree in all of them are one
        // row to `line-arithmetic`, recomputed once.
        part(Part::Price, "price", Domain::Number).lines(State, "EffectiveUnitPrice"),
        part(Part::UnitPrice, "unit_price", Domain::Number).lines(State, "UnitPrice"),
        part(Part::Billable, "billable", Domain::Number).lines(State, "BillableQuantity"),
        part(Part::Seats, "seats", Domain::Number).lines(State, "Quantity"),
        part(Part::SubtotalText, "subtotal_text", Domain::Number).lines(State, "Subtotal"),
        part(Part::ChargeStart, "charge_start", Domain::Date).lines(State, "ChargeStartDate"),
        part(Part::ChargeEnd, "charge_end", Domain::Date).lines(State, "ChargeEndDate"),
        part(Part::Month, "month", Domain::Month).derived(Derived::Month),
        part(Part::Day, "day", Domain::Date)
            .key(Key::Day, "usage_date")
            .derived(Derived::Day),
        part(Part::Free, "free", Domain::Free).derived(Derived::Free),
        // Equal lines are one row, whose sums would hide that one line's total is too high and
        // another's too low.
        part(Part::TotalApart, "total_apart", Domain::Number).derived(Derived::TotalApart),
        part(Part::Line, "line", Domain::Number).key(Key::Line, "line"),
    ]
};

/// Key columns of the usage frame, in its sort order. The first nine are [`RESOURCE_KEYS`].
pub const USAGE_FRAME: [Part; 18] = [
    Part::Invoice,
    Part::Customer,
    Part::Subscription,
    Part::Entitlement,
    Part::Product,
    Part::Sku,
    Part::Meter,
    Part::Resource,
    Part::Currency,
    Part::Availability,
    Part::Adjustment,
    Part::ChargeType,
    Part::MeterName,
    Part::MeterType,
    Part::SkuName,
    Part::Rate,
    Part::Month,
    Part::Free,
];

/// Key columns of the lines frame, in its sort order. The columns from the price on keep lines
/// apart whose arithmetic differs.
pub const LINES_FRAME: [Part; 21] = [
    Part::Invoice,
    Part::Customer,
    Part::Subscription,
    Part::Product,
    Part::Sku,
    Part::Availability,
    Part::Description,
    Part::ChargeType,
    Part::Adjustment,
    Part::Currency,
    Part::PricingCurrency,
    Part::Rate,
    Part::Price,
    Part::UnitPrice,
    Part::Promotion,
    Part::Billable,
    Part::Seats,
    Part::SubtotalText,
    Part::ChargeStart,
    Part::ChargeEnd,
    Part::TotalApart,
];

/// Keys of a row of the published table `resources`.
pub const RESOURCE_KEYS: [Part; 9] = *USAGE_FRAME.first_chunk().expect("more than nine");

/// Usage columns that a line's MeterDescription may repeat: no document says which one, so that it
/// is learned from the data. In a draw the first one here is taken.
pub const DESCRIPTION_PARTS: [Part; 3] = [Part::MeterName, Part::MeterType, Part::SkuName];

impl Part {
    /// Row of the part in the key table.
    #[must_use]
    pub const fn row(self) -> &'static PartRow {
        &PARTS[self as usize]
    }

    /// Name of the part's column in a frame.
    #[must_use]
    pub const fn column(self) -> &'static str {
        self.row().column
    }

    /// Parts by which `explain` picks usage and lines, under their published names.
    pub fn pickable() -> impl Iterator<Item = Self> {
        // A part that neither frame has could be asked for, but no row would have it.
        let published = PARTS.iter().filter(|row| !row.published.is_empty());
        published
            .map(|row| row.part)
            .filter(|part| USAGE_FRAME.contains(part) || LINES_FRAME.contains(part))
    }

    /// Part with a published name; `None` for a name by which nothing is picked.
    #[must_use]
    pub fn picked_by(name: &str) -> Option<Self> {
        Self::pickable().find(|part| part.row().published == name)
    }

    /// Domain in which the part's texts get their codes.
    ///
    /// # Panics
    /// For a raw text, which has no codes. In a constant, the panic is a compile error.
    #[must_use]
    pub const fn domain(self) -> Domain {
        self.row().domain.expect("the part has codes")
    }
}

impl Key {
    /// All keys, in the order of break ids.
    pub const ALL: [Self; KEYS] = {
        let mut all = [Self::Invoice; KEYS];
        let mut at = 0;
        while at < PART_COUNT {
            if let Some(key) = PARTS[at].key {
                all[key as usize] = key;
            }
            at += 1;
        }
        all
    };

    /// Part of the key table that is this key.
    #[must_use]
    pub const fn part(self) -> Part {
        KEY_PARTS[self as usize]
    }

    /// Name of the key's column in a frame, and of the key in a pipeline.
    #[must_use]
    pub const fn column(self) -> &'static str {
        self.part().column()
    }

    /// Name of the key's published column.
    #[must_use]
    pub const fn published(self) -> &'static str {
        self.part().row().published
    }

    /// Domain in which the key's texts get their codes.
    #[must_use]
    pub const fn domain(self) -> Domain {
        self.part().domain()
    }

    /// Key of a name, be it that of the frame's column or the published one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|key| key.column() == name || key.published() == name)
    }
}

/// Part of each key, in the order of [`Key::ALL`].
const KEY_PARTS: [Part; KEYS] = {
    let mut parts = [Part::Invoice; KEYS];
    let mut at = 0;
    while at < PART_COUNT {
        if let Some(key) = PARTS[at].key {
            parts[key as usize] = PARTS[at].part;
        }
        at += 1;
    }
    parts
};

/// Checks of the table when compiling: rows stand at their places, each key is of one part, and
/// each part of a frame has codes on its side.
const _: () = {
    let mut at = 0;
    let mut keys = [0_u8; KEYS];
    while at < PART_COUNT {
        let row = &PARTS[at];
        assert!(
            row.part as usize == at,
            "a row of the key table is out of its place"
        );
        if let Some(key) = row.key {
            keys[key as usize] += 1;
            assert!(row.domain.is_some() && !row.published.is_empty());
        }
        // `fold/codes` numbers the columns of all tuples but the state one by one, and would give
        // the code of a column to its neighbour.
        assert!(has_code_unless_state(row.usage, row.domain));
        assert!(has_code_unless_state(row.daily, row.domain));
        assert!(has_code_unless_state(row.lines, row.domain));
        at += 1;
    }
    at = 0;
    // A key of no part would be one that no group can be matched by.
    while at < KEYS {
        assert!(keys[at] == 1, "a key is of one part of the table");
        at += 1;
    }
    at = 0;
    while at < USAGE_FRAME.len() {
        let row = USAGE_FRAME[at].row();
        assert!(row.domain.is_some() && !matches!(row.usage, Origin::Nowhere));
        at += 1;
    }
    at = 0;
    while at < LINES_FRAME.len() {
        let row = LINES_FRAME[at].row();
        assert!(row.domain.is_some() && !matches!(row.lines, Origin::Nowhere));
        at += 1;
    }
};

/// True if a part gets a code, or its text is one of [`Tuple::State`].
const fn has_code_unless_state(origin: Origin, domain: Option<Domain>) -> bool {
    match origin {
        Origin::Text(Tuple::Account | Tuple::Product | Tuple::Resource, _) => domain.is_some(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_are_known_by_both_names() {
        for (at, key) in Key::ALL.into_iter().enumerate() {
            assert_eq!(key as usize, at);
            assert_eq!(Key::named(key.column()), Some(key));
            assert_eq!(Key::named(key.published()), Some(key));
        }
    }

    #[test]
    fn both_sides_have_the_fine_keys() {
        for key in FINE_KEYS.into_iter().filter(|key| *key != Key::Description) {
            for counted in [Counted::Usage, Counted::Lines] {
                assert_ne!(key.part().row().origin(counted), Origin::Nowhere, "{key:?}");
            }
        }
    }
}
