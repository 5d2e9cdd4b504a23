//! Names that go with codes.

use hashbrown::HashMap;

use super::codes::Codes;
use super::vocabulary::{Vocabulary, is_better_spelling};
use crate::engine::count::interner::Tuples;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;

/// Names and other attributes that are shown beside a key and never compared.
#[derive(Debug, Default)]
pub struct Names {
    by_key: HashMap<(Domain, [u32; 3]), u32>,
}

impl Names {
    /// Drops the names of a domain.
    pub fn forget(&mut self, domain: Domain) {
        self.by_key.retain(|(of, _), _| *of != domain);
    }

    fn offer(&mut self, vocabulary: &Vocabulary, domain: Domain, key: [u32; 3], code: u32) {
        let shown = self.by_key.entry((domain, key)).or_insert(0);
        if is_better_spelling(
            vocabulary.text(domain, code),
            vocabulary.text(domain, *shown),
        ) {
            *shown = code;
        }
    }

    /// Code of the name that goes with a key: of a customer; a product; a product and SKU; a
    /// product, SKU and meter; an entitlement and resource. 0 where there is none.
    #[must_use]
    pub fn code(&self, domain: Domain, key: [u32; 3]) -> u32 {
        self.by_key.get(&(domain, key)).copied().unwrap_or(0)
    }
}

// Description stands for the SKU's name under [product, sku, NO_METER] and the meter's name under
// [product, sku, meter]; no meter has this code.
/// Third part of the key under which a SKU's own name is found.
pub const NO_METER: u32 = u32::MAX;

impl Names {
    /// Offers the names of usage. Every tuple is of some total; names hang on tuples, of which there
    /// are far fewer.
    pub fn take_usage(&mut self, vocabulary: &Vocabulary, usage: &Partial, codes: &Codes) {
        self.take_both(vocabulary, usage, codes);
        let [_, products, resources, _] = usage.tuples.each_ref().map(Tuples::len);
        for product in 0..products {
            let get = |field| codes.of(1, product, field);
            let meter = [get(0), get(1), get(5)];
            self.offer(vocabulary, Domain::Description, meter, get(6));
            self.offer(vocabulary, Domain::Category, meter, get(8));
            self.offer(vocabulary, Domain::Unit, meter, get(9));
        }
        for resource in 0..resources {
            let get = |field| codes.of(2, resource, field);
            self.offer(
                vocabulary,
                Domain::ResourceGroup,
                [get(0), get(2), 0],
                get(1),
            );
        }
    }

    /// Offers the names that usage and lines have.
    pub fn take_both(&mut self, vocabulary: &Vocabulary, partial: &Partial, codes: &Codes) {
        let [accounts, products, ..] = partial.tuples.each_ref().map(Tuples::len);
        for account in 0..accounts {
            let get = |field| codes.of(0, account, field);
            self.offer(vocabulary, Domain::CustomerName, [get(1), 0, 0], get(2));
        }
        for product in 0..products {
            let get = |field| codes.of(1, product, field);
            self.offer(vocabulary, Domain::ProductName, [get(0), 0, 0], get(4));
            self.offer(
                vocabulary,
                Domain::Description,
                [get(0), get(1), NO_METER],
                get(3),
            );
        }
    }
}
