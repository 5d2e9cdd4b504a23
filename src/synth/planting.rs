//! Planted variances: changes between the two sides of a group, alone and in mixtures, and the
//! groups that carry them.
//!
//! A change is planted only where it moves far more than rounding does, and where a reconciliation
//! can tell it from any other: whoever adds one adds it to [`PLANTS`], to `settle`, and to
//! [`Candidate::suits`] what a group must have for it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use self::Change::{
    AzureCredit, BilledAgain, CentDown, CentUp, Corrected, CoveredUsage, Discount, EarlierLine, Fx,
    GainCredit, LateUsage, LineCopy, LoseCredit, NoLine, NoUsage, OtherMeter, OtherSku, Overcharge,
    Price, Promotion, Quantity, Rebilled, Reissued, ReissuedLess, ShiftCredit, UsageCopies,
};
use super::catalogue::Meter;
use super::layout::{Earning, Group, groups};
use super::partner::{Partner, Plan};
use super::random::Weights;
use super::spreadsheet;
use crate::model::cause::Cause;

/// Change of a group by which its two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Usage of the month before that the line does not charge.
    LateUsage,
    /// Usage rows that come twice, and are charged once.
    UsageCopies,
    /// Usage that a savings plan covers: it costs nothing, and its quantity is not on the line.
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
    /// An Azure credit line takes the amount back.
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
    /// The line's subtotal is a cent above what the invoice's rule makes.
    CentUp,
    /// The line's subtotal is a cent below what the invoice's rule makes.
    CentDown,
    /// The line is for another SKU than was used.
    OtherSku,
    /// The line names another meter than was used.
    OtherMeter,
    /// The line has a promotion, with the id of its offer.
    Promotion,
    /// The line has another discount, which only a text tells.
    Discount,
    /// A second invoice has the line too.
    BilledAgain,
    /// A second invoice voids the line, and issues it again: no variance.
    Reissued,
    /// A second invoice voids the line, and issues it again over fewer units.
    ReissuedLess,
    /// A second invoice voids the line, and issues it as it should have been: no variance.
    Corrected,
}

/// Changes that are planted together. Single causes come first; the mixtures are those whose
/// amounts can still be told from each other.
pub(super) const PLANTS: [&[Change]; 36] = [
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
    &[CentUp],
    &[OtherSku],
    &[Promotion],
    &[GainCredit],
    &[ShiftCredit],
    &[LineCopy],
    &[EarlierLine],
    &[Rebilled],
    &[CoveredUsage],
    &[CentDown],
    &[OtherMeter],
    &[Discount],
    &[BilledAgain],
    &[Reissued],
    &[ReissuedLess],
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
/// Number of plants, from the first on, that a small month has too.
const SINGLE: usize = 14;

impl Change {
    /// Cause that a reconciliation should name; `None` where the sides do not differ by it.
    pub(super) const fn cause(self) -> Option<Cause> {
        Some(match self {
            LateUsage | EarlierLine => Cause::Timing,
            UsageCopies | LineCopy => Cause::Duplicate,
            Quantity | ReissuedLess => Cause::Quantity,
            LoseCredit | GainCredit | ShiftCredit => Cause::PartnerEarnedCredit,
            Price => Cause::Price,
            Fx => Cause::Fx,
            Promotion | Discount => Cause::Promotion,
            Overcharge | CentUp | CentDown => Cause::Unexplained,
            AzureCredit => Cause::Credit,
            NoUsage => Cause::MissingUsage,
            NoLine => Cause::MissingInvoice,
            // Keys that contradict and a second invoice make groups of their own.
            CoveredUsage | Rebilled | OtherSku | OtherMeter | BilledAgain | Reissued
            | Corrected => {
                return None;
            }
        })
    }
}

/// Least cost of a planted group, 20 USD in millionths: three percent of it, less credit and
/// spread, is far more than a cent.
const LEAST_COST_MICRO: u64 = 20_000_000;
/// Least cost of a group with another exchange rate, 60 USD in millionths: rates move by one
/// percent only.
const LEAST_FX_COST_MICRO: u64 = 60_000_000;
/// Least cost of a row of a planted group, 5 cents in millionths of USD.
const LEAST_ROW_COST_MICRO: u64 = 50_000;
/// Number of rows that a planted group may have.
const PLANTED_ROWS: std::ops::RangeInclusive<u64> = 3..=5_000;
/// Largest number of rows of one group that come twice.
const DUPLICATES: u64 = 12;

/// Choice of groups that carry changes.
#[derive(Default)]
pub(super) struct Planting {
    /// Changes by plan and meter.
    plants: BTreeMap<(usize, usize), &'static [Change]>,
    /// Number of groups wanted for each single cause; 0 where nothing is planted.
    pub(super) wanted: u64,
    /// Significant digits of the usage of plans that were saved by a spreadsheet, by plan.
    pub(super) saved: BTreeMap<usize, u32>,
    /// Number of rows emitted beyond those laid out, less those held back.
    pub(super) surplus: i64,
}

/// Order in which groups are asked for plants.
#[derive(Default)]
pub(super) struct Order {
    /// Number of the group that is asked first.
    pub(super) first: usize,
    /// Plans and products that are not asked at all.
    pub(super) taken: BTreeSet<(usize, usize)>,
    /// Position of the plan that fills up to the row that was asked for.
    pub(super) last_plan: usize,
}

/// Changes that a group of a later version carries; `None` for none any more.
pub(super) type Edit = ((usize, usize), Option<&'static [Change]>);

/// Group that may carry changes.
struct Candidate {
    /// Position of the plan.
    plan: usize,
    group: Group,
    /// True if the group is billed in euro, and an exchange rate applies.
    euro: bool,
    /// Cost of the group at list price, in millionths of USD.
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
        order: &Order,
    ) -> Self {
        // Grows with the root of the rows, so that plants stay rare in large months.
        let wanted = if rows < 20_000 {
            u64::from(rows >= 1_000)
        } else {
            (2 + (rows / 50_000).isqrt()).min(20)
        };
        let digits = |plan: &Plan| spreadsheet::saved_digits(partner.seed, rows, plan.index);
        let saved: BTreeMap<usize, u32> = plans
            .iter()
            .filter_map(|plan| Some((plan.index, digits(plan)?)))
            .chain([(order.last_plan, spreadsheet::OF_THE_LAST_PLAN)])
            .collect();
        let mut candidates = candidates(partner, plans, meters, popularity, &saved);
        candidates.retain(|candidate| {
            let product = meters[candidate.group.meter].product;
            !order.taken.contains(&(candidate.plan, product))
        });
        let first = order.first % candidates.len().max(1);
        candidates.rotate_left(first);
        let mut planting = Self {
            wanted,
            saved,
            ..Self::default()
        };
        let (single, more) = PLANTS.split_at(SINGLE);
        // A small month has too few groups for mixtures.
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
                // Only these two change the number of usage rows; late rows are moved, and covered
                // ones free.
                NoUsage => self.surplus -= candidate.group.rows.cast_signed(),
                UsageCopies => self.surplus += copied(candidate.group.rows, changes).cast_signed(),
                _ => {}
            }
        }
    }

    /// Makes a later version of the month: what these groups carry instead.
    pub(super) fn edit(&mut self, edits: &[Edit]) {
        for (group, changes) in edits {
            match changes {
                Some(changes) => self.plants.insert(*group, changes),
                None => self.plants.remove(group),
            };
        }
    }

    /// True if a second invoice charges something again.
    pub(super) fn has_second_invoices(&self) -> bool {
        let mut changes = self.plants.values().copied().flatten();
        changes.any(|change| matches!(change, BilledAgain | Reissued | ReissuedLess | Corrected))
    }

    /// Changes planted into a plan's group; `None` for a group that is left alone, while the empty
    /// list is a plant too: only rounding.
    pub(super) fn changes(&self, plan: usize, meter: usize) -> Option<&'static [Change]> {
        self.plants.get(&(plan, meter)).copied()
    }
}

