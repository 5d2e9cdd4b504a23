//! Order of a fetch: what the pipeline file asks for.

use std::collections::BTreeSet;

use crate::model::period::{Period, date_of};
use crate::sources::wire::message::Purpose;

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
    /// Names of the datasets that a tie-out which is wanted compares. All others inform: whatever
    /// becomes of them, the close goes on.
    pub needed: BTreeSet<String>,
    /// Customers of whom nothing is asked.
    pub exclusions: Vec<Exclusion>,
    /// Billing period that is fetched.
    pub period: Period,
    /// Today, UTC, as `2026-11-21`. Snapshots are fetched once a day.
    pub today: String,
    /// Generation of the API.
    pub api: Api,
    /// Price sheets that are asked for.
    pub price_sheets: Vec<PriceSheet>,
    /// Version of Graph that is asked for aggregated usage: `beta` or `v1.0`.
    pub aggregated: &'static str,
    /// Currencies of unbilled data, in addition to those of the period's invoices.
    pub currencies: Vec<String>,
    /// True if complete units are fetched again, too.
    pub refresh: bool,
}

/// A price sheet of a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSheet {
    /// Country of the market, ISO 3166 with two letters.
    pub market: String,
    /// Kind of the prices in Microsoft's words, such as `azure_consumption`.
    pub view: String,
}

/// A customer of whom nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Id of the customer, in any case.
    pub customer: String,
    /// Reason in the words of whoever excludes it.
    pub reason: String,
}

/// Day of the next month up to which Microsoft restates a billing period as a rule
/// ([semantics §9](crate::model::domain::semantics)).
pub const PROVISIONAL_DAYS: i32 = 15;

impl Order {
    /// True if an endpoint of that name is asked for.
    #[must_use]
    pub(super) fn lists(&self, name: &str) -> bool {
        self.names.iter().any(|listed| listed == name)
    }

    /// Purpose of what is asked of a dataset.
    #[must_use]
    pub(super) fn purpose(&self, dataset: &str) -> Purpose {
        if self.needed.contains(dataset) {
            Purpose::Needed
        } else {
            Purpose::Informational
        }
    }

    /// Last day on which the period is provisional, as `2026-11-15`.
    #[must_use]
    pub fn provisional_until(&self) -> String {
        let (_, next) = self.period.days();
        let day = date_of(next + PROVISIONAL_DAYS - 1);
        day.expect("a day of a period is a date").to_string()
    }

    /// True as long as data of the period may come late, or come again.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        // Both are written with all their digits, so that texts compare as days do.
        self.today <= self.provisional_until()
    }
}
