//! Usage day by day, for the tie-outs that compare days.
//!
//! These rows are sums of one key and day. They are kept apart from the usage frame, which is by
//! month, and are made only where a tie-out asks for them.

use rayon::prelude::*;

use super::codes::Codes;
use super::side_row::SideRow;
use crate::engine::count::partial::Partial;
use crate::engine::rules::keys::{KEYS, Key, Part};

/// Usage of one key and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Codes in the order of [`Key::ALL`], 0 for [`Key::Line`]; the description is the meter's
    /// name.
    pub keys: [u32; KEYS],
    /// Code of the exchange rate.
    pub rate: u32,
    /// Number of source rows.
    pub rows: u64,
    /// Quantity, in units of 10^-20.
    pub quantity: i128,
    /// Amount in the billing currency, in units of 10^-20.
    pub billing: i128,
    /// Amount in the pricing currency, in units of 10^-20.
    pub pricing: i128,
    /// Bound on the distance of the billed amount from the exact one, in units of 10^-20.
    pub precision: i128,
}

/// Rows of a partial that was counted day by day, sorted.
#[must_use]
pub(super) fn rows(partial: &Partial, codes: &Codes) -> Vec<DayRow> {
    // Usage is compared with usage here, so that no column need be found that lines repeat: the
    // meter's name will do.
    let parts = Key::ALL.map(|key| match key {
        Key::Description => Some(Part::MeterName),
        Key::Line => None,
        key => Some(key.part()),
    });
    let mut rows: Vec<DayRow> = partial
        .totals
        .iter()
        .map(|(key, total)| {
            let [quantity, billing, pricing, _] = total.sums;
            DayRow {
                keys: parts.map(|part| match part {
                    Some(part) => codes.get(key, part),
                    None => 0,
                }),
                rate: codes.get(key, Part::Rate),
                rows: total.rows,
                quantity,
                billing,
                pricing,
                precision: total.precision,
            }
        })
        .collect();
    // Rows that are equal in all of this may change places, as all readers add them up.
    rows.par_sort_unstable_by_key(|row| (row.keys, row.rate, row.quantity, row.billing, row.rows));
    rows
}

impl DayRow {
    /// Code of a key; 0 for a key that the row lacks.
    #[must_use]
    pub const fn code(&self, key: Key) -> u32 {
        self.keys[key as usize]
    }

    /// The row as one of a tie-out by amount, with only some of its keys.
    #[must_use]
    pub fn by(&self, wanted: &[Key]) -> SideRow {
        let mut keys = [0; KEYS];
        for key in wanted {
            keys[*key as usize] = self.keys[*key as usize];
        }
        SideRow {
            keys,
            rows: self.rows,
            quantity: self.quantity,
            amount: self.billing,
            bound: self.precision,
            charge: None,
        }
    }
}

/// Rows with equal keys added up, sorted by their keys; and for each the positions of the rows that
/// it is the sum of. `None` on overflow.
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
