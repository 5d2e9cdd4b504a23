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

const STORIES: [Story; 6] = [
    Story {
        name: "restated_usage",
        plant: &[UsageCopies],
        versions: [None, None],
        rebills: false,
        is_long: false,
    },
    Story {
        name: "delivered_usage",
        plant: &[NoUsage],
        versions: [None, None],
        rebills: false,
        is_long: false,
    },
    Story {
        name: "rebilled",
        plant: &[Quantity],
        versions: [Some(&[Quantity, Corrected]), Some(&[Quantity, Corrected])],
        rebills: true,
        is_long: false,
    },
    Story {
        name: "grows",
        plant: &[Price],
        versions: [Some(&[Quantity, Price]), Some(&[Quantity, Price])],
        rebills: false,
        is_long: false,
    },
    Story {
        name: "comes_back",
        plant: &[Promotion],
        versions: [None, Some(&[Promotion])],
        rebills: false,
        is_long: true,
    },
    // Nothing but rounding at first, and at last.
    Story {
        name: "passing",
        plant: &[],
        versions: [Some(&[Price]), Some(&[])],
        rebills: false,
        is_long: true,
    },
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
    let stories = STORIES.iter().filter(|story| count > 2 || !story.is_long);
    let stories = stories.filter(|story| made.has_second || !story.rebills);
    stories
        .filter_map(|story| {
            let fits = |group: &&PlantedGroup| {
                group.changes == story.plant && (group.is_euro || !story.rebills)
            };
            Some(Told {
                name: story.name,
                group: made.planted.iter().find(fits)?.clone(),
                versions: story.versions,
            })
        })
        .collect()
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
