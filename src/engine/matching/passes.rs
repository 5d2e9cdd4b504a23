//! Matching of two frames in passes: rows without a partner under the fine keys go on to the next
//! coarser ones.
//!
//! A full outer match: every row of either side ends in exactly one match, which may be one-sided.
//! Amounts have no say in it, so that an error in an amount cannot choose its own partner. Keys may
//! be missing, never contradictory: a coarser pass pairs what is blank on one side, and never two
//! things that both sides name. Nor is anything compared here.

use std::sync::Arc;

use polars::prelude::DataFrame;

use super::joins::{self, Groups};
use crate::engine::fold::columns::{self, SCOPE};
use crate::engine::rules::keys::Key;
use crate::engine::rules::scope::Scope;

/// One pass over the rows that have no partner yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Name in the published column `matched_on`.
    pub name: Arc<str>,
    /// Keys that must be equal on both sides.
    pub keys: Vec<Key>,
    /// True if nothing but its keys decides, so that it also pairs things that both sides name
    /// differently: for passes that a pipeline adds, whose author knows what was renamed.
    pub may_contradict: bool,
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
            may_contradict: false,
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
    for (at, pass) in passes.iter().enumerate() {
        for rows in blank_rows(dropped(passes, at)) {
            open.run_pass(&left, &right, pass, &rows);
        }
    }
    open.close();
    FrameMatches {
        of_left: spread(&left_groups, &open.left),
        of_right: spread(&right_groups, &open.right),
        matched_on: open.matched_on,
    }
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

    /// Matches the open rows that have a partner under the pass's keys and those of `rows`, which
    /// have no value for the others.
    fn run_pass(&mut self, left: &DataFrame, right: &DataFrame, pass: &Pass, rows: &BlankRows) {
        // Rows that have found their partner are out: a coarser key could only pair them otherwise.
        let open_left = open(&self.left, left, &rows.left);
        let open_right = open(&self.right, right, &rows.right);
        if open_left.is_empty() || open_right.is_empty() {
            return;
        }
        let keys: Vec<Key> = pass.keys.iter().chain(&rows.equal).copied().collect();
        let pairs = joins::pair(
            &joins::take(left, &open_left),
            &joins::take(right, &open_right),
            &columns_of(&keys),
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

/// Rows without a match and without a value for each of `blank`.
fn open(matches: &[Option<u32>], frame: &DataFrame, blank: &[Key]) -> Vec<u32> {
    let blank: Vec<&[u32]> = blank
        .iter()
        .map(|key| columns::codes(frame, key.column()))
        .collect();
    (0..)
        .zip(matches)
        .filter(|(_, found)| found.is_none())
        .map(|(row, _)| row)
        // Code 0 of every domain is the empty text.
        .filter(|row| blank.iter().all(|codes| codes[*row as usize] == 0))
        .collect()
}

/// Keys that say what a thing *is*, where the fine keys also hold what qualifies it: two things that
/// both sides name are never paired, however much else of them is equal.
const IDENTITY: [Key; 8] = [
    Key::Customer,
    Key::Subscription,
    Key::Product,
    Key::Sku,
    Key::Description,
    Key::Meter,
    Key::Resource,
    Key::Day,
];

/// Keys of [`IDENTITY`] that finer passes ask for, and this one does not; none of a pass that may
/// contradict.
fn dropped(passes: &[Pass], at: usize) -> Vec<Key> {
    let (finer, from) = passes.split_at(at);
    if from[0].may_contradict {
        return Vec::new();
    }
    let is_dropped =
        |key: &Key| finer.iter().any(|pass| pass.keys.contains(key)) && !from[0].keys.contains(key);
    IDENTITY.into_iter().filter(is_dropped).collect()
}

/// Rows that a pass looks at: a key that it drops is equal on both sides, or blank on one.
struct BlankRows {
    /// Keys that are blank on the left side.
    left: Vec<Key>,
    /// Keys that are blank on the right side.
    right: Vec<Key>,
    /// Keys that are equal.
    equal: Vec<Key>,
}

/// Every way in which rows can agree in the keys that a pass drops, those first that leave fewest
/// blank.
fn blank_rows(dropped: Vec<Key>) -> Vec<BlankRows> {
    let mut ways = vec![BlankRows {
        left: Vec::new(),
        right: Vec::new(),
        equal: Vec::new(),
    }];
    for key in dropped {
        ways = ways.iter().flat_map(|way| way.with(key)).collect();
    }
    ways.sort_by_key(|way| way.left.len() + way.right.len());
    ways
}

impl BlankRows {
    /// The three ways in which rows can agree in one more key.
    fn with(&self, key: Key) -> [Self; 3] {
        let and = |keys: &[Key], is_added: bool| {
            let added = is_added.then_some(key);
            keys.iter().copied().chain(added).collect()
        };
        let way = |[left, right, equal]: [bool; 3]| Self {
            left: and(&self.left, left),
            right: and(&self.right, right),
            equal: and(&self.equal, equal),
        };
        [
            way([false, false, true]),
            way([false, true, false]),
            way([true, false, false]),
        ]
    }
}

/// Gives open rows their matches; `found` holds positions in `open`, each with the number of its
/// pair, which counts from `first` on.
fn set(matches: &mut [Option<u32>], open: &[u32], found: &[(u32, u32)], first: u32) {
    for (position, pair) in found {
        let row = open[*position as usize];
        matches[row as usize] = Some(first + pair);
    }
}
