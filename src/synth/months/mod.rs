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
use super::request::{Months, MonthsReport, Request, SynthError};
use super::write::{Written, create_folder};
use crate::model::cause::Cause;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::model::period::Period;
use crate::synth::truth::Truth;

/// Makes several months of a partner. The first versions come one after another, as each month takes
/// over what the one before left; the later ones are made beside them.
pub(super) fn make(request: &Months) -> Result<MonthsReport, SynthError> {
    let mut teller = Teller {
        request,
        tables: Tables::new(),
        index: Index::default(),
        report: MonthsReport::default(),
    };
    std::thread::scope(|scope| {
        let mut months = Vec::new();
        let mut left: Vec<Left> = Vec::new();
        for at in 0..request.count {
            let period = month_after(request.first.period, at);
            let days = versions(period, at, request.restate);
            let mut course = Course {
                month: partner::month(&request.first, at, request.count),
                // A large stride, so that neighbours in time are no neighbours in the list.
                first: usize::try_from(at * 17).expect("a small number"),
                carried: left.iter().map(|left| left.carried.clone()).collect(),
                edits: Vec::new(),
            };
            let first = version(request, period, 1, &course)?;
            let told = of_month(&first, days.len());
            let mut later = Vec::new();
            for number in 2..=days.len() {
                course.edits = edits(&told, number);
                let course = course.clone();
                later.push(scope.spawn(move || version(request, period, number, &course)));
            }
            let mended = std::mem::replace(&mut left, leave(&first));
            months.push((period, days, told, mended, first, later));
        }
        let mut there: Option<Vec<(String, String)>> = None;
        for (period, days, told, mended, first, later) in months {
            let mut made = vec![first];
            for thread in later {
                let version = thread.join();
                made.push(version.unwrap_or_else(|fault| std::panic::resume_unwind(fault))?);
            }
            teller.month((period, &days), &told, &made)?;
            teller.mended(period, &mended, &made[0]);
            teller.customers(period, there.as_deref(), &made[0].customers);
            there = Some(made.swap_remove(0).customers);
        }
        teller.finish()
    })
}

/// Charge that a month leaves to the next, with the number of its invoice.
struct Left {
    carried: Carried,
    invoice_number: String,
}

/// Charges that a month leaves to the next, given its first version.
fn leave(first: &Made) -> Vec<Left> {
    let number = |carried: &Carried| {
        let mut planted = first.planted.iter();
        let group = planted.find(|it| (it.plan, it.meter) == (carried.plan, carried.meter));
        group.map_or_else(String::new, |group| group.invoice_number.clone())
    };
    let left = carried(first).into_iter().map(|carried| Left {
        invoice_number: number(&carried),
        carried,
    });
    left.collect()
}

/// Makes the folder of a version.
fn version(
    request: &Months,
    period: Period,
    version: usize,
    course: &Course,
) -> Result<Made, SynthError> {
    let request = Request {
        out: request.first.out.join(folder(period, version)),
        period,
        ..request.first.clone()
    };
    emit(&request, Some(course))
}

/// Teller of the truth of all months.
struct Teller<'r> {
    request: &'r Months,
    tables: Tables,
    index: Index,
    report: MonthsReport,
}

impl Teller<'_> {
    /// Notes all versions of a month, which are parallel to their days.
    fn month(
        &mut self,
        (period, days): (Period, &[Days]),
        told: &[Told],
        made: &[Made],
    ) -> Result<(), SynthError> {
        let mut history = History::default();
        for (at, (made_here, days)) in made.iter().zip(days).enumerate() {
            let before = at.checked_sub(1).map(|before| &made[before]);
            let version = at + 1;
            if let Some(before) = before {
                let folder = |version| self.request.first.out.join(folder(period, version));
                let contents = (&before.contents, &made_here.contents);
                keep_unchanged(contents, (&folder(at), &folder(version)))?;
            }
            let place = (period, version, *days);
            self.note(&mut history, place, told, before, made_here);
            self.report.versions += 1;
            self.report.rows += made_here.report.rows;
            self.report.lines += made_here.report.lines;
            self.report.files += made_here.report.files;
        }
        self.index.end_month(period);
        Ok(())
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
    fn mended(&mut self, period: Period, left: &[Left], made: &Made) {
        let (before, period) = (
            Period::of(period.days().0 - 1).map(|period| period.to_string()),
            period.to_string(),
        );
        for Left {
            carried,
            invoice_number,
        } in left
        {
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
                invoice_number,
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
        period: Period,
        before: Option<&[(String, String)]>,
        after: &[(String, String)],
    ) {
        let Some(before) = before else { return };
        let period = period.to_string();
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
