//! Which input column holds which column of the dataset. Headings are bound by name, in any order,
//! case and known spelling; the errors for headings that cannot be bound know the usual reasons.

use std::collections::BTreeSet;

use super::failure::DecodeError;
use super::input::{ColumnChoice, Input};
use crate::model::dataset::{Dataset, Need, normalise};
use crate::model::reject::excerpt;

/// A file's columns, bound to those of its dataset.
#[derive(Debug)]
pub(super) struct Binding {
    /// For each input column, in its order, the dataset column that it fills; `None` if it is not
    /// read.
    pub(super) slots: Vec<Option<usize>>,
    /// For each input column that is not read, the dataset column that it names.
    pub(super) unread: Vec<Option<usize>>,
    /// Headings that the dataset does not know.
    unknown: Vec<String>,
}

impl Binding {
    /// Binds headings by name. A damaged heading makes only its own column unknown.
    pub(super) fn new(input: Input<'_>, headings: &[String]) -> Result<Self, DecodeError> {
        let columns = input.dataset.columns();
        let mut heading_of: Vec<Option<&str>> = vec![None; columns.len()];
        let mut slots = Vec::with_capacity(headings.len());
        let mut unread = Vec::with_capacity(headings.len());
        let mut unknown = Vec::new();
        for heading in headings {
            let Some(position) = input.dataset.position_of(heading) else {
                unknown.push(heading.clone());
                slots.push(None);
                unread.push(None);
                continue;
            };
            let is_read = columns[position].need != Need::Unread;
            // Two columns that are not read do no harm, whichever of them is right.
            if let Some(first) = heading_of[position]
                && is_read
            {
                return Err(repeated_column(input, first, heading));
            }
            heading_of[position] = Some(heading);
            slots.push(is_read.then_some(position));
            unread.push((!is_read).then_some(position));
        }
        let missing: Vec<&str> = columns
            .iter()
            .zip(&heading_of)
            .filter(|(column, heading)| {
                matches!(column.need, Need::Value | Need::Column) && heading.is_none()
            })
            .map(|(column, _)| column.name)
            .collect();
        if missing.is_empty() {
            Ok(Self {
                slots,
                unread,
                unknown,
            })
        } else {
            Err(missing_columns(input, headings, &missing, Naming::Columns))
        }
    }

    /// Column of the dataset that an input column fills under a choice; `None` if it fills none.
    pub(super) fn filled(&self, at: usize, columns: &ColumnChoice<'_>) -> Option<usize> {
        self.read(at, columns).or_else(|| self.carried(at, columns))
    }

    /// Column that an input column fills to be read.
    pub(super) fn read(&self, at: usize, columns: &ColumnChoice<'_>) -> Option<usize> {
        self.slots[at].filter(|slot| columns.reads(*slot))
    }

    /// Column that an input column fills to be handed over without being read.
    pub(super) fn carried(&self, at: usize, columns: &ColumnChoice<'_>) -> Option<usize> {
        self.unread[at].filter(|column| columns.carries(*column))
    }

    /// Warning about the columns that the dataset does not know; `None` if there are none.
    pub(super) fn unknown_columns(&self, input: Input<'_>) -> Option<String> {
        not_read(input, "columns", &self.unknown)
    }
}

/// Warning about the keys that the dataset does not know; `None` if there are none.
pub(super) fn unknown_keys(input: Input<'_>, unknown: BTreeSet<String>) -> Option<String> {
    let unknown: Vec<String> = unknown.into_iter().collect();
    not_read(input, "keys", &unknown)
}

/// Names that are cited in a warning: 50. A file of hostile names must not fill the manifest.
const CITED_NAMES: usize = 50;

fn not_read(input: Input<'_>, noun: &str, unknown: &[String]) -> Option<String> {
    let cited: Vec<String> = unknown
        .iter()
        .take(CITED_NAMES)
        .map(|name| format!("`{}`", excerpt(name.as_bytes())))
        .collect();
    let others = match unknown.len() - cited.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    (!cited.is_empty()).then(|| {
        format!(
            "`{}`: {noun} not known and not read: {}{others}",
            input.unit,
            cited.join(", ")
        )
    })
}

