//! What is known of a group beyond its two sums: usage by price state, invoice lines one by one.
//! Gathered for groups that rounding alone cannot explain.

use hashbrown::HashMap;

use crate::engine::compare::usage_to_invoice::rate_of;
use crate::engine::count::duplicates::Duplicates;
use crate::engine::fold::columns::{LineColumns, UsageColumns};
use crate::engine::fold::folded::{Folded, numbered};
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Matching;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::price_adjustment::{self, AZURE_CREDIT};
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE};
use crate::model::period::{Day, Period, parse_day};

/// Usage of one price state. Amounts and quantities in units of 10^-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Code of what the usage is called on a line.
    pub description: u32,
    /// Code of its price adjustment.
    pub adjustment: u32,
    /// Fraction of the partner earned credit, in units of 10^-18.
    pub earned: i128,
    /// An Azure credit: neither a price nor a quantity.
    pub is_credit: bool,
    /// Used in another month than the invoice's.
    pub is_late: bool,
    /// Neither billed nor priced.
    pub is_free: bool,
    /// Exchange rate, in units of 10^-18.
    pub rate: i128,
    /// Rows.
    pub rows: u64,
    /// Quantity.
    pub quantity: i128,
    /// In the pricing currency.
    pub pricing: i128,
    /// In the billing currency.
    pub billing: i128,
    /// Of these, copies of other rows.
    pub copies: Duplicates,
}

/// Invoice lines that are the same to arithmetic: the numbers are those of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Code of its MeterDescription.
    pub description: u32,
    /// Code of its price adjustment.
    pub adjustment: u32,
    /// Fraction of the partner earned credit, in units of 10^-18.
    pub earned: i128,
    /// An Azure credit.
    pub is_credit: bool,
    /// Charged for a cycle that is not the invoice's.
    pub is_of_other_cycle: bool,
    /// Effective unit price, in units of 10^-22, not negative.
    pub price: Option<i128>,
    /// List price, in units of 10^-22.
    pub unit_price: Option<i128>,
    /// Billable quantity, in units of 10^-20; negative where the price is.
    pub quantity: i128,
    /// Exchange rate, in units of 10^-18.
    pub rate: i128,
    /// Subtotal, in units of 10^-20.
    pub subtotal: i128,
    /// Tax, in units of 10^-20.
    pub tax: i128,
    /// How many of them there are.
    pub count: i128,
    /// Of these, copies of other lines.
    pub copies: i128,
}

/// Where in a group the rows are that make an anomaly: copies, or late usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Code of the only resource; `None` for several.
    pub resource: Option<u32>,
    /// First and last day.
    pub days: (Day, Day),
}

/// What is known of a group of usage and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Usage by price state.
    pub states: Vec<State>,
    /// Lines.
    pub items: Vec<Item>,
    /// Decimals of the billing currency.
    pub digits: u32,
    /// The only resource and the days of all its usage.
    pub place: Option<Place>,
    /// The same of copies.
    pub copies_place: Option<Place>,
    /// The same of late usage.
    pub late_place: Option<Place>,
}

impl Place {
    fn widen(place: &mut Option<Self>, resource: u32, days: (Day, Day)) {
        match place {
            None => {
                *place = Some(Self {
                    resource: Some(resource),
                    days,
                })
            }
            Some(known) => {
                if known.resource != Some(resource) {
                    known.resource = None;
                }
                known.days = (known.days.0.min(days.0), known.days.1.max(days.1));
            }
        }
    }
}

/// Gathers what is known of the groups for which `is_wanted` says yes, by match.
pub fn gather(totals: &Folded, matching: &Matching, is_wanted: &[bool]) -> HashMap<u32, Evidence> {
    let mut found: HashMap<u32, Evidence> = HashMap::new();
    let wanted = |group: u32| is_wanted[group as usize];
    add_states(&mut found, totals, matching, &wanted);
    add_items(&mut found, totals, matching, &wanted);
    found
}

fn period_of(totals: &Folded, invoice: u32) -> Option<(Day, Day)> {
    totals.periods.get(&invoice).map(|period| period.days())
}

