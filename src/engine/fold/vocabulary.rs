//! The vocabulary: distinct values of each domain, with spellings folded together, as codes.
//!
//! Codes are ranks of the texts that are shown: to compare two codes is to compare what is printed,
//! so that rows sorted by codes stand in the order of the output, whatever the order of files and
//! threads. A [`VocabularyBuilder`] hands out numbers in the order of arrival while texts come in;
//! when all are there, each number is replaced by its code. What is a value's best spelling is
//! decided here; which spellings are one value is not, but in [`crate::model::ids`].
//!
//! Fast, because few texts are folded more than once: spellings are remembered in domains that have
//! few of them, and the others are folded in batches on all cores.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use rayon::prelude::*;

use crate::engine::rules::domain::{DOMAINS, Domain, LOCAL};
use crate::model::ids::{Fold, display, fold};

/// Texts by domain, numbered in the order of their arrival.
#[derive(Debug)]
pub struct VocabularyBuilder {
    domains: [DomainTexts; DOMAINS],
}

/// Distinct values of one domain.
#[derive(Debug, Default)]
struct DomainTexts {
    /// Numbers of spellings, of the first [`REMEMBERED_SPELLINGS`] only: saves folding.
    by_spelling: HashMap<String, u32>,
    /// Hash of each folded text, and its number. The folded text is not kept but made anew from the
    /// one that is shown, as it would double the memory.
    by_folded: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
    /// Best spelling so far of each value, by number.
    shown: Vec<String>,
}

/// Number of texts that are folded on all cores before they are put in, which only one core can do.
const FOLDED_AT_ONCE: u32 = 1 << 16;

/// Number of spellings that a domain remembers. A domain with more is one of resources, each of
/// which comes a few times only.
const REMEMBERED_SPELLINGS: usize = 20_000;

impl Default for VocabularyBuilder {
    fn default() -> Self {
        Self {
            domains: std::array::from_fn(|_| DomainTexts::new()),
        }
    }
}

impl VocabularyBuilder {
    /// Number of a text: the same for all spellings of one value, until the texts are ranked.
    pub fn add(&mut self, domain: Domain, text: &str) -> u32 {
        self.domains[domain as usize].add(domain.fold_kind(), text)
    }

    /// Number of each of `count` texts, which are folded on all cores.
    pub(super) fn add_all<'t>(
        &mut self,
        domain: Domain,
        count: u32,
        text: impl Fn(u32) -> &'t str + Sync,
    ) -> Vec<u32> {
        let texts = &mut self.domains[domain as usize];
        let kind = domain.fold_kind();
        let mut numbers = Vec::with_capacity(count as usize);
        // In batches of half a MiB of hashes: enough work for all cores, without a second long
        // column.
        for start in (0..count).step_by(FOLDED_AT_ONCE as usize) {
            let hasher = &texts.hasher;
            let range = start..count.min(start + FOLDED_AT_ONCE);
            // Folding is most of the work, and needs no lock; the table is then filled by one core.
            let hashes: Vec<u64> = range
                .clone()
                .into_par_iter()
                .map(|at| hasher.hash_one(fold(kind, text(at))))
                .collect();
            numbers.extend(
                range
                    .zip(hashes)
                    .map(|(at, hash)| texts.add_hashed(kind, text(at), hash)),
            );
        }
        numbers
    }

    /// Shows a value as `text`, if `text` is a better spelling and the value is there.
    pub(super) fn improve(&mut self, domain: Domain, text: &str) {
        let texts = &mut self.domains[domain as usize];
        let kind = domain.fold_kind();
        let hash = texts.hasher.hash_one(fold(kind, text));
        if texts
            .find(kind, (text, &display(kind, text)), hash)
            .is_some()
        {
            texts.add_hashed(kind, text, hash);
        }
    }

    /// Vocabulary of the texts so far, and for each domain the code of each number. The codes are
    /// the numbers of these texts from here on, and more texts may be added.
    #[must_use]
    pub(super) fn rank(&mut self) -> (Vocabulary, Vec<Vec<u32>>) {
        let (shown, codes) = self.domains.iter_mut().map(DomainTexts::rank).unzip();
        (Vocabulary { shown }, codes)
    }

    /// Vocabulary of all texts, and for each domain the code of each number.
    #[must_use]
    pub(super) fn finish(self) -> (Vocabulary, Vec<Vec<u32>>) {
        let (shown, codes) = self.domains.into_iter().map(DomainTexts::ranked).unzip();
        (Vocabulary { shown }, codes)
    }

    /// Takes the texts of one domain out, and begins it anew: its texts by code, and the code of
    /// each number.
    #[must_use]
    pub fn end(&mut self, domain: Domain) -> (Vec<String>, Vec<u32>) {
        let texts = &mut self.domains[domain as usize];
        std::mem::replace(texts, DomainTexts::new()).ranked()
    }

    /// True if no text came since `vocabulary` was made, but for the domains that are [`LOCAL`].
    #[must_use]
    pub(super) fn adds_nothing_shared(&self, vocabulary: &Vocabulary) -> bool {
        let mut domains = self.domains.iter().zip(&vocabulary.shown).enumerate();
        let is_local = |at: usize| LOCAL.iter().any(|domain| *domain as usize == at);
        domains.all(|(at, (added, texts))| is_local(at) || added.shown.len() == texts.len())
    }
}

