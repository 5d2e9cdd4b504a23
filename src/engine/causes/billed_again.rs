//! Quantity that was billed again: a line charges beyond its usage what the usage of an earlier
//! period has, which its own invoice billed.
//!
//! By itself a group cannot tell that from any other quantity, so that it is looked for once all
//! groups are known.

use hashbrown::{HashMap, HashSet};

use super::finding::Finding;
use super::variance_bridge::VarianceBridge;
use crate::engine::compare::group::{Keys, Sides};
use crate::engine::rules::keys::Key;
use crate::engine::rules::scope::Scope;
use crate::model::decimal::to_published;
use crate::model::period::Period;

/// Names the quantity of such groups timing. `sides` has an entry for each match, `periods` the
/// period of each invoice.
pub(super) fn name_it(
    found: &mut HashMap<u32, Finding>,
    sides: &[Sides],
    periods: &HashMap<u32, Period>,
) {
    let suspects: Vec<u32> = found
        .iter()
        .filter(|(group, finding)| {
            sides[**group as usize].expected_rows > 0 && is_quantity_alone(&finding.steps)
        })
        .map(|(group, _)| *group)
        .collect();
    if suspects.is_empty() {
        return;
    }
    let key_of = |sides: &Sides| sides.keys.without(Key::Invoice);
    let wanted: HashSet<Keys> = suspects
        .iter()
        .map(|group| key_of(&sides[*group as usize]))
        .collect();
    // Groups of equal keys on other invoices, whose usage their own lines billed.
    let mut billed: HashMap<Keys, Vec<&Sides>> = HashMap::new();
    for (_, sides) in (0..)
        .zip(sides)
        .filter(|(group, sides)| !found.contains_key(group) && is_billed(sides))
    {
        let key = key_of(sides);
        if wanted.contains(&key) {
            billed.entry(key).or_default().push(sides);
        }
    }
    let days = |sides: &Sides| {
        let period = periods.get(&sides.keys[Key::Invoice]);
        period.map(|period| period.days())
    };
    for group in suspects {
        let of_group = &sides[group as usize];
        let Some(earlier) = billed.get(&key_of(of_group)) else {
            continue;
        };
        let finding = found.get_mut(&group).expect("a suspect has a finding");
        let more = to_published(finding.steps.quantity_delta);
        let is_billed_again = earlier.iter().any(|sides| {
            Some(sides.expected_quantity) == more
                && matches!(
                    (days(sides), days(of_group)),
                    (Some(before), Some(now)) if before < now
                )
        });
        if is_billed_again {
            finding.steps.take_for_timing();
        }
    }
}

/// True if a group has usage and lines for it.
fn is_billed(sides: &Sides) -> bool {
    sides.scope == Scope::Usage && sides.expected_rows > 0 && sides.invoiced_rows > 0
}

/// True of a bridge whose only step but rounding is a larger quantity.
fn is_quantity_alone(steps: &VarianceBridge) -> bool {
    steps.quantity > 0 && steps.size(steps.sum()) == steps.quantity + steps.rounding.abs()
}
