//! What is planted where: changes between the sides of a group, alone and in mixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use self::Change::{
    AzureCredit, CoveredUsage, EarlierLine, Fx, GainCredit, LateUsage, LineCopy, LoseCredit,
    NoLine, NoUsage, Overcharge, Price, Quantity, Rebilled, ShiftCredit, UsageCopies,
};
use super::catalogue::Meter;
use super::layout::{Earning, Group, groups};
use super::partner::{Partner, Plan};
use super::random::Weights;
use crate::model::cause::Cause;

/// One change of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Usage of the month before, that the line does not charge.
    LateUsage,
    /// Usage rows that come twice, and are charged once.
    UsageCopies,
    /// Usage that a savings plan covers: it costs nothing, and the line does not count it.
    CoveredUsage,
    /// The line charges more units.
    Quantity,
    /// The line charges list price, though the credit was earned.
    LoseCredit,
    /// The line has the credit, though it was not earned.
    GainCredit,
    /// Some units stand on the line without the credit instead of the one with it.
    ShiftCredit,
    /// The line has another price.
    Price,
    /// The line has another exchange rate.
    Fx,
    /// The line's subtotal is not what its own numbers give.
    Overcharge,
    /// A credit line of the same amount.
    AzureCredit,
    /// The line comes twice.
    LineCopy,
    /// Another line, of the cycle before.
    EarlierLine,
    /// The line is charged again and refunded: no variance.
    Rebilled,
    /// No usage is left.
    NoUsage,
    /// There is no line.
    NoLine,
}

/// Changes that are planted together. Each cause alone comes first; of the mixtures, too, every
/// amount can be told from the others.
pub(super) const PLANTS: [&[Change]; 27] = [
    &[Fx],
    &[LoseCredit],
    &[Price],
    &[Quantity],
    &[AzureCredit],
    &[LateUsage],
    &[UsageCopies],
    &[NoUsage],
    &[NoLine],
    &[Overcharge],
    // Only rounding.
    &[],
    &[GainCredit],
    &[ShiftCredit],
    &[LineCopy],
    &[EarlierLine],
    &[Rebilled],
    &[CoveredUsage],
    &[Quantity, Price],
    &[Price, Fx],
    &[Quantity, LoseCredit, Price, Fx],
    &[UsageCopies, Price],
    &[LateUsage, Quantity],
    &[LateUsage, UsageCopies],
    &[AzureCredit, Price],
    &[Fx, Overcharge],
    &[LineCopy, Price],
    &[CoveredUsage, EarlierLine, Price],
];
/// Of these, the ones that a small month has too.
const SINGLE: usize = 11;

impl Change {
    /// The cause that a reconciliation should name; `None` where there is nothing to name.
    pub(super) const fn cause(self) -> Option<Cause> {
        Some(match self {
            LateUsage | EarlierLine => Cause::Timing,
            UsageCopies | LineCopy => Cause::Duplicate,
            Quantity => Cause::Quantity,
            LoseCredit | GainCredit | ShiftCredit => Cause::PartnerEarnedCredit,
            Price => Cause::Price,
            Fx => Cause::Fx,
            Overcharge => Cause::Unexplained,
            AzureCredit => Cause::Credit,
            NoUsage => Cause::MissingUsage,
            NoLine => Cause::MissingInvoice,
            CoveredUsage | Rebilled => return None,
        })
    }
}

/// Least cost of a planted group in millionths of USD: three percent of it, less credit and spread,
/// is far more than a cent.
const LEAST_COST_MICRO: u64 = 20_000_000;
/// An exchange rate moves by one percent only.
const LEAST_FX_COST_MICRO: u64 = 60_000_000;
const LEAST_ROW_COST_MICRO: u64 = 50_000;
const PLANTED_ROWS: std::ops::RangeInclusive<u64> = 3..=5_000;
const DUPLICATES: u64 = 12;

/// What is planted where.
#[derive(Default)]
pub(super) struct Planting {
    plants: BTreeMap<(usize, usize), &'static [Change]>,
    /// Groups wanted for each single cause.
    pub(super) wanted: u64,
    /// Rows emitted beyond those laid out, less those held back.
    pub(super) surplus: i64,
}

struct Candidate {
    plan: usize,
    group: Group,
    euro: bool,
    cost_micro: u64,
    whole_units: bool,
}

