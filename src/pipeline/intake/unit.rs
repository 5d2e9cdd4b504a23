//! Reads one unit and counts its rows: each worker has its own sink, and the sinks' totals are
//! merged at the end of the unit.

use std::fs::File;
use std::sync::Arc;

use crate::decode::{self, BLOCK_ROWS, ColumnChoice, DecodeError, Decoded, RowBlock, Sink};
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::header::Header;
use crate::engine::count::partial::{CountedRow, Partial};
use crate::engine::fold::row_key;
use crate::model::dataset::Dataset;
use crate::model::reject::{Rejection, excerpt};
use crate::model::row::{Place, Row};
use crate::pipeline::failure::RunError;
use crate::pipeline::kept_rows::row_sink::{KeptSink, KeptUnit};
use crate::pipeline::kept_rows::row_store::RowStore;
use crate::pipeline::kept_rows::row_sums::UnitFile;
use crate::pipeline::spill::scratch::{Extent, Scratch};

/// Rows after which a worker measures its totals: 4,096, as measuring costs more than a row does.
const MEASURED_ROWS: usize = 4096;

/// Settings under which units are counted. All that a reading depends on, apart from the file, is
/// here or in the key of the cache.
#[derive(Debug)]
pub(crate) struct Counting {
    /// Filter for duplicates among usage rows, shared by all units.
    pub(crate) usage: Arc<DuplicateFilter>,
    /// Filter for duplicates among invoice lines, shared by all units.
    pub(crate) lines: Arc<DuplicateFilter>,
    /// True if usage is counted day by day, too.
    pub(crate) by_day: bool,
    /// Room on disk for totals that are too large; `None` where memory has no bound.
    pub(crate) room: Option<DiskRoom>,
    /// Store of the counted rows; `None` where they are not kept.
    pub(crate) rows: Option<RowStore>,
}

impl Counting {
    /// Empty totals of a dataset.
    pub(crate) fn new_totals(&self, dataset: Dataset) -> Partial {
        match dataset {
            Dataset::Usage => Partial::new(dataset, Arc::clone(&self.usage)),
            Dataset::UnbilledUsage => Partial::daily(dataset),
            Dataset::InvoiceLines | Dataset::Invoices => {
                Partial::new(dataset, Arc::clone(&self.lines))
            }
        }
    }
}

/// Room on disk for the totals of single units, which wait there until their unit is read.
#[derive(Clone, Debug)]
pub(crate) struct DiskRoom {
    pub(crate) scratch: Arc<Scratch>,
    /// Bytes of memory beyond which a worker's totals go to disk.
    pub(crate) limit_bytes: usize,
}

impl DiskRoom {
    /// Reads back totals that waited.
    ///
    /// # Errors
    /// [`RunError::Publish`] if the scratch file cannot be read.
    pub(crate) fn take(&self, dataset: Dataset, extent: Extent) -> Result<Partial, RunError> {
        self.scratch
            .take(dataset, extent)
            .map_err(|source| self.scratch.failed(source))
    }
}

/// Reading of one unit.
#[derive(Debug)]
pub(crate) struct UnitReading {
    /// Rows found and rejected, and facts about the file.
    pub(crate) decoded: Decoded,
    pub(crate) counted: Counted,
    /// Totals by day, of usage that is counted day by day.
    pub(crate) daily: Option<Partial>,
    /// Customer and subscription, folded, of each row that could not be counted.
    pub(crate) lost: Vec<(String, String)>,
    /// Totals that were too large for memory, and wait on disk.
    pub(crate) waiting: Vec<Extent>,
    /// File of the unit's rows; `None` where they are not kept.
    pub(crate) rows: Option<UnitFile>,
}

/// Rows of a unit, as they count.
#[derive(Debug)]
pub(crate) enum Counted {
    /// Totals of usage or lines.
    Totals(Box<Partial>),
    /// Headers of invoices, in the order of their lines.
    Headers(Vec<HeaderInFile>),
}

/// An invoice header, with what a rejection of it would show.
#[derive(Debug)]
pub(crate) struct HeaderInFile {
    pub(crate) header: Header,
    /// Number of the line in its file, from 1.
    pub(crate) line: u64,
    /// Excerpt of the line.
    pub(crate) text: String,
}

/// Reads and counts the unit in `file`.
///
/// # Errors
/// [`RunError`] for a file that cannot be used, or a disk that takes no more.
pub(crate) fn read_unit(
    dataset: Dataset,
    name: &str,
    file: &File,
    counting: &Counting,
) -> Result<UnitReading, RunError> {
    let input = decode::Input {
        unit: name,
        file,
        dataset,
    };
    if dataset == Dataset::Invoices {
        let (decoded, headers) = read_headers(input)?;
        return Ok(UnitReading {
            decoded,
            counted: Counted::Headers(headers),
            daily: None,
            lost: Vec::new(),
            waiting: Vec::new(),
            rows: None,
        });
    }
    let kept = match &counting.rows {
        Some(store) => store.begin(dataset)?,
        None => None,
    };
    let columns = ColumnChoice {
        read: None,
        carried: kept.as_ref().map_or(&[], |kept| &kept.layout.carried),
    };
    let new_sink = || TotalsSink::new(dataset, counting, kept.as_ref());
    let (decoded, sinks) = decode::decode_columns(input, columns, new_sink)?;
    let mut sinks = sinks.into_iter();
    // A file without rows may have had no worker.
    let mut whole = sinks.next().unwrap_or_else(new_sink);
    for sink in sinks {
        whole.merge(sink);
    }
    let TotalsSink {
        totals,
        daily,
        lost,
        waiting,
        failed,
        rows,
        ..
    } = whole;
    if let Some(error) = failed {
        return Err(error);
    }
    let rows = match rows {
        Some(rows) => Some(rows.end()?),
        None => None,
    };
    Ok(UnitReading {
        decoded,
        counted: Counted::Totals(Box::new(totals)),
        daily,
        lost,
        waiting,
        rows,
    })
}

