//! Survey of a pipeline: its plan, and the files that its globs match. `tieout check` shows it
//! before anything is read.

use std::path::{Path, PathBuf};

use super::globs;
use super::mistake::Mistake;
use super::parse;
use super::pipeline_plan::Plan;

/// A plan, and the files that it would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Plan of the pipeline.
    pub plan: Plan,
    /// One entry for each path or glob, in the order of the plan's sources.
    pub globs: Vec<GlobMatches>,
}

/// Files that one path or glob matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobMatches {
    /// Name of the dataset that the files hold.
    pub dataset: &'static str,
    /// Path or glob, as seen from the current folder.
    pub pattern: String,
    /// Matching files, in the order of their names.
    pub files: Vec<PathBuf>,
}

/// Reads the pipeline file at `path` as [`parse::read`] does, and looks for its files.
///
/// # Errors
/// Every mistake in the file; a glob that matches no file is one.
pub fn survey(path: &Path, overrides: &[String]) -> Result<Survey, Vec<Mistake>> {
    let mut draft = parse::draft_of_file(path, overrides);
    // The globs of a file with mistakes are tried, too: the user sees everything at once.
    let mut matches = Vec::new();
    for glob in &draft.globs {
        let found = if glob.is_record {
            globs::find(&globs::glob_of(&glob.pattern))
        } else {
            globs::find(&glob.pattern)
        };
        match found {
            Ok(files) => matches.push(GlobMatches {
                dataset: glob.dataset,
                pattern: glob.pattern.clone(),
                files,
            }),
            Err(faults) => draft.mistakes.extend(faults.into_iter().map(|fault| {
                let mistake = Mistake {
                    place: glob.words.clone(),
                    key: Some(format!("source.{}.files.paths", glob.dataset)),
                    found: fault.found,
                    wanted: fault.wanted,
                    hint: Some(fault.hint),
                };
                (glob.place.clone(), mistake)
            })),
        }
    }
    let plan = draft.finish()?;
    Ok(Survey {
        plan,
        globs: matches,
    })
}
