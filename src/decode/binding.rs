//! Which input column holds which column of the dataset.

use super::{DecodeError, Input};
use crate::model::dataset::{Dataset, Need, normalise};

/// A file's columns, bound to the dataset's.
#[derive(Debug)]
pub(super) struct Binding {
    /// For each input column, in its order, the dataset column it fills, if it is read.
    pub(super) slots: Vec<Option<usize>>,
    /// Names that the dataset does not know.
    pub(super) unknown: Vec<String>,
}

impl Binding {
    /// Binds headings by name. A damaged heading costs only its own column.
    pub(super) fn new(input: Input<'_>, headings: &[String]) -> Result<Self, DecodeError> {
        let columns = input.dataset.columns();
        let mut taken: Vec<Option<&str>> = vec![None; columns.len()];
        let mut slots = Vec::with_capacity(headings.len());
        let mut unknown = Vec::new();
        for heading in headings {
            let Some(position) = input.dataset.position_of(heading) else {
                unknown.push(heading.clone());
                slots.push(None);
                continue;
            };
            let is_read = columns
                .get(position)
                .is_some_and(|column| column.need != Need::Unread);
            if let Some(first) = taken.get(position).copied().flatten()
                && is_read
            {
                return Err(doubled(input, first, heading));
            }
            if let Some(mark) = taken.get_mut(position) {
                *mark = Some(heading);
            }
            slots.push(is_read.then_some(position));
        }
        let missing: Vec<&str> = columns
            .iter()
            .zip(&taken)
            .filter(|(column, mark)| {
                matches!(column.need, Need::Value | Need::Column) && mark.is_none()
            })
            .map(|(column, _)| column.name)
            .collect();
        if missing.is_empty() {
            Ok(Self { slots, unknown })
        } else {
            Err(lacking(input, headings, &missing, Naming::Columns))
        }
    }

    /// What to tell about columns that nobody knows.
    pub(super) fn drift(&self, input: Input<'_>) -> Option<String> {
        let names: Vec<String> = self
            .unknown
            .iter()
            .map(|name| format!("`{}`", crate::model::reject::excerpt(name.as_bytes())))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "`{}`: columns not known and not read: {}",
                input.unit,
                names.join(", ")
            )
        })
    }
}

fn doubled(input: Input<'_>, first: &str, second: &str) -> DecodeError {
    let found = format!("two columns for the same thing, `{first}` and `{second}`");
    DecodeError::wrong(
        input.unit,
        found,
        "each column once",
        "remove one of them; which one is right is not for tieout to guess",
    )
}

/// How a format names its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Columns,
    Keys,
}

/// Headings by which a file of the legacy commerce is known (`resources.md` D3).
const LEGACY: [&str; 4] = [
    "syndicationpartnersubscriptionnumber",
    "durableofferid",
    "pretaxcharges",
    "detaillineitemid",
];

/// The error for needed columns that are not there; its hint knows the usual reasons.
pub(super) fn lacking(
    input: Input<'_>,
    headings: &[String],
    missing: &[&str],
    naming: Naming,
) -> DecodeError {
    let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let (thing, things) = match naming {
        Naming::Columns => ("column", "columns"),
        Naming::Keys => ("key", "keys"),
    };
    let found = format!("no {thing} {}", quoted.join(", "));
    let wanted = format!("the {things} of `{}`", input.dataset.name());
    DecodeError::wrong(
        input.unit,
        found,
        wanted,
        lacking_hint(input.dataset, headings, naming),
    )
    .at_line(1)
}

fn lacking_hint(dataset: Dataset, headings: &[String], naming: Naming) -> String {
    if let [only] = headings {
        for (delimiter, name) in [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")] {
            if only
                .split(delimiter)
                .filter(|heading| dataset.position_of(heading).is_some())
                .count()
                > 2
            {
                return format!("the file is separated by {name}; save it with commas");
            }
        }
    }
    if headings
        .iter()
        .any(|heading| LEGACY.contains(&normalise(heading).as_str()))
    {
        return "this is a file of the legacy commerce (Office or MS-AZR-0145P), which this release does not read".to_owned();
    }
    if ["code", "description"]
        .iter()
        .all(|key| headings.iter().any(|heading| normalise(heading) == *key))
    {
        return "this is an error answer, saved in place of the data: its `description` says why"
            .to_owned();
    }
    let score = |other: Dataset| {
        headings
            .iter()
            .filter(|heading| other.position_of(heading).is_some())
            .count()
    };
    match Dataset::ALL.into_iter().filter(|other| *other != Dataset::UnbilledUsage).max_by_key(|other| score(*other)) {
        Some(other) if score(other) > score(dataset) => format!("it looks like `{}`; pass it as that", other.name()),
        _ if naming == Naming::Keys => format!("`tieout schema {}` lists the keys; they may be in any case", dataset.name()),
        _ => "the first line must hold the column names; a column is needed even where its cells are empty".to_owned(),
    }
}
