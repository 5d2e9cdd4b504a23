//! Rows of the other datasets as sides of tie-outs: summed up by their keys as they came, folded
//! with the totals.

use hashbrown::HashMap;

use super::comparison::Row;
use super::rate_card::{ClassicLine, RateCard};
use super::tie_outs::{self, FEEDS, Feed, KEYS, Rounded, Side};
use super::vocabulary::Gathering;
use crate::model::cause::TieOut;
use crate::model::decimal::{self, AMOUNT_SCALE};
use crate::model::period::{Day, date_of};

/// Significant digits of a number that a service computed: relative error of such a sum.
const SERVICE_DIGITS: u32 = 14;

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'v> {
    /// There is none.
    Missing,
    /// Text.
    Text(&'v str),
    /// Units of 10^-scale of its column.
    Decimal(i128),
    /// A day, UTC.
    Day(Day),
}

/// Sums of one key of one side.
#[derive(Clone, Debug, Default)]
struct Sum {
    rows: u64,
    quantity: i128,
    amount: i128,
    /// Sum of absolute values of what is compared.
    gross: i128,
    classic: Vec<ClassicLine>,
}

type Texts = [String; KEYS.len()];

/// Rows of the other datasets, summed up.
#[derive(Debug, Default)]
pub struct Entries {
    sums: HashMap<(TieOut, Side, Texts), Sum>,
    rate_card: RateCard,
    overflow: bool,
}

/// Entries whose texts are in a vocabulary that is still gathered.
pub struct Staged(Vec<(TieOut, Side, Row)>);

impl Entries {
    /// Whether rows of a dataset are part of any tie-out.
    #[must_use]
    pub fn takes(set: &str) -> bool {
        FEEDS.iter().any(|feed| feed.set == set) || ["rate_card", "azure_lines"].contains(&set)
    }

    /// Adds a row of a dataset; `value` tells the value of a column.
    pub fn add<'v>(&mut self, set: &str, value: &dyn Fn(&str) -> Field<'v>) {
        for feed in FEEDS.iter().filter(|feed| feed.set == set) {
            self.feed(feed, value);
        }
        match set {
            "rate_card" => self.tier(value),
            "azure_lines" => self.classic(value),
            _ => {}
        }
    }

    fn feed<'v>(&mut self, feed: &Feed, value: &dyn Fn(&str) -> Field<'v>) {
        if !feed.only_with.is_empty() && text(value(feed.only_with)).is_empty() {
            return;
        }
        let mut keys = Texts::default();
        for (key, column) in feed.keys {
            set_key(&mut keys, key, text(value(column)));
        }
        if !feed.label.is_empty() {
            set_key(&mut keys, "description", feed.label.to_owned());
        }
        let (quantity, amount) = (number(value(feed.quantity)), number(value(feed.amount)));
        let measured = if feed.amount.is_empty() { quantity } else { amount };
        let sum = self.sum((feed.tie_out, feed.side, keys), quantity, amount);
        sum.gross = sum.gross.saturating_add(measured.saturating_abs());
    }

    fn sum(&mut self, key: (TieOut, Side, Texts), quantity: i128, amount: i128) -> &mut Sum {
        let sum = self.sums.entry(key).or_default();
        sum.rows += 1;
        for (slot, more) in [(&mut sum.quantity, quantity), (&mut sum.amount, amount)] {
            let (total, overflowed) = slot.overflowing_add(more);
            self.overflow |= overflowed || total.unsigned_abs() > super::aggregate::GROSS_LIMIT.unsigned_abs();
            *slot = total;
        }
        sum
    }

    fn tier<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        // Other rows are offer terms: discounts, and no prices.
        if let Field::Decimal(price) = value("unit_price") {
            self.rate_card.add(&text(value("currency")), &text(value("meter_id")), number(value("tier_from")), price);
        }
    }

    fn classic<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        let mut keys = Texts::default();
        for (key, column) in
            [("customer", "customer_id"), ("subscription", "subscription_id"), ("meter", "meter_id"), ("currency", "currency")]
        {
            set_key(&mut keys, key, text(value(column)));
        }
        set_key(&mut keys, "description", text(value("meter_name")));
        let overage = match value("overage_quantity") {
            Field::Decimal(overage) => overage,
            _ => number(value("consumed_quantity")) - number(value("included_quantity")),
        };
        let list_price = match value("list_price") {
            Field::Decimal(price) => Some(price),
            _ => None,
        };
        let sum = self.sum((TieOut::RateCard, Side::Invoiced, keys), overage, number(value("pretax_charges")));
        sum.classic.push(ClassicLine { overage, list_price });
    }

    /// Takes over what another has.
    pub fn absorb(&mut self, other: Self) {
        for ((tie_out, side, keys), more) in other.sums {
            let sum = self.sums.entry((tie_out, side, keys)).or_default();
            sum.rows += more.rows;
            for (slot, more) in [(&mut sum.quantity, more.quantity), (&mut sum.amount, more.amount), (&mut sum.gross, more.gross)] {
                let (total, overflowed) = slot.overflowing_add(more);
                self.overflow |= overflowed;
                *slot = total;
            }
            sum.classic.extend(more.classic);
        }
        self.rate_card.absorb(other.rate_card);
        self.overflow |= other.overflow;
    }

    /// The expected side of the rate card: the units of the lines at its tiers.
    fn price_classic(&mut self) {
        let mut priced = Vec::new();
        for ((tie_out, _, keys), sum) in self.sums.iter().filter(|((tie_out, ..), _)| *tie_out == TieOut::RateCard) {
            let of = |name: &str| KEYS.iter().position(|(key, ..)| *key == name).and_then(|at| keys.get(at)).map_or("", String::as_str);
            if let Some(amount) = self.rate_card.charge(of("currency"), of("meter"), sum.quantity) {
                let classic = sum.classic.clone();
                priced.push((
                    (*tie_out, Side::Expected, keys.clone()),
                    Sum { rows: sum.rows, quantity: sum.quantity, amount, gross: amount.abs(), classic },
                ));
            }
        }
        self.sums.extend(priced);
    }

    /// Puts the texts into a vocabulary that is gathered; `None` where a sum passed its limit.
    #[must_use]
    pub fn stage(mut self, gathering: &mut Gathering) -> Option<Staged> {
        if self.overflow {
            return None;
        }
        self.price_classic();
        let row = |((tie_out, side, texts), sum): (&(TieOut, Side, Texts), &Sum)| {
            let mut keys = [0; KEYS.len()];
            for ((slot, text), (_, _, domain)) in keys.iter_mut().zip(texts).zip(KEYS) {
                *slot = gathering.add(domain, text);
            }
            let at_billed_price = sum.classic.iter().map(ClassicLine::charge).try_fold(0_i128, |all, one| all.checked_add(one?));
            let bound = bound_of(*tie_out, *side, sum);
            let (quantity, amount) = (sum.quantity, sum.amount);
            (
                *tie_out,
                *side,
                Row { keys, rows: sum.rows, quantity, amount, bound, at_billed_price: at_billed_price.filter(|_| !sum.classic.is_empty()) },
            )
        };
        Some(Staged(self.sums.iter().map(row).collect()))
    }
}

