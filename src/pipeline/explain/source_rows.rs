//! Source rows of one side of a group: their exact sum, and the lines that are shown, each with the
//! arithmetic that leads from its price and quantity to its amount.

use super::answer::{Side, SourceLine};
use super::facts::{SideFacts, day_text};
use super::input_file::{changed, held_as_read};
use crate::decode::texts::{self, NamedCells};
use crate::decode::{self, DecodeError, Decoded, Sink};
use crate::engine::count::measures::Measures;
use crate::engine::fold::row_key;
use crate::engine::rules::rounding::{Line, Rules};
use crate::model::currency::minor_digits;
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::decimal::{
    AMOUNT_SCALE, PRICE_SCALE, PUBLISHED_SCALE, QUANTITY_SCALE, RATE_SCALE, Rounding, fixed,
    multiply, plain, power_of_ten,
};
use crate::model::period::date_of;
use crate::model::reject::RejectedRow;
use crate::model::row::{Cell, Row};
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::held_reading::{ExpectedContent, read_held};
use crate::sources::files::FileUnit;
use rayon::prelude::*;
use std::sync::Arc;

/// Characters of a line's text that are shown; the file and line number lead to the rest.
const TEXT_LIMIT: usize = 4_000;

/// Source rows of one side; amounts in units of 10^-20.
#[derive(Default)]
pub(super) struct SourceRows {
    /// Number of all rows.
    pub(super) rows: u64,
    /// Exact sum of all rows.
    pub(super) sum: i128,
    picked_rows: u64,
    picked_sum: i128,
    lines: Vec<SourceLine>,
    /// Facts of all rows; none of rows that are no usage or lines.
    pub(super) facts: SideFacts,
}

impl SourceRows {
    /// Counts a row; with a `line`, it is one of those that the user asked for.
    pub(super) fn push(&mut self, amount: i128, line: Option<SourceLine>) {
        self.rows += 1;
        // No overflow: the files are those of the run, whose gross sums kept to `GROSS_LIMIT`.
        self.sum += amount;
        if let Some(line) = line {
            self.picked_rows += 1;
            self.picked_sum += amount;
            self.lines.push(line);
        }
    }

    /// Adds the rows of another unit.
    pub(super) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.picked_rows += other.picked_rows;
        self.picked_sum += other.picked_sum;
        self.lines.extend(other.lines);
        self.facts.merge(other.facts);
    }

    /// The side as it is shown, with the first `limit` lines by file and line; `column` is what was
    /// summed, `published` the figure in units of 10^-10.
    pub(super) fn into_side(mut self, column: &'static str, published: i128, limit: usize) -> Side {
        // Units are read in parallel: lines come in no order.
        self.lines
            .sort_by(|left, right| (&left.unit, left.line).cmp(&(&right.unit, right.line)));
        self.lines.truncate(limit);
        Side {
            column,
            rows: self.rows,
            exact_sum: plain(self.sum, AMOUNT_SCALE),
            published: fixed(published, PUBLISHED_SCALE),
            picked_rows: self.picked_rows,
            picked_sum: plain(self.picked_sum, AMOUNT_SCALE),
            lines: self.lines,
        }
    }
}

/// Decodes a unit, which must be the bytes that the run read; the account of the file, and the sinks
/// that took its rows.
///
/// # Errors
/// [`RunError::Changed`], [`RunError::File`] and [`RunError::Decode`].
pub(super) fn decode_unit<S: Sink>(
    unit: &FileUnit,
    dataset: Dataset,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Decoded, Vec<S>), RunError> {
    reread(unit, dataset, |input| decode::decode(input, new_sink))
}

