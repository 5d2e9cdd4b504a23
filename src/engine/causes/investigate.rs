//! Investigation of the groups that rounding alone cannot explain: which changes lead from one side
//! to the other, and what holds the break alone.
//!
//! A group is first looked at by itself; then groups of one meter whose quantities make up for each
//! other are seen together; last, [`Holders`] counts over *all* groups which invoice, customer or
//! subscription has one cause throughout.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::billed_again;
use super::evidence::{self, Evidence, Location};
use super::finding::{Finding, Narrowest};
use super::variance_bridge::{RulesTried, VarianceBridge};
use super::workings::Working;
use crate::engine::compare::group::{Keys, Sides};
use crate::engine::compare::invoice_practice::InvoicePractice;
use crate::engine::failure::EngineError;
use crate::engine::fold::folded::Folded;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::scope::Scope;
use crate::model::cause::Cause;

/// Findings about every group of usage and lines that rounding alone cannot explain, by match.
/// `sides` has an entry for each match. All findings are of level [`Narrowest::Meter`] until
/// [`narrow`] or [`Holders`] has seen all groups.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where a variance exceeds 28 digits.
pub fn investigate(
    totals: &Folded,
    matching: &Matching,
    sides: &[Sides],
    rules: &Rules,
    practice: &InvoicePractice,
) -> Result<HashMap<u32, Finding>, EngineError> {
    let wanted = sides
        .iter()
        .map(Sides::is_beyond_rounding)
        .collect::<Result<Vec<bool>, _>>()?;
    let gathered = evidence::gather(totals, matching, practice, &wanted);
    let found: Vec<(u32, Finding)> = gathered
        .into_par_iter()
        .map(|(group, evidence)| {
            let rules = rules_tried(&evidence, rules, practice);
            let finding = finding_of(&sides[group as usize], &evidence, rules);
            (group, finding)
        })
        .collect();
    // A hash map has no order that could reach an output: it is only looked up by match.
    let mut found: HashMap<u32, Finding> = found.into_iter().collect();
    // Only after all groups: two siblings make up for each other once both have a finding.
    pair_siblings(&mut found, sides);
    billed_again::name_it(&mut found, sides, &totals.periods);
    Ok(found)
}

/// Rules by which the bridge of some evidence is laid.
fn rules_tried<'r>(
    evidence: &Evidence,
    rules: &'r Rules,
    practice: &InvoicePractice,
) -> RulesTried<'r> {
    let held = practice.rule_of(evidence.invoice());
    RulesTried {
        all: rules,
        held: held.is_learned.then(|| &rules.all()[held.rule]),
    }
}

fn finding_of(sides: &Sides, evidence: &Evidence, rules: RulesTried<'_>) -> Finding {
    let (variance, bounds) = (sides.variance_amount(), sides.bounds);
    let mut steps = VarianceBridge::of_usage(evidence, rules, variance, bounds, None)
        // Numbers past all sense explain nothing.
        .unwrap_or_else(|| VarianceBridge::one_sided(sides));
    if sides.is_billed_again {
        steps.take_for_duplicate();
    }
    let location = location_of(&steps, evidence);
    Finding {
        steps,
        resource: location.and_then(|location| location.resource),
        days: location.map(|location| location.days),
        narrowest: Narrowest::Meter,
        contradiction: None,
        is_timing: false,
    }
}

/// Arithmetic behind the parts of one group's variance; nothing where its numbers are past all
/// sense.
///
/// # Panics
/// Where `group` is no match.
#[must_use]
pub fn workings(
    totals: &Folded,
    matching: &Matching,
    sides: &[Sides],
    group: u32,
    rules: &Rules,
    practice: &InvoicePractice,
) -> Vec<Working> {
    let mut wanted = vec![false; sides.len()];
    wanted[group as usize] = true;
    let gathered = evidence::gather(totals, matching, practice, &wanted);
    let evidence = gathered.get(&group).expect("a match has a member");
    let of_group = &sides[group as usize];
    let mut notes = Vec::new();
    let bridge = VarianceBridge::of_usage(
        evidence,
        rules_tried(evidence, rules, practice),
        of_group.variance_amount(),
        of_group.bounds,
        Some(&mut notes),
    );
    if bridge.is_none() {
        notes.clear();
    }
    notes
}

/// Resource and days of the rows that the largest step is about.
fn location_of(bridge: &VarianceBridge, evidence: &Evidence) -> Option<Location> {
    // Duplicate lines and lines of another cycle name no resource, as no invoice does
    // (`model::domain::semantics §1`): the group's usage is then the nearest place.
    match main_cause(bridge) {
        Some(Cause::Duplicate) => evidence.duplicates_at.or(evidence.usage_at),
        Some(Cause::Timing) => evidence.late_at.or(evidence.usage_at),
        _ => evidence.usage_at,
    }
}

