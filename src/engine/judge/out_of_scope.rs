//! Lines behind which no usage is expected, in the laws: their expected side repeats the lines, and is
//! no usage.

use super::control_totals::{ByCurrency, ControlSums, add_to, widened};
use crate::engine::compare::group::Sides;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::engine::rules::scope::Scope;

/// Amounts of groups behind which no usage is expected, as the expected side repeats them; without
/// rows, which are those of lines.
#[must_use]
pub fn repeated_of(totals: &Folded, groups: &[Sides]) -> ByCurrency {
    let mut found = ByCurrency::new();
    for sides in groups.iter().filter(|sides| sides.scope != Scope::Usage) {
        let name = totals
            .vocabulary
            .text(Domain::Currency, sides.keys[Key::Currency]);
        let sums = ControlSums {
            amount: widened(sides.expected_amount),
            ..ControlSums::NOTHING
        };
        add_to(&mut found, name.to_owned(), sums);
    }
    found
}

/// Takes amounts and quantities off; the currencies stay.
pub fn take_off(whole: &mut ByCurrency, less: &ByCurrency) {
    for (currency, sums) in less {
        let negative = ControlSums {
            rows: 0,
            // No overflow: the sums are far from the ends of the type.
            amount: -sums.amount,
            quantity: sums.quantity.map(|quantity| -quantity),
        };
        add_to(whole, currency.clone(), negative);
    }
}
