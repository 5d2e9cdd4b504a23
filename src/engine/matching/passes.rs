//! Matching of two frames in passes: rows without a partner under the fine keys go on to the next
//! coarser ones.
//!
//! A full outer match: every row of either side ends in exactly one match, which may be one-sided.
//! Amounts have no say in it, so that an error in an amount cannot choose its own partner. Nor is
//! anything compared here.

use std::sync::Arc;

use polars::prelude::DataFrame;

use super::joins::{self, Groups};
use crate::engine::fold::columns::{self, SCOPE};
use crate::engine::fold::folded::Folded;
use crate::engine::rules::keys::{DESCRIPTION_PARTS, FINE_KEYS, Key, Part};
use crate::engine::rules::scope::Scope;

/// One pass over the rows that have no partner yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Name in the published column `matched_on`.
    pub name: Arc<str>,
    /// Keys that must be equal on both sides.
    pub keys: Vec<Key>,
}

impl Pass {
    /// Names of the pass's keys, as a pipeline names them.
    #[must_use]
    pub fn key_names(&self) -> Vec<&'static str> {
        columns_of(&self.keys)
    }
}

/// Passes of a [definition](crate::engine::rules::definitions::Definition::passes).
#[must_use]
pub fn passes(table: &[(&str, &[Key])]) -> Vec<Pass> {
    table
        .iter()
        .map(|(name, keys)| Pass {
            name: Arc::from(*name),
            keys: keys.to_vec(),
        })
        .collect()
}

fn columns_of(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.column()).collect()
}

/// Matches of the rows of two frames.
#[derive(Debug)]
pub struct FrameMatches {
    /// Number of each row's match, parallel to the rows of the left frame.
    pub of_left: Vec<u32>,
    /// Number of each row's match, parallel to the rows of the right frame.
    pub of_right: Vec<u32>,
    /// Name of the pass or rule that made each match; empty for one-sided ones.
    pub matched_on: Vec<Arc<str>>,
}

/// Matches of usage and invoice lines.
#[derive(Debug)]
pub struct Matching {
    /// Usage column that the lines' MeterDescription was found to repeat.
    pub description: Part,
    /// Number of line rows that find usage by each of [`DESCRIPTION_PARTS`]; all 0 where the column
    /// was given.
    pub description_pairs: [usize; DESCRIPTION_PARTS.len()],
    /// Number of each row's match, parallel to the rows of the usage frame.
    pub of_usage: Vec<u32>,
    /// Number of each row's match, parallel to the rows of the lines frame.
    pub of_lines: Vec<u32>,
    /// Name of the pass or rule that made each match; empty for one-sided ones.
    pub matched_on: Vec<Arc<str>>,
}

/// Matches usage and invoice lines. `description` is the usage column that the lines'
/// MeterDescription repeats; `None` learns it from these rows.
pub fn match_usage(totals: &Folded, description: Option<Part>, passes: &[Pass]) -> Matching {
    let (description, description_pairs) = match description {
        Some(description) => (description, [0; DESCRIPTION_PARTS.len()]),
        None => learned(description_pairs(&totals.usage, &totals.lines)),
    };
    let usage = described(&totals.usage, description);
    let met = match_frames(
        (&usage, &totals.lines),
        &FINE_KEYS,
        passes,
        Some(columns::codes(&totals.lines, SCOPE)),
    );
    let FrameMatches {
        of_left,
        of_right,
        matched_on,
    } = met;
    Matching {
        description,
        description_pairs,
        of_usage: of_left,
        of_lines: of_right,
        matched_on,
    }
}

/// Number of line rows that find usage by each of [`DESCRIPTION_PARTS`].
pub fn description_pairs(usage: &DataFrame, lines: &DataFrame) -> [usize; DESCRIPTION_PARTS.len()] {
    let mut pairs = [0; DESCRIPTION_PARTS.len()];
    for (pairs, column) in pairs.iter_mut().zip(DESCRIPTION_PARTS) {
        *pairs = described_pairs(&described(usage, column), lines);
    }
    pairs
}

/// Usage column by which most line rows find usage, with the numbers by which it was chosen.
///
/// No document says which column the lines' MeterDescription repeats.
#[must_use]
pub fn learned(
    pairs: [usize; DESCRIPTION_PARTS.len()],
) -> (Part, [usize; DESCRIPTION_PARTS.len()]) {
    // Reversed, as `max_by_key` takes the last of equals, and the first part is to win a draw.
    let best = DESCRIPTION_PARTS.into_iter().zip(pairs).rev();
    let (part, _) = best.max_by_key(|(_, pairs)| *pairs).expect("three parts");
    (part, pairs)
}

/// Usage with a description as lines have it: a copy of one of its columns.
fn described(usage: &DataFrame, part: Part) -> DataFrame {
    joins::with_codes(
        usage.clone(),
        Part::Description.column(),
        columns::codes(usage, part.column()).to_vec(),
    )
}

