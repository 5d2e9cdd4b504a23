//! Lines of a second invoice for what another invoice of the same data bills: the same plan,
//! product, SKU, meter and charge period.
//!
//! Where one of them is negative, the charge was voided: void and re-issue join the charge in one
//! match, so that what is left is their difference. Else the meter is billed again, whatever the
//! amount. Only lines that found no usage are looked at, as late usage of a period comes with lines
//! of its own. Whole matches move, so that the rows of a match keep the keys that they were found
//! by, and the match keeps the invoice of the charge.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use super::passes::FrameMatches;
use crate::engine::fold::columns::LineColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::scope::Scope;
use crate::model::period::{Day, parse_day};

/// Parts of the key that say what a line charges for.
const CHARGED: [Part; 6] = [
    Part::Customer,
    Part::Subscription,
    Part::Product,
    Part::Sku,
    Part::Description,
    Part::Currency,
];

/// Codes of [`CHARGED`], and the first and the last day of the charge.
type ChargeKey = ([u32; CHARGED.len()], [Day; 2]);

/// Lines of one charge, as far as they decide which match the others belong to.
#[derive(Default)]
struct Charged {
    /// Matches without usage, each with its invoice; of this charge alone.
    unmatched: Vec<(u32, u32)>,
    /// Matches with usage, each with the invoice of one of its lines.
    matched: BTreeSet<(u32, u32)>,
    /// Invoices of all lines, in the order of their numbers.
    invoices: BTreeSet<u32>,
    /// True if a line without usage takes an amount back.
    is_voided: bool,
}

/// Matches that second invoices decided on.
#[derive(Debug, Default)]
pub struct SecondInvoices {
    /// Matches without usage whose lines bill again what another invoice bills.
    pub billed_again: HashSet<u32>,
    /// Matches that lines of other invoices joined, as they void a charge or issue it again.
    pub reissued: HashSet<u32>,
}

/// Matches of usage (left) and lines (right) with the lines of second invoices settled.
pub(super) fn settled(
    totals: &Folded,
    mut matching: FrameMatches,
) -> (FrameMatches, SecondInvoices) {
    let charges = charges(totals, &matching);
    let mut found = SecondInvoices::default();
    let mut target: Vec<u32> = (0..).take(matching.matched_on.len()).collect();
    // Lines of one invoice stand apart for their price adjustments, and are no second charge.
    for charged in charges
        .values()
        .filter(|charged| charged.invoices.len() > 1)
    {
        let first = charged.matched.first().or(charged.unmatched.first());
        let (first, _) = first.expect("a charge is listed for its match without usage");
        for (group, invoice) in &charged.unmatched {
            let mut matched_in = charged.matched.iter().map(|(_, invoice)| invoice);
            if charged.is_voided {
                target[*group as usize] = *first;
                found.reissued.insert(*first);
            } else if matched_in.any(|other| other != invoice)
                || charged.invoices.first() != Some(invoice)
            {
                found.billed_again.insert(*group);
            }
        }
    }
    join(&mut matching, &target, &mut found);
    (matching, found)
}

/// Charges that a match without usage has lines of.
fn charges(totals: &Folded, matching: &FrameMatches) -> HashMap<ChargeKey, Charged> {
    let mut has_usage = vec![false; matching.matched_on.len()];
    for group in &matching.of_left {
        has_usage[*group as usize] = true;
    }
    let lines = LineColumns::of(&totals.lines);
    let codes = CHARGED.map(|part| lines.codes(part));
    let [start, end, invoice] =
        [Part::ChargeStart, Part::ChargeEnd, Part::Invoice].map(|part| lines.codes(part));
    let is_unmatched = |row: &usize| {
        let group = matching.of_right[*row] as usize;
        !has_usage[group] && lines.scope(*row) == Scope::Usage
    };
    let charge_of = |row: usize| -> Option<ChargeKey> {
        let day = |column: &[u32]| day_of(&totals.vocabulary, column[row]);
        Some((codes.map(|column| column[row]), [day(start)?, day(end)?]))
    };
    let rows = 0..lines.rows.len();
    let mut charges: HashMap<ChargeKey, Charged> = HashMap::new();
    // Charge of each match without usage; `None` where it holds several.
    let mut only: HashMap<u32, Option<ChargeKey>> = HashMap::new();
    for row in rows.clone().filter(is_unmatched) {
        let charge = charge_of(row);
        only.entry(matching.of_right[row])
            .and_modify(|known| *known = known.filter(|known| Some(*known) == charge))
            .or_insert(charge);
    }
    let mut seen: HashSet<u32> = HashSet::new();
    for row in rows.clone().filter(is_unmatched) {
        let group = matching.of_right[row];
        let Some(Some(charge)) = only.get(&group) else {
            continue;
        };
        let charged = charges.entry(*charge).or_default();
        charged.is_voided |= lines.subtotal[row] < 0;
        if seen.insert(group) {
            charged.unmatched.push((group, invoice[row]));
        }
    }
    if charges.is_empty() {
        return charges;
    }
    for row in rows.filter(|row| lines.scope(*row) == Scope::Usage) {
        let Some(charged) = charge_of(row).and_then(|charge| charges.get_mut(&charge)) else {
            continue;
        };
        charged.invoices.insert(invoice[row]);
        let group = matching.of_right[row];
        if has_usage[group as usize] {
            charged.matched.insert((group, invoice[row]));
        }
    }
    charges
}

/// Day behind a code; `None` for none.
fn day_of(vocabulary: &Vocabulary, code: u32) -> Option<Day> {
    // A text that is no date was told when it was read; such a line names no charge period.
    parse_day(vocabulary.text(Domain::Date, code).as_bytes())
        .ok()
        .flatten()
}

/// Moves the lines of each match to its target, and numbers the matches anew without those that are
/// empty then, in `found` as well.
fn join(matching: &mut FrameMatches, target: &[u32], found: &mut SecondInvoices) {
    if (0..).zip(target).all(|(group, into)| group == *into) {
        return;
    }
    let mut number = Vec::with_capacity(target.len());
    let mut kept = Vec::new();
    for ((group, into), pass) in (0..).zip(target).zip(&matching.matched_on) {
        number.push(u32::try_from(kept.len()).expect("fewer than 2^32 matches"));
        if group == *into {
            kept.push(pass.clone());
        }
    }
    let renumbered = |group: u32| number[target[group as usize] as usize];
    for group in matching.of_left.iter_mut().chain(&mut matching.of_right) {
        *group = renumbered(*group);
    }
    matching.matched_on = kept;
    for groups in [&mut found.billed_again, &mut found.reissued] {
        *groups = groups.iter().map(|group| renumbered(*group)).collect();
    }
}
