//! `tieout sandbox`: a local stand-in for Microsoft's services, to rehearse a fetch against.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::ordinary_tenant::{OrdinaryArgs, settings};
use super::stderr;
use crate::model::spelling;
use crate::sandbox::faults::{Fault, Faults};
use crate::sandbox::{self, SandboxError, Settings, ordinary};

/// Serve a synthetic partner on this machine, with the APIs of Partner Center, Graph and blob
/// storage
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout sandbox --data demo --port 8080 \
                  --faults passing --fault-seed 3")]
pub(super) struct SandboxArgs {
    /// Tenant to serve: the rehearsal's, from a folder of `synth`, or an ordinary partner's, made
    /// from a seed
    #[arg(long, value_enum, default_value_t = TenantKind::Rehearsal)]
    tenant: TenantKind,
    /// A folder written by `tieout synth --formats v1,v2`, for the rehearsal
    #[arg(long, value_name = "DIR", required_unless_present = "tenant")]
    data: Option<PathBuf>,
    /// Day of the service (UTC), for a folder of `synth --months`: what it serves of all months then
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<NaiveDate>,
    /// Port on 127.0.0.1; 0 for any free port
    #[arg(long, value_name = "P", default_value_t = 8080)]
    port: u16,
    /// Faults to inject: `all`, `passing` (those that a fetch survives), or names of faults
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    faults: Vec<String>,
    /// Seed of the faults; the same seed gives the same schedule
    #[arg(long, value_name = "S", default_value_t = 1)]
    fault_seed: u64,
    /// Faults per 1,000 requests
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..=1000)
    )]
    fault_rate: u64,
    /// Lifetime of a token, in seconds
    #[arg(long, value_name = "S", default_value_t = 3600)]
    token_seconds: u64,
    /// Lifetime of a blob's signature (SAS), in seconds
    #[arg(long, value_name = "S", default_value_t = 3600)]
    sas_seconds: u64,
    /// Delay before each response, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    #[command(flatten)]
    ordinary: OrdinaryArgs,
}

/// Tenant that the sandbox serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TenantKind {
    /// A folder of `synth`, with faults by schedule
    Rehearsal,
    /// An ordinary partner's tenant, night by night
    Ordinary,
}

/// Serves until the process is stopped. Stdout gets the address as soon as the server listens, so
/// that a script can wait for it.
pub(super) fn run(
    args: &SandboxArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    if args.tenant == TenantKind::Ordinary {
        let settings = settings(
            &args.ordinary,
            (args.port, args.token_seconds, args.sas_seconds),
        )?;
        if !globals.quiet {
            tell_planted(&settings);
        }
        return serve(globals, out, |ready| ordinary::serve(settings, ready));
    }
    let Some(data) = args.data.clone() else {
        return Err(Failure::usage(
            "`--data` is missing: the rehearsal serves a folder".to_owned(),
            Some("write one with `tieout synth`, or take `--tenant ordinary`".to_owned()),
        ));
    };
    let settings = Settings {
        data,
        as_of: args.as_of,
        port: args.port,
        faults: Faults::new(faults(&args.faults)?, args.fault_seed, args.fault_rate),
        token_seconds: args.token_seconds,
        sas_seconds: args.sas_seconds,
        polls: 3,
        secret: None,
        foreign: None,
        latency_ms: args.latency_ms,
    };
    serve(globals, out, |ready| sandbox::serve(settings, ready))
}

/// Tells the variance that a reconciliation must find.
fn tell_planted(settings: &ordinary::OrdinarySettings) {
    if let Some(planted) = ordinary::planted_variance(settings) {
        let told = format!(
            "Planted: invoice {}, customer {}, subscription {}, {}: the line lacks usage of {} {}\n",
            planted.invoice,
            planted.customer,
            planted.subscription,
            planted.product,
            planted.missing,
            planted.currency
        );
        // The hint is a courtesy, as the one on how to fetch.
        drop(stderr::lines().write_all(told.as_bytes()));
    }
}

/// Serves with `start`, and tells the address as soon as there is one.
fn serve(
    globals: &Globals,
    out: &mut dyn Write,
    start: impl FnOnce(&mut dyn FnMut(SocketAddr)) -> Result<(), SandboxError>,
) -> Result<Exit, Failure> {
    let mut told = Ok(());
    let served = start(&mut |address| {
        // Flushed at once: a script waits for this line, and a server does not end by itself.
        told = writeln!(out, "http://{address}").and_then(|()| out.flush());
        if !globals.quiet {
            let hint = format!(
                "To fetch from it: tieout run pipelines/nightly.toml \
                 --set partner_center.sandbox=http://{address}\n"
            );
            // The hint is a courtesy: the server goes on where stderr is closed.
            drop(stderr::lines().write_all(hint.as_bytes()));
        }
    });
    told?;
    served.map(|()| Exit::Complete).map_err(failure)
}

/// The faults that `--faults` names.
fn faults(names: &[String]) -> Result<Vec<Fault>, Failure> {
    let mut found = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => found.extend(Fault::ALL),
            "passing" => found.extend(Fault::ALL.iter().filter(|fault| !fault.is_terminal())),
            name => found.push(Fault::named(name).ok_or_else(|| unknown_fault(name))?),
        }
    }
    Ok(found)
}

fn unknown_fault(name: &str) -> Failure {
    let known = || Fault::ALL.iter().map(|fault| fault.name());
    let all = || format!("the names are {}", known().collect::<Vec<_>>().join(", "));
    let nearest = spelling::nearest(name, known());
    let hint = nearest.map_or_else(all, |name| format!("did you mean `{name}`?"));
    Failure::usage(
        format!("`--faults`: found `{name}`, wanted the name of a fault"),
        Some(hint),
    )
}

fn failure(error: SandboxError) -> Failure {
    let (exit, hint) = match &error {
        SandboxError::NoData { .. } => (
            Exit::Usage,
            Some("write one with `tieout synth --rows 50000 --seed 7 --out DIR --formats v1,v2`"),
        ),
        SandboxError::Unreadable { .. } | SandboxError::Unwritable { .. } => (Exit::Storage, None),
        SandboxError::Listen { .. } => (
            Exit::Usage,
            Some("another program may be using the port; `--port 0` takes any free one"),
        ),
    };
    Failure::Error {
        exit,
        error: error.into(),
        hint: hint.map(str::to_owned),
    }
}
