//! Checks of what must be right before a pipeline runs: folders, locks, space, credentials and the
//! clock; and what the pipeline loses where a permission is missing.

use std::fs;
use std::path::Path;

use crate::pipeline::failure::RunError;
use crate::pipeline::fetch::permissions;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::progress::reporting::Progress;
use crate::reports::atomic::OutputFolder;
use crate::reports::failure::PublishError;
use crate::sources::auth::{TokenKind, Tokens};
use crate::sources::doctor::finding::{Finding, Gravity};
use crate::sources::doctor::{self, certificates, clock, refresh_token, space};
use crate::sources::failure::FetchError;
use crate::sources::landing::{Landing, StateOwner};
use crate::sources::wire::http::Http;

/// Free space that a run may need for its results: 1 GB, and twice the last run, as the new one is
/// written beside it and the next may be larger.
const SPACE_FOR_RESULTS: u64 = 1_000_000_000;
/// Free space that a fetch may need: 2 GB. A month of ten million usage rows is some 0.6 GB of
/// compressed blobs, a restatement as much again.
const SPACE_FOR_STATE: u64 = 2_000_000_000;

/// Worst kind of problem found, for the exit code; in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorstProblem {
    /// No problem at all, or nothing but warnings.
    #[default]
    Nothing,
    /// A service that does not answer.
    Service,
    /// A credential that is not accepted, or not for long.
    Credential,
    /// A folder that another process has locked.
    Lock,
    /// A folder that cannot be written.
    Storage,
    /// A state folder that belongs to another tenant, cloud or host.
    Integrity,
}

/// Checks the folders of a plan, then its credentials. `block_on` runs the requests: the runtime of
/// the network is named in `run` alone.
///
/// # Errors
/// [`RunError`] where the requests cannot even be started.
pub(crate) fn examine(
    plan: &Plan,
    progress: &Progress,
    block_on: impl FnOnce(&Http, &Tokens) -> Result<Vec<Finding>, FetchError>,
) -> Result<(Vec<Finding>, WorstProblem), RunError> {
    let (mut findings, mut worst) = results(plan);
    // A pipeline of files needs no state folder and no credentials.
    let Some(fetching) = &plan.fetching else {
        return Ok((findings, worst));
    };
    let what = format!("State in `{}`", fetching.state.display());
    let landing = match Landing::open(&fetching.state, &StateOwner::of(&fetching.account)) {
        Ok((landing, _)) => {
            findings.push(Finding::good(&what, "writable, and not locked"));
            landing
        }
        Err(error) => {
            worst = worst.max(match error {
                FetchError::Locked { .. } => WorstProblem::Lock,
                FetchError::State { .. } => WorstProblem::Integrity,
                _ => WorstProblem::Storage,
            });
            findings.push(Finding::bad(&what, error.to_string(), error.hint()));
            return Ok((findings, worst));
        }
    };
    findings.push(space::finding(
        "fetched data",
        &fetching.state,
        SPACE_FOR_STATE,
    ));
    let account = &fetching.account;
    let mut found = certificates::findings(account, clock::now());
    // Before a token is requested, which renews the refresh token.
    found.extend(refresh_token::finding(
        account,
        &landing.credentials(),
        clock::now(),
    ));
    // Credentials last: the refresh tokens are in the state folder, which must be open for them.
    let http = Http::new(account, progress.clone())?;
    let tokens = Tokens::new(account, landing.credentials());
    found.extend(block_on(&http, &tokens)?);
    if account.app.is_none() && !permissions::loss(plan, fetching, TokenKind::Graph).is_nothing() {
        found.push(doctor::no_application());
    }
    for finding in &mut found {
        weigh(finding, plan, fetching);
        worst = worst.max(match finding.gravity {
            Gravity::Good | Gravity::Warning => WorstProblem::Nothing,
            Gravity::Bad if finding.is_remote => WorstProblem::Service,
            Gravity::Bad => WorstProblem::Credential,
        });
    }
    findings.extend(found);
    Ok((findings, worst))
}

/// The findings on the folder of results.
fn results(plan: &Plan) -> (Vec<Finding>, WorstProblem) {
    let what = format!("Results in `{}`", plan.out.display());
    match OutputFolder::open(&plan.out) {
        Ok(_) => {
            let last = bytes_in(&plan.out.join("current"));
            let wanted = SPACE_FOR_RESULTS.saturating_add(last.saturating_mul(2));
            let findings = vec![
                Finding::good(&what, "writable, and not locked"),
                space::finding("results", &plan.out, wanted),
            ];
            (findings, WorstProblem::Nothing)
        }
        Err(error) => {
            let worst = if matches!(error, PublishError::Locked { .. }) {
                WorstProblem::Lock
            } else {
                WorstProblem::Storage
            };
            let words = error.to_string();
            let finding = Finding::bad(&what, words, RunError::from(error).hint());
            (vec![finding], worst)
        }
    }
}

/// Size of the files in a folder, those of its folders not included; 0 where there is none.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let files = entries.flatten().filter_map(|entry| entry.metadata().ok());
    files
        .filter(fs::Metadata::is_file)
        .fold(0, |bytes, file| bytes.saturating_add(file.len()))
}

/// Adds to a finding about a permission what the pipeline loses by it. Where no tie-out is lost, the
/// close is published all the same, and the finding is a warning.
fn weigh(finding: &mut Finding, plan: &Plan, fetching: &Fetching) {
    let Some(kind) = finding.lacks else {
        return;
    };
    let loss = permissions::loss(plan, fetching, kind);
    if loss.tie_outs.is_empty() && finding.gravity == Gravity::Bad {
        finding.gravity = Gravity::Warning;
    }
    // Of a service that does not answer nobody knows which permissions it would give.
    if !finding.is_remote {
        finding.costs = Some(loss);
    }
}

/// Findings on the credentials, one for each token that a fetch would need.
pub(crate) async fn credentials(http: &Http, tokens: &Tokens) -> Vec<Finding> {
    doctor::credentials(http, tokens).await
}
