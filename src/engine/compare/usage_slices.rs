//! Usage cut into slices, one for each resource in each group, which are the rows of `resources`.
//!
//! Slices are where exact amounts (10^-20) become published ones (10^-10). Everything that is
//! published of usage to invoice, by group and by resource, is a sum of slices, so that both tables
//! add up to each other, and to the source, to the last digit. Where the price state or the rate of
//! a resource changes within a group, its slice still is one: nothing published is finer.

use super::allocate;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::key_parts::Part;
use crate::engine::rules::key_projections::resource_field;
use crate::engine::rules::keys::RESOURCE_KEYS;
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE};
use crate::model::period::Day;

/// Decimals that published amounts and quantities have less than exact ones; one number does for
/// both, as both are kept in units of 10^-20.
const QUANTISED_PLACES: u32 = AMOUNT_SCALE - PUBLISHED_SCALE;

/// Key of a row of `resources`: codes of [`RESOURCE_KEYS`].
pub(super) type ResourceKey = [u32; RESOURCE_KEYS.len()];

/// Parts of the key by whose sums amounts are rounded once. Invoice, product and SKU are left out:
/// they only split such a sum, and each piece would be rounded by itself.
const QUANTISED_BY: [usize; 6] = [
    resource_field(Part::Customer),
    resource_field(Part::Subscription),
    resource_field(Part::Entitlement),
    resource_field(Part::Meter),
    resource_field(Part::Resource),
    resource_field(Part::Currency),
];

/// Resource in one group, by code; amounts and quantities in units of 10^-10. Neighbours with one key
/// make a row of `resources` together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Codes of the resource, as of [`RESOURCE_KEYS`].
    pub key: [u32; RESOURCE_KEYS.len()],
    /// Number of the group, among all that were compared.
    pub group: u32,
    /// Number of usage rows; 0 for an invoiced amount that has no usage.
    pub usage_rows: u64,
    /// First day of use; [`Day::MAX`] for none.
    pub first: Day,
    /// Last day of use; [`Day::MIN`] for none.
    pub last: Day,
    /// Quantity used, in units of 10^-10.
    pub quantity: i128,
    /// Amount that its usage comes to, in the billing currency before tax, and the amounts of lines
    /// behind which no usage is expected.
    pub expected_amount: i128,
    /// Share of the amounts that the lines of its group ask for.
    pub invoiced_amount: i128,
}

impl Resource {
    /// Resource without usage, amounts and days.
    pub(super) fn unused(key: ResourceKey, group: u32) -> Self {
        Self {
            key,
            group,
            usage_rows: 0,
            first: Day::MAX,
            last: Day::MIN,
            quantity: 0,
            expected_amount: 0,
            invoiced_amount: 0,
        }
    }

    /// Adds what another group has of the same resource.
    pub fn absorb(&mut self, other: &Self) {
        self.usage_rows += other.usage_rows;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.quantity += other.quantity;
        self.expected_amount += other.expected_amount;
        self.invoiced_amount += other.invoiced_amount;
    }
}

/// Usage of one resource in one group, exact: in units of 10^-20.
#[derive(Clone, Copy, Default)]
pub(super) struct UsageSlice {
    amount: i128,
    quantity: i128,
}

/// A slice's amount and quantity as published, in units of 10^-10.
#[derive(Clone, Copy, Default)]
pub(super) struct QuantisedSlice {
    pub(super) amount: i128,
    pub(super) quantity: i128,
}

/// Cuts the usage into slices, sorted by their keys, with the resource that each is of. The resources
/// have rows and days; their amounts come with the quantised slices.
pub(super) fn slice(totals: &Folded, matching: &Matching) -> (Vec<UsageSlice>, Vec<Resource>) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = RESOURCE_KEYS.map(|part| usage.codes(part));
    let mut slices: Vec<UsageSlice> = Vec::new();
    let mut resources: Vec<Resource> = Vec::new();
    let mut first_of_key = 0;
    for (row, group) in matching.of_usage.iter().enumerate() {
        let key = codes.map(|column| column[row]);
        // The frame is sorted by resource: the rows of each stand together.
        if resources.last().is_none_or(|resource| resource.key != key) {
            first_of_key = resources.len();
        }
        // Few groups share a resource: a search costs less than a table.
        let known = resources[first_of_key..]
            .iter()
            .position(|resource| resource.group == *group);
        let at = known.map_or(resources.len(), |at| first_of_key + at);
        if known.is_none() {
            resources.push(Resource::unused(key, *group));
            slices.push(UsageSlice::default());
        }
        let resource = &mut resources[at];
        resource.usage_rows += usage.rows[row];
        resource.first = resource.first.min(usage.first[row]);
        resource.last = resource.last.max(usage.last[row]);
        slices[at].amount += usage.billing[row];
        slices[at].quantity += usage.quantity[row];
    }
    (slices, resources)
}

/// Amount and quantity of each slice in units of 10^-10, parallel to `slices`. The slices of each
/// customer, subscription, entitlement, meter, resource and currency add up to their exact sum
/// rounded half up.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where a sum exceeds 128 bits.
pub(super) fn quantise(
    slices: &[UsageSlice],
    resources: &[Resource],
) -> Result<Vec<QuantisedSlice>, EngineError> {
    let rounded_by = |number: usize| QUANTISED_BY.map(|field| resources[number].key[field]);
    // Equal keys keep the order of the slices, which decides among equal remainders.
    let mut order: Vec<(usize, &UsageSlice)> = slices.iter().enumerate().collect();
    // Cached: a key is six lookups away.
    order.sort_by_cached_key(|(number, _)| (rounded_by(*number), *number));
    let mut quantised = vec![QuantisedSlice::default(); slices.len()];
    for run in order.chunk_by(|(left, _), (right, _)| rounded_by(*left) == rounded_by(*right)) {
        let split = |of: fn(&UsageSlice) -> i128| {
            let exact: Vec<i128> = run.iter().map(|(_, slice)| of(slice)).collect();
            allocate::quantise(&exact, QUANTISED_PLACES).ok_or(EngineError::AmountOverflow)
        };
        let amounts = split(|slice| slice.amount)?;
        let quantities = split(|slice| slice.quantity)?;
        for (((number, _), amount), quantity) in run.iter().zip(amounts).zip(quantities) {
            quantised[*number] = QuantisedSlice { amount, quantity };
        }
    }
    Ok(quantised)
}

/// Shares of an invoiced amount: of each slice its own amount, and its part of the variance, which
/// is spread in proportion to the sizes of the usage amounts; where these are all zero, as of free
/// usage, of the quantities. A refund so stays with the resource that was refunded. Empty where no
/// usage is behind the amount.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where the weights exceed 128 bits together.
pub(super) fn share(
    variance: i128,
    behind: &[(UsageSlice, QuantisedSlice)],
) -> Result<Vec<i128>, EngineError> {
    if behind.is_empty() {
        return Ok(Vec::new());
    }
    let weights = |of: fn(&UsageSlice) -> i128| {
        behind
            .iter()
            .map(|(slice, _)| of(slice))
            .collect::<Vec<_>>()
    };
    let amounts = weights(|slice| slice.amount);
    let weights = if amounts.iter().all(|amount| *amount == 0) {
        weights(|slice| slice.quantity)
    } else {
        amounts
    };
    let parts = allocate::spread(variance, &weights).ok_or(EngineError::AmountOverflow)?;
    let own = behind.iter().map(|(_, own)| own.amount);
    Ok(own.zip(parts).map(|(own, part)| own + part).collect())
}
