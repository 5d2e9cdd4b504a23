//! The distinct values of each domain, folded together, numbered in the order in which they are
//! shown: comparing two codes compares what is printed.

use crate::engine::rules::domain::{DOMAINS, Domain, LOCAL};
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use rayon::prelude::*;

use crate::model::ids::{Fold, display, fold};

/// Values while they are gathered.
#[derive(Debug)]
pub struct Gathering {
    domains: Vec<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    /// Ids of spellings, for domains with few of them: saves folding.
    by_spelling: HashMap<String, u32>,
    /// Ids by the hash of the folded text, which is not kept: it is made anew from the shown one.
    by_folded: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
    shown: Vec<String>,
}

/// Texts that are folded before they are put in.
const FOLDED_AT_ONCE: u32 = 1 << 16;

/// A domain with more spellings than this is one of resources, each seen a few times.
const REMEMBERED_SPELLINGS: usize = 20_000;

impl Default for Gathering {
    fn default() -> Self {
        let mut gathering = Self {
            domains: Vec::new(),
        };
        gathering.domains.resize_with(DOMAINS, Gathered::new);
        gathering
    }
}

impl Gathering {
    /// A number for `text`, for as long as values are gathered.
    pub fn add(&mut self, domain: Domain, text: &str) -> u32 {
        self.domains
            .get_mut(domain as usize)
            .map_or(0, |gathered| gathered.add(domain.fold_kind(), text))
    }

    /// A number for each of `count` texts, folded on all cores.
    pub fn add_all<'t>(
        &mut self,
        domain: Domain,
        count: u32,
        text: impl Fn(u32) -> &'t str + Sync,
    ) -> Vec<u32> {
        let Some(gathered) = self.domains.get_mut(domain as usize) else {
            return Vec::new();
        };
        let kind = domain.fold_kind();
        let mut numbers = Vec::with_capacity(count as usize);
        for start in (0..count).step_by(FOLDED_AT_ONCE as usize) {
            let hasher = &gathered.hasher;
            let range = start..count.min(start + FOLDED_AT_ONCE);
            let hashes: Vec<u64> = range
                .clone()
                .into_par_iter()
                .map(|at| hasher.hash_one(fold(kind, text(at))))
                .collect();
            numbers.extend(
                range
                    .zip(hashes)
                    .map(|(at, hash)| gathered.add_hashed(kind, text(at), hash)),
            );
        }
        numbers
    }

    /// As [`Gathering::finish`]; the codes are the numbers of what is gathered from here on.
    #[must_use]
    pub fn settle(&mut self) -> (Vocabulary, Vec<Vec<u32>>) {
        let (shown, codes) = self.domains.iter_mut().map(Gathered::settle).unzip();
        (Vocabulary { shown }, codes)
    }

    /// Whether nothing but what is local came to what was settled.
    #[must_use]
    pub fn are_of(&self, vocabulary: &Vocabulary) -> bool {
        let mut domains = self.domains.iter().zip(&vocabulary.shown).enumerate();
        let is_local = |at: usize| LOCAL.iter().any(|domain| *domain as usize == at);
        domains.all(|(at, (gathered, texts))| is_local(at) || gathered.shown.len() == texts.len())
    }

    /// Shows a value as `text`, if that is better and the value is there.
    pub fn improve(&mut self, domain: Domain, text: &str) {
        if let Some(gathered) = self.domains.get_mut(domain as usize) {
            let kind = domain.fold_kind();
            let hash = gathered.hasher.hash_one(fold(kind, text));
            if gathered
                .find(kind, (text, &display(kind, text)), hash)
                .is_some()
            {
                gathered.add_hashed(kind, text, hash);
            }
        }
    }

    /// Ends the values of one domain, and begins anew: its texts by code, and the codes of the
    /// numbers that were given out.
    #[must_use]
    pub fn end(&mut self, domain: Domain) -> (Vec<String>, Vec<u32>) {
        let Some(gathered) = self.domains.get_mut(domain as usize) else {
            return Default::default();
        };
        std::mem::replace(gathered, Gathered::new()).ranked()
    }

    /// The vocabulary, and for each domain the code of each number that was given out.
    #[must_use]
    pub fn finish(self) -> (Vocabulary, Vec<Vec<u32>>) {
        let mut shown = Vec::with_capacity(DOMAINS);
        let mut codes = Vec::with_capacity(DOMAINS);
        for gathered in self.domains {
            let (sorted, code_of) = gathered.ranked();
            shown.push(sorted);
            codes.push(code_of);
        }
        (Vocabulary { shown }, codes)
    }
}

impl Gathered {
    fn new() -> Self {
        let mut gathered = Self::default();
        // Nothing is a value of every domain, and sorts first.
        gathered.add(Fold::Identifier, "");
        gathered
    }