fn add_states(
    found: &mut HashMap<u32, Evidence>,
    totals: &Folded,
    matching: &Matching,
    wanted: &dyn Fn(u32) -> bool,
) {
    let usage = UsageColumns::of(&totals.usage);
    let [invoice, adjustment, month, free, rate, resource, currency] = [
        Part::Invoice,
        Part::Adjustment,
        Part::Month,
        Part::Free,
        Part::Rate,
        Part::Resource,
        Part::Currency,
    ]
    .map(|part| usage.codes(part));
    let description = usage.codes(matching.description);
    for (row, group) in matching
        .of_usage
        .iter()
        .enumerate()
        .filter(|(_, group)| wanted(**group))
    {
        let text = |domain, column: &[u32]| totals.vocabulary.text(domain, column[row]);
        let copied = numbered(&totals.usage_copies, usage.duplicates[row]);
        let evidence = found.entry(*group).or_default();
        evidence.digits = minor_digits(text(Domain::Currency, currency));
        let used = Period::parse(text(Domain::Month, month)).map(Period::days);
        let is_late = matches!(
            (used, period_of(totals, invoice[row])),
            (Some(used), Some(period)) if used != period
        );
        let state = State {
            description: description[row],
            adjustment: adjustment[row],
            earned: price_adjustment::earned_fraction(text(Domain::Adjustment, adjustment)),
            is_credit: text(Domain::Adjustment, adjustment) == AZURE_CREDIT,
            is_late,
            is_free: free[row] != 0,
            rate: rate_of(&totals.vocabulary, rate[row]),
            rows: usage.rows[row],
            quantity: usage.quantity[row],
            pricing: usage.pricing[row],
            billing: usage.billing[row],
            copies: copied,
        };
        let days = (usage.first[row], usage.last[row]);
        Place::widen(&mut evidence.place, resource[row], days);
        if copied.rows > 0 {
            Place::widen(&mut evidence.copies_place, resource[row], copied.days());
        }
        if is_late {
            Place::widen(&mut evidence.late_place, resource[row], days);
        }
        evidence.add_state(state);
    }
}

impl Evidence {
    fn add_state(&mut self, more: State) {
        let same = |known: &&mut State| {
            (
                known.description,
                known.adjustment,
                known.is_late,
                known.is_free,
                known.rate,
            ) == (
                more.description,
                more.adjustment,
                more.is_late,
                more.is_free,
                more.rate,
            )
        };
        match self.states.iter_mut().find(same) {
            Some(known) => {
                known.rows += more.rows;
                known.quantity += more.quantity;
                known.pricing += more.pricing;
                known.billing += more.billing;
                known.copies.add(&more.copies);
            }
            None => self.states.push(more),
        }
    }
}

/// A number as it was written, at `scale` decimals.
fn number_of(vocabulary: &Vocabulary, code: u32, scale: u32) -> Option<i128> {
    decimal::parse(vocabulary.text(Domain::Number, code).as_bytes(), scale)
        .ok()
        .map(|parsed| parsed.value)
}

fn add_items(
    found: &mut HashMap<u32, Evidence>,
    totals: &Folded,
    matching: &Matching,
    wanted: &dyn Fn(u32) -> bool,
) {
    let lines = LineColumns::of(&totals.lines);
    let [
        invoice,
        adjustment,
        description,
        rate,
        price,
        unit_price,
        currency,
        start,
        end,
    ] = [
        Part::Invoice,
        Part::Adjustment,
        Part::Description,
        Part::Rate,
        Part::Price,
        Part::UnitPrice,
        Part::Currency,
        Part::ChargeStart,
        Part::ChargeEnd,
    ]
    .map(|part| lines.codes(part));
    for (row, group) in matching
        .of_lines
        .iter()
        .enumerate()
        .filter(|(_, group)| wanted(**group))
    {
        let text = |domain, column: &[u32]| totals.vocabulary.text(domain, column[row]);
        let count = i128::from(lines.rows[row]);
        // A date that cannot be read tells nothing of the cycle.
        let day = |column| {
            parse_day(text(Domain::Date, column).as_bytes())
                .ok()
                .flatten()
        };
        let is_of_other_cycle = period_of(totals, invoice[row]).is_some_and(|(first, next)| {
            day(end).is_some_and(|end| end < first) || day(start).is_some_and(|start| start >= next)
        });
        let price = number_of(&totals.vocabulary, price[row], PRICE_SCALE);
        // A refund has the quantity of the charge, and a negative price.
        let sign = if price.is_some_and(|price| price < 0) {
            -1
        } else {
            1
        };
        let copies = numbered(&totals.line_copies, lines.duplicates[row]).rows;
        let evidence = found.entry(*group).or_default();
        evidence.digits = minor_digits(text(Domain::Currency, currency));
        evidence.items.push(Item {
            description: description[row],
            adjustment: adjustment[row],
            earned: price_adjustment::earned_fraction(text(Domain::Adjustment, adjustment)),
            is_credit: text(Domain::Adjustment, adjustment) == AZURE_CREDIT,
            is_of_other_cycle,
            price: price.map(|price| price * sign),
            unit_price: number_of(&totals.vocabulary, unit_price[row], PRICE_SCALE),
            quantity: lines.quantity[row] / count * sign,
            rate: rate_of(&totals.vocabulary, rate[row]),
            subtotal: lines.subtotal[row] / count,
            tax: lines.tax[row] / count,
            count,
            copies: i128::from(copies),
        });
    }
}
