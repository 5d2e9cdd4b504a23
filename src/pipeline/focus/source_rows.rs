//! Rows of the analyst folder while they are exported, and what all rows of a partition share.

use crate::engine::failure::EngineError;
use crate::model::decimal::{PUBLISHED_SCALE, Rounding, multiply, rescale};
use crate::model::period::{Day, Period};
use crate::reports::read_batches::ReadBatch;

/// Decimals of every number in FOCUS: as many as a price has with a rate of ten decimals, and more.
pub(super) const FOCUS_SCALE: u32 = 22;
/// Largest number of the 38 digits that Parquet has for a decimal.
const LIMIT: i128 = 10_i128.pow(38) - 1;
/// Microseconds of a day in UTC.
const DAY_MICROS: i64 = 86_400_000_000;

/// What all rows of one partition share.
#[derive(Clone, Debug)]
pub(super) struct PartitionFacts {
    /// Billing period of the run.
    pub(super) period: Period,
    /// Id of the run.
    pub(super) run_id: String,
    /// Start of the run that first had these rows, in microseconds since 1970-01-01, UTC.
    pub(super) imported_at: i64,
    /// Name of the partner for rows that have none.
    pub(super) partner_name: Option<String>,
    /// Who sells to the partner and issues the invoice.
    pub(super) issuer: String,
}

/// One row of a table of the analyst folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceRow<'b> {
    batch: &'b ReadBatch,
    row: usize,
}

impl PartitionFacts {
    /// First instant of the billing period, and the first one after it.
    pub(super) fn period_instants(&self) -> [i64; 2] {
        let (first, end) = self.period.days();
        [first, end].map(midnight)
    }
}

impl<'b> SourceRow<'b> {
    /// Row of a batch that has all columns of its table.
    pub(super) const fn of(batch: &'b ReadBatch, row: usize) -> Self {
        Self { batch, row }
    }

    /// Text of a column; `None` for an empty one.
    pub(super) fn text(self, column: usize) -> Option<&'b str> {
        let text = self.batch.text(column, self.row).trim();
        (!text.is_empty()).then_some(text)
    }

    /// Id of a column as Microsoft writes it: the folder has it in lower case, to join by.
    pub(super) fn upper(self, column: usize) -> Option<String> {
        self.text(column).map(str::to_uppercase)
    }

    /// Number of a column in units of 10^-10.
    pub(super) fn number(self, column: usize) -> Option<i128> {
        self.batch.number(column, self.row)
    }

    /// Number of a column in units of 10^-22.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] for one of more than 16 digits before the point.
    pub(super) fn wide(self, column: usize) -> Result<Option<i128>, EngineError> {
        self.number(column).map(widened).transpose()
    }

    /// Day of a column; `None` for an empty one.
    pub(super) fn day(self, column: usize) -> Option<Day> {
        self.batch.day(column, self.row)
    }
}

/// First instant of a day, in microseconds since 1970-01-01, UTC.
pub(super) fn midnight(day: Day) -> i64 {
    i64::from(day) * DAY_MICROS
}

/// First instant after a day.
pub(super) fn midnight_after(day: Day) -> i64 {
    midnight(day) + DAY_MICROS
}

/// A number in units of 10^-10 in units of 10^-22.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where it needs more than 38 digits.
pub(super) fn widened(number: i128) -> Result<i128, EngineError> {
    fitting(rescale(
        number,
        PUBLISHED_SCALE,
        FOCUS_SCALE,
        Rounding::HalfEven,
    ))
}

/// Product of two numbers with their scales in units of 10^-22, rounded once.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where it needs more than 38 digits.
pub(super) fn product(left: (i128, u32), right: (i128, u32)) -> Result<i128, EngineError> {
    fitting(multiply(left, right, FOCUS_SCALE, Rounding::HalfEven))
}

fn fitting(number: Option<i128>) -> Result<i128, EngineError> {
    number
        .filter(|number| number.abs() <= LIMIT)
        .ok_or(EngineError::AmountOverflow)
}

/// Distinct texts of a row joined with dashes; `None` where there are none.
pub(super) fn joined(texts: [Option<&str>; 3]) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for text in texts.into_iter().flatten() {
        if !parts.contains(&text) {
            parts.push(text);
        }
    }
    (!parts.is_empty()).then(|| parts.join(" - "))
}

/// Ids joined with an underscore, as Microsoft joins product and SKU; `None` where there are none.
pub(super) fn joined_ids(ids: [Option<&str>; 2]) -> Option<String> {
    let ids: Vec<&str> = ids.into_iter().flatten().collect();
    (!ids.is_empty()).then(|| ids.join("_"))
}
