//! What makes a row's key: which columns make which of its tuples.

use super::measures::{self, Measures};
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::reject::Rejection;
use crate::model::row::Cell;

/// Tuples that make a key.
pub const TUPLES: usize = 4;

/// Which columns make which tuple of a dataset's key. The order within a tuple is that of
/// [`crate::engine::fold::folded`], which reads the fields back.
#[derive(Debug)]
pub struct Grain {
    /// Column positions of each tuple.
    pub tuples: [&'static [usize]; TUPLES],
    /// Fields that end the last tuple, made of the row's numbers.
    pub derived: &'static [Derived],
    /// Reads a row's numbers.
    pub measure: fn(&[Cell<'_>]) -> Result<Measures, Rejection>,
}

/// A field of a key that no column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Month of the day of use, as `2026-10`.
    Month,
    /// Day of use, as `2026-10-05`.
    Day,
    /// `free` where neither billed nor priced, though used.
    Free,
}

macro_rules! columns {
    ($table:ident: $($name:literal),*) => { &[$(position($table, $name)),*] };
}

static USAGE_GRAIN: Grain = Grain {
    tuples: [
        columns!(USAGE: "InvoiceNumber", "CustomerId", "CustomerName", "SubscriptionId", "BillingCurrency", "PricingCurrency", "PCToBCExchangeRate"),
        columns!(USAGE: "ProductId", "SkuId", "AvailabilityId", "SkuName", "ProductName", "MeterId", "MeterName", "MeterType", "MeterCategory", "Unit"),
        columns!(USAGE: "EntitlementId", "ResourceGroup", "ResourceURI"),
        columns!(USAGE: "ChargeType", "CreditType", "PartnerEarnedCreditPercentage", "CreditPercentage", "BenefitType"),
    ],
    derived: &[Derived::Month, Derived::Free],
    measure: measures::of_usage,
};

/// Usage day by day.
pub(crate) static DAILY_GRAIN: Grain = Grain {
    tuples: USAGE_GRAIN.tuples,
    derived: &[Derived::Day, Derived::Free],
    measure: measures::of_usage,
};

static LINES_GRAIN: Grain = Grain {
    tuples: [
        columns!(INVOICE_LINES: "InvoiceNumber", "CustomerId", "CustomerName", "SubscriptionId", "Currency", "PricingCurrency", "PCToBCExchangeRate"),
        columns!(INVOICE_LINES: "ProductId", "SkuId", "AvailabilityId", "SkuName", "ProductName", "MeterDescription"),
        &[],
        // Amounts among the keys: what is equal in all of them is one line as far as arithmetic goes.
        columns!(INVOICE_LINES: "ChargeType", "PriceAdjustmentDescription", "SubscriptionDescription", "TermAndBillingCycle", "ReservationOrderId", "ChargeEndDate",
            "EffectiveUnitPrice", "UnitPrice", "BillableQuantity", "Quantity", "Subtotal", "ChargeStartDate"),
    ],
    derived: &[],
    measure: measures::of_line,
};

impl Grain {
    /// The grain of a dataset that has totals.
    ///
    /// # Panics
    /// For `invoices`, whose headers are kept one by one.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Self {
        match dataset {
            Dataset::Usage | Dataset::UnbilledUsage => &USAGE_GRAIN,
            Dataset::InvoiceLines => &LINES_GRAIN,
            Dataset::Invoices => unreachable!("invoice headers are kept one by one"),
        }
    }

    /// Fields of a tuple.
    #[must_use]
    pub fn width_of(&self, tuple: usize) -> usize {
        let derived = if tuple + 1 == TUPLES {
            self.derived.len()
        } else {
            0
        };
        self.tuples.get(tuple).map_or(0, |columns| columns.len()) + derived
    }

    /// Fields of all tuples.
    #[must_use]
    pub fn width(&self) -> usize {
        (0..TUPLES).map(|tuple| self.width_of(tuple)).sum()
    }
}
