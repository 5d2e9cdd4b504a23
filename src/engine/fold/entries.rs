//! Rows of the datasets besides usage, lines and headers, as sides of the other tie-outs.
//!
//! Rows are summed by the raw texts of their keys while they are read, and folded together with
//! usage and lines, over one vocabulary. These datasets are small, so that there are no tuples of
//! numbers as in `count`. Which columns are read stands in [`FEEDS`], and what rounding made of the
//! sums in the [definitions]; the rate card alone is priced here, as its expected side is a
//! computation.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::side_row::SideRow;
use super::vocabulary::VocabularyBuilder;
use crate::engine::count::partial::GROSS_LIMIT;
use crate::engine::rules::definitions::{self, Measure, Rounded, Side};
use crate::engine::rules::domain::fold_as;
use crate::engine::rules::feeds::{FEEDS, Feed};
use crate::engine::rules::keys::{KEYS, Key};
use crate::engine::rules::rate_card::{CardCharge, ClassicLine, RateCard, Tier};
use crate::model::cause::TieOut;
use crate::model::decimal::{self, AMOUNT_SCALE};
use crate::model::period::{Day, date_of};

/// Significant digits on which a number that a service computed can be relied. The services write
/// 15 ([semantics §3](crate::model::domain::semantics)), and the last one of a sum is noise.
const SERVICE_DIGITS: u32 = 14;

/// Value of one column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'v> {
    /// Empty cell, or a column that the row lacks.
    Missing,
    /// Text, as it was written.
    Text(&'v str),
    /// Number, in units of 10^-scale of its column.
    Decimal(i128),
    /// Calendar day, in UTC.
    Day(Day),
    /// Truth value, as JSON has them.
    Flag(bool),
}

/// Key of a sum: tie-out, side and texts.
type EntryKey = (TieOut, Side, KeyTexts);

/// Sums of one key of one side, in units of 10^-20.
#[derive(Clone, Debug, Default)]
struct EntrySum {
    rows: u64,
    quantity: i128,
    amount: i128,
    /// Sum of the absolute values of the measure that is compared.
    gross: i128,
    /// Lines of which the charge is recomputed; none but of the rate card.
    classic: Vec<ClassicLine>,
    /// Charge that the rate card makes of the lines; of its expected side only.
    charge: Option<CardCharge>,
}

impl EntrySum {
    // Additions saturate, as the sums of absolute values are held against their limit before any
    // sum is used: a saturated sum is beyond that limit and never read.
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.quantity = self.quantity.saturating_add(more.quantity);
        self.amount = self.amount.saturating_add(more.amount);
        self.gross = self.gross.saturating_add(more.gross);
        self.classic.extend(more.classic);
    }
}

/// Raw texts of the keys, in the order of [`Key::ALL`]; empty for a key that the rows lack.
type KeyTexts = [String; KEYS];

/// Sums of the rows of the other datasets, by their raw texts.
#[derive(Debug, Default)]
pub struct Entries {
    sums: HashMap<EntryKey, EntrySum>,
    rate_card: RateCard,
    /// Sums of the absolute values of all quantities, and of all amounts. While these keep to
    /// [`GROSS_LIMIT`], no sum of any rows can overflow.
    gross: [i128; 2],
}

/// Rows of all sides, sorted by tie-out, side and keys, and the charges that some of them name.
#[derive(Debug, Default)]
pub struct EntryRows {
    /// Rows by tie-out and side.
    pub rows: Vec<(TieOut, Side, SideRow)>,
    /// Charges of the rate card, each at the position that its row names.
    pub card_charges: Vec<CardCharge>,
}

/// Rows whose keys are numbers of a vocabulary that is still being built.
pub(super) struct NumberedEntries(EntryRows);

impl Entries {
    /// True if rows of a dataset are part of any tie-out.
    #[must_use]
    pub fn takes(set: &str) -> bool {
        FEEDS.iter().any(|feed| feed.set == set) || ["rate_card", "azure_lines"].contains(&set)
    }

