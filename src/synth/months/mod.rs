//! Several months of one partner that hang together: invoice numbers that go on, customers who come
//! and go, breaks that a later version of the same month or the next month mends. Beside them stands
//! the truth of what is new, moved, resolved and restated on which day of the service.
//!
//! Each version of a month is a folder as the partner of one month is. The version before decides
//! nothing but which groups carry which plants; so what changes is the difference of two truths.

mod breaks;
mod calendar;
mod exports;
mod index;
mod partner;
mod stories;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use self::breaks::{Breaks, Key, breaks, changes};
use self::calendar::{Days, month_after, versions};
use self::exports::{keep_unchanged, note_restated};
use self::index::Index;
use self::stories::{Told, carried, edits, of_month};
use self::tables::{Tables, Totals};
use super::carried::{Carried, Mending};
use super::course::{Course, Made};
use super::emit::emit;
use super::partner::iso;
use super::request::{Request, SynthError};
use super::write::{Written, create_folder, refuse_full_folder};
use crate::model::cause::Cause;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::model::period::Period;
use crate::synth::truth::Truth;

/// Request for several months of one partner.
#[derive(Clone, Debug)]
pub struct Months {
    /// First month; its rows are those of each month.
    pub first: Request,
    /// Number of months that follow each other.
    pub count: u64,
    /// True if exports are restated, so that months have later versions.
    pub restate: bool,
}

/// Report on finished months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthsReport {
    /// Number of versions of all months.
    pub versions: u64,
    /// Number of usage rows, in all versions.
    pub rows: u64,
    /// Number of reconciliation lines, in all versions.
    pub lines: u64,
    /// Number of files written, in all folders.
    pub files: u64,
}

/// Makes several months of a partner.
///
/// # Errors
/// [`SynthError`] where `out` is not empty or cannot be written.
pub fn generate_months(request: &Months) -> Result<MonthsReport, SynthError> {
    refuse_full_folder(&request.first.out)?;
    let mut maker = Maker {
        request,
        tables: Tables::new(),
        index: Index::default(),
        report: MonthsReport::default(),
    };
    let mut left: Vec<(Carried, String)> = Vec::new();
    let mut there: Option<Vec<(String, String)>> = None;
    for at in 0..request.count {
        let (made, more) = maker.month(at, &left)?;
        maker.customers(at, there.as_deref(), &made.customers);
        there = Some(made.customers);
        left = more;
    }
    maker.finish()
}

/// Maker of the months, with the tables of their truth.
struct Maker<'r> {
    request: &'r Months,
    tables: Tables,
    index: Index,
    report: MonthsReport,
}

