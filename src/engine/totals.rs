//! Merged partials to frames: spellings folded, codes instead of texts, rows in a fixed order.
//!
//! From here on nothing depends on the order of files, rows or threads: codes are ranks of what is
//! printed, and the frames are sorted by them.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use polars::prelude::{Column, DataFrame, NamedFrom, PolarsResult, Series};
use rayon::prelude::*;

use super::aggregate::{Partial, TUPLES, Total, Totals as Sums};
use super::comparison::Row;
use super::copies::Copies;
use super::days::{self, DayRow};
use super::entries::Entries;
use super::headers::Header;
use super::interner::Tuples;
use super::scope::{LineTexts, Scope, line_adjustment, scope_of, usage_adjustment};
use super::tie_outs::Side;
use super::variance::AmountOverflow;
use super::vocabulary::{Domain, Gathering, Vocabulary, is_better_spelling};
use crate::model::cause::TieOut;
use crate::model::period::Period;

/// A key column of a frame: its name, and where its code comes from.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Column name.
    pub name: &'static str,
    /// Domain of its codes.
    pub domain: Domain,
    tuple: usize,
    field: usize,
}

const fn key(name: &'static str, domain: Domain, tuple: usize, field: usize) -> Key {
    Key { name, domain, tuple, field }
}

const USAGE_FIELDS: [&[Domain]; TUPLES] = [
    &[Domain::Invoice, Domain::Customer, Domain::CustomerName, Domain::Subscription, Domain::Currency, Domain::Currency, Domain::Rate],
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
    &[Domain::ChargeType, Domain::Adjustment, Domain::Month, Domain::Free],
];

