//! Calls into the parts that are not built yet.

use super::exit::Exit;
use super::explain;
use super::failure::Failure;

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not wired")]
struct NotWired(&'static str);

impl From<NotWired> for Failure {
    fn from(error: NotWired) -> Self {
        Self::Error { exit: Exit::Unexpected, error: error.into(), hint: None }
    }
}

pub(super) fn explain(_: &explain::Request) -> Result<String, Failure> {
    Err(NotWired("pipeline::explain").into())
}
