//! The same row in every format is one row: CSV in any quotes, JSON lines, JSON pages and Parquet,
//! with more or fewer columns, usage and invoice lines.

use std::sync::Arc;

use tieout::decode::{self, Input, Sink};
use tieout::engine::count::duplicate_filter::DuplicateFilter;
use tieout::engine::count::partial::Partial;
use tieout::model::content::content_of;
use tieout::model::dataset::{Dataset, Kind};
use tieout::model::reject::Rejection;
use tieout::model::row::Row;
use tieout::synth::Format;

use crate::copies::prints_of;
use crate::runs::{globs, month};

/// Rows of a file: the content of each, and what the engine counts of them.
struct Counted {
    contents: Vec<u64>,
    partial: Partial,
}

impl Sink for Counted {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.partial.add(row)?;
        self.contents.push(content_of(self.partial.dataset, row));
        Ok(())
    }

    fn flush(&mut self) {
        self.partial.flush();
    }
}

/// Rows of a month's files of one format. `filter` finds duplicates among all formats.
fn count(
    globs: &[String],
    dataset: Dataset,
    filter: &Arc<DuplicateFilter>,
) -> (Vec<u64>, Vec<Partial>) {
    let (mut contents, mut partials) = (Vec::new(), Vec::new());
    for path in tieout::pipeline::plan::globs::find(&globs[0]).unwrap() {
        let file = std::fs::File::open(path).unwrap();
        let input = Input {
            unit: "rows",
            file: &file,
            dataset,
        };
        let sink = || Counted {
            contents: Vec::new(),
            partial: Partial::new(dataset, Arc::clone(filter)),
        };
        for sink in decode::decode(input, sink).unwrap().1 {
            // Each text is hashed once, and the sum is the same as if each cell were.
            assert_eq!(sink.partial.fingerprints, sink.contents);
            contents.extend(sink.contents);
            partials.push(sink.partial);
        }
    }
    contents.sort_unstable();
    (contents, partials)
}

/// The same month in every format has the same rows by value, usage and lines, and all but one of
/// them are copies.
#[test]
fn a_row_is_one_row_in_every_format() {
    let formats = [Format::Csv, Format::V2, Format::Parquet, Format::V1];
    let folder = month(3_000, 5, &formats);
    for (at, dataset) in [Dataset::Usage, Dataset::InvoiceLines]
        .into_iter()
        .enumerate()
    {
        let filter = Arc::new(DuplicateFilter::for_rows(20_000, 1 << 20));
        let mut whole = Partial::empty(dataset);
        let mut first: Option<Vec<u64>> = None;
        for format in formats {
            let files = &globs(folder.path(), format)[at];
            let (contents, partials) = count(files, dataset, &filter);
            partials
                .into_iter()
                .for_each(|partial| whole.merge(partial));
            let csv = first.get_or_insert_with(|| contents.clone());
            assert!(*csv == contents, "{dataset:?} {format:?}");
        }
        let mut distinct = first.unwrap();
        distinct.dedup();
        whole.count_own_duplicates();
        let copies: u64 = whole.copies.values().map(|copies| copies.rows).sum();
        assert_eq!(copies, whole.rows() - distinct.len() as u64);
    }
}

/// A file of 52 columns, as before benefits were told, and one of 55 that are empty.
#[test]
fn columns_that_a_file_lacks_are_empty() {
    let columns = Dataset::Usage.columns();
    let names = |count: usize| {
        let names: Vec<&str> = columns[..count].iter().map(|column| column.name).collect();
        names.join(",")
    };
    let cells: Vec<String> = columns
        .iter()
        .map(|column| match column.kind {
            Kind::Date => "10/03/2026".to_owned(),
            Kind::Decimal(_) => "1.50".to_owned(),
            Kind::Text(_) => format!("a {}", column.name),
        })
        .collect();
    let row = cells[..52].join(",");
    let old = prints_of(format!("{}\n{row}\n", names(52)).as_bytes());
    let new = prints_of(format!("{}\n{row},,,\n", names(55)).as_bytes());
    assert_eq!(old, new);
    let null = prints_of(format!("{}\n{row},NULL,\"\", \n", names(55)).as_bytes());
    assert_eq!(old, null);
    let benefit = prints_of(format!("{}\n{row},b,,\n", names(55)).as_bytes());
    assert_ne!(old, benefit);
    // As JSON, with the end of the month as it has it, and a share as v1 has it.
    let pairs = columns[..52].iter().zip(&cells).map(|(column, cell)| {
        let value = match column.kind {
            Kind::Date => "\"2026-10-03T00:00:00Z\"".to_owned(),
            Kind::Decimal(_) if column.name.ends_with("CreditPercentage") => "0.015".to_owned(),
            Kind::Decimal(_) => "1.5".to_owned(),
            Kind::Text(_) => format!("\"{}\"", cell.to_uppercase()),
        };
        format!("\"{}\":{value}", column.name.to_lowercase())
    });
    let pairs: Vec<String> = pairs.collect();
    let json = format!(
        "{{{},\"benefitId\":null,\"billingProvider\":\"azure\"}}\n",
        pairs.join(",")
    );
    assert_eq!(prints_of(json.as_bytes()), old);
    // Any one value that differs makes another row.
    for at in 0..52 {
        let mut other = cells.clone();
        other[at] = match columns[at].kind {
            Kind::Date => "10/04/2026".to_owned(),
            Kind::Decimal(_) => "1.51".to_owned(),
            Kind::Text(_) => format!("{}x", cells[at]),
        };
        let other = format!("{}\n{}\n", names(52), other[..52].join(","));
        assert_ne!(prints_of(other.as_bytes()), old, "{}", columns[at].name);
    }
}
