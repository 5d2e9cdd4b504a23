//! Runner: a month's files in a folder of their own, a pipeline over them, and the run in this
//! process, as a process each would take longer than all else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tieout::pipeline::options::{FetchOptions, Options};
use tieout::pipeline::plan::parse;
use tieout::pipeline::run;
use tieout::progress::reporting::Progress;

use super::answer::Answer;
use super::month::Month;
use super::{defaults, inputs};

/// The tie-outs that a pipeline does unless it is told otherwise.
const USUAL: [&str; 3] = ["usage-to-invoice", "lines-to-invoice", "line-arithmetic"];

/// Runs a month; a run that fails is an answer, too.
pub(super) fn run(month: &Month) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let sources = inputs::write(month, folder.path());
    let pipeline = folder.path().join("month.toml");
    std::fs::write(&pipeline, toml(month, &sources)).unwrap();
    catch_unwind(AssertUnwindSafe(|| answer(month, &pipeline))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Answer::failed(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn answer(month: &Month, pipeline: &Path) -> Answer {
    let plan = match parse::read(pipeline, &[]) {
        Ok(plan) => plan,
        Err(mistakes) => {
            let key = |at: usize| mistakes[at].key.clone().unwrap_or_default();
            return Answer::failed(format!("mistake in the pipeline: {}", key(0)));
        }
    };
    let options = Options {
        threads: Some(1),
        fail_on_breaks: Some(tieout::pipeline::options::FailOn::All),
        no_cache: true,
        asked: FetchOptions {
            today: month.setting("as_of").unwrap_or(defaults::AS_OF).to_owned(),
            ..FetchOptions::default()
        },
        ..Options::default()
    };
    match run::run(&plan, &options, &Progress::default()) {
        Ok(outcome) => Answer::of(month, &outcome),
        // The names of the folder differ from run to run.
        Err(error) => Answer::failed(error.to_string().replace(
            &pipeline.parent().unwrap().to_string_lossy().into_owned(),
            "",
        )),
    }
}

/// The pipeline file of a month.
fn toml(month: &Month, sources: &[(&str, &str)]) -> String {
    let mut out = String::new();
    if let Some(period) = month.setting("period") {
        out += &format!("period = \"{period}\"\n");
    }
    out += "out = \"out\"\n";
    for (source, glob) in sources {
        out += &format!("[source.{source}.files]\npaths = [\"{glob}\"]\n");
    }
    let wanted = month.tie_outs();
    for tie_out in USUAL.iter().filter(|usual| !wanted.contains(usual)) {
        out += &format!("[tie_out.{tie_out}]\nenabled = false\n");
    }
    for tie_out in &wanted {
        out += &format!("[tie_out.{tie_out}]\n");
        if let Some(markup) = month.setting("markup").filter(|_| *tie_out == USUAL[0]) {
            out += &format!("markup = \"{markup}\"\n");
        }
    }
    out
}
