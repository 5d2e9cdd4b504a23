//! Content of a row, as one number: rows of one content are copies of each other.
//!
//! A value is what it means. The same row has one content as CSV with or without quotes, as saved
//! by a spreadsheet, as JSON and as Parquet; with 52 or 55 columns, in any order and under any
//! spelling of their names: a number goes by its value, a date by its day, a text without its case.
//! An empty cell, `NULL` and a missing column are all nothing, and so is a number of 0: formats
//! write the one for the other. All columns count, also those that are not read or not known, as
//! whole-row equality is the only proof of a copy: daily rated usage has no natural key
//! ([quirks](crate::model::domain::quirks), daily rated usage 5).
//!
//! It is a sum of one part for each column, so that each of its columns can be hashed where that
//! costs least: a decoder adds up the columns that are not read ([`Place::unread`](super::row::Place)),
//! and the engine the others, whose texts it numbers and hashes once each. 64 bits: among 100
//! million rows, two different ones share a content with a chance of 1 in 4,000.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::dataset::{Column, Dataset, INVOICE_LINES, Kind, Need, USAGE, position};
use super::decimal::{self, NumberFault};
use super::ids::{Fold, fold};
use super::period::{self, Day};
use super::row::{Cell, Row};
use super::value_hash::{Scale, Unit, hash_of_bytes, hash_of_text, hash_of_units, multiplied};

/// Keys that JSON has beside the columns, and that repeat what other columns say or how to ask: no
/// other format has them ([resources §D1](crate::model::domain::resources)).
const KEYS_WITHOUT_CONTENT: [&str; 7] = [
    "links",
    "attributes",
    "attributes/objectType",
    "invoiceLineItemType",
    // As some published answers spell it.
    "invoiceLineItemTypce",
    "billingProvider",
    "hasPartnerEarnedCredit",
];

/// Position of the category of an invoice line's product. It says nothing that the product does not,
/// and older files and the answers of v1 lack it, while newer ones fill it.
const CATEGORY: usize = position(INVOICE_LINES, "ProductCategory");

/// Fraction digits to which a number of a column that is not known is compared.
const UNKNOWN_SCALE: u32 = 20;

/// What a column's values mean, as far as equality goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A text that is read, by its fold.
    Folded(Fold),
    /// A text that is not read, by [`hash_of_text`].
    Plain,
    /// A number, at this many decimals.
    Number(u32),
    /// A part of a whole, as a percentage or a fraction: 15 and 0.15 are one.
    Share(u32),
    /// A day of the calendar.
    Day,
    /// The last day of a month or the first of the next: inclusive in CSV, exclusive in JSON.
    End,
    /// A number or a text, whichever it looks like: the column is not known.
    Unknown,
}

/// Part that a column has in the content of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnContent {
    meaning: Meaning,
    /// Seed of the column's parts, different for each column.
    seed: u64,
}

/// Hash of the column that a heading or key names: the same in every spelling of a column of the
/// dataset. Of other names only case is overlooked, for `Größe` and `Grüße` may be two columns.
#[must_use]
pub fn hash_of_name(dataset: Dataset, name: &str) -> u64 {
    match dataset.position_of(name) {
        Some(position) => xxh3_64(dataset.columns()[position].name.as_bytes()),
        None => xxh3_64(name.to_lowercase().as_bytes()),
    }
}

impl ColumnContent {
    /// Column of a dataset, by its position.
    #[must_use]
    pub fn of(dataset: Dataset, at: usize) -> Self {
        let column = &dataset.columns()[at];
        Self {
            meaning: meaning_of(dataset, at, column),
            seed: xxh3_64(column.name.as_bytes()),
        }
    }

    /// Column under a heading or key that is not read: not read at all, or not known. `before` is
    /// the number of columns with that name before it, for of several each has its own part. `None`
    /// for one that has no part.
    #[must_use]
    pub fn unread(dataset: Dataset, name: &str, before: u64) -> Option<Self> {
        let is_without = |key: &str| name.eq_ignore_ascii_case(key);
        if KEYS_WITHOUT_CONTENT.into_iter().any(is_without) {
            return None;
        }
        let column = match dataset.position_of(name) {
            Some(CATEGORY) if dataset == Dataset::InvoiceLines => return None,
            Some(position) => Self::of(dataset, position),
            None => Self {
                meaning: Meaning::Unknown,
                seed: hash_of_name(dataset, name),
            },
        };
        Some(Self {
            seed: column.seed.wrapping_add(before),
            ..column
        })
    }

    /// Column of an object that has a name twice: the `number`th of a key as it is spelt.
    #[must_use]
    pub fn spelt(key: &str, number: u64) -> Self {
        Self {
            meaning: Meaning::Unknown,
            seed: xxh3_64_with_seed(key.as_bytes(), number),
        }
    }

