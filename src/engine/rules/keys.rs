//! The key table: one row for each part of the key by which usage and invoice lines are counted,
//! folded, matched, shown and picked.
//!
//! Everything else that has to do with keys is a projection of it: which input columns are counted
//! (`count/key_layout`), which codes they get (`fold/codes`), the columns of the frames and their
//! order, what groups are matched by, what a row of `resources` is of, and what `explain` is asked
//! with. A misspelt input column, a row out of its place, or a part that a projection wants and the
//! table does not give is a compile error. A new part is a row here, and a place in the frames' order.

use super::domain::Domain;
use crate::model::dataset::{INVOICE_LINES, USAGE, position};

/// Tuples that the raw key of a total is made of.
pub const TUPLES: usize = 4;

/// One of the tuples. Rows that follow each other mostly share an account and a product, so that each
/// tuple is found by comparing it with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// The invoice, customer, subscription and currencies.
    Account,
    /// The product down to the meter, with the names that go with them.
    Product,
    /// The Azure subscription and the resource in it.
    Resource,
    /// Charge type, price and time: what tells prices of one meter apart.
    State,
}

impl Tuple {
    /// All tuples, in the order in which they make a key.
    pub const ALL: [Self; TUPLES] = [Self::Account, Self::Product, Self::Resource, Self::State];
}

/// A field of a raw key that no input column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Month of the day of use, as `2026-10`.
    Month,
    /// Day of use, as `2026-10-05`.
    Day,
    /// `free` where neither billed nor priced, though used.
    Free,
}

/// Where a part of the key comes from on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The side does not have it.
    Nowhere,
    /// The text of an input column, by its position among the dataset's columns.
    Text(Tuple, usize),
    /// A text that is made of the row's numbers, at the end of [`Tuple::State`].
    Derived(Derived),
    /// The price adjustment, made of other texts of [`Tuple::State`] when they are folded.
    Adjustment,
}

/// Rows that are counted by a key of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Usage by month.
    Usage,
    /// Usage day by day.
    DailyUsage,
    /// Invoice lines.
    Lines,
}

/// A part of the key, by its row in [`PARTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Invoice number.
    Invoice,
    /// Customer tenant.
    Customer,
    /// The customer's name, shown and never compared.
    CustomerName,
    /// Plan or licence subscription.
    Subscription,
    /// Azure subscription below a plan.
    Entitlement,
    /// Product id.
    Product,
    /// SKU id.
    Sku,
    /// Availability id.
    Availability,
    /// The SKU's name.
    SkuName,
    /// The product's name.
    ProductName,
    /// Meter id.
    Meter,
    /// The meter's name.
    MeterName,
    /// The meter's type.
    MeterType,
    /// The meter's category.
    MeterCategory,
    /// Unit of measure.
    Unit,
    /// Resource group.
    ResourceGroup,
    /// ARM id of the resource.
    Resource,
    /// What a line says of its meter, SKU or product: of usage the column that the lines repeat.
    Description,
    /// Kind of the charge.
    ChargeType,
    /// Price adjustment, in words that usage and lines share.
    Adjustment,
    /// Billing currency.
    Currency,
    /// Currency in which the price is set.
    PricingCurrency,
    /// Exchange rate from the pricing to the billing currency, as it was written.
    Rate,
    /// What a line says of its price adjustment.
    AdjustmentText,
    /// Kind of the credit.
    CreditType,
    /// Partner earned credit, in percent.
    EarnedCreditPercentage,
    /// Credit, in percent.
    CreditPercentage,
    /// Kind of the benefit that covers the usage.
    BenefitType,
    /// What a line says of its subscription.
    SubscriptionDescription,
    /// Term and billing cycle of a line.
    Term,
    /// Reservation order of a line.
    ReservationOrder,
    /// Effective unit price, as it was written.
    Price,
    /// Unit price, as it was written.
    UnitPrice,
    /// Billable quantity, as it was written.
    Billable,
    /// Quantity, as it was written.
    Seats,
    /// Subtotal, as it was written.
    SubtotalText,
    /// First day of the charge, as it was written.
    ChargeStart,
    /// Last day of the charge, as it was written.
    ChargeEnd,
    /// Month of use.
    Month,
    /// Day of use.
    Day,
    /// Usage that is neither billed nor priced.
    Free,
    /// Number of a line, where each is a group of its own.
    Line,
}

