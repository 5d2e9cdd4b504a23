//! Rows of the other datasets as sides of tie-outs: summed up by their keys as they came, folded
//! with the totals.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::side_row::SideRow;
use super::vocabulary::Gathering;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::rules::definitions::{self, FEEDS, Feed, Rounded, Side};
use crate::engine::rules::domain::fold_as;
use crate::engine::rules::keys::{KEYS, Key};
use crate::engine::rules::rate_card::{ClassicLine, RateCard};
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

impl Sum {
    /// Sums are bounded before they are used.
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.quantity = self.quantity.saturating_add(more.quantity);
        self.amount = self.amount.saturating_add(more.amount);
        self.gross = self.gross.saturating_add(more.gross);
        self.classic.extend(more.classic);
    }
}

/// KeyTexts of the keys, in the order of [`Key::ALL`].
type KeyTexts = [String; KEYS];

/// Rows of the other datasets, summed up.
#[derive(Debug, Default)]
pub struct Entries {
    sums: HashMap<(TieOut, Side, KeyTexts), Sum>,
    rate_card: RateCard,
    /// Sums of absolute values, of quantities and of amounts: while they keep to their limit, nothing
    /// behind can overflow.
    gross: [i128; 2],
}

/// Entries whose texts are in a vocabulary that is still gathered.
pub struct Staged(Vec<(TieOut, Side, SideRow)>);

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
        let mut keys = KeyTexts::default();
        for (key, column) in feed.keys {
            keys[*key as usize] = text(value(column));
        }
        if !feed.label.is_empty() {
            feed.label.clone_into(&mut keys[Key::Description as usize]);
        }
        let (quantity, amount) = (number(value(feed.quantity)), number(value(feed.amount)));
        let measured = if feed.amount.is_empty() {
            quantity
        } else {
            amount
        };
        let sum = self.sum((feed.tie_out, feed.side, keys), quantity, amount);
        sum.gross = sum.gross.saturating_add(measured.saturating_abs());
    }

    fn sum(&mut self, key: (TieOut, Side, KeyTexts), quantity: i128, amount: i128) -> &mut Sum {
        let sum = self.sums.entry(key).or_default();
        sum.rows += 1;
        for ((slot, gross), more) in [&mut sum.quantity, &mut sum.amount]
            .into_iter()
            .zip(&mut self.gross)
            .zip([quantity, amount])
        {
            *gross = gross.saturating_add(more.saturating_abs());
            *slot = slot.saturating_add(more);
        }
        sum
    }

    fn tier<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        // Other rows are offer terms: discounts, and no prices.
        if let Field::Decimal(price) = value("unit_price") {
            self.rate_card.add(
                &text(value("currency")),
                &text(value("meter_id")),
                number(value("tier_from")),
                price,
            );
        }
    }

    fn classic<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        let mut keys = KeyTexts::default();
        for (key, column) in [
            (Key::Customer, "customer_id"),
            (Key::Subscription, "subscription_id"),
            (Key::Meter, "meter_id"),
            (Key::Currency, "currency"),
        ] {
            keys[key as usize] = text(value(column));
        }
        keys[Key::Description as usize] = text(value("meter_name"));
        let overage = match value("overage_quantity") {
            Field::Decimal(overage) => overage,
            _ => number(value("consumed_quantity"))
                .saturating_sub(number(value("included_quantity"))),
        };
        let list_price = match value("list_price") {
            Field::Decimal(price) => Some(price),
            _ => None,
        };
        let sum = self.sum(
            (TieOut::RateCard, Side::Invoiced, keys),
            overage,
            number(value("pretax_charges")),
        );
        sum.classic.push(ClassicLine {
            overage,
            list_price,
        });
    }

    /// Takes over what another has.
    pub fn absorb(&mut self, other: Self) {
        for ((tie_out, side, keys), more) in other.sums {
            let sum = self.sums.entry((tie_out, side, keys)).or_default();
            sum.add(more);
        }
        self.rate_card.absorb(other.rate_card);
        for (gross, more) in self.gross.iter_mut().zip(other.gross) {
            *gross = gross.saturating_add(more);
        }
    }

    /// The expected side of the rate card: the units of the lines at its tiers. Tiers are of a meter,
    /// however the lines spell its ids.
    fn price_classic(&mut self) {
        let mut folded: BTreeMap<Vec<String>, (KeyTexts, Sum)> = BTreeMap::new();
        for ((tie_out, _, texts), sum) in &self.sums {
            // The meter's name is no key.
            let keys = Key::ALL
                .into_iter()
                .zip(texts)
                .filter(|(key, _)| *key != Key::Description);
            if *tie_out == TieOut::RateCard {
                let key = keys
                    .map(|(key, text)| fold_as(key.domain(), text))
                    .collect();
                let (shown, all) = folded.entry(key).or_default();
                // Any of them, but the same in every run.
                if *texts > *shown {
                    shown.clone_from(texts);
                }
                all.add(sum.clone());
            }
        }
        for (texts, mut sum) in folded.into_values() {
            if let Some(amount) = self.rate_card.charge(
                &texts[Key::Currency as usize],
                &texts[Key::Meter as usize],
                sum.quantity,
            ) {
                (sum.amount, sum.gross) = (amount, amount.saturating_abs());
                let [_, gross] = &mut self.gross;
                *gross = gross.saturating_add(sum.gross);
                self.sums
                    .insert((TieOut::RateCard, Side::Expected, texts), sum);
            }
        }
    }

    /// Puts the texts into a vocabulary that is gathered; `None` where a sum passed its limit.
    #[must_use]
    pub fn stage(mut self, gathering: &mut Gathering) -> Option<Staged> {
        self.price_classic();
        if self.gross.iter().any(|gross| *gross > GROSS_LIMIT) {
            return None;
        }
        let row = |((tie_out, side, texts), sum): (&(TieOut, Side, KeyTexts), &Sum)| {
            let keys = Key::ALL.map(|key| gathering.add(key.domain(), &texts[key as usize]));
            let at_billed_price = sum
                .classic
                .iter()
                .map(ClassicLine::charge)
                .try_fold(0_i128, |all, one| all.checked_add(one?));
            let bound = bound_of(*tie_out, *side, sum);
            let (quantity, amount) = (sum.quantity, sum.amount);
            (
                *tie_out,
                *side,
                SideRow {
                    keys,
                    rows: sum.rows,
                    quantity,
                    amount,
                    bound,
                    at_billed_price: at_billed_price.filter(|_| !sum.classic.is_empty()),
                },
            )
        };
        Some(Staged(self.sums.iter().map(row).collect()))
    }
}

