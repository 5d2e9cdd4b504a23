//! Matched totals to both sides of every group, and to the resources behind them.
//!
//! Amounts are quantised once, for each customer, subscription, entitlement, meter, resource and
//! currency; where several rows of `resources` or several groups share one of these, it is split
//! among them by largest remainder, and every group's expected amount is the sum of such pieces. So
//! `resources` and `variances` add up to each other, and to the source, to the last digit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::allocate;
use super::group::{Keys, Sides};
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::{LineColumns, UsageColumns};
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::passes::Matching;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key, Part, RESOURCE_KEYS};
use crate::engine::rules::rounding::Rules;
use crate::engine::rules::rounding_bounds::{Bounds, LinesAtOneRate};
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::currency::minor_digits;
use crate::model::decimal::{
    self, AMOUNT_SCALE, PUBLISHED_LIMIT, PUBLISHED_SCALE, RATE_SCALE, Rounding, power_of_ten,
    to_published,
};
use crate::model::period::Day;

const QUANTISED_PLACES: u32 = AMOUNT_SCALE - PUBLISHED_SCALE;

/// A row of `resources`, by code; amounts and quantities in units of 10^-10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Codes of [`RESOURCE_KEYS`].
    pub key: [u32; RESOURCE_KEYS.len()],
    /// Usage rows.
    pub usage_rows: u64,
    /// First day; [`Day::MAX`] for none.
    pub first: Day,
    /// Last day; [`Day::MIN`] for none.
    pub last: Day,
    /// Quantity.
    pub quantity: i128,
    /// Usage amount.
    pub expected_amount: i128,
    /// Share of the invoiced amount.
    pub invoiced_amount: i128,
}

/// Both sides of every group, and the resources behind them.
#[derive(Debug)]
pub struct Compared {
    /// One for each match.
    pub sides: Vec<Sides>,
    /// Sorted by key.
    pub resources: Vec<Resource>,
}

/// The usage of one resource in one group.
#[derive(Clone, Copy)]
struct Atom {
    resource: u32,
    group: u32,
    rows: u64,
    amount: i128,
    quantity: i128,
}

/// Compares what was matched.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where an amount passes 28 digits.
pub fn compare(
    totals: &Folded,
    matching: &Matching,
    rules: &Rules,
) -> Result<Compared, EngineError> {
    let mut groups: Vec<Group> = matching
        .matched_on
        .iter()
        .map(|pass| Group::new(Arc::clone(pass)))
        .collect();
    add_usage(&mut groups, totals, matching);
    add_lines(&mut groups, totals, matching, rules)?;
    let (atoms, resources) = atoms(totals, matching);
    finish(groups, atoms, resources, &totals.vocabulary, rules)
}

/// What is gathered of one match.
struct Group {
    matched_on: Arc<str>,
    keys: [Option<u32>; 9],
    usage_charge_types: BTreeSet<u32>,
    line_charge_types: BTreeSet<u32>,
    scope: Scope,
    usage_rate: u32,
    usage_rows: u64,
    usage_amount: i128,
    usage_quantity: i128,
    line_rows: u64,
    line_quantity: i128,
    subtotal: i128,
    precision: i128,
    /// What rows lost that were cut to whole cents one by one.
    floored: i128,
    bounds: Bounds,
}

impl Group {
    fn new(matched_on: Arc<str>) -> Self {
        Self {
            matched_on,
            keys: [None; 9],
            usage_charge_types: BTreeSet::new(),
            line_charge_types: BTreeSet::new(),
            scope: Scope::Usage,
            usage_rate: 0,
            usage_rows: 0,
            usage_amount: 0,
            usage_quantity: 0,
            line_rows: 0,
            line_quantity: 0,
            subtotal: 0,
            precision: 0,
            floored: 0,
            bounds: Bounds::default(),
        }
    }

    /// Keys on which members differ are left empty.
    fn add_keys(&mut self, codes: &[&[u32]; FINE_KEYS.len()], row: usize) {
        for (key, column) in self.keys.iter_mut().zip(codes) {
            let code = column[row];
            *key = Some(key.map_or(code, |known| if known == code { known } else { 0 }));
        }
    }
}

