//! Shares that add up: quantising a total over its parts, and spreading an invoiced amount over the
//! resources behind it, both by largest remainder.

use crate::model::decimal::{Rounding, divide, power_of_ten, proportion};

/// Parts at a fine scale brought to one that is `places` decimals coarser, such that they add up to
/// their exact sum rounded half up, as SQL engines cast decimals. Each part moves by less than one coarse unit; the largest
/// remainders are rounded up, of equal ones the first. `None` on overflow.
#[must_use]
pub fn quantise(parts: &[i128], places: u32) -> Option<Vec<i128>> {
    let unit = power_of_ten(places);
    let total = parts
        .iter()
        .try_fold(0_i128, |sum, part| sum.checked_add(*part))?;
    let floors: Vec<i128> = parts.iter().map(|part| part.div_euclid(unit)).collect();
    let missing = divide(total, unit, Rounding::HalfUp).checked_sub(floors.iter().sum())?;
    let remainders: Vec<u128> = parts
        .iter()
        .map(|part| part.rem_euclid(unit).unsigned_abs())
        .collect();
    raise(floors, &remainders, usize::try_from(missing).ok()?)
}

/// `total` in proportion to `weights`, adding up to it exactly. Weights of one sign count as they
/// are; where signs are mixed, by size. Where all are zero the shares are equal. `None` where there
/// is nothing to spread over, or on overflow.
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
    let (floors, remainders): (Vec<i128>, Vec<u128>) = sizes
        .iter()
        .map(|size| proportion(total.unsigned_abs(), *size, whole))
        .map(|(share, rest)| (i128::try_from(share).unwrap_or(i128::MAX), rest))
        .unzip();
    let given = floors
        .iter()
        .try_fold(0_i128, |sum, share| sum.checked_add(*share))?;
    let missing = usize::try_from(
        i128::try_from(total.unsigned_abs())
            .ok()?
            .checked_sub(given)?,
    )
    .ok()?;
    let shares = raise(floors, &remainders, missing)?;
    Some(if total < 0 {
        shares.into_iter().map(|share| -share).collect()
    } else {
        shares
    })
}

fn raise(mut shares: Vec<i128>, remainders: &[u128], missing: usize) -> Option<Vec<i128>> {
    assert!(
        missing <= shares.len(),
        "fewer units are missing than there are shares"
    );
    if missing > 0 {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|left, right| {
            remainders
                .get(*right)
                .cmp(&remainders.get(*left))
                .then(left.cmp(right))
        });
        for at in order.into_iter().take(missing) {
            let share = shares.get_mut(at)?;
            *share = share.checked_add(1)?;
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
