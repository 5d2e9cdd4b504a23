//! What happens to breaks: inside of a month, from version to version, and from a month to the next.

use crate::synth::carried::{Carried, Mending};
use crate::synth::course::{Made, PlantedGroup};
use crate::synth::planting::{
    Change::{
        self, Corrected, NoLine, NoUsage, Overcharge, Price, Promotion, Quantity, UsageCopies,
    },
    Edit,
};

/// What a planted group carries in a version; `None` for no plant.
type Carries = Option<&'static [Change]>;

/// What happens to a break inside of a month.
struct Story {
    name: &'static str,
    /// Plant of the first version.
    plant: &'static [Change],
    /// Plants of the second and the third version.
    versions: [Carries; 2],
    /// True if a second invoice is needed, which is in euro.
    rebills: bool,
    /// True if it takes a third version.
    is_long: bool,
}

/// Story that any month has; `versions` are the plants of the second and the third.
const fn short(
    name: &'static str,
    plant: &'static [Change],
    versions: [Carries; 2],
    rebills: bool,
) -> Story {
    Story {
        name,
        plant,
        versions,
        rebills,
        is_long: false,
    }
}

/// Story that takes a third version.
const fn long(name: &'static str, plant: &'static [Change], versions: [Carries; 2]) -> Story {
    Story {
        name,
        plant,
        versions,
        rebills: false,
        is_long: true,
    }
}

/// What a rebill corrects: whichever of these a month has in euro.
const QUANTITY: Carries = Some(&[Quantity, Corrected]);
const PRICE: Carries = Some(&[Price, Corrected]);
const BOTH: Carries = Some(&[Quantity, Price, Corrected]);
const GROWN: Carries = Some(&[Quantity, Price]);

/// Stories in the order in which they choose; of one name, the first that a month has is told.
const STORIES: [Story; 8] = [
    short("rebilled", &[Quantity], [QUANTITY, QUANTITY], true),
    short("rebilled", &[Quantity, Price], [BOTH, BOTH], true),
    short("rebilled", &[Price], [PRICE, PRICE], true),
    short("restated_usage", &[UsageCopies], [None, None], false),
    short("delivered_usage", &[NoUsage], [None, None], false),
    short("grows", &[Price], [GROWN, GROWN], false),
    long("comes_back", &[Promotion], [None, Some(&[Promotion])]),
    // Nothing but rounding at first, and at last.
    long("passing", &[], [Some(&[Price]), Some(&[])]),
];

/// Group of a month with its story.
pub(super) struct Told {
    pub(super) name: &'static str,
    pub(super) group: PlantedGroup,
    versions: [Carries; 2],
}

/// Stories of a month, given its first version; `count` is the number of its versions.
pub(super) fn of_month(made: &Made, count: usize) -> Vec<Told> {
    if count < 2 {
        return Vec::new();
    }
    let mut told: Vec<Told> = Vec::new();
    for story in &STORIES {
        let is_wanted = (count > 2 || !story.is_long)
            && (made.has_second || !story.rebills)
            && told.iter().all(|it| it.name != story.name);
        let fits = |group: &&PlantedGroup| {
            let used = |it: &Told| (it.group.plan, it.group.meter) == (group.plan, group.meter);
            group.changes == story.plant
                && (group.is_euro || !story.rebills)
                && !told.iter().any(used)
        };
        let group = made.planted.iter().filter(|_| is_wanted).find(fits);
        if let Some(group) = group.cloned() {
            told.push(Told {
                name: story.name,
                group,
                versions: story.versions,
            });
        }
    }
    told
}

/// Plants of a version that are others than in the first; `version` counts from 1.
pub(super) fn edits(told: &[Told], version: usize) -> Vec<Edit> {
    let edit = |story: &Told| {
        let carries = story.versions[version - 2];
        ((story.group.plan, story.group.meter), carries)
    };
    told.iter().map(edit).collect()
}

/// Charges that a month leaves to the next: usage without a line, and one overcharge.
pub(super) fn carried(made: &Made) -> Vec<Carried> {
    let of = |plant: &'static [Change], mending, most| {
        let groups = made.planted.iter();
        let groups = groups.filter(move |group| group.changes == plant);
        groups.take(most).map(move |group| Carried {
            plan: group.plan,
            meter: group.meter,
            product: group.product,
            mending,
            earned: group.earned,
            quantity: group.quantity,
            pricing: group.pricing,
            cents: group.over,
        })
    };
    let late = of(&[NoLine], Mending::BilledLate, 2);
    late.chain(of(&[Overcharge], Mending::Credited, 1))
        .collect()
}
