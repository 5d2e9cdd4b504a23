//! Shares that add up, both by largest remainder: rounding parts without moving their sum, and
//! spreading an amount over weights.
//!
//! Parts that are rounded one by one miss their rounded sum by up to half a unit each. Here all
//! parts are rounded down first, and the units that are then missing go to the parts that lost
//! most.

use crate::model::decimal::{Rounding, divide, power_of_ten, proportion};

/// Rounds parts to a scale that is `places` decimals coarser, such that they add up to their exact
/// sum rounded half up (as SQL engines cast decimals). Each part moves by less than one coarse
/// unit; the largest remainders are rounded up, of equal ones the first. `None` on overflow.
#[must_use]
pub fn quantise(parts: &[i128], places: u32) -> Option<Vec<i128>> {
    let unit = power_of_ten(places);
    // Euclidean: remainders of negative parts are not negative either, and rank like the others.
    let total = parts
        .iter()
        .try_fold(0_i128, |sum, part| sum.checked_add(*part))?;
    let floors: Vec<i128> = parts.iter().map(|part| part.div_euclid(unit)).collect();
    let missing = divide(total, unit, Rounding::HalfUp).checked_sub(floors.iter().sum())?;
    let remainders: Vec<u128> = parts
        .iter()
        .map(|part| part.rem_euclid(unit).unsigned_abs())
        .collect();
    let missing = usize::try_from(missing).expect("floors are no more than the rounded sum");
    raise(floors, &remainders, missing)
}

/// Splits `total` in proportion to `weights`, exactly. Weights of one sign count as they are;
/// weights of mixed signs count by their size, as a credit and a charge would else cancel and leave
/// nothing to divide by. Where all are zero the shares are equal. `None` where there is nothing to
/// spread over, or on overflow.
#[must_use]
pub fn spread(total: i128, weights: &[i128]) -> Option<Vec<i128>> {
    let mut sizes: Vec<u128> = weights.iter().map(|weight| weight.unsigned_abs()).collect();
    let mut whole = sizes
        .iter()
        .try_fold(0_u128, |sum, size| sum.checked_add(*size))?;
    if whole == 0 {
        sizes = vec![1; weights.len()];
        whole = u128::try_from(weights.len())
            .ok()
            .filter(|count| *count > 0)?;
    }
    // Shares of the size, signed afterwards: a refund and its charge, spread over the same usage,
    // cancel in every resource.
    let size = total.checked_abs()?;
    let (floors, remainders): (Vec<i128>, Vec<u128>) = sizes
        .iter()
        .map(|weight| proportion(size.unsigned_abs(), *weight, whole))
        .map(|(share, rest)| {
            let share = i128::try_from(share).expect("a share is no more than the total");
            (share, rest)
        })
        .unzip();
    let given: i128 = floors.iter().sum();
    let missing = usize::try_from(size - given).expect("floors are no more than the total");
    let shares = raise(floors, &remainders, missing)?;
    Some(if total < 0 {
        shares.into_iter().map(|share| -share).collect()
    } else {
        shares
    })
}

/// Adds one unit to the `missing` shares with the largest remainders, of equal ones the first.
fn raise(mut shares: Vec<i128>, remainders: &[u128], missing: usize) -> Option<Vec<i128>> {
    assert!(
        missing <= shares.len(),
        "each share was rounded by less than one unit"
    );
    if missing > 0 {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|left, right| {
            remainders[*right]
                .cmp(&remainders[*left])
                .then(left.cmp(right))
        });
        for at in order.into_iter().take(missing) {
            shares[at] = shares[at].checked_add(1)?;
        }
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(spread(100, &[1, 1, 1]).unwrap(), [34, 33, 33]);
        assert_eq!(spread(-100, &[1, 1, 1]).unwrap(), [-34, -33, -33]);
        assert_eq!(spread(100, &[-1, -3]).unwrap(), [25, 75]);
        assert_eq!(spread(100, &[-1, 3]).unwrap(), [25, 75]);
        assert_eq!(spread(5, &[0, 0]).unwrap(), [3, 2]);
        assert_eq!(spread(5, &[]), None);
        assert_eq!(quantise(&[15, 15, 15], 1).unwrap(), [2, 2, 1]);
        assert_eq!(quantise(&[-15, 4], 1).unwrap(), [-1, 0]);
        assert_eq!(quantise(&[25], 1).unwrap(), [3]);
        assert_eq!(quantise(&[-25], 1).unwrap(), [-3]);
        assert_eq!(quantise(&[], 1).unwrap(), Vec::<i128>::new());
    }
}
