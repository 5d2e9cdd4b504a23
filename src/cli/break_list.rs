//! `tieout breaks list` and `show`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use rust_decimal::Decimal;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use super::ledger_flags::{self, LedgerFlags};
use super::ledger_text::{
    cents, cut, dotted, exact, ledger_table, limit_width, state_words, stream_words, tie_out_words,
    write_table,
};
use super::wording::{counted, paragraph};
use crate::model::cause::Cause;
use crate::model::spelling;
use crate::pipeline::ledger_views::break_list::{
    self, BreakFilter, BreakHistory, BreakList, Event, State,
};
use crate::pipeline::ledger_views::break_rows::BreakRow;

/// List breaks, the largest of each currency first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks list --open --owner anna --over 100")]
pub(super) struct ListArgs {
    /// Breaks that the last complete run has for the first time, or again
    #[arg(long)]
    new: bool,
    /// Open breaks: assigned and disputed ones, too [default: all but resolved ones]
    #[arg(long)]
    open: bool,
    /// Only breaks that are accepted
    #[arg(long)]
    accepted: bool,
    /// Resolved breaks: the last complete run no longer has them
    #[arg(long)]
    resolved: bool,
    /// Breaks of this owner; an empty name for those of nobody
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Breaks of this cause, such as `price`
    #[arg(long, value_name = "CAUSE", value_parser = cause)]
    cause: Option<String>,
    /// Breaks of this customer: its id, or a part of its name
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// Breaks of more than this amount, in either direction
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    over: Option<Decimal>,
    /// Breaks of this billing period: a month, `current` or `last`
    #[arg(long, value_name = "YYYY-MM", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Show a break: its keys, its state, and all that happened to it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout breaks show B0123456789abcdef")]
pub(super) struct ShowArgs {
    /// Id of the break
    #[arg(value_name = "BREAK_ID")]
    break_id: String,
    /// Billing period of the break, where several have it
    #[arg(long, value_name = "YYYY-MM", value_parser = ledger_flags::period)]
    period: Option<String>,
    #[command(flatten)]
    ledger: LedgerFlags,
}

/// Columns of a terminal that the states of a list take at most; what a break is needs the others.
const STATE_WIDTH: u16 = 14;

/// Parses the name of a cause.
fn cause(text: &str) -> Result<String, String> {
    let known = || Cause::ALL.into_iter().map(Cause::name);
    if known().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> = known().collect();
    let wanted = format!("wanted one of {}", names.join(", "));
    Err(match spelling::nearest(text, known()) {
        Some(name) => format!("{wanted}\nhint: did you mean `{name}`?"),
        None => wanted,
    })
}

/// Prints the breaks that meet the conditions.
pub(super) fn list(
    args: &ListArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let mut states = Vec::new();
    let asked = [
        (
            args.open,
            State::ALL
                .into_iter()
                .filter(|state| state.is_open())
                .collect(),
        ),
        (args.accepted, vec![State::Accepted]),
        (args.resolved, vec![State::Resolved]),
    ];
    for (is_asked, of) in asked {
        if is_asked {
            states.extend(of);
        }
    }
    let filter = BreakFilter {
        choice: args.ledger.choice(args.period.as_deref()),
        is_new: args.new,
        states,
        owner: args.owner.clone(),
        cause: args.cause.clone(),
        customer: args.customer.clone(),
        over: args.over,
    };
    let found = break_list::list(&args.ledger.out()?, &filter)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        write_list(&found, out)?;
    }
    Ok(Exit::Complete)
}

fn write_list(found: &BreakList, out: &mut dyn Write) -> io::Result<()> {
    if found.sums.is_empty() {
        return writeln!(out, "No such breaks.");
    }
    for sum in &found.sums {
        writeln!(
            out,
            "{}: {}, net {}, gross {}",
            sum.unit.words(),
            counted(sum.breaks, "break"),
            cents(sum.net),
            cents(sum.gross)
        )?;
    }
    // What is the same for all breaks is not told of each.
    let periods: BTreeSet<&str> = found
        .breaks
        .iter()
        .map(|row| row.stream.period.as_str())
        .collect();
    let names: BTreeSet<&str> = found
        .breaks
        .iter()
        .map(|row| row.stream.pipeline.as_str())
        .collect();
    for breaks in found.breaks.chunk_by(|one, next| one.unit() == next.unit()) {
        let unit = breaks[0].unit().words();
        match found.sums.len() {
            1 => writeln!(out)?,
            _ => writeln!(out, "\n{unit}")?,
        }
        write_table(&table_of(breaks, periods.len() > 1, names.len() > 1), out)?;
    }
    Ok(())
}

