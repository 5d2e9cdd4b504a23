//! Practice of each invoice, learned from all of its metered lines together: the rounding rule that
//! they obey, and the exchange rate at which they are converted.
//!
//! A rule is learned, then held: the rule that at least nine of ten lines obey is that of all of
//! them, and a line which departs from it does so by a known amount. Nor does a line bear witness
//! to its own rate: where usage has none, the rate of most lines of the invoice stands.
//! Votes are counted over all parts before the first group is compared.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::line_numbers::LineNumbers;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::rounding::Rules;
use crate::model::decimal::{self, RATE_SCALE, plain};

/// Rows that one thread counts at a time.
const ROWS_AT_A_TIME: usize = 4096;

/// Lines of each invoice that obey each rule, and lines at each exchange rate.
#[derive(Debug, Default)]
pub struct LineVotes {
    /// By the invoice's code.
    rules: HashMap<u32, RuleVotes>,
    /// By the codes of invoice, billing and pricing currency, then by rate in units of 10^-18.
    rates: HashMap<[u32; 3], HashMap<i128, u64>>,
}

/// Votes of the lines of one invoice.
#[derive(Debug, Default)]
struct RuleVotes {
    /// Number of metered lines that have a price.
    lines: u64,
    /// Number of these lines that obey each rule, in the order of the rules.
    obeying: Vec<u64>,
}

impl LineVotes {
    /// Counts the metered lines of `totals`.
    pub fn count(&mut self, totals: &Folded, rules: &Rules) {
        let numbers = LineNumbers::of(totals);
        let rows: Vec<usize> = (0..numbers.columns.rows.len()).collect();
        let found = rows
            .par_chunks(ROWS_AT_A_TIME)
            .map(|rows| Self::of_rows(&numbers, rows, rules))
            .reduce(Self::default, Self::plus);
        let before = std::mem::take(self);
        *self = before.plus(found);
    }

    fn of_rows(numbers: &LineNumbers<'_>, rows: &[usize], rules: &Rules) -> Self {
        let mut votes = Self::default();
        let [invoice, currency, pricing] = [Part::Invoice, Part::Currency, Part::PricingCurrency]
            .map(|part| numbers.columns.codes(part));
        for row in rows.iter().copied().filter(|row| numbers.is_metered(*row)) {
            let count = numbers.columns.rows[row];
            let at_rate = votes
                .rates
                .entry([invoice[row], currency[row], pricing[row]])
                .or_default();
            *at_rate.entry(numbers.rate(row)).or_default() += count;
            let Some(line) = numbers.line(row) else {
                continue;
            };
            let of_invoice = votes.rules.entry(invoice[row]).or_default();
            of_invoice.lines += count;
            of_invoice.obeying.resize(rules.all().len(), 0);
            for (obeying, rule) in of_invoice.obeying.iter_mut().zip(rules.all()) {
                if rule.distance(line, numbers.subtotal(row)) == Some(0) {
                    *obeying += count;
                }
            }
        }
        votes
    }

    fn plus(mut self, other: Self) -> Self {
        for (invoice, votes) in other.rules {
            let known = self.rules.entry(invoice).or_default();
            known.lines += votes.lines;
            known.obeying.resize(votes.obeying.len(), 0);
            for (known, votes) in known.obeying.iter_mut().zip(votes.obeying) {
                *known += votes;
            }
        }
        for (pair, votes) in other.rates {
            let known = self.rates.entry(pair).or_default();
            for (rate, count) in votes {
                *known.entry(rate).or_default() += count;
            }
        }
        self
    }
}

/// Rounding rule that is held for the metered lines of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRule {
    /// Position among the [`Rules`].
    pub rule: usize,
    /// True if at least nine of ten lines obey the rule; else it is the documented one, and what
    /// rounding makes is bounded by all rules for usage, not proven by one.
    pub is_learned: bool,
}

/// Practice of one invoice as it is written into a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeInWords {
    /// Number of the invoice.
    pub invoice: String,
    /// Name of the rule that at least nine of ten metered lines obey; `None` where there is none.
    pub rule: Option<String>,
    /// Rate of most metered lines, as decimal text, by the code of the billing currency.
    pub rates: BTreeMap<String, String>,
}

/// Rule and exchange rates of each invoice.
#[derive(Debug, Default)]
pub struct InvoicePractice {
    rules: HashMap<u32, HeldRule>,
    rates: HashMap<[u32; 2], i128>,
    /// Rate of more than half of the metered lines, by the codes of invoice, billing and pricing
    /// currency.
    common_rates: HashMap<[u32; 3], i128>,
}

impl InvoicePractice {
    /// Rule of an invoice held where its lines do not agree on one: the first, which is the
    /// documented one for usage ([semantics §3](crate::model::domain::semantics)).
    const DOCUMENTED: HeldRule = HeldRule {
        rule: 0,
        is_learned: false,
    };