/// Cause of the largest step, of equal ones the last; `None` for a bridge without steps. Rounding
/// is none of them: a variance that it makes needs no finding.
fn main_cause(steps: &VarianceBridge) -> Option<Cause> {
    let sized = [
        (Cause::Duplicate, steps.duplicate),
        (Cause::Timing, steps.timing),
        (Cause::Credit, steps.credit),
        (Cause::MissingUsage, steps.missing_usage),
        (Cause::MissingInvoice, steps.missing_invoice),
        (Cause::Quantity, steps.quantity),
        (Cause::PartnerEarnedCredit, steps.partner_earned_credit),
        (Cause::Promotion, steps.promotion),
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

/// Sees groups together that differ only in their adjustment and whose quantities make up for each
/// other: the usage of one was billed in the other, as its partner earned credit changed.
fn pair_siblings(found: &mut HashMap<u32, Finding>, sides: &[Sides]) {
    let mut families: HashMap<Keys, Family> = HashMap::new();
    for (group, finding) in found.iter() {
        if finding.steps.credit != 0 || finding.steps.quantity_delta == 0 {
            continue;
        }
        // Without the adjustment, which is what may have changed: the earned credit is decided day
        // by day (`model::domain::semantics §1`), so that a month may move from one adjustment to
        // the other.
        let keys = sides[*group as usize].keys.without(Key::Adjustment);
        let family = families.entry(keys).or_default();
        // A sum that saturates is not zero, and only zero says anything.
        family.quantity_delta = family
            .quantity_delta
            .saturating_add(finding.steps.quantity_delta);
        family.members.push(*group);
    }
    for family in families
        .into_values()
        .filter(|family| family.quantity_delta == 0 && family.members.len() > 1)
    {
        for group in family.members {
            found
                .get_mut(&group)
                .expect("its finding made it a member")
                .steps
                .take_for_earned_credit();
        }
    }
}

/// Groups that differ only in their adjustment.
#[derive(Default)]
struct Family {
    /// Billed less used quantity of all of them, in units of 10^-20.
    quantity_delta: i128,
    members: Vec<u32>,
}

/// Cause that a finding is counted under.
fn cause_of(finding: &Finding) -> Cause {
    main_cause(&finding.steps).unwrap_or(Cause::Unexplained)
}

/// Invoice, customer or subscription, in a currency: its level, and its codes, 0 for those that are
/// finer than the level.
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

/// Counts of the groups of each invoice, customer and subscription, and of the causes among them.
#[derive(Debug, Default)]
pub struct Holders {
    groups: HashMap<Entity, u64>,
    broken: HashMap<(Entity, Cause), u64>,
}

impl Holders {
    /// Counts a group, with the finding about it.
    pub fn add(&mut self, sides: &Sides, finding: Option<&Finding>) {
        // Groups out of scope never have a finding: if they counted, one licence line would keep an
        // invoice from being named as the holder of a cause.
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

    /// Level of the widest thing all of whose groups have the finding's cause, if it has several
    /// groups; else of the meter, or of the one resource or day in it.
    #[must_use]
    pub fn narrowest(&self, sides: &Sides, finding: &Finding) -> Narrowest {
        let cause = cause_of(finding);
        let holds_all = |entity: &Entity| {
            let counts = (self.groups.get(entity), self.broken.get(&(*entity, cause)));
            // An entity may have groups out of scope only, which are not counted.
            // One group alone says nothing of its invoice: a fault of the meter would look the
            // same.
            matches!(counts, (Some(all), Some(broken)) if *all > 1 && all == broken)
        };
        let one_day = finding.days.is_some_and(|(first, last)| first == last);
        // Entities are listed from wide to narrow, so that the first hit is the widest.
        match entities(&sides.keys).into_iter().find(holds_all) {
            Some((entity, _)) => entity,
            None if finding.resource.is_some() && one_day => Narrowest::Day,
            None if finding.resource.is_some() => Narrowest::Resource,
            None => Narrowest::Meter,
        }
    }
}

/// Gives each finding its level. `sides` must be all groups that there are, one for each match.
pub fn narrow(found: &mut HashMap<u32, Finding>, sides: &[Sides]) {
    let mut holders = Holders::default();
    (0..)
        .zip(sides)
        .for_each(|(group, sides)| holders.add(sides, found.get(&group)));
    for (group, finding) in found {
        finding.narrowest = holders.narrowest(&sides[*group as usize], finding);
    }
}
