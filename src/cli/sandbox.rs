//! `tieout sandbox`: a local stand-in for Microsoft's services, to rehearse a fetch against.

use std::io::Write;
use std::path::PathBuf;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use crate::model::spelling;
use crate::sandbox::faults::{Fault, Faults};
use crate::sandbox::{self, SandboxError, Settings};

/// Serve a synthetic partner on this machine, with the APIs of Partner Center, Graph and blob
/// storage
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout sandbox --data demo --port 8080 \
                  --faults passing --fault-seed 3")]
pub(super) struct SandboxArgs {
    /// A folder written by `tieout synth --formats v1,v2`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
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
}

/// Serves until the process is stopped. Stdout gets the address as soon as the server listens, so
/// that a script can wait for it.
pub(super) fn run(
    args: &SandboxArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let settings = Settings {
        data: args.data.clone(),
        port: args.port,
        faults: Faults::new(faults(&args.faults)?, args.fault_seed, args.fault_rate),
        token_seconds: args.token_seconds,
        sas_seconds: args.sas_seconds,
        polls: 3,
        secret: None,
        foreign: None,
        latency_ms: args.latency_ms,
    };
    let mut told = Ok(());
    let served = sandbox::serve(settings, |address| {
        // Flushed at once: a script waits for this line, and a server does not end by itself.
        told = writeln!(out, "http://{address}").and_then(|()| out.flush());
        if !globals.quiet {
            let hint = format!(
                "To fetch from it: tieout run pipelines/nightly.toml \
                 --set partner_center.sandbox=http://{address}\n"
            );
            // The hint is a courtesy: the server goes on where stderr is closed.
            drop(std::io::stderr().lock().write_all(hint.as_bytes()));
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
        SandboxError::Unreadable { .. } => (Exit::Storage, None),
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