fn table_of(breaks: &[BreakRow], with_period: bool, with_pipeline: bool) -> comfy_table::Table {
    let header = ["break", "days", "amount", "cause", "state", "what"];
    let mut table = ledger_table(&header, &[1, 2], &[0, 3]);
    limit_width(&mut table, 4, STATE_WIDTH);
    for row in breaks {
        let [customer, item] = row.subject();
        let what = dotted([
            if with_period { &row.stream.period } else { "" },
            if with_pipeline {
                &row.stream.pipeline
            } else {
                ""
            },
            tie_out_words(&row.tie_out),
            if row.informs { "informs" } else { "" },
            &row.label,
            customer,
            item,
        ]);
        table.add_row([
            row.break_id.clone(),
            row.age_days.to_string(),
            cents(row.amount_now),
            cut(&row.cause_now, 16),
            state_words(row),
            what,
        ]);
    }
    table
}

/// Prints a break with its history.
pub(super) fn show(
    args: &ShowArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let choice = args.ledger.choice(args.period.as_deref());
    let found = break_list::show(&args.ledger.out()?, &args.break_id, &choice)?;
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(Exit::Complete);
    }
    for (at, history) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_history(history, out)?;
    }
    Ok(Exit::Complete)
}

fn write_history(history: &BreakHistory, out: &mut dyn Write) -> io::Result<()> {
    let row = &history.row;
    let stream = stream_words(&row.stream.pipeline, &row.stream.period);
    writeln!(out, "Break {} of {stream}", row.break_id)?;
    let unit = row.unit().words();
    let named = |id: &str, name: &str| match (id, name) {
        (text, "") | ("", text) => text.to_owned(),
        (id, name) => format!("{name} ({id})"),
    };
    let keys = [
        ("tie-out", row.tie_out.clone()),
        ("invoice", row.invoice_number.clone()),
        ("customer", named(&row.customer_id, &row.customer_name)),
        ("subscription", row.subscription_id.clone()),
        ("product", named(&row.product_id, &row.product_name)),
        ("SKU", named(&row.sku_id, &row.sku_name)),
        ("meter", row.meter_description.clone()),
        (
            "amount",
            format!(
                "{} {unit}, first {}",
                exact(row.amount_now),
                exact(row.amount_first)
            ),
        ),
        ("cause", row.cause_now.clone()),
        ("state", state_in_full(row)),
        ("owner", row.owner.clone()),
        ("ticket", row.ticket.clone()),
        ("label", row.label.clone()),
        ("reason", row.reason.clone()),
        (
            "seen",
            format!(
                "{} to {}, {}",
                row.first_seen,
                row.last_seen,
                counted(u64::from(row.age_days.unsigned_abs()), "day")
            ),
        ),
    ];
    for (name, text) in keys {
        if !text.is_empty() {
            paragraph(&format!("  {name:<12} "), &text, out)?;
        }
    }
    writeln!(out, "History")?;
    for event in &history.events {
        let actor = match event.run_no.as_str() {
            "" => event.actor.clone(),
            run_no if event.actor == "run" => format!("run {run_no}"),
            run_no => format!("{} (run {run_no})", event.actor),
        };
        paragraph(
            &format!("  {}  {actor}: ", event.at),
            &change_words(event),
            out,
        )?;
    }
    Ok(())
}

/// State with the figures of an acceptance.
fn state_in_full(row: &BreakRow) -> String {
    let informs = if row.informs { ", informs only" } else { "" };
    match row.state {
        State::Accepted => format!(
            "accepted to {}, up to {}{informs}",
            row.accepted_until, row.accepted_cap
        ),
        State::Resolved => format!("resolved in run {}{informs}", row.closed_in),
        state => format!("{}{informs}", state.name()),
    }
}

/// Change of an event in words.
fn change_words(event: &Event) -> String {
    let (from, to, amount) = (&event.before, &event.after, &event.amount);
    let or_nothing = |text: &str| match text {
        "" => "nothing".to_owned(),
        text => format!("`{text}`"),
    };
    let mut words = match event.event.as_str() {
        "new" => format!("new, {amount}, {}", or_nothing(to)),
        "moved" => format!("moved by {amount}, from {from} to {to}"),
        "recaused" => format!("cause {} instead of {}", or_nothing(to), or_nothing(from)),
        "resolved" => format!("resolved, {amount}"),
        "reopened" => format!("reopened, {amount}"),
        "accepted" => format!("accepted to {to}, up to {amount}"),
        "assigned" => format!("assigned to {}", or_nothing(to)),
        "labelled" => format!("label {}", or_nothing(to)),
        "disputed" => format!("disputed, ticket {}", or_nothing(to)),
        other => other.to_owned(),
    };
    if !event.reason.is_empty() {
        words += &format!(" ({})", event.reason);
    }
    words
}
