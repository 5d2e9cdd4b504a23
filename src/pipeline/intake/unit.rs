//! One unit's rows, counted.

use std::path::Path;
use std::sync::Arc;

use crate::decode::{self, Decoded, Sink};
use crate::engine::count::duplicate_filter::DuplicateFilter;
use crate::engine::count::header::Header;
use crate::engine::count::partial::Partial;
use crate::engine::fold::row_key;
use crate::model::dataset::Dataset;
use crate::model::reject::Rejection;
use crate::model::row::Row;
use crate::pipeline::failure::RunError;
use crate::pipeline::spill::scratch::{Extent, Scratch};

/// What came of a unit.
#[derive(Debug)]
pub(crate) struct UnitReading {
    pub(crate) decoded: Decoded,
    pub(crate) counted: Counted,
    pub(crate) daily: Option<Partial>,
    /// Accounts of rows that could not be used, folded; one for each.
    pub(crate) lost: Vec<(String, String)>,
    /// Totals that wait on disk until the unit is read: more than may be in memory.
    pub(crate) waiting: Vec<Extent>,
}

/// How units are counted.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) usage: Arc<DuplicateFilter>,
    pub(crate) lines: Arc<DuplicateFilter>,
    pub(crate) by_day: bool,
    /// Where totals wait that are larger than so many bytes.
    pub(crate) room: Option<(Arc<Scratch>, usize)>,
}

impl Counting {
    /// No totals yet, of the dataset's layout.
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

#[derive(Debug)]
pub(crate) enum Counted {
    Totals(Box<Partial>),
    Headers(Vec<PlacedHeader>),
}

/// A header with what a rejection of it would say.
#[derive(Debug)]
pub(crate) struct PlacedHeader {
    pub(crate) header: Header,
    pub(crate) line: u64,
    pub(crate) text: String,
}

/// Takes a worker's rows.
struct TotalsSink {
    totals: Partial,
    daily: Option<Partial>,
    lost: Vec<(String, String)>,
    room: Option<(Arc<Scratch>, usize)>,
    /// Rows until the totals are measured again.
    unmeasured: u32,
    waiting: Vec<Extent>,
    failed: Option<RunError>,
}

/// Rows after which totals are measured.
const MEASURED_ROWS: u32 = 4096;

impl TotalsSink {
    fn make_room(&mut self) {
        self.unmeasured = MEASURED_ROWS;
        let Some((scratch, _)) = self
            .room
            .as_ref()
            .filter(|(_, limit)| self.totals.footprint() > *limit)
        else {
            return;
        };
        self.totals.flush();
        match scratch.put(&self.totals) {
            Ok(extent) => self.waiting.push(extent),
            Err(source) => self.failed = Some(scratch.failed(source)),
        }
        self.totals = self.totals.successor();
    }
}

impl Sink for TotalsSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.unmeasured = self.unmeasured.saturating_sub(1);
        if self.unmeasured == 0 {
            self.make_room();
        }
        let added = self.totals.add(row);
        match (&added, &mut self.daily) {
            (Ok(()), Some(daily)) => daily.add(row)?,
            (Ok(()), None) => {}
            (Err(_), _) => self
                .lost
                .push(row_key::account_of(self.totals.dataset, row.cells)),
        }
        added
    }

    fn settle(&mut self) {
        self.totals.flush();
        self.daily.iter_mut().for_each(Partial::flush);
    }
}

struct HeaderSink(Vec<PlacedHeader>);

impl Sink for HeaderSink {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let text = crate::model::reject::excerpt(row.place.text);
        self.0.push(PlacedHeader {
            header: Header::read(row.cells)?,
            line: row.place.line(),
            text,
        });
        Ok(())
    }
}

pub(crate) fn read_unit(
    dataset: Dataset,
    name: &str,
    path: &Path,
    counting: &Counting,
) -> Result<UnitReading, RunError> {
    let input = decode::Input {
        unit: name,
        path,
        dataset,
    };
    if dataset == Dataset::Invoices {
        let (decoded, sinks) = decode::decode(input, || HeaderSink(Vec::new()))?;
        let mut headers: Vec<PlacedHeader> = sinks.into_iter().flat_map(|sink| sink.0).collect();
        headers.sort_by_key(|header| header.line);
        return Ok(UnitReading {
            decoded,
            counted: Counted::Headers(headers),
            daily: None,
            lost: Vec::new(),
            waiting: Vec::new(),
        });
    }
    let new_sink = || TotalsSink {
        totals: counting.new_totals(dataset),
        daily: (counting.by_day && dataset == Dataset::Usage).then(|| Partial::daily(dataset)),
        lost: Vec::new(),
        room: counting
            .room
            .clone()
            .filter(|_| dataset != Dataset::UnbilledUsage),
        unmeasured: MEASURED_ROWS,
        waiting: Vec::new(),
        failed: None,
    };
    let (decoded, sinks) = decode::decode(input, new_sink)?;
    let mut sinks = sinks.into_iter();
    let mut whole = sinks.next().unwrap_or_else(new_sink);
    for sink in sinks {
        whole.waiting.extend(sink.waiting);
        whole.failed = whole.failed.or(sink.failed);
        whole.totals.merge(sink.totals);
        if let (Some(daily), Some(more)) = (&mut whole.daily, sink.daily) {
            daily.merge(more);
        }
        whole.lost.extend(sink.lost);
    }
    let TotalsSink {
        totals,
        daily,
        lost,
        waiting,
        failed,
        ..
    } = whole;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(UnitReading {
        decoded,
        counted: Counted::Totals(Box::new(totals)),
        daily,
        lost,
        waiting,
    })
}
