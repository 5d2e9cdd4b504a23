//! Exact decimal numbers, as plain as can be: whole units and a scale.

/// A decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) units: i128,
    pub(super) scale: u32,
}

/// Number of whole units of 10^-`scale`.
pub(super) const fn number(units: i128, scale: u32) -> Number {
    Number { units, scale }
}

impl Number {
    pub(super) const ZERO: Self = number(0, 0);

    /// Number that a text writes.
    pub(super) fn read(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let units = format!("{whole}{fraction}").parse().unwrap();
        number(units, fraction.len() as u32)
    }

    pub(super) const fn times(self, other: Self) -> Self {
        number(self.units * other.units, self.scale + other.scale)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        number(self.at(scale) + other.at(scale), scale)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(number(-other.units, other.scale))
    }

    /// Units at a scale that is no coarser.
    fn at(self, scale: u32) -> i128 {
        self.units * 10_i128.pow(scale - self.scale)
    }

    /// Rounded toward zero.
    pub(super) fn down(self, digits: u32) -> Self {
        if digits >= self.scale {
            return number(self.at(digits), digits);
        }
        number(self.units / 10_i128.pow(self.scale - digits), digits)
    }

    /// Rounded to the nearest, halves away from zero.
    pub(super) fn nearest(self, digits: u32) -> Self {
        if digits >= self.scale {
            return self;
        }
        let unit = 10_i128.pow(self.scale - digits);
        let half = unit / 2 * self.units.signum();
        number((self.units + half) / unit, digits)
    }

    /// Rounded to significant digits, as a spreadsheet keeps them.
    pub(super) fn significant(self, digits: u32) -> Self {
        let has = self
            .units
            .unsigned_abs()
            .checked_ilog10()
            .map_or(1, |log| log + 1);
        let surplus = has.saturating_sub(digits);
        self.nearest(self.scale.saturating_sub(surplus))
    }

    pub(super) fn is_zero(self) -> bool {
        self.units == 0
    }

    /// True if the two differ by less than a unit of the eighth decimal, which quantising the
    /// resources of a group may move.
    pub(super) fn is_about(self, other: Self) -> bool {
        let difference = self.minus(other);
        let scale = difference.scale.max(8);
        difference.at(scale).abs() < 10_i128.pow(scale - 8)
    }

    pub(super) fn text(self) -> String {
        if self.scale == 0 {
            return self.units.to_string();
        }
        let digits = format!(
            "{:0>width$}",
            self.units.unsigned_abs(),
            width = self.scale as usize + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let sign = if self.units < 0 { "-" } else { "" };
        format!("{sign}{whole}.{fraction}")
    }
}
