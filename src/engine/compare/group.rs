//! One compared group before it is judged: its keys, both sides, and what rounding alone can make of it.

use std::sync::Arc;

use crate::engine::failure::EngineError;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::rounding::Bounds;
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};

/// Key codes of a group; 0 where the group mixes values or has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keys {
    /// Invoice number.
    pub invoice: u32,
    /// Customer tenant.
    pub customer: u32,
    /// Plan or licence subscription.
    pub subscription: u32,
    /// Product.
    pub product: u32,
    /// SKU.
    pub sku: u32,
    /// Availability.
    pub availability: u32,
    /// Meter description.
    pub description: u32,
    /// Price adjustment.
    pub adjustment: u32,
    /// Billing currency.
    pub currency: u32,
    /// Meter.
    pub meter: u32,
    /// Resource.
    pub resource: u32,
    /// Day.
    pub day: u32,
    /// Number of a line, where each is a group of its own.
    pub line: u32,
}

impl Keys {
    /// The codes with their domains, in the order of [`crate::engine::matching::passes::FINE_KEYS`].
    #[must_use]
    pub fn domains(&self) -> [(Domain, u32); 9] {
        [
            (Domain::Invoice, self.invoice),
            (Domain::Customer, self.customer),
            (Domain::Subscription, self.subscription),
            (Domain::Product, self.product),
            (Domain::Sku, self.sku),
            (Domain::Availability, self.availability),
            (Domain::Description, self.description),
            (Domain::Adjustment, self.adjustment),
            (Domain::Currency, self.currency),
        ]
    }

    /// Keys from codes in the order of [`crate::engine::matching::passes::FINE_KEYS`].
    #[must_use]
    pub const fn from_codes(codes: [u32; 9]) -> Self {
        let [
            invoice,
            customer,
            subscription,
            product,
            sku,
            availability,
            description,
            adjustment,
            currency,
        ] = codes;
        let (meter, resource, day, line) = (0, 0, 0, 0);
        Self {
            invoice,
            customer,
            subscription,
            product,
            sku,
            availability,
            description,
            adjustment,
            currency,
            meter,
            resource,
            day,
            line,
        }
    }

    /// Keys from codes in the order of [`crate::engine::rules::definitions::KEYS`].
    #[must_use]
    pub const fn from_all(codes: [u32; 13]) -> Self {
        let [
            invoice,
            customer,
            subscription,
            product,
            sku,
            availability,
            description,
            adjustment,
            currency,
            meter,
            resource,
            day,
            line,
        ] = codes;
        Self {
            invoice,
            customer,
            subscription,
            product,
            sku,
            availability,
            description,
            adjustment,
            currency,
            meter,
            resource,
            day,
            line,
        }
    }

    /// The codes that only some tie-outs have, with their domains.
    #[must_use]
    pub const fn more_domains(&self) -> [(Domain, u32); 4] {
        [
            (Domain::Meter, self.meter),
            (Domain::Resource, self.resource),
            (Domain::Date, self.day),
            (Domain::Number, self.line),
        ]
    }
}

/// Both sides of a group, before anything is said of them.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Which comparison.
    pub tie_out: TieOut,
    /// What the group is of.
    pub keys: Keys,
    /// Charge types in it, separated by `|`.
    pub charge_type: String,
    /// Pass or rule; empty for one-sided groups.
    pub matched_on: Arc<str>,
    /// Whether usage is expected behind its lines.
    pub scope: Scope,
    /// Usage rows (of `lines-to-invoice`: lines) on the expected side.
    pub expected_rows: u64,
    /// Invoice lines (of `lines-to-invoice`: headers) on the invoiced side.
    pub invoiced_rows: u64,
    /// Quantity, in units of 10^-10.
    pub expected_quantity: i128,
    /// Billable quantity, in units of 10^-10.
    pub invoiced_quantity: i128,
    /// Amount, in units of 10^-10.
    pub expected_amount: i128,
    /// Amount, in units of 10^-10.
    pub invoiced_amount: i128,
    /// What rounding alone can make, in units of 10^-20.
    pub bounds: Bounds,
    /// What is compared: of a quantity, the tolerance is one too, and all amounts may be zero.
    pub measure: Measure,
    /// A side of it is not complete, or not final.
    pub is_awaited: bool,
}

impl Sides {
    /// Invoiced − expected, in units of 10^-10.
    #[must_use]
    pub fn variance_amount(&self) -> i128 {
        self.invoiced_amount - self.expected_amount
    }

    /// Expected, and invoiced − expected, of what is compared, in units of 10^-10.
    #[must_use]
    pub fn compared(&self) -> (i128, i128) {
        match self.measure {
            Measure::Amount => (self.expected_amount, self.variance_amount()),
            Measure::Quantity => (
                self.expected_quantity,
                self.invoiced_quantity - self.expected_quantity,
            ),
        }
    }

    /// Whether usage could be behind it, and rounding alone cannot make the variance.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`].
    pub fn is_beyond_rounding(&self) -> Result<bool, EngineError> {
        let (_, variance) = self.compared();
        let size = rescale(variance, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
            .and_then(i128::checked_abs)
            .ok_or(EngineError::AmountOverflow)?;
        Ok(self.scope == Scope::Usage && size > self.bounds.toward(variance))
    }
}
