//! A rehearsal of the month-end: months of a synthetic partner, a run on each of their nights, people
//! who speak in between; and after each night the ledger is held against the truth.
//!
//! What is compared is kept apart from what compares: `books` follow from the truth and from what people
//! said, and know nothing of the ledger; `compare` reads the ledger's published tables. It is the one
//! layer that knows both the synthetic partner and the pipeline.

mod request;

mod calendar;
mod tables;

mod truth;

mod books;

mod closer;
mod compare;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::books::MonthBooks;
use self::calendar::{MonthDays, PlannedNight, Schedule, Served, VersionDays};
use self::closer::ClosersDay;
use self::compare::{NightAtHand, counts_of};
pub use self::request::{Balance, Night, NightCounts, RehearsalError, Report, Request};
use self::truth::TruthOfMonths;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::settling::SettlingDays;
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::log;
use crate::pipeline::options::{FailOn, FetchOptions, Options};
use crate::pipeline::plan::globs;
use crate::pipeline::plan::notices::Notices;
use crate::pipeline::plan::output::{Output, ReportFiles};
use crate::pipeline::plan::pipeline_plan::{Plan, Source, TieOutPlan};
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::run::{self, RunFailure};
use crate::progress::reporting::Progress;
use crate::synth::{self, Format, Months, SynthError};

/// First month of a rehearsal.
const FIRST_PERIOD: &str = "2026-10";

/// Folder of the months, below that of the rehearsal.
const MONTHS: &str = "months";

/// Name of the pipeline in the ledger.
const PIPELINE: &str = "rehearsal";

/// Exit code of a fetch that finds no invoice of the period.
const NOT_DUE: u8 = 12;

/// Exit code of a fetch that awaits the usage of an invoice.
const AWAITED: u8 = 11;

/// Makes the months of a rehearsal in the folder `months`.
///
/// # Errors
/// [`RehearsalError::Synth`] where the folder of the rehearsal is not empty or cannot be written.
pub fn make(request: &Request) -> Result<Report, RehearsalError> {
    ensure_empty(&request.out)?;
    let began = Instant::now();
    let made = synth::generate_months(&Months {
        first: synth::Request {
            rows: request.rows,
            seed: request.seed,
            out: request.out.join(MONTHS),
            period: Period::parse(FIRST_PERIOD).expect("a month"),
            formats: vec![Format::Csv],
            planted: true,
        },
        count: request.months,
        restate: true,
    })?;
    Ok(Report {
        versions: made.versions,
        rows: made.rows,
        making: began.elapsed(),
        ..Report::default()
    })
}

/// Plays the nights of months that are made, and tells each when it is over. What it comes to is added
/// to the report.
///
/// # Errors
/// [`RehearsalError`]; a difference from the truth is none, but told and counted.
pub fn play(
    request: &Request,
    report: &mut Report,
    tell: &mut dyn FnMut(&Night) -> std::io::Result<()>,
) -> Result<(), RehearsalError> {
    let began = Instant::now();
    let rehearsal = Rehearsal::of(request)?;
    let months = &rehearsal.schedule.months;
    let mut books: Vec<MonthBooks> = months.iter().map(|_| MonthBooks::default()).collect();
    for planned in rehearsal.schedule.nights() {
        let night = rehearsal.night(&planned, &mut books[planned.month], report)?;
        report.nights += 1;
        report.complete += u64::from(night.counts.is_some());
        report.differences += night.differences.len() as u64;
        tell(&night).map_err(RehearsalError::Told)?;
    }
    report.breaks = books.iter().map(|books| books.breaks.len() as u64).sum();
    report.nightly = began.elapsed();
    Ok(())
}

/// Refuses a folder that holds something: a ledger of before would not be what the truth says.
fn ensure_empty(folder: &Path) -> Result<(), SynthError> {
    let is_full = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    match is_full {
        true => Err(SynthError::NotEmpty {
            path: folder.to_owned(),
        }),
        false => Ok(()),
    }
}

/// A rehearsal whose months are made.
struct Rehearsal<'r> {
    request: &'r Request,
    schedule: Schedule,
    truth: TruthOfMonths,
    months: PathBuf,
    out: PathBuf,
}

impl<'r> Rehearsal<'r> {
    fn of(request: &'r Request) -> Result<Self, RehearsalError> {
        let months = request.out.join(MONTHS);
        let schedule = Schedule::read(&months)?;
        Ok(Self {
            request,
            truth: TruthOfMonths::read(&months, &schedule)?,
            schedule,
            months,
            out: request.out.join("out"),
        })
    }

