//! Usage day by day: rows of comparisons that look at days.

use rayon::prelude::*;

use super::side_row::SideRow;
use crate::engine::count::key_layout::TUPLES;
use crate::engine::count::partial::Partial;
use crate::engine::rules::definitions::KEYS;

/// Usage of one key and day. Sums in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Codes in the order of [`KEYS`]; the description is the meter's name.
    pub keys: [u32; KEYS.len()],
    /// Code of the exchange rate.
    pub rate: u32,
    /// Rows.
    pub rows: u64,
    /// Quantity.
    pub quantity: i128,
    /// In the billing currency.
    pub billing: i128,
    /// In the pricing currency.
    pub pricing: i128,
    /// How far the billed amount may be from the exact one.
    pub precision: i128,
}

/// Rows of a partial of the daily grain, sorted; `code` gives the folded code of a field of a tuple.
#[must_use]
pub fn rows(
    partial: &Partial,
    code: impl Fn(&[u32; TUPLES], usize, usize) -> u32 + Sync,
) -> Vec<DayRow> {
    let mut rows: Vec<DayRow> = partial
        .totals
        .iter()
        .map(|(key, total)| {
            let at = |tuple, field| code(key, tuple, field);
            let keys = [
                at(0, 0),
                at(0, 1),
                at(0, 3),
                at(1, 0),
                at(1, 1),
                at(1, 2),
                at(1, 6),
                at(3, 1),
                at(0, 4),
                at(1, 5),
                at(2, 2),
                at(3, 2),
                0,
            ];
            let [quantity, billing, pricing, _] = total.sums;
            DayRow {
                keys,
                rate: at(0, 6),
                rows: total.rows,
                quantity,
                billing,
                pricing,
                precision: total.precision,
            }
        })
        .collect();
    rows.par_sort_unstable_by_key(|row| (row.keys, row.rate, row.quantity, row.billing, row.rows));
    rows
}

impl DayRow {
    /// The row with only some of its keys.
    #[must_use]
    pub fn by(&self, names: &[&str]) -> SideRow {
        let mut keys = [0; KEYS.len()];
        for ((slot, code), (name, ..)) in keys.iter_mut().zip(self.keys).zip(KEYS) {
            if names.contains(&name) {
                *slot = code;
            }
        }
        SideRow {
            keys,
            rows: self.rows,
            quantity: self.quantity,
            amount: self.billing,
            bound: self.precision,
            at_billed_price: None,
        }
    }
}

/// Rows with equal keys added up, sorted by them; with each the positions of what it is made of.
/// `None` on overflow.
#[must_use]
pub fn summed(rows: impl Iterator<Item = SideRow>) -> Option<(Vec<SideRow>, Vec<Vec<usize>>)> {
    let mut order: Vec<(usize, SideRow)> = rows.enumerate().collect();
    order.sort_by_key(|(position, row)| (row.keys, *position));
    let (mut sums, mut made_of): (Vec<SideRow>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    for (position, row) in order {
        match (sums.last_mut(), made_of.last_mut()) {
            (Some(sum), Some(positions)) if sum.keys == row.keys => {
                sum.rows += row.rows;
                sum.quantity = sum.quantity.checked_add(row.quantity)?;
                sum.amount = sum.amount.checked_add(row.amount)?;
                sum.bound = sum.bound.checked_add(row.bound)?;
                positions.push(position);
            }
            _ => {
                sums.push(row);
                made_of.push(vec![position]);
            }
        }
    }
    Some((sums, made_of))
}
