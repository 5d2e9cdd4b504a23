//! The synthetic partner: usage, reconciliation lines and invoices in Microsoft's own formats, with
//! planted variances and the truth beside them. A pure function of the request: equal rows, seed
//! and period give equal bytes, and every format holds equal values.
//!
//! The partner is deliberately not built on the engine: it does Microsoft's arithmetic for itself,
//! so that the two can be held against each other.
//!
//! In reading order: `catalogue`, `partner` and `layout` decide what is sold to whom, `planting`
//! what goes wrong, `usage`, `lines`, `settle` and `elsewhere` make rows and lines of it; what a plant
//! needs beyond that has a file of its own (`spreadsheet`, `promotion`, `second`, `strays`, `notes`).
//! `months` makes several months of one partner that hang together: `month`, `carried` and `course` are what one
//! of them differs by. `truth` notes what a reconciliation should find, `write` spells it all in files, and `emit` walks over
//! the partner.

mod carried;
mod catalogue;
mod course;
mod elsewhere;
mod emit;
mod exact;
mod invoices;
mod layout;
mod lines;
mod month;
mod months;
mod notes;
mod number;
mod output;
mod partner;
mod partner_center;
mod planting;
mod promotion;
mod random;
mod request;
mod second;
mod settle;
mod spreadsheet;
mod strays;
#[cfg(test)]
mod tests;
mod truth;
mod usage;
mod write;

pub use self::request::{Format, Months, MonthsReport, Report, Request, SynthError};

/// Makes the synthetic partner.
///
/// # Errors
/// [`SynthError`] where `out` is not empty or cannot be written.
pub fn generate(request: &Request) -> Result<Report, SynthError> {
    write::refuse_full_folder(&request.out)?;
    Ok(emit::emit(request, None)?.report)
}

/// Makes several months of a partner.
///
/// # Errors
/// [`SynthError`] where `out` is not empty or cannot be written.
pub fn generate_months(request: &Months) -> Result<MonthsReport, SynthError> {
    write::refuse_full_folder(&request.first.out)?;
    months::make(request)
}
