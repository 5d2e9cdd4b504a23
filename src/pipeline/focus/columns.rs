//! A column of a FOCUS dataset: its name, what it holds, and the function that takes its value from a
//! row.

use super::source_rows::FOCUS_SCALE;
use crate::reports::records::{Cell, CellType};

/// Column of a dataset whose rows are `R`.
pub(super) struct FocusColumn<R> {
    /// Name, as FOCUS spells it; our own begin with `x_`.
    pub(super) name: &'static str,
    /// What the column holds, and what it is filled from.
    pub(super) meaning: &'static str,
    getter: Getter<R>,
}

/// Function that takes a value from a row, by the type of the value.
enum Getter<R> {
    Text(for<'r> fn(&'r R) -> Option<&'r str>),
    Number(fn(&R) -> Option<i128>),
    Instant(fn(&R) -> Option<i64>),
    Flag(fn(&R) -> Option<bool>),
}

/// Column of texts of any length.
pub(super) const fn text<R>(
    name: &'static str,
    meaning: &'static str,
    get: for<'r> fn(&'r R) -> Option<&'r str>,
) -> FocusColumn<R> {
    FocusColumn {
        name,
        meaning,
        getter: Getter::Text(get),
    }
}

/// Column of numbers in units of 10^-22.
pub(super) const fn number<R>(
    name: &'static str,
    meaning: &'static str,
    get: fn(&R) -> Option<i128>,
) -> FocusColumn<R> {
    FocusColumn {
        name,
        meaning,
        getter: Getter::Number(get),
    }
}

/// Column of instants in microseconds since 1970-01-01, UTC.
pub(super) const fn instant<R>(
    name: &'static str,
    meaning: &'static str,
    get: fn(&R) -> Option<i64>,
) -> FocusColumn<R> {
    FocusColumn {
        name,
        meaning,
        getter: Getter::Instant(get),
    }
}

/// Column of truth values.
pub(super) const fn flag<R>(
    name: &'static str,
    meaning: &'static str,
    get: fn(&R) -> Option<bool>,
) -> FocusColumn<R> {
    FocusColumn {
        name,
        meaning,
        getter: Getter::Flag(get),
    }
}

impl<R> FocusColumn<R> {
    /// Type of the column's cells.
    pub(super) fn cell_type(&self) -> CellType {
        let scale = i8::try_from(FOCUS_SCALE).expect("the scale has two digits");
        match self.getter {
            Getter::Text(_) => CellType::Text,
            Getter::Number(_) => CellType::Decimal(scale),
            Getter::Instant(_) => CellType::Instant,
            Getter::Flag(_) => CellType::Boolean,
        }
    }

    /// Cell of a row.
    pub(super) fn cell<'r>(&self, row: &'r R) -> Cell<'r> {
        let found = match self.getter {
            Getter::Text(get) => get(row).map(Cell::Text),
            Getter::Number(get) => get(row).map(Cell::Decimal),
            Getter::Instant(get) => get(row).map(Cell::Instant),
            Getter::Flag(get) => get(row).map(Cell::Boolean),
        };
        found.unwrap_or(Cell::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::super::line_columns::LINE_COLUMNS;
    use super::super::usage_columns::USAGE_COLUMNS;

    #[test]
    fn columns_of_focus_come_first_and_all_are_sorted() {
        let names = [
            USAGE_COLUMNS
                .iter()
                .map(|column| column.name)
                .collect::<Vec<_>>(),
            LINE_COLUMNS.iter().map(|column| column.name).collect(),
        ];
        for (names, of_focus) in names.iter().zip([57, 20]) {
            let (focus, own) = names.split_at(of_focus);
            assert!(focus.iter().all(|name| !name.starts_with("x_")));
            assert!(own.iter().all(|name| name.starts_with("x_")));
            assert!(focus.is_sorted() && own.is_sorted());
        }
    }
}
