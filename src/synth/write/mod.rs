//! Rows into files: one sink for each of Microsoft's formats. A sink takes a row's cells in the
//! order of the dataset's columns; dates as `2026-10-05`, numbers as decimal text.

mod by_invoice;
mod content;
mod csv;
mod file;
mod item;
mod json;
mod pages;
mod parquet;
mod sink;
mod spelling;

use super::request::{Format, SynthError};

pub(super) use self::content::Content;
pub(super) use self::csv::csv_cell;
pub(super) use self::file::{OutFile, Written, create_folder, refuse_full_folder};
pub(super) use self::item::ApiItem;
pub(super) use self::parquet::properties;
pub(super) use self::sink::{Sink, Target};
pub(super) use self::spelling::push_json_text;

/// Opens a format below the dataset's folder.
pub(super) fn open(format: Format, target: &Target) -> Result<Box<dyn Sink>, SynthError> {
    let target = Target {
        folder: target.folder.join(format.name()),
        ..target.clone()
    };
    create_folder(&target.folder)?;
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(target)),
        Format::V2 => Box::new(by_invoice::ByInvoice::new(target, |target| {
            Box::new(json::Lines::new(target))
        })),
        Format::V1 => Box::new(by_invoice::ByInvoice::new(target, |target| {
            Box::new(pages::Pages::new(target))
        })),
        Format::Parquet => Box::new(parquet::Parquet::new(target)?),
    })
}
