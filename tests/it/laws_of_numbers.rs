//! Laws over random inputs: reading and printing numbers, products, quantised parts and shares.

use proptest::prelude::*;
use tieout::engine::compare::allocate::{quantise, spread};
use tieout::model::decimal::{
    NumberFault, Rounding, divide, fixed, multiply, parse, plain, power_of_ten, rescale,
};

use crate::laws::cases;

/// A number at some scale, worked out by hand: digits are shifted, cut and carried as text, rounded
/// half to even.
fn by_hand(digits: &str, exponent: i64, scale: u32) -> Result<String, NumberFault> {
    let shift = exponent + i64::from(scale);
    let padded = if shift >= 0 {
        digits.to_owned() + &"0".repeat(usize::try_from(shift).unwrap())
    } else {
        digits.to_owned()
    };
    let cut = usize::try_from(-shift.min(0)).unwrap();
    let padded = "0".repeat((cut + 1).saturating_sub(padded.len())) + &padded;
    let (whole, rest) = padded.split_at(padded.len() - cut);
    let mut whole = whole.as_bytes().to_vec();
    let odd = whole.last().is_some_and(|digit| digit % 2 == 1);
    let half = "5".to_owned() + &"0".repeat(cut.saturating_sub(1));
    if cut > 0 && (rest > half.as_str() || (rest == half && odd)) {
        let mut carry = true;
        for digit in whole.iter_mut().rev() {
            if !carry {
                break;
            }
            carry = *digit == b'9';
            *digit = if carry { b'0' } else { *digit + 1 };
        }
        if carry {
            whole.insert(0, b'1');
        }
    }
    let text = String::from_utf8(whole).unwrap();
    let text = text.trim_start_matches('0');
    if text.len() > 38 {
        Err(NumberFault::TooLarge)
    } else {
        Ok(if text.is_empty() {
            "0".to_owned()
        } else {
            text.to_owned()
        })
    }
}

fn roundings() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![
        Rounding::Down,
        Rounding::Floor,
        Rounding::HalfUp,
        Rounding::HalfEven,
    ])
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn numbers_are_read_as_by_hand(
        negative: bool, guard in "'{0,2}", whole in "[0-9]{1,24}", fraction in "[0-9]{0,44}|[0-9]{0,12}50{0,30}", power in prop::option::of(-45_i64..20), scale in 0_u32..=22,
    ) {
        let sign = if negative { "-" } else { "" };
        let exponent = power.map(|power| format!("E{power:+03}")).unwrap_or_default();
        let text = format!("{guard}{sign}{whole}.{fraction}{exponent}");
        let places = i64::try_from(fraction.len()).unwrap();
        let wanted = by_hand(&format!("{whole}{fraction}"), power.unwrap_or(0) - places, scale);
        let found = parse(text.as_bytes(), scale).map(|parsed| parsed.value);
        let wanted = wanted.map(|digits| digits.parse::<i128>().unwrap() * if negative { -1 } else { 1 });
        prop_assert_eq!(found, wanted, "{} at {}", text, scale);
    }

    #[test]
    fn printed_numbers_are_read_back(value in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_u32..=22) {
        for text in [fixed(value, scale), plain(value, scale)] {
            let parsed = parse(text.as_bytes(), scale).unwrap();
            prop_assert_eq!((parsed.value, parsed.rounded), (value, false), "{}", text);
        }
    }

    #[test]
    fn multiplying_by_a_power_of_ten_is_rescaling(
        value: i128, from in 0_u32..=22, places in 0_u32..=18, to in 0_u32..=22, rounding in roundings(),
    ) {
        let one = (power_of_ten(places), places);
        prop_assert_eq!(multiply((value, from), one, to, rounding), rescale(value, from, to, rounding));
    }

    #[test]
    fn products_commute_and_mirror(
        left in -(10_i128.pow(37))..10_i128.pow(37), right in -(10_i128.pow(37))..10_i128.pow(37), to in 0_u32..=40, rounding in roundings(),
    ) {
        let product = |left, right| multiply((left, 20), (right, 20), to, rounding);
        prop_assert_eq!(product(left, right), product(right, left));
        if rounding != Rounding::Floor {
            prop_assert_eq!(product(left, right), product(-left, right).map(|value| -value));
        }
    }

    #[test]
    fn quantised_parts_add_up_and_move_less_than_a_unit(parts in prop::collection::vec(-10_i128.pow(20)..10_i128.pow(20), 0..30), places in 0_u32..=12) {
        let unit = power_of_ten(places);
        let found = quantise(&parts, places).unwrap();
        prop_assert_eq!(found.iter().sum::<i128>(), divide(parts.iter().sum(), unit, Rounding::HalfUp));
        for (part, found) in parts.iter().zip(&found) {
            prop_assert!((found * unit - part).abs() < unit);
        }
    }

    #[test]
    fn shares_add_up_and_are_within_a_unit_of_proportion(
        total in -10_i128.pow(17)..10_i128.pow(17), weights in prop::collection::vec(prop_oneof![Just(0), -9_i128..9, -10_i128.pow(15)..10_i128.pow(15)], 1..30),
    ) {
        let shares = spread(total, &weights).unwrap();
        prop_assert_eq!(shares.iter().sum::<i128>(), total);
        let mut sizes: Vec<i128> = weights.iter().map(|weight| weight.abs()).collect();
        if sizes.iter().all(|size| *size == 0) {
            sizes.fill(1);
        }
        let whole: i128 = sizes.iter().sum();
        for (share, size) in shares.iter().zip(&sizes) {
            prop_assert!((share * whole - total * size).abs() < whole);
            prop_assert!(*size != 0 || *share == 0);
        }
    }
}
