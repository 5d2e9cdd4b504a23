//! The oracle's counterparts: one-sided breaks of one customer and currency that have the same
//! quantity and amount, the same amount, or the same quantity.

use tieout::model::decimal::{Rounding, rescale};

use crate::runs::units;

/// Position of the break's id in a row.
const ID: usize = 26;
/// Position of the counterpart in a row.
const COUNTERPART: usize = 30;

/// Names the counterpart of each row that has one. Rows are in the published order, in which the
/// first of several is taken.
pub(super) fn add_counterparts(rows: &mut [Vec<String>]) {
    for kind in 0..3 {
        for at in 0..rows.len() {
            let half = (0..rows.len()).find(|other| {
                is_open(&rows[at], 17)
                    && is_open(&rows[*other], 16)
                    && [0, 3, 14]
                        .iter()
                        .all(|key| rows[at][*key] == rows[*other][*key])
                    && agree(&rows[at], &rows[*other], kind)
            });
            if let Some(half) = half {
                let ids = [at, half].map(|row| rows[row][ID].clone());
                let [first, second] = ids;
                rows[at][COUNTERPART] = second;
                rows[half][COUNTERPART] = first;
            }
        }
    }
}

/// True of a break without a counterpart that has no rows on the side of that column.
fn is_open(row: &[String], side: usize) -> bool {
    row[0] == "usage-to-invoice"
        && row[25] == "break"
        && row[side] == "0"
        && row[COUNTERPART].is_empty()
}

/// True if usage without a line and a line without usage have the same numbers: both, the amount, or
/// the quantity.
fn agree(used: &[String], billed: &[String], kind: usize) -> bool {
    let (quantity, amount) = (units(&used[18]), units(&used[21]));
    let billed = [units(&billed[19]), units(&billed[22])];
    let cents = |amount, mode| rescale(amount, 10, 2, mode).unwrap();
    let amounts = [Rounding::Down, Rounding::HalfUp].map(|mode| cents(amount, mode));
    let is_amount = amounts
        .iter()
        .any(|amount| *amount != 0 && *amount == cents(billed[1], Rounding::Down));
    let is_quantity = quantity != 0 && quantity == billed[0];
    match kind {
        0 => is_quantity && is_amount,
        1 => is_amount,
        _ => is_quantity,
    }
}
