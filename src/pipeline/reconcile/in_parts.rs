//! Usage that is more than may be in memory: the stages of usage to invoice, part by part.
//!
//! Lines are loaded twice: first to learn from all of them which usage column MeterDescription
//! repeats and which rounding rule their invoices hold, then with the usage of each part. The result
//! is that of comparing all at once; what must change together is what [`UsageStages`] adds up and
//! what a single run of it computes.

use hashbrown::HashMap;
use polars::prelude::DataFrame;

use super::usage_to_invoice::UsageStages;
use crate::engine::compare::invoice_practice::{InvoicePractice, LineVotes};
use crate::engine::count::partial::Partial;
use crate::engine::fold::columns;
use crate::engine::fold::folded::{FoldState, Folded};
use crate::engine::matching::descriptions::DescriptionVotes;
use crate::engine::matching::joins;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::spill::budget;
use crate::pipeline::spill::parts::Spilled;
use crate::pipeline::spill::resources::SpilledResources;
use crate::progress::reporting::{Event, Progress};

/// Takes usage and lines through the stages part by part; their resources are on disk.
///
/// # Errors
/// [`RunError::Overflow`], and [`RunError::Publish`] where the disk is full or cannot be read.
pub(super) fn compare(
    totals: &mut Folded,
    stages: &mut UsageStages<'_>,
    spilled: &Spilled,
    mut in_parts: Box<FoldState>,
    progress: &Progress,
) -> Result<SpilledResources, RunError> {
    let no_room = |source| RunError::no_room(spilled.folder(), source);
    let (described, votes) = learn(totals, stages, spilled, &mut in_parts)?;
    stages.set_descriptions(&described, totals);
    stages.practice = Some(InvoicePractice::of(&votes));
    let mut resources = spilled.resources();
    // Code 0 of every domain is the empty text.
    let mut resource_texts = vec![String::new()];
    let (mut done, all) = (0, spilled.stored_bytes());
    let mut warning = None;
    progress.phase("compare part by part", all);
    for parts in &spilled.batches() {
        totals.take_part(
            &mut in_parts,
            spilled.load(parts).map_err(no_room)?,
            &spilled.spellings,
        );
        let first = stages.checked.len();
        let found = stages.take(totals, &|_| {})?;
        resources.add(totals, &found).map_err(no_room)?;
        stages.keep_resource_texts(first, totals, &mut resource_texts);
        done += spilled.bytes_of(parts);
        progress.advanced(spilled.bytes_of(parts), 0);
        // As soon as it can be told, and once.
        if warning.is_none() {
            warning = budget::warn_of_groups(stages.checked.len(), [done, all], spilled.bound);
            if let Some(line) = &warning {
                progress.tell(Event::Note(line.clone()));
            }
        }
    }
    // Findings of all parts name places in these texts now; codes of the last part would mislead.
    totals.forget_part(resource_texts);
    Ok(resources)
}

/// Votes of the lines of all parts for the column that their descriptions repeat, and for what their
/// invoices hold.
fn learn(
    totals: &mut Folded,
    stages: &mut UsageStages<'_>,
    spilled: &Spilled,
    in_parts: &mut FoldState,
) -> Result<(DescriptionVotes, LineVotes), RunError> {
    let mut pairs = DescriptionVotes::default();
    let mut votes = LineVotes::default();
    let described = stages.selection.select(totals, &in_parts.described);
    let part_of_row = parts_of_rows(totals, spilled, &described);
    for parts in &spilled.batches() {
        let lines = spilled
            .load_lines(parts)
            .map_err(|source| RunError::no_room(spilled.folder(), source))?;
        totals.take_part(in_parts, (Partial::empty(Dataset::Usage), lines), &[]);
        let lines = totals.lines.clone();
        let lines = stages.selection.select(totals, &lines);
        totals.lines = lines.clone();
        votes.count(totals, stages.rules());
        stages.recomputed.learn(totals);
        let rows: Vec<u32> = (0..)
            .zip(&part_of_row)
            .filter(|(_, part)| parts.contains(part))
            .map(|(row, _)| row)
            .collect();
        // A subscription's usage and lines are of one part: pairs of all parts add up to those of
        // the whole.
        pairs.count(&joins::take(&described, &rows), &lines);
    }
    Ok((pairs, votes))
}

/// Number of the part that each row of a frame belongs to.
fn parts_of_rows(totals: &Folded, spilled: &Spilled, frame: &DataFrame) -> Vec<u32> {
    let subscriptions = columns::codes(frame, Part::Subscription.column());
    // Folding and hashing texts is slow, and rows are many more than subscriptions.
    let mut known: HashMap<u32, u32> = HashMap::new();
    let part = |subscription: &u32| {
        *known.entry(*subscription).or_insert_with(|| {
            let folded = totals
                .vocabulary
                .folded(Domain::Subscription, *subscription);
            spilled.part_of(&folded)
        })
    };
    subscriptions.iter().map(part).collect()
}
