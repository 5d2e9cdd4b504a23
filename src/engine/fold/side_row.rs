//! A row of one side of a tie-out, whatever it was made of.

use crate::engine::rules::keys::{KEYS, Key};

/// A row of a side: key codes in the order of [`Key::ALL`], and sums in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideRow {
    /// Codes; 0 for none.
    pub keys: [u32; KEYS],
    /// Source rows.
    pub rows: u64,
    /// Quantity.
    pub quantity: i128,
    /// Amount.
    pub amount: i128,
    /// How far the amount may be from the exact one.
    pub bound: i128,
    /// What the same units come to at the price that the other side names, if it names one.
    pub at_billed_price: Option<i128>,
}

impl SideRow {
    /// Code of a key; 0 for none.
    #[must_use]
    pub const fn code(&self, key: Key) -> u32 {
        self.keys[key as usize]
    }
}
