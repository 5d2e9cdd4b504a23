//! The truth beside the months: what is new, moved, resolved and open in which version.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;

use super::calendar::Schedule;
use super::request::RehearsalError;
use super::tables::{BreakKey, CsvRow, CsvTable, Group};

/// Kind of a change of a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrueKind {
    New,
    Moved,
    Resolved,
    /// It was there once, and not in the version before.
    Reopened,
}

impl TrueKind {
    /// Name in the tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Moved => "moved",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let all = [Self::New, Self::Moved, Self::Resolved, Self::Reopened];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// Change of a break by a version.
#[derive(Clone, Debug)]
pub(super) struct TrueEvent {
    pub(super) kind: TrueKind,
    pub(super) key: BreakKey,
    /// Amount in the version before; zero if it was not there.
    pub(super) before: Decimal,
    /// Amount in the version; zero if it has gone.
    pub(super) after: Decimal,
}

/// Rows and amounts before and after, by dataset, invoice and currency.
pub(super) type Restated = BTreeMap<[String; 3], [String; 4]>;

/// Restatement of a row of the truth or of the ledger; both have the same columns.
pub(super) fn restated_of(row: &CsvRow<'_>) -> ([String; 3], [String; 4]) {
    let key = row.texts(["dataset", "invoice_number", "currency"]);
    let figures = ["rows_before", "rows_after", "amount_before", "amount_after"];
    (key, row.texts(figures))
}

/// Truth about one version of a month.
#[derive(Debug, Default)]
pub(super) struct TrueVersion {
    pub(super) breaks: BTreeMap<BreakKey, Decimal>,
    pub(super) events: Vec<TrueEvent>,
    /// Sum of the breaks by tie-out and currency.
    pub(super) closing: BTreeMap<Group, Decimal>,
    /// Exports of other content than in the version before.
    pub(super) restatements: Restated,
}

/// Truth about all versions, by period and number.
pub(super) struct TruthOfMonths {
    versions: BTreeMap<(String, u32), TrueVersion>,
}

impl TruthOfMonths {
    /// Reads the truth of a folder of months.
    ///
    /// # Errors
    /// [`RehearsalError::Table`].
    pub(super) fn read(months: &Path, schedule: &Schedule) -> Result<Self, RehearsalError> {
        let folder = months.join("truth");
        let places = schedule.months.iter().flat_map(|month| {
            let versions = month.versions.iter();
            versions.map(|version| (month.period.clone(), version.version))
        });
        // A version without a break has no row.
        let mut versions: BTreeMap<(String, u32), TrueVersion> = places
            .map(|place| (place, TrueVersion::default()))
            .collect();
        for row in CsvTable::read(&folder, "breaks")?.rows() {
            let version = versions.entry(place_of(&row)).or_default();
            version.breaks.insert(row.key(), row.amount("amount"));
        }
        for row in CsvTable::read(&folder, "events")?.rows() {
            let version = versions.entry(place_of(&row)).or_default();
            version.events.push(TrueEvent {
                kind: TrueKind::of(row.text("event")).expect("a kind of the truth"),
                key: row.key(),
                before: row.amount("amount_before"),
                after: row.amount("amount_after"),
            });
        }
        for row in CsvTable::read(&folder, "totals")?.rows() {
            let version = versions.entry(place_of(&row)).or_default();
            let group = row.texts(["tie_out", "currency"]);
            version.closing.insert(group, row.amount("closing"));
        }
        for row in CsvTable::read(&folder, "restatements")?.rows() {
            let version = versions.entry(place_of(&row)).or_default();
            let (key, figures) = restated_of(&row);
            // Files have no eTag: sums alone tell that they are others.
            let [rows_before, rows_after, before, after] = &figures;
            if rows_before != rows_after || before != after {
                version.restatements.insert(key, figures);
            }
        }
        Ok(Self { versions })
    }

    /// Truth about a version.
    ///
    /// # Panics
    /// If the truth does not have it, which the index names.
    pub(super) fn version(&self, period: &str, version: u32) -> &TrueVersion {
        let place = (period.to_owned(), version);
        self.versions.get(&place).expect("a version of the index")
    }

    /// Changes that later versions than one make to a break.
    pub(super) fn later<'t>(
        &'t self,
        period: &'t str,
        version: u32,
        key: &'t BreakKey,
    ) -> impl Iterator<Item = &'t TrueEvent> {
        let versions = self.versions.iter();
        let later = versions.filter(move |((of, number), _)| of == period && *number > version);
        later
            .flat_map(|(_, truth)| &truth.events)
            .filter(move |event| event.key == *key)
    }
}

fn place_of(row: &CsvRow<'_>) -> (String, u32) {
    let number = row.text("version").parse();
    let number = number.expect("versions are numbered");
    (row.text("period").to_owned(), number)
}