    /// Plays a night, and the day of the closer behind it.
    fn night(
        &self,
        planned: &PlannedNight,
        books: &mut MonthBooks,
        report: &mut Report,
    ) -> Result<Night, RehearsalError> {
        let month = &self.schedule.months[planned.month];
        let night = Night {
            day: planned.day.clone(),
            period: month.period.clone(),
            ..Night::default()
        };
        let exit_code = match month.on(&planned.day) {
            Served::All(version) => return self.complete(night, month, version, books, report),
            Served::WithoutUsage(version) => {
                self.incomplete(&night, Some(version), AWAITED, "its usage is awaited")?
            }
            Served::Nothing => self.incomplete(&night, None, NOT_DUE, "no invoice is out yet")?,
        };
        Ok(Night { exit_code, ..night })
    }

    /// Plays a night that has not all data. A run of files cannot do without them; what it comes to is
    /// noted with the code that a fetch has for it.
    fn incomplete(
        &self,
        night: &Night,
        version: Option<&VersionDays>,
        code: u8,
        reason: &str,
    ) -> Result<u8, RehearsalError> {
        let plan = self.plan(&night.period, version, None);
        let started_at = log::now();
        match self.run(&plan, &night.day) {
            Err(RunFailure { reason: found, .. }) if is_no_input(&found) => {
                log::note_failure(&plan, &night.day, &started_at, code, reason);
                Ok(code)
            }
            Err(failure) => Err(RehearsalError::Run(failure.reason)),
            Ok(outcome) => Ok(outcome.exit_code),
        }
    }

    /// Plays a night that has all data.
    fn complete(
        &self,
        night: Night,
        month: &MonthDays,
        version: &VersionDays,
        books: &mut MonthBooks,
        report: &mut Report,
    ) -> Result<Night, RehearsalError> {
        let plan = self.plan(&night.period, Some(version), Some(version));
        let outcome = self
            .run(&plan, &night.day)
            .map_err(|failure| RehearsalError::Run(failure.reason))?;
        let recorded = outcome.ledger.expect("a run over files is recorded");
        let truth = self.truth.version(&night.period, version.version);
        let is_first = books.version == 0;
        let wanted = books.night(&night.day, version.version, truth);
        let at_hand = NightAtHand {
            out: &self.out,
            period: &night.period,
            exit_code: outcome.exit_code,
            recorded: &recorded,
        };
        let found = at_hand.compare(books, &wanted)?;
        let closer = ClosersDay {
            out: &self.out,
            pipeline: PIPELINE,
            day: &night.day,
            month,
            truth: &self.truth,
        };
        // A difference is told, and not made worse by words about it.
        if found.differences.is_empty() && !books.is_closed {
            report.words += closer.work(books, is_first)?;
            books.is_closed = closer.close()?;
            report.closes += u64::from(books.is_closed);
        }
        Ok(Night {
            exit_code: outcome.exit_code,
            is_closed: recorded.is_closed,
            counts: Some(counts_of(&recorded)),
            balances: found.balances,
            differences: found.differences,
            ..night
        })
    }

    fn run(&self, plan: &Plan, day: &str) -> Result<Outcome, RunFailure> {
        let options = Options {
            threads: self.request.threads,
            fail_on_breaks: Some(FailOn::New),
            asked: FetchOptions {
                today: day.to_owned(),
                ..FetchOptions::default()
            },
            ..Options::default()
        };
        run::run(plan, &options, &Progress::default())
    }

    /// The pipeline over the files of a version: lines and invoices, and usage as far as it is there.
    fn plan(&self, period: &str, lines: Option<&VersionDays>, usage: Option<&VersionDays>) -> Plan {
        let source = |dataset, version: Option<&VersionDays>, files: &str| {
            // What is not there yet has a folder that never is.
            let folder = version.map_or("none", |version| &version.folder);
            Source {
                dataset,
                paths: vec![globs::join(&self.months.join(folder), files)],
                is_fetched: false,
            }
        };
        let tie_out = |tie_out: TieOut| {
            let is_enabled = matches!(
                tie_out,
                TieOut::UsageToInvoice | TieOut::LineArithmetic | TieOut::LinesToInvoice
            );
            TieOutPlan::usual(tie_out, is_enabled)
        };
        Plan {
            name: PIPELINE.to_owned(),
            period: Period::parse(period),
            out: self.out.clone(),
            sources: vec![
                source(Dataset::Usage, usage, "usage/csv/*.csv"),
                source(Dataset::InvoiceLines, lines, "recon/csv/*.csv"),
                source(Dataset::Invoices, lines, "invoices/invoices.json"),
            ],
            records: Vec::new(),
            acceptances: Vec::new(),
            settling: SettlingDays::default(),
            // Nobody looks at the reports of a rehearsal.
            output: Output {
                reports: ReportFiles::NONE,
                analyst: true,
            },
            fetching: None,
            csv: Default::default(),
            notices: Notices::default(),
            tie_outs: TieOut::ALL.map(tie_out).to_vec(),
        }
    }
}

/// True if a run failed for files that are not there.
fn is_no_input(reason: &RunError) -> bool {
    matches!(reason, RunError::NoInput { .. })
}