/// Reads the invoice headers of a unit, in the order of their lines.
///
/// # Errors
/// [`DecodeError`] for a file that cannot be used.
pub(crate) fn read_headers(
    input: decode::Input<'_>,
) -> Result<(Decoded, Vec<HeaderInFile>), DecodeError> {
    let (decoded, sinks) = decode::decode(input, || HeaderSink(Vec::new()))?;
    let mut headers: Vec<HeaderInFile> = sinks.into_iter().flat_map(|sink| sink.0).collect();
    // Workers end in any order.
    headers.sort_by_key(|header| header.line);
    Ok((decoded, headers))
}

/// Counts the rows of one worker.
struct TotalsSink {
    totals: Partial,
    daily: Option<Partial>,
    lost: Vec<(String, String)>,
    room: Option<DiskRoom>,
    /// Rows until the totals are measured again.
    unmeasured: usize,
    waiting: Vec<Extent>,
    /// Failure to write to disk. A sink can reject rows only, so it is reported after the unit.
    failed: Option<RunError>,
    /// Rows that are kept, if they are.
    rows: Option<KeptSink>,
}

impl TotalsSink {
    fn new(dataset: Dataset, counting: &Counting, kept: Option<&KeptUnit>) -> Self {
        let daily = (counting.by_day && dataset == Dataset::Usage).then(|| Partial::daily(dataset));
        // Unbilled usage is counted by day, which needs all of it in memory in any case.
        let room = counting
            .room
            .clone()
            .filter(|_| dataset != Dataset::UnbilledUsage);
        Self {
            totals: counting.new_totals(dataset),
            daily,
            lost: Vec::new(),
            room,
            unmeasured: MEASURED_ROWS,
            waiting: Vec::new(),
            failed: None,
            rows: kept.map(KeptSink::new),
        }
    }

    /// Makes room for so many rows.
    fn room_for(&mut self, rows: usize) {
        // Counted down instead of measured: this runs for all rows.
        self.unmeasured = self.unmeasured.saturating_sub(rows);
        if self.unmeasured == 0 {
            self.make_room();
        }
    }

    /// Counts a row in all totals.
    fn count(&mut self, row: &Row<'_, '_>) -> Result<CountedRow, Rejection> {
        let counted = self.totals.add(row).inspect_err(|_| {
            let account = row_key::account_of(self.totals.dataset, row.cells);
            self.lost.push(account);
        })?;
        if let Some(daily) = &mut self.daily {
            // The totals by day make the same checks, which this row has passed.
            daily.add(row)?;
        }
        Ok(counted)
    }

    /// Moves the totals to disk if they are beyond their limit.
    fn make_room(&mut self) {
        self.unmeasured = MEASURED_ROWS;
        let Some(room) = &self.room else { return };
        if self.totals.footprint() <= room.limit_bytes {
            return;
        }
        // Rows that are still pending belong to the totals that are written.
        self.totals.flush();
        match room.scratch.put(&self.totals) {
            Ok(extent) => self.waiting.push(extent),
            // The totals are lost, but so is the run: it fails when the unit ends.
            Err(source) => self.failed = Some(room.scratch.failed(source)),
        }
        self.totals = self.totals.successor();
        if let Some(rows) = &mut self.rows {
            rows.begin_partial();
        }
    }

    /// Adds what another worker counted of the same unit.
    fn merge(&mut self, other: Self) {
        self.waiting.extend(other.waiting);
        self.failed = self.failed.take().or(other.failed);
        self.totals.merge(other.totals);
        if let (Some(daily), Some(more)) = (&mut self.daily, other.daily) {
            daily.merge(more);
        }
        self.lost.extend(other.lost);
        if let (Some(rows), Some(more)) = (&mut self.rows, other.rows) {
            rows.merge(more);
        }
    }
}

impl Sink for TotalsSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.room_for(1);
        let counted = self.count(row);
        if let Some(rows) = &mut self.rows {
            rows.add(row, counted.as_ref().ok());
        }
        counted.map(drop)
    }

    fn take_rows(&mut self, rows: &RowBlock<'_>, mut refuse: impl FnMut(Place<'_>, Rejection)) {
        // Before the first row: tuples have one number in all that follow.
        self.room_for(rows.rows().len());
        let mut counted = [None; BLOCK_ROWS];
        for (row, counted) in rows.rows().zip(&mut counted) {
            match self.count(&row) {
                Ok(as_counted) => *counted = Some(as_counted),
                Err(rejection) => refuse(row.place, rejection),
            }
        }
        if let Some(kept) = &mut self.rows {
            for (row, counted) in rows.rows().zip(&counted) {
                kept.add(&row, counted.as_ref());
            }
        }
    }

    fn begin(&mut self, slice: u64) {
        if let Some(rows) = &mut self.rows {
            rows.begin(slice);
        }
    }

    fn flush(&mut self) {
        self.totals.flush();
        if let Some(daily) = &mut self.daily {
            daily.flush();
        }
        if let Some(rows) = &mut self.rows {
            rows.end_slice();
        }
    }
}

/// Keeps the invoice headers of one worker.
struct HeaderSink(Vec<HeaderInFile>);

impl Sink for HeaderSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0.push(HeaderInFile {
            header: Header::read(row.cells)?,
            line: row.place.line(),
            text: excerpt(row.place.text),
        });
        Ok(())
    }
}
