//! How a plan's rows are dealt to meters, and which groups are planted. Nothing is made here: a
//! layout is cheap, so all of them can be looked at before the first row is written.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::catalogue::{METERS, Meter};
use super::partner::{Partner, Plan};
use super::random::{Random, Weights};
use crate::model::cause::Cause;

/// When a group's rows have the partner earned credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earning {
    Never,
    Always,
    /// Lost on this day of the month, counted from 0.
    UntilDay(u64),
    /// Each third resource is without.
    ByResource,
}

/// The rows of one meter in one plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) meter: usize,
    pub(super) rows: u64,
    pub(super) earning: Earning,
}

/// The groups of a plan; their rows add up to the plan's.
pub(super) fn groups(seed: u64, plan: &Plan, meters: &[Rc<Meter>], popularity: &Weights) -> Vec<Group> {
    let mut random = Random::of(seed, &[7, plan.index as u64]);
    let wanted = usize::try_from((plan.rows / 45).clamp(4, 300)).unwrap_or(4);
    let mut taken = vec![false; METERS];
    let mut chosen = Vec::with_capacity(wanted);
    // A meter drawn twice is let go after a while: the popular ones fill up, and a plan may use fewer.
    for _ in 0..wanted * 4 {
        let meter = popularity.draw(&mut random);
        if chosen.len() < wanted && !taken[meter] {
            taken[meter] = true;
            chosen.push(meter);
        }
    }
    let shares = Weights::zipf(chosen.len(), 4);
    let dealt = chosen.into_iter().zip(shares.apportion(plan.rows)).filter(|(_, rows)| *rows > 0);
    dealt.map(|(meter, rows)| Group { meter, rows, earning: earning(&meters[meter], &mut random) }).collect()
}

fn earning(meter: &Meter, random: &mut Random) -> Earning {
    match random.below(20) {
        _ if meter.never_earns => Earning::Never,
        0 | 1 => Earning::UntilDay(8 + random.below(14)),
        2 => Earning::ByResource,
        _ => Earning::Always,
    }
}

/// Causes that are planted into a group of usage; `Rounding` changes nothing and is only noted.
const PLANTED: [Cause; 11] = [
    Cause::Fx,
    Cause::PartnerEarnedCredit,
    Cause::Price,
    Cause::Quantity,
    Cause::Credit,
    Cause::Timing,
    Cause::Duplicate,
    Cause::MissingUsage,
    Cause::MissingInvoice,
    Cause::Unexplained,
    Cause::Rounding,
];
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
    causes: BTreeMap<(usize, usize), Cause>,
    /// Groups wanted for each cause.
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
    /// Spreads the causes over the plans.
    pub(super) fn choose(partner: &Partner, plans: &[Plan], meters: &[Rc<Meter>], popularity: &Weights, rows: u64) -> Self {
        let wanted = if rows < 20_000 { u64::from(rows >= 1_000) } else { (2 + (rows / 50_000).isqrt()).min(20) };
        let candidates = candidates(partner, plans, meters, popularity);
        let mut planting = Self { wanted, ..Self::default() };
        let mut open: Vec<Cause> = (0..wanted).flat_map(|_| PLANTED).collect();
        let mut used = vec![false; candidates.len()];
        // First at even distances, then whatever is left takes any free place.
        let distance = (candidates.len() / open.len().max(1)).max(1);
        for step in [distance, 1] {
            for (at, candidate) in candidates.iter().enumerate().step_by(step) {
                let fit = (!used[at]).then(|| open.iter().position(|cause| candidate.suits(*cause))).flatten();
                if let Some(fit) = fit {
                    used[at] = true;
                    planting.plant(candidate, open.remove(fit));
                }
            }
        }
        planting
    }

    fn plant(&mut self, candidate: &Candidate, cause: Cause) {
        self.causes.insert((candidate.plan, candidate.group.meter), cause);
        match cause {
            Cause::MissingUsage => self.surplus -= i64::try_from(candidate.group.rows).unwrap_or(0),
            Cause::Duplicate => self.surplus += i64::try_from(duplicates(candidate.group.rows)).unwrap_or(0),
            _ => {}
        }
    }

    /// The cause planted into a plan's group.
    pub(super) fn cause(&self, plan: usize, meter: usize) -> Option<Cause> {
        self.causes.get(&(plan, meter)).copied()
    }
}

/// Rows of a planted group that come twice.
pub(super) fn duplicates(rows: u64) -> u64 {
    (rows / 3).clamp(1, DUPLICATES)
}

impl Candidate {
    fn suits(&self, cause: Cause) -> bool {
        match cause {
            Cause::Fx => self.euro && self.cost_micro >= LEAST_FX_COST_MICRO,
            // Whole units at a short price may come to whole cents.
            Cause::Rounding => !self.whole_units,
            Cause::PartnerEarnedCredit => self.group.earning == Earning::Always,
            _ => true,
        }
    }
}

/// Groups of one price state, a resonable size and amount; one for each product of a plan.
fn candidates(partner: &Partner, plans: &[Plan], meters: &[Rc<Meter>], popularity: &Weights) -> Vec<Candidate> {
    let mut found = Vec::new();
    for plan in plans {
        let mut products = BTreeSet::new();
        for group in groups(partner.seed, plan, meters, popularity) {
            let meter = &meters[group.meter];
            let one_state = matches!(group.earning, Earning::Always | Earning::Never) && !meter.grants;
            let cost = meter.cost_micro.saturating_mul(group.rows);
            let large = meter.cost_micro >= LEAST_ROW_COST_MICRO && cost >= LEAST_COST_MICRO;
            // Meters whose id is a word share it: their resources are quantised together.
            let own_id = meter.meter_id.len() == 36;
            if one_state && large && own_id && PLANTED_ROWS.contains(&group.rows) && products.insert(meter.product) {
                let euro = plan.customer.invoice.currency == "EUR";
                found.push(Candidate { plan: plan.index, group, euro, cost_micro: cost, whole_units: meter.whole_units });
            }
        }
    }
    found
}