/// How far apart from the exact sum these numbers may be.
fn bound_of(tie_out: TieOut, side: Side, sum: &Sum) -> i128 {
    match (definitions::definition(tie_out).rounded, side) {
        (Rounded::EachTo(digits), Side::Invoiced) => {
            i128::from(sum.rows) * decimal::power_of_ten(AMOUNT_SCALE - digits) / 2
        }
        // The charge that is expected was rounded as well.
        (Rounded::EachTo(digits), Side::Expected) if !sum.classic.is_empty() => {
            decimal::power_of_ten(AMOUNT_SCALE - digits) / 2
        }
        _ => sum.gross / decimal::power_of_ten(SERVICE_DIGITS) + 1,
    }
}

impl Staged {
    /// The rows with the codes of the finished vocabulary.
    #[must_use]
    pub fn rows(self, code_of: &[Vec<u32>]) -> Vec<(TieOut, Side, SideRow)> {
        let mut rows = self.0;
        for (_, _, row) in &mut rows {
            row.keys = Key::ALL.map(|key| code_of[key.domain() as usize][row.code(key) as usize]);
        }
        rows.sort_by_key(|(tie_out, side, row)| (*tie_out, *side, row.keys));
        rows
    }
}

fn text(field: Field<'_>) -> String {
    match field {
        Field::Text(text) => text.to_owned(),
        Field::Day(day) => date_of(day)
            .map(|date| date.to_string())
            .unwrap_or_default(),
        Field::Missing | Field::Decimal(_) => String::new(),
    }
}

fn number(field: Field<'_>) -> i128 {
    if let Field::Decimal(value) = field {
        value
    } else {
        0
    }
}
