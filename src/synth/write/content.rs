//! Content of an export: a sum that tells whether two exports hold equal rows, in whatever order.

use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::decimal;
use crate::synth::usage::TOTAL_SCALE;

/// Rows of one invoice in one dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::synth) struct Content {
    pub(in crate::synth) rows: u64,
    /// Sum of the rows' hashes, which their order does not change.
    sum: u64,
    /// Sum of BillingPreTaxTotal, or of Subtotal, units of 10^-15.
    pub(in crate::synth) amount: i128,
}

impl Content {
    /// Adds a row of the dataset.
    pub(in crate::synth) fn add(&mut self, dataset: Dataset, cells: &[&str]) {
        let mut hasher = blake3::Hasher::new();
        for cell in cells {
            hasher.update(cell.as_bytes());
            hasher.update(&[0]);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        self.sum = self.sum.wrapping_add(u64::from_le_bytes(first));
        self.rows += 1;
        let column = match dataset {
            Dataset::InvoiceLines => const { position(INVOICE_LINES, "Subtotal") },
            _ => const { position(USAGE, "BillingPreTaxTotal") },
        };
        let amount = decimal::parse(cells[column].as_bytes(), TOTAL_SCALE);
        self.amount += amount.expect("an amount that was made here").value;
    }

    /// Version of the data, as a manifest names it.
    pub(in crate::synth) fn etag(&self) -> String {
        format!("{:016x}-{}", self.sum, self.rows)
    }
}
