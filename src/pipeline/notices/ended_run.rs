//! A run that has ended, as its notices see it: figures of the whole, and nothing of a customer.

use std::time::Duration;

use crate::ledger::runs::last_complete;
use crate::ledger::store::Ledger;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::outcome::Outcome;

/// Exit codes of runs that did their work: complete, with breaks, and before there is an invoice.
const AT_WORK: [u8; 3] = [0, 10, 12];

/// End of a run.
#[derive(Debug)]
pub struct EndedRun<'r> {
    /// Plan of the run.
    pub plan: &'r Plan,
    /// Exit code of the process.
    pub exit_code: u8,
    /// Time of the start, UTC, as `2026-11-21T04:15:00Z`.
    pub started_at: String,
    /// Time of the end, UTC.
    pub finished_at: String,
    /// Time that it took.
    pub took: Duration,
    /// Figures of what was published; `None` where nothing was.
    pub outcome: Option<&'r Outcome>,
    /// Reason of a failure; also of one behind the publish.
    pub error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// True if the output folder, and so its ledger, is somebody else's.
    pub is_foreign: bool,
}

impl EndedRun<'_> {
    /// Billing period of the run; empty where none is known.
    #[must_use]
    pub fn period(&self) -> String {
        match (self.outcome, self.plan.period) {
            (Some(outcome), _) => outcome.period.clone(),
            (None, Some(period)) => period.to_string(),
            (None, None) => String::new(),
        }
    }

    /// True if the run did its work; whether there were breaks is no part of that.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        AT_WORK.contains(&self.exit_code)
    }

    /// True if the run has breaks that the one before did not have.
    #[must_use]
    pub fn has_new_breaks(&self) -> bool {
        let recorded = self.outcome.and_then(|outcome| outcome.ledger.as_ref());
        self.exit_code == 10 || recorded.is_some_and(|recorded| recorded.fresh > 0)
    }

    /// End of the run in a word.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.exit_code {
            0 => "complete",
            10 => "breaks",
            11 => "incomplete",
            12 => "not_due",
            _ => "failed",
        }
    }

    /// Time of the last complete run of the pipeline and period, which may be this one; `None` where
    /// there is none, or the ledger does not say.
    #[must_use]
    pub fn last_complete(&self) -> Option<String> {
        if self.is_foreign {
            return None;
        }
        let ledger = Ledger::existing(&self.plan.out).ok().flatten()?;
        let name = &self.plan.name;
        let found = ledger.read(|connection| last_complete(connection, name, &self.period()));
        found.ok().flatten()
    }
}

/// A text in which no id is left: the partner's, a customer's or a subscription's.
#[must_use]
pub fn without_ids(text: &str) -> String {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    const LENGTH: usize = 36;
    let is_id = |text: &str| {
        let groups: Vec<&str> = text.split('-').collect();
        groups.len() == GROUPS.len()
            && groups.iter().zip(GROUPS).all(|(group, length)| {
                group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match rest.get(..LENGTH) {
            Some(id) if is_id(id) => {
                out.push_str("(id)");
                rest = &rest[LENGTH..];
            }
            _ => {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_out_of_texts() {
        let id = "0f1e2d3c-4B5a-6978-8796-a5b4c3d2e1f0";
        assert_eq!(
            without_ids(&format!("usage of `{id}`, {id}@2026: ü")),
            "usage of `(id)`, (id)@2026: ü"
        );
        for kept in [
            "",
            "0f1e2d3c-4B5a-6978-8796",
            "2026-11-21T04:15:00Z",
            "äöü-äöü",
        ] {
            assert_eq!(without_ids(kept), kept);
        }
    }
}