    /// True if a value's part is that of [`hash_of_text`] whatever the text looks like, so that a
    /// decoder may hash the text in the spelling in which it has it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.meaning == Meaning::Plain
    }

    /// True if values go by what they look like, as nothing is known of the column.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.meaning == Meaning::Unknown
    }

    /// Part of a value with this hash; 0 for none.
    #[inline]
    #[must_use]
    pub fn part(&self, hash: u64) -> u64 {
        if hash == 0 {
            0
        } else {
            multiplied(hash ^ self.seed, 0x94D0_49BB_1331_11EB)
        }
    }

    /// Part of a text; 0 for a blank one.
    #[must_use]
    pub fn of_text(&self, text: &[u8]) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let hash = match self.meaning {
            Meaning::Plain => hash_of_text(text),
            Meaning::Folded(kind) => hash_of_folded(kind, text),
            Meaning::Number(scale) | Meaning::Share(scale) => match decimal::parse(text, scale) {
                Ok(number) => return self.of_number(number.value, scale),
                Err(NumberFault::Empty) => 0,
                Err(_) => hash_of_text(text),
            },
            Meaning::Day | Meaning::End => match period::parse_day(text) {
                Ok(Some(day)) => return self.of_day(day),
                Ok(None) => 0,
                Err(_) => hash_of_text(text),
            },
            Meaning::Unknown => match decimal::parse(text, UNKNOWN_SCALE) {
                Ok(number) if !number.rounded => {
                    return self.of_number(number.value, UNKNOWN_SCALE);
                }
                _ => hash_of_text(text),
            },
        };
        self.part(hash)
    }

    /// Part of a number in units of 10^-scale; 0 for 0.
    #[inline]
    #[must_use]
    pub fn of_number(&self, value: i128, scale: u32) -> u64 {
        match self.meaning {
            _ if value == 0 => 0,
            Meaning::Number(own) if own == scale => self.part(hash_of_units(value)),
            _ => self.of_other_number(value, scale),
        }
    }

    fn of_other_number(&self, value: i128, scale: u32) -> u64 {
        match self.meaning {
            Meaning::Plain | Meaning::Folded(_) => {
                self.of_text(decimal::plain(value, scale).as_bytes())
            }
            // A percentage of one or less is none that is granted.
            Meaning::Share(_) if value.unsigned_abs() <= 10_u128.saturating_pow(scale) => {
                self.part(hash_in(scale.cast_signed() - 2, value))
            }
            Meaning::Number(own) => match decimal::from_typed(value, scale, own) {
                Some(number) if number.value == 0 => 0,
                Some(number) => self.part(hash_of_units(number.value)),
                // Too large for its column: of a row that is rejected, or of a column not read.
                None => self.part(hash_in(scale.cast_signed(), value)),
            },
            _ => self.part(hash_in(scale.cast_signed(), value)),
        }
    }

    /// Part of a day.
    #[must_use]
    pub fn of_day(&self, day: Day) -> u64 {
        match self.meaning {
            Meaning::Plain | Meaning::Folded(_) => self.of_text(&Cell::Date(day).bytes()),
            Meaning::End => self.part(Unit::DAY.hash(last_day(day).into())),
            _ => self.part(Unit::DAY.hash(day.into())),
        }
    }

    /// Part of an instant of a typed format, of which `hash` is the hash and that falls on `day`.
    #[must_use]
    pub fn of_instant(&self, hash: u64, day: Day) -> u64 {
        match self.meaning {
            Meaning::Unknown => self.part(hash),
            _ => self.of_cell(&Cell::Date(day)),
        }
    }

    /// Part of a cell; 0 for a blank one.
    #[must_use]
    pub fn of_cell(&self, cell: &Cell<'_>) -> u64 {
        match cell {
            Cell::Missing => 0,
            Cell::Text(text) => self.of_text(text),
            Cell::Entry { text, .. } | Cell::Written(text, _) => self.of_text(text),
            Cell::Decimal(value, scale) => self.of_number(*value, *scale),
            Cell::Date(day) => match (self.meaning, period::typed_day(*day)) {
                (Meaning::Plain | Meaning::Folded(_), _) => self.of_text(&cell.bytes()),
                (Meaning::Day | Meaning::End, Ok(None)) => 0,
                (Meaning::End, Ok(Some(day))) => self.of_day(day),
                _ => self.part(Unit::DAY.hash((*day).into())),
            },
        }
    }
}

fn meaning_of(dataset: Dataset, at: usize, column: &Column) -> Meaning {
    const SHARES: [usize; 2] = [
        position(USAGE, "PartnerEarnedCreditPercentage"),
        position(USAGE, "CreditPercentage"),
    ];
    const END: usize = position(USAGE, "ChargeEndDate");
    let is_usage = matches!(dataset, Dataset::Usage | Dataset::UnbilledUsage);
    match column.kind {
        Kind::Text(_) if column.need == Need::Unread => Meaning::Plain,
        Kind::Text(kind) => Meaning::Folded(kind),
        Kind::Decimal(scale) if is_usage && SHARES.contains(&at) => Meaning::Share(scale),
        Kind::Decimal(scale) => Meaning::Number(scale),
        Kind::Date if is_usage && at == END => Meaning::End,
        Kind::Date => Meaning::Day,
    }
}

/// Hash of a number in units of 10^-scale, the same in all units.
fn hash_in(scale: i32, value: i128) -> u64 {
    let scale = i8::try_from(scale).expect("numbers have at most 76 decimals");
    Scale::new(scale).hash(value)
}

fn hash_of_folded(kind: Fold, text: &[u8]) -> u64 {
    match std::str::from_utf8(text) {
        Ok(text) => hash_of_bytes(fold(kind, text).as_bytes()),
        // Of no key: rows with such a text are rejected.
        Err(_) => hash_of_bytes(text),
    }
}

/// The last day that an end, inclusive or exclusive, leaves in.
fn last_day(end: Day) -> Day {
    let is_first = period::date_of(end).is_some_and(|date| chrono::Datelike::day(&date) == 1);
    if is_first { end - 1 } else { end }
}

/// Content of a row of a dataset, column by column. The engine comes to the same number by hashing
/// each text once (`engine::count::row_content`).
#[must_use]
pub fn content_of(dataset: Dataset, row: &Row<'_, '_>) -> u64 {
    let columns = dataset.columns().iter().zip(row.cells).enumerate();
    let read = columns.filter(|(_, (column, _))| column.need != Need::Unread);
    read.map(|(at, (_, cell))| ColumnContent::of(dataset, at).of_cell(cell))
        .fold(row.place.unread, u64::wrapping_add)
}
