//! Evidence about a group beyond its two sums: its usage by price state, and its lines one by one.
//!
//! It is gathered in a second pass over the frames, only for groups that rounding alone cannot
//! explain: they are few, and most groups never need it. Nothing is concluded here.

use hashbrown::HashMap;

use crate::engine::compare::charge::{UsageSum, rate_of_amounts};
use crate::engine::compare::exchange_rate::{rate_of, written_rate};
use crate::engine::compare::invoice_practice::InvoicePractice;
use crate::engine::count::duplicates::Duplicates;
use crate::engine::fold::columns::{LineColumns, UsageColumns};
use crate::engine::fold::folded::{Folded, numbered};
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Part;
use crate::engine::rules::price_adjustment::{self, AZURE_CREDIT, PROMOTION};
use crate::model::currency::minor_digits;
use crate::model::decimal::{self, PRICE_SCALE, RATE_SCALE, power_of_ten};
use crate::model::period::{Day, Period, parse_day};

/// In place of the exchange rate of usage that names none, until all of it is summed.
const NO_RATE: i128 = 0;

/// Usage of one price state: of one adjustment, rate and name. Amounts and quantities are in units
/// of 10^-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsageState {
    /// Code of the text that lines repeat as MeterDescription.
    pub(super) description: u32,
    /// Code of its price adjustment.
    pub(super) adjustment: u32,
    /// Partner earned credit as a fraction of the price, in units of 10^-18.
    pub(super) earned: i128,
    /// True of an Azure credit, which is neither a price nor a quantity.
    pub(super) is_credit: bool,
    /// True if it was used in another month than the invoice's.
    pub(super) is_late: bool,
    /// True if it has neither an amount nor a price.
    pub(super) is_free: bool,
    /// Exchange rate, in units of 10^-18: as it is written, or where it is not, as the amounts have
    /// it.
    pub(super) rate: i128,
    /// Half a unit of the last written digit of the billing amounts, of all rows together.
    pub(super) precision: i128,
    /// Number of usage rows.
    pub(super) rows: u64,
    /// Quantity used, free usage included.
    pub(super) quantity: i128,
    /// Amount in the pricing currency.
    pub(super) pricing: i128,
    /// Amount in the billing currency.
    pub(super) billing: i128,
    /// Part of the rows and sums that duplicates of other rows make.
    pub(super) duplicates: Duplicates,
}

/// Invoice lines with equal keys and numbers. The numbers are those of *one* of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EqualLines {
    /// Code of the text in MeterDescription.
    pub(super) description: u32,
    /// Code of the price adjustment.
    pub(super) adjustment: u32,
    /// Partner earned credit as a fraction of the price, in units of 10^-18.
    pub(super) earned: i128,
    /// True of an Azure credit, which is neither a price nor a quantity.
    pub(super) is_credit: bool,
    /// True if the price has a promotion, or another discount beside the partner earned credit.
    pub(super) is_promoted: bool,
    /// True if they charge for a cycle that is not the invoice's.
    pub(super) is_of_other_cycle: bool,
    /// EffectiveUnitPrice, in units of 10^-22, not negative; `None` where a line has none.
    pub(super) price: Option<i128>,
    /// UnitPrice (the list price), in units of 10^-22; `None` where a line has none.
    pub(super) unit_price: Option<i128>,
    /// BillableQuantity, in units of 10^-20; negative where the price was, or the subtotal.
    pub(super) quantity: i128,
    /// Exchange rate, in units of 10^-18.
    pub(super) rate: i128,
    /// Subtotal, in units of 10^-20.
    pub(super) subtotal: i128,
    /// TaxTotal, in units of 10^-20.
    pub(super) tax: i128,
    /// Number of the lines.
    pub(super) count: i128,
    /// Number of the lines that are duplicates of other lines.
    pub(super) duplicates: i128,
}

impl EqualLines {
    /// Quantity of all of the lines, in units of 10^-20.
    pub(super) fn quantity_of_all(&self) -> i128 {
        // No product overflows here or below: each number is a sum of the frame divided by the
        // count.
        self.quantity * self.count
    }

    /// True of lines for units that were given free.
    pub(super) fn is_free(&self) -> bool {
        self.price == Some(0) && self.subtotal == 0
    }

    /// Subtotal of all of the lines, in units of 10^-20.
    pub(super) fn subtotal_of_all(&self) -> i128 {
        self.subtotal * self.count
    }