    /// Adds a row of a dataset; `value` looks up the value of a column by the column's name.
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
        if let Some(needed) = feed.only_with
            && text(value(needed)).is_empty()
        {
            return;
        }
        let mut keys = KeyTexts::default();
        for (key, column) in feed.keys {
            keys[*key as usize] = text(value(column));
        }
        let other = feed
            .labelled_by
            .filter(|(column, _)| value(column) == Field::Flag(true))
            .map(|(_, label)| label);
        if let Some(label) = other.or(feed.label) {
            label.clone_into(&mut keys[Key::Description as usize]);
        }
        let measured = number(value(feed.measured));
        let (quantity, amount) = match definitions::definition(feed.tie_out).measure {
            Measure::Quantity => (measured, 0),
            Measure::Amount => (0, measured),
        };
        let sum = self.add_to_sum((feed.tie_out, feed.side, keys), quantity, amount);
        sum.gross = sum.gross.saturating_add(measured.saturating_abs());
    }

    /// Adds a row to the sum of its key, and to the control over all sums.
    fn add_to_sum(&mut self, key: EntryKey, quantity: i128, amount: i128) -> &mut EntrySum {
        for (gross, more) in self.gross.iter_mut().zip([quantity, amount]) {
            *gross = gross.saturating_add(more.saturating_abs());
        }
        let sum = self.sums.entry(key).or_default();
        sum.rows += 1;
        sum.quantity = sum.quantity.saturating_add(quantity);
        sum.amount = sum.amount.saturating_add(amount);
        sum
    }

    /// Adds a row of a rate card.
    fn tier<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        // Other rows are offer terms: discounts, and no prices.
        if let Field::Decimal(price) = value("unit_price") {
            let tier = Tier {
                from: number(value("tier_from")),
                price,
                included: decimal_of(value("included_quantity")),
            };
            self.rate_card
                .add(&text(value("currency")), &text(value("meter_id")), tier);
        }
    }

    /// Adds a classic usage line to the invoiced side of the rate card.
    fn classic<'v>(&mut self, value: &dyn Fn(&str) -> Field<'v>) {
        let mut keys = KeyTexts::default();
        for (key, column) in [
            (Key::Customer, "customer_id"),
            (Key::Subscription, "subscription_id"),
            (Key::Meter, "meter_id"),
            // Tiers are counted anew in each charge period, which is told by its first day.
            (Key::Day, "charge_start_date"),
            (Key::Currency, "currency"),
        ] {
            keys[key as usize] = text(value(column));
        }
        keys[Key::Description as usize] = text(value("meter_name"));
        let [consumed, overage] =
            ["consumed_quantity", "overage_quantity"].map(|column| decimal_of(value(column)));
        let included = number(value("included_quantity"));
        // A line that leaves one of the two out tells it by the other.
        let (consumed, overage) = match (consumed, overage) {
            (Some(consumed), Some(overage)) => (consumed, overage),
            (Some(consumed), None) => (consumed, consumed.saturating_sub(included)),
            (None, Some(overage)) => (overage.saturating_add(included), overage),
            (None, None) => (0, 0),
        };
        let sum = self.add_to_sum(
            (TieOut::RateCard, Side::Invoiced, keys),
            overage,
            number(value("pretax_charges")),
        );
        sum.classic.push(ClassicLine {
            consumed,
            overage,
            list_price: decimal_of(value("list_price")),
        });
        // The card prices units that were consumed, which the control over sums does not hold yet.
        let [quantity, _] = &mut self.gross;
        *quantity = quantity.saturating_add(consumed.saturating_abs());
    }

    /// Adds all rows of other entries.
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

    /// Makes the expected side of the rate card: the units of the classic lines, priced by the
    /// tiers.
    ///
    /// The units of a meter and charge period are added up before they are priced, as tiers hold for
    /// their sum. For this the keys are folded here already: the lines may spell one meter in
    /// several ways.
    fn price_classic(&mut self) {
        let mut folded: BTreeMap<Vec<String>, (KeyTexts, EntrySum)> = BTreeMap::new();
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
                // Any spelling would do, but it must be the same in every run.
                if *texts > *shown {
                    shown.clone_from(texts);
                }
                all.add(sum.clone());
            }
        }
        for (texts, mut sum) in folded.into_values() {
            let [currency, meter] =
                [Key::Currency, Key::Meter].map(|key| texts[key as usize].as_str());
            // Units that the card does not price get no expected row, and their charge shows as
            // one-sided.
            if let Some(charge) = self.rate_card.charge(currency, meter, &sum.classic) {
                (sum.quantity, sum.amount) = (charge.units, charge.exact);
                (sum.gross, sum.charge) = (charge.exact.saturating_abs(), Some(charge));
                let [_, gross] = &mut self.gross;
                *gross = gross.saturating_add(sum.gross);
                self.sums
                    .insert((TieOut::RateCard, Side::Expected, texts), sum);
            }
        }
    }

    /// Rows of all sides, with numbers of the builder in place of texts; `None` where the absolute
    /// values add up to more than [`GROSS_LIMIT`].
    #[must_use]
    pub(super) fn number_texts(
        mut self,
        builder: &mut VocabularyBuilder,
    ) -> Option<NumberedEntries> {
        self.price_classic();
        if self.gross.iter().any(|gross| *gross > GROSS_LIMIT) {
            return None;
        }
        // The order of the hash map does no harm: texts are ranked before their codes are used, and
        // the rows are sorted by them.
        let mut found = EntryRows::default();
        for ((tie_out, side, texts), sum) in &self.sums {
            let charge = sum.charge.map(|charge| {
                found.card_charges.push(charge);
                u32::try_from(found.card_charges.len() - 1).expect("fewer than 2^32 rows")
            });
            let row = SideRow {
                keys: Key::ALL.map(|key| builder.add(key.domain(), &texts[key as usize])),
                rows: sum.rows,
                quantity: sum.quantity,
                amount: sum.amount,
                bound: bound_of(*tie_out, *side, sum),
                charge,
            };
            found.rows.push((*tie_out, *side, row));
        }
        Some(NumberedEntries(found))
    }
}