const LINE_FIELDS: [&[Domain]; TUPLES] = [
    USAGE_FIELDS[0],
    &[Domain::Product, Domain::Sku, Domain::Availability, Domain::Description, Domain::ProductName, Domain::Description],
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

const DAILY_FIELDS: [&[Domain]; TUPLES] =
    [USAGE_FIELDS[0], USAGE_FIELDS[1], USAGE_FIELDS[2], &[Domain::ChargeType, Domain::Adjustment, Domain::Date, Domain::Free]];

/// Where the fields of a raw state tuple go after charge type and adjustment.
const USAGE_STATE: &[usize] = &[5, 6];
const LINE_STATE: &[usize] = &[6, 7, 8, 9, 10, 11, 5];

/// Key columns of the usage frame, in its sort order.
pub const USAGE_KEYS: [Key; 18] = [
    key("invoice", Domain::Invoice, 0, 0),
    key("customer", Domain::Customer, 0, 1),
    key("subscription", Domain::Subscription, 0, 3),
    key("entitlement", Domain::Entitlement, 2, 0),
    key("product", Domain::Product, 1, 0),
    key("sku", Domain::Sku, 1, 1),
    key("meter", Domain::Meter, 1, 5),
    key("resource", Domain::Resource, 2, 2),
    key("currency", Domain::Currency, 0, 4),
    key("availability", Domain::Availability, 1, 2),
    key("adjustment", Domain::Adjustment, 3, 1),
    key("charge_type", Domain::ChargeType, 3, 0),
    key("meter_name", Domain::Description, 1, 6),
    key("meter_type", Domain::Description, 1, 7),
    key("sku_name", Domain::Description, 1, 3),
    key("rate", Domain::Rate, 0, 6),
    key("month", Domain::Month, 3, 2),
    key("free", Domain::Free, 3, 3),
];

/// Key columns of the lines frame, in its sort order; `scope` follows them. From `price` on they
/// make one row of lines that are the same to arithmetic.
pub const LINE_KEYS: [Key; 18] = [
    key("invoice", Domain::Invoice, 0, 0),
    key("customer", Domain::Customer, 0, 1),
    key("subscription", Domain::Subscription, 0, 3),
    key("product", Domain::Product, 1, 0),
    key("sku", Domain::Sku, 1, 1),
    key("availability", Domain::Availability, 1, 2),
    key("description", Domain::Description, 1, 5),
    key("charge_type", Domain::ChargeType, 3, 0),
    key("adjustment", Domain::Adjustment, 3, 1),
    key("currency", Domain::Currency, 0, 4),
    key("rate", Domain::Rate, 0, 6),
    key("price", Domain::Number, 3, 2),
    key("unit_price", Domain::Number, 3, 3),
    key("billable", Domain::Number, 3, 4),
    key("seats", Domain::Number, 3, 5),
    key("subtotal_text", Domain::Number, 3, 6),
    key("charge_start", Domain::Date, 3, 7),
    key("charge_end", Domain::Date, 3, 8),
];

/// Everything that was counted, by code.
#[derive(Debug)]
pub struct Totals {
    /// Texts of the codes.
    pub vocabulary: Vocabulary,
    /// [`USAGE_KEYS`], then rows, quantity, billing, pricing, precision (10^-20), first, last, and
    /// the number of its copies, 0 for none.
    pub usage: DataFrame,
    /// [`LINE_KEYS`], scope, then rows, quantity, subtotal, tax, total (10^-20), first, last, and the
    /// number of its copies, 0 for none.
    pub lines: DataFrame,
    /// Copies of usage rows; the first is number 1.
    pub usage_copies: Vec<Copies>,
    /// Copies of lines, likewise.
    pub line_copies: Vec<Copies>,
    /// Names that go with codes.
    pub names: Names,
    /// Billed usage day by day, where a comparison looks at days; sorted.
    pub daily: Vec<DayRow>,
    /// Usage before it was billed, likewise.
    pub unbilled: Vec<DayRow>,
    /// Rows of the other datasets, sorted.
    pub entries: Vec<(TieOut, Side, Row)>,
    /// Month of each invoice: that of most of its usage, or else of most of its lines.
    pub periods: HashMap<u32, Period>,
}

/// Names and other attributes that are shown beside a key and never compared.
#[derive(Debug, Default)]
pub struct Names {
    by_key: HashMap<(Domain, [u32; 3]), u32>,
}

impl Names {
    fn offer(&mut self, vocabulary: &Vocabulary, domain: Domain, key: [u32; 3], code: u32) {
        let shown = self.by_key.entry((domain, key)).or_insert(0);
        if is_better_spelling(vocabulary.text(domain, code), vocabulary.text(domain, *shown)) {
            *shown = code;
        }
    }

    /// Code of the name that goes with a key: of a customer; a product; a product and SKU; a
    /// product, SKU and meter; an entitlement and resource. 0 where there is none.
    #[must_use]
    pub fn code(&self, domain: Domain, key: [u32; 3]) -> u32 {
        self.by_key.get(&(domain, key)).copied().unwrap_or(0)
    }
}

// Description stands for the SKU's name under [product, sku, NO_METER] and the meter's name under
// [product, sku, meter]; no meter has this code.
/// Third part of the key under which a SKU's own name is found.
pub const NO_METER: u32 = u32::MAX;

/// What is folded besides usage, lines and headers.
#[derive(Debug, Default)]
pub struct More {
    /// Billed usage day by day.
    pub daily: Option<Partial>,
    /// Usage before it was billed, day by day.
    pub unbilled: Option<Partial>,
    /// Rows of the other datasets.
    pub entries: Entries,
}

/// Folds both sides' partials, and the headers' ids, into frames over one vocabulary. `also_used`
/// names products and SKUs that are used outside of these partials: they decide what is in scope.
///
/// # Errors
/// [`AmountOverflow`], or a polars error, which is a bug of ours.
pub fn fold_partials(
    mut usage: Partial,
    lines: Partial,
    headers: &[Header],
    also_used: &[(String, String)],
    more: More,
) -> PolarsResult<Result<Totals, AmountOverflow>> {
    let mut gathering = Gathering::default();
    let More { daily, unbilled, entries } = more;
    let Some(staged) = entries.stage(&mut gathering) else { return Ok(Err(AmountOverflow)) };
    for header in headers {
        gathering.add(Domain::Invoice, &header.id);
        gathering.add(Domain::Currency, &header.currency);
    }
    let also_used: Vec<[u32; 2]> =
        also_used.iter().map(|(product, sku)| [gathering.add(Domain::Product, product), gathering.add(Domain::Sku, sku)]).collect();
    let usage_words = |raw: &[&str]| usage_adjustment(at(raw, 1), at(raw, 2), at(raw, 3));
    let mut usage_codes = Codes::gather(&mut gathering, &usage, &USAGE_FIELDS, USAGE_STATE, usage_words);
    let line_words = |raw: &[&str]| line_adjustment(at(raw, 0), at(raw, 1));
    let mut line_codes = Codes::gather(&mut gathering, &lines, &LINE_FIELDS, LINE_STATE, line_words);
    let by_day = |partial: &Partial, gathering: &mut Gathering| Codes::gather(gathering, partial, &DAILY_FIELDS, USAGE_STATE, usage_words);
    let mut daily = daily.map(|partial| (by_day(&partial, &mut gathering), partial));
    let mut unbilled = unbilled.map(|partial| (by_day(&partial, &mut gathering), partial));
    // Their texts are in the vocabulary now.
    usage.columns = Vec::new();
    let (vocabulary, code_of) = gathering.finish();
    for (codes, _) in daily.iter_mut().chain(&mut unbilled) {
        codes.translate(&DAILY_FIELDS, &code_of);
    }
    let day_rows = |side: Option<(Codes, Partial)>| {
        side.map_or_else(Vec::new, |(codes, partial)| days::rows(&partial, |key, tuple, field| codes.get(key, tuple, field)))
    };
    usage_codes.translate(&USAGE_FIELDS, &code_of);
    line_codes.translate(&LINE_FIELDS, &code_of);
    let code = |domain: Domain, id: u32| code_of.get(domain as usize).and_then(|codes| codes.get(id as usize)).copied().unwrap_or(0);
    let mut used: HashSet<[u32; 2]> = usage.totals.keys().map(|key| [usage_codes.get(key, 1, 0), usage_codes.get(key, 1, 1)]).collect();
    used.extend(also_used.into_iter().map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)]));
    let usage_key = |key: &[u32; TUPLES]| USAGE_KEYS.map(|column| usage_codes.get(key, column.tuple, column.field));
    let line_key = |key: &[u32; TUPLES]| {
        let mut row = [0; LINE_KEYS.len() + 1];
        for (slot, column) in row.iter_mut().zip(LINE_KEYS) {
            *slot = line_codes.get(key, column.tuple, column.field);
        }
        let product_is_used = used.contains(&[line_codes.get(key, 1, 0), line_codes.get(key, 1, 1)]);
        row[LINE_KEYS.len()] = scope_of_key(&lines, key, product_is_used) as u32;
        row
    };
    let usage_rows = sorted_totals(&usage, usage_key);
    usage.totals = Sums::default();
    let line_rows = sorted_totals(&lines, line_key);
    let (usage_numbers, usage_copies) = copies_of(&usage, usage_key, &usage_rows);
    let (line_numbers, line_copies) = copies_of(&lines, line_key, &line_rows);
    let names = gather_names(&vocabulary, &usage, &usage_codes, &lines, &line_codes);
    let periods = periods(&usage, &usage_codes, &lines, &line_codes);
    let line_names: Vec<&str> = LINE_KEYS.iter().map(|column| column.name).chain(["scope"]).collect();
    Ok(Ok(Totals {
        daily: day_rows(daily),
        unbilled: day_rows(unbilled),
        entries: staged.rows(&code_of),
        usage: frame(&USAGE_KEYS.map(|column| column.name), &usage_rows, ["quantity", "billing", "pricing", "unused"], usage_numbers)?,
        lines: frame(&line_names, &line_rows, ["quantity", "subtotal", "tax", "total"], line_numbers)?,
        usage_copies,
        line_copies,
        vocabulary,
        names,
        periods,
    }))
}

