//! Merged partials to frames: spellings folded, codes instead of texts, rows in a fixed order.
//!
//! From here on nothing depends on the order of files, rows or threads: codes are ranks of what is
//! printed, and the frames are sorted by them.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use rayon::prelude::*;

use super::across_parts::{AcrossParts, Months};
use super::codes::Codes;
use super::columns::{self, LINE_SUMS, USAGE_SUMS};
use super::days::{self, DayRow};
use super::display_names::DisplayNames;
use super::entries::Entries;
use super::side_row::SideRow;
use super::vocabulary::{Gathering, Vocabulary};
use crate::engine::count::duplicates::Duplicates;
use crate::engine::count::header::Header;
use crate::engine::count::partial::Partial;
use crate::engine::count::total::Total;
use crate::engine::count::totals_by_key::TotalsByKey;
use crate::engine::failure::EngineError;
use crate::engine::rules::definitions::Side;
use crate::engine::rules::domain::{Domain, LOCAL};
use crate::engine::rules::key_projections::{FieldPlace, raw_place};
use crate::engine::rules::keys::{Counted, LINES_FRAME, Part, TUPLES, USAGE_FRAME};
use crate::engine::rules::scope::{LineTexts, Scope, scope_of};
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::period::Period;

/// Everything that was counted, by code.
#[derive(Debug)]
pub struct Folded {
    /// Texts of the codes.
    pub vocabulary: Vocabulary,
    /// [`USAGE_FRAME`], then rows, quantity, billing, pricing, precision (10^-20), first, last, and
    /// the number of its copies, 0 for none.
    pub usage: DataFrame,
    /// [`LINES_FRAME`], scope, then rows, quantity, subtotal, tax, total (10^-20), first, last, and the
    /// number of its copies, 0 for none.
    pub lines: DataFrame,
    /// Duplicates of usage rows; the first is number 1.
    pub usage_copies: Vec<Duplicates>,
    /// Duplicates of lines, likewise.
    pub line_copies: Vec<Duplicates>,
    /// DisplayNames that go with codes.
    pub names: DisplayNames,
    /// Billed usage day by day, where a comparison looks at days; sorted.
    pub daily: Vec<DayRow>,
    /// Usage before it was billed, likewise.
    pub unbilled: Vec<DayRow>,
    /// Rows of the other datasets, sorted.
    pub entries: Vec<(TieOut, Side, SideRow)>,
    /// Month of each invoice: that of most of its usage, or else of most of its lines.
    pub periods: HashMap<u32, Period>,
}

/// The duplicates of a row, by their number in its frame; none for 0.
#[must_use]
pub fn numbered(duplicates: &[Duplicates], number: u32) -> Duplicates {
    match number.checked_sub(1) {
        Some(at) => duplicates[at as usize],
        None => Duplicates::default(),
    }
}

/// What is folded besides usage, lines and headers.
#[derive(Debug, Default)]
pub struct OtherInputs {
    /// Billed usage day by day.
    pub daily: Option<Partial>,
    /// Usage before it was billed, day by day.
    pub unbilled: Option<Partial>,
    /// Rows of the other datasets.
    pub entries: Entries,
}

/// What is needed to fold usage and lines part by part.
#[derive(Debug)]
pub struct InParts {
    words: Gathering,
    used: HashSet<[u32; 2]>,
    /// The keys of all usage by which a line's MeterDescription is understood.
    pub described: DataFrame,
}

/// Folds both sides' partials, and the headers' ids, into frames over one vocabulary. `also_used`
/// names products and SKUs that are used outside of these partials: they decide what is in scope.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn fold_partials(
    usage: Partial,
    lines: Partial,
    headers: &[Header],
    also_used: &[(String, String)],
    more: OtherInputs,
) -> Result<Folded, EngineError> {
    fold(None, (usage, lines), headers, also_used, more).map(|(totals, _)| totals)
}