    fn add(&mut self, kind: Fold, text: &str) -> u32 {
        if let Some(id) = self.by_spelling.get(text) {
            return *id;
        }
        let hash = self.hasher.hash_one(fold(kind, text));
        let id = self.add_hashed(kind, text, hash);
        if self.by_spelling.len() < REMEMBERED_SPELLINGS {
            self.by_spelling.insert(text.to_owned(), id);
        }
        id
    }

    /// The number of a text whose folded form has this hash.
    fn add_hashed(&mut self, kind: Fold, text: &str, hash: u64) -> u32 {
        let spelling = display(kind, text);
        let found = self.find(kind, (text, &spelling), hash);
        let shown = &mut self.shown;
        let id = found.unwrap_or_else(|| {
            let id = u32::try_from(shown.len()).unwrap_or(u32::MAX);
            self.by_folded
                .insert_unique(hash, (hash, id), |(hash, _)| *hash);
            shown.push(spelling.clone().into_owned());
            id
        });
        if let Some(shown) = shown.get_mut(id as usize)
            && is_better_spelling(&spelling, shown)
        {
            *shown = spelling.into_owned();
        }
        id
    }

    fn find(&self, kind: Fold, (text, spelling): (&str, &str), hash: u64) -> Option<u32> {
        // What differs in case alone folds together: most spellings need not be folded to know it.
        let is_it = |shown: &String| {
            shown.eq_ignore_ascii_case(spelling) || fold(kind, shown) == fold(kind, text)
        };
        let is_same = |(known, id): &(u64, u32)| {
            *known == hash && self.shown.get(*id as usize).is_some_and(is_it)
        };
        self.by_folded.find(hash, is_same).map(|(_, id)| *id)
    }

    /// Ranks what came so far; the ranks become its numbers.
    fn settle(&mut self) -> (Vec<String>, Vec<u32>) {
        let known = std::mem::take(self);
        let (by_folded, by_spelling, hasher) = (
            known.by_folded.clone(),
            known.by_spelling.clone(),
            known.hasher.clone(),
        );
        let (shown, code_of) = known.ranked();
        let code = |id: &mut u32| *id = code_of.get(*id as usize).copied().unwrap_or(0);
        *self = Self {
            by_spelling,
            by_folded,
            hasher,
            shown: shown.clone(),
        };
        self.by_folded.iter_mut().for_each(|(_, id)| code(id));
        self.by_spelling.values_mut().for_each(code);
        (shown, code_of)
    }

    fn ranked(mut self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<u32> = (0..).take(self.shown.len()).collect();
        order.par_sort_unstable_by(|left, right| {
            self.shown
                .get(*left as usize)
                .cmp(&self.shown.get(*right as usize))
        });
        let mut code_of = vec![0; order.len()];
        let mut sorted = Vec::with_capacity(order.len());
        for (code, id) in (0..).zip(&order) {
            if let Some(slot) = code_of.get_mut(*id as usize) {
                *slot = code;
            }
            sorted.push(
                self.shown
                    .get_mut(*id as usize)
                    .map(std::mem::take)
                    .unwrap_or_default(),
            );
        }
        (sorted, code_of)
    }
}

/// Which of two spellings of one value is shown must not depend on the order of rows or files, so
/// it cannot be the first that came: it is the longest, of those the last in byte order, which
/// prefers lower case to upper.
#[must_use]
pub fn is_better_spelling(candidate: &str, shown: &str) -> bool {
    (candidate.len(), candidate) > (shown.len(), shown)
}

/// The values of every domain, by code.
#[derive(Debug, Default)]
pub struct Vocabulary {
    shown: Vec<Vec<String>>,
}

impl Vocabulary {
    /// The text of a code; code 0 is the empty text.
    #[must_use]
    pub fn text(&self, domain: Domain, code: u32) -> &str {
        self.all(domain)
            .get(code as usize)
            .map_or("", String::as_str)
    }

    /// All texts of a domain, by code.
    #[must_use]
    pub fn all(&self, domain: Domain) -> &[String] {
        self.shown.get(domain as usize).map_or(&[], Vec::as_slice)
    }

    /// Other texts for a domain, by code.
    pub fn put(&mut self, domain: Domain, texts: Vec<String>) {
        if let Some(slot) = self.shown.get_mut(domain as usize) {
            *slot = texts;
        }
    }

    /// The folded text of a code, the same in every run.
    #[must_use]
    pub fn folded(&self, domain: Domain, code: u32) -> String {
        fold(domain.fold_kind(), self.text(domain, code))
    }

    /// The code of a text in any spelling.
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
            let mut gathering = Gathering::default();
            let ids: Vec<u32> = words
                .iter()
                .map(|word| gathering.add(Domain::Customer, word))
                .collect();
            let (vocabulary, codes) = gathering.finish();
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
