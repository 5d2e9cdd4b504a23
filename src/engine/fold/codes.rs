//! The codes of a partial's tuples: each distinct text is folded once, not each total.

use super::vocabulary::Gathering;
use crate::engine::count::key_column::KeyColumn;
use crate::engine::count::key_layout::TUPLES;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::scope::{line_adjustment, usage_adjustment};

/// Domains of the fields of usage, tuple by tuple.
const USAGE_FIELDS: [&[Domain]; TUPLES] = [
    &[
        Domain::Invoice,
        Domain::Customer,
        Domain::CustomerName,
        Domain::Subscription,
        Domain::Currency,
        Domain::Currency,
        Domain::Rate,
    ],
    &[
        Domain::Product,
        Domain::Sku,
        Domain::Availability,
        Domain::Description,
        Domain::ProductName,
        Domain::Meter,
        Domain::Description,
        Domain::Description,
        Domain::Category,
        Domain::Unit,
    ],
    &[Domain::Entitlement, Domain::ResourceGroup, Domain::Resource],
    &[
        Domain::ChargeType,
        Domain::Adjustment,
        Domain::Month,
        Domain::Free,
    ],
];

/// The same of invoice lines.
const LINE_FIELDS: [&[Domain]; TUPLES] = [
    USAGE_FIELDS[0],
    &[
        Domain::Product,
        Domain::Sku,
        Domain::Availability,
        Domain::Description,
        Domain::ProductName,
        Domain::Description,
    ],
    &[],
    &[
        Domain::ChargeType,
        Domain::Adjustment,
        Domain::Number,
        Domain::Number,
        Domain::Number,
        Domain::Number,
        Domain::Number,
        Domain::Date,
        Domain::Date,
    ],
];

/// The same of usage day by day.
const DAILY_FIELDS: [&[Domain]; TUPLES] = [
    USAGE_FIELDS[0],
    USAGE_FIELDS[1],
    USAGE_FIELDS[2],
    &[
        Domain::ChargeType,
        Domain::Adjustment,
        Domain::Date,
        Domain::Free,
    ],
];

/// Where the fields of a raw state tuple go after charge type and adjustment.
const USAGE_STATE: &[usize] = &[5, 6];
const LINE_STATE: &[usize] = &[6, 7, 8, 9, 10, 11, 5];

type Fields = [&'static [Domain]; TUPLES];

/// The codes of every tuple of a partial, field by field.
#[derive(Debug)]
pub struct Codes {
    tuples: [Vec<u32>; TUPLES],
    fields: &'static Fields,
}

impl Codes {
    /// Those of usage.
    #[must_use]
    pub fn of_usage(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(
            gathering,
            partial,
            (&USAGE_FIELDS, USAGE_STATE),
            adjustment_of_usage,
            &add_all,
        )
    }

    /// Those of usage but for the domains that are [`Domain::is_local`], which have no codes.
    #[must_use]
    pub fn shared_of_usage(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(
            gathering,
            partial,
            (&USAGE_FIELDS, USAGE_STATE),
            adjustment_of_usage,
            &add_shared,
        )
    }

    /// The same of invoice lines.
    #[must_use]
    pub fn shared_of_lines(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(
            gathering,
            partial,
            (&LINE_FIELDS, &[]),
            adjustment_of_line,
            &add_shared,
        )
    }

    /// Those of invoice lines.
    #[must_use]
    pub fn of_lines(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(
            gathering,
            partial,
            (&LINE_FIELDS, LINE_STATE),
            adjustment_of_line,
            &add_all,
        )
    }

    /// Those of usage day by day.
    #[must_use]
    pub fn of_days(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(
            gathering,
            partial,
            (&DAILY_FIELDS, USAGE_STATE),
            adjustment_of_usage,
            &add_all,
        )
    }

    /// `adjustment` makes the price adjustment of a state tuple's raw fields; `state` says which of
    /// them follow it; `add` numbers the texts of a column.
    fn gather(
        gathering: &mut Gathering,
        partial: &Partial,
        (fields, state): (&'static Fields, &[usize]),
        adjustment: impl Fn(&[&str]) -> String,
        add: &dyn Fn(&mut Gathering, Domain, &KeyColumn) -> Vec<u32>,
    ) -> Self {
        let mut tuples: [Vec<u32>; TUPLES] = Default::default();
        let mut columns = partial.columns.iter();
        for (number, ((known, domains), codes)) in partial
            .tuples
            .iter()
            .zip(fields)
            .zip(&mut tuples)
            .enumerate()
        {
            codes.reserve_exact(known.len() as usize * domains.len());
            if number + 1 == TUPLES {
                for id in 0..known.len() {
                    let raw: Vec<&str> = partial.fields(number, id).collect();
                    codes.push(gathering.add(Domain::ChargeType, at(&raw, 0)));
                    codes.push(gathering.add(Domain::Adjustment, &adjustment(&raw)));
                    let rest = domains.iter().skip(2).zip(state);
                    codes.extend(
                        rest.map(|(domain, field)| gathering.add(*domain, at(&raw, *field))),
                    );
                    codes.resize((id as usize + 1) * domains.len(), 0);
                }
                continue;
            }
            let code_of: Vec<Vec<u32>> = domains
                .iter()
                .zip(&mut columns)
                .map(|(domain, column)| add(gathering, *domain, column))
                .collect();
            let texts = known.numbers().iter().zip(code_of.iter().cycle());
            codes.extend(
                texts.map(|(text, code_of)| code_of.get(*text as usize).copied().unwrap_or(0)),
            );
        }
        Self { tuples, fields }
    }

    /// Numbers to codes.
    pub fn translate(&mut self, code: impl Fn(Domain, u32) -> u32) {
        for (codes, domains) in self.tuples.iter_mut().zip(self.fields) {
            for (number, domain) in codes.iter_mut().zip(domains.iter().cycle()) {
                *number = code(*domain, *number);
            }
        }
    }

    /// The code of a field of one of a key's tuples.
    #[must_use]
    pub fn get(&self, key: &[u32; TUPLES], tuple: usize, field: usize) -> u32 {
        self.of(tuple, key.get(tuple).copied().unwrap_or(0), field)
    }

    /// The code of a field of a tuple.
    #[must_use]
    pub fn of(&self, tuple: usize, id: u32, field: usize) -> u32 {
        let width = self.fields.get(tuple).map_or(0, |domains| domains.len());
        self.tuples
            .get(tuple)
            .and_then(|codes| codes.get(id as usize * width + field))
            .copied()
            .unwrap_or(0)
    }
}

fn add_all(gathering: &mut Gathering, domain: Domain, column: &KeyColumn) -> Vec<u32> {
    gathering.add_all(domain, column.texts().len(), |text| column.text(text))
}

/// One by one: whoever calls holds a lock that other work of the pool may wait for.
fn add_shared(gathering: &mut Gathering, domain: Domain, column: &KeyColumn) -> Vec<u32> {
    let count = if domain.is_local() {
        0
    } else {
        column.texts().len()
    };
    (0..count)
        .map(|text| gathering.add(domain, column.text(text)))
        .collect()
}

fn adjustment_of_line(raw: &[&str]) -> String {
    line_adjustment(at(raw, 0), at(raw, 1))
}

fn adjustment_of_usage(raw: &[&str]) -> String {
    usage_adjustment(at(raw, 1), at(raw, 2), at(raw, 3))
}

fn at<'t>(fields: &[&'t str], index: usize) -> &'t str {
    fields.get(index).copied().unwrap_or_default()
}
