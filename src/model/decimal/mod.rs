//! Exact decimal numbers: text to wide integers and back, products in 256 bits, named roundings.
//!
//! A number is an `i128` that counts units of 10^-scale. The scale is not part of the value: it
//! belongs to the column ([`AMOUNT_SCALE`] and its neighbours), so that sums are plain integer
//! additions in the hot loops. No float occurs anywhere, and nothing wraps: a result that does not
//! fit is `None` or a [`NumberFault`], and digits that are cut are reported ([`Parsed::rounded`]).
//!
//! The generic decimal crates end at 28 digits, which a price of 22 decimals times a quantity
//! exceeds ([resources §A](crate::model::domain::resources), points 2 and 3).

mod arithmetic;
mod parsed;
mod powers;
mod read;
mod scales;
mod usual;
mod write;

pub use self::arithmetic::{
    Rounding, divide, from_money, multiply, multiply_three, proportion, quotient_up, rescale,
    to_published,
};
pub use self::parsed::{NumberFault, Parsed};
pub use self::powers::power_of_ten;
pub use self::read::{from_typed, parse};
pub use self::scales::{
    AMOUNT_SCALE, PRICE_SCALE, PUBLISHED_LIMIT, PUBLISHED_SCALE, QUANTITY_SCALE, RATE_SCALE,
};
pub use self::write::{cents, fixed, plain, write_fixed};