/// A key that groups are matched by, and that a break is known by; in the order of break ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// See [`Part::Invoice`].
    Invoice,
    /// See [`Part::Customer`].
    Customer,
    /// See [`Part::Subscription`].
    Subscription,
    /// See [`Part::Product`].
    Product,
    /// See [`Part::Sku`].
    Sku,
    /// See [`Part::Availability`].
    Availability,
    /// See [`Part::Description`].
    Description,
    /// See [`Part::Adjustment`].
    Adjustment,
    /// See [`Part::Currency`].
    Currency,
    /// See [`Part::Meter`].
    Meter,
    /// See [`Part::Resource`].
    Resource,
    /// See [`Part::Day`].
    Day,
    /// See [`Part::Line`].
    Line,
}

/// Keys that groups are matched by.
pub const KEYS: usize = Key::Line as usize + 1;

/// Keys that both usage and invoice lines have, the finest that they can be matched by
/// (`semantics.md` 1, roll-up key).
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

/// One row of the key table.
#[derive(Clone, Copy, Debug)]
pub struct PartRow {
    /// The part: a row stands at its place.
    pub part: Part,
    /// Its column in a frame, and its name in a pipeline.
    pub column: &'static str,
    /// Its published column; empty for a part that is not published as a key.
    pub published: &'static str,
    /// Where its texts get their codes; `None` for a raw text that others are made of.
    pub domain: Option<Domain>,
    /// Where usage has it.
    pub usage: Origin,
    /// Where usage by day has it.
    pub daily: Origin,
    /// Where invoice lines have it.
    pub lines: Origin,
    /// The key that it is, if groups are matched by it.
    pub key: Option<Key>,
}

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

/// A raw text that gets no code of its own.
const fn raw(part: Part, column: &'static str) -> PartRow {
    PartRow {
        domain: None,
        ..self::part(part, column, Domain::Number)
    }
}

impl PartRow {
    const fn key(self, key: Key, published: &'static str) -> Self {
        Self {
            key: Some(key),
            published,
            ..self
        }
    }

    const fn published(self, published: &'static str) -> Self {
        Self { published, ..self }
    }

    const fn usage(self, tuple: Tuple, column: &str) -> Self {
        let origin = Origin::Text(tuple, position(USAGE, column));
        Self {
            usage: origin,
            daily: origin,
            ..self
        }
    }

    const fn lines(self, tuple: Tuple, column: &str) -> Self {
        Self {
            lines: Origin::Text(tuple, position(INVOICE_LINES, column)),
            ..self
        }
    }

    /// Both sides have it under one name.
    const fn both(self, tuple: Tuple, column: &str) -> Self {
        self.usage(tuple, column).lines(tuple, column)
    }

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
        }
    }

    const fn adjustment(self) -> Self {
        Self {
            usage: Origin::Adjustment,
            daily: Origin::Adjustment,
            lines: Origin::Adjustment,
            ..self
        }
    }

    /// Where rows that are counted so have it.
    #[must_use]
    pub const fn origin(&self, counted: Counted) -> Origin {
        match counted {
            Counted::Usage => self.usage,
            Counted::DailyUsage => self.daily,
            Counted::Lines => self.lines,
        }
    }
}

/// Rows of the key table.
pub const PART_COUNT: usize = Part::Line as usize + 1;

/// The key table. Within a tuple, fields stand in the order of their rows.
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
        raw(Part::CreditType, "credit_type").usage(State, "CreditType"),
        raw(Part::EarnedCreditPercentage, "earned_credit")
            .usage(State, "PartnerEarnedCreditPercentage"),
        raw(Part::CreditPercentage, "credit").usage(State, "CreditPercentage"),
        // Usage that a benefit covers has a total of its own, though no figure is told by it yet.
        raw(Part::BenefitType, "benefit_type").usage(State, "BenefitType"),
        raw(Part::SubscriptionDescription, "subscription_description")
            .lines(State, "SubscriptionDescription"),
        raw(Part::Term, "term").lines(State, "TermAndBillingCycle"),
        raw(Part::ReservationOrder, "reservation_order").lines(State, "ReservationOrderId"),
        // Numbers and dates among the keys: lines that are equal in all of them are one to arithmetic.
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
        part(Part::Line, "line", Domain::Number).key(Key::Line, "line"),
    ]
};

