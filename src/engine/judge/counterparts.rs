//! Counterparts: breaks that have one side only, each with the one that may be its other half.
//!
//! What a thing is must not contradict between the sides, so that usage under one name and a line
//! under another are two breaks, gross. Where they are of one customer and have the same quantity or
//! the same amount, they name each other, so that a person sees both at once. Nothing is netted by
//! it.

use hashbrown::HashMap;

use super::variance::Variance;
use crate::engine::compare::group::Sides;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Status, TieOut};
use crate::model::currency::minor_digits;
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, rescale};

/// Number that two halves have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Shared {
    /// Quantity and amount, in units of 10^-10 and in units of the currency's last digit.
    Both(i128, i128),
    /// Amount, in units of the currency's last digit.
    Amount(i128),
    /// Quantity, in units of 10^-10.
    Quantity(i128),
}

/// Customer and currency within which halves are looked for.
type Account = (TieOut, [u32; 2]);

/// Sets the counterparts. The variances must be in their published order, in which of several
/// candidates the first is taken; each is the counterpart of one at most.
pub fn set(variances: &mut [Variance], vocabulary: &Vocabulary) {
    // What tells most first: halves that agree in everything must not be parted by a quantity.
    for kind in [0, 1, 2] {
        let mut lines: HashMap<(Account, Shared), Vec<usize>> = HashMap::new();
        let open = |of: &Variance| of.status == Status::Break && of.counterpart.is_none();
        for (at, variance) in variances.iter().enumerate().rev() {
            if open(variance) && variance.sides.expected_rows == 0 {
                for shared in numbers(&variance.sides, vocabulary, kind) {
                    let known = lines.entry((account(&variance.sides), shared)).or_default();
                    known.push(at);
                }
            }
        }
        for at in 0..variances.len() {
            let variance = &variances[at];
            if !open(variance) || variance.sides.invoiced_rows != 0 {
                continue;
            }
            let half = numbers(&variance.sides, vocabulary, kind)
                .into_iter()
                .find_map(|shared| {
                    let key = (account(&variance.sides), shared);
                    lines.get_mut(&key)?.pop()
                });
            if let Some(half) = half {
                variances[at].counterpart = Some(variances[half].break_id);
                variances[half].counterpart = Some(variances[at].break_id);
            }
        }
    }
}

fn account(sides: &Sides) -> Account {
    let codes = [Key::Customer, Key::Currency].map(|key| sides.keys[key]);
    (sides.tie_out, codes)
}

/// Numbers of a group by which its other half is known; none of those that are 0.
fn numbers(sides: &Sides, vocabulary: &Vocabulary, kind: u8) -> Vec<Shared> {
    let currency = vocabulary.text(Domain::Currency, sides.keys[Key::Currency]);
    let digits = minor_digits(currency);
    let quantity = sides.expected_quantity + sides.invoiced_quantity;
    let amount = sides.expected_amount + sides.invoiced_amount;
    // Usage has digits that no line has: its half may have been rounded either way.
    let mut amounts: Vec<i128> = [Rounding::Down, Rounding::HalfUp]
        .into_iter()
        .filter_map(|mode| rescale(amount, PUBLISHED_SCALE, digits, mode))
        .filter(|amount| *amount != 0)
        .collect();
    amounts.dedup();
    match kind {
        0 if quantity != 0 => amounts
            .into_iter()
            .map(|amount| Shared::Both(quantity, amount))
            .collect(),
        1 => amounts.into_iter().map(Shared::Amount).collect(),
        2 if quantity != 0 => vec![Shared::Quantity(quantity)],
        _ => Vec::new(),
    }
}
