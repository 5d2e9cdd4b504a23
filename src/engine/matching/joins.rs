//! Grouping and joining of frames by codes, which polars does, and the selections that go with
//! them.
//!
//! Frames are made by this program alone. What polars refuses is therefore a bug of ours: an
//! assertion, and not an error that a caller could handle. A join that loses or multiplies rows
//! would pass as a match, so that every row is counted at both ends of each join.

use polars::prelude::{
    DataFrame, DataFrameJoinOps as _, GroupsIndicator, IdxCa, IdxSize, JoinArgs, JoinType,
    NewChunkedArray as _,
};

use crate::engine::fold::columns::{codes, column};

/// Starts what polars works with: its first join starts threads that stay.
///
/// # Panics
/// Where the machine starts no more threads.
pub fn start() {
    let one = with_codes(DataFrame::default(), "code", vec![1]);
    assert_eq!(pair(&one, &one, &["code"]).count, 1, "a row meets itself");
}

/// Frame of some of a frame's columns.
///
/// # Panics
/// Where a column is missing.
#[must_use]
pub fn select(frame: &DataFrame, names: &[&str]) -> DataFrame {
    frame
        .select(names.iter().copied())
        .expect("the frame has the columns")
}

/// Rows of a frame by their keys.
#[derive(Debug)]
pub struct Groups {
    /// Number of each row's group, parallel to the rows of the frame.
    pub of_row: Vec<u32>,
    /// First row of each group, by the group's number.
    pub first_row: Vec<u32>,
}

/// Groups rows by `keys`; groups are numbered in the order of their first rows.
///
/// # Panics
/// Where a key column is missing.
#[must_use]
pub fn groups(frame: &DataFrame, keys: &[&str]) -> Groups {
    // No group has this number: there are fewer groups than rows, and fewer rows than 2^32 - 1.
    const NO_GROUP: u32 = u32::MAX;
    let mut of_row = vec![NO_GROUP; frame.height()];
    let mut first_row = Vec::new();
    if frame.height() == 0 {
        return Groups { of_row, first_row };
    }
    let grouped = frame
        // Stable: the numbers of groups follow the order of the rows, and not that of the threads.
        .group_by_stable(keys.iter().copied())
        .expect("the frame has the keys");
    for (number, rows) in (0_u32..).zip(grouped.get_groups().iter()) {
        let mut rows = rows_of(&rows).peekable();
        first_row.push(*rows.peek().expect("a group has a row"));
        for row in rows {
            of_row[row as usize] = number;
        }
    }
    assert!(!of_row.contains(&NO_GROUP), "every row belongs to a group");
    Groups { of_row, first_row }
}

/// Rows of one group.
// Polars gives the rows of a group as a range where the frame is sorted by the keys.
fn rows_of<'g>(group: &'g GroupsIndicator<'_>) -> Box<dyn Iterator<Item = IdxSize> + 'g> {
    match group {
        GroupsIndicator::Idx((_, rows)) => Box::new(rows.iter().copied()),
        GroupsIndicator::Slice([first, length]) => Box::new(*first..*first + *length),
    }
}

/// Frame of some of a frame's rows, in the order of `rows`.
///
/// # Panics
/// Where a row does not exist.
#[must_use]
pub fn take(frame: &DataFrame, rows: &[u32]) -> DataFrame {
    frame
        .take(&IdxCa::from_slice("rows".into(), rows))
        .expect("the frame has the rows")
}

/// Frame with one more column of codes, or with another one of that name.
///
/// # Panics
/// Where the column has another height than the frame.
#[must_use]
pub fn with_codes(mut frame: DataFrame, name: &str, values: Vec<u32>) -> DataFrame {
    frame
        .with_column(column(name, values))
        .expect("a code for each row");
    frame
}

/// Keys that two frames have in common: each is a pair of groups.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Rows of the left frame that have a partner, each with the number of its pair; sorted.
    pub left: Vec<(u32, u32)>,
    /// Rows of the right frame that have a partner, each with the number of its pair; sorted.
    pub right: Vec<(u32, u32)>,
    /// Number of pairs, each of which has rows on both sides.
    pub count: u32,
}

/// Pairs of two frames under some keys. Fast, because the distinct keys of both sides are joined,
/// and not the rows.
///
/// # Panics
/// Where a key column is missing, or a join multiplied rows.
#[must_use]
pub fn pair(left: &DataFrame, right: &DataFrame, keys: &[&str]) -> Pairs {
    if left.height() == 0 || right.height() == 0 {
        return Pairs::default();
    }
    let distinct = |frame: &DataFrame| take(&select(frame, keys), &groups(frame, keys).first_row);
    let met = inner_join(&distinct(left), &distinct(right), keys);
    let count = u32::try_from(met.height()).expect("fewer pairs than rows of either side");
    let met = with_codes(met, "pair", (0..count).collect());
    Pairs {
        left: members(left, &met, keys),
        right: members(right, &met, keys),
        count,
    }
}

fn inner_join(left: &DataFrame, right: &DataFrame, keys: &[&str]) -> DataFrame {
    // Codes are never null, so that the rules of SQL do not apply: an empty text is code 0 and
    // meets the empty text of the other side.
    left.join(right, keys, keys, JoinArgs::new(JoinType::Inner), None)
        .expect("both frames have the keys")
}

/// Rows of one side whose keys met, each with the number of its pair.
fn members(side: &DataFrame, met: &DataFrame, keys: &[&str]) -> Vec<(u32, u32)> {
    let rows = (0..).take(side.height()).collect();
    let mut joined = inner_join(&with_codes(select(side, keys), "row", rows), met, keys);
    // A join may leave several chunks, and `codes` takes one.
    joined.rechunk_mut();
    let rows = codes(&joined, "row").iter().copied();
    let mut rows: Vec<(u32, u32)> = rows.zip(codes(&joined, "pair").iter().copied()).collect();
    // Joined rows come in no order that could be relied on.
    rows.sort_unstable();
    let before = rows.len();
    rows.dedup_by_key(|(row, _)| *row);
    assert!(rows.len() == before, "a join must not multiply rows");
    rows
}
