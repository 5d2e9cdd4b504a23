//! A folder and a sink for each invoice, as the APIs serve one at a time.

use super::file::{Written, create_folder};
use super::sink::{Sink, Target};
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::synth::request::SynthError;

/// Sink that deals rows to sinks by their InvoiceNumber.
pub(super) struct ByInvoice {
    target: Target,
    open: fn(Target) -> Box<dyn Sink>,
    /// Sinks by invoice number; there are few, so that a list is fastest.
    sinks: Vec<(String, Box<dyn Sink>)>,
    /// Position of InvoiceNumber among the cells.
    column: usize,
}

impl ByInvoice {
    /// No sink is opened before its invoice has a row.
    pub(super) fn new(target: Target, open: fn(Target) -> Box<dyn Sink>) -> Self {
        let column = match target.dataset {
            Dataset::Usage | Dataset::UnbilledUsage => const { position(USAGE, "InvoiceNumber") },
            Dataset::InvoiceLines => const { position(INVOICE_LINES, "InvoiceNumber") },
            Dataset::Invoices => unreachable!("invoices are written as one collection"),
        };
        Self {
            target,
            open,
            sinks: Vec::new(),
            column,
        }
    }
}

impl Sink for ByInvoice {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        let invoice = cells[self.column];
        if let Some((_, sink)) = self.sinks.iter_mut().find(|(known, _)| known == invoice) {
            return sink.row(cells);
        }
        let folder = self.target.folder.join(invoice);
        create_folder(&folder)?;
        // The id of the export with the invoice's digits at its end, so that no two exports share
        // one.
        let mut export_id = self.target.export_id.clone();
        export_id.replace_range(
            export_id.len() - 8..,
            &invoice[invoice.len().saturating_sub(8)..],
        );
        let mut sink = (self.open)(Target {
            folder,
            invoice_number: invoice.to_owned(),
            export_id,
            ..self.target.clone()
        });
        let written = sink.row(cells);
        self.sinks.push((invoice.to_owned(), sink));
        written
    }

    fn finish(self: Box<Self>) -> Result<Written, SynthError> {
        self.sinks
            .into_iter()
            .try_fold(Written::default(), |written, (_, sink)| {
                Ok(written.and(sink.finish()?))
            })
    }
}
