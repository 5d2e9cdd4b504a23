//! The two things that are asked of polars: grouping and joining. The frames are ours, so what polars
//! refuses is a bug of ours: an assertion, not an error.

use polars::prelude::{
    Column, DataFrame, DataFrameJoinOps as _, GroupsIndicator, IdxCa, IdxSize, JoinArgs, JoinType,
    NamedFrom as _, NewChunkedArray as _, Series,
};

use crate::engine::fold::columns::codes;

/// A frame of some columns.
///
/// # Panics
/// Where a column is missing.
#[must_use]
pub fn select(frame: &DataFrame, names: &[&str]) -> DataFrame {
    frame
        .select(names.iter().copied())
        .expect("the frame has the columns")
}

/// A frame's rows by their keys.
#[derive(Debug)]
pub struct Groups {
    /// Number of the group that each row belongs to.
    pub of_row: Vec<u32>,
    /// First row of each group.
    pub first_row: Vec<u32>,
}

/// Groups rows by `keys`; groups are numbered in the order of their first rows.
///
/// # Panics
/// Where a key column is missing.
#[must_use]
pub fn groups(frame: &DataFrame, keys: &[&str]) -> Groups {
    // No row has this group: fewer groups than rows, and fewer rows than this.
    const NO_GROUP: u32 = u32::MAX;
    let mut of_row = vec![NO_GROUP; frame.height()];
    let mut first_row = Vec::new();
    if frame.height() == 0 {
        return Groups { of_row, first_row };
    }
    let grouped = frame
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

fn rows_of<'g>(group: &'g GroupsIndicator<'_>) -> Box<dyn Iterator<Item = IdxSize> + 'g> {
    match group {
        GroupsIndicator::Idx((_, rows)) => Box::new(rows.iter().copied()),
        GroupsIndicator::Slice([first, length]) => Box::new(*first..*first + *length),
    }
}

/// Rows of a frame, by number.
///
/// # Panics
/// Where a row does not exist.
#[must_use]
pub fn take(frame: &DataFrame, rows: &[u32]) -> DataFrame {
    frame
        .take(&IdxCa::from_slice("rows".into(), rows))
        .expect("the frame has the rows")
}

/// A frame with one more column of codes.
///
/// # Panics
/// Where the length differs.
#[must_use]
pub fn with_codes(mut frame: DataFrame, name: &str, values: Vec<u32>) -> DataFrame {
    frame
        .with_column(Column::from(Series::new(name.into(), values)))
        .expect("a code for each row");
    frame
}

/// Groups that two frames have in common.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Rows of the left frame that have a partner, each with the number of its pair.
    pub left: Vec<(u32, u32)>,
    /// Rows of the right frame that have a partner, each with the number of its pair.
    pub right: Vec<(u32, u32)>,
    /// How many pairs there are.
    pub count: u32,
}

/// For each row of `left` and of `right` that has a partner under `keys` on the other side, its
/// number and the number of the pair of groups; and how many such pairs there are. Every row is
/// counted at both ends of each join.
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
    left.join(right, keys, keys, JoinArgs::new(JoinType::Inner), None)
        .expect("both frames have the keys")
}

fn members(side: &DataFrame, met: &DataFrame, keys: &[&str]) -> Vec<(u32, u32)> {
    let rows = (0..).take(side.height()).collect();
    let mut joined = inner_join(&with_codes(select(side, keys), "row", rows), met, keys);
    joined.rechunk_mut();
    let rows = codes(&joined, "row").iter().copied();
    let mut rows: Vec<(u32, u32)> = rows.zip(codes(&joined, "pair").iter().copied()).collect();
    rows.sort_unstable();
    let before = rows.len();
    rows.dedup_by_key(|(row, _)| *row);
    assert!(rows.len() == before, "a join must not multiply rows");
    rows
}
