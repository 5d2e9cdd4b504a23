//! Rows of one side of a tie-out, in the one shape that every tie-out over two lists compares.

use crate::engine::rules::keys::{KEYS, Key};

/// A row of a side: codes of its keys, and sums in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideRow {
    /// Codes in the order of [`Key::ALL`]; 0 for a key that the row lacks.
    pub keys: [u32; KEYS],
    /// Number of source rows.
    pub rows: u64,
    /// Quantity, in units of 10^-20; 0 where only amounts are compared.
    pub quantity: i128,
    /// Amount, in units of 10^-20; 0 where only quantities are compared.
    pub amount: i128,
    /// Bound on the distance of the compared sum from the exact one, in units of 10^-20; not
    /// negative.
    pub bound: i128,
    /// Position of the row's charge among those of the rate card; `None` for a row of another
    /// tie-out.
    pub charge: Option<u32>,
}

impl SideRow {
    /// Code of a key; 0 for a key that the row lacks.
    #[must_use]
    pub const fn code(&self, key: Key) -> u32 {
        self.keys[key as usize]
    }
}