/// Folds everything but usage and lines, of which `overview` is at hand; they come in parts, one after
/// the other ([`Folded::take_part`]).
///
/// # Errors
/// As [`fold_partials`].
pub fn fold_before_parts(
    overview: AcrossParts,
    headers: &[Header],
    more: OtherInputs,
) -> Result<(Folded, InParts), EngineError> {
    let [usage, lines] = [Dataset::Usage, Dataset::InvoiceLines].map(Partial::empty);
    fold(Some(overview), (usage, lines), headers, &[], more)
}

fn fold(
    overview: Option<AcrossParts>,
    (mut usage, lines): (Partial, Partial),
    headers: &[Header],
    also_used: &[(String, String)],
    more: OtherInputs,
) -> Result<(Folded, InParts), EngineError> {
    let in_parts = overview.is_some();
    let (mut gathering, noted) = overview.unwrap_or_default().into_parts();
    let OtherInputs {
        daily,
        unbilled,
        entries,
    } = more;
    let Some(staged) = entries.stage(&mut gathering) else {
        return Err(EngineError::AmountOverflow);
    };
    for header in headers {
        gathering.add(Domain::Invoice, &header.id);
        gathering.add(Domain::Currency, &header.currency);
    }
    let also_used: Vec<[u32; 2]> = also_used
        .iter()
        .map(|(product, sku)| {
            [
                gathering.add(Domain::Product, product),
                gathering.add(Domain::Sku, sku),
            ]
        })
        .collect();
    let mut usage_codes = Codes::of_usage(&mut gathering, &usage);
    let mut line_codes = Codes::of_lines(&mut gathering, &lines);
    let mut daily = daily.map(|partial| (Codes::of_days(&mut gathering, &partial), partial));
    let mut unbilled = unbilled.map(|partial| (Codes::of_days(&mut gathering, &partial), partial));
    // Their texts are in the vocabulary now.
    usage.columns = Vec::new();
    let (vocabulary, code_of) = if in_parts {
        gathering.settle()
    } else {
        std::mem::take(&mut gathering).finish()
    };
    let code = |domain: Domain, id: u32| {
        code_of
            .get(domain as usize)
            .and_then(|codes| codes.get(id as usize))
            .copied()
            .unwrap_or(0)
    };
    let both_days = daily
        .iter_mut()
        .chain(&mut unbilled)
        .map(|(codes, _)| codes);
    both_days
        .chain([&mut usage_codes, &mut line_codes])
        .for_each(|codes| codes.translate(code));
    let day_rows = |side: Option<(Codes, Partial)>| {
        side.map_or_else(Vec::new, |(codes, partial)| days::rows(&partial, &codes))
    };
    let mut noted = noted.translated(code);
    let mut used: HashSet<[u32; 2]> = usage
        .totals
        .keys()
        .map(|key| {
            [
                usage_codes.get(key, Part::Product),
                usage_codes.get(key, Part::Sku),
            ]
        })
        .collect();
    used.extend(
        also_used
            .into_iter()
            .map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)]),
    );
    used.extend(&noted.used);
    let (usage_frame, usage_copies) = usage_frame(&mut usage, &usage_codes);
    let (lines_frame, line_copies) = lines_frame(&lines, &line_codes, &used);
    let mut names = DisplayNames::default();
    names.take_usage(&vocabulary, &usage, &usage_codes);
    names.take_both(&vocabulary, &lines, &line_codes);
    let [of_usage, of_lines] = std::mem::take(&mut noted.months);
    let mut periods = periods(months(&lines, &line_codes, of_lines));
    // Where usage speaks, it overrules the lines.
    periods.extend(self::periods(months(&usage, &usage_codes, of_usage)));
    let totals = Folded {
        daily: day_rows(daily),
        unbilled: day_rows(unbilled),
        entries: staged.rows(&code_of),
        usage: usage_frame,
        lines: lines_frame,
        usage_copies,
        line_copies,
        vocabulary,
        names,
        periods,
    };
    Ok((
        totals,
        InParts {
            words: gathering,
            described: noted.frame(),
            used,
        },
    ))
}

