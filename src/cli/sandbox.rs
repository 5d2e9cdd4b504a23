//! `tieout sandbox`.

use std::io::Write;
use std::path::PathBuf;

use super::Globals;
use super::exit::Exit;
use super::failure::Failure;
use crate::sandbox::faults::{Fault, Faults};
use crate::sandbox::{self, SandboxError, Settings};

/// Serve a synthetic partner on this machine, as Partner Center, Graph and blob storage do
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout sandbox --data demo --port 8080 --faults passing --fault-seed 3"
)]
pub(super) struct Args {
    /// A folder written by `tieout synth --formats v1,v2`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Port on 127.0.0.1; 0 for any that is free
    #[arg(long, value_name = "P", default_value_t = 8080)]
    port: u16,
    /// What goes wrong: `all`, `passing` (what a fetch gets over), or names
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    faults: Vec<String>,
    /// Seed of the faults; the same seed is the same schedule
    #[arg(long, value_name = "S", default_value_t = 1)]
    fault_seed: u64,
    /// Faults in a thousand requests
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    fault_rate: u64,
    /// Seconds that a token is good
    #[arg(long, value_name = "S", default_value_t = 3600)]
    token_seconds: u64,
    /// Seconds that a blob's signature is good
    #[arg(long, value_name = "S", default_value_t = 3600)]
    sas_seconds: u64,
    /// Milliseconds before each answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
}

/// Serves until it is stopped.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
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
        told = writeln!(out, "http://{address}").and_then(|()| out.flush());
        if !globals.quiet {
            let hint = format!(
                "to fetch from it: tieout run pipelines/nightly.toml --set partner_center.sandbox=http://{address}\n"
            );
            // Where stderr is gone, nobody can be told.
            drop(std::io::stderr().lock().write_all(hint.as_bytes()));
        }
    });
    told?;
    served.map(|()| Exit::Complete).map_err(failure)
}

fn faults(names: &[String]) -> Result<Vec<Fault>, Failure> {
    let mut found = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => found.extend(Fault::ALL),
            "passing" => found.extend(Fault::ALL.iter().filter(|fault| !fault.is_terminal())),
            name => match Fault::named(name) {
                Some(fault) => found.push(fault),
                None => {
                    let nearest = crate::model::spelling::nearest(
                        name,
                        Fault::ALL.iter().map(|fault| fault.name()),
                    );
                    let all = || {
                        format!(
                            "the names are {}",
                            Fault::ALL
                                .iter()
                                .map(|fault| fault.name())
                                .collect::<Vec<_>>()
                                .join(", ")
                        )
                    };
                    let hint = nearest.map_or_else(all, |name| format!("did you mean `{name}`?"));
                    return Err(Failure::usage(
                        format!("`--faults`: found `{name}`, wanted the name of a fault"),
                        Some(hint),
                    ));
                }
            },
        }
    }
    Ok(found)
}

fn failure(error: SandboxError) -> Failure {
    let (exit, hint) = match &error {
        SandboxError::NoData { .. } => (
            Exit::Usage,
            Some("make one with `tieout synth --rows 50000 --seed 7 --out DIR --formats v1,v2`"),
        ),
        SandboxError::Unreadable { .. } => (Exit::Storage, None),
        SandboxError::Listen { .. } => (
            Exit::Usage,
            Some("another program may have the port; `--port 0` takes any that is free"),
        ),
    };
    Failure::Error {
        exit,
        error: error.into(),
        hint: hint.map(str::to_owned),
    }
}
