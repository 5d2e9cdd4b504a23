//! A CSV file from its header to its last row, as Partner Center, spreadsheets and scripts write
//! it: any column order, byte order marks, CRLF, headers that come again; ragged rows are rejected.
//!
//! Each file is first taken for regular text. If a slice turns out not to be, all rows are
//! forgotten and the file is read again from its start by the csv crate. Both ways give the same
//! rows for regular text.

use std::sync::atomic::{AtomicBool, Ordering};

use super::layout::{Layout, Wanted, csv_crate, header, next_record};
use super::regular::Stopped;
use super::{any_text, regular};
use crate::decode::binding::Binding;
use crate::decode::borders::{Border, QuoteParity, QuoteScan};
use crate::decode::collector::Collector;
use crate::decode::failure::DecodeError;
use crate::decode::input::Input;
use crate::decode::open::{self, ByteStream, Opened};
use crate::decode::sink::{Sink, SliceSink};
use crate::decode::slices::{Slice, Slices};

/// Reads all rows of a CSV file.
pub(crate) fn read<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    stream: ByteStream<'_>,
) -> Result<(), DecodeError> {
    let is_irregular = AtomicBool::new(false);
    let result = read_by(collector, stream, &Way::Regular(&is_irregular));
    if !is_irregular.into_inner() {
        return result;
    }
    // The rows so far may be cut in the wrong places, so none of them is kept.
    collector.restart();
    match open::open(collector.input.unit, collector.input.file, collector.hash())? {
        (_, Opened::Csv(again)) => read_by(collector, again, &Way::AnyText),
        // The file was rewritten meanwhile: the first error is as good as any.
        _ => result,
    }
}

/// Headings of a CSV file; none of an empty one.
pub(crate) fn headings(
    input: Input<'_>,
    stream: ByteStream<'_>,
) -> Result<Vec<String>, DecodeError> {
    let mut slices = Slices::new(input, stream, Border::Csv(QuoteScan::default()));
    let first = slices.next_slice()?;
    Ok(first.map_or_else(Vec::new, |first| header(first.bytes()).0))
}

/// Cells of one record, without quotes.
pub(crate) fn cells_of(text: &[u8]) -> Vec<String> {
    let mut record = csv::ByteRecord::new();
    next_record(&mut csv_crate(text), &mut record);
    let cells = record.iter();
    cells
        .map(|cell| String::from_utf8_lossy(cell).into_owned())
        .collect()
}

/// One of the two ways to read CSV.
enum Way<'f> {
    /// As regular text; the flag is set where the text is not regular.
    Regular(&'f AtomicBool),
    /// By the csv crate.
    AnyText,
}

impl Way<'_> {
    fn border(&self) -> Border {
        match self {
            Self::Regular(_) => Border::Parity(QuoteParity::default()),
            Self::AnyText => Border::Csv(QuoteScan::default()),
        }
    }

    /// Notes an error that may come from irregular text alone: if quotes are misread, so are the
    /// borders.
    fn suspect(&self) {
        if let Self::Regular(is_irregular) = self {
            // The flag is read only after all workers are back, so no order needs to be kept.
            is_irregular.store(true, Ordering::Relaxed);
        }
    }

    fn read_slice<S: Sink>(
        &self,
        layout: &Layout,
        slice: &Slice,
        from: usize,
        sink: &mut SliceSink<'_, S>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Regular(_) => {
                regular::read(layout, slice, from, sink).map_err(|stopped| match stopped {
                    Stopped::Irregular => {
                        self.suspect();
                        irregular(sink.input.unit)
                    }
                    Stopped::Refused(error) => error,
                })
            }
            Self::AnyText => any_text::read(layout, slice, from, sink),
        }
    }
}

/// The error that ends the first way. It is shown only if the file is no CSV when it is opened
/// again.
fn irregular(unit: &str) -> DecodeError {
    DecodeError::wrong(
        unit,
        "stray quotes",
        "quotes around cells",
        "put the whole cell in quotes, and double each quote inside it",
    )
}

fn read_by<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    stream: ByteStream<'_>,
    way: &Way<'_>,
) -> Result<(), DecodeError> {
    let input = collector.input;
    let mut slices = Slices::new(input, stream, way.border());
    // One slice ahead of the workers, for all of them need the layout that the header gives.
    let first = match slices.next_slice() {
        Ok(Some(first)) => first,
        Ok(None) => return Ok(()),
        Err(error) => {
            if slices.is_in_quotes() {
                way.suspect();
            }
            return Err(error);
        }
    };
    let (headings, after) = header(first.bytes());
    let layout = bind(collector, headings)?;
    let work = |slice: &Slice, from: usize| {
        collector.with_sink(slice.number, |sink| {
            way.read_slice(&layout, slice, from, sink)
        })
    };
    // Only the first slice begins with the header, whose rows start at `after`.
    work(&first, after)?;
    drop(first);
    let finished = slices.for_each(|slice| work(slice, 0));
    if finished.result.is_err() && finished.ended_in_quotes {
        way.suspect();
    }
    finished.result
}

fn bind<S: Sink>(
    collector: &Collector<'_, S, impl Fn() -> S + Sync>,
    headings: Vec<String>,
) -> Result<Layout, DecodeError> {
    let input = collector.input;
    let binding = Binding::new(input, &headings)?;
    if let Some(warning) = binding.unknown_columns(input) {
        collector.warn(warning);
    }
    let columns = &collector.columns;
    let at = |filled: &dyn Fn(usize) -> Option<usize>| {
        let positions = 0..headings.len();
        positions
            .filter_map(|at| Some((at, filled(at)?)))
            .collect::<Vec<_>>()
    };
    let wanted = Wanted {
        read: at(&|at| binding.read(at, columns)),
        carried: at(&|at| binding.carried(at, columns)),
    };
    let slots = binding.slots.iter().enumerate();
    let unread = slots
        .filter(|(_, slot)| slot.is_none() && collector.columns.is_whole())
        .map(|(at, _)| at);
    Ok(Layout::new(input.dataset, &headings, wanted, unread))
}
