//! Drawings of a page, in whole units of a strip that is a thousand wide: the page stretches it.

use super::bridges::UsageBridge;
use super::money::Money;
use crate::model::decimal::{Rounding, divide};

/// Width of a strip.
const WIDE: i128 = 1_000;

/// Least width of a bar that is not nothing, so that it is seen.
const THIN: i128 = 3;

/// Part of the sums that an axis has at least: one in a hundred.
const LEAST_PART: i128 = 100;

/// Bar of a strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) from: i128,
    pub(super) width: i128,
}

/// Bar from the left end to a share in per mille of the whole.
pub(super) fn share(per_mille: i128) -> Bar {
    Bar {
        from: 0,
        width: per_mille.clamp(0, WIDE),
    }
}

/// Row of a bridge: its words, its amount and its bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BridgeRow {
    pub(super) words: String,
    pub(super) amount: Money,
    pub(super) bar: Bar,
    /// Class of the bar: `total`, `up` or `down`.
    pub(super) kind: &'static str,
}

/// Bridge with its bars; the axis begins where the smallest sum lies, not at zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DrawnBridge {
    pub(super) currency: String,
    pub(super) rows: Vec<BridgeRow>,
}

/// Draws a bridge. Steps stand in the order of their names, as the causes do.
pub(super) fn bridge(of: &UsageBridge) -> DrawnBridge {
    let mut points = vec![of.usage];
    for step in &of.steps {
        points.push(points[points.len() - 1] + step.amount);
    }
    points.push(of.invoiced);
    let low = points.iter().min().copied().unwrap_or_default();
    let high = points.iter().max().copied().unwrap_or_default();
    let axis = Axis::around(low, high);
    let total = |words: &str, amount: Money| BridgeRow {
        words: words.to_owned(),
        amount,
        bar: Bar {
            from: 0,
            width: axis.at(amount).max(THIN),
        },
        kind: "total",
    };
    let mut rows = vec![total("usage", of.usage)];
    for (step, before) in of.steps.iter().zip(&points) {
        let (one, other) = (axis.at(*before), axis.at(*before + step.amount));
        rows.push(BridgeRow {
            words: super::page_words::plain_words(step.cause),
            amount: step.amount,
            bar: Bar {
                from: one.min(other).min(WIDE - THIN),
                width: (one - other).abs().max(THIN),
            },
            kind: if step.amount.is_negative() {
                "down"
            } else {
                "up"
            },
        });
    }
    rows.push(total("invoice lines", of.invoiced));
    DrawnBridge {
        currency: of.currency.clone(),
        rows,
    }
}

/// Axis of a strip.
#[derive(Clone, Copy, Debug)]
struct Axis {
    from: i128,
    span: i128,
}

impl Axis {
    /// Axis on which both ends lie, with a quarter of its length before the lower one. It is no
    /// shorter than a hundredth of the sums, so that what rounding makes does not look like more.
    fn around(low: Money, high: Money) -> Self {
        let least = low.0.abs().max(high.0.abs()) / LEAST_PART;
        let length = (high.0 - low.0).max(least).max(1);
        let from = low.0 - length / 4;
        Self {
            from,
            span: low.0 + length - from,
        }
    }

    fn at(self, amount: Money) -> i128 {
        // Amounts have 28 digits at most: three more are no overflow.
        divide((amount.0 - self.from) * WIDE, self.span, Rounding::HalfUp)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bridges::BridgeStep;
    use super::*;

    #[test]
    fn bars_join_and_stay_within_the_strip() {
        let step = |cause, amount| BridgeStep {
            cause,
            amount: Money(amount),
        };
        let of = UsageBridge {
            currency: "EUR".to_owned(),
            usage: Money(64_000),
            steps: vec![step("price", 900), step("quantity", -1_200), step("fx", 0)],
            invoiced: Money(63_700),
        };
        let drawn = bridge(&of);
        assert_eq!(drawn.rows.len(), 5);
        let [usage, price, quantity, ..] = drawn.rows.as_slice() else {
            unreachable!("five rows");
        };
        assert_eq!(usage.bar.width, price.bar.from);
        assert_eq!(
            price.bar.from + price.bar.width,
            quantity.bar.from + quantity.bar.width
        );
        for row in &drawn.rows {
            assert!(
                row.bar.from >= 0 && row.bar.from + row.bar.width <= WIDE,
                "{row:?}"
            );
        }
        // Nothing to compare draws no bar out of its strip, and divides by nothing.
        let drawn = bridge(&UsageBridge::default());
        assert_eq!(drawn.rows[0].bar.width, THIN);
        let rounded = UsageBridge {
            steps: vec![step("rounding", -3)],
            invoiced: Money(63_997),
            ..of
        };
        let drawn = bridge(&rounded);
        assert!(drawn.rows[1].bar.width < 10, "{drawn:?}");
    }
}
