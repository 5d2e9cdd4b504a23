//! Arguments of `tieout sandbox --tenant ordinary`: which night it is, and what the tenant does.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::failure::Failure;
use crate::model::spelling;
use crate::sandbox::ordinary::{OrdinarySettings, QUIRKS, Quirks};

/// Arguments that only the ordinary tenant has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Ordinary tenant")]
pub(super) struct OrdinaryArgs {
    /// Day of the tenant; what is billed, ready and final follows from it
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2026-11-16")]
    today: NaiveDate,
    /// Seed of all ids and figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    tenant_seed: u64,
    /// Something that the tenant does, by name; `no-NAME` switches it off, `none` everything
    #[arg(long = "quirk", value_name = "NAME")]
    quirks: Vec<String>,
    /// Length of the tenant's second, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    second_ms: u64,
    /// Time that an export takes, in milliseconds; 25 of the tenant's minutes by default
    #[arg(long, value_name = "MS")]
    export_ms: Option<u64>,
    /// Calls for single customers in a minute of the tenant, before 429
    #[arg(long, value_name = "N", default_value_t = 300)]
    customer_calls: u64,
    /// Most items on a page; Microsoft's maxima by default, and 15 customers
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    /// Customers besides the 40, each with an Azure plan that is not used
    #[arg(long, value_name = "N", default_value_t = 0)]
    more_customers: usize,
    /// Directory id of the partner; any is accepted by default
    #[arg(long, value_name = "GUID")]
    partner: Option<String>,
    /// File for a record of all requests and answers, without secrets
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
}

/// Settings of the tenant. `port`, `token_seconds` and `sas_seconds` are those of both tenants.
pub(super) fn settings(
    args: &OrdinaryArgs,
    (port, token_seconds, sas_seconds): (u16, u64, u64),
) -> Result<OrdinarySettings, Failure> {
    let names = args.quirks.iter().map(String::as_str);
    Ok(OrdinarySettings {
        port,
        seed: args.tenant_seed,
        quirks: Quirks::named(names).map_err(unknown_quirk)?,
        second_ms: args.second_ms,
        export_ms: args.export_ms,
        customer_calls: args.customer_calls,
        page_size: args.page_size.map(|size| size.max(1)),
        more_customers: args.more_customers,
        token_seconds,
        sas_seconds,
        partner: args.partner.clone(),
        requests: args.requests.clone(),
        ..OrdinarySettings::on(args.today)
    })
}

fn unknown_quirk(name: &str) -> Failure {
    let known = || QUIRKS.iter().map(|(name, _, _)| *name);
    let all = || format!("the names are {}", known().collect::<Vec<_>>().join(", "));
    let nearest = spelling::nearest(name, known());
    let hint = nearest.map_or_else(all, |name| format!("did you mean `{name}`?"));
    Failure::usage(
        format!("`--quirk`: found `{name}`, wanted the name of a quirk"),
        Some(hint),
    )
}
