//! Order of a fetch: what the pipeline file asks for.

use std::collections::BTreeSet;

use crate::model::period::{Day, Period, date_of};
use crate::model::settling::SettlingDays;
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
    /// Days on which the stage of the period changes.
    pub settling: SettlingDays,
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
        text_of(self.settling.final_day(self.period) - 1)
    }

    /// Words about data of the period that are awaited for longer than they should be; empty before.
    #[must_use]
    pub(super) fn lateness(&self) -> String {
        let late = text_of(self.settling.late_day(self.period));
        if self.today < late {
            return String::new();
        }
        format!("; it is late since {late}: ask Microsoft")
    }

    /// True as long as data of the period may come late, or come again.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.today <= self.provisional_until()
    }
}

/// A day with all its digits, so that texts compare as days do.
fn text_of(day: Day) -> String {
    date_of(day)
        .expect("a day of a period is a date")
        .to_string()
}
