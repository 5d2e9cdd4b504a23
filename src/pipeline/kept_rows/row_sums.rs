//! Rows and amounts of kept rows by invoice and currency: by them a file is chosen for a period, and
//! held against what was counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::ids::{Fold, fold};

/// Rows of one invoice and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptSum {
    /// Invoice, folded; empty for none.
    pub(crate) invoice: String,
    /// Billing currency, in upper case.
    pub(crate) currency: String,
    pub(crate) rows: u64,
    /// Sum of the amounts in units of 10^-20; it wraps beyond 128 bits, as no source can.
    pub(crate) amount: i128,
}

/// Rows of one unit, in a file of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFile {
    /// Hash of the file, which is its name.
    pub(crate) blake3: String,
    /// Size of the file in bytes.
    pub(crate) bytes: u64,
    /// Rows and amounts in it.
    pub(crate) sums: Vec<KeptSum>,
}

/// Sums while rows are added.
#[derive(Debug, Default)]
pub(crate) struct KeptSums(BTreeMap<[String; 2], (u64, i128)>);

impl KeptSums {
    /// Adds rows of an invoice and a currency, as they came.
    pub(crate) fn add(&mut self, [invoice, currency]: [&[u8]; 2], rows: u64, amount: i128) {
        let key = [
            fold(Fold::Identifier, &String::from_utf8_lossy(invoice)),
            fold(Fold::Code, &String::from_utf8_lossy(currency)),
        ];
        add_to(&mut self.0, key, rows, amount);
    }

    /// Adds what another worker counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, (rows, amount)) in other.0 {
            add_to(&mut self.0, key, rows, amount);
        }
    }

    /// All sums, sorted by invoice and currency.
    pub(crate) fn into_sums(self) -> Vec<KeptSum> {
        let sums = self.0.into_iter();
        sums.map(|([invoice, currency], (rows, amount))| KeptSum {
            invoice,
            currency,
            rows,
            amount,
        })
        .collect()
    }
}

fn add_to(
    sums: &mut BTreeMap<[String; 2], (u64, i128)>,
    key: [String; 2],
    rows: u64,
    amount: i128,
) {
    let sum = sums.entry(key).or_default();
    sum.0 += rows;
    sum.1 = sum.1.wrapping_add(amount);
}
