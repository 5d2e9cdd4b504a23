//! Matches of usage and invoice lines: the passes over what the lines' descriptions repeat, and what
//! second invoices add.

use std::sync::Arc;

use super::descriptions::{self, DescriptionColumns};
use super::passes::{Pass, match_frames};
use super::second_invoices::{self, SecondInvoices};
use crate::engine::fold::columns::{self, SCOPE};
use crate::engine::fold::folded::Folded;
use crate::engine::rules::keys::FINE_KEYS;

/// Matches of usage and invoice lines.
#[derive(Debug)]
pub struct Matching {
    /// Description of each usage row, as lines have it, parallel to the usage frame.
    pub described: Vec<u32>,
    /// Number of each row's match, parallel to the rows of the usage frame.
    pub of_usage: Vec<u32>,
    /// Number of each row's match, parallel to the rows of the lines frame.
    pub of_lines: Vec<u32>,
    /// Name of the pass or rule that made each match; empty for one-sided ones.
    pub matched_on: Vec<Arc<str>>,
    /// Matches that second invoices decided on.
    pub second_invoices: SecondInvoices,
}

/// Matches usage and invoice lines. `descriptions` tells which usage column the lines'
/// MeterDescription repeats.
pub fn match_usage(
    totals: &Folded,
    descriptions: &DescriptionColumns,
    passes: &[Pass],
) -> Matching {
    let described = descriptions.codes(&totals.usage, &totals.vocabulary);
    let usage = descriptions::described(&totals.usage, described.clone());
    let met = match_frames(
        (&usage, &totals.lines),
        &FINE_KEYS,
        passes,
        Some(columns::codes(&totals.lines, SCOPE)),
    );
    let (met, second_invoices) = second_invoices::settled(totals, met);
    Matching {
        described,
        of_usage: met.of_left,
        of_lines: met.of_right,
        matched_on: met.matched_on,
        second_invoices,
    }
}