/// Reads a unit, which must be the bytes that the run read; the account of the file, and what `read`
/// makes of its rows.
///
/// # Errors
/// Those of [`decode_unit`].
pub(super) fn reread<T>(
    unit: &FileUnit,
    dataset: Dataset,
    read: impl FnOnce(decode::Input<'_>) -> Result<(Decoded, T), DecodeError>,
) -> Result<(Decoded, T), RunError> {
    let held = held_as_read(unit)?;
    let changed = || changed(unit);
    let expected = ExpectedContent {
        blake3: Some(&unit.blake3),
        otherwise: &changed,
    };
    let (found, _) = read_held(&held, &expected, |file| {
        let input = decode::Input {
            unit: &unit.name,
            file,
            dataset,
        };
        let (decoded, rows) = read(input)?;
        let hash = decoded.blake3.clone();
        Ok(((decoded, rows), hash))
    })?;
    Ok(found)
}

/// Input file whose rows are shown, with the headings of its columns.
#[derive(Clone)]
pub(super) struct ShownUnit<'u> {
    pub(super) unit: &'u FileUnit,
    pub(super) dataset: Dataset,
    /// Headings of CSV; `None` where rows name their cells, or have no text.
    headings: Option<Arc<[Arc<str>]>>,
}

impl ShownUnit<'_> {
    /// Cells of a row under the headings of its source. A format without text gives what is read of
    /// it, under Microsoft's names.
    fn cells_of(&self, row: &Row<'_, '_>) -> NamedCells {
        if !row.place.text.is_empty() {
            return texts::named_cells(self.headings.as_deref(), row.place.text);
        }
        let cells = self.dataset.columns().iter().zip(row.cells);
        cells
            .filter(|(_, cell)| **cell != Cell::Missing)
            .map(|(column, cell)| {
                let text = String::from_utf8_lossy(&cell.bytes()).into_owned();
                (Arc::from(column.name), text.into_boxed_str())
            })
            .collect()
    }
}

/// Decodes all units in parallel; the sinks that took their rows, in no order of rows, and the rows
/// that decoders or sinks rejected, in the order of units and lines.
///
/// # Errors
/// Those of [`decode_unit`], for the first unit that cannot be read.
pub(super) fn decode_all<'u, S: Sink>(
    units: &'u [FileUnit],
    dataset: Dataset,
    new_sink: impl Fn(ShownUnit<'u>) -> S + Sync,
) -> Result<(Vec<S>, Vec<RejectedRow>), RunError> {
    let decoded = units.par_iter().map(|unit| {
        reread(unit, dataset, |input| {
            let shown = ShownUnit {
                unit,
                dataset,
                headings: texts::headings(input)?,
            };
            decode::decode(input, || new_sink(shown.clone()))
        })
    });
    // All of them first: collected as one result, any of several errors would be returned.
    let decoded: Vec<Result<(Decoded, Vec<S>), RunError>> = decoded.collect();
    let (mut sinks, mut rejected) = (Vec::new(), Vec::new());
    for unit in decoded {
        let (mut decoded, of_unit) = unit?;
        rejected.append(&mut decoded.rejected);
        sinks.extend(of_unit);
    }
    Ok((sinks, rejected))
}

/// A row of usage or lines, to be shown with its `arithmetic`.
pub(super) fn source_line(
    shown: &ShownUnit<'_>,
    row: &Row<'_, '_>,
    amount: i128,
    arithmetic: String,
) -> SourceLine {
    const START: usize = position(INVOICE_LINES, "ChargeStartDate");
    const END: usize = position(INVOICE_LINES, "ChargeEndDate");
    const USED: usize = position(USAGE, "UsageDate");
    const ENTITLEMENT: usize = position(USAGE, "EntitlementId");
    let dataset = shown.dataset;
    let is_line = dataset == Dataset::InvoiceLines;
    let cells = shown.cells_of(row);
    let day = |of_lines: bool, at: usize| match of_lines == is_line {
        true => day_text(row.cells[at].day("").ok().flatten()),
        false => String::new(),
    };
    let order = || {
        const ORDER: usize = position(INVOICE_LINES, "OrderId");
        let mut cells = cells.iter();
        let order = cells.find(|(heading, _)| dataset.position_of(heading) == Some(ORDER));
        order.map_or_else(String::new, |(_, text)| text.to_string())
    };
    let text = String::from_utf8_lossy(row.place.text.trim_ascii_end());
    SourceLine {
        dataset: dataset.name(),
        unit: shown.unit.name.clone(),
        blake3: shown.unit.blake3.clone(),
        usage_date: day(false, USED),
        // An order is no key, so that it is not read with the others.
        order_id: if is_line { order() } else { String::new() },
        charge_start_date: day(true, START),
        charge_end_date: day(true, END),
        entitlement_id: match is_line {
            true => String::new(),
            false => String::from_utf8_lossy(&row.cells[ENTITLEMENT].bytes()).into_owned(),
        },
        line: row.place.line(),
        amount: plain(amount, AMOUNT_SCALE),
        arithmetic,
        // Characters, as a cut between two bytes of one would leave invalid UTF-8.
        text: text.chars().take(TEXT_LIMIT).collect(),
        cells,
    }
}

