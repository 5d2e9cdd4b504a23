//! One compared group: its keys, both sides, and what is said of the difference.

use std::fmt;
use std::sync::Arc;

use crate::engine::causes::attribute::{self, Known};
use crate::engine::causes::investigate::Finding;
use crate::engine::fold::vocabulary::{Domain, Vocabulary};
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::rounding::Bounds;
use crate::engine::rules::scope::Scope;
use crate::engine::rules::tolerance::{Limit, Tolerances};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};

/// A number left the 28 digits that are published, or the 38 that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount passes 28 digits")]
pub struct AmountOverflow;

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

/// What a group is known by, the same in every run: 16 hexadecimal digits, enough for any number of
/// breaks that a person looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakId([u8; 8]);

impl BreakId {
    fn of(hash: &blake3::Hash) -> Self {
        Self(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for BreakId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Parts of a variance, in units of 10^-10. Most variances have one.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    one: Option<(Cause, i128)>,
    more: Option<Box<[i128; Cause::ALL.len()]>>,
}

impl Parts {
    fn of(parts: &[i128; Cause::ALL.len()]) -> Self {
        let mut found = Cause::ALL
            .into_iter()
            .zip(*parts)
            .filter(|(_, part)| *part != 0);
        match (found.next(), found.next()) {
            (one, None) => Self { one, more: None },
            _ => Self {
                one: None,
                more: Some(Box::new(*parts)),
            },
        }
    }

    /// The part of a cause.
    #[must_use]
    pub fn by(&self, cause: Cause) -> i128 {
        let of_one = || {
            self.one
                .filter(|(of, _)| *of == cause)
                .map_or(0, |(_, part)| part)
        };
        self.more.as_ref().map_or_else(of_one, |parts| {
            parts.get(cause as usize).copied().unwrap_or(0)
        })
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> i128 {
        Cause::ALL.iter().map(|cause| self.by(*cause)).sum()
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

/// A row of `variances`.
#[derive(Clone, Debug)]
pub struct Variance {
    /// What was compared.
    pub sides: Sides,
    /// Largest variance that is no break, in units of 10^-10.
    pub tolerance_amount: i128,
    /// What decided it.
    pub limit: Limit,
    /// Where the group stands.
    pub status: Status,
    /// The largest part; `None` where there is no variance.
    pub cause: Option<Cause>,
    /// Parts of the variance by [`Cause::ALL`], in units of 10^-10.
    pub parts: Parts,
    /// The same in every run.
    pub break_id: BreakId,
    /// What was found out about it, if rounding alone cannot make it.
    pub finding: Option<Box<Finding>>,
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
    /// [`AmountOverflow`].
    pub fn is_beyond_rounding(&self) -> Result<bool, AmountOverflow> {
        let (_, variance) = self.compared();
        let size = rescale(variance, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
            .and_then(i128::checked_abs)
            .ok_or(AmountOverflow)?;
        Ok(self.scope == Scope::Usage && size > self.bounds.toward(variance))
    }

    /// Says of a group what tolerance, status and causes it has. `off` names causes that are not
    /// looked for.
    ///
    /// # Errors
    /// [`AmountOverflow`].
    pub fn judge(
        self,
        tolerances: &Tolerances,
        vocabulary: &Vocabulary,
        finding: Option<Box<Finding>>,
        off: &[Cause],
    ) -> Result<Variance, AmountOverflow> {
        let (expected, variance) = self.compared();
        let exact = |amount: i128| {
            rescale(amount, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down).ok_or(AmountOverflow)
        };
        let derived = self.bounds.toward(variance);
        let currency = vocabulary.text(Domain::Currency, self.keys.currency);
        let settings = tolerances.of(
            currency,
            &vocabulary.folded(Domain::Customer, self.keys.customer),
        );
        let (limit_amount, limit) = settings
            .limit(derived, exact(expected)?)
            .ok_or(AmountOverflow)?;
        let size = exact(variance)?.checked_abs().ok_or(AmountOverflow)?;
        let status = match () {
            () if self.scope != Scope::Usage => Status::OutOfScope,
            () if variance == 0 => Status::Tied,
            () if size <= limit_amount => Status::WithinTolerance,
            () if self.is_awaited => Status::Awaited,
            () => Status::Break,
        };
        let steps = finding.as_ref().map(|finding| &finding.steps);
        let amount = self.variance_amount();
        let parts = attribute::split(
            &Known {
                sides: &self,
                variance: amount,
                within_rounding: size <= derived,
                steps,
            },
            off,
        );
        let cause = match self.measure {
            Measure::Amount => attribute::largest(&parts),
            Measure::Quantity => attribute::of_quantity(&self, variance, size <= derived),
        };
        let break_id = self.break_id(vocabulary);
        Ok(Variance {
            tolerance_amount: rescale(limit_amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::Down)
                .ok_or(AmountOverflow)?,
            limit,
            status,
            cause,
            parts: Parts::of(&parts),
            break_id,
            finding,
            sides: self,
        })
    }

    fn break_id(&self, vocabulary: &Vocabulary) -> BreakId {
        let mut hash = blake3::Hasher::new();
        hash.update(self.tie_out.name().as_bytes());
        for (domain, code) in self.keys.domains() {
            hash.update(&[0]);
            hash.update(vocabulary.folded(domain, code).as_bytes());
        }
        hash.update(&[0]);
        hash.update(self.scope.rule().as_bytes());
        for (domain, code) in self
            .keys
            .more_domains()
            .into_iter()
            .filter(|(_, code)| *code != 0)
        {
            hash.update(&[0]);
            hash.update(vocabulary.folded(domain, code).as_bytes());
        }
        BreakId::of(&hash.finalize())
    }
}

/// Gives groups whose keys look alike (a coarse pass leaves keys empty) ids of their own. The
/// variances must be in their published order.
pub fn separate_equal_ids(variances: &mut [Variance]) {
    let mut seen: hashbrown::HashMap<BreakId, u32> = hashbrown::HashMap::new();
    for variance in variances {
        let count = seen
            .entry(variance.break_id)
            .and_modify(|count| *count += 1)
            .or_insert(0);
        if *count > 0 {
            variance.break_id = BreakId::of(&blake3::hash(
                format!("{}#{count}", variance.break_id).as_bytes(),
            ));
        }
    }
}
