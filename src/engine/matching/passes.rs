//! Usage against invoice lines, in passes: what finds no partner under the fine keys goes on to the
//! next coarser ones. A full outer match: every row of either side ends in exactly one group.

use std::sync::Arc;

use polars::prelude::DataFrame;

use super::joins::{self, Groups};
use crate::engine::fold::columns;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::keys::{DESCRIPTION_PARTS, FINE_KEYS, Key, Part};
use crate::engine::rules::scope::Scope;

/// One pass: its name in `matched_on`, and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Name.
    pub name: Arc<str>,
    /// Keys that must agree.
    pub keys: Vec<Key>,
}

impl Pass {
    /// Its keys, as a pipeline names them.
    #[must_use]
    pub fn key_names(&self) -> Vec<&'static str> {
        columns_of(&self.keys)
    }
}

/// Passes from a table of them.
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

/// Which rows of two frames met.
#[derive(Debug)]
pub struct Met {
    /// Match of each row of the left frame.
    pub of_left: Vec<u32>,
    /// Match of each row of the right frame.
    pub of_right: Vec<u32>,
    /// For each match, the pass or rule that made it; empty for one-sided ones.
    pub matched_on: Vec<Arc<str>>,
}

/// Who met whom.
#[derive(Debug)]
pub struct Matching {
    /// The usage column that MeterDescription was found to repeat.
    pub description: Part,
    /// Lines that pair under each of [`DESCRIPTION_PARTS`], by which it was chosen.
    pub description_pairs: [usize; 3],
    /// Match of each row of the usage frame.
    pub of_usage: Vec<u32>,
    /// Match of each row of the lines frame.
    pub of_lines: Vec<u32>,
    /// For each match, the pass or rule that made it; empty for one-sided ones.
    pub matched_on: Vec<Arc<str>>,
}

/// Matches both frames of `totals`; `description` forces the column that MeterDescription repeats,
/// otherwise it is learned: the one that pairs most lines.
pub fn match_usage(totals: &Folded, description: Option<Part>, passes: &[Pass]) -> Matching {
    let (description, description_pairs) = match description {
        Some(description) => (description, [0; 3]),
        None => learned(description_pairs(&totals.usage, &totals.lines)),
    };
    let usage = described(&totals.usage, description);
    let met = match_frames(
        (&usage, &totals.lines),
        &FINE_KEYS,
        passes,
        columns::codes(&totals.lines, "scope"),
    );
    let Met {
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

/// How many lines find usage by each of [`DESCRIPTION_PARTS`].
pub fn description_pairs(usage: &DataFrame, lines: &DataFrame) -> [usize; 3] {
    let mut pairs = [0; 3];
    for (pairs, column) in pairs.iter_mut().zip(DESCRIPTION_PARTS) {
        *pairs = described_pairs(&described(usage, column), lines);
    }
    pairs
}

/// The usage column that MeterDescription repeats: the one by which most lines find usage.
#[must_use]
pub fn learned(pairs: [usize; 3]) -> (Part, [usize; 3]) {
    // Reversed, as `max_by_key` takes the last of equals: the first part wins a draw.
    let best = DESCRIPTION_PARTS.into_iter().zip(pairs).rev();
    let (part, _) = best.max_by_key(|(_, pairs)| *pairs).expect("three parts");
    (part, pairs)
}

fn described(usage: &DataFrame, part: Part) -> DataFrame {
    joins::with_codes(
        usage.clone(),
        "description",
        columns::codes(usage, part.column()).to_vec(),
    )
}

/// Matches two frames by `keys`, in passes; rows of the right one to which `scopes` gives a scope
/// other than usage stand alone. A full outer match: every row of either side is in one match.
pub fn match_frames(
    (left, right): (&DataFrame, &DataFrame),
    keys: &[Key],
    passes: &[Pass],
    scopes: &[u32],
) -> Met {
    let keys = &columns_of(keys)[..];
    let right = match scopes {
        [] => joins::select(&right, keys),
        scopes => joins::with_codes(joins::select(&right, keys), "scope", scopes.to_vec()),
    };
    let mut right_keys = keys.to_vec();
    if !scopes.is_empty() {
        right_keys.push("scope");
    }
    let left_groups = joins::groups(left, keys);
    let right_groups = joins::groups(&right, &right_keys);
    let left = joins::take(&joins::select(&left, keys), &left_groups.first_row);
    let right = joins::take(&right, &right_groups.first_row);
    let mut sides = Sides {
        left: vec![None; left.height()],
        right: vec![None; right.height()],
        matched_on: Vec::new(),
    };
    if !scopes.is_empty() {
        sides.set_out_of_scope(columns::codes(&right, "scope"));
    }
    for pass in passes {
        sides.run_pass(&left, &right, pass);
    }
    sides.close();
    Met {
        of_left: spread(&left_groups, &sides.left),
        of_right: spread(&right_groups, &sides.right),
        matched_on: sides.matched_on,
    }
}

fn described_pairs(usage: &DataFrame, lines: &DataFrame) -> usize {
    // One side may lack availability ids: they have no say in what a text repeats.
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
    let named: Vec<u32> = (0..)
        .zip(nameless)
        .filter(|(_, code)| **code != 0)
        .map(|(row, _)| row)
        .collect();
    joins::pair(usage, &joins::take(lines, &named), &columns_of(&BY_METER))
        .right
        .len()
}

fn spread(groups: &Groups, matches: &[Option<u32>]) -> Vec<u32> {
    groups
        .of_row
        .iter()
        .map(|group| {
            matches
                .get(*group as usize)
                .copied()
                .flatten()
                .unwrap_or(u32::MAX)
        })
        .collect()
}

struct Sides {
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    matched_on: Vec<Arc<str>>,
}

impl Sides {
    fn next(&self) -> u32 {
        u32::try_from(self.matched_on.len()).unwrap_or(u32::MAX)
    }

    fn set_out_of_scope(&mut self, scopes: &[u32]) {
        for (row, scope) in scopes.iter().enumerate() {
            let number = self.next();
            if let Some(scope) = Scope::ALL
                .get(*scope as usize)
                .filter(|scope| **scope != Scope::Usage)
                && let Some(slot) = self.right.get_mut(row)
            {
                *slot = Some(number);
                self.matched_on.push(Arc::from(scope.rule()));
            }
        }
    }

    fn run_pass(&mut self, left: &DataFrame, right: &DataFrame, pass: &Pass) {
        let (open_left, open_right) = (open(&self.left), open(&self.right));
        let pairs = joins::pair(
            &joins::take(left, &open_left),
            &joins::take(right, &open_right),
            &columns_of(&pass.keys),
        );
        let base = self.next();
        set(&mut self.left, &open_left, &pairs.left, base);
        set(&mut self.right, &open_right, &pairs.right, base);
        self.matched_on.extend(std::iter::repeat_n(
            Arc::clone(&pass.name),
            pairs.count as usize,
        ));
    }

    /// What is still open stands alone.
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

fn open(matches: &[Option<u32>]) -> Vec<u32> {
    (0..)
        .zip(matches)
        .filter(|(_, found)| found.is_none())
        .map(|(row, _)| row)
        .collect()
}

fn set(matches: &mut [Option<u32>], open: &[u32], found: &[(u32, u32)], base: u32) {
    for (position, pair) in found {
        let row = open
            .get(*position as usize)
            .map_or(usize::MAX, |row| *row as usize);
        if let Some(slot) = matches.get_mut(row) {
            *slot = Some(base + pair);
        }
    }
}