/// Arithmetic that leads from price and quantity of a row to its amount, by the rules of the run.
pub(super) fn arithmetic(
    dataset: Dataset,
    cells: &[Cell<'_>],
    measures: &Measures,
    rules: &Rules,
) -> String {
    if dataset == Dataset::Usage {
        usage_arithmetic(cells, measures)
    } else {
        line_arithmetic(cells, measures, rules)
    }
}

/// Price, quantity and exchange rate of a row; a row without a rate is priced in the billing
/// currency, at a rate of 1.
fn factors(
    dataset: Dataset,
    cells: &[Cell<'_>],
    measures: &Measures,
) -> (Option<i128>, i128, i128, String) {
    let (price, rate) = row_key::price_and_rate(dataset, cells);
    let [quantity, ..] = measures.sums;
    let rate = match rate {
        Some(rate) => rate,
        None => power_of_ten(RATE_SCALE),
    };
    let price_text = match price {
        Some(price) => plain(price, PRICE_SCALE),
        None => "no price".to_owned(),
    };
    let words = format!(
        "{price_text} x {} x {}",
        plain(quantity, QUANTITY_SCALE),
        plain(rate, RATE_SCALE)
    );
    (price, quantity, rate, words)
}

/// Product of price, quantity and rate of a usage row. Rows with no price, or whose product
/// passes 38 digits, are shown without the product.
fn usage_arithmetic(cells: &[Cell<'_>], measures: &Measures) -> String {
    let (price, quantity, rate, factors) = factors(Dataset::Usage, cells, measures);
    let mut words = String::new();
    if let Some(date) = measures.day.and_then(date_of) {
        words += &format!("{date}: ");
    }
    words += &format!("EffectiveUnitPrice x Quantity x PCToBCExchangeRate = {factors}");
    // Half even, as for conversions: the product is shown beside Microsoft's amount, not in its
    // place.
    let (scale, half_even) = (AMOUNT_SCALE, Rounding::HalfEven);
    let product = price
        .and_then(|price| {
            let (price, quantity) = ((price, PRICE_SCALE), (quantity, QUANTITY_SCALE));
            multiply(price, quantity, scale, half_even)
        })
        .and_then(|priced| multiply((priced, scale), (rate, RATE_SCALE), scale, half_even));
    if let Some(product) = product {
        words += &format!(" = {}", plain(product, AMOUNT_SCALE));
    }
    words
}

/// Price, quantity and rate of an invoice line, and the rounding rule that gives its Subtotal
/// ([semantics §3](crate::model::domain::semantics)).
fn line_arithmetic(cells: &[Cell<'_>], measures: &Measures, rules: &Rules) -> String {
    let [_, subtotal, ..] = measures.sums;
    const CURRENCY: usize = position(INVOICE_LINES, "Currency");
    let (price, quantity, rate, factors) = factors(Dataset::InvoiceLines, cells, measures);
    let currency = String::from_utf8_lossy(&cells[CURRENCY].bytes())
        .trim()
        .to_uppercase();
    let line = |price| Line {
        price,
        quantity,
        rate,
        digits: minor_digits(&currency),
    };
    let rule = price.and_then(|price| rules.that_fits(line(price), subtotal, true));
    let rule = match rule {
        Some(rule) => format!("{}, rule {}", rule.formula(), rule.name),
        None => "no rounding rule of the run gives this Subtotal".to_owned(),
    };
    format!("EffectiveUnitPrice x BillableQuantity x PCToBCExchangeRate = {factors}; {rule}")
}
