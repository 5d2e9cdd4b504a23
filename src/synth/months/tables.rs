//! The truth of all months as CSV tables.

use std::collections::BTreeMap;
use std::path::Path;

use super::breaks::{Break, BreakChange, Event, KEYS};
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::synth::request::SynthError;
use crate::synth::write::{OutFile, Written, csv_cell};

/// Version of a month, as the tables name it: period, number and first day.
pub(super) type Place = [String; 3];
const PLACE: [&str; 3] = ["period", "version", "day"];

/// Table in the making.
pub(super) struct Table {
    name: &'static str,
    text: String,
}

impl Table {
    /// Table of these columns.
    fn new(name: &'static str, columns: &[&str]) -> Self {
        let text = format!("{}\n", columns.join(","));
        Self { name, text }
    }

    /// Appends a row of these cells.
    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            csv_cell(&mut self.text, cell);
        }
        self.text.push('\n');
    }
}

/// Tables of the truth.
pub(super) struct Tables {
    breaks: Table,
    events: Table,
    totals: Table,
    pub(super) restatements: Table,
    pub(super) customers: Table,
    pub(super) stories: Table,
}

impl Tables {
    /// Tables that have no rows yet.
    pub(super) fn new() -> Self {
        let with = |name, more: [&[&'static str]; 3]| Table::new(name, &more.concat());
        let event = ["event"];
        let amounts = ["amount_before", "amount_after", "amount", "causes", "story"];
        Self {
            breaks: with("breaks", [&PLACE, &KEYS, &["amount", "causes"]]),
            events: with("events", [&[&PLACE[..], &event].concat(), &KEYS, &amounts]),
            totals: with("totals", [&PLACE, &["tie_out", "currency"], &TOTALS]),
            restatements: with("restatements", [&PLACE, &EXPORT, &FIGURES]),
            customers: Table::new(
                "customers",
                &["period", "event", "customer_id", "customer_name"],
            ),
            stories: with(
                "stories",
                [&["story", "period"], &["mended_invoice"], &MENDED],
            ),
        }
    }

    /// Notes a break of a version.
    pub(super) fn found(&mut self, place: &Place, key: &[String], found: &Break) {
        let amount = fixed(found.amount, PUBLISHED_SCALE);
        let cells = place.iter().chain(key).map(String::as_str);
        self.breaks.row(cells.chain([&*amount, &*found.causes]));
    }

    /// Notes what happened to a break.
    pub(super) fn event(&mut self, place: &Place, change: &BreakChange, story: &str) {
        let amount = |side: &Option<Break>| {
            side.as_ref()
                .map_or_else(String::new, |found| fixed(found.amount, PUBLISHED_SCALE))
        };
        let (before, after) = (amount(&change.before), amount(&change.after));
        let delta = fixed(change.amount(), PUBLISHED_SCALE);
        let side = change.after.as_ref().or(change.before.as_ref());
        let causes = side.map_or("", |side| &side.causes);
        let place = place.iter().map(String::as_str);
        let key = change.key.iter().map(String::as_str);
        let cells = place.chain([change.event.name()]).chain(key);
        self.events
            .row(cells.chain([&*before, &*after, &*delta, causes, story]));
    }

    /// Notes the totals of a version by tie-out and currency.
    pub(super) fn totals(&mut self, place: &Place, sums: &BTreeMap<[String; 2], Totals>) {
        for (key, sum) in sums {
            let amounts = sum.amounts().map(|amount| fixed(amount, PUBLISHED_SCALE));
            let count = sum.breaks.to_string();
            let cells = place.iter().chain(key).chain(&amounts).chain([&count]);
            self.totals.row(cells.map(String::as_str));
        }
    }

    /// Writes all tables into the folder `truth`.
    pub(super) fn write(self, folder: &Path) -> Result<Written, SynthError> {
        let mut written = Written::default();
        let tables = [self.breaks, self.events, self.totals];
        for table in tables
            .into_iter()
            .chain([self.restatements, self.customers, self.stories])
        {
            let mut file = OutFile::create(folder.join(format!("{}.csv", table.name)))?;
            file.put(table.text.as_bytes())?;
            written = written.and(Written {
                files: 1,
                bytes: file.close()?,
            });
        }
        Ok(written)
    }
}

const MENDED: [&str; 9] = [
    "mended_in",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "meter_description",
    "currency",
    "amount",
];
const TOTALS: [&str; 6] = ["opening", "new", "moved", "resolved", "closing", "breaks"];
const EXPORT: [&str; 5] = [
    "dataset",
    "invoice_number",
    "currency",
    "etag_before",
    "etag_after",
];
const FIGURES: [&str; 5] = [
    "rows_before",
    "rows_after",
    "amount_before",
    "amount_after",
    "delta",
];

/// Roll-forward of the breaks of one tie-out and currency, in units of 10^-10.
#[derive(Default)]
pub(super) struct Totals {
    opening: i128,
    new: i128,
    moved: i128,
    resolved: i128,
    closing: i128,
    breaks: u64,
}

impl Totals {
    /// Adds a break of the version before.
    pub(super) fn open(&mut self, found: &Break) {
        self.opening += found.amount;
    }

    /// Adds a break of the version.
    pub(super) fn close(&mut self, found: &Break) {
        self.closing += found.amount;
        self.breaks += 1;
    }

    /// Adds a change; what comes back is new, as for a ledger.
    pub(super) fn change(&mut self, change: &BreakChange) {
        match change.event {
            Event::New | Event::Reopened => self.new += change.amount(),
            Event::Moved => self.moved += change.amount(),
            Event::Resolved => self.resolved -= change.amount(),
        }
    }

    fn amounts(&self) -> [i128; 5] {
        assert_eq!(
            self.opening + self.new + self.moved - self.resolved,
            self.closing,
            "the truth foots"
        );
        [
            self.opening,
            self.new,
            self.moved,
            self.resolved,
            self.closing,
        ]
    }
}