impl Folded {
    /// Puts a part of usage and lines in the place of the one before. `spellings` are how resources are
    /// shown that other parts name as well.
    pub fn take_part(
        &mut self,
        in_parts: &mut InParts,
        parts: (Partial, Partial),
        spellings: &[String],
    ) {
        let (mut usage, lines) = parts;
        let words = &mut in_parts.words;
        let mut usage_codes = Codes::of_usage(words, &usage);
        let mut line_codes = Codes::of_lines(words, &lines);
        spellings
            .iter()
            .for_each(|text| words.improve(Domain::Resource, text));
        let local = LOCAL.map(|domain| {
            let (texts, code_of) = words.end(domain);
            self.vocabulary.put(domain, texts);
            (domain, code_of)
        });
        assert!(
            words.are_of(&self.vocabulary),
            "what is in a part was noted before"
        );
        for codes in [&mut usage_codes, &mut line_codes] {
            codes.translate(|domain, id| {
                let local = local.iter().find(|(of, _)| *of == domain);
                local.map_or(id, |(_, code_of)| {
                    code_of.get(id as usize).copied().unwrap_or(0)
                })
            });
        }
        usage.columns = Vec::new();
        (self.usage, self.usage_copies) = usage_frame(&mut usage, &usage_codes);
        (self.lines, self.line_copies) = lines_frame(&lines, &line_codes, &in_parts.used);
        // The names of resources are of one part; all others add up.
        self.names.forget(Domain::ResourceGroup);
        self.names
            .take_usage(&self.vocabulary, &usage, &usage_codes);
        self.names.take_both(&self.vocabulary, &lines, &line_codes);
    }
}

impl Folded {
    /// Drops the last part; findings of all parts name resources by their place in `resources`.
    pub fn forget_part(&mut self, resources: Vec<String>) {
        (self.usage, self.lines) = (self.usage.clear(), self.lines.clear());
        (self.usage_copies, self.line_copies) = (Vec::new(), Vec::new());
        LOCAL
            .into_iter()
            .for_each(|domain| self.vocabulary.put(domain, Vec::new()));
        self.vocabulary.put(Domain::Resource, resources);
        self.names.forget(Domain::ResourceGroup);
    }
}

fn usage_frame(usage: &mut Partial, codes: &Codes) -> (DataFrame, Vec<Duplicates>) {
    let key_of = |key: &[u32; TUPLES]| USAGE_FRAME.map(|part| codes.get(key, part));
    let rows = sorted_totals(usage, key_of);
    usage.totals = TotalsByKey::default();
    let (numbers, copies) = copies_of(usage, key_of, &rows);
    (
        frame(&USAGE_FRAME.map(Part::column), &rows, USAGE_SUMS, numbers),
        copies,
    )
}

fn lines_frame(
    lines: &Partial,
    codes: &Codes,
    used: &HashSet<[u32; 2]>,
) -> (DataFrame, Vec<Duplicates>) {
    let key_of = |key: &[u32; TUPLES]| {
        let mut row = [0; LINES_FRAME.len() + 1];
        for (slot, part) in row.iter_mut().zip(LINES_FRAME) {
            *slot = codes.get(key, part);
        }
        let product_is_used =
            used.contains(&[codes.get(key, Part::Product), codes.get(key, Part::Sku)]);
        row[LINES_FRAME.len()] = scope_of_key(lines, key, product_is_used) as u32;
        row
    };
    let rows = sorted_totals(lines, key_of);
    let (numbers, copies) = copies_of(lines, key_of, &rows);
    let names: Vec<&str> = LINES_FRAME
        .iter()
        .map(|part| part.column())
        .chain(["scope"])
        .collect();
    (frame(&names, &rows, LINE_SUMS, numbers), copies)
}