/// Largest number of rows of a planted group that come twice.
pub(super) fn duplicates(rows: u64) -> u64 {
    (rows / 3).clamp(1, DUPLICATES)
}

/// True if the row of that number in a group with late usage is of the month before.
pub(super) const fn is_late(serial: u64) -> bool {
    serial % 4 == 1
}

/// True if the row of that number in a group with copies may come twice.
pub(super) const fn is_copied(serial: u64) -> bool {
    // Remainder 2 is for rows that a savings plan covers: no row is both.
    serial % 3 == 1
}

/// Number of rows of a planted group that do come twice: late ones do not.
fn copied(rows: u64, changes: &[Change]) -> u64 {
    let late = changes.contains(&LateUsage);
    let candidates = (0..rows)
        .filter(|serial| is_copied(*serial) && !(late && is_late(*serial)))
        // More than any group's copies: 5,000 rows need not be looked through.
        .take(64)
        .count();
    duplicates(rows).min(candidates as u64)
}

impl Candidate {
    /// True if the group can carry these changes, and a reconciliation can see them.
    fn suits(&self, changes: &[Change]) -> bool {
        // Groups that lose the credit within the month have two lines: only a shift between them
        // fits.
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
            // The second invoice in dollars would have no usage of its own.
            BilledAgain | Reissued | ReissuedLess | Corrected => self.euro,
            LoseCredit => self.group.earning == Earning::Always,
            GainCredit => self.group.earning == Earning::Never,
            // Rows without the change must be left beside those that have it.
            CoveredUsage | LateUsage | UsageCopies => self.group.rows >= 6,
            ShiftCredit => self.group.rows >= 24,
            _ => true,
        })
    }
}

/// Groups of a reasonable size and amount, not granted, at most one for each product of a plan:
/// plants of one product would be told apart by nothing.
fn candidates(
    partner: &Partner,
    plans: &[Plan],
    meters: &[Rc<Meter>],
    popularity: &Weights,
    saved: &BTreeMap<usize, u32>,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    // Among cut numbers no amount could be told to the last digit.
    for plan in plans.iter().filter(|plan| !saved.contains_key(&plan.index)) {
        let mut products = BTreeSet::new();
        for group in groups(partner.seed, plan, meters, popularity) {
            let meter = &meters[group.meter];
            let plain = !matches!(group.earning, Earning::ByResource) && !meter.grants;
            let cost = meter.cost_micro.saturating_mul(group.rows);
            let large = meter.cost_micro >= LEAST_ROW_COST_MICRO && cost >= LEAST_COST_MICRO;
            // Meters whose id is a word share it: their resources are quantised together.
            let own_id = meter.meter_id.len() == 36;
            // The product comes last, as asking for it takes it: a group that fails another test
            // must leave it to the next.
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
