//! Output: rows and lines go through two windows, in which they lose their order, into the files of
//! every format, and into what a server could serve.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::invoices::{self, Listed};
use super::lines::Line;
use super::notes::Notes;
use super::partner::{Partner, Plan};
use super::partner_center::PartnerCenter;
use super::random::{Random, Shuffle};
use super::request::{Format, Report, Request, SynthError};
use super::truth::{self, Truth, header_truth};
use super::usage::{Scratch, UsageRow};
use super::write::{Content, Sink, Target, Written, create_folder, open};
use crate::model::cause::Cause;
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};

/// Number of usage rows among which one loses its place.
const ROW_WINDOW: usize = 8_192;
/// Number of lines among which one loses its place.
const LINE_WINDOW: usize = 2_048;

/// Everything that is written, and the totals of it.
pub(super) struct Output<'a> {
    partner: &'a Partner,
    out: PathBuf,
    usage: Vec<Box<dyn Sink>>,
    recon: Vec<Box<dyn Sink>>,
    row_window: Shuffle<UsageRow>,
    line_window: Shuffle<Line>,
    scratch: Scratch,
    /// Answers of the other endpoints; `None` where no format is one that a server serves.
    partner_center: Option<PartnerCenter>,
    truths: Vec<Truth>,
    /// Sums of the lines of each invoice, parallel to [`Partner::all_invoices`]; those of
    /// [`Notes::invoices`] follow.
    sums: [InvoiceSum; 6],
    /// Notes inside of invoices; `None` where nothing is planted.
    notes: Option<&'a Notes>,
    /// Content of each export, where months have versions.
    contents: Option<Contents>,
    rows: u64,
    lines: u64,
}

/// Content of the exports, by dataset and invoice number.
pub(super) type Contents = BTreeMap<(Dataset, String), Content>;

/// Report of what was written, with what a layer above may need of it.
pub(super) struct Finished {
    pub(super) report: Report,
    pub(super) truths: Vec<Truth>,
    pub(super) contents: Contents,
}

/// Sums of the lines of an invoice; amounts in cents.
#[derive(Clone, Copy, Default)]
struct InvoiceSum {
    lines: u64,
    total: i128,
    /// Tax in the total.
    tax: i128,
}

impl<'a> Output<'a> {
    /// Opens the files of every format; `notes` are those inside of the invoices. Where months have
    /// versions, exports are told apart by their content.
    pub(super) fn open(
        request: &Request,
        partner: &'a Partner,
        notes: Option<&'a Notes>,
        is_versioned: bool,
    ) -> Result<Self, SynthError> {
        create_folder(&request.out.join("invoices"))?;
        let mut formats = request.formats.clone();
        // The order of the request decides nothing, and no file is made twice.
        formats.sort_unstable();
        formats.dedup();
        let target = |dataset: Dataset, folder: &str, salt: u64| Target {
            dataset,
            folder: request.out.join(folder),
            partner_id: partner.id.clone(),
            invoice_number: partner.invoices[0].number.clone(),
            export_id: Random::of(partner.month_seed, &[9, salt]).guid(),
            month: request.period.to_string().replace('-', ""),
            versioned: is_versioned,
        };
        let sinks = |target: &Target| {
            let sinks = formats.iter().map(|format| open(*format, target));
            sinks.collect::<Result<Vec<_>, _>>()
        };
        let served = |format: &Format| matches!(format, Format::V1 | Format::V2);
        Ok(Self {
            partner,
            out: request.out.clone(),
            usage: sinks(&target(Dataset::Usage, "usage", 0))?,
            recon: sinks(&target(Dataset::InvoiceLines, "recon", 1))?,
            row_window: Shuffle::new(ROW_WINDOW, Random::of(partner.month_seed, &[10])),
            line_window: Shuffle::new(LINE_WINDOW, Random::of(partner.month_seed, &[11])),
            scratch: Scratch::default(),
            partner_center: if formats.iter().any(served) {
                Some(PartnerCenter::new(&request.out, partner, request.planted)?)
            } else {
                None
            },
            truths: Vec::new(),
            sums: [InvoiceSum::default(); 6],
            notes,
            contents: is_versioned.then(BTreeMap::new),
            rows: 0,
            lines: 0,
        })
    }

