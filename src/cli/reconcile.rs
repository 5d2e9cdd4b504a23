//! `tieout reconcile`: a run without a pipeline file.

use std::io::Write;
use std::path::PathBuf;

use rust_decimal::Decimal;

use super::exit::Exit;
use super::failure::Failure;
use super::{Globals, arguments};
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;
use crate::pipeline::plan::pipeline_plan::{Plan, Source, TieOutPlan};
use crate::pipeline::plan::survey;

/// Reconcile files without a pipeline file: files in, reports out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tieout reconcile --usage 'usage/*.csv' --invoice-lines recon.csv --out out"
)]
pub(super) struct Args {
    /// Daily rated usage: paths or globs
    #[arg(long, value_name = "GLOB", num_args = 1.., required = true)]
    usage: Vec<String>,
    /// Reconciliation lines: paths or globs
    #[arg(long, value_name = "GLOB", num_args = 1.., required = true)]
    invoice_lines: Vec<String>,
    /// Invoice headers: paths or globs; lines are tied to invoices only with them
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    invoices: Vec<String>,
    /// Folder of the runs
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Billing period
    #[arg(long, value_name = "YYYY-MM", value_parser = arguments::period)]
    period: Option<Period>,
    #[command(flatten)]
    outcome: arguments::Outcome,
    /// Largest variance that is no break, in the billing currency
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    tolerance_absolute: Option<Decimal>,
    /// Largest variance that is no break, as a fraction of the expected amount
    #[arg(long, value_name = "FRACTION", value_parser = arguments::fraction)]
    tolerance_relative: Option<Decimal>,
    /// Variances below this amount are no breaks, whatever made them
    #[arg(long, value_name = "AMOUNT", value_parser = arguments::amount)]
    materiality: Option<Decimal>,
}

/// Makes a plan of the flags, and runs it.
pub(super) fn run(args: &Args, globals: &Globals, out: &mut dyn Write) -> Result<Exit, Failure> {
    super::run::execute(&plan(args), globals, &args.outcome, out)
}

fn plan(args: &Args) -> Plan {
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
            TieOut::UsageToInvoice => true,
            TieOut::LinesToInvoice => !args.invoices.is_empty(),
            _ => false,
        };
        TieOutPlan {
            tolerances: tolerances.clone(),
            ..TieOutPlan::usual(tie_out, enabled)
        }
    };
    let source = |dataset: Dataset| {
        let paths = match dataset {
            Dataset::Usage => &args.usage,
            Dataset::InvoiceLines => &args.invoice_lines,
            Dataset::Invoices => &args.invoices,
            Dataset::UnbilledUsage => &Vec::new(),
        };
        Source {
            dataset,
            paths: paths
                .iter()
                .map(|path| survey::from_argument(path))
                .collect(),
            is_fetched: false,
        }
    };
    Plan {
        name: "reconcile".to_owned(),
        period: args.period,
        out: args.out.clone(),
        sources: Dataset::ALL
            .map(source)
            .into_iter()
            .filter(|source| !source.paths.is_empty())
            .collect(),
        records: Vec::new(),
        fetching: None,
        tie_outs: TieOut::ALL.map(tie_out).to_vec(),
    }
}
