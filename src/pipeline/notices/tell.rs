//! The telling itself: the textfile is written, the messages are sent, and what goes wrong with either
//! is a warning.

use std::io::Write as _;

use super::ended_run::EndedRun;
use super::{exposition, message};
use crate::pipeline::plan::notices::{Notify, NotifyOn};
use crate::reports::single_files::replace_shared;
use crate::sources::wire::delivery::{Delivery, deliver};

/// Tells everybody whom the pipeline names; returns warnings of those who were not reached.
#[must_use]
pub fn tell(run: &EndedRun<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let notices = &run.plan.notices;
    if let Some(path) = &notices.textfile {
        let text = exposition::text(run);
        let written = replace_shared(path, |file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            warnings.push(format!("`metrics.textfile` was not written: {error}"));
        }
    }
    if let Some(notify) = &notices.notify {
        let lost = deliver(deliveries(run, notify), notify.limit);
        let lost = lost.iter().map(|lost| format!("not told: {lost}"));
        // One line, however many there are.
        warnings.extend(lost.reduce(|all, next| format!("{all}; {next}")));
    }
    warnings
}

/// Requests that tell of a run.
fn deliveries(run: &EndedRun<'_>, notify: &Notify) -> Vec<Delivery> {
    let is_wanted = match notify.on {
        NotifyOn::Always => true,
        NotifyOn::Failure => !run.is_at_work(),
        NotifyOn::Breaks => !run.is_at_work() || run.has_new_breaks(),
    };
    let webhook = notify.webhook.as_ref().filter(|_| is_wanted);
    let webhook = webhook.map(|address| Delivery {
        key: "notify.webhook",
        address: address.clone(),
        message: Some(message::text(run, notify.format)),
    });
    let (key, address) = match run.is_at_work() {
        true => ("notify.ping", &notify.ping),
        false => ("notify.ping_failed", &notify.ping_failed),
    };
    let ping = address.as_ref().map(|address| Delivery {
        key,
        address: address.clone(),
        message: None,
    });
    webhook.into_iter().chain(ping).collect()
}
