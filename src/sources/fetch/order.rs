//! Order of a fetch: what the pipeline file asks for.

use crate::model::period::Period;

/// Generation of the API to ask, where there is a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// The generation that serves the data, as `api_version` decides.
    #[default]
    Auto,
    /// Always v1, also where it is retired.
    V1,
    /// Always v2, also where it has no data.
    V2,
}

/// Endpoints and billing period of one fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names of endpoints and twins, as in a pipeline file.
    pub names: Vec<String>,
    /// Billing period that is fetched.
    pub period: Period,
    /// Today, UTC, as `2026-11-21`. Snapshots are fetched once a day.
    pub today: String,
    /// Generation of the API.
    pub api: Api,
    /// Currencies of unbilled data, in addition to those of the period's invoices.
    pub currencies: Vec<String>,
    /// True if complete units are fetched again, too.
    pub refresh: bool,
}

impl Order {
    /// True if an endpoint of that name is asked for.
    #[must_use]
    pub(super) fn lists(&self, name: &str) -> bool {
        self.names.iter().any(|listed| listed == name)
    }
}
