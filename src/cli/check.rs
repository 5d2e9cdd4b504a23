//! `tieout check`: every mistake in a pipeline at once, or else what a run of it would do.
//!
//! It opens no data file and asks no server; `tieout doctor` checks what lies outside the pipeline.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use super::wording::counted;
use crate::engine::rules::definitions;
use crate::engine::rules::rounding::DOCUMENTED;
use crate::engine::rules::tolerance::Tolerance;
use crate::model::cause::TieOut;
use crate::pipeline::plan::mistake::Mistake;
use crate::pipeline::plan::notices::{Notices, Notify};
use crate::pipeline::plan::pipeline_plan::{Fetching, TieOutPlan};
use crate::pipeline::plan::survey::{self, Survey};
use crate::sources::identity::account::{AppCredential, Proof};
use crate::sources::identity::origin::shown;

/// Check a pipeline file: list every mistake in it, or show what a run would do
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout check pipelines/sample.toml --set period=2026-10")]
pub(super) struct CheckArgs {
    /// Path of the pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Override a key of the file, as for `tieout run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints what the pipeline would do. Mistakes are the failure; with `--json` they are data on
/// stdout.
pub(super) fn run(
    args: &CheckArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    match survey::survey(&args.pipeline, &args.set) {
        Ok(survey) if globals.json => print_json(&survey_json(&survey), out)?,
        Ok(survey) => print(&survey, globals.verbose, out)?,
        // On stdout, so that a script gets all of them as data; the exit code is that of a failure.
        Err(mistakes) if globals.json => {
            let told = json!({
                "published": false,
                "exit_code": Exit::Usage as u8,
                "error": format!(
                    "{} in `{}`",
                    counted(mistakes.len() as u64, "mistake"),
                    args.pipeline.display()
                ),
                "hint": mistakes.iter().find_map(|mistake| mistake.hint.as_ref()),
                "mistakes": mistakes.iter().map(mistake_json).collect::<Vec<_>>(),
            });
            print_json(&told, out)?;
            return Ok(Exit::Usage);
        }
        Err(mistakes) => return Err(mistakes.into()),
    }
    Ok(Exit::Complete)
}

fn print_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(writeln!(out)?)
}

fn mistake_json(mistake: &Mistake) -> serde_json::Value {
    // Taken apart without `..`: a new field of a mistake does not compile until it is printed.
    let Mistake {
        place,
        key,
        found,
        wanted,
        hint,
    } = mistake;
    json!({ "place": place, "key": key, "found": found, "wanted": wanted, "hint": hint })
}

/// The survey as JSON; amounts are decimal text.
fn survey_json(survey: &Survey) -> serde_json::Value {
    let plan = &survey.plan;
    let sources: Vec<_> = survey
        .globs
        .iter()
        .map(|found| {
            json!({ "dataset": found.dataset, "path": found.pattern, "files": found.files })
        })
        .collect();
    let by_name =
        |tolerances: &BTreeMap<String, Tolerance>| -> BTreeMap<String, serde_json::Value> {
            tolerances
                .iter()
                .map(|(name, tolerance)| (name.clone(), tolerance_json(tolerance)))
                .collect()
        };
    let tie_outs: Vec<_> = plan
        .tie_outs
        .iter()
        .map(|tie_out| {
            let mut tolerance = tolerance_json(&tie_out.tolerances.all);
            tolerance["currency"] = json!(by_name(&tie_out.tolerances.by_currency));
            tolerance["customer"] = json!(by_name(&tie_out.tolerances.by_customer));
            json!({
                "name": tie_out.tie_out.name(),
                "enabled": tie_out.enabled,
                "tolerance": tolerance,
            })
        })
        .collect();
    let period = plan.period.map(|period| period.to_string());
    let fetched = plan
        .fetching
        .as_ref()
        .map(|fetching| json!({ "state": fetching.state, "names": fetching.names }));
    json!({
        "name": plan.name,
        "period": period,
        "out": plan.out,
        "sources": sources,
        "fetched": fetched,
        "tie_outs": tie_outs,
        "notices": {
            "textfile": plan.notices.textfile,
            "notify": plan.notices.notify.as_ref().map(Notify::words),
        },
    })
}

fn tolerance_json(tolerance: &Tolerance) -> serde_json::Value {
    // As text: most readers of JSON make a float of a number, and would lose digits.
    let text = |number: Option<Decimal>| number.map(|number| number.to_string());
    json!({
        "absolute": text(tolerance.absolute),
        "relative": text(tolerance.relative),
        "materiality": text(tolerance.materiality),
    })
}

/// Writes what a run would do; `verbose` adds the files that each glob finds.
fn print(survey: &Survey, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let plan = &survey.plan;
    let period = match plan.period {
        Some(period) => period.to_string(),
        None if plan.fetching.is_some() => "not set: to be given with `--period`".to_owned(),
        None => "not set: all invoices".to_owned(),
    };
    writeln!(
        out,
        "pipeline  {}\nperiod    {period}\nout       {}",
        plan.name,
        plan.out.display()
    )?;
    print_sources(survey, verbose, out)?;
    if let Some(fetching) = &plan.fetching {
        print_fetching(fetching, out)?;
    }
    print_tie_outs(&plan.tie_outs, out)?;
    print_notices(&plan.notices, out)
}

