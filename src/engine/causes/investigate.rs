//! Groups that rounding alone cannot explain: what changed between their sides, and where it is.

use super::finding::{Finding, Narrowest};
use hashbrown::HashMap;
use rayon::prelude::*;

use super::evidence::{self, Evidence, Place};
use super::variance_bridge::{VarianceBridge, Working};
use crate::engine::compare::group::{Keys, Sides};
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::passes::Matching;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::scope::Scope;
use crate::model::cause::Cause;

/// Looks into every group of usage and lines that rounding alone cannot explain; by match. What
/// holds a break alone is told by [`Holders`], of all groups.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn investigate(
    totals: &Folded,
    matching: &Matching,
    sides: &[Sides],
    rules: &Rules,
) -> Result<HashMap<u32, Finding>, EngineError> {
    let wanted = match sides
        .iter()
        .map(Sides::is_beyond_rounding)
        .collect::<Result<Vec<bool>, _>>()
    {
        Ok(wanted) => wanted,
        Err(overflow) => return Err(overflow),
    };
    let gathered = evidence::gather(totals, matching, &wanted);
    let found: Vec<(u32, Finding)> = gathered
        .into_par_iter()
        .filter_map(|(group, evidence)| {
            let of_group = sides.get(group as usize)?;
            let steps = VarianceBridge::of_usage(
                &evidence,
                rules,
                of_group.variance_amount(),
                of_group.bounds,
                None,
            );
            // Prices past all sense explain nothing.
            let steps = steps.unwrap_or_else(|| VarianceBridge::one_sided(of_group));
            let place = place_of(&steps, &evidence);
            let resource = place.and_then(|place| place.resource);
            Some((
                group,
                Finding {
                    steps,
                    resource,
                    days: place.map(|place| place.days),
                    narrowest: Narrowest::Meter,
                },
            ))
        })
        .collect();
    let mut found: HashMap<u32, Finding> = found.into_iter().collect();
    pair_siblings(&mut found, sides);
    Ok(found)
}

/// How the parts of one group come about; none where rounding alone can make its variance.
pub fn workings(
    totals: &Folded,
    matching: &Matching,
    sides: &[Sides],
    group: u32,
    rules: &Rules,
) -> Vec<Working> {
    let mut wanted = vec![false; sides.len()];
    if let Some(slot) = wanted.get_mut(group as usize) {
        *slot = true;
    }
    let mut notes = Vec::new();
    let gathered = evidence::gather(totals, matching, &wanted);
    if let (Some(evidence), Some(of_group)) = (gathered.get(&group), sides.get(group as usize))
        && VarianceBridge::of_usage(
            evidence,
            rules,
            of_group.variance_amount(),
            of_group.bounds,
            Some(&mut notes),
        )
        .is_none()
    {
        notes.clear();
    }
    notes
}

/// Where the rows are that the largest step is about.
fn place_of(steps: &VarianceBridge, evidence: &Evidence) -> Option<Place> {
    match main_cause(steps) {
        Some(Cause::Duplicate) => evidence.copies_place.or(evidence.place),
        Some(Cause::Timing) => evidence.late_place.or(evidence.place),
        _ => evidence.place,
    }
}

/// The largest step; what is left is looked at as a cause of its own.
fn main_cause(steps: &VarianceBridge) -> Option<Cause> {
    let sized = [
        (Cause::Duplicate, steps.duplicate),
        (Cause::Timing, steps.timing),
        (Cause::Credit, steps.credit),
        (Cause::MissingUsage, steps.missing_usage),
        (Cause::MissingInvoice, steps.missing_invoice),
        (Cause::Quantity, steps.quantity),
        (Cause::PartnerEarnedCredit, steps.partner_earned_credit),
        (Cause::Price, steps.price),
        (Cause::Fx, steps.fx),
        (Cause::Tax, steps.tax),
    ];
    sized
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .max_by_key(|(_, amount)| amount.unsigned_abs())
        .map(|(cause, _)| cause)
}