fn at<'t>(fields: &[&'t str], index: usize) -> &'t str {
    fields.get(index).copied().unwrap_or_default()
}

fn scope_of_key(lines: &Partial, key: &[u32; TUPLES], product_is_used: bool) -> Scope {
    let [_, product, _, state] = *key;
    let state: Vec<&str> = lines.fields(3, state).collect();
    scope_of(LineTexts {
        meter_description: lines.fields(1, product).nth(5).unwrap_or_default(),
        subscription_description: at(&state, 2),
        term: at(&state, 3),
        reservation_order_id: at(&state, 4),
        charge_end: at(&state, 5),
        product_is_used,
    })
}

/// The codes of every tuple of a partial, field by field.
struct Codes {
    tuples: [Vec<u32>; TUPLES],
    widths: [usize; TUPLES],
}

impl Codes {
    /// `adjustment` makes the price adjustment of a state tuple's raw fields; `state` says which of
    /// them follow it.
    fn gather(
        gathering: &mut Gathering,
        partial: &Partial,
        fields: &[&[Domain]; TUPLES],
        state: &[usize],
        adjustment: impl Fn(&[&str]) -> String,
    ) -> Self {
        let mut tuples: [Vec<u32>; TUPLES] = Default::default();
        let mut columns = partial.columns.iter();
        for (number, ((known, domains), codes)) in partial.tuples.iter().zip(fields).zip(&mut tuples).enumerate() {
            codes.reserve_exact(known.len() as usize * domains.len());
            if number + 1 == TUPLES {
                for id in 0..known.len() {
                    let raw: Vec<&str> = partial.fields(number, id).collect();
                    codes.push(gathering.add(Domain::ChargeType, at(&raw, 0)));
                    codes.push(gathering.add(Domain::Adjustment, &adjustment(&raw)));
                    let rest = domains.iter().skip(2).zip(state);
                    codes.extend(rest.map(|(domain, field)| gathering.add(*domain, at(&raw, *field))));
                }
                continue;
            }
            let code_of: Vec<Vec<u32>> = domains
                .iter()
                .zip(&mut columns)
                .map(|(domain, column)| gathering.add_all(*domain, column.texts().len(), |text| column.text(text)))
                .collect();
            let texts = known.numbers().iter().zip(code_of.iter().cycle());
            codes.extend(texts.map(|(text, code_of)| code_of.get(*text as usize).copied().unwrap_or(0)));
        }
        Self { tuples, widths: fields.map(<[Domain]>::len) }
    }