/// Writes who is told of the end of a run; nothing where nobody is.
fn print_notices(notices: &Notices, out: &mut dyn Write) -> io::Result<()> {
    let metrics = notices
        .textfile
        .iter()
        .map(|path| format!("metrics to {}", path.display()));
    let told: Vec<String> = metrics
        .chain(notices.notify.iter().flat_map(Notify::words))
        .collect();
    match told.as_slice() {
        [] => Ok(()),
        told => writeln!(out, "\nnotices\n  {}", told.join("\n  ")),
    }
}

fn print_sources(survey: &Survey, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nsources")?;
    // Characters and not bytes, for the padding of `{:<width$}` counts characters, too.
    let widths = survey
        .globs
        .iter()
        .map(|found| found.pattern.chars().count());
    let width = widths.fold(0, usize::max);
    for found in &survey.globs {
        let (dataset, files) = (found.dataset, counted(found.files.len() as u64, "file"));
        writeln!(out, "  {dataset:<14} {:<width$}  {files}", found.pattern)?;
        for file in found.files.iter().filter(|_| verbose) {
            writeln!(out, "    {}", file.display())?;
        }
    }
    let fetched = survey.plan.sources.iter();
    for source in fetched.filter(|source| source.is_fetched) {
        writeln!(
            out,
            "  {:<14} fetched from Partner Center",
            source.dataset.name()
        )?;
    }
    Ok(())
}

fn print_tie_outs(tie_outs: &[TieOutPlan], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ntie-outs")?;
    // A tie-out that is off gets no line, except the two that every run does unless told otherwise.
    let is_shown = |tie_out: &&TieOutPlan| {
        tie_out.enabled
            || matches!(
                tie_out.tie_out,
                TieOut::LinesToInvoice | TieOut::UsageToInvoice
            )
    };
    for tie_out in tie_outs.iter().filter(is_shown) {
        let state = if tie_out.enabled { "on" } else { "off" };
        writeln!(
            out,
            "  {:<20} {state:<4} tolerance: {}",
            tie_out.tie_out.name(),
            in_words(&tie_out.tolerances.all)
        )?;
        print_tuning(tie_out, out)?;
        for (currency, tolerance) in &tie_out.tolerances.by_currency {
            writeln!(out, "    currency {currency}: {}", in_words(tolerance))?;
        }
        for (customer, tolerance) in &tie_out.tolerances.by_customer {
            writeln!(out, "    customer {customer}: {}", in_words(tolerance))?;
        }
    }
    Ok(())
}

/// Writes what the pipeline adds to or takes from the tie-out: passes, rounding rules, causes.
fn print_tuning(tie_out: &TieOutPlan, out: &mut dyn Write) -> io::Result<()> {
    // Only passes that the pipeline adds: those of the definition are the same for every pipeline.
    let own = definitions::definition(tie_out.tie_out).passes;
    for pass in tie_out
        .passes
        .iter()
        .filter(|pass| own.iter().all(|(name, _)| **name != *pass.name))
    {
        writeln!(
            out,
            "    pass {}: {}",
            pass.name,
            pass.key_names().join(", ")
        )?;
    }
    // The rules of the pipeline itself come after the documented ones.
    for rule in tie_out.rules.all().iter().skip(DOCUMENTED.len()) {
        writeln!(out, "    rounding {}: {}", rule.name, rule.formula())?;
    }
    for cause in &tie_out.without_causes {
        writeln!(out, "    without cause {}", cause.name())?;
    }
    Ok(())
}

fn print_fetching(fetching: &Fetching, out: &mut dyn Write) -> io::Result<()> {
    let account = &fetching.account;
    writeln!(out, "\nfetched\n  state     {}", fetching.state.display())?;
    writeln!(
        out,
        "  from      {} ({})",
        shown(&account.addresses.partner_center),
        account.addresses.cloud.name
    )?;
    // The kind of the credential alone: this text ends up in logs, where no secret may be.
    let app = match &account.app {
        Some(AppCredential::Managed { .. }) => "managed identity",
        Some(AppCredential::Application {
            proof: Proof::Secret(_),
            ..
        }) => "client secret",
        Some(AppCredential::Application {
            proof: Proof::Certificate(_),
            ..
        }) => "certificate",
        Some(AppCredential::Application {
            proof: Proof::TokenFile(_),
            ..
        }) => "workload identity",
        None => "none",
    };
    writeln!(
        out,
        "  App-only  {app}\n  App+User  {}",
        if account.user.is_some() {
            "refresh token"
        } else {
            "none"
        }
    )?;
    for name in &fetching.names {
        writeln!(out, "  {name}")?;
    }
    Ok(())
}

/// The configured tolerance in words. The tolerance derived from rounding applies in any case, so
/// without configuration it is the only one.
fn in_words(tolerance: &Tolerance) -> String {
    let parts = [
        ("absolute", tolerance.absolute),
        ("relative", tolerance.relative),
        ("materiality", tolerance.materiality),
    ];
    let set: Vec<String> = parts
        .iter()
        .filter_map(|(name, number)| number.map(|number| format!("{name} {number}")))
        .collect();
    if set.is_empty() {
        "rounding only".to_owned()
    } else {
        set.join(", ")
    }
}
