//! `tieout check`: every mistake in a pipeline at once, or what it would do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;

use super::Globals;
use super::exit::Exit;
use super::failure::Failure;
use crate::engine::rules::definitions;
use crate::engine::rules::rounding::DOCUMENTED;
use crate::engine::rules::tolerance::Tolerance;
use crate::model::cause::TieOut;
use crate::pipeline::plan::mistake::Mistake;
use crate::pipeline::plan::pipeline_plan::{Fetching, TieOutPlan};
use crate::pipeline::plan::survey::{self, Survey};
use crate::sources::identity::account::{AppCredential, Proof};
use crate::sources::identity::origin::shown;

/// Check a pipeline: print every mistake in it, or what it would do
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout check pipelines/sample.toml --set period=2026-10")]
pub(super) struct Args {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Override a key of the file, as `run` does
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints what the pipeline would do; its mistakes are the failure, or data with `--json`.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    match survey::survey(&args.pipeline, &args.set) {
        Ok(survey) if globals.json => print_json(&survey_json(&survey), out)?,
        Ok(survey) => print(&survey, globals.verbose, out)?,
        Err(mistakes) if globals.json => {
            print_json(
                &json!({ "mistakes": mistakes.iter().map(mistake_json).collect::<Vec<_>>() }),
                out,
            )?;
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
    let Mistake {
        place,
        key,
        found,
        wanted,
        hint,
    } = mistake;
    json!({ "place": place, "key": key, "found": found, "wanted": wanted, "hint": hint })
}

fn survey_json(survey: &Survey) -> serde_json::Value {
    let plan = &survey.plan;
    let sources: Vec<_> =
        survey.globs.iter().map(|found| json!({ "dataset": found.dataset, "path": found.pattern, "files": found.files })).collect();
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
            json!({ "name": tie_out.tie_out.name(), "enabled": tie_out.enabled, "tolerance": tolerance })
        })
        .collect();
    let period = plan.period.map(|period| period.to_string());
    let fetched = plan
        .fetching
        .as_ref()
        .map(|fetching| json!({ "state": fetching.state, "names": fetching.names }));
    json!({ "name": plan.name, "period": period, "out": plan.out, "sources": sources, "fetched": fetched, "tie_outs": tie_outs })
}

fn tolerance_json(tolerance: &Tolerance) -> serde_json::Value {
    let text = |number: Option<Decimal>| number.map(|number| number.to_string());
    json!({
        "absolute": text(tolerance.absolute),
        "relative": text(tolerance.relative),
        "materiality": text(tolerance.materiality),
    })
}

fn print(survey: &Survey, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let plan = &survey.plan;
    let period = plan.period.map_or_else(
        || "that of the invoice".to_owned(),
        |period| period.to_string(),
    );
    writeln!(
        out,
        "pipeline  {}\nperiod    {period}\nout       {}\n\nsources",
        plan.name,
        plan.out.display()
    )?;
    let width = survey
        .globs
        .iter()
        .map(|found| found.pattern.chars().count())
        .max()
        .unwrap_or(0);
    for found in &survey.globs {
        let (dataset, count) = (found.dataset, found.files.len());
        let noun = if count == 1 { "file" } else { "files" };
        writeln!(
            out,
            "  {dataset:<14} {:<width$}  {count} {noun}",
            found.pattern
        )?;
        for file in found.files.iter().filter(|_| verbose) {
            writeln!(out, "    {}", file.display())?;
        }
    }
    for source in plan.sources.iter().filter(|source| source.is_fetched) {
        writeln!(
            out,
            "  {:<14} fetched from Partner Center",
            source.dataset.name()
        )?;
    }
    if let Some(fetching) = &plan.fetching {
        print_fetching(fetching, out)?;
    }
    writeln!(out, "\ntie-outs")?;
    // Those that nobody asked for are not worth a line, but for the two that every invoice has.
    let is_told = |tie_out: &&TieOutPlan| {
        tie_out.enabled
            || matches!(
                tie_out.tie_out,
                TieOut::LinesToInvoice | TieOut::UsageToInvoice
            )
    };
    for tie_out in plan.tie_outs.iter().filter(is_told) {
        let state = if tie_out.enabled { "on" } else { "off" };
        writeln!(
            out,
            "  {:<20} {state:<4} tolerance: {}",
            tie_out.tie_out.name(),
            in_words(&tie_out.tolerances.all)
        )?;
        write_tuning(tie_out, out)?;
        for (currency, tolerance) in &tie_out.tolerances.by_currency {
            writeln!(out, "    currency {currency}: {}", in_words(tolerance))?;
        }
        for (customer, tolerance) in &tie_out.tolerances.by_customer {
            writeln!(out, "    customer {customer}: {}", in_words(tolerance))?;
        }
    }
    Ok(())
}

/// What differs from the tie-out as it is: passes, rounding rules, causes.
fn write_tuning(tie_out: &TieOutPlan, out: &mut dyn Write) -> io::Result<()> {
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

/// The configured tolerance; what rounding alone can make is allowed for in any case.
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
