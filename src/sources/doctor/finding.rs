//! A finding: what was checked, how it is, and what to do about it.

use serde::Serialize;

use crate::sources::auth::TokenKind;

/// Gravity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// All is as it should be.
    Good,
    /// A run works today; somebody should look at it all the same.
    Warning,
    /// A run would fail, or lack what it is for.
    Bad,
}

/// Loss of a pipeline that goes without a permission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Names of the tie-outs that are done and would lack data.
    pub tie_outs: Vec<&'static str>,
    /// Names of the endpoints, as in the pipeline file.
    pub datasets: Vec<&'static str>,
}

impl Loss {
    /// True if nothing of the pipeline is lost.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.tie_outs.is_empty() && self.datasets.is_empty()
    }
}

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of what was checked.
    pub what: String,
    /// Gravity of what was found.
    pub gravity: Gravity,
    /// The state of it, in words.
    pub found: String,
    /// What the pipeline loses by it; `None` where nothing is lost, or it is not about a permission.
    pub costs: Option<Loss>,
    /// Advice for the operator.
    pub hint: Option<String>,
    /// Token that is not to be had, or that lacks a permission.
    #[serde(skip)]
    pub lacks: Option<TokenKind>,
    /// True if the service did not answer: nothing is known of what was to be checked.
    #[serde(skip)]
    pub is_remote: bool,
}

impl Finding {
    /// A finding that all is well.
    #[must_use]
    pub fn good(what: &str, found: &str) -> Self {
        Self::of(Gravity::Good, what, found.to_owned(), None)
    }

    /// A finding that a run survives today.
    #[must_use]
    pub fn warning(what: &str, found: String, hint: &str) -> Self {
        Self::of(Gravity::Warning, what, found, Some(hint.to_owned()))
    }

    /// A finding that something is wrong.
    #[must_use]
    pub fn bad(what: &str, found: String, hint: Option<String>) -> Self {
        Self::of(Gravity::Bad, what, found, hint)
    }

    /// This finding, as one about a token that is not to be had, or lacks a permission.
    #[must_use]
    pub fn lacking(mut self, kind: TokenKind) -> Self {
        self.lacks = Some(kind);
        self
    }

    fn of(gravity: Gravity, what: &str, found: String, hint: Option<String>) -> Self {
        Self {
            what: what.to_owned(),
            gravity,
            found,
            costs: None,
            hint,
            lacks: None,
            is_remote: false,
        }
    }
}
