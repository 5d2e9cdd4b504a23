//! What rounding makes of the usage of a match, by the principles of the second design of judging:
//! predict, don't allow; a rule is learned, then held; only what cannot be known widens a bound; the
//! suspect is never the witness; nothing comes from nothing.
//!
//! Numbers are of scale 20 where nothing else is said.

use std::collections::BTreeMap;

use tieout::model::currency::minor_digits;
use tieout::model::decimal::{self, Rounding, multiply, multiply_three, quotient_up, rescale};

use super::month::{Lines, Month, Usage};

/// A rounding rule of Microsoft's pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The charge to cents of the pricing currency, then to the billing currency.
    Twice(Rounding),
    /// The price of one unit in the billing currency.
    UnitPrice(Rounding),
    /// The whole, once.
    Total(Rounding),
}

/// Rules by name, those of usage first; of equal ones the first is held.
const RULES: [(&str, Rule); 6] = [
    ("round_down_twice", Rule::Twice(Rounding::Down)),
    ("half_up_twice", Rule::Twice(Rounding::HalfUp)),
    ("unit_price_down", Rule::UnitPrice(Rounding::Down)),
    ("total_down", Rule::Total(Rounding::Down)),
    ("unit_price_half_up", Rule::UnitPrice(Rounding::HalfUp)),
    ("total_half_up", Rule::Total(Rounding::HalfUp)),
];

/// The rule that an invoice holds, and its name; no name where its lines agree on none.
pub(super) struct Practice {
    rule: Rule,
    name: Option<&'static str>,
}

impl Practice {
    /// The rules that a line may obey.
    fn rules(&self) -> Vec<Rule> {
        if self.name.is_some() {
            vec![self.rule]
        } else {
            vec![Rule::Twice(Rounding::Down), Rule::Twice(Rounding::HalfUp)]
        }
    }
}

/// A number of a line's key.
fn number(text: &str, scale: u32) -> i128 {
    decimal::parse(text.as_bytes(), scale).unwrap().value
}

impl Rule {
    /// Subtotal of a price (scale 22) and a quantity at a rate (scale 18).
    fn of_price(self, price: i128, quantity: i128, rate: i128, digits: u32) -> i128 {
        let (price, quantity, rate) = ((price, 22), (quantity, 20), (rate, 18));
        let (made, scale) = match self {
            Self::Twice(mode) => {
                let charge = multiply(price, quantity, 2, mode).unwrap();
                (multiply((charge, 2), rate, digits, mode), digits)
            }
            Self::Total(mode) => (
                multiply_three([price, quantity, rate], digits, mode),
                digits,
            ),
            Self::UnitPrice(mode) => {
                let unit = multiply(price, rate, digits, mode).unwrap();
                (
                    multiply((unit, digits), quantity, 20, Rounding::HalfEven),
                    20,
                )
            }
        };
        made.unwrap() * 10_i128.pow(20 - scale)
    }

    /// Subtotal of a charge in the pricing currency.
    fn of_charge(self, charge: i128, quantity: i128, rate: i128, digits: u32) -> i128 {
        match self {
            Self::Twice(mode) => {
                let cents = rescale(charge, 20, 2, mode).unwrap();
                multiply((cents, 2), (rate, 18), digits, mode).unwrap() * 10_i128.pow(20 - digits)
            }
            Self::UnitPrice(_) if quantity != 0 => {
                let price = quotient_up((charge, 20), (quantity, 20), 15).unwrap();
                self.of_price(price * 10_i128.pow(7), quantity, rate, digits)
            }
            Self::Total(mode) | Self::UnitPrice(mode) => {
                multiply((charge, 20), (rate, 18), digits, mode).unwrap() * 10_i128.pow(20 - digits)
            }
        }
    }

