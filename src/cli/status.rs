//! `tieout status`: how the last run of each pipeline and period ended, for people and monitors.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{cut, ledger_table, stream_words, write_table};
use super::wording::paragraph;
use crate::pipeline::ledger_views::stream_status::{
    self, LedgerStatus, StatusRequest, StreamStatus, age_words,
};

/// Show how the last run of each pipeline and period ended; exit with 11 if one is no good
///
/// A run is no good if it failed, did not end, is incomplete though nothing is awaited, or ended longer
/// ago than `--max-age`. What counts is the last run of each pipeline's newest period, and a later one
/// that failed before it came to a period.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout status --out out/nightly --max-age 26h")]
pub(super) struct StatusArgs {
    /// Age beyond which the last run is too old, such as `26h`, `90min` or `2d`
    #[arg(long, value_name = "AGE", value_parser = ledger_flags::age)]
    max_age: Option<i64>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Invoices of one stage that are named.
const SHOWN_INVOICES: usize = 5;

/// Prints the state of the streams; its exit code is for monitors.
pub(super) fn run(
    args: &StatusArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let request = StatusRequest {
        choice: args.ledger.choice(None),
        max_age: args.max_age,
    };
    let found = stream_status::status(&args.ledger.out()?, &request, ledger_flags::now())?;
    let exit = match found.is_good {
        true => Exit::Complete,
        false => Exit::Incomplete,
    };
    let printed = match globals.json {
        true => serde_json::to_writer_pretty(&mut *out, &found)
            .map_err(Failure::from)
            .and_then(|()| Ok(writeln!(out)?)),
        false => write(&found, out).map_err(Failure::Output),
    };
    exit_of_printed(exit, printed)
}

fn write(found: &LedgerStatus, out: &mut dyn Write) -> io::Result<()> {
    if found.streams.is_empty() {
        writeln!(out, "No runs.")?;
    } else {
        write_table(&table_of(&found.streams), out)?;
    }
    for stream in &found.streams {
        write_mixed(stream, out)?;
    }
    for run in &found.running {
        let stream = stream_words(&run.pipeline, &run.period);
        let age = age_words(run.age_seconds);
        let text = format!("{stream}: a run began {age} ago and has not ended");
        paragraph("note: ", &text, out)?;
    }
    let faults = found.streams.iter().flat_map(|stream| {
        let name = stream_words(&stream.pipeline, &stream.period);
        let reason = match stream.reason.as_str() {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        let faults = stream.faults.iter();
        faults.map(move |fault| format!("{name}, run {}: {fault}{reason}", stream.run_no))
    });
    let running = found.running.iter().flat_map(|run| {
        let name = stream_words(&run.pipeline, &run.period);
        let faults = run.faults.iter();
        faults.map(move |fault| format!("{name}: {fault}"))
    });
    for fault in faults.chain(running) {
        paragraph("FAIL  ", &fault, out)?;
    }
    Ok(())
}

/// Writes the stages of a stream's invoices where they are not all alike.
fn write_mixed(stream: &StreamStatus, out: &mut dyn Write) -> io::Result<()> {
    let mut by_stage: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for invoice in &stream.invoices {
        let of_stage = by_stage.entry(&invoice.finality).or_default();
        of_stage.push(&invoice.invoice_number);
    }
    if by_stage.len() < 2 {
        return Ok(());
    }
    let name = stream_words(&stream.pipeline, &stream.period);
    for (stage, numbers) in by_stage {
        let more = numbers.len().saturating_sub(SHOWN_INVOICES);
        let mut text = numbers[..numbers.len() - more].join(", ");
        if more > 0 {
            text += &format!(" and {more} more");
        }
        paragraph("note: ", &format!("{name}: {stage}: {text}"), out)?;
    }
    Ok(())
}

fn table_of(streams: &[StreamStatus]) -> comfy_table::Table {
    let mut table = ledger_table(
        &[
            "period",
            "pipeline",
            "run",
            "ended ago",
            "outcome",
            "open",
            "new",
            "accepted",
        ],
        &[2, 5, 6, 7],
        &[0, 3],
    );
    for stream in streams {
        let outcome = match stream.finality.as_str() {
            "" => stream.outcome.to_owned(),
            finality => format!("{}, {}", stream.outcome, finality.replace('_', " ")),
        };
        table.add_row([
            stream.period.clone(),
            cut(&stream.pipeline, 16),
            stream.run_no.to_string(),
            age_words(stream.age_seconds),
            outcome,
            stream.open_breaks.to_string(),
            stream.new_breaks.to_string(),
            stream.accepted_breaks.to_string(),
        ]);
    }
    table
}
