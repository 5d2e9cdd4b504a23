//! What must be right before a pipeline runs: folders, locks, credentials, the clock.

use crate::pipeline::failure::RunError;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::progress::watch::Watch;
use crate::reports::atomic::{Output, PublishError};
use crate::sources::doctor::{self, Finding};
use crate::sources::failure::FetchError;
use crate::sources::identity::auth::Tokens;
use crate::sources::landing::Landing;
use crate::sources::wire::http::Http;

/// What kind of thing is wrong, for the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    /// Nothing.
    #[default]
    Nothing,
    /// A credential.
    Credential,
    /// A folder that is locked.
    Lock,
    /// A folder that does not take files.
    Storage,
}

/// Checks all of it; `block_on` runs what speaks to the outside.
pub(crate) fn examine(
    plan: &Plan,
    watch: &Watch,
    block_on: impl FnOnce(&Http, &Tokens) -> Result<Vec<Finding>, FetchError>,
) -> Result<(Vec<Finding>, Worst), RunError> {
    let (mut findings, mut worst) = (Vec::new(), Worst::default());
    let what = format!("Results in `{}`", plan.out.display());
    match Output::open(&plan.out) {
        Ok(_) => findings.push(Finding::good(&what, "writable, and not locked")),
        Err(error) => {
            worst = worst.max(if matches!(error, PublishError::Locked { .. }) {
                Worst::Lock
            } else {
                Worst::Storage
            });
            findings.push(Finding::bad(
                &what,
                error.to_string(),
                RunError::from(error).hint(),
            ));
        }
    }
    let Some(fetching) = &plan.fetching else {
        return Ok((findings, worst));
    };
    let what = format!("State in `{}`", fetching.state.display());
    let landing = match Landing::open(&fetching.state) {
        Ok((landing, _)) => {
            findings.push(Finding::good(&what, "writable, and not locked"));
            landing
        }
        Err(error) => {
            worst = worst.max(if matches!(error, FetchError::Locked { .. }) {
                Worst::Lock
            } else {
                Worst::Storage
            });
            findings.push(Finding::bad(&what, error.to_string(), error.hint()));
            return Ok((findings, worst));
        }
    };
    let http = Http::new(&fetching.account, watch.clone())?;
    let tokens = Tokens::new(&fetching.account, landing.credentials());
    let found = block_on(&http, &tokens)?;
    if found.iter().any(|finding| !finding.is_good) {
        worst = worst.max(Worst::Credential);
    }
    findings.extend(found);
    Ok((findings, worst))
}

/// Findings on the credentials.
pub(crate) async fn credentials(http: &Http, tokens: &Tokens) -> Vec<Finding> {
    doctor::credentials(http, tokens).await
}
