//! Runs of months in this process, and what they published.

use std::collections::BTreeMap;

use tieout::pipeline::options::{FetchOptions, Options};
use tieout::pipeline::plan::parse;
use tieout::pipeline::publish::outcome::Outcome;
use tieout::pipeline::run;
use tieout::progress::reporting::Progress;

use super::month::ProvenMonth;
use crate::runs::Published;
use crate::scenarios::defaults::AS_OF;

/// Cells of a row by column.
pub(super) type Cells = BTreeMap<String, String>;

/// Outcome of a run, and its variances.
pub(super) struct Found {
    pub(super) outcome: Outcome,
    pub(super) variances: Vec<Cells>,
}

/// Runs a month over its files.
pub(super) fn run_month(month: &ProvenMonth) -> Found {
    run_files(&month.files())
}

/// Runs over files of usage and of lines.
pub(super) fn run_files([usage, lines]: &[String; 2]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usage.csv"), usage).unwrap();
    std::fs::write(folder.path().join("lines.csv"), lines).unwrap();
    let pipeline = folder.path().join("month.toml");
    let text = "out = \"out\"\n\
                [source.usage.files]\npaths = [\"usage.csv\"]\n\
                [source.invoice_lines.files]\npaths = [\"lines.csv\"]\n\
                [tie_out.usage-to-invoice]\n[tie_out.line-arithmetic]\n\
                [tie_out.lines-to-invoice]\nenabled = false\n";
    std::fs::write(&pipeline, text).unwrap();
    let plan = parse::read(&pipeline, &[]).unwrap();
    let options = Options {
        threads: Some(1),
        fail_on_breaks: Some(tieout::pipeline::options::FailOn::All),
        no_cache: true,
        asked: FetchOptions {
            today: AS_OF.to_owned(),
            ..FetchOptions::default()
        },
        ..Options::default()
    };
    let outcome = run::run(&plan, &options, &Progress::default()).unwrap();
    let variances = Published::read(&outcome.folder, "variances").cells();
    Found { outcome, variances }
}
