//! Usage of each subscription and currency: the expected side of the comparison with usage
//! summaries.

use crate::engine::failure::EngineError;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::days;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::side_row::SideRow;
use crate::engine::rules::keys::Key;

/// Sums the usage frame of `totals` by customer, subscription and currency.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub(super) fn sum(totals: &Folded) -> Result<Vec<SideRow>, EngineError> {
    let usage = UsageColumns::of(&totals.usage);
    let keys =
        [Key::Customer, Key::Subscription, Key::Currency].map(|key| (key, usage.codes(key.part())));
    let rows = usage.rows.iter().enumerate().map(|(row, rows)| {
        let mut side_row = SideRow {
            rows: *rows,
            // Meters have units of their own: a sum of their quantities would have none.
            quantity: 0,
            amount: usage.billing[row],
            bound: usage.precision[row],
            ..SideRow::default()
        };
        for (key, column) in keys {
            side_row.keys[key as usize] = column[row];
        }
        side_row
    });
    let (sums, _) = days::summed(rows).ok_or(EngineError::AmountOverflow)?;
    Ok(sums)
}
