//! Names that are shown beside codes: of customers, products, SKUs, meters and resource groups.
//!
//! Names are never compared, as two files may spell one differently, and a name may change within a
//! month. The best spelling of all rows is shown, whatever their order.

use hashbrown::HashMap;

use super::codes::Codes;
use super::vocabulary::{Vocabulary, is_better_spelling};
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{Part, Tuple};

/// Third code of the key of a SKU's own name. The names of SKUs and of meters are of one domain: a
/// meter's name goes with [product, SKU, meter], and no meter has this code.
pub const NO_METER: u32 = u32::MAX;

/// Codes of names and other attributes that are shown beside a key and never compared.
#[derive(Debug, Default)]
pub struct DisplayNames {
    /// Code of the best name so far, by the name's domain and the key that it goes with.
    by_key: HashMap<(Domain, [u32; 3]), u32>,
}

impl DisplayNames {
    /// Drops the names of a domain.
    pub(super) fn forget(&mut self, domain: Domain) {
        self.by_key.retain(|(of, _), _| *of != domain);
    }

    /// Takes a name, if it is better than the one that the key has.
    fn offer(&mut self, vocabulary: &Vocabulary, domain: Domain, key: [u32; 3], code: u32) {
        let shown = self.by_key.entry((domain, key)).or_insert(0);
        if is_better_spelling(
            vocabulary.text(domain, code),
            vocabulary.text(domain, *shown),
        ) {
            *shown = code;
        }
    }

    /// Code of the name that goes with a key: a customer; a product; a product, SKU and
    /// [`NO_METER`]; a product, SKU and meter; an entitlement and resource. Keys of fewer than
    /// three codes end in 0. The empty text's code, 0, where no row gave a name.
    #[must_use]
    pub fn code(&self, domain: Domain, key: [u32; 3]) -> u32 {
        match self.by_key.get(&(domain, key)) {
            Some(code) => *code,
            None => 0,
        }
    }

    /// Takes the names of usage. Fast, because names hang on tuples, of which there are far fewer
    /// than totals; and none in vain, as every tuple is of some total.
    pub(super) fn take_usage(&mut self, vocabulary: &Vocabulary, usage: &Partial, codes: &Codes) {
        self.take_lines(vocabulary, usage, codes);
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

    /// Takes the names of lines, which usage has as well.
    pub(super) fn take_lines(&mut self, vocabulary: &Vocabulary, partial: &Partial, codes: &Codes) {
        for account in ids(partial, Tuple::Account) {
            let code = |part| codes.of(part, account);
            let key = [code(Part::Customer), 0, 0];
            let name = Part::CustomerName;
            // Code 0 is also that of what several customers share, which must not get the name of a
            // row that lacks its id.
            if key != [0; 3] {
                self.offer(vocabulary, name.domain(), key, code(name));
            }
        }
        for product in ids(partial, Tuple::Product) {
            let code = |part| codes.of(part, product);
            let (key, name) = ([code(Part::Product), 0, 0], Part::ProductName);
            if key != [0; 3] {
                self.offer(vocabulary, name.domain(), key, code(name));
            }
            let key = [code(Part::Product), code(Part::Sku), NO_METER];
            let name = Part::SkuName;
            if key[1] != 0 {
                self.offer(vocabulary, name.domain(), key, code(name));
            }
        }
    }
}

fn ids(partial: &Partial, tuple: Tuple) -> std::ops::Range<u32> {
    0..partial.tuples[tuple as usize].len()
}
