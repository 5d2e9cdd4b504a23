//! How a plan's rows are dealt to meters. Nothing is made here: a layout is cheap, so all of them can
//! be looked at before the first row is written.

use std::rc::Rc;

use super::catalogue::{METERS, Meter};
use super::partner::Plan;
use super::random::{Random, Weights};

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
pub(super) fn groups(
    seed: u64,
    plan: &Plan,
    meters: &[Rc<Meter>],
    popularity: &Weights,
) -> Vec<Group> {
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
    let dealt = chosen
        .into_iter()
        .zip(shares.apportion(plan.rows))
        .filter(|(_, rows)| *rows > 0);
    dealt
        .map(|(meter, rows)| Group {
            meter,
            rows,
            earning: earning(&meters[meter], &mut random),
        })
        .collect()
}

fn earning(meter: &Meter, random: &mut Random) -> Earning {
    match random.below(20) {
        _ if meter.never_earns => Earning::Never,
        0 | 1 => Earning::UntilDay(8 + random.below(14)),
        2 => Earning::ByResource,
        _ => Earning::Always,
    }
}
