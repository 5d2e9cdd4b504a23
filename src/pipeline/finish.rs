//! The end of a run: what was read is reconciled, its tables are placed, the ledger takes it in, and
//! only then a pointer is moved. Each of these steps leaves the old state or the new one.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::atomic::Ordering;

use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::ledger::invoices::InvoiceStage;
use crate::ledger::record::{Recorded, RunFigures};
use crate::ledger::runs::RunRow;
use crate::model::cause::Status;
use crate::model::period::{Period, parse_day};
use crate::pipeline::analyst::{self, AnalystSource};
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::month_end::figures;
use crate::pipeline::month_end::log::RunLog;
use crate::pipeline::options::{FailOn, Options};
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::outcome::Outcome;
use crate::pipeline::publish::staging;
use crate::pipeline::reconcile::stages::{self, Reconciled};
use crate::pipeline::signals::Interrupt;
use crate::progress::reporting::Progress;
use crate::reports::atomic::{OutputFolder, Publication};
use crate::reports::earlier_run::MANIFEST;
use crate::reports::failure::PublishError;

/// Stage of data that can still come.
const AWAITED: &str = "awaited";

/// The close of a run: what is done with everything that was read.
pub(super) struct Finish<'c> {
    pub(super) plan: &'c Plan,
    pub(super) options: &'c Options,
    pub(super) progress: &'c Progress,
    pub(super) interrupt: Interrupt,
    /// Exit code of the fetch before it, 0 if that has all that the tie-outs need.
    pub(super) fetched_code: u8,
    /// Stage of the month-end of the fetched data; `None` for files.
    pub(super) finality: Option<&'static str>,
}

