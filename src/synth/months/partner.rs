//! Who is there in which month, and the month's own seed, exchange rate and invoice numbers.

use std::collections::BTreeSet;

use crate::synth::month::{Month, NUMBERS};
use crate::synth::partner::customer_count;
use crate::synth::random::Random;
use crate::synth::request::Request;

/// Month at a position among `count` months.
pub(super) fn month(request: &Request, at: u64, count: u64) -> Month {
    let mut random = Random::of(request.seed, &[30]);
    // Of eight digits, with room for centuries of months.
    let number = 10_000_000 + random.below(80_000_000);
    let mut own = Random::of(request.seed, &[31, at]);
    Month {
        seed: own.next(),
        // Within two percent of the usual rate.
        rate: 846_202_666 * (980 + i128::from(own.below(41))) / 1_000,
        first_number: number + at * NUMBERS,
        absent: absent(customer_count(request.rows - request.rows / 50), at, count),
    }
}

/// Positions of customers who are not there: of four, one comes late and one leaves. The first two
/// are always there, as each currency needs an invoice.
fn absent(customers: usize, at: u64, count: u64) -> BTreeSet<usize> {
    // The first and the last month have no one who comes late, or leaves, in them.
    let span = count.saturating_sub(1).max(1);
    let is_absent = |index: &usize| {
        let turn = (*index as u64 / 4) % span;
        match index % 4 {
            // Not there before.
            3 => at <= turn && count > 1,
            // Not there any more.
            2 => at + turn + 1 >= count && count > 1,
            _ => false,
        }
    };
    (0..customers).filter(is_absent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_come_and_go_and_the_first_two_stay() {
        let of = |at| absent(8, at, 6).into_iter().collect::<Vec<_>>();
        assert_eq!(
            (0..6).map(of).collect::<Vec<_>>(),
            [vec![3, 7], vec![7], vec![], vec![], vec![6], vec![2, 6]]
        );
        assert!(absent(8, 0, 1).is_empty());
    }
}