    fn translate(&mut self, fields: &[&[Domain]; TUPLES], code_of: &[Vec<u32>]) {
        for (codes, domains) in self.tuples.iter_mut().zip(fields) {
            for (code, domain) in codes.iter_mut().zip(domains.iter().cycle()) {
                *code = code_of.get(*domain as usize).and_then(|codes| codes.get(*code as usize)).copied().unwrap_or(0);
            }
        }
    }

    fn get(&self, key: &[u32; TUPLES], tuple: usize, field: usize) -> u32 {
        self.of(tuple, key.get(tuple).copied().unwrap_or(0), field)
    }

    fn of(&self, tuple: usize, id: u32, field: usize) -> u32 {
        let width = self.widths.get(tuple).copied().unwrap_or(0);
        self.tuples.get(tuple).and_then(|codes| codes.get(id as usize * width + field)).copied().unwrap_or(0)
    }
}

/// Totals by folded key, sorted: those whose raw keys fold together stand together, and are added.
fn sorted_totals<const N: usize>(partial: &Partial, key_of: impl Fn(&[u32; TUPLES]) -> [u32; N] + Sync) -> Vec<([u32; N], Total)> {
    let mut rows: Vec<([u32; N], Total)> = partial.totals.iter().map(|(raw, total)| (key_of(raw), total)).collect();
    rows.par_sort_unstable_by_key(|(key, _)| *key);
    rows.dedup_by(|(key, next), (first, sum)| {
        let same = key == first;
        if same {
            *sum = sum.plus(next).expect("a folded sum fits 38 digits");
        }
        same
    });
    rows
}

/// The number of each row's copies, and the copies by number.
fn copies_of<const N: usize>(
    partial: &Partial,
    key_of: impl Fn(&[u32; TUPLES]) -> [u32; N],
    rows: &[([u32; N], Total)],
) -> (Vec<u32>, Vec<Copies>) {
    let mut numbers = vec![0; rows.len()];
    let mut found: BTreeMap<usize, Copies> = BTreeMap::new();
    for (raw, copies) in &partial.copies {
        if let Ok(row) = rows.binary_search_by_key(&key_of(raw), |(key, _)| *key) {
            found.entry(row).or_default().add(copies);
        }
    }
    for (number, row) in (1..).zip(found.keys()) {
        if let Some(slot) = numbers.get_mut(*row) {
            *slot = number;
        }
    }
    (numbers, found.into_values().collect())
}