impl Finish<'_> {
    /// Reconciles what was read, publishes it, and takes it into the ledger.
    pub(super) fn publish(
        &self,
        output: OutputFolder,
        mut log: RunLog,
        mut readings: Readings,
    ) -> Result<Outcome, RunError> {
        let Self {
            plan,
            options,
            progress,
            ..
        } = self;
        self.interrupt.check()?;
        if readings.rejected.len() as u64 <= options.allow_rejects {
            readings.awaited.tolerate(&readings.rejected);
        }
        let found = stages::reconcile_watched(plan, &mut readings, progress)?;
        // Before publishing, as the manifest holds the exit code: that of the data alone. Whether breaks
        // have a code of their own is asked of the process.
        let exit_code = self.exit_code(&readings, &found);
        // The last look: once a run publishes, a first signal no longer stops it.
        self.interrupt.check()?;
        progress.phase("publish", 0);
        let is_bound = options.memory.is_some();
        let (run_id, placed) =
            staging::publish(plan, &output, &readings, &found, exit_code, is_bound)?;
        progress.phase("ledger", 0);
        let stages = self.invoices(&found, &log.row().as_of);
        let data = (&readings, &found, stages.clone());
        let (recorded, exit_code) = self.record(&mut log, &run_id, &placed, data, exit_code)?;
        if recorded.is_current {
            output.point_all(&run_id, &figures::period_of(plan, &found))?;
        } else if !log.has_complete()? {
            // As long as no run was complete, a reader finds the newest one.
            output.point_at(&run_id)?;
        }
        let mut outcome = Outcome::new(run_id, placed, &readings, &found, exit_code, None);
        outcome.warnings.extend(self.warnings(&recorded));
        for figures in &mut outcome.invoices {
            let mut stages = stages.iter();
            let of_invoice = stages.find(|stage| stage.invoice_number == figures.invoice_number);
            figures.finality = of_invoice.map_or_else(String::new, |stage| stage.finality.clone());
        }
        let period = figures::period_of(plan, &found);
        if plan.output.analyst && recorded.is_current {
            progress.phase("analyst folder", 0);
            let told = analyst::refresh(&AnalystSource {
                plan,
                run_id: &outcome.run_id,
                period: &period,
                kept_rows: &readings.kept_rows,
                found: &found,
                invoices: &outcome.invoices,
            })?;
            outcome.warnings.extend(told);
        }
        // Others may publish to the folder while the rest is fetched.
        drop(output);
        log.export(&plan.out)?;
        progress.phase("summarise", 0);
        let units_kept = progress.counters.units_kept.load(Ordering::Relaxed);
        Ok(Outcome {
            period,
            units_kept,
            ledger: Some(recorded),
            ..outcome
        })
    }

    /// Takes the run into the ledger, with what was read and found and the stages of its invoices; what
    /// came of it, and the exit code of the run.
    fn record(
        &self,
        log: &mut RunLog,
        run_id: &str,
        placed: &Publication,
        (readings, found, stages): (&Readings, &Reconciled, Vec<InvoiceStage>),
        exit_code: u8,
    ) -> Result<(Recorded, u8), RunError> {
        let Self { plan, options, .. } = self;
        let is_complete = exit_code == 0;
        let begun = log.row();
        let row = RunRow {
            run_id: run_id.to_owned(),
            period: figures::period_of(plan, found),
            exit_code,
            reason: if is_complete {
                ""
            } else {
                "something is incomplete or awaited"
            }
            .to_owned(),
            published: true,
            is_new: placed.is_new,
            is_complete,
            finality: self.finality(found, &begun.as_of).to_owned(),
            manifest_hash: hash_of_manifest(placed)?,
            ..begun
        };
        let mut code = exit_code;
        let recorded = log.record(
            row,
            RunFigures {
                invoices: stages,
                ..figures::of_run(readings, found)
            },
            &plan.acceptances,
            &mut |recorded| {
                let is_failing = match options.fail_on_breaks {
                    Some(FailOn::New) => {
                        recorded.fresh > 0
                            || recorded.is_closed && !recorded.restatements.is_empty()
                    }
                    Some(FailOn::Open) => recorded.open > 0,
                    Some(FailOn::All) => has(found, Status::Break),
                    None => false,
                };
                if exit_code == 0 && is_failing {
                    code = 10;
                }
                code
            },
        )?;
        Ok((recorded, code))
    }

    /// Stage of the month-end: of files by the day of the run alone.
    fn finality(&self, found: &Reconciled, as_of: &str) -> &'static str {
        if let Some(finality) = self.finality {
            return finality;
        }
        let mut awaited = found.variances.iter().map(|variance| variance.status);
        if awaited.any(|status| status == Status::Awaited) {
            return AWAITED;
        }
        let period = self.plan.period.or_else(|| newest_period(&found.totals));
        self.stage(period, as_of)
    }

    /// Stages of the invoices of a run, by their numbers.
    fn invoices(&self, found: &Reconciled, as_of: &str) -> Vec<InvoiceStage> {
        let awaited: BTreeSet<u32> = found
            .variances
            .iter()
            .filter(|variance| variance.status == Status::Awaited)
            .map(|variance| variance.sides.keys[Key::Invoice])
            .collect();
        let mut stages: Vec<InvoiceStage> = found
            .totals
            .periods
            .iter()
            .filter(|(code, _)| **code != 0)
            .map(|(code, period)| InvoiceStage {
                invoice_number: found
                    .totals
                    .vocabulary
                    .text(Domain::Invoice, *code)
                    .to_owned(),
                finality: match awaited.contains(code) {
                    true => AWAITED,
                    false => self.stage(Some(*period), as_of),
                }
                .to_owned(),
            })
            .collect();
        stages.sort_by(|left, right| left.invoice_number.cmp(&right.invoice_number));
        stages
    }

    /// Stage of data of a period that are there.
    fn stage(&self, period: Option<Period>, as_of: &str) -> &'static str {
        let today = parse_day(as_of.as_bytes()).ok().flatten();
        match (period, today) {
            (Some(period), Some(today)) if today >= self.plan.settling.final_day(period) => "final",
            // Without a period nothing says when it is final.
            _ => "provisional",
        }
    }

    /// What the ledger has to tell about the run, in sentences.
    fn warnings(&self, recorded: &Recorded) -> Vec<String> {
        let mut warnings: Vec<String> = recorded
            .unmatched
            .iter()
            .map(|at| {
                let reason = &self.plan.acceptances[*at].reason;
                format!(
                    "`[[accept]]` number {} (\"{reason}\") matches no break",
                    at + 1
                )
            })
            .collect();
        if recorded.is_closed {
            let words = match recorded.restatements.first() {
                None => "the period is closed: the run moved nothing".to_owned(),
                Some(first) => format!(
                    "the period is closed: the run moved nothing; {} restated, posted in {}",
                    recorded.restatements.len(),
                    first.posted_in
                ),
            };
            warnings.push(words);
        }
        warnings
    }

    /// Exit code of the data: that of the fetch, unless it is 0, then 11 for missing rows or nothing that
    /// was compared. That outranks the code for breaks, as a break may be nothing but a row that is
    /// missing.
    fn exit_code(&self, readings: &Readings, found: &Reconciled) -> u8 {
        let options = self.options;
        match self.fetched_code {
            0 if readings.rejected.len() as u64 > options.allow_rejects => 11,
            0 if has(found, Status::Awaited) || !found.nothing_compared.is_empty() => 11,
            other => other,
        }
    }
}

/// True if a variance that counts has this status; those of estimates inform, and fail no close.
fn has(found: &Reconciled, status: Status) -> bool {
    let mut counted = found.variances.iter().filter(|of| !of.informs());
    counted.any(|variance| variance.status == status)
}

/// The newest billing period of the invoices of a run; `None` where none is known.
fn newest_period(totals: &Folded) -> Option<Period> {
    totals
        .periods
        .values()
        .copied()
        .max_by_key(|period| period.days())
}

/// Hash of the manifest as it lies there: of a run that was there, it is the one of its first publish.
fn hash_of_manifest(placed: &Publication) -> Result<String, RunError> {
    let path = placed.folder.join(MANIFEST);
    let mut hasher = blake3::Hasher::new();
    File::open(&path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(|source| PublishError::Storage {
            doing: "read",
            path,
            source,
        })?;
    Ok(hasher.finalize().to_hex().to_string())
}