    /// TaxTotal of all of the lines, in units of 10^-20.
    pub(super) fn tax_of_all(&self) -> i128 {
        self.tax * self.count
    }
}

/// Resource and days of some usage rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// Code of the only resource; `None` for several.
    pub(super) resource: Option<u32>,
    /// First and last day, both inclusive.
    pub(super) days: (Day, Day),
}

impl Location {
    /// Extends a location, if there is one already, to more rows.
    fn widen(location: &mut Option<Self>, resource: u32, days: (Day, Day)) {
        *location = Some(match *location {
            None => Self {
                resource: Some(resource),
                days,
            },
            Some(known) => Self {
                resource: known.resource.filter(|only| *only == resource),
                days: (known.days.0.min(days.0), known.days.1.max(days.1)),
            },
        });
    }
}

/// Evidence about one group of usage and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Usage, by price state.
    pub(super) states: Vec<UsageState>,
    /// Lines, those that are equal counted as one entry.
    pub(super) lines: Vec<EqualLines>,
    /// Decimals of the billing currency.
    pub(super) digits: u32,
    /// Codes of the invoice and the currency that the group is of.
    billed_in: [u32; 2],
    /// Resource and days of all usage.
    pub(super) usage_at: Option<Location>,
    /// Resource and days of the duplicate rows.
    pub(super) duplicates_at: Option<Location>,
    /// Resource and days of the late usage.
    pub(super) late_at: Option<Location>,
}

/// Gathers the evidence about the groups that are wanted, by match. `is_wanted` has an entry for
/// each match.
pub(super) fn gather(
    totals: &Folded,
    matching: &Matching,
    practice: &InvoicePractice,
    is_wanted: &[bool],
) -> HashMap<u32, Evidence> {
    let mut found: HashMap<u32, Evidence> = HashMap::new();
    let wanted = |group: u32| is_wanted[group as usize];
    add_states(&mut found, totals, matching, &wanted);
    add_equal_lines(&mut found, totals, matching, &wanted);
    for evidence in found.values_mut() {
        evidence.set_missing_rates(practice);
    }
    found
}

/// Days of an invoice's billing period, half-open; `None` for an invoice that has none.
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
    let description = &matching.described;
    for (row, group) in matching
        .of_usage
        .iter()
        .enumerate()
        .filter(|(_, group)| wanted(**group))
    {
        let text = |domain, column: &[u32]| totals.vocabulary.text(domain, column[row]);
        let duplicates = numbered(&totals.usage_duplicates, usage.duplicates[row]);
        let evidence = found.entry(*group).or_default();
        // The currency is a key of every pass: all members of a group have the same one.
        evidence.digits = minor_digits(text(Domain::Currency, currency));
        evidence.billed_in = [invoice[row], currency[row]];
        let used = Period::parse(text(Domain::Month, month)).map(Period::days);
        // Late usage is billed in the next period (`model::domain::semantics` §9). Rows without a
        // month, and invoices without a period, are taken for usual.
        let is_late = matches!(
            (used, period_of(totals, invoice[row])),
            (Some(used), Some(period)) if used != period
        );
        let state = UsageState {
            description: description[row],
            adjustment: adjustment[row],
            earned: price_adjustment::earned_fraction(text(Domain::Adjustment, adjustment)),
            is_credit: text(Domain::Adjustment, adjustment) == AZURE_CREDIT,
            is_late,
            is_free: free[row] != 0,
            rate: match written_rate(&totals.vocabulary, rate[row]) {
                Some(rate) => rate,
                None => NO_RATE,
            },
            precision: usage.precision[row],
            rows: usage.rows[row],
            quantity: usage.quantity[row],
            pricing: usage.pricing[row],
            billing: usage.billing[row],
            duplicates,
        };
        let days = (usage.first[row], usage.last[row]);
        Location::widen(&mut evidence.usage_at, resource[row], days);
        if duplicates.rows > 0 {
            Location::widen(
                &mut evidence.duplicates_at,
                resource[row],
                duplicates.days(),
            );
        }
        if is_late {
            Location::widen(&mut evidence.late_at, resource[row], days);
        }
        evidence.add_state(state);
    }
}

impl Evidence {
    /// Code of the invoice that the group is of.
    pub(super) const fn invoice(&self) -> u32 {
        let [invoice, _] = self.billed_in;
        invoice
    }