impl Maker<'_> {
    fn period(&self, at: u64) -> Period {
        month_after(self.request.first.period, at)
    }

    /// Makes all versions of the month at a position. Comes back with the first one, and with what it
    /// leaves to the next month, each with the number of its invoice.
    fn month(
        &mut self,
        at: u64,
        left: &[(Carried, String)],
    ) -> Result<(Made, Vec<(Carried, String)>), SynthError> {
        let period = self.period(at);
        let days = versions(period, at, self.request.restate);
        let mut course = Course {
            month: partner::month(&self.request.first, at, self.request.count),
            // A large stride, so that neighbours in time are no neighbours in the list.
            first: usize::try_from(at * 17).expect("a small number"),
            carried: left.iter().map(|(carried, _)| carried.clone()).collect(),
            edits: Vec::new(),
        };
        let first = self.version(period, 1, &course)?;
        let told = of_month(&first, days.len());
        let mut history = History::default();
        self.note(&mut history, (period, 1, days[0]), &told, None, &first);
        self.mended(period, left, &first);
        let mut last: Option<Made> = None;
        for (version, days) in (2..).zip(&days[1..]) {
            course.edits = edits(&told, version);
            let made = self.version(period, version, &course)?;
            let before = last.as_ref().unwrap_or(&first);
            let folder = |version| self.request.first.out.join(folder(period, version));
            let contents = (&before.contents, &made.contents);
            keep_unchanged(contents, (&folder(version - 1), &folder(version)))?;
            let place = (period, version, *days);
            self.note(&mut history, place, &told, Some(before), &made);
            last = Some(made);
        }
        let more = carried(&first).into_iter();
        let number = |carried: &Carried| {
            let mut planted = first.planted.iter();
            let group = planted.find(|it| (it.plan, it.meter) == (carried.plan, carried.meter));
            group.map_or_else(String::new, |group| group.invoice_number.clone())
        };
        let more = more.map(|carried| {
            let number = number(&carried);
            (carried, number)
        });
        let more = more.collect();
        self.index.end_month(period);
        Ok((first, more))
    }

    /// Makes the folder of a version.
    fn version(
        &mut self,
        period: Period,
        version: usize,
        course: &Course,
    ) -> Result<Made, SynthError> {
        let request = Request {
            out: self.request.first.out.join(folder(period, version)),
            period,
            ..self.request.first.clone()
        };
        let made = emit(&request, Some(course))?;
        self.report.versions += 1;
        self.report.rows += made.report.rows;
        self.report.lines += made.report.lines;
        self.report.files += made.report.files;
        Ok(made)
    }

    /// Notes what a version makes of the breaks of its month.
    fn note(
        &mut self,
        history: &mut History,
        (period, version, days): (Period, usize, Days),
        told: &[Told],
        before: Option<&Made>,
        made: &Made,
    ) {
        let period = period.to_string();
        self.index
            .version(version, &folder_of(&period, version), days);
        let place = [period.clone(), version.to_string(), iso(days.usage)];
        let after = breaks(&period, &made.truths);
        let mut sums: BTreeMap<[String; 2], Totals> = BTreeMap::new();
        let group = |key: &Key| [key[0].clone(), key[8].clone()];
        for (key, found) in &after {
            self.tables.found(&place, key, found);
            sums.entry(group(key)).or_default().close(found);
        }
        for (key, found) in &history.breaks {
            sums.entry(group(key)).or_default().open(found);
        }
        for change in changes(&history.breaks, &after, &history.known) {
            sums.entry(group(&change.key)).or_default().change(&change);
            self.tables
                .event(&place, &change, story_of(told, &change.key));
        }
        self.tables.totals(&place, &sums);
        if let Some(before) = before {
            note_restated(&mut self.tables, &place, before, made);
        }
        history.known.extend(after.keys().cloned());
        history.breaks = after;
    }

    /// Notes the breaks of the month before that a month mends.
    fn mended(&mut self, period: Period, left: &[(Carried, String)], made: &Made) {
        let (before, period) = (
            Period::of(period.days().0 - 1).map(|period| period.to_string()),
            period.to_string(),
        );
        for (carried, number) in left {
            let Some(truth) = made.truths.iter().find(|truth| mends(carried, truth, made)) else {
                continue;
            };
            let (story, cause) = match carried.mending {
                Mending::BilledLate => ("late_usage", Cause::Timing),
                Mending::Credited => ("credit", Cause::Credit),
            };
            let amount = fixed(truth.parts[cause as usize], PUBLISHED_SCALE);
            self.tables.stories.row([
                story,
                before.as_deref().unwrap_or(""),
                number,
                &period,
                &truth.invoice_number,
                &truth.customer_id,
                &truth.subscription_id,
                &truth.product_id,
                &truth.sku_id,
                &truth.meter_description,
                truth.currency,
                &amount,
            ]);
        }
    }

    /// Notes who has come and who has left since the month before.
    fn customers(
        &mut self,
        at: u64,
        before: Option<&[(String, String)]>,
        after: &[(String, String)],
    ) {
        let Some(before) = before else { return };
        let period = self.period(at).to_string();
        let mut tell = |event, from: &[(String, String)], to: &[(String, String)]| {
            for (id, name) in to.iter().filter(|it| !from.contains(it)) {
                self.tables.customers.row([&*period, event, id, name]);
            }
        };
        tell("comes", before, after);
        tell("leaves", after, before);
    }

    fn finish(mut self) -> Result<MonthsReport, SynthError> {
        let out = &self.request.first.out;
        create_folder(&out.join("truth"))?;
        let written: Written = self.tables.write(&out.join("truth"))?;
        let written = written.and(self.index.write(out)?);
        self.report.files += written.files;
        Ok(self.report)
    }
}

/// Breaks of a month up to a version.
#[derive(Default)]
struct History {
    breaks: Breaks,
    /// Names of all breaks that there ever were.
    known: BTreeSet<Key>,
}

/// Folder of a version, below that of all months.
fn folder(period: Period, version: usize) -> String {
    folder_of(&period.to_string(), version)
}

fn folder_of(period: &str, version: usize) -> String {
    format!("{period}/{version}")
}

/// Name of the story of a break; empty for none.
fn story_of(told: &[Told], key: &Key) -> &'static str {
    let mut told = told.iter();
    let story = told.find(|story| {
        let group = &story.group;
        let [_, _, _, _, subscription, product, _, meter, _] = key;
        *subscription == group.subscription_id
            && *product == group.product_id
            && *meter == group.meter_description
    });
    story.map_or("", |story| story.name)
}

/// True of the truth about the line that mends what the month before left over.
fn mends(carried: &Carried, truth: &Truth, made: &Made) -> bool {
    let mut groups = made.mended.iter();
    let Some(group) = groups.find(|it| (it.plan, it.meter) == (carried.plan, carried.meter)) else {
        return false;
    };
    let is_credit = truth.price_adjustment == "azure credit";
    truth.subscription_id == group.subscription_id
        && truth.product_id == group.product_id
        && truth.meter_description == group.meter_description
        && is_credit == (carried.mending == Mending::Credited)
}
