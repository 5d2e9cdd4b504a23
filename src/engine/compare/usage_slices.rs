//! Usage cut into slices, one for each resource in each group, and the resources that they make.
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

/// A row of `resources`, by code; amounts and quantities in units of 10^-10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Codes of [`RESOURCE_KEYS`], unique among the rows.
    pub key: [u32; RESOURCE_KEYS.len()],
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
    /// Share of the amounts that the lines of its groups ask for.
    pub invoiced_amount: i128,
}

impl Resource {
    /// Resource without usage, amounts and days.
    pub(super) fn unused(key: ResourceKey) -> Self {
        Self {
            key,
            usage_rows: 0,
            first: Day::MAX,
            last: Day::MIN,
            quantity: 0,
            expected_amount: 0,
            invoiced_amount: 0,
        }
    }
}

/// Usage of one resource in one group, exact: in units of 10^-20.
#[derive(Clone, Copy)]
pub(super) struct UsageSlice {
    /// Position among the resources.
    pub(super) resource: u32,
    /// Number of the match.
    pub(super) group: u32,
    amount: i128,
    quantity: i128,
}

/// A slice's amount and quantity as published, in units of 10^-10.
#[derive(Clone, Copy, Default)]
pub(super) struct QuantisedSlice {
    pub(super) amount: i128,
    pub(super) quantity: i128,
}

/// Cuts the usage into slices, in the order of the resources that they belong to. The resources
/// have rows and days; their amounts come with the quantised slices.
pub(super) fn slice(totals: &Folded, matching: &Matching) -> (Vec<UsageSlice>, Vec<Resource>) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = RESOURCE_KEYS.map(|part| usage.codes(part));
    let mut slices: Vec<UsageSlice> = Vec::new();
    let mut resources: Vec<Resource> = Vec::new();
    let mut first_slice = 0;
    for (row, group) in matching.of_usage.iter().enumerate() {
        let key = codes.map(|column| column[row]);
        // The frame is sorted by resource: the rows of each stand together.
        if resources.last().is_none_or(|resource| resource.key != key) {
            resources.push(Resource::unused(key));
            first_slice = slices.len();
        }
        let number = u32::try_from(resources.len() - 1).expect("fewer resources than rows");
        let resource = resources.last_mut().expect("pushed above, if not before");
        resource.usage_rows += usage.rows[row];
        resource.first = resource.first.min(usage.first[row]);
        resource.last = resource.last.max(usage.last[row]);
        let (amount, quantity) = (usage.billing[row], usage.quantity[row]);
        // Few groups share a resource: a search costs less than a table.
        match slices[first_slice..]
            .iter_mut()
            .find(|slice| slice.group == *group)
        {
            Some(slice) => {
                slice.amount += amount;
                slice.quantity += quantity;
            }
            None => slices.push(UsageSlice {
                resource: number,
                group: *group,
                amount,
                quantity,
            }),
        }
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
    let rounded_by = |slice: &UsageSlice| {
        let key = &resources[slice.resource as usize].key;
        QUANTISED_BY.map(|field| key[field])
    };
    // Equal keys keep the order of the slices, which decides among equal remainders.
    let mut order: Vec<(usize, &UsageSlice)> = slices.iter().enumerate().collect();
    // Cached: a key is six lookups away.
    order.sort_by_cached_key(|(number, slice)| (rounded_by(slice), *number));
    let mut quantised = vec![QuantisedSlice::default(); slices.len()];
    for run in order.chunk_by(|(_, left), (_, right)| rounded_by(left) == rounded_by(right)) {
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
