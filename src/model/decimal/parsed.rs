//! A number as it was read, with what is still known of its text; and why a text is no number.

/// Why a text is no usable number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// The text is blank.
    Empty,
    /// Some character does not belong to a decimal number.
    NotDecimal,
    /// The magnitude does not fit 38 digits at the column's scale.
    TooLarge,
}

/// A number read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The value in units of 10^-scale.
    pub value: i128,
    /// True if digits were lost: the text holds more decimals than the scale, and was rounded half
    /// to even.
    pub rounded: bool,
    /// All digits of the text, up to 38, as one number.
    pub(super) mantissa: u128,
    /// Power of ten of the mantissa's last digit.
    pub(super) exponent: i32,
}

impl Parsed {
    /// Zero in any spelling: `0`, `0.00E+00` and `0E-20` are one value, with no significant digit.
    pub(super) const ZERO: Self = Self {
        value: 0,
        rounded: false,
        mantissa: 0,
        exponent: 0,
    };

    /// Power of ten of the text's last digit, be it a zero; 0 for zero.
    #[must_use]
    pub const fn last_exponent(&self) -> i32 {
        self.exponent
    }

    /// Significant digits of the text, leading and trailing zeros not counted, and the power of ten
    /// of the last of them; 0 and 0 for zero.
    #[must_use]
    pub fn significance(&self) -> (u32, i32) {
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        if mantissa == 0 {
            return (0, 0);
        }
        // Zeros at the end are as little significant as those at the front: Microsoft pads with
        // them.
        while mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent += 1;
        }
        (mantissa.ilog10() + 1, exponent)
    }

    /// True if the number is the product of two others to its last digit: nothing of it was cut off.
    #[must_use]
    pub fn is_product_of(&self, left: &Self, right: &Self) -> bool {
        let product = left.mantissa.checked_mul(right.mantissa);
        let shift = i64::from(self.exponent) - i64::from(left.exponent) - i64::from(right.exponent);
        let widened = |mantissa: u128| {
            let places = u32::try_from(shift.unsigned_abs()).ok()?;
            mantissa.checked_mul(10_u128.checked_pow(places)?)
        };
        // Signs are left out: a number that was cut kept its own.
        match shift {
            0.. => product.is_some() && product == widened(self.mantissa),
            _ => product.and_then(widened) == Some(self.mantissa),
        }
    }
}
