//! `tieout reconcile`: a run over files that the flags name, without a pipeline file.
//!
//! It only builds the plan; everything after that is `tieout run`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use rust_decimal::Decimal;

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::Failure;
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::model::settling::SettlingDays;
use crate::pipeline::options::FetchOptions;
use crate::pipeline::plan::globs;
use crate::pipeline::plan::notices::Notices;
use crate::pipeline::plan::output::Output;
use crate::pipeline::plan::pipeline_plan::{Plan, Source, TieOutPlan};
use crate::reports::csv_form::CsvForm;

/// Reconcile files named on the command line, without a pipeline file
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout reconcile --usage 'usage/*.csv' \
                  --invoice-lines recon.csv --out out")]
pub(super) struct ReconcileArgs {
    /// Daily rated usage: paths or globs
    #[arg(long, value_name = "GLOB", num_args = 1.., required = true)]
    usage: Vec<OsString>,
    /// Invoice reconciliation lines: paths or globs
    #[arg(long, value_name = "GLOB", num_args = 1.., required = true)]
    invoice_lines: Vec<OsString>,
    /// Invoice headers: paths or globs; without them, lines are not tied to invoice totals
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    invoices: Vec<OsString>,
    /// Folder in which the run is published
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Billing period; invoices of other months are left out [default: all invoices]
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period)]
    period: Option<Period>,
    /// Largest variance that does not count as a break, in the billing currency
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    tolerance_absolute: Option<Decimal>,
    /// Largest variance that does not count as a break, as a fraction of the expected amount
    #[arg(long, value_name = "FRACTION", value_parser = arguments::fraction)]
    tolerance_relative: Option<Decimal>,
    /// Variances below this amount never count as breaks, whatever their cause
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    materiality: Option<Decimal>,
    #[command(flatten)]
    flags: arguments::RunFlags,
}

/// Turns the flags into a plan, and runs it.
pub(super) fn run(
    args: &ReconcileArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let asked = FetchOptions {
        today: arguments::today()?,
        ..FetchOptions::default()
    };
    let options = globals.options(&args.flags, asked);
    let mut plan = plan(args)?;
    plan.csv = args.flags.csv.over(plan.csv)?;
    super::run::execute(&plan, globals, &args.flags, options, out)
}

/// The plan of the tie-outs over invoices; all their tolerances are those of the flags.
fn plan(args: &ReconcileArgs) -> Result<Plan, Failure> {
    let all = Tolerance {
        absolute: args.tolerance_absolute,
        relative: args.tolerance_relative,
        materiality: args.materiality,
    };
    let tolerances = Tolerances {
        all,
        ..Tolerances::default()
    };
    let tie_out = |tie_out: TieOut| {
        let enabled = match tie_out {
            TieOut::UsageToInvoice | TieOut::LineArithmetic => true,
            TieOut::LinesToInvoice => !args.invoices.is_empty(),
            // The others compare data that these flags cannot name.
            _ => false,
        };
        TieOutPlan {
            tolerances: tolerances.clone(),
            ..TieOutPlan::usual(tie_out, enabled)
        }
    };
    let mut sources = Vec::new();
    for dataset in Dataset::ALL {
        let paths = match dataset {
            Dataset::Usage => &args.usage,
            Dataset::InvoiceLines => &args.invoice_lines,
            Dataset::Invoices => &args.invoices,
            // No flag names unbilled usage: the tie-out that needs it is part of pipelines only.
            Dataset::UnbilledUsage => continue,
        };
        let patterns = paths.iter().map(|path| globs::from_argument(path));
        let paths = patterns
            .collect::<Result<Vec<String>, _>>()
            .map_err(|fault| globs::no_input(dataset.name(), fault))?;
        // Left out: a source that is in the plan must have a file.
        if !paths.is_empty() {
            sources.push(Source {
                dataset,
                paths,
                is_fetched: false,
            });
        }
    }
    Ok(Plan {
        name: "reconcile".to_owned(),
        period: args.period,
        out: args.out.clone(),
        sources,
        records: Vec::new(),
        acceptances: Vec::new(),
        settling: SettlingDays::default(),
        output: Output::default(),
        fetching: None,
        csv: CsvForm::Plain,
        notices: Notices::default(),
        tie_outs: TieOut::ALL.map(tie_out).to_vec(),
    })
}
