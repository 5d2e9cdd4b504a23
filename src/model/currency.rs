//! Minor units of currencies, in which invoices are rounded.
//!
//! A table of the exceptions only: a code that is in no list, also one that is no currency, has two
//! decimals, as nearly all do. Zero-decimal currencies occur on real invoices
//! ([quirks](crate::model::domain::quirks), recon files).

const WITHOUT_MINOR_UNIT: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
// The dinars and the rial.
const WITH_THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Decimals of a currency's smallest unit (ISO 4217), by its code in upper case: 2 unless listed.
#[must_use]
pub fn minor_digits(currency: &str) -> u32 {
    if WITHOUT_MINOR_UNIT.contains(&currency) {
        0
    } else if WITH_THREE.contains(&currency) {
        3
    } else {
        2
    }
}
