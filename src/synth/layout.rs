//! Layout: how a plan's rows are dealt to meters. Nothing is made here: a layout is cheap, so all
//! of them can be looked at before the first row is written, and variances planted where they fit.

use std::rc::Rc;

use super::catalogue::{METERS, Meter};
use super::partner::Plan;
use super::random::{Random, Weights};

/// Rule by which a group's rows have the partner earned credit. The credit is decided for each
/// resource and day ([semantics §5](crate::model::domain::semantics)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earning {
    Never,
    Always,
    /// The credit is lost on this day of the month, counted from 0.
    UntilDay(u64),
    /// Each third resource is without the credit.
    ByResource,
}

/// Rows of one meter in one plan: what becomes one or two invoice lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// Position of the meter in the price list.
    pub(super) meter: usize,
    pub(super) rows: u64,
    pub(super) earning: Earning,
}

/// Groups of a plan; their rows add up to the plan's.
pub(super) fn groups(
    seed: u64,
    plan: &Plan,
    meters: &[Rc<Meter>],
    popularity: &Weights,
) -> Vec<Group> {
    let mut random = Random::of(seed, &[7, plan.index as u64]);
    // At most 300 of the 400 meters, or the draws below would seldom meet one that is still free.
    let wanted = usize::try_from((plan.rows / 45).clamp(4, 300)).expect("at most 300");
    let mut taken = vec![false; METERS];
    let mut chosen = Vec::with_capacity(wanted);
    // The popular meters are drawn again and again; after four tries for each group, a plan uses
    // fewer.
    for _ in 0..wanted * 4 {
        let meter = popularity.draw(&mut random);
        if chosen.len() < wanted && !taken[meter] {
            taken[meter] = true;
            chosen.push(meter);
        }
    }
    let shares = Weights::zipf(chosen.len(), 4);
    // A meter whose share is nothing has no group: its line would charge no usage.
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

/// Rule of the credit for a meter's rows in one plan; random unless the meter never earns.
fn earning(meter: &Meter, random: &mut Random) -> Earning {
    match random.below(20) {
        _ if meter.never_earns => Earning::Never,
        0 | 1 => Earning::UntilDay(8 + random.below(14)),
        2 => Earning::ByResource,
        _ => Earning::Always,
    }
}