impl DomainTexts {
    fn new() -> Self {
        let mut texts = Self::default();
        // The empty text is a value of every domain, and sorts first: it is code 0 everywhere.
        texts.add(Fold::Identifier, "");
        texts
    }

    fn add(&mut self, kind: Fold, text: &str) -> u32 {
        if let Some(number) = self.by_spelling.get(text) {
            return *number;
        }
        let hash = self.hasher.hash_one(fold(kind, text));
        let number = self.add_hashed(kind, text, hash);
        if self.by_spelling.len() < REMEMBERED_SPELLINGS {
            self.by_spelling.insert(text.to_owned(), number);
        }
        number
    }

    /// Number of a text whose folded form has this hash.
    fn add_hashed(&mut self, kind: Fold, text: &str, hash: u64) -> u32 {
        let spelling = display(kind, text);
        let Some(number) = self.find(kind, (text, &spelling), hash) else {
            let number =
                u32::try_from(self.shown.len()).expect("a domain has fewer than 2^32 values");
            self.by_folded
                .insert_unique(hash, (hash, number), |(hash, _)| *hash);
            self.shown.push(spelling.into_owned());
            return number;
        };
        let shown = &mut self.shown[number as usize];
        if is_better_spelling(&spelling, shown) {
            *shown = spelling.into_owned();
        }
        number
    }

    fn find(&self, kind: Fold, (text, spelling): (&str, &str), hash: u64) -> Option<u32> {
        // Spellings that differ in case alone fold together in every kind, and most differ in no
        // more: they need not be folded to be known.
        let is_it = |shown: &String| {
            shown.eq_ignore_ascii_case(spelling) || fold(kind, shown) == fold(kind, text)
        };
        let is_same =
            |(known, number): &(u64, u32)| *known == hash && is_it(&self.shown[*number as usize]);
        self.by_folded
            .find(hash, is_same)
            .map(|(_, number)| *number)
    }

    /// Ranks the texts so far, and makes the ranks their numbers.
    fn rank(&mut self) -> (Vec<String>, Vec<u32>) {
        // Both tables stay valid but for the numbers in them, and need not be built anew.
        let known = std::mem::take(self);
        let (by_folded, by_spelling, hasher) = (
            known.by_folded.clone(),
            known.by_spelling.clone(),
            known.hasher.clone(),
        );
        let (shown, code_of) = known.ranked();
        *self = Self {
            by_spelling,
            by_folded,
            hasher,
            shown: shown.clone(),
        };
        let renumber = |number: &mut u32| *number = code_of[*number as usize];
        self.by_folded
            .iter_mut()
            .for_each(|(_, number)| renumber(number));
        self.by_spelling.values_mut().for_each(renumber);
        (shown, code_of)
    }

