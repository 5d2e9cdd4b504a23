//! Usage column that the lines' MeterDescription repeats, learned for each product.
//!
//! No document says which column it is, and files differ: the name of the meter, its type, or the
//! SKU's name. The column by which most lines of a product find usage is taken; a product whose
//! lines find none by any column takes that of all products together. Where no line at all finds
//! usage by any column, though many lines would find it by product and SKU, the texts repeat none
//! of them, and usage counts as nameless: else every meter would be a break on either side. Votes
//! are counted over all parts before the first group is compared.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use polars::prelude::DataFrame;

use super::joins;
use crate::engine::fold::columns;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{DESCRIPTION_PARTS, Key, Part};

/// Number of line rows that find usage by each of [`DESCRIPTION_PARTS`].
pub type DescriptionPairs = [u64; DESCRIPTION_PARTS.len()];

/// Keys by which a line finds usage, its description last. Without customer and availability, which
/// usage of basic attributes lacks ([semantics §1](crate::model::domain::semantics)), and which
/// tell nothing about what a text repeats.
const BY_METER: [Key; 6] = [
    Key::Invoice,
    Key::Subscription,
    Key::Product,
    Key::Sku,
    Key::Currency,
    Key::Description,
];

/// Number of described lines that must find usage by product and SKU before it tells anything that
/// none finds it by description: fewer may be wrong, each for itself.
const ENOUGH_LINES: u64 = 10;

/// Lines that find usage.
#[derive(Debug, Default)]
pub struct DescriptionVotes {
    /// By each candidate column, by the code of the lines' product.
    by_product: HashMap<u32, DescriptionPairs>,
    /// Described lines that find named usage by product and SKU.
    by_sku: u64,
}

impl DescriptionVotes {
    /// Counts the lines of a frame that find usage of another.
    pub fn count(&mut self, usage: &DataFrame, lines: &DataFrame) {
        let descriptions = columns::codes(lines, Part::Description.column());
        // Lines without a description would meet usage without a name, and prove nothing by it.
        let named: Vec<u32> = (0..)
            .zip(descriptions)
            .filter(|(_, code)| **code != 0)
            .map(|(row, _)| row)
            .collect();
        let named = joins::take(lines, &named);
        let products = columns::codes(&named, Part::Product.column());
        let keys = BY_METER.map(Key::column);
        let [by_sku @ .., _] = &keys;
        let names = columns::codes(usage, DESCRIPTION_PARTS[0].column());
        let with_name: Vec<u32> = (0..)
            .zip(names)
            .filter(|(_, code)| **code != 0)
            .map(|(row, _)| row)
            .collect();
        let met = joins::pair(&joins::take(usage, &with_name), &named, by_sku).right;
        self.by_sku += met.len() as u64;
        for (candidate, part) in DESCRIPTION_PARTS.into_iter().enumerate() {
            let repeated = columns::codes(usage, part.column()).to_vec();
            let usage = described(usage, repeated);
            for (row, _) in joins::pair(&usage, &named, &keys).right {
                let pairs = self.by_product.entry(products[row as usize]);
                pairs.or_default()[candidate] += 1;
            }
        }
    }

    /// Votes of all products together.
    #[must_use]
    pub fn sum(&self) -> DescriptionPairs {
        let mut sum = DescriptionPairs::default();
        for pairs in self.by_product.values() {
            sum.iter_mut()
                .zip(pairs)
                .for_each(|(sum, pairs)| *sum += pairs);
        }
        sum
    }

    /// Columns that the votes show.
    #[must_use]
    pub fn columns(&self, vocabulary: &Vocabulary) -> DescriptionColumns {
        let sum = self.sum();
        if sum == DescriptionPairs::default() && self.by_sku >= ENOUGH_LINES {
            return DescriptionColumns::default();
        }
        let usual = most(sum, None);
        let mut of_products = BTreeMap::new();
        for (product, pairs) in &self.by_product {
            let part = most(*pairs, Some(usual));
            if part != usual {
                of_products.insert(vocabulary.folded(Domain::Product, *product), part);
            }
        }
        DescriptionColumns {
            usual: Some(usual),
            of_products,
        }
    }
}

/// Candidate with most votes; of equal ones the usual one, else the first.
fn most(pairs: DescriptionPairs, usual: Option<Part>) -> Part {
    let candidates = DESCRIPTION_PARTS.into_iter().zip(pairs);
    // Reversed, as `max_by_key` takes the last of equals, and the first candidate is to win.
    let best = candidates
        .rev()
        .max_by_key(|(part, pairs)| (*pairs, Some(*part) == usual));
    let (part, _) = best.expect("there are candidates");
    part
}

/// Usage column that MeterDescription repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescriptionColumns {
    /// Column of all products but [`Self::of_products`]; `None` where the texts repeat none.
    pub usual: Option<Part>,
    /// Other columns, by folded product id.
    pub of_products: BTreeMap<String, Part>,
}

impl DescriptionColumns {
    /// Column of a product, which is given by its folded id; `None` where its usage is nameless.
    #[must_use]
    pub fn of(&self, product: &str) -> Option<Part> {
        self.of_products.get(product).copied().or(self.usual)
    }

    /// Description of each row of a usage frame, as lines have it.
    #[must_use]
    pub fn codes(&self, usage: &DataFrame, vocabulary: &Vocabulary) -> Vec<u32> {
        let Some(usual) = self.usual else {
            // Code 0 of every domain is the empty text.
            return vec![0; usage.height()];
        };
        let mut repeated = columns::codes(usage, usual.column()).to_vec();
        if self.of_products.is_empty() {
            return repeated;
        }
        // Products of other accounts may be unknown to a vocabulary of one.
        let others: HashMap<u32, &[u32]> = self
            .of_products
            .iter()
            .filter_map(|(product, part)| {
                let product = vocabulary.code(Domain::Product, product)?;
                Some((product, columns::codes(usage, part.column())))
            })
            .collect();
        let products = columns::codes(usage, Part::Product.column());
        for ((row, repeated), product) in repeated.iter_mut().enumerate().zip(products) {
            if let Some(codes) = others.get(product) {
                *repeated = codes[row];
            }
        }
        repeated
    }
}

/// Usage with a description as lines have it.
pub(super) fn described(usage: &DataFrame, descriptions: Vec<u32>) -> DataFrame {
    joins::with_codes(usage.clone(), Part::Description.column(), descriptions)
}