    /// Gives usage that names no exchange rate the one that its amounts have.
    fn set_missing_rates(&mut self, practice: &InvoicePractice) {
        let [invoice, currency] = self.billed_in;
        let usual = practice.rate_of(invoice, currency);
        for state in self.states.iter_mut().filter(|state| state.rate == NO_RATE) {
            let sum = UsageSum {
                rate: 0,
                rows: state.rows,
                quantity: state.quantity,
                pricing: state.pricing,
                billing: state.billing,
                precision: state.precision,
            };
            state.rate = match rate_of_amounts(&sum, usual) {
                Some(rate) => rate,
                // Amounts past all sense have no rate; 1 leaves them as they are.
                None => power_of_ten(RATE_SCALE),
            };
        }
    }

    /// Adds usage to that of its price state.
    fn add_state(&mut self, more: UsageState) {
        // `earned` and `is_credit` follow from the adjustment, and need no comparing. Late and free
        // usage stay apart, as a hypothesis leaves either out as a whole.
        let same = |known: &&mut UsageState| {
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
        // A group has few states: a search costs less than a table for each group.
        match self.states.iter_mut().find(same) {
            Some(known) => {
                known.rows += more.rows;
                known.quantity += more.quantity;
                known.pricing += more.pricing;
                known.billing += more.billing;
                known.precision += more.precision;
                known.duplicates.add(&more.duplicates);
            }
            None => self.states.push(more),
        }
    }
}

/// Number behind a code, in units of 10^-`scale`; `None` for a cell that is empty or no number.
fn number_of(vocabulary: &Vocabulary, code: u32, scale: u32) -> Option<i128> {
    decimal::parse(vocabulary.text(Domain::Number, code).as_bytes(), scale)
        .ok()
        .map(|parsed| parsed.value)
}

/// True if a charge lies outside of a billing period as a whole, by the texts of its first and last
/// day. Overlapping is enough to be inside: a cycle may begin on any day of the month
/// (`model::domain::semantics` §9).
fn is_outside((first, next): (Day, Day), charged: [&str; 2]) -> bool {
    // A date that is missing or cannot be read tells nothing of the cycle.
    let [start, end] = charged.map(|text| parse_day(text.as_bytes()).ok().flatten());
    end.is_some_and(|end| end < first) || start.is_some_and(|start| start >= next)
}

fn add_equal_lines(
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
        promotion,
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
        Part::Promotion,
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
        // The frame sums lines whose price, quantity and subtotal are equal texts: these divide
        // without remainder. The tax of such lines may differ, and is a mean.
        let count = i128::from(lines.rows[row]);
        let charged = [start, end].map(|column| text(Domain::Date, column));
        let is_of_other_cycle =
            period_of(totals, invoice[row]).is_some_and(|period| is_outside(period, charged));
        let price = number_of(&totals.vocabulary, price[row], PRICE_SCALE);
        let is_credit = text(Domain::Adjustment, adjustment) == AZURE_CREDIT;
        // A refund has the quantity of the charge and the opposite price, or the opposite subtotal
        // (`model::domain::semantics` §3); with the sign on the quantity, the two cancel.
        let is_negative = price.is_some_and(|price| price < 0);
        let is_refund = lines.subtotal[row] < 0 && lines.quantity[row] > 0 && !is_credit;
        let sign = if is_negative || is_refund { -1 } else { 1 };
        let duplicates = numbered(&totals.line_duplicates, lines.duplicates[row]).rows;
        let evidence = found.entry(*group).or_default();
        evidence.digits = minor_digits(text(Domain::Currency, currency));
        evidence.billed_in = [invoice[row], currency[row]];
        evidence.lines.push(EqualLines {
            description: description[row],
            adjustment: adjustment[row],
            earned: price_adjustment::earned_fraction(text(Domain::Adjustment, adjustment)),
            is_credit,
            is_promoted: text(Domain::Adjustment, promotion) == PROMOTION,
            is_of_other_cycle,
            price: price.map(|price| price.saturating_abs()),
            unit_price: number_of(&totals.vocabulary, unit_price[row], PRICE_SCALE)
                .map(i128::saturating_abs),
            quantity: lines.quantity[row] / count * sign,
            rate: rate_of(&totals.vocabulary, rate[row]),
            subtotal: lines.subtotal[row] / count,
            tax: lines.tax[row] / count,
            count,
            duplicates: i128::from(duplicates),
        });
    }
}
