//! From what was asked for to its explanation: finds the published row or the account, and hands
//! over to the explanation of its tie-out.

use std::path::Path;

use super::account_filter::AccountFilter;
use super::answer::{Explanation, Request, Target};
use super::published::Published;
use super::recount::Recount;
use super::{evidence, lines_to_invoice, other_tie_outs, usage_to_invoice};
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::model::cause::TieOut;
use crate::pipeline::failure::RunError;

/// Explains a figure of a published run.
///
/// # Errors
/// [`RunError`]: no such run, break or usage; a run that is damaged; a source that changed; or a
/// figure that unchanged sources do not come to, which must never be.
pub fn explain(request: &Request) -> Result<Explanation, RunError> {
    let published = Published::open(&request.out, request.run.as_deref())?;
    match &request.target {
        Target::Break(id) => explain_break(request, &published, id),
        Target::Keys(keys) => explain_keys(request, &published, keys),
    }
}

/// Explains a figure, and writes all of its source lines to a folder.
///
/// # Errors
/// Those of [`explain`], [`RunError::NotThere`] for a folder that has such files, and
/// [`RunError::Publish`].
pub fn explain_with_evidence(request: &Request, folder: &Path) -> Result<Explanation, RunError> {
    evidence::ensure_free(folder)?;
    let whole = Request {
        limit: usize::MAX,
        ..request.clone()
    };
    let mut found = explain(&whole)?;
    evidence::write(folder, &found)?;
    found.shorten(request.limit);
    Ok(found)
}

fn explain_break(
    request: &Request,
    published: &Published,
    id: &str,
) -> Result<Explanation, RunError> {
    let row = published.find(id)?;
    match published.tie_out(&row)? {
        TieOut::LinesToInvoice => lines_to_invoice::explain(request, published, row),
        TieOut::UsageToInvoice => {
            let account = AccountFilter::new(
                Some(fold_as(Domain::Customer, &row.customer_id)),
                Some(fold_as(Domain::Subscription, &row.subscription_id)),
            );
            let recount = Recount::new(published, account)?;
            let has_id = |_, variance: &Variance| variance.break_id.to_string() == id;
            let found = usage_to_invoice::explain(&recount, request, has_id, &[])?;
            if found.groups.is_empty() {
                return Err(published.disagrees(&row, "nothing", "nothing"));
            }
            Ok(found)
        }
        tie_out => other_tie_outs::explain(request, published, tie_out, row),
    }
}

fn explain_keys(
    request: &Request,
    published: &Published,
    keys: &[(String, String)],
) -> Result<Explanation, RunError> {
    let wanted = |name: &str, domain| {
        let found = keys.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| fold_as(domain, value))
    };
    published.needs(TieOut::UsageToInvoice)?;
    // The more of the account is named, the fewer units are read; without it, all of them are.
    let account = AccountFilter::new(
        wanted("customer_id", Domain::Customer),
        wanted("subscription_id", Domain::Subscription),
    );
    let recount = Recount::new(published, account)?;
    let picked = recount.pick(keys)?;
    usage_to_invoice::explain(
        &recount,
        request,
        |number, _| picked.contains(&number),
        keys,
    )
}
