//! Places within keys, computed from the [key table](super::keys) when compiling: which input
//! columns make a tuple, and where a raw text or a code stands in it.
//!
//! All functions walk the table in the order of its rows, so that they agree on the order of fields
//! within a tuple without any of them writing it down. Their loops are spelled out, as constants
//! know no iterators.

use super::keys::{
    Counted, Derived, Origin, PART_COUNT, PARTS, Part, PartRow, RESOURCE_KEYS, TUPLES, Tuple,
};

/// A part's place in a key: a field of one of the key's tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPlace {
    /// Position of the tuple in the key.
    pub tuple: usize,
    /// Position of the field in the tuple.
    pub field: usize,
}

/// Number of input columns that one kind of rows has in a tuple.
#[must_use]
pub const fn column_count(counted: Counted, tuple: Tuple) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Text(of, _) = PARTS[at].origin(counted)
            && of as usize == tuple as usize
        {
            count += 1;
        }
        at += 1;
    }
    count
}

/// Input columns that one kind of rows has in a tuple, in the order of the tuple's fields. `N` is
/// their [`column_count`].
///
/// # Panics
/// For another `N`. In a constant, the panic is a compile error.
#[must_use]
pub const fn columns<const N: usize>(counted: Counted, tuple: Tuple) -> [usize; N] {
    let mut columns = [0; N];
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Text(of, column) = PARTS[at].origin(counted)
            && of as usize == tuple as usize
        {
            columns[count] = column;
            count += 1;
        }
        at += 1;
    }
    assert!(count == N, "as many as `column_count` says");
    columns
}

/// Number of fields that are made of a row's numbers.
#[must_use]
pub const fn derived_count(counted: Counted) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Derived(_) = PARTS[at].origin(counted) {
            count += 1;
        }
        at += 1;
    }
    count
}

/// Fields that are made of a row's numbers; they end [`Tuple::State`]. `N` is their
/// [`derived_count`].
///
/// # Panics
/// For another `N`. In a constant, the panic is a compile error.
#[must_use]
pub const fn derived<const N: usize>(counted: Counted) -> [Derived; N] {
    let mut fields = [Derived::Free; N];
    let (mut count, mut at) = (0, 0);
    while at < PART_COUNT {
        if let Origin::Derived(field) = PARTS[at].origin(counted) {
            fields[count] = field;
            count += 1;
        }
        at += 1;
    }
    assert!(count == N, "as many as `derived_count` says");
    fields
}

/// FieldPlace of a part's raw text among the raw texts of one kind of rows.
///
/// # Panics
/// For a part that is no raw text of these rows. In a constant, the panic is a compile error.
#[must_use]
#[expect(
    clippy::panic,
    reason = "evaluated in constants, where a panic is a compile error"
)]
pub const fn raw_place(counted: Counted, part: Part) -> FieldPlace {
    let (mut field, mut at) = (0, 0);
    let (tuple, is_derived) = match part.row().origin(counted) {
        Origin::Text(tuple, _) => (tuple, false),
        Origin::Derived(_) => (Tuple::State, true),
        Origin::Nowhere | Origin::Adjustment | Origin::Promotion => {
            panic!("the part is no raw text")
        }
    };
    // Derived fields stand behind all input columns, wherever their rows stand in the table.
    if is_derived {
        field = column_count(counted, Tuple::State);
    }
    while at < part as usize {
        match PARTS[at].origin(counted) {
            Origin::Text(of, _) if !is_derived && of as usize == tuple as usize => field += 1,
            Origin::Derived(_) if is_derived => field += 1,
            _ => {}
        }
        at += 1;
    }
    FieldPlace {
        tuple: tuple as usize,
        field,
    }
}

/// Tuple in which one kind of rows has a code for a part; `None` where it has none.
const fn coded_tuple(row: &PartRow, counted: Counted) -> Option<Tuple> {
    if row.domain.is_none() {
        return None;
    }
    match row.origin(counted) {
        Origin::Nowhere => None,
        Origin::Text(tuple, _) => Some(tuple),
        Origin::Derived(_) | Origin::Adjustment | Origin::Promotion => Some(Tuple::State),
    }
}

/// Parts for which one kind of rows has codes in a tuple, in the order of the tuple's coded fields.
/// These are the fields of the raw texts too, but for [`Tuple::State`], where some texts have no
/// code.
pub fn coded_parts(counted: Counted, tuple: Tuple) -> impl Iterator<Item = &'static PartRow> {
    PARTS
        .iter()
        .filter(move |row| coded_tuple(row, counted) == Some(tuple))
}

/// Places of codes within a coded key, by part; `None` for a part that has no code there.
pub type CodePlaces = [Option<FieldPlace>; PART_COUNT];

/// Places of all parts for which one kind of rows has codes.
#[must_use]
pub const fn code_places(counted: Counted) -> CodePlaces {
    let mut places = [None; PART_COUNT];
    let mut widths = [0; TUPLES];
    let mut at = 0;
    while at < PART_COUNT {
        if let Some(tuple) = coded_tuple(&PARTS[at], counted) {
            let tuple = tuple as usize;
            places[at] = Some(FieldPlace {
                tuple,
                field: widths[tuple],
            });
            widths[tuple] += 1;
        }
        at += 1;
    }
    places
}

/// Position of a part in the key of a row of `resources`.
///
/// # Panics
/// For a part that it does not have; where the part is a constant, when compiling.
#[must_use]
#[expect(
    clippy::panic,
    reason = "evaluated in constants, where a panic is a compile error"
)]
pub const fn resource_field(part: Part) -> usize {
    let mut at = 0;
    while at < RESOURCE_KEYS.len() {
        if RESOURCE_KEYS[at] as usize == part as usize {
            return at;
        }
        at += 1;
    }
    panic!("a row of `resources` has no such key")
}