fn add_usage(groups: &mut [Group], totals: &Folded, matching: &Matching) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = FINE_KEYS.map(|key| match key {
        Key::Description => usage.codes(matching.description),
        key => usage.codes(key.part()),
    });
    let (charge_types, rates) = (usage.codes(Part::ChargeType), usage.codes(Part::Rate));
    for (row, group) in matching.of_usage.iter().enumerate() {
        let group = &mut groups[*group as usize];
        let (rows, billing) = (usage.rows[row], usage.billing[row]);
        group.add_keys(&codes, row);
        group.usage_charge_types.insert(charge_types[row]);
        group.usage_rate = rates[row].max(group.usage_rate);
        group.usage_rows += rows;
        group.usage_amount += billing;
        group.usage_quantity = group.usage_quantity.saturating_add(usage.quantity[row]);
        group.precision += usage.precision[row];
        let rate = rate_of(&totals.vocabulary, rates[row]);
        let floored = floored(usage.pricing[row], billing, rate, rows);
        group.floored = group.floored.saturating_add(floored);
    }
}

fn add_lines(
    groups: &mut [Group],
    totals: &Folded,
    matching: &Matching,
    rules: &Rules,
) -> Result<(), EngineError> {
    let lines = LineColumns::of(&totals.lines);
    let codes = FINE_KEYS.map(|key| lines.codes(key.part()));
    let (charge_types, rates) = (lines.codes(Part::ChargeType), lines.codes(Part::Rate));
    let currencies = lines.codes(Part::Currency);
    for (row, group) in matching.of_lines.iter().enumerate() {
        let group = &mut groups[*group as usize];
        let (rows, quantity, subtotal) =
            (lines.rows[row], lines.quantity[row], lines.subtotal[row]);
        group.add_keys(&codes, row);
        group.line_charge_types.insert(charge_types[row]);
        group.scope = lines.scope(row);
        group.line_rows += rows;
        group.line_quantity += quantity;
        group.subtotal += subtotal;
        let bounds = Bounds::of_lines(
            rules,
            LinesAtOneRate {
                count: rows,
                rate: rate_of(&totals.vocabulary, rates[row]),
                quantity,
                subtotal,
                digits: minor_digits(totals.vocabulary.text(Domain::Currency, currencies[row])),
            },
        );
        group.bounds = bounds
            .and_then(|bounds| group.bounds.plus(bounds))
            .ok_or(EngineError::AmountOverflow)?;
    }
    Ok(())
}

/// What rows of usage lost that were cut to cents one by one, as files of 2021 were: at most a cent
/// each (`semantics.md` 3), and known exactly, as the pricing amounts were not cut.
fn floored(pricing: i128, billing: i128, rate: i128, rows: u64) -> i128 {
    let cent = power_of_ten(AMOUNT_SCALE - 2);
    let exact = decimal::multiply(
        (pricing, AMOUNT_SCALE),
        (rate, RATE_SCALE),
        AMOUNT_SCALE,
        Rounding::HalfEven,
    );
    let lost = exact
        .and_then(|exact| exact.checked_sub(billing))
        .unwrap_or(0);
    let is_cut = billing % cent == 0 && lost > 0 && lost / cent < i128::from(rows);
    if is_cut { lost } else { 0 }
}

/// A rate's number, in units of 10^-18; 1 where none is given.
#[must_use]
pub fn rate_of(vocabulary: &Vocabulary, code: u32) -> i128 {
    let text = vocabulary.text(Domain::Rate, code);
    decimal::parse(text.as_bytes(), RATE_SCALE)
        .ok()
        .filter(|rate| rate.value != 0)
        .map_or(power_of_ten(RATE_SCALE), |rate| rate.value)
}

/// The usage frame is sorted by resource, so that each resource's rows stand together.
fn atoms(totals: &Folded, matching: &Matching) -> (Vec<Atom>, Vec<Resource>) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = RESOURCE_KEYS.map(|part| usage.codes(part));
    let mut atoms: Vec<Atom> = Vec::new();
    let mut resources: Vec<Resource> = Vec::new();
    let mut first_atom = 0;
    for (row, group) in matching.of_usage.iter().enumerate() {
        let key = codes.map(|column| column[row]);
        if resources.last().is_none_or(|resource| resource.key != key) {
            let (first, last) = (Day::MAX, Day::MIN);
            resources.push(Resource {
                key,
                usage_rows: 0,
                first,
                last,
                quantity: 0,
                expected_amount: 0,
                invoiced_amount: 0,
            });
            first_atom = atoms.len();
        }
        let number = u32::try_from(resources.len() - 1).expect("fewer resources than rows");
        let resource = resources.last_mut().expect("pushed above, if not before");
        let (count, amount, quantity) = (usage.rows[row], usage.billing[row], usage.quantity[row]);
        resource.usage_rows += count;
        resource.first = resource.first.min(usage.first[row]);
        resource.last = resource.last.max(usage.last[row]);
        match atoms
            .iter_mut()
            .skip(first_atom)
            .find(|atom| atom.group == *group)
        {
            Some(atom) => {
                atom.rows += count;
                atom.amount += amount;
                atom.quantity += quantity;
            }
            None => atoms.push(Atom {
                resource: number,
                group: *group,
                rows: count,
                amount,
                quantity,
            }),
        }
    }
    (atoms, resources)
}

