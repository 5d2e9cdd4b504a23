//! DisplayNames that go with codes.

use hashbrown::HashMap;

use super::codes::Codes;
use super::vocabulary::{Vocabulary, is_better_spelling};
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{Part, Tuple};

/// DisplayNames and other attributes that are shown beside a key and never compared.
#[derive(Debug, Default)]
pub struct DisplayNames {
    by_key: HashMap<(Domain, [u32; 3]), u32>,
}

impl DisplayNames {
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

impl DisplayNames {
    /// Offers the names of usage. Every tuple is of some total; names hang on tuples, of which there
    /// are far fewer.
    pub fn take_usage(&mut self, vocabulary: &Vocabulary, usage: &Partial, codes: &Codes) {
        self.take_both(vocabulary, usage, codes);
        for product in ids(usage, Tuple::Product) {
            let code = |part| codes.of(part, product);
            let meter = [Part::Product, Part::Sku, Part::Meter].map(code);
            for part in [Part::MeterName, Part::MeterCategory, Part::Unit] {
                self.offer(vocabulary, part.domain(), meter, code(part));
            }
        }
        for resource in ids(usage, Tuple::Resource) {
            let code = |part| codes.of(part, resource);
            let key = [code(Part::Entitlement), code(Part::Resource), 0];
            let group = Part::ResourceGroup;
            self.offer(vocabulary, group.domain(), key, code(group));
        }
    }

    /// Offers the names that usage and lines have.
    pub fn take_both(&mut self, vocabulary: &Vocabulary, partial: &Partial, codes: &Codes) {
        for account in ids(partial, Tuple::Account) {
            let code = |part| codes.of(part, account);
            let key = [code(Part::Customer), 0, 0];
            let name = Part::CustomerName;
            self.offer(vocabulary, name.domain(), key, code(name));
        }
        for product in ids(partial, Tuple::Product) {
            let code = |part| codes.of(part, product);
            let (key, name) = ([code(Part::Product), 0, 0], Part::ProductName);
            self.offer(vocabulary, name.domain(), key, code(name));
            let key = [code(Part::Product), code(Part::Sku), NO_METER];
            let name = Part::SkuName;
            self.offer(vocabulary, name.domain(), key, code(name));
        }
    }
}

fn ids(partial: &Partial, tuple: Tuple) -> std::ops::Range<u32> {
    0..partial.tuples[tuple as usize].len()
}