/// Bound on the distance of a sum from the exact one, by the rounding of its tie-out: in units of
/// 10^-20, not negative.
fn bound_of(tie_out: TieOut, side: Side, sum: &EntrySum) -> i128 {
    match (definitions::definition(tie_out).rounded, side) {
        (Rounded::EachTo(digits), Side::Invoiced) => {
            i128::from(sum.rows) * decimal::power_of_ten(AMOUNT_SCALE - digits) / 2
        }
        // What the card makes of the units is not rounded.
        (_, Side::Expected) if sum.charge.is_some() => 0,
        // One on top: a bound of 0 would tell `two_lists` that the sum is exact.
        _ => sum.gross / decimal::power_of_ten(SERVICE_DIGITS) + 1,
    }
}

impl NumberedEntries {
    /// Rows with the codes of the finished vocabulary, sorted by tie-out, side and keys. `code_of`
    /// holds the code of each number, by domain.
    #[must_use]
    pub(super) fn into_rows(self, code_of: &[Vec<u32>]) -> EntryRows {
        let mut found = self.0;
        for (_, _, row) in &mut found.rows {
            row.keys = Key::ALL.map(|key| code_of[key.domain() as usize][row.code(key) as usize]);
        }
        found
            .rows
            .sort_by_key(|(tie_out, side, row)| (*tie_out, *side, row.keys));
        found
    }
}

fn text(field: Field<'_>) -> String {
    match field {
        Field::Text(text) => text.to_owned(),
        Field::Day(day) => match date_of(day) {
            Some(date) => date.to_string(),
            // Outside the calendar's years, as only a typed file can say: compared as no day.
            None => String::new(),
        },
        Field::Missing | Field::Decimal(_) | Field::Flag(_) => String::new(),
    }
}

/// Number of a field; `None` where it has none.
fn decimal_of(field: Field<'_>) -> Option<i128> {
    match field {
        Field::Decimal(value) => Some(value),
        Field::Missing | Field::Text(_) | Field::Day(_) | Field::Flag(_) => None,
    }
}

/// Number of a field. A field without a number adds nothing to a sum: its row still counts.
fn number(field: Field<'_>) -> i128 {
    match field {
        Field::Decimal(value) => value,
        Field::Missing | Field::Text(_) | Field::Day(_) | Field::Flag(_) => 0,
    }
}
