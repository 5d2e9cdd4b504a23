//! Merges the readings of units into those of the whole run, in the order in which they arrive,
//! which no result depends on. Where memory is bound, totals beyond the bound go to disk.

use std::path::PathBuf;
use std::sync::Arc;

use super::duplicates::{WholeTotals, count_duplicates};
use super::input_unit::InputUnit;
use super::readings::Readings;
use super::unit::{Counted, DiskRoom, HeaderInFile, UnitReading};
use crate::engine::count::partial::Partial;
use crate::model::dataset::Dataset;
use crate::pipeline::failure::RunError;
use crate::pipeline::kept_rows::row_sums::UnitFile;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::spill::budget::MemoryShares;
use crate::pipeline::spill::fingerprints::Fingerprints;
use crate::pipeline::spill::parts::Spill;
use crate::pipeline::spill::scratch::Scratch;
use crate::progress::reporting::Progress;
use crate::sources::files::FileUnit;

/// Readings merged so far, and what is needed to finish them.
pub(crate) struct Merger {
    readings: Readings,
    /// Invoice headers, each with the name of its unit.
    headers: Vec<(String, HeaderInFile)>,
    /// Fingerprints of all usage rows.
    usage: Fingerprints,
    /// Fingerprints of all invoice lines.
    lines: Fingerprints,
    /// Folder of temporary files.
    folder: PathBuf,
    /// Units with totals, which may have to be read again for their duplicates.
    counted: Vec<(Dataset, FileUnit)>,
    shares: MemoryShares,
    /// Room on disk; `None` where memory has no bound.
    room: Option<DiskRoom>,
    /// Totals on disk, once there are any.
    spill: Option<Spill>,
}

impl Merger {
    /// Nothing merged yet.
    ///
    /// # Errors
    /// [`RunError`] if memory is bound, and the scratch file cannot be created.
    pub(crate) fn new(
        plan: &Plan,
        shares: MemoryShares,
        warnings: Vec<String>,
    ) -> Result<Self, RunError> {
        let folder = plan.out.clone();
        let list = || Fingerprints::new(shares.fingerprints, &plan.out);
        let room = if shares.are_bound() {
            let scratch =
                Scratch::new(&folder).map_err(|source| RunError::no_room(&folder, source))?;
            Some(DiskRoom {
                scratch: Arc::new(scratch),
                limit_bytes: shares.unit,
            })
        } else {
            None
        };
        Ok(Self {
            readings: Readings::new(warnings),
            headers: Vec::new(),
            usage: list(),
            lines: list(),
            folder,
            counted: Vec::new(),
            shares,
            room,
            spill: None,
        })
    }

    /// Room on disk for the totals of single units; `None` where memory has no bound.
    pub(crate) fn room(&self) -> Option<DiskRoom> {
        self.room.clone()
    }

    /// Merges the reading of a unit.
    ///
    /// # Errors
    /// [`RunError`] for a disk that takes no more, or a sum that is too large.
    pub(crate) fn take(
        &mut self,
        input: InputUnit,
        mut reading: UnitReading,
    ) -> Result<(), RunError> {
        let mut rows_waited = 0;
        for extent in std::mem::take(&mut reading.waiting) {
            let room = self
                .room
                .as_ref()
                .expect("totals wait on disk only where there is room");
            let mut partial = room.take(input.dataset, extent)?;
            self.take_fingerprints(input.dataset, &mut partial)?;
            rows_waited += self
                .readings
                .take_totals(input.dataset, &input.unit, partial);
            self.make_room()?;
        }
        if let Counted::Totals(partial) = &mut reading.counted {
            self.take_fingerprints(input.dataset, partial)?;
            self.counted.push((input.dataset, input.unit.clone()));
        }
        self.readings
            .take(input, reading, rows_waited, &mut self.headers);
        self.make_room()
    }

    fn take_fingerprints(
        &mut self,
        dataset: Dataset,
        partial: &mut Partial,
    ) -> Result<(), RunError> {
        // Unbilled usage is counted without a filter for duplicates, and adds no fingerprints.
        let list = match dataset {
            Dataset::Usage => &mut self.usage,
            _ => &mut self.lines,
        };
        list.add(&std::mem::take(&mut partial.fingerprints))
            .map_err(|source| RunError::no_room(&self.folder, source))
    }

    /// Moves the totals of usage and lines to disk if they are beyond their share.
    fn make_room(&mut self) -> Result<(), RunError> {
        // Only usage and lines: all other totals are small, or needed whole.
        let held = self.readings.usage.footprint() + self.readings.lines.footprint();
        if held > self.shares.totals {
            self.spill()
        } else {
            Ok(())
        }
    }

    fn spill(&mut self) -> Result<(), RunError> {
        let Some(room) = &self.room else {
            return Ok(());
        };
        let usage = std::mem::replace(&mut self.readings.usage, Partial::empty(Dataset::Usage));
        let lines = std::mem::replace(
            &mut self.readings.lines,
            Partial::empty(Dataset::InvoiceLines),
        );
        // A sum that has overflowed must not go to disk, where nothing would show it.
        usage.check()?;
        lines.check()?;
        let spill = self.spill.get_or_insert_with(|| {
            let scratch = Arc::clone(&room.scratch);
            Spill::new(scratch, &self.folder, self.shares.fingerprints)
        });
        spill
            .put(&usage, &lines)
            .map_err(|source| RunError::no_room(&self.folder, source))
    }

    /// Counts the duplicates, brings everything in its published order, and checks the laws.
    ///
    /// # Errors
    /// [`RunError`], as of [`count_duplicates`] and [`Readings::check`].
    pub(crate) fn finish(mut self, progress: &Progress) -> Result<Readings, RunError> {
        if self.spill.is_some() {
            // Either all totals are on disk, or none.
            self.spill()?;
        }
        let Self {
            mut readings,
            headers,
            usage,
            lines,
            folder,
            mut counted,
            shares,
            room,
            mut spill,
        } = self;
        let no_room = |source| RunError::no_room(&folder, source);
        // The same order in every run, whichever unit was read first.
        counted.sort();
        progress.phase("find duplicates", 0);
        for (dataset, list) in [(Dataset::Usage, usage), (Dataset::InvoiceLines, lines)] {
            let open = list.copies().map_err(no_room)?;
            let units = counted
                .iter()
                .filter(|(of, _)| *of == dataset)
                .map(|(_, unit)| unit);
            // Once anything was spilled, all of it is on disk, of both datasets.
            let totals = match (dataset, &mut spill) {
                (_, Some(spill)) => WholeTotals::OnDisk(spill, &folder),
                (Dataset::Usage, None) => WholeTotals::Held(&mut readings.usage),
                (_, None) => WholeTotals::Held(&mut readings.lines),
            };
            count_duplicates(dataset, totals, open, units, room.as_ref())?;
        }
        if let Some(spill) = spill {
            spill.check()?;
            readings.spilled = Some(spill.close(&shares).map_err(no_room)?);
        }
        readings
            .inputs
            .sort_by(|left, right| (&left.dataset, &left.unit).cmp(&(&right.dataset, &right.unit)));
        let by_hash = |(dataset, file): &(Dataset, UnitFile)| (*dataset, file.blake3.clone());
        readings.kept_rows.sort_by_cached_key(by_hash);
        readings.keep_one_header_each(headers);
        readings.check()?;
        Ok(readings)
    }
}