fn finish(
    groups: Vec<Group>,
    atoms: Vec<Atom>,
    mut resources: Vec<Resource>,
    vocabulary: &Vocabulary,
    rules: &Rules,
) -> Result<Compared, EngineError> {
    let (amounts, quantities) = quantised(&atoms, &resources)?;
    let mut by_group: Vec<Vec<u32>> = vec![Vec::new(); groups.len()];
    for (number, atom) in (0..).zip(&atoms) {
        by_group
            .get_mut(atom.group as usize)
            .expect("an atom's group exists")
            .push(number);
    }
    let pick = |from: &[i128], number: &u32| from.get(*number as usize).copied().unwrap_or(0);
    let judged: Vec<(Sides, Vec<i128>)> = groups
        .into_par_iter()
        .zip(by_group.par_iter())
        .map(|(group, members)| {
            let expected: Vec<i128> = members
                .iter()
                .map(|number| pick(&amounts, number))
                .collect();
            let quantity = sum(&members
                .iter()
                .map(|number| pick(&quantities, number))
                .collect::<Vec<_>>())?;
            let sides = group.sides(sum(&expected)?, quantity, vocabulary, rules)?;
            let behind: Vec<Atom> = members
                .iter()
                .filter_map(|number| atoms.get(*number as usize))
                .copied()
                .collect();
            let shares = if behind.is_empty() {
                Vec::new()
            } else {
                shares(sides.invoiced_amount, &behind)?
            };
            Ok((sides, shares))
        })
        .collect::<Result<_, EngineError>>()?;
    let mut unused: BTreeMap<[u32; 9], i128> = BTreeMap::new();
    let mut sides = Vec::with_capacity(judged.len());
    for ((group, shares), members) in judged.into_iter().zip(&by_group) {
        for (number, share) in members.iter().zip(shares) {
            let atom = atoms.get(*number as usize).expect("a member is an atom");
            let resource = resources
                .get_mut(atom.resource as usize)
                .expect("an atom's resource exists");
            resource.expected_amount += pick(&amounts, number);
            resource.quantity += pick(&quantities, number);
            resource.invoiced_amount += share;
        }
        if members.is_empty() {
            // LinesAtOneRate name no Azure subscription, meter id or resource: these stay empty.
            let key = RESOURCE_KEYS.map(|part| part.row().key.map_or(0, |key| group.keys[key]));
            *unused.entry(key).or_default() += group.invoiced_amount;
        }
        sides.push(group);
    }
    add_unused(&mut resources, unused);
    Ok(Compared { sides, resources })
}

/// Invoiced amounts without usage get rows of their own, or join a usage row that has no
/// entitlement, meter and resource either: keys stay unique.
fn add_unused(resources: &mut Vec<Resource>, unused: BTreeMap<[u32; 9], i128>) {
    let mut own_rows = Vec::new();
    for (key, invoiced_amount) in unused {
        match resources.binary_search_by_key(&key, |resource| resource.key) {
            Ok(at) => {
                if let Some(resource) = resources.get_mut(at) {
                    resource.invoiced_amount += invoiced_amount;
                }
            }
            Err(_) => {
                let (first, last) = (Day::MAX, Day::MIN);
                own_rows.push(Resource {
                    key,
                    usage_rows: 0,
                    first,
                    last,
                    quantity: 0,
                    expected_amount: 0,
                    invoiced_amount,
                });
            }
        }
    }
    resources.append(&mut own_rows);
    resources.sort_by_key(|resource| resource.key);
}

fn sum(parts: &[i128]) -> Result<i128, EngineError> {
    let sum = parts
        .iter()
        .try_fold(0_i128, |sum, part| sum.checked_add(*part))
        .ok_or(EngineError::AmountOverflow)?;
    if sum.unsigned_abs() <= PUBLISHED_LIMIT.unsigned_abs() {
        Ok(sum)
    } else {
        Err(EngineError::AmountOverflow)
    }
}

