//! `tieout verify`: proves that runs, their inputs, closing packs and the ledger are as they were written.

use std::io::Write;

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
    let exit = if found.faults.is_empty() {
        Exit::Complete
    } else {
        Exit::Integrity
    };
    exit_of_printed(exit, print(&found, globals, out))
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

fn print(found: &Verified, globals: &Globals, out: &mut dyn Write) -> Result<(), Failure> {
    if !globals.quiet {
        let mut notes = stderr::lines();
        for note in &found.notes {
            writeln!(notes, "note: {note}")?;
        }
    }
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, found)?;
        writeln!(out)?;
        return Ok(());
    }
    for fault in &found.faults {
        writeln!(
            out,
            "FAULT `{}`: found {}, wanted {}",
            fault.place, fault.found, fault.wanted
        )?;
    }
    writeln!(out, "{}", proof(found))?;
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
