//! Unbilled data: the first rows and lines of the month, as both generations of the API would have
//! served them before there was an invoice.

use std::collections::BTreeMap;

use super::files::Files;
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::synth::request::SynthError;
use crate::synth::write::ApiItem;

/// Number of items of the first currency: more than a page of 2,000.
const MANY: u64 = 2_100;
/// Number of items of the other currency, and of the running month.
const FEW: u64 = 60;

/// Tap of the rows and lines that are written.
pub(super) struct Unbilled {
    /// Writers for v1 and v2.
    usage: [ApiItem; 2],
    /// Writers for v1 and v2.
    lines: [ApiItem; 2],
    /// Number of items seen, by kind and currency.
    taken: BTreeMap<(&'static str, String), u64>,
    first_currency: &'static str,
}

impl Unbilled {
    /// Tap that takes more of the first currency than of any other.
    pub(super) fn new(first_currency: &'static str) -> Self {
        let items = |dataset| [ApiItem::v1(dataset), ApiItem::v2(dataset)];
        Self {
            usage: items(Dataset::Usage),
            lines: items(Dataset::InvoiceLines),
            taken: BTreeMap::new(),
            first_currency,
        }
    }

    /// Takes a usage row, if there are not enough of its currency.
    pub(super) fn usage(&mut self, files: &mut Files, cells: &[&str]) -> Result<(), SynthError> {
        const CURRENCY: usize = position(USAGE, "BillingCurrency");
        const INVOICE: usize = position(USAGE, "InvoiceNumber");
        self.take(
            files,
            ["unbilled_usage", "unbilled_usage_v2"],
            cells,
            CURRENCY,
            INVOICE,
        )
    }

    /// Takes a line, if there are not enough of its currency.
    pub(super) fn line(&mut self, files: &mut Files, cells: &[&str]) -> Result<(), SynthError> {
        const CURRENCY: usize = position(INVOICE_LINES, "Currency");
        const INVOICE: usize = position(INVOICE_LINES, "InvoiceNumber");
        self.take(
            files,
            ["unbilled_lines", "unbilled_lines_v2"],
            cells,
            CURRENCY,
            INVOICE,
        )
    }

    /// Writes a row in both forms, without its invoice number.
    fn take(
        &mut self,
        files: &mut Files,
        kinds: [&'static str; 2],
        cells: &[&str],
        currency: usize,
        invoice: usize,
    ) -> Result<(), SynthError> {
        let currency = cells[currency];
        let taken = self
            .taken
            .entry((kinds[0], currency.to_owned()))
            .or_default();
        *taken += 1;
        let taken = *taken;
        let last = if currency == self.first_currency {
            MANY
        } else {
            FEW
        };
        if taken > last {
            return Ok(());
        }
        let mut cells = cells.to_vec();
        cells[invoice] = "";
        let items = if kinds[0] == "unbilled_usage" {
            &mut self.usage
        } else {
            &mut self.lines
        };
        // The previous month has all of them, the running one the first few.
        for (kind, item) in kinds.into_iter().zip(items) {
            let text = item.text(&cells);
            files.put(kind, &format!("{currency}/previous"), &text)?;
            if taken <= FEW {
                files.put(kind, &format!("{currency}/current"), &text)?;
            }
        }
        Ok(())
    }
}
