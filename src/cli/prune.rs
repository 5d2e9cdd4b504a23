//! `tieout prune`: removes runs and landed files that nothing needs any more.

use std::io::Write;
use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::arguments::{self, Globals};
use super::exit::Exit;
use super::failure::{Failure, exit_of_printed};
use super::stderr;
use super::wording::counted;
use crate::pipeline::closing::retention::Retention;
use crate::pipeline::plan::parse;
use crate::pipeline::prune::{Fate, PruneOptions, PruneReport, PrunedKind, prune};

/// Headings of the fates, in their order.
const FATES: [(Fate, &str); 6] = [
    (Fate::Current, "Journal"),
    (Fate::Run, "Runs"),
    (Fate::Closed, "Closed"),
    (Fate::Recent, "Recent"),
    (Fate::Unknown, "Unknown"),
    (Fate::Removed, "Removed"),
];

/// Days and months whose newest run is kept where only the other number is given.
const USUAL: Retention = Retention {
    daily: 14,
    monthly: 36,
};

/// Remove old runs, and fetched files that neither the next fetch, nor a run, nor a closed period
/// needs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout prune pipelines/nightly.toml --keep-daily 14 --dry-run")]
pub(super) struct PruneArgs {
    /// Path of the pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pipeline: PathBuf,
    /// Remove nothing, and print what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Keep the files of this many days, today included, whether they are needed or not
    #[arg(long, value_name = "N", default_value_t = 14)]
    keep_days: u32,
    /// Remove runs, but the newest of each of the last N days with runs [default: 14, if
    /// `--keep-monthly` is given; without either all runs stay]
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Remove runs, but the newest of each of the last N months with runs [default: 36, if
    /// `--keep-daily` is given]
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
    /// Override a key of the file, as for `tieout run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Prints how many files of each dataset are kept, why, and how many are removed.
pub(super) fn run(
    args: &PruneArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let plan = parse::read(&args.pipeline, &args.set)?;
    let options = PruneOptions {
        is_dry_run: args.dry_run,
        keep_days: args.keep_days,
        retention: retention(args),
        today: arguments::today()?,
    };
    let report = prune(&plan, &options)?;
    exit_of_printed(Exit::Complete, print(&report, args.keep_days, globals, out))
}

/// Runs that are kept; `None` for all.
fn retention(args: &PruneArgs) -> Option<Retention> {
    if args.keep_daily.is_none() && args.keep_monthly.is_none() {
        return None;
    }
    Some(Retention {
        daily: args.keep_daily.unwrap_or(USUAL.daily),
        monthly: args.keep_monthly.unwrap_or(USUAL.monthly),
    })
}

fn print(
    report: &PruneReport,
    keep_days: u32,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if !globals.quiet {
        let mut notes = stderr::lines();
        for warning in &report.warnings {
            writeln!(notes, "warning: {warning}")?;
        }
    }
    if globals.json {
        serde_json::to_writer_pretty(&mut *out, report)?;
        writeln!(out)?;
        return Ok(());
    }
    let verb = if report.is_dry_run {
        "Would remove"
    } else {
        "Removed"
    };
    if let Some(fates) = &report.run_fates {
        for run_id in &fates.removed {
            writeln!(out, "{verb} run {run_id}")?;
        }
        writeln!(
            out,
            "{verb} {}, kept {}",
            counted(fates.removed.len() as u64, "run"),
            fates.kept.len() + fates.unknown.len()
        )?;
    }
    if report.kinds.is_empty() && report.run_fates.is_some() {
        return Ok(());
    }
    writeln!(out, "{}", table_of(&report.kinds))?;
    writeln!(
        out,
        "Kept: what the next fetch relies on (journal), what {} made of (runs), what closed \
         periods need, and what is of the last {} (recent)",
        match report.runs {
            1 => "1 published run is".to_owned(),
            runs => format!("{runs} published runs are"),
        },
        counted(u64::from(keep_days), "day")
    )?;
    writeln!(
        out,
        "{verb} {}, {} bytes",
        counted(report.removed_files, "file"),
        report.freed_bytes
    )?;
    Ok(())
}

/// Table with a row for each dataset: files by fate, and the bytes of what is kept and removed.
fn table_of(kinds: &[PrunedKind]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let names = FATES.iter().map(|(_, name)| *name);
    table.set_header(
        std::iter::once("Dataset")
            .chain(names)
            .chain(["Kept bytes", "Removed bytes"]),
    );
    // The rows of a dataset follow each other.
    for kinds in kinds.chunk_by(|left, right| left.dataset == right.dataset) {
        let files = FATES.iter().map(|(fate, _)| {
            let files = kinds.iter().find(|kind| kind.fate == *fate);
            files.map_or(0, |kind| kind.files).to_string()
        });
        let bytes = |is_removed: bool| -> u64 {
            let kinds = kinds.iter();
            let wanted = kinds.filter(|kind| (kind.fate == Fate::Removed) == is_removed);
            wanted.map(|kind| kind.bytes).sum()
        };
        let bytes = [bytes(false), bytes(true)].map(|bytes| bytes.to_string());
        table.add_row(
            std::iter::once(kinds[0].dataset.clone())
                .chain(files)
                .chain(bytes),
        );
    }
    for column in 1..=FATES.len() + 2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
