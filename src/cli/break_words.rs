//! `tieout breaks assign`, `label`, `dispute`, `accept` and `reopen`: a person's word about breaks.

use std::io::{self, Write};

use rust_decimal::Decimal;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{cents, state_words};
use crate::pipeline::ledger_views::break_rows::BreakRow;
use crate::pipeline::ledger_views::words::{self, BreakSaying, BreakWord};

/// Flags that all words take.
#[derive(Debug, clap::Args)]
struct WordFlags {
    /// Ids of the breaks
    #[arg(value_name = "BREAK_ID", required = true)]
    break_ids: Vec<String>,
    /// Name of the person who says so [default: the login name]
    #[arg(long, value_name = "NAME", env = "TIEOUT_ACTOR", hide_env = true, value_parser = ledger_flags::said)]
    by: Option<String>,
    /// Billing period of the breaks, where several have them
    #[arg(long, value_name = "YYYY-MM", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Give breaks to a person
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks assign B0123456789abcdef --to anna")]
pub(super) struct AssignArgs {
    #[command(flatten)]
    flags: WordFlags,
    /// Name of the person; an empty one for nobody
    #[arg(long, value_name = "NAME", value_parser = ledger_flags::some_line)]
    to: String,
}

/// Give breaks a label
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks label B0123456789abcdef --label 'ask Microsoft'")]
pub(super) struct LabelArgs {
    #[command(flatten)]
    flags: WordFlags,
    /// Label; an empty one for none
    #[arg(long, value_name = "TEXT", value_parser = ledger_flags::some_line)]
    label: String,
}

/// Say that breaks are disputed with the provider
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout breaks dispute B0123456789abcdef --ticket 2611080040001234"
)]
pub(super) struct DisputeArgs {
    #[command(flatten)]
    flags: WordFlags,
    /// Ticket of the dispute
    #[arg(long, value_name = "TICKET", value_parser = ledger_flags::said)]
    ticket: String,
}

/// Put up with breaks, until a day and up to an amount
///
/// A break that grows past its cap, or is still there after the day, is open again by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks accept B0123456789abcdef \
                  --reason 'credit is on its way' --until 2026-12-31")]
pub(super) struct AcceptArgs {
    #[command(flatten)]
    flags: WordFlags,
    /// Reason, for whoever reads it later
    #[arg(long, value_name = "TEXT", value_parser = ledger_flags::said)]
    reason: String,
    /// Last day of the acceptance
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = arguments::day)]
    until: String,
    /// Largest amount, in either direction [default: the amount of each break now]
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    cap: Option<Decimal>,
}

/// Open accepted or disputed breaks again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout breaks reopen B0123456789abcdef --reason 'the credit was refused'"
)]
pub(super) struct ReopenArgs {
    #[command(flatten)]
    flags: WordFlags,
    /// Reason, for whoever reads it later
    #[arg(long, value_name = "TEXT", value_parser = ledger_flags::said)]
    reason: String,
}

/// Gives breaks to a person.
pub(super) fn assign(
    args: &AssignArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    say(
        &args.flags,
        BreakWord::Assign(args.to.clone()),
        "",
        globals,
        out,
    )
}

/// Gives breaks a label.
pub(super) fn label(
    args: &LabelArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    say(
        &args.flags,
        BreakWord::Label(args.label.clone()),
        "",
        globals,
        out,
    )
}

/// Says that breaks are disputed.
pub(super) fn dispute(
    args: &DisputeArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    say(
        &args.flags,
        BreakWord::Dispute(args.ticket.clone()),
        "",
        globals,
        out,
    )
}

/// Accepts breaks, as a person says.
pub(super) fn accept(
    args: &AcceptArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let word = BreakWord::Accept {
        until: args.until.clone(),
        cap: args.cap,
    };
    say(&args.flags, word, &args.reason, globals, out)
}

/// Opens accepted or disputed breaks again.
pub(super) fn reopen(
    args: &ReopenArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    say(&args.flags, BreakWord::Reopen, &args.reason, globals, out)
}

/// Writes a word down, and prints the breaks as they are then.
fn say(
    flags: &WordFlags,
    word: BreakWord,
    reason: &str,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let saying = BreakSaying {
        break_ids: flags.break_ids.clone(),
        pipeline: flags.ledger.pipeline_name.clone(),
        period: flags.period.clone(),
        word,
        by: actor(flags.by.as_deref())?,
        reason: reason.to_owned(),
        at: ledger_flags::time_text(ledger_flags::now()),
        today: arguments::today()?,
    };
    let changed = words::say(&flags.ledger.out()?, saying)?;
    let printed = match globals.json {
        true => serde_json::to_writer_pretty(&mut *out, &changed)
            .map_err(Failure::from)
            .and_then(|()| Ok(writeln!(out)?)),
        false => write(&changed, out).map_err(Failure::Output),
    };
    // What was said stands in the ledger, whoever reads what is printed.
    exit_of_printed(Exit::Complete, printed)
}

/// Name of the person: as it is given, or the login name.
pub(super) fn actor(by: Option<&str>) -> Result<String, Failure> {
    if let Some(by) = by {
        return Ok(by.to_owned());
    }
    let login = ["USER", "LOGNAME"].into_iter().find_map(|name| {
        let text = std::env::var(name).ok()?;
        ledger_flags::said(&text).ok()
    });
    login.ok_or_else(|| {
        Failure::usage(
            "`--by`: found no name and no login name, wanted the person who says so".to_owned(),
            Some("name yourself with `--by`, or in the environment as TIEOUT_ACTOR".to_owned()),
        )
    })
}

fn write(changed: &[BreakRow], out: &mut dyn Write) -> io::Result<()> {
    for row in changed {
        let label = match row.label.as_str() {
            "" => String::new(),
            label => format!(", label `{label}`"),
        };
        writeln!(
            out,
            "{} of {}, {} {}: {}{label}",
            row.break_id,
            row.stream.period,
            cents(row.amount_now),
            row.unit().words(),
            state_words(row)
        )?;
    }
    Ok(())
}