    /// How far `count` lines of this rule may fall short of their usage, and exceed it: less than a
    /// last digit at each step where it cuts, half of one on either side where it is half up.
    fn apart(self, count: u64, sum: &Sum, digits: u32) -> (i128, i128) {
        let (cent, last) = (sum.rate.abs(), 10_i128.pow(20 - digits));
        let (mode, all) = match self {
            Self::Twice(mode) => (mode, (cent + last) * i128::from(count)),
            Self::Total(mode) => (mode, last * i128::from(count)),
            Self::UnitPrice(mode) => {
                let units = multiply((1, digits), (sum.quantity.abs(), 20), 20, Rounding::HalfUp);
                (mode, units.unwrap())
            }
        };
        let (toward_zero, away) = if mode == Rounding::Down {
            (all, 0)
        } else {
            (all / 2, all / 2)
        };
        match sum.amount.signum() {
            1 => (toward_zero, away),
            -1 => (away, toward_zero),
            _ => (toward_zero, toward_zero),
        }
    }
}

/// The practice of each invoice of usage or lines.
pub(super) fn practice_of(month: &Month) -> BTreeMap<String, Practice> {
    let mut votes: BTreeMap<&String, (u64, [u64; 6])> = BTreeMap::new();
    month.usage.keys().for_each(|key| {
        votes.entry(&key[0]).or_default();
    });
    for (key, total) in &month.lines {
        let (lines, obeying) = votes.entry(&key[0]).or_default();
        if !key[11].is_empty() {
            continue;
        }
        *lines += total.rows;
        for (obeying, (_, rule)) in obeying.iter_mut().zip(RULES) {
            let is_obeyed = off(rule, key) == 0;
            *obeying += if is_obeyed { total.rows } else { 0 };
        }
    }
    let practice = votes.into_iter().map(|(invoice, (lines, obeying))| {
        let most = *obeying.iter().max().unwrap();
        let held = obeying.iter().position(|count| *count == most).unwrap();
        let (name, rule) = RULES[held];
        let practice = if lines > 0 && most * 10 >= lines * 9 {
            let name = Some(name);
            Practice { rule, name }
        } else {
            let (rule, name) = (RULES[0].1, None);
            Practice { rule, name }
        };
        (invoice.clone(), practice)
    });
    practice.collect()
}

/// Subtotal of one line less what a rule makes of its numbers.
fn off(rule: Rule, key: &[String]) -> i128 {
    let made = rule.of_price(
        number(&key[12], 22),
        number(&key[13], 20),
        number(&key[10], 18),
        minor_digits(&key[8]),
    );
    number(&key[14], 20) - made
}

/// What rounding makes of a match's usage, and what the match says of its invoice's rule.
#[derive(Default)]
pub(super) struct Proven {
    /// Least, likely and greatest subtotal.
    pub(super) low: i128,
    pub(super) likely: i128,
    pub(super) high: i128,
    /// False where usage cannot be told apart between lines, or the invoice has no rule.
    pub(super) is_certain: bool,
    pub(super) rule: &'static str,
    pub(super) off_rule: i128,
}

/// Usage totals and lines of one match.
#[derive(Default)]
pub(super) struct Members<'m> {
    pub(super) usage: Vec<(&'m Vec<String>, &'m Usage)>,
    pub(super) lines: Vec<(&'m Vec<String>, &'m Lines)>,
}

/// Usage that stands on one line, or is shared by several.
struct Sum {
    rows: u64,
    quantity: i128,
    pricing: i128,
    amount: i128,
    /// Half of the last digits of the amounts together.
    precision: i128,
    /// Scale 18.
    rate: i128,
}

