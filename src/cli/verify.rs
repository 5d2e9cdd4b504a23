//! `tieout verify`: proves that runs, their inputs, closing packs and the ledger are as they were written.

use std::io::{self, Write};

use serde::Serialize;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags::{self, LedgerFlags};
use super::stderr;
use super::wording::counted;
use crate::pipeline::closing::verify::{Meant, Verified, VerifyRequest, verify};
use crate::pipeline::options::Options;
use crate::pipeline::plan::parse;
use crate::pipeline::threads;
use crate::progress::reporting::Progress;

/// Prove that runs, their inputs, closing packs and the ledger are as they were written
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout verify 2026-10 --recompute --pipeline pipelines/nightly.toml"
)]
pub(super) struct VerifyArgs {
    /// Period, id of a run, or its number [default: the newest run of each period and every closed
    /// one]
    #[arg(value_name = "PERIOD|RUN", conflicts_with = "all")]
    what: Option<String>,
    /// Look at every run
    #[arg(long)]
    all: bool,
    /// Reconcile again from exactly the inputs of each run, and compare its tables byte by byte
    #[arg(long, requires = "pipeline")]
    recompute: bool,
    /// Override a key of the pipeline file, as for `tieout run`
    #[arg(long, value_name = "KEY=VALUE", requires = "pipeline")]
    set: Vec<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Prints each fault, and what was proved.
pub(super) fn run(
    args: &VerifyArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let plan = match &args.ledger.pipeline {
        Some(file) => Some(parse::read(file, &args.set)?),
        None => None,
    };
    let out_folder = match &plan {
        Some(plan) => plan.out.clone(),
        None => args.ledger.out()?,
    };
    let request = VerifyRequest {
        out: out_folder,
        meant: meant(args),
        pipeline: args.ledger.pipeline_name.clone(),
        plan,
        is_recomputed: args.recompute,
    };
    let options = Options {
        threads: globals.threads(),
        ..Options::default()
    };
    let found = threads::with_threads(&options, || verify(&request, &Progress::default()))?;
    exit_of_printed(exit_of(&found), print(&found, globals, out))
}

fn meant(args: &VerifyArgs) -> Meant {
    match &args.what {
        _ if args.all => Meant::All,
        None => Meant::Usual,
        // `last` is a month, and no run has such a name.
        Some(what) => match ledger_flags::period(what) {
            Ok(period) => Meant::Period(period),
            Err(_) => Meant::Named(what.clone()),
        },
    }
}

/// Proof for `--json`: one with faults says so as a failure does.
#[derive(Serialize)]
struct ToldProof<'v> {
    published: bool,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(flatten)]
    found: &'v Verified,
}

impl<'v> ToldProof<'v> {
    fn of(found: &'v Verified) -> Self {
        let is_proven = found.faults.is_empty();
        Self {
            published: false,
            exit_code: exit_of(found) as u8,
            error: (!is_proven).then(|| proof(found)),
            hint: (!is_proven).then_some("`faults` names what is not as it was written"),
            found,
        }
    }
}

/// The exit of what was found.
fn exit_of(found: &Verified) -> Exit {
    match found.faults.is_empty() {
        true => Exit::Complete,
        false => Exit::Integrity,
    }
}

fn print(found: &Verified, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    if !globals.quiet {
        let mut notes = stderr::lines();
        for note in &found.notes {
            writeln!(notes, "note: {note}")?;
        }
    }
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &ToldProof::of(found))?;
        writeln!(out)?;
        return Ok(());
    }
    // Who is quiet reads no stdout, and a fault is an error.
    match globals.quiet {
        true => write_faults(found, &mut stderr::lines())?,
        false => write_faults(found, out)?,
    }
    writeln!(out, "{}", proof(found))?;
    Ok(())
}

fn write_faults(found: &Verified, out: &mut dyn Write) -> io::Result<()> {
    for fault in &found.faults {
        writeln!(
            out,
            "FAULT `{}`: found {}, wanted {}",
            fault.place, fault.found, fault.wanted
        )?;
    }
    Ok(())
}

/// The last line: what was proved, or that it was not.
fn proof(found: &Verified) -> String {
    let mut looked_at = vec![
        counted(found.runs.len() as u64, "run"),
        counted(found.outputs as u64, "published file"),
        format!(
            "{} of {} bytes",
            counted(found.inputs as u64, "input"),
            found.input_bytes
        ),
        counted(found.packs.len() as u64, "closing pack"),
        format!(
            "the {} of the ledger",
            counted(found.records as u64, "record")
        ),
    ];
    if found.recomputed > 0 {
        let files = counted(found.recomputed as u64, "file");
        looked_at.push(format!("{files} made again with the same bytes"));
    }
    let looked_at = looked_at.join(", ");
    match found.faults.len() {
        0 => format!("Verified: nothing has moved in {looked_at}"),
        faults => format!(
            "Not verified: {} in {looked_at}",
            counted(faults as u64, "fault")
        ),
    }
}
