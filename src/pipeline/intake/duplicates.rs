//! Duplicate rows of a dataset, counted once all units are read.
//!
//! Which fingerprints occur more than once is certain by then; the rows behind them are mostly
//! among the candidates that the filter kept. Where some are not, their units are read again, and
//! only rows with such a fingerprint are kept the second time.

use std::path::Path;
use std::sync::Arc;

use super::held_reading::{ExpectedContent, read_held};
use super::unit::{Counted, Counting, DiskRoom, read_unit};
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::duplicates::Repeated;
use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::spill::parts::Spill;
use crate::sources::files::{FileUnit, HeldFile};

/// Totals of a dataset, to which its duplicates are added.
pub(crate) enum WholeTotals<'t> {
    /// Totals that are held in memory.
    Held(&'t mut Partial),
    /// Totals on disk, and the folder that they are in.
    OnDisk(&'t mut Spill, &'t Path),
}

/// Counts the duplicates: rows with a fingerprint in `open`, which gives how many there are of
/// each.
///
/// A unit is read again where its rows were not compared with those of other units, as when its
/// totals come from the cache, or where it had more candidates than are kept.
///
/// # Errors
/// [`RunError`] for a unit that can no longer be read, or that has changed since it was read first.
pub(crate) fn count_duplicates<'u>(
    dataset: Dataset,
    mut totals: WholeTotals<'_>,
    mut open: Repeated,
    units: impl Iterator<Item = &'u FileUnit>,
    room: Option<&DiskRoom>,
) -> Result<(), RunError> {
    totals.count(dataset, &mut open)?;
    for unit in units {
        // Mostly at once: the filter kept every candidate, and no unit is read again.
        if open.is_empty() {
            break;
        }
        // Exact this time: only rows whose duplicates are still to be counted become candidates.
        let repeated = Arc::new(DuplicateFilter::Repeated(open.clone()));
        let counting = Counting {
            usage: Arc::clone(&repeated),
            lines: repeated,
            by_day: false,
            room: room.cloned(),
            rows: None,
        };
        let held = HeldFile::open(&unit.path)?;
        let expected = ExpectedContent {
            blake3: Some(&unit.blake3),
            otherwise: &|| changed(unit.name.clone()),
        };
        let (reading, _) = read_held(&held, &expected, |file| {
            let reading = read_unit(dataset, &unit.name, file, &counting)?;
            let hash = reading.decoded.blake3.clone();
            Ok((reading, hash))
        })?;
        for extent in reading.waiting {
            let room = room.expect("totals wait on disk only where there is room");
            let waiting = room.take(dataset, extent)?;
            totals.count_again(waiting, &mut open)?;
        }
        if let Counted::Totals(partial) = reading.counted {
            totals.count_again(*partial, &mut open)?;
        }
    }
    // Every duplicate is found in the second reading, for it was of the same bytes; a kept reading
    // that came from others would show here.
    if !open.is_empty() {
        return Err(changed(dataset.name().to_owned()));
    }
    Ok(())
}

fn changed(unit: String) -> RunError {
    RunError::Changed { unit }
}

impl WholeTotals<'_> {
    /// Counts duplicates among the candidates of the first reading.
    fn count(&mut self, dataset: Dataset, open: &mut Repeated) -> Result<(), RunError> {
        match self {
            Self::Held(totals) => totals.count_duplicates(open),
            Self::OnDisk(spill, folder) => spill
                .count_duplicates(dataset, open)
                .map_err(|source| RunError::no_room(folder, source))?,
        }
        Ok(())
    }

    /// Counts duplicates among the candidates of a second reading. Its other rows count already.
    fn count_again(&mut self, mut again: Partial, open: &mut Repeated) -> Result<(), RunError> {
        match self {
            Self::Held(totals) => {
                totals.adopt_candidates(again);
                totals.count_duplicates(open);
                Ok(())
            }
            Self::OnDisk(spill, folder) => {
                // Into the duplicates of the reading itself: totals on disk take no candidates.
                again.count_duplicates(open);
                spill
                    .put_duplicates(again)
                    .map_err(|source| RunError::no_room(folder, source))
            }
        }
    }
}