fn scope_of_key(lines: &Partial, key: &[u32; TUPLES], product_is_used: bool) -> Scope {
    const fn place(part: Part) -> FieldPlace {
        raw_place(Counted::Lines, part)
    }
    const METER: FieldPlace = place(Part::Description);
    const SUBSCRIPTION: FieldPlace = place(Part::SubscriptionDescription);
    const TERM: FieldPlace = place(Part::Term);
    const RESERVATION: FieldPlace = place(Part::ReservationOrder);
    const END: FieldPlace = place(Part::ChargeEnd);
    scope_of(LineTexts {
        meter_description: lines.text_at(key, METER),
        subscription_description: lines.text_at(key, SUBSCRIPTION),
        term: lines.text_at(key, TERM),
        reservation_order_id: lines.text_at(key, RESERVATION),
        charge_end: lines.text_at(key, END),
        product_is_used,
    })
}

/// Folded by folded key, sorted: those whose raw keys fold together stand together, and are added.
fn sorted_totals<const N: usize>(
    partial: &Partial,
    key_of: impl Fn(&[u32; TUPLES]) -> [u32; N] + Sync,
) -> Vec<([u32; N], Total)> {
    let mut rows: Vec<([u32; N], Total)> = partial
        .totals
        .iter()
        .map(|(raw, total)| (key_of(raw), total))
        .collect();
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
) -> (Vec<u32>, Vec<Duplicates>) {
    let mut numbers = vec![0; rows.len()];
    let mut found: BTreeMap<usize, Duplicates> = BTreeMap::new();
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

fn frame<const N: usize>(
    keys: &[&str],
    rows: &[([u32; N], Total)],
    sums: [&str; 4],
    copies: Vec<u32>,
) -> DataFrame {
    let mut columns: Vec<Column> = Vec::new();
    for (at, name) in keys.iter().enumerate() {
        let codes: Vec<u32> = rows
            .iter()
            .map(|(key, _)| key.get(at).copied().unwrap_or(0))
            .collect();
        columns.push(Series::new((*name).into(), codes).into());
    }
    columns.push(
        Series::new(
            "rows".into(),
            rows.iter()
                .map(|(_, total)| total.rows)
                .collect::<Vec<u64>>(),
        )
        .into(),
    );
    for (at, name) in sums.iter().enumerate() {
        let values: Vec<i128> = rows
            .iter()
            .map(|(_, total)| total.sums.get(at).copied().unwrap_or(0))
            .collect();
        columns.push(Series::new((*name).into(), values).into());
    }
    columns.push(
        Series::new(
            "precision".into(),
            rows.iter()
                .map(|(_, total)| total.precision)
                .collect::<Vec<i128>>(),
        )
        .into(),
    );
    columns.push(
        Series::new(
            "first".into(),
            rows.iter()
                .map(|(_, total)| total.first)
                .collect::<Vec<i32>>(),
        )
        .into(),
    );
    columns.push(
        Series::new(
            "last".into(),
            rows.iter()
                .map(|(_, total)| total.last)
                .collect::<Vec<i32>>(),
        )
        .into(),
    );
    columns.push(Series::new("copies".into(), copies).into());
    columns::frame(rows.len(), columns)
}

/// Rows by invoice and month, added to those that were noted.
fn months(partial: &Partial, codes: &Codes, mut rows: Months) -> Months {
    for ((account, month), count) in &partial.months {
        *rows
            .entry((codes.of(Part::Invoice, *account), *month))
            .or_default() += count;
    }
    rows
}

/// The month of most rows of each invoice.
fn periods(rows: Months) -> HashMap<u32, Period> {
    let mut most: HashMap<u32, (u64, i32)> = HashMap::new();
    for ((invoice, month), count) in rows {
        let best = most.entry(invoice).or_insert((0, 0));
        *best = (*best).max((count, month));
    }
    most.into_iter()
        .filter_map(|(invoice, (_, month))| Some((invoice, Period::of_month(month)?)))
        .collect()
}
