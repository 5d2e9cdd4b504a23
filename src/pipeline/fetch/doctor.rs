//! Checks of what must be right before a pipeline runs: folders, locks, credentials and the clock.

use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::progress::reporting::Progress;
use crate::reports::atomic::OutputFolder;
use crate::reports::failure::PublishError;
use crate::sources::auth::Tokens;
use crate::sources::doctor::{self, Finding};
use crate::sources::failure::FetchError;
use crate::sources::landing::{Landing, StateOwner};
use crate::sources::wire::http::Http;

/// WorstProblem kind of problem found, for the exit code; in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorstProblem {
    /// No problem at all.
    #[default]
    Nothing,
    /// A credential that is not accepted.
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
    let (mut findings, mut worst) = (Vec::new(), WorstProblem::default());
    let what = format!("Results in `{}`", plan.out.display());
    match OutputFolder::open(&plan.out) {
        Ok(_) => findings.push(Finding::good(&what, "writable, and not locked")),
        Err(error) => {
            worst = worst.max(if matches!(error, PublishError::Locked { .. }) {
                WorstProblem::Lock
            } else {
                WorstProblem::Storage
            });
            findings.push(Finding::bad(
                &what,
                error.to_string(),
                RunError::from(error).hint(),
            ));
        }
    }
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
    // Credentials last: the refresh tokens are in the state folder, which must be open for them.
    let http = Http::new(&fetching.account, progress.clone())?;
    let tokens = Tokens::new(&fetching.account, landing.credentials());
    let found = block_on(&http, &tokens)?;
    if found.iter().any(|finding| !finding.is_good) {
        worst = worst.max(WorstProblem::Credential);
    }
    findings.extend(found);
    Ok((findings, worst))
}

/// Findings on the credentials, one for each token that a fetch would need.
pub(crate) async fn credentials(http: &Http, tokens: &Tokens) -> Vec<Finding> {
    doctor::credentials(http, tokens).await
}
