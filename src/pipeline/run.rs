//! A run, on one screen: read, reconcile, publish.

use super::Options;
use super::failure::RunError;
use super::outcome::Outcome;
use super::plan::Plan;
use super::publish;
use super::read::{self, Readings};
use super::reconcile::{self, Reconciled};
use crate::reports::atomic::Output;

/// Runs a plan.
///
/// # Errors
/// [`RunError`]; nothing was published then.
pub fn run(plan: &Plan, options: &Options) -> Result<Outcome, RunError> {
    with_threads(options, || {
        let output = Output::open(&plan.out)?;
        let mut readings = read::read(plan)?;
        let found = reconcile::reconcile(plan, &mut readings)?;
        let exit_code = exit_code(options, &readings, &found);
        let (run_id, folder) = publish::publish(plan, &output, &readings, &found, exit_code)?;
        Ok(Outcome::new(run_id, folder, &readings, &found, exit_code))
    })
}

/// Runs `work` on as many threads as were asked for. What it returns does not depend on them.
///
/// # Errors
/// That of `work`, or [`RunError::Threads`].
pub fn with_threads<T: Send>(options: &Options, work: impl FnOnce() -> Result<T, RunError> + Send) -> Result<T, RunError> {
    let Some(threads) = options.threads else { return work() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|source| RunError::Threads { threads, source })?;
    pool.install(work)
}

/// Missing rows outrank breaks: a break may be nothing but a row that is missing.
fn exit_code(options: &Options, readings: &Readings, found: &Reconciled) -> u8 {
    let breaks = found.variances.iter().any(|variance| variance.status == crate::model::cause::Status::Break);
    match () {
        () if readings.rejected.len() as u64 > options.allow_rejects => 11,
        () if options.fail_on_breaks && breaks => 10,
        () => 0,
    }
}
