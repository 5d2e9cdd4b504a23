//! Settings of the ordinary tenant: which night it is, and how fast its time goes.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::quirks::Quirks;

/// Settings of the ordinary tenant.
#[derive(Clone, Debug)]
pub struct OrdinarySettings {
    /// Port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Day of the tenant: what is billed, ready and final follows from it.
    pub today: NaiveDate,
    /// Seed of all ids and figures.
    pub seed: u64,
    /// What the tenant does that no sample shows.
    pub quirks: Quirks,
    /// Life of the tenant's second in milliseconds; waits that it asks for shrink with it.
    pub second_ms: u64,
    /// Time that an export takes in milliseconds; `None` for 25 of the tenant's minutes.
    pub export_ms: Option<u64>,
    /// Calls for single customers in one of the tenant's minutes, before 429.
    pub customer_calls: u64,
    /// Most items on one page of customers, lines or utilization; `None` for Microsoft's maxima,
    /// and 15 customers, so that 40 of them are paged.
    pub page_size: Option<usize>,
    /// Further customers with an Azure plan that is not used, by which the tenant grows.
    pub more_customers: usize,
    /// Life of a token in seconds of the machine's clock.
    pub token_seconds: u64,
    /// Life of a blob's signature in seconds of the machine's clock.
    pub sas_seconds: u64,
    /// Directory id of the partner; `None` accepts any in the path of the token endpoint.
    pub partner: Option<String>,
    /// The only secret and refresh token that is accepted; `None` accepts any.
    pub secret: Option<String>,
    /// File that gets a line for each request and its answer.
    pub requests: Option<PathBuf>,
}

impl OrdinarySettings {
    /// The tenant's settings on a day, with everyday quirks, at the machine's own pace.
    #[must_use]
    pub fn on(today: NaiveDate) -> Self {
        Self {
            port: 0,
            today,
            seed: 1,
            quirks: Quirks::default(),
            second_ms: 1_000,
            export_ms: None,
            customer_calls: 300,
            page_size: None,
            more_customers: 0,
            token_seconds: 3_600,
            sas_seconds: 43_200,
            partner: None,
            secret: None,
            requests: None,
        }
    }
}