    /// Texts in their order, and the rank of each number.
    fn ranked(mut self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<u32> = (0..).take(self.shown.len()).collect();
        // No two texts are equal, so that an unstable sort has one result.
        order.par_sort_unstable_by_key(|number| &self.shown[*number as usize]);
        let mut code_of = vec![0; order.len()];
        let mut sorted = Vec::with_capacity(order.len());
        for (code, number) in (0..).zip(order) {
            code_of[number as usize] = code;
            sorted.push(std::mem::take(&mut self.shown[number as usize]));
        }
        (sorted, code_of)
    }
}

/// True if `candidate` is shown rather than `shown`, another spelling of one value.
///
/// The choice must not depend on the order of rows or files, so that it cannot be the first that
/// came: it is the longest, and of those the last in byte order, which prefers lower case to upper.
#[must_use]
pub(super) fn is_better_spelling(candidate: &str, shown: &str) -> bool {
    (candidate.len(), candidate) > (shown.len(), shown)
}

/// Texts of every domain, by code. Code 0 is the empty text in each of them.
#[derive(Debug)]
pub struct Vocabulary {
    shown: Vec<Vec<String>>,
}

impl Vocabulary {
    /// Text of a code.
    ///
    /// # Panics
    /// For a code that the domain does not have.
    #[must_use]
    pub fn text(&self, domain: Domain, code: u32) -> &str {
        match code {
            // A domain whose texts were dropped after the last part has not even the empty one.
            0 => "",
            code => &self.all(domain)[code as usize],
        }
    }

    /// All texts of a domain, by code.
    #[must_use]
    pub fn all(&self, domain: Domain) -> &[String] {
        &self.shown[domain as usize]
    }

    /// Replaces the texts of a domain, given by code.
    pub(super) fn put(&mut self, domain: Domain, texts: Vec<String>) {
        self.shown[domain as usize] = texts;
    }

    /// Folded text of a code, the same in every run, however the value was spelled.
    #[must_use]
    pub fn folded(&self, domain: Domain, code: u32) -> String {
        fold(domain.fold_kind(), self.text(domain, code))
    }

    /// Code of a text in any spelling; `None` where no row has the value. Looks at every text of
    /// the domain, and is for a few texts only.
    #[must_use]
    pub fn code(&self, domain: Domain, text: &str) -> Option<u32> {
        let kind = domain.fold_kind();
        let wanted = fold(kind, text);
        (0..)
            .zip(self.all(domain))
            .find(|(_, shown)| fold(kind, shown) == wanted)
            .map(|(code, _)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_do_not_depend_on_the_order_of_arrival() {
        let words = ["B", "b", "org:A", "", "a"];
        let build = |words: &[&str]| {
            let mut builder = VocabularyBuilder::default();
            let ids: Vec<u32> = words
                .iter()
                .map(|word| builder.add(Domain::Customer, word))
                .collect();
            let (vocabulary, codes) = builder.finish();
            let texts: Vec<String> = ids
                .iter()
                .map(|id| {
                    vocabulary
                        .text(
                            Domain::Customer,
                            codes[Domain::Customer as usize][*id as usize],
                        )
                        .to_owned()
                })
                .collect();
            (vocabulary.all(Domain::Customer).to_vec(), texts)
        };
        let (forward, texts) = build(&words);
        let mut reversed = words;
        reversed.reverse();
        assert_eq!(forward, build(&reversed).0);
        assert_eq!(forward, ["", "a", "b"]);
        assert_eq!(texts, ["b", "b", "a", "", "a"]);
    }
}
