//! Scales: how many decimals each kind of number has while it is summed, and when it is published.
//!
//! Each is the longest scale seen in a published answer or file, so that reading loses nothing.

/// Decimals of every amount while it is summed: `totalCost` has 20, the longest published scale of
/// a total ([resources §A](crate::model::domain::resources), point 2).
pub const AMOUNT_SCALE: u32 = 20;
/// Decimals of every quantity while it is summed: 15 are published
/// ([resources §B](crate::model::domain::resources)), and as many as an amount's keep both in one
/// column type.
pub const QUANTITY_SCALE: u32 = 20;
/// Decimals of a unit price: `effectiveUnitPrice` has 22
/// ([resources §A](crate::model::domain::resources), point 2).
pub const PRICE_SCALE: u32 = 22;
/// Decimals of an exchange rate: 9 are published
/// ([resources §C](crate::model::domain::resources), `OneTimeInvoiceLineItem`).
pub const RATE_SCALE: u32 = 18;
/// Decimals of every published amount, price and quantity: DECIMAL(28,10).
pub const PUBLISHED_SCALE: u32 = 10;
/// Largest magnitude that is published, in units of 10^-10: 28 digits, as .NET readers stop there
/// ([quirks](crate::model::domain::quirks), readers of our output).
pub const PUBLISHED_LIMIT: i128 = 10_i128.pow(28) - 1;