/// Key columns of the usage frame, in its sort order. The first nine are what a row of `resources` is of.
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

/// Key columns of the lines frame, in its sort order. From the price on they make one row of lines
/// that are the same to arithmetic.
pub const LINES_FRAME: [Part; 18] = [
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
    Part::Rate,
    Part::Price,
    Part::UnitPrice,
    Part::Billable,
    Part::Seats,
    Part::SubtotalText,
    Part::ChargeStart,
    Part::ChargeEnd,
];

/// What a row of `resources` is of.
pub const RESOURCE_KEYS: [Part; 9] = *USAGE_FRAME.first_chunk().expect("more than nine");

/// Usage columns that a line's MeterDescription may repeat; which one is not documented.
pub const DESCRIPTION_PARTS: [Part; 3] = [Part::MeterName, Part::MeterType, Part::SkuName];

impl Part {
    /// Its row of the table.
    #[must_use]
    pub const fn row(self) -> &'static PartRow {
        &PARTS[self as usize]
    }

    /// Its column in a frame.
    #[must_use]
    pub const fn column(self) -> &'static str {
        self.row().column
    }

    /// Parts that usage and lines are picked by, under their published names.
    pub fn pickable() -> impl Iterator<Item = Self> {
        let parts = PARTS.iter().filter(|row| !row.published.is_empty());
        parts
            .map(|row| row.part)
            .filter(|part| USAGE_FRAME.contains(part) || LINES_FRAME.contains(part))
    }

    /// The part that is picked by a published name.
    #[must_use]
    pub fn picked_by(name: &str) -> Option<Self> {
        Self::pickable().find(|part| part.row().published == name)
    }

    /// Where its texts get their codes.
    ///
    /// # Panics
    /// For a raw text, which has no codes; where the part is a constant, when compiling.
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

    /// The part of the key that it is.
    #[must_use]
    pub const fn part(self) -> Part {
        KEY_PARTS[self as usize]
    }

    /// Its column in a frame, and its name in a pipeline.
    #[must_use]
    pub const fn column(self) -> &'static str {
        self.part().column()
    }

    /// Its published column.
    #[must_use]
    pub const fn published(self) -> &'static str {
        self.part().row().published
    }

    /// Where its texts get their codes.
    #[must_use]
    pub const fn domain(self) -> Domain {
        self.part().domain()
    }

    /// The key of either name: a frame's column, or the published one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|key| key.column() == name || key.published() == name)
    }
}

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

/// Held when compiling: rows stand at their places, each key is of one part and each part of a frame
/// has codes on its side.
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
        // `fold/codes` numbers the columns of these tuples one by one.
        assert!(only_states_are_made(row.usage, row.domain));
        assert!(only_states_are_made(row.lines, row.domain));
        at += 1;
    }
    at = 0;
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

const fn only_states_are_made(origin: Origin, domain: Option<Domain>) -> bool {
    match origin {
        Origin::Text(Tuple::Account | Tuple::Product | Tuple::Resource, _) => domain.is_some(),
        _ => true,
    }
}

/// Where a part stands in a key: the field of one of its tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position of the tuple in the key.
    pub tuple: usize,
    /// Position of the field in the tuple.
    pub field: usize,
}

/// How many input columns rows counted so have in a tuple.
#[must_use]
pub const fn column_count(counted: Counted, tuple: Tuple) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Text(of, _) = PARTS[at].origin(counted)
            && of as usize == tuple as usize
        {
            count += 1;
        }
        at += 1;
    }
    count
}