impl Members<'_> {
    fn line_count(&self) -> u64 {
        self.lines.iter().map(|(_, total)| total.rows).sum()
    }

    /// What the invoice's practice makes of the usage.
    pub(super) fn proven(&self, practice: &Practice, currency: &str) -> Proven {
        let digits = minor_digits(currency);
        let mut proven = Proven {
            is_certain: practice.name.is_some(),
            rule: practice.name.unwrap_or_default(),
            ..Proven::default()
        };
        for (key, total) in &self.lines {
            proven.off_rule += off(practice.rule, key) * i128::from(total.rows);
        }
        for cell in self.cells() {
            cell.prove(&mut proven, practice, digits);
        }
        proven
    }

    /// Parts whose usage and lines can be told apart: by description and price adjustment where
    /// both sides have them. All else is one part.
    fn cells(&self) -> Vec<Members<'_>> {
        if self.line_count() <= 1 {
            let (usage, lines) = (self.usage.clone(), self.lines.clone());
            return vec![Members { usage, lines }];
        }
        let mut named: BTreeMap<[&String; 2], Members<'_>> = BTreeMap::new();
        for (key, total) in &self.usage {
            let cell = named.entry([&key[12], &key[10]]).or_default();
            cell.usage.push((key, total));
        }
        for (key, total) in &self.lines {
            let cell = named.entry([&key[6], &key[7]]).or_default();
            cell.lines.push((key, total));
        }
        let (mut cells, mut rest) = (Vec::new(), Members::default());
        for cell in named.into_values() {
            if cell.usage.is_empty() || cell.lines.is_empty() {
                rest.usage.extend(cell.usage);
                rest.lines.extend(cell.lines);
            } else {
                cells.push(cell);
            }
        }
        cells.push(rest);
        cells
    }

    /// Adds what is made of usage that these lines share.
    fn prove(&self, proven: &mut Proven, practice: &Practice, digits: u32) {
        // No rule makes a cent out of no usage.
        let Some((key, _)) = self.usage.first() else {
            return;
        };
        let totals = || self.usage.iter().map(|(_, total)| total);
        assert!(
            self.usage.iter().all(|(other, _)| other[15] == key[15]),
            "a synthetic invoice has one rate"
        );
        let sum = Sum {
            rows: totals().map(|total| total.rows).sum(),
            quantity: totals().map(|total| total.quantity).sum(),
            pricing: totals().map(|total| total.pricing).sum(),
            amount: totals().map(|total| total.amount).sum(),
            precision: totals().map(|total| total.precision).sum(),
            rate: number(&key[15], 18),
        };
        let (mut low, mut likely, mut high) = sum.on_one_line(practice, digits);
        let count = self.line_count();
        if count > 1 {
            proven.is_certain = false;
            // Each line is what its own numbers give at the rate of the usage, if so many lines may
            // be that far from it.
            let own: i128 = self
                .lines
                .iter()
                .map(|(key, total)| {
                    let (price, quantity) = (number(&key[12], 22), number(&key[13], 20));
                    let each = practice.rule.of_price(price, quantity, sum.rate, digits);
                    each * i128::from(total.rows)
                })
                .sum();
            let apart = practice
                .rules()
                .into_iter()
                .map(|rule| rule.apart(count, &sum, digits));
            let (below, above) = apart
                .reduce(|left, right| (left.0.max(right.0), left.1.max(right.1)))
                .unwrap();
            if own >= sum.amount - below - sum.precision
                && own <= sum.amount + above + sum.precision
            {
                (low, likely, high) = (own, own, own);
            }
        }
        proven.low += low;
        proven.likely += likely;
        proven.high += high;
    }
}

impl Sum {
    /// Least, likely and greatest subtotal of one line for all of the usage.
    fn on_one_line(&self, practice: &Practice, digits: u32) -> (i128, i128, i128) {
        // Digits that were cut, in the pricing currency.
        let cut = quotient_up((self.precision, 20), (self.rate, 18), 20).unwrap();
        let converted = multiply((self.pricing, 20), (self.rate, 18), 20, Rounding::HalfEven);
        let apart = (converted.unwrap() - self.amount).abs();
        // Digits were cut of the pricing amount, too: what was billed is the better witness.
        let pricing = if apart <= self.precision + i128::from(self.rows) {
            self.pricing
        } else {
            quotient_up((self.amount, 20), (self.rate, 18), 20).unwrap()
        };
        let mut likely = pricing;
        // Meters are charged in cents: if the digits allow whole cents, those were meant.
        if cut > 0 && matches!(practice.rule, Rule::Twice(_)) {
            let cents = rescale(pricing, 20, 2, Rounding::HalfUp).unwrap() * 10_i128.pow(18);
            if (cents - pricing).abs() <= cut {
                likely = cents;
            }
        }
        let made = |rule: Rule, charge| rule.of_charge(charge, self.quantity, self.rate, digits);
        let likely = made(practice.rule, likely);
        let mut all = vec![likely];
        for rule in practice.rules() {
            all.push(made(rule, pricing - cut));
            all.push(made(rule, pricing + cut));
        }
        (
            *all.iter().min().unwrap(),
            likely,
            *all.iter().max().unwrap(),
        )
    }
}