/// Groups of one meter whose quantities make up for each other at different adjustments.
fn pair_siblings(found: &mut HashMap<u32, Finding>, sides: &[Sides]) {
    let mut families: HashMap<Keys, (i128, Vec<u32>)> = HashMap::new();
    for (group, finding) in found.iter() {
        let Some(of_group) = sides
            .get(*group as usize)
            .filter(|_| finding.steps.credit == 0 && finding.steps.quantity_delta != 0)
        else {
            continue;
        };
        let family = families
            .entry(of_group.keys.without(Key::Adjustment))
            .or_default();
        family.0 = family.0.saturating_add(finding.steps.quantity_delta);
        family.1.push(*group);
    }
    for (_, members) in families
        .into_values()
        .filter(|(delta, members)| *delta == 0 && members.len() > 1)
    {
        for group in members {
            if let Some(finding) = found.get_mut(&group) {
                finding.steps.take_for_earned_credit();
            }
        }
    }
}

fn cause_of(finding: &Finding) -> Cause {
    main_cause(&finding.steps).unwrap_or(Cause::Unexplained)
}

/// An invoice, customer or subscription, in a currency.
type Entity = (Narrowest, [u32; 4]);

fn entities(keys: &Keys) -> [Entity; 3] {
    [
        (
            Narrowest::Invoice,
            [keys[Key::Invoice], 0, 0, keys[Key::Currency]],
        ),
        (
            Narrowest::Customer,
            [
                keys[Key::Invoice],
                keys[Key::Customer],
                0,
                keys[Key::Currency],
            ],
        ),
        (
            Narrowest::Subscription,
            [
                keys[Key::Invoice],
                keys[Key::Customer],
                keys[Key::Subscription],
                keys[Key::Currency],
            ],
        ),
    ]
}

/// Counts the groups of invoices, customers and subscriptions, and the causes among them.
#[derive(Debug, Default)]
pub struct Holders {
    groups: HashMap<Entity, u64>,
    broken: HashMap<(Entity, Cause), u64>,
}

impl Holders {
    /// Counts a group, and what was found out about it.
    pub fn add(&mut self, sides: &Sides, finding: Option<&Finding>) {
        if sides.scope == Scope::Usage {
            for entity in entities(&sides.keys) {
                *self.groups.entry(entity).or_default() += 1;
            }
        }
        if let Some(cause) = finding.map(cause_of) {
            for entity in entities(&sides.keys) {
                *self.broken.entry((entity, cause)).or_default() += 1;
            }
        }
    }

    /// The widest thing all of whose groups have the same cause, if it has several; else the meter, or
    /// the one resource or day in it.
    #[must_use]
    pub fn narrowest(&self, sides: &Sides, finding: &Finding) -> Narrowest {
        let cause = cause_of(finding);
        let holds_all = |entity: &Entity| {
            let all = self.groups.get(entity).copied().unwrap_or(0);
            all > 1 && self.broken.get(&(*entity, cause)) == Some(&all)
        };
        let one_day = finding.days.is_some_and(|(first, last)| first == last);
        match entities(&sides.keys).into_iter().find(holds_all) {
            Some((entity, _)) => entity,
            None if finding.resource.is_some() && one_day => Narrowest::Day,
            None if finding.resource.is_some() => Narrowest::Resource,
            None => Narrowest::Meter,
        }
    }
}

/// Names what holds each break alone, of groups that are all there are.
pub fn narrow(found: &mut HashMap<u32, Finding>, sides: &[Sides]) {
    let mut holders = Holders::default();
    (0..)
        .zip(sides)
        .for_each(|(group, sides)| holders.add(sides, found.get(&group)));
    for (group, finding) in found {
        if let Some(sides) = sides.get(*group as usize) {
            finding.narrowest = holders.narrowest(sides, finding);
        }
    }
}
