//! Sums of the usage and the lines of each match, and the compared group that they make.
//!
//! Sums here are exact, in units of 10^-20. The expected amount of a group is *not* made of them:
//! it is the sum of the quantised slices ([`super::usage_slices`]), so that groups and resources
//! agree.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::group::{DayRange, Keys, Predicted, Sides};
use super::line_numbers::LineNumbers;
use super::prediction::Predictor;
use crate::engine::failure::EngineError;
use crate::engine::fold::columns::UsageColumns;
use crate::engine::fold::folded::Folded;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::matching::usage_matches::Matching;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key, Part};
use crate::engine::rules::scope::Scope;
use crate::model::cause::TieOut;
use crate::model::decimal::{PUBLISHED_LIMIT, to_published};
use crate::model::period::{Day, parse_day};

/// Position of the invoice among [`FINE_KEYS`].
const INVOICE: usize = 0;
const _: () = assert!(matches!(FINE_KEYS[INVOICE], Key::Invoice));

/// Sums of the members of one match; amounts and quantities in units of 10^-20.
pub(super) struct GroupSums {
    matched_on: Arc<str>,
    /// Codes of [`FINE_KEYS`]; 0 on which members differ, `None` before the first member.
    keys: [Option<u32>; FINE_KEYS.len()],
    usage_charge_types: BTreeSet<u32>,
    line_charge_types: BTreeSet<u32>,
    scope: Scope,
    usage_rows: u64,
    line_rows: u64,
    line_quantity: i128,
    subtotal: i128,
    is_billed_again: bool,
    used: DayRange,
    charged: DayRange,
}

/// Sums of each match, in the order of the matches.
pub(super) fn sum_matches(totals: &Folded, matching: &Matching) -> Vec<GroupSums> {
    let mut groups: Vec<GroupSums> = matching
        .matched_on
        .iter()
        .map(|pass| GroupSums::new(Arc::clone(pass)))
        .collect();
    add_usage(&mut groups, totals, matching);
    add_lines(&mut groups, totals, matching);
    groups
}

fn add_usage(groups: &mut [GroupSums], totals: &Folded, matching: &Matching) {
    let usage = UsageColumns::of(&totals.usage);
    let codes = FINE_KEYS.map(|key| match key {
        Key::Description => &matching.described[..],
        key => usage.codes(key.part()),
    });
    let charge_types = usage.codes(Part::ChargeType);
    for (row, group) in matching.of_usage.iter().enumerate() {
        let group = &mut groups[*group as usize];
        group.add_keys(&codes, row);
        group.usage_charge_types.insert(charge_types[row]);
        group.usage_rows += usage.rows[row];
        group.used.widen(usage.first[row], usage.last[row]);
    }
}

fn add_lines(groups: &mut [GroupSums], totals: &Folded, matching: &Matching) {
    let numbers = LineNumbers::of(totals);
    let lines = numbers.columns;
    let codes = FINE_KEYS.map(|key| lines.codes(key.part()));
    let charge_types = lines.codes(Part::ChargeType);
    let charged = [Part::ChargeStart, Part::ChargeEnd].map(|part| lines.codes(part));
    // A month has few dates, and a line for each of a million meters.
    let dates = totals.vocabulary.all(Domain::Date).iter();
    let days: Vec<Option<Day>> = dates
        .map(|text| parse_day(text.as_bytes()).ok().flatten())
        .collect();
    let reissued = &matching.second_invoices.reissued;
    for (row, number) in matching.of_lines.iter().enumerate() {
        let group = &mut groups[*number as usize];
        let (rows, subtotal) = (lines.rows[row], lines.subtotal[row]);
        let invoice = group.keys[INVOICE];
        group.add_keys(&codes, row);
        // Void and re-issue on other invoices change a charge, and not the invoice that it is of:
        // that of the usage, else of the first line.
        if invoice.is_some() && reissued.contains(number) {
            group.keys[INVOICE] = invoice;
        }
        group.line_charge_types.insert(charge_types[row]);
        // Matching never puts lines of two scopes into one group.
        group.scope = lines.scope(row);
        group.line_rows += rows;
        group.line_quantity += numbers.charged_quantity(row);
        group.subtotal += subtotal;
        // A charge that names one of its days only is known by that day.
        let [start, end] = charged.map(|column| days[column[row] as usize]);
        if let (Some(first), Some(last)) = (start.or(end), end.or(start)) {
            group.charged.widen(first, last);
        }
    }
    for group in &matching.second_invoices.billed_again {
        groups[*group as usize].is_billed_again = true;
    }
}