/// Matches the rows of two frames. Rows that are equal in all of `keys` are matched as one; the
/// keys of each pass must be among them. `scopes` holds the scope of each row of the right frame,
/// by its number: rows of a scope other than usage are matches of their own, made by the scope's
/// rule.
pub fn match_frames(
    (left, right): (&DataFrame, &DataFrame),
    keys: &[Key],
    passes: &[Pass],
    scopes: Option<&[u32]>,
) -> FrameMatches {
    let keys = &columns_of(keys)[..];
    let mut right = joins::select(right, keys);
    let mut right_keys = keys.to_vec();
    if let Some(scopes) = scopes {
        right = joins::with_codes(right, SCOPE, scopes.to_vec());
        right_keys.push(SCOPE);
    }
    let left_groups = joins::groups(left, keys);
    let right_groups = joins::groups(&right, &right_keys);
    // From here on rows are groups, each shown by its first row.
    // No pass could tell the rows of one group apart: its keys are among those they are grouped by.
    let left = joins::take(&joins::select(left, keys), &left_groups.first_row);
    let right = joins::take(&right, &right_groups.first_row);
    let mut open = OpenRows {
        left: vec![None; left.height()],
        right: vec![None; right.height()],
        matched_on: Vec::new(),
    };
    // Before the first pass: a line that expects no usage must not take another line's.
    if let Some(scopes) = scopes {
        // Rows of one group have one scope, as the scope is one of the columns that they are
        // grouped by.
        let of_groups = right_groups.first_row.iter();
        open.set_out_of_scope(of_groups.map(|row| scopes[*row as usize]));
    }
    for pass in passes {
        open.run_pass(&left, &right, pass);
    }
    open.close();
    FrameMatches {
        of_left: spread(&left_groups, &open.left),
        of_right: spread(&right_groups, &open.right),
        matched_on: open.matched_on,
    }
}

/// Number of line rows that find usage by their description.
fn described_pairs(usage: &DataFrame, lines: &DataFrame) -> usize {
    // Without the availability, which usage of basic attributes lacks (model::domain::semantics
    // §1), and which tells nothing about what a text repeats.
    const BY_METER: [Key; 7] = [
        Key::Invoice,
        Key::Customer,
        Key::Subscription,
        Key::Product,
        Key::Sku,
        Key::Description,
        Key::Currency,
    ];
    let nameless = columns::codes(lines, Part::Description.column());
    // Lines without a description would meet usage without a name, and prove nothing by it.
    let named: Vec<u32> = (0..)
        .zip(nameless)
        .filter(|(_, code)| **code != 0)
        .map(|(row, _)| row)
        .collect();
    joins::pair(usage, &joins::take(lines, &named), &columns_of(&BY_METER))
        .right
        .len()
}

/// Match of each row, given the match of each group.
fn spread(groups: &Groups, matches: &[Option<u32>]) -> Vec<u32> {
    groups
        .of_row
        .iter()
        .map(|group| matches[*group as usize].expect("every row is in a match after the last pass"))
        .collect()
}

/// Matches so far of both sides' rows; a row without one is open.
struct OpenRows {
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    /// Name of the pass or rule that made each match.
    matched_on: Vec<Arc<str>>,
}

impl OpenRows {
    /// Number of the match that is made next.
    fn next(&self) -> u32 {
        u32::try_from(self.matched_on.len()).expect("fewer than 2^32 matches")
    }

    /// Makes a match of each row of the right side behind which no usage is expected.
    fn set_out_of_scope(&mut self, scopes: impl Iterator<Item = u32>) {
        for (row, scope) in scopes.enumerate() {
            let scope = Scope::ALL[scope as usize];
            if scope != Scope::Usage {
                self.right[row] = Some(self.next());
                self.matched_on.push(Arc::from(scope.rule()));
            }
        }
    }

    /// Matches the open rows that have a partner under the pass's keys.
    fn run_pass(&mut self, left: &DataFrame, right: &DataFrame, pass: &Pass) {
        // Rows that have found their partner are out: a coarser key could only pair them otherwise.
        let (open_left, open_right) = (open(&self.left), open(&self.right));
        let pairs = joins::pair(
            &joins::take(left, &open_left),
            &joins::take(right, &open_right),
            &columns_of(&pass.keys),
        );
        let first = self.next();
        set(&mut self.left, &open_left, &pairs.left, first);
        set(&mut self.right, &open_right, &pairs.right, first);
        self.matched_on.extend(std::iter::repeat_n(
            Arc::clone(&pass.name),
            pairs.count as usize,
        ));
    }

    /// Makes a one-sided match of each row that is still open.
    fn close(&mut self) {
        let first = self.next();
        let nothing: Arc<str> = Arc::from("");
        for (number, slot) in (first..).zip(
            self.left
                .iter_mut()
                .chain(&mut self.right)
                .filter(|slot| slot.is_none()),
        ) {
            *slot = Some(number);
            self.matched_on.push(Arc::clone(&nothing));
        }
    }
}

/// Rows without a match.
fn open(matches: &[Option<u32>]) -> Vec<u32> {
    (0..)
        .zip(matches)
        .filter(|(_, found)| found.is_none())
        .map(|(row, _)| row)
        .collect()
}

/// Gives open rows their matches; `found` holds positions in `open`, each with the number of its
/// pair, which counts from `first` on.
fn set(matches: &mut [Option<u32>], open: &[u32], found: &[(u32, u32)], first: u32) {
    for (position, pair) in found {
        let row = open[*position as usize];
        matches[row as usize] = Some(first + pair);
    }
}