fn repeated_column(input: Input<'_>, first: &str, second: &str) -> DecodeError {
    DecodeError::wrong(
        input.unit,
        format!("`{first}` and `{second}`, which name the same column"),
        "each column once",
        "remove one of them; tieout cannot know which one is right",
    )
}

/// The word for a name of a value in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Columns of a table, named in its header.
    Columns,
    /// Keys of a JSON object.
    Keys,
}

/// The error for needed columns that a file lacks. `headings` are the names that it has.
pub(super) fn missing_columns(
    input: Input<'_>,
    headings: &[String],
    missing: &[&str],
    naming: Naming,
) -> DecodeError {
    let quoted: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let (one, many) = match naming {
        Naming::Columns => ("column", "columns"),
        Naming::Keys => ("key", "keys"),
    };
    let noun = if quoted.len() == 1 { one } else { many };
    let found = format!("no {noun} {}", quoted.join(", "));
    let wanted = format!("the {many} of `{}`", input.dataset.name());
    let hint = hint_of_missing(input.dataset, headings, naming);
    DecodeError::wrong(input.unit, found, wanted, hint).at_line(1)
}

/// Headings, normalised, by which a legacy reconciliation file is recognised
/// ([resources §D3](crate::model::domain::resources)).
const LEGACY_HEADINGS: [&str; 4] = [
    "syndicationpartnersubscriptionnumber",
    "durableofferid",
    "pretaxcharges",
    "detaillineitemid",
];

/// The likeliest reason for missing columns, the most specific first.
fn hint_of_missing(dataset: Dataset, headings: &[String], naming: Naming) -> String {
    // First, for with another separator there is only one heading, in which no other reason shows.
    if let Some(separator) = other_separator(dataset, headings) {
        return format!(
            "the columns are separated by {separator}; save the file with commas instead"
        );
    }
    let has_heading = |name: &str| headings.iter().any(|heading| normalise(heading) == name);
    if LEGACY_HEADINGS.into_iter().any(has_heading) {
        return "this is a legacy reconciliation file \
                (Office licences or Azure offer MS-AZR-0145P), \
                which this release does not read as invoice lines"
            .to_owned();
    }
    if ["code", "description"].into_iter().all(has_heading) {
        return "this is an error response, saved instead of the data: its `description` says why"
            .to_owned();
    }
    if let Some(other) = likelier_dataset(dataset, headings) {
        return format!("this looks like `{}`; pass it as such", other.name());
    }
    match naming {
        Naming::Keys => format!(
            "`tieout schema {}` lists the keys; upper and lower case do not matter",
            dataset.name()
        ),
        Naming::Columns => "the first line must hold the column names; \
             the column must be there even if all its cells are empty"
            .to_owned(),
    }
}

/// Separator other than a comma that splits a single heading into known names.
fn other_separator(dataset: Dataset, headings: &[String]) -> Option<&'static str> {
    let [only] = headings else {
        return None;
    };
    let known_names = |separator: char| {
        only.split(separator)
            .filter(|heading| dataset.position_of(heading).is_some())
            .count()
    };
    [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")]
        .into_iter()
        // One known name may come about by chance, three do not.
        .find(|(separator, _)| known_names(*separator) > 2)
        .map(|(_, name)| name)
}

/// Dataset that knows more of the headings than the one that was asked for.
fn likelier_dataset(dataset: Dataset, headings: &[String]) -> Option<Dataset> {
    let known_names = |dataset: Dataset| {
        headings
            .iter()
            .filter(|heading| dataset.position_of(heading).is_some())
            .count()
    };
    Dataset::ALL
        .into_iter()
        // Unbilled usage has the columns of usage: no headings could tell the two apart.
        .filter(|other| *other != Dataset::UnbilledUsage)
        .max_by_key(|other| known_names(*other))
        // Strictly more: where two know as many, the one that was asked for stands.
        .filter(|other| known_names(*other) > known_names(dataset))
}