/// The input columns that rows counted so have in a tuple, in the order of its fields.
#[must_use]
pub const fn columns<const N: usize>(counted: Counted, tuple: Tuple) -> [usize; N] {
    let mut columns = [0; N];
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Text(of, column) = PARTS[at].origin(counted)
            && of as usize == tuple as usize
        {
            columns[count] = column;
            count += 1;
        }
        at += 1;
    }
    assert!(count == N, "as many as `column_count` says");
    columns
}

/// How many fields of rows counted so are made of numbers.
#[must_use]
pub const fn derived_count(counted: Counted) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Derived(_) = PARTS[at].origin(counted) {
            count += 1;
        }
        at += 1;
    }
    count
}

/// The fields of rows counted so that are made of numbers; they end [`Tuple::State`].
#[must_use]
pub const fn derived<const N: usize>(counted: Counted) -> [Derived; N] {
    let mut fields = [Derived::Free; N];
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Derived(field) = PARTS[at].origin(counted) {
            fields[count] = field;
            count += 1;
        }
        at += 1;
    }
    assert!(count == N, "as many as `derived_count` says");
    fields
}

/// Where the raw text of a part stands among those of rows counted so.
///
/// # Panics
/// For a part that is no raw text of theirs; where the part is a constant, when compiling.
#[must_use]
#[expect(
    clippy::panic,
    reason = "evaluated in constants, where a panic is a compile error"
)]
pub const fn raw_place(counted: Counted, part: Part) -> Place {
    let (mut field, mut at) = (0, 0);
    let (tuple, is_derived) = match part.row().origin(counted) {
        Origin::Text(tuple, _) => (tuple, false),
        Origin::Derived(_) => (Tuple::State, true),
        Origin::Nowhere | Origin::Adjustment => panic!("the part is no raw text"),
    };
    if is_derived {
        field = column_count(counted, Tuple::State);
    }
    while at < part as usize {
        match PARTS[at].origin(counted) {
            Origin::Text(of, _) if !is_derived && of as usize == tuple as usize => field += 1,
            Origin::Derived(_) if is_derived => field += 1,
            _ => {}
        }
        at += 1;
    }
    Place {
        tuple: tuple as usize,
        field,
    }
}

/// The tuple in which rows counted so have a code for a part, if they have.
const fn coded_tuple(row: &PartRow, counted: Counted) -> Option<Tuple> {
    if row.domain.is_none() {
        return None;
    }
    match row.origin(counted) {
        Origin::Nowhere => None,
        Origin::Text(tuple, _) => Some(tuple),
        Origin::Derived(_) | Origin::Adjustment => Some(Tuple::State),
    }
}

/// The parts for which rows counted so have codes in a tuple, in the order of their fields: but for
/// [`Tuple::State`], those of its raw texts.
pub fn coded_parts(counted: Counted, tuple: Tuple) -> impl Iterator<Item = &'static PartRow> {
    PARTS
        .iter()
        .filter(move |row| coded_tuple(row, counted) == Some(tuple))
}

/// Where the codes of parts stand among those of rows counted so.
pub type CodePlaces = [Option<Place>; PART_COUNT];

/// The places of all parts for which rows counted so have codes.
#[must_use]
pub const fn code_places(counted: Counted) -> CodePlaces {
    let mut places = [None; PART_COUNT];
    let mut widths = [0; TUPLES];
    let mut at = 0;
    while at < PART_COUNT {
        if let Some(tuple) = coded_tuple(&PARTS[at], counted) {
            let tuple = tuple as usize;
            places[at] = Some(Place {
                tuple,
                field: widths[tuple],
            });
            widths[tuple] += 1;
        }
        at += 1;
    }
    places
}

/// Place of a part in the key of a row of `resources`.
///
/// # Panics
/// For a part that it does not have; where the part is a constant, when compiling.
#[must_use]
#[expect(
    clippy::panic,
    reason = "evaluated in constants, where a panic is a compile error"
)]
pub const fn resource_field(part: Part) -> usize {
    let mut at = 0;
    while at < RESOURCE_KEYS.len() {
        if RESOURCE_KEYS[at] as usize == part as usize {
            return at;
        }
        at += 1;
    }
    panic!("a row of `resources` has no such key")
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