/// Each atom's amount and quantity in units of 10^-10, so that the sum of each customer,
/// subscription, entitlement, meter, resource and currency is its exact sum rounded half up.
fn quantised(
    atoms: &[Atom],
    resources: &[Resource],
) -> Result<(Vec<i128>, Vec<i128>), EngineError> {
    let quantum = |atom: &Atom| {
        let key = resources
            .get(atom.resource as usize)
            .map_or([0; 9], |resource| resource.key);
        let [
            _,
            customer,
            subscription,
            entitlement,
            _,
            _,
            meter,
            resource,
            currency,
        ] = key;
        [
            customer,
            subscription,
            entitlement,
            meter,
            resource,
            currency,
        ]
    };
    let mut order: Vec<(usize, &Atom)> = atoms.iter().enumerate().collect();
    order.sort_by_cached_key(|(number, atom)| (quantum(atom), *number));
    let (mut amounts, mut quantities) = (vec![0; atoms.len()], vec![0; atoms.len()]);
    for run in order.chunk_by(|(_, left), (_, right)| quantum(left) == quantum(right)) {
        let split = |of: fn(&Atom) -> i128| {
            allocate::quantise(
                &run.iter().map(|(_, atom)| of(atom)).collect::<Vec<_>>(),
                QUANTISED_PLACES,
            )
        };
        let pieces = split(|atom| atom.amount)
            .ok_or(EngineError::AmountOverflow)?
            .into_iter()
            .zip(split(|atom| atom.quantity).ok_or(EngineError::AmountOverflow)?);
        for ((number, _), (amount, quantity)) in run.iter().zip(pieces) {
            if let (Some(amounts), Some(quantities)) =
                (amounts.get_mut(*number), quantities.get_mut(*number))
            {
                (*amounts, *quantities) = (amount, quantity);
            }
        }
    }
    Ok((amounts, quantities))
}

/// Shares of an invoiced amount in proportion to the usage amounts behind it; where these are all
/// zero, to the quantities.
fn shares(invoiced: i128, behind: &[Atom]) -> Result<Vec<i128>, EngineError> {
    let weights = |of: fn(&Atom) -> i128| behind.iter().map(of).collect::<Vec<_>>();
    let amounts = weights(|atom| atom.amount);
    let weights = if amounts.iter().all(|amount| *amount == 0) {
        weights(|atom| atom.quantity)
    } else {
        amounts
    };
    allocate::spread(invoiced, &weights).ok_or(EngineError::AmountOverflow)
}

impl Group {
    fn sides(
        self,
        expected_amount: i128,
        expected_quantity: i128,
        vocabulary: &Vocabulary,
        rules: &Rules,
    ) -> Result<Sides, EngineError> {
        let published = |amount| to_published(amount).ok_or(EngineError::AmountOverflow);
        let keys = Keys::fine(self.keys.map(|key| key.unwrap_or(0)));
        let bounds = if self.line_rows == 0 {
            // Usage that rounds down to nothing needs no line.
            let digits = minor_digits(vocabulary.text(Domain::Currency, keys[Key::Currency]));
            let rate = rate_of(vocabulary, self.usage_rate);
            let line = LinesAtOneRate {
                count: 1,
                rate,
                quantity: self.usage_quantity,
                subtotal: self.usage_amount,
                digits,
            };
            Bounds::of_lines(rules, line).ok_or(EngineError::AmountOverflow)?
        } else {
            self.bounds
        };
        let precision = Bounds {
            below: self.precision,
            above: self
                .precision
                .checked_add(self.floored)
                .ok_or(EngineError::AmountOverflow)?,
        };
        let types = if self.line_charge_types.is_empty() {
            &self.usage_charge_types
        } else {
            &self.line_charge_types
        };
        let names: Vec<&str> = types
            .iter()
            .map(|code| vocabulary.text(Domain::ChargeType, *code))
            .filter(|name| !name.is_empty())
            .collect();
        Ok(Sides {
            tie_out: TieOut::UsageToInvoice,
            keys,
            charge_type: names.join("|"),
            matched_on: self.matched_on,
            scope: self.scope,
            expected_rows: self.usage_rows,
            invoiced_rows: self.line_rows,
            expected_quantity,
            invoiced_quantity: published(self.line_quantity)?,
            expected_amount,
            invoiced_amount: sum(&[published(self.subtotal)?])?,
            bounds: bounds.plus(precision).ok_or(EngineError::AmountOverflow)?,
            measure: Measure::Amount,
            is_awaited: false,
        })
    }
}