impl Planting {
    /// Spreads the plants over the plans.
    pub(super) fn choose(
        partner: &Partner,
        plans: &[Plan],
        meters: &[Rc<Meter>],
        popularity: &Weights,
        rows: u64,
    ) -> Self {
        let wanted = if rows < 20_000 {
            u64::from(rows >= 1_000)
        } else {
            (2 + (rows / 50_000).isqrt()).min(20)
        };
        let candidates = candidates(partner, plans, meters, popularity);
        let mut planting = Self {
            wanted,
            ..Self::default()
        };
        let (single, more) = PLANTS.split_at(SINGLE);
        let more = if rows < 5_000 { &[] } else { more };
        let mut open: Vec<&'static [Change]> = (0..wanted)
            .flat_map(|_| single)
            .chain((0..wanted).flat_map(|_| more))
            .copied()
            .collect();
        let mut used = vec![false; candidates.len()];
        // First at even distances, then whatever is left takes any free place.
        let distance = (candidates.len() / open.len().max(1)).max(1);
        for step in [distance, 1] {
            for (at, candidate) in candidates.iter().enumerate().step_by(step) {
                let fit = (!used[at])
                    .then(|| open.iter().position(|changes| candidate.suits(changes)))
                    .flatten();
                if let Some(fit) = fit {
                    used[at] = true;
                    planting.plant(candidate, open.remove(fit));
                }
            }
        }
        planting
    }

    fn plant(&mut self, candidate: &Candidate, changes: &'static [Change]) {
        self.plants
            .insert((candidate.plan, candidate.group.meter), changes);
        for change in changes {
            match change {
                NoUsage => self.surplus -= i64::try_from(candidate.group.rows).unwrap_or(0),
                UsageCopies => {
                    self.surplus +=
                        i64::try_from(copied(candidate.group.rows, changes)).unwrap_or(0)
                }
                _ => {}
            }
        }
    }

    /// The changes planted into a plan's group.
    pub(super) fn changes(&self, plan: usize, meter: usize) -> Option<&'static [Change]> {
        self.plants.get(&(plan, meter)).copied()
    }
}

/// Rows of a planted group that come twice, at most.
pub(super) fn duplicates(rows: u64) -> u64 {
    (rows / 3).clamp(1, DUPLICATES)
}

/// Whether the row of that number in its group is of the month before.
pub(super) const fn is_late(serial: u64) -> bool {
    serial % 4 == 1
}

/// Whether the row of that number comes twice, as long as there are not enough of these.
pub(super) const fn is_copied(serial: u64) -> bool {
    serial % 3 == 1
}

/// Rows of a planted group that do come twice: late ones do not.
fn copied(rows: u64, changes: &[Change]) -> u64 {
    let late = changes.contains(&LateUsage);
    let candidates = (0..rows)
        .filter(|serial| is_copied(*serial) && !(late && is_late(*serial)))
        .take(64)
        .count();
    duplicates(rows).min(candidates as u64)
}

impl Candidate {
    fn suits(&self, changes: &[Change]) -> bool {
        let shifts = changes == [ShiftCredit];
        if matches!(self.group.earning, Earning::UntilDay(_)) != shifts {
            return false;
        }
        // Whole units at a short price may come to whole cents.
        if changes.is_empty() {
            return !self.whole_units;
        }
        changes.iter().all(|change| match change {
            Fx => self.euro && self.cost_micro >= LEAST_FX_COST_MICRO,
            LoseCredit => self.group.earning == Earning::Always,
            GainCredit => self.group.earning == Earning::Never,
            // Some rows of each kind are left beside them.
            CoveredUsage | LateUsage | UsageCopies => self.group.rows >= 6,
            ShiftCredit => self.group.rows >= 24,
            _ => true,
        })
    }
}

/// Groups of a reasonable size and amount, not granted; one for each product of a plan.
fn candidates(
    partner: &Partner,
    plans: &[Plan],
    meters: &[Rc<Meter>],
    popularity: &Weights,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for plan in plans {
        let mut products = BTreeSet::new();
        for group in groups(partner.seed, plan, meters, popularity) {
            let meter = &meters[group.meter];
            let plain = !matches!(group.earning, Earning::ByResource) && !meter.grants;
            let cost = meter.cost_micro.saturating_mul(group.rows);
            let large = meter.cost_micro >= LEAST_ROW_COST_MICRO && cost >= LEAST_COST_MICRO;
            // Meters whose id is a word share it: their resources are quantised together.
            let own_id = meter.meter_id.len() == 36;
            if plain
                && large
                && own_id
                && PLANTED_ROWS.contains(&group.rows)
                && products.insert(meter.product)
            {
                let euro = plan.customer.invoice.currency == "EUR";
                found.push(Candidate {
                    plan: plan.index,
                    group,
                    euro,
                    cost_micro: cost,
                    whole_units: meter.whole_units,
                });
            }
        }
    }
    found
}
