//! Sums of usage and of lines by their own invoice, as their exports have them. A group stands under one
//! invoice, though the lines of a second one may be settled in it; what was restated is asked of these
//! sums, not of groups.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use polars::prelude::DataFrame;

use crate::engine::failure::EngineError;
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::keys::Part;
use crate::model::decimal::{PUBLISHED_LIMIT, to_published};

/// Sum of the rows of one invoice and currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvoiceSum {
    /// Number of source rows.
    pub rows: u64,
    /// Sum of their amounts: units of 10^-20 while they are added up, 10^-10 in the end.
    pub amount: i128,
    /// Fingerprint of what was used or billed by whom, and for how much, whatever the order and the
    /// files: two sums that agree may be of other rows.
    pub content: u64,
}

/// Sums by the codes of invoice and currency.
pub type InvoiceSums = BTreeMap<[u32; 2], InvoiceSum>;

/// Keys of which the fingerprint is made, as far as a frame has them.
const CONTENT: [Part; 8] = [
    Part::Customer,
    Part::Subscription,
    Part::Product,
    Part::Sku,
    Part::Availability,
    Part::Adjustment,
    Part::Description,
    Part::Meter,
];

/// Adds the rows of a frame of `totals`; `amount` names the column that is added up.
pub(super) fn add(sums: &mut InvoiceSums, totals: &Folded, frame: &DataFrame, amount: &str) {
    let contents = contents(totals, frame, amount);
    let invoices = columns::codes(frame, Part::Invoice.column());
    let currencies = columns::codes(frame, Part::Currency.column());
    let rows = columns::counts(frame, "rows");
    let amounts = columns::sums(frame, amount);
    let keys = invoices.iter().zip(currencies).zip(contents);
    for (((invoice, currency), content), (rows, amount)) in keys.zip(rows.iter().zip(amounts)) {
        let sum = sums.entry([*invoice, *currency]).or_default();
        sum.rows += rows;
        // No overflow: the absolute values of a source are bounded.
        sum.amount += amount;
        sum.content = sum.content.wrapping_add(content);
    }
}

/// Fingerprint of each row of a frame.
fn contents(totals: &Folded, frame: &DataFrame, amount: &str) -> Vec<u64> {
    let mut rows = vec![0_u64; frame.height()];
    for part in CONTENT {
        if frame.column(part.column()).is_err() {
            continue;
        }
        let domain = part.domain();
        let mut known: HashMap<u32, u64> = HashMap::new();
        for (row, code) in rows.iter_mut().zip(columns::codes(frame, part.column())) {
            let text = *known.entry(*code).or_insert_with(|| {
                // As it is folded: another spelling is no other content.
                let hash = blake3::hash(totals.vocabulary.folded(domain, *code).as_bytes());
                first_bytes(&hash)
            });
            *row = mixed(*row, text);
        }
    }
    for column in ["quantity", amount] {
        for (row, sum) in rows.iter_mut().zip(columns::sums(frame, column)) {
            let [low, high] = [*sum, *sum >> 64].map(|half| half.to_le_bytes());
            for half in [low, high] {
                let half = half.first_chunk().expect("16 bytes have 8");
                *row = mixed(*row, u64::from_le_bytes(*half));
            }
        }
    }
    rows
}

fn first_bytes(hash: &blake3::Hash) -> u64 {
    let bytes = hash.as_bytes().first_chunk().expect("32 bytes have 8");
    u64::from_le_bytes(*bytes)
}

/// A fingerprint with one more value: not of its order only, so that values do not cancel out.
const fn mixed(row: u64, value: u64) -> u64 {
    // The odd constant of 64-bit golden-ratio hashing.
    let mixed = (row.rotate_left(29) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}

/// Sums as they are published.
///
/// # Errors
/// [`EngineError::AmountOverflow`] for an amount past 28 digits.
pub(super) fn published(sums: InvoiceSums) -> Result<InvoiceSums, EngineError> {
    let published = sums.into_iter().map(|(key, sum)| {
        let amount = to_published(sum.amount).filter(|amount| amount.abs() <= PUBLISHED_LIMIT);
        let amount = amount.ok_or(EngineError::AmountOverflow)?;
        Ok((key, InvoiceSum { amount, ..sum }))
    });
    published.collect()
}