    /// Practice that the votes of all lines show.
    #[must_use]
    pub fn of(votes: &LineVotes) -> Self {
        let rules = votes.rules.iter().map(|(invoice, votes)| {
            let most = votes.obeying.iter().copied().max();
            let held = match most {
                // In tenths, so that nothing is rounded.
                Some(most) if most * 10 >= votes.lines * 9 => HeldRule {
                    // Of equal rules the first: rules for usage stand before the others.
                    rule: votes
                        .obeying
                        .iter()
                        .position(|count| *count == most)
                        .expect("one of the rules has the most lines"),
                    is_learned: true,
                },
                _ => Self::DOCUMENTED,
            };
            (*invoice, held)
        });
        let mut of_invoice: HashMap<[u32; 2], HashMap<i128, u64>> = HashMap::new();
        let mut common_rates = HashMap::new();
        for (pair @ [invoice, currency, _], votes) in &votes.rates {
            let of_invoice = of_invoice.entry([*invoice, *currency]).or_default();
            for (rate, count) in votes {
                *of_invoice.entry(*rate).or_default() += count;
            }
            let (rate, count) = most(votes);
            if count * 2 > votes.values().sum() {
                common_rates.insert(*pair, rate);
            }
        }
        let rates = of_invoice
            .iter()
            .map(|(pair, votes)| (*pair, most(votes).0));
        Self {
            rules: rules.collect(),
            rates: rates.collect(),
            common_rates,
        }
    }

    /// Practice in words, one entry for each invoice that has metered lines, in the order of their
    /// codes; invoices that agree on no rule have none.
    #[must_use]
    pub fn in_words(&self, vocabulary: &Vocabulary, rules: &Rules) -> Vec<PracticeInWords> {
        let mut invoices: Vec<u32> = self.rates.keys().map(|[invoice, _]| *invoice).collect();
        invoices.sort_unstable();
        invoices.dedup();
        let in_words = |invoice: u32| {
            let held = self.rule_of(invoice);
            let rates = self.rates.iter().filter(|([of, _], _)| *of == invoice);
            PracticeInWords {
                invoice: vocabulary.text(Domain::Invoice, invoice).to_owned(),
                rule: held
                    .is_learned
                    .then(|| rules.all()[held.rule].name.to_string()),
                rates: rates
                    .map(|([_, currency], rate)| {
                        let currency = vocabulary.text(Domain::Currency, *currency);
                        (currency.to_owned(), plain(*rate, RATE_SCALE))
                    })
                    .collect(),
            }
        };
        invoices.into_iter().map(in_words).collect()
    }

    /// Practice that was put in words; invoices, currencies and rules that are not known here, and
    /// rates that are no numbers, are left out.
    #[must_use]
    pub fn from_words(words: &[PracticeInWords], vocabulary: &Vocabulary, rules: &Rules) -> Self {
        let mut practice = Self::default();
        for of_invoice in words {
            let Some(invoice) = vocabulary.code(Domain::Invoice, &of_invoice.invoice) else {
                continue;
            };
            let named = |name: &String| rules.all().iter().position(|rule| rule.name == *name);
            if let Some(rule) = of_invoice.rule.as_ref().and_then(named) {
                let is_learned = true;
                practice
                    .rules
                    .insert(invoice, HeldRule { rule, is_learned });
            }
            for (currency, rate) in &of_invoice.rates {
                if let Some(currency) = vocabulary.code(Domain::Currency, currency)
                    && let Ok(rate) = decimal::parse(rate.as_bytes(), RATE_SCALE)
                {
                    practice.rates.insert([invoice, currency], rate.value);
                }
            }
        }
        practice
    }

    /// Rule that is held for the metered lines of an invoice.
    #[must_use]
    pub fn rule_of(&self, invoice: u32) -> HeldRule {
        self.rules
            .get(&invoice)
            .copied()
            .unwrap_or(Self::DOCUMENTED)
    }

    /// Rate of more than half of the metered lines of an invoice and a pair of currencies (billing,
    /// pricing), in units of 10^-18; `None` where no rate has so many, and no line departs.
    #[must_use]
    pub fn common_rate(&self, invoice: u32, [billing, pricing]: [u32; 2]) -> Option<i128> {
        self.common_rates.get(&[invoice, billing, pricing]).copied()
    }

    /// Rate of most metered lines of an invoice and currency, in units of 10^-18; `None` where it
    /// has none.
    #[must_use]
    pub fn rate_of(&self, invoice: u32, currency: u32) -> Option<i128> {
        self.rates.get(&[invoice, currency]).copied()
    }
}

/// Rate with the most lines, of equal ones the highest, and the number of its lines.
fn most(votes: &HashMap<i128, u64>) -> (i128, u64) {
    let most = votes.iter().max_by_key(|(rate, count)| (**count, **rate));
    let (rate, count) = most.expect("a pair has a line");
    (*rate, *count)
}