/// How far apart from the exact sum these numbers may be.
fn bound_of(tie_out: TieOut, side: Side, sum: &Sum) -> i128 {
    match (tie_outs::definition(tie_out).rounded, side) {
        (Rounded::EachTo(digits), Side::Invoiced) => i128::from(sum.rows) * decimal::power_of_ten(AMOUNT_SCALE - digits) / 2,
        // The charge that is expected was rounded as well.
        (Rounded::EachTo(digits), Side::Expected) if !sum.classic.is_empty() => decimal::power_of_ten(AMOUNT_SCALE - digits) / 2,
        _ => sum.gross / decimal::power_of_ten(SERVICE_DIGITS) + 1,
    }
}

impl Staged {
    /// The rows with the codes of the finished vocabulary.
    #[must_use]
    pub fn rows(self, code_of: &[Vec<u32>]) -> Vec<(TieOut, Side, Row)> {
        let mut rows = self.0;
        for (_, _, row) in &mut rows {
            for (slot, (_, _, domain)) in row.keys.iter_mut().zip(KEYS) {
                *slot = code_of.get(domain as usize).and_then(|codes| codes.get(*slot as usize)).copied().unwrap_or(0);
            }
        }
        rows.sort_by_key(|(tie_out, side, row)| (*tie_out, *side, row.keys));
        rows
    }
}

fn set_key(keys: &mut Texts, name: &str, text: String) {
    if let Some(slot) = KEYS.iter().position(|(key, ..)| *key == name).and_then(|at| keys.get_mut(at)) {
        *slot = text;
    }
}

fn text(field: Field<'_>) -> String {
    match field {
        Field::Text(text) => text.to_owned(),
        Field::Day(day) => date_of(day).map(|date| date.to_string()).unwrap_or_default(),
        Field::Missing | Field::Decimal(_) => String::new(),
    }
}

fn number(field: Field<'_>) -> i128 {
    if let Field::Decimal(value) = field { value } else { 0 }
}