    /// Takes a usage row.
    pub(super) fn push_row(&mut self, row: UsageRow) -> Result<(), SynthError> {
        self.rows += 1;
        // Before the window: the sums of a plan are closed when its last row is made, not when that
        // is written.
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.row(&row);
        }
        match self.row_window.push(row) {
            Some(row) => self.write_row(&row),
            None => Ok(()),
        }
    }

    /// Writes a line, and adds it to the sums of its invoice.
    pub(super) fn push_line(&mut self, line: Line) -> Result<(), SynthError> {
        self.lines += 1;
        let number = &line.cells[const { position(INVOICE_LINES, "InvoiceNumber") }];
        let notes = self.notes.into_iter().flat_map(Notes::invoices);
        let mut invoices = self.partner.all_invoices().chain(notes);
        let of_line = invoices.position(|invoice| invoice.number == *number);
        let sum = &mut self.sums[of_line.expect("a line has an invoice of the partner")];
        sum.lines += 1;
        sum.total += line.total;
        sum.tax += line.tax;
        match self.line_window.push(line) {
            Some(line) => self.write_line(&line),
            None => Ok(()),
        }
    }

    /// Takes truths about planted variances.
    pub(super) fn push_truths(&mut self, truths: impl IntoIterator<Item = Truth>) {
        self.truths.extend(truths);
    }

    /// Notes that the last row of a plan is made.
    pub(super) fn end_plan(&mut self, plan: &Plan) -> Result<(), SynthError> {
        match &mut self.partner_center {
            Some(partner_center) => partner_center.end_plan(self.partner, plan),
            None => Ok(()),
        }
    }

    fn write_row(&mut self, row: &UsageRow) -> Result<(), SynthError> {
        self.scratch.fill(row);
        let cells = self.scratch.cells(self.partner, row);
        if let Some(contents) = &mut self.contents {
            count(contents, Dataset::Usage, &cells);
        }
        // In the order of the files: unbilled data are whatever rows come first there.
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.usage_cells(&cells)?;
        }
        self.usage.iter_mut().try_for_each(|sink| sink.row(&cells))
    }

    fn write_line(&mut self, line: &Line) -> Result<(), SynthError> {
        let cells = line.cells.each_ref().map(String::as_str);
        if let Some(contents) = &mut self.contents {
            count(contents, Dataset::InvoiceLines, &cells);
        }
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.line_cells(&cells)?;
        }
        self.recon.iter_mut().try_for_each(|sink| sink.row(&cells))
    }

    /// Empties the windows, and writes the invoices and the truth. Planted, the first invoice's
    /// header leaves the tax of its lines out.
    pub(super) fn finish(mut self, untaxed_header: bool) -> Result<Finished, SynthError> {
        // First of all, as everything below closes files that these rows and lines go to.
        while let Some(row) = self.row_window.pop() {
            self.write_row(&row)?;
        }
        while let Some(line) = self.line_window.pop() {
            self.write_line(&line)?;
        }
        let mut headers = self.sums.map(|sum| sum.total);
        if untaxed_header {
            headers[0] -= self.sums[0].tax;
            let truth = header_truth(self.partner, self.sums[0].total, headers[0]);
            self.truths.push(truth);
        }
        if let Some(notes) = self.notes {
            let truth = notes.truth(self.partner, headers[1]);
            self.truths.push(truth);
        }
        let mut written = self.write_invoices(headers)?;
        let period = self.partner.period.to_string();
        written = written.and(truth::write(&self.out, &period, &mut self.truths)?);
        for sink in self.usage.into_iter().chain(self.recon) {
            written = written.and(sink.finish()?);
        }
        let report = Report {
            rows: self.rows,
            lines: self.lines,
            planted: planted(&self.truths),
            files: written.files,
            bytes: written.bytes,
        };
        Ok(Finished {
            report,
            truths: self.truths,
            contents: self.contents.unwrap_or_default(),
        })
    }

    /// Headers of the invoices that have lines, and of the one that is voided; totals in cents. A
    /// note is listed inside of the invoice that it amends.
    fn listed(&self, headers: [i128; 6]) -> Vec<Listed<'a>> {
        let partner = self.partner;
        let mut listed = Vec::new();
        let sums = headers.into_iter().zip(self.sums);
        for (at, (invoice, (total, sum))) in partner.all_invoices().zip(sums).enumerate() {
            // The first two are there in any month.
            if at < 2 || sum.lines > 0 {
                let (id, currency) = (&invoice.number, invoice.currency);
                let notes = self.notes.filter(|_| at == 1);
                listed.push(Listed {
                    id,
                    currency,
                    total,
                    note: notes.map(Notes::adjusting),
                });
            }
        }
        if let Some(notes) = self.notes {
            let [.., voided, void_note] = headers;
            listed.push(Listed {
                id: &notes.voided.number,
                currency: notes.voided.currency,
                total: voided,
                note: Some(notes.voiding(void_note)),
            });
        }
        listed
    }

    /// Writes the invoice headers, their totals in cents, and what else is served.
    fn write_invoices(&mut self, headers: [i128; 6]) -> Result<Written, SynthError> {
        let items = invoices::items(self.partner, &self.listed(headers));
        let written = invoices::write(&self.out, "invoices.json", &items)?;
        let Some(partner_center) = self.partner_center.take() else {
            return Ok(written);
        };
        let (more, legacy) = partner_center.finish(self.partner, &items)?;
        // The legacy invoice in a file of its own: a glob over `invoices` finds both files.
        let legacy = invoices::write(&self.out, "legacy.json", &[legacy])?;
        Ok(written.and(more).and(legacy))
    }
}

/// Counts a row of an export.
fn count(contents: &mut Contents, dataset: Dataset, cells: &[&str]) {
    let column = match dataset {
        Dataset::InvoiceLines => const { position(INVOICE_LINES, "InvoiceNumber") },
        _ => const { position(USAGE, "InvoiceNumber") },
    };
    let key = (dataset, cells[column].to_owned());
    contents.entry(key).or_default().add(dataset, cells);
}

/// Number of truths that name each cause, causes without any left out.
fn planted(truths: &[Truth]) -> Vec<(Cause, u64)> {
    let count = |cause: Cause| {
        let named = truths.iter().filter(|truth| truth.causes.contains(&cause));
        named.count() as u64
    };
    let counts = Cause::ALL.into_iter().map(|cause| (cause, count(cause)));
    counts.filter(|(_, count)| *count > 0).collect()
}