impl GroupSums {
    fn new(matched_on: Arc<str>) -> Self {
        Self {
            matched_on,
            keys: [None; FINE_KEYS.len()],
            usage_charge_types: BTreeSet::new(),
            line_charge_types: BTreeSet::new(),
            scope: Scope::Usage,
            usage_rows: 0,
            line_rows: 0,
            line_quantity: 0,
            subtotal: 0,
            is_billed_again: false,
            used: DayRange::default(),
            charged: DayRange::default(),
        }
    }

    /// Adds the keys of a member: those on which it differs from the others become empty.
    fn add_keys(&mut self, codes: &[&[u32]; FINE_KEYS.len()], row: usize) {
        for (key, column) in self.keys.iter_mut().zip(codes) {
            let code = column[row];
            *key = match *key {
                None => Some(code),
                Some(known) if known == code => Some(known),
                Some(_) => Some(0),
            };
        }
    }

    /// The compared group, whose usage comes to an amount and a quantity in units of 10^-10.
    /// `members` are the rows of its usage and of its lines.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] where an amount exceeds 28 digits.
    pub(super) fn compared(
        self,
        expected_amount: i128,
        expected_quantity: i128,
        vocabulary: &Vocabulary,
        (predictor, members): (&Predictor<'_>, [&[u32]; 2]),
    ) -> Result<Sides, EngineError> {
        let published = |amount| to_published(amount).ok_or(EngineError::AmountOverflow);
        let keys = Keys::fine(self.keys.map(|key| key.expect("a match has a member")));
        let prediction = if self.scope == Scope::Usage {
            // A price or a rate past all sense predicts nothing: its group then proves nothing, and
            // the other groups still do.
            let [usage, lines] = members;
            let found = predictor.predict(usage, lines);
            found.and_then(|found| Some((found, to_published(found.off_rule)?)))
        } else {
            None
        };
        let rounding_rule = match prediction {
            Some(_) => predictor.rule_name(keys[Key::Invoice]),
            None => None,
        };
        let (prediction, off_rule) = prediction.unzip();
        let invoiced_quantity = published(self.line_quantity)?;
        let invoiced_amount = sum_published([published(self.subtotal)?])?;
        // Where no usage is expected, nothing says what the lines should come to: they stand on both
        // sides, so that they are no variance and move no sum of variances.
        let (expected_amount, expected_quantity) = match self.scope {
            Scope::Usage => (expected_amount, expected_quantity),
            _ => (invoiced_amount, invoiced_quantity),
        };
        Ok(Sides {
            tie_out: TieOut::UsageToInvoice,
            keys,
            charge_type: self.charge_types(vocabulary),
            matched_on: self.matched_on,
            scope: self.scope,
            expected_rows: self.usage_rows,
            invoiced_rows: self.line_rows,
            expected_quantity,
            invoiced_quantity,
            expected_amount,
            invoiced_amount,
            bounds: prediction.map(|found| found.bounds).unwrap_or_default(),
            predicted: prediction.map(|found| Predicted {
                low: found.low,
                nominal: found.nominal,
                high: found.high,
                is_certain: rounding_rule.is_some() && !found.is_shared,
            }),
            rounding_rule,
            off_rule_amount: off_rule.unwrap_or_default(),
            measure: Measure::Amount,
            is_billed_again: self.is_billed_again,
            used: self.used,
            charged: self.charged,
            awaited_for: None,
        })
    }

    /// Charge types of the lines, or of the usage where there are no lines, separated by `|`.
    fn charge_types(&self, vocabulary: &Vocabulary) -> String {
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
        names.join("|")
    }
}

/// Sum of published amounts or quantities, in units of 10^-10.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where the sum exceeds the 28 digits that are published.
pub(super) fn sum_published(parts: impl IntoIterator<Item = i128>) -> Result<i128, EngineError> {
    parts
        .into_iter()
        .try_fold(0_i128, i128::checked_add)
        .filter(|sum| sum.unsigned_abs() <= PUBLISHED_LIMIT.unsigned_abs())
        .ok_or(EngineError::AmountOverflow)
}