fn frame<const N: usize>(keys: &[&str], rows: &[([u32; N], Total)], sums: [&str; 4], copies: Vec<u32>) -> PolarsResult<DataFrame> {
    let mut columns: Vec<Column> = Vec::new();
    for (at, name) in keys.iter().enumerate() {
        let codes: Vec<u32> = rows.iter().map(|(key, _)| key.get(at).copied().unwrap_or(0)).collect();
        columns.push(Series::new((*name).into(), codes).into());
    }
    columns.push(Series::new("rows".into(), rows.iter().map(|(_, total)| total.rows).collect::<Vec<u64>>()).into());
    for (at, name) in sums.iter().enumerate() {
        let values: Vec<i128> = rows.iter().map(|(_, total)| total.sums.get(at).copied().unwrap_or(0)).collect();
        columns.push(Series::new((*name).into(), values).into());
    }
    columns.push(Series::new("precision".into(), rows.iter().map(|(_, total)| total.precision).collect::<Vec<i128>>()).into());
    columns.push(Series::new("first".into(), rows.iter().map(|(_, total)| total.first).collect::<Vec<i32>>()).into());
    columns.push(Series::new("last".into(), rows.iter().map(|(_, total)| total.last).collect::<Vec<i32>>()).into());
    columns.push(Series::new("copies".into(), copies).into());
    DataFrame::new(rows.len(), columns)
}

/// Every tuple is of some total; names hang on tuples, of which there are far fewer.
fn gather_names(vocabulary: &Vocabulary, usage: &Partial, usage_codes: &Codes, lines: &Partial, line_codes: &Codes) -> Names {
    let mut names = Names::default();
    for (partial, codes) in [(usage, usage_codes), (lines, line_codes)] {
        let [accounts, products, ..] = partial.tuples.each_ref().map(Tuples::len);
        for account in 0..accounts {
            let get = |field| codes.of(0, account, field);
            names.offer(vocabulary, Domain::CustomerName, [get(1), 0, 0], get(2));
        }
        for product in 0..products {
            let get = |field| codes.of(1, product, field);
            names.offer(vocabulary, Domain::ProductName, [get(0), 0, 0], get(4));
            names.offer(vocabulary, Domain::Description, [get(0), get(1), NO_METER], get(3));
        }
    }
    let [_, products, resources, _] = usage.tuples.each_ref().map(Tuples::len);
    for product in 0..products {
        let get = |field| usage_codes.of(1, product, field);
        let meter = [get(0), get(1), get(5)];
        names.offer(vocabulary, Domain::Description, meter, get(6));
        names.offer(vocabulary, Domain::Category, meter, get(8));
        names.offer(vocabulary, Domain::Unit, meter, get(9));
    }
    for resource in 0..resources {
        let get = |field| usage_codes.of(2, resource, field);
        names.offer(vocabulary, Domain::ResourceGroup, [get(0), get(2), 0], get(1));
    }
    names
}

fn periods(usage: &Partial, usage_codes: &Codes, lines: &Partial, line_codes: &Codes) -> HashMap<u32, Period> {
    let mut found = HashMap::new();
    for (partial, codes) in [(lines, line_codes), (usage, usage_codes)] {
        let mut rows: HashMap<(u32, i32), u64> = HashMap::new();
        for ((account, month), count) in &partial.months {
            *rows.entry((codes.get(&[*account, 0, 0, 0], 0, 0), *month)).or_default() += count;
        }
        let mut most: HashMap<u32, (u64, i32)> = HashMap::new();
        for ((invoice, month), count) in rows {
            let best = most.entry(invoice).or_insert((0, 0));
            *best = (*best).max((count, month));
        }
        // Usage comes second: where it speaks, it overrules the lines.
        found.extend(most.into_iter().filter_map(|(invoice, (_, month))| Some((invoice, Period::of_month(month)?))));
    }
    found
}
