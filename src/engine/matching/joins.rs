//! The few things we ask of polars, checked: grouping, joining, and columns as slices.

use polars::prelude::{
    Column, DataFrame, DataFrameJoinOps as _, IdxCa, IdxSize, JoinArgs, JoinType, NamedFrom as _,
    NewChunkedArray as _, PolarsError, PolarsResult, Series,
};

/// A column of codes.
///
/// # Errors
/// A polars error where the frame has no such column of this type in one chunk.
pub fn codes<'f>(frame: &'f DataFrame, name: &str) -> PolarsResult<&'f [u32]> {
    frame
        .column(name)?
        .as_materialized_series()
        .u32()?
        .cont_slice()
}

/// A column of sums.
///
/// # Errors
/// As [`codes`].
pub fn sums<'f>(frame: &'f DataFrame, name: &str) -> PolarsResult<&'f [i128]> {
    frame
        .column(name)?
        .as_materialized_series()
        .i128()?
        .cont_slice()
}

/// A column of row counts.
///
/// # Errors
/// As [`codes`].
pub fn counts<'f>(frame: &'f DataFrame, name: &str) -> PolarsResult<&'f [u64]> {
    frame
        .column(name)?
        .as_materialized_series()
        .u64()?
        .cont_slice()
}

/// A column of days.
///
/// # Errors
/// As [`codes`].
pub fn days<'f>(frame: &'f DataFrame, name: &str) -> PolarsResult<&'f [i32]> {
    frame
        .column(name)?
        .as_materialized_series()
        .i32()?
        .cont_slice()
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
/// # Errors
/// A polars error where a key column is missing.
pub fn groups(frame: &DataFrame, keys: &[&str]) -> PolarsResult<Groups> {
    let mut of_row = vec![u32::MAX; frame.height()];
    let mut first_row = Vec::new();
    if frame.height() == 0 {
        return Ok(Groups { of_row, first_row });
    }
    let grouped = frame.group_by_stable(keys.iter().copied())?;
    for (number, rows) in (0_u32..).zip(grouped.get_groups().iter()) {
        let mut first = None;
        for row in rows_of(&rows) {
            first.get_or_insert(row);
            if let Some(slot) = of_row.get_mut(row as usize) {
                *slot = number;
            }
        }
        first_row.push(first.unwrap_or(0));
    }
    assert!(!of_row.contains(&u32::MAX), "every row belongs to a group");
    Ok(Groups { of_row, first_row })
}

fn rows_of<'g>(
    group: &'g polars::prelude::GroupsIndicator<'_>,
) -> Box<dyn Iterator<Item = IdxSize> + 'g> {
    match group {
        polars::prelude::GroupsIndicator::Idx((_, rows)) => Box::new(rows.iter().copied()),
        polars::prelude::GroupsIndicator::Slice([first, length]) => {
            Box::new(*first..*first + *length)
        }
    }
}

/// Rows of a frame, by number.
///
/// # Errors
/// A polars error where a row does not exist.
pub fn take(frame: &DataFrame, rows: &[u32]) -> PolarsResult<DataFrame> {
    frame.take(&IdxCa::from_slice("rows".into(), rows))
}

/// A frame with one more column of codes.
///
/// # Errors
/// A polars error where the length differs.
pub fn with_codes(mut frame: DataFrame, name: &str, values: Vec<u32>) -> PolarsResult<DataFrame> {
    frame.with_column(Column::from(Series::new(name.into(), values)))?;
    Ok(frame)
}

/// Groups that two frames have in common.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Rows of the left frame, each with the number of its pair.
    pub left: Vec<(u32, u32)>,
    /// Rows of the right frame, likewise.
    pub right: Vec<(u32, u32)>,
    /// How many pairs there are.
    pub count: u32,
}

/// For each row of `left` and of `right` that has a partner under `keys` on the other side, its
/// number and the number of the pair of groups; and how many such pairs there are. Every row is
/// counted at both ends of each join.
///
/// # Errors
/// A polars error where a key column is missing, or a join multiplied rows.
pub fn pair(left: &DataFrame, right: &DataFrame, keys: &[&str]) -> PolarsResult<Pairs> {
    if left.height() == 0 || right.height() == 0 {
        return Ok(Pairs::default());
    }
    let distinct = |frame: &DataFrame| -> PolarsResult<DataFrame> {
        take(
            &frame.select(keys.iter().copied())?,
            &groups(frame, keys)?.first_row,
        )
    };
    let met = inner_join(&distinct(left)?, &distinct(right)?, keys)?;
    let pairs = u32::try_from(met.height())
        .map_err(|_| PolarsError::ComputeError("too many pairs".into()))?;
    let met = with_codes(met, "pair", (0..pairs).collect())?;
    Ok(Pairs {
        left: members(left, &met, keys)?,
        right: members(right, &met, keys)?,
        count: pairs,
    })
}

fn inner_join(left: &DataFrame, right: &DataFrame, keys: &[&str]) -> PolarsResult<DataFrame> {
    left.join(right, keys, keys, JoinArgs::new(JoinType::Inner), None)
}

fn members(side: &DataFrame, met: &DataFrame, keys: &[&str]) -> PolarsResult<Vec<(u32, u32)>> {
    let numbered = with_codes(
        side.select(keys.iter().copied())?,
        "row",
        (0..).take(side.height()).collect(),
    )?;
    let mut joined = inner_join(&numbered, met, keys)?;
    joined.rechunk_mut();
    let mut rows: Vec<(u32, u32)> = codes(&joined, "row")?
        .iter()
        .copied()
        .zip(codes(&joined, "pair")?.iter().copied())
        .collect();
    rows.sort_unstable();
    let before = rows.len();
    rows.dedup_by_key(|(row, _)| *row);
    assert!(rows.len() == before, "a join must not multiply rows");
    Ok(rows)
}
