//! An invoice line as records of FOCUS: one for its amount, and one for its tax, as FOCUS keeps them
//! apart.

use super::source_rows::{PartitionFacts, SourceRow, joined, joined_ids, midnight, midnight_after};
use crate::engine::failure::EngineError;
use crate::model::decimal::{PUBLISHED_SCALE, plain};
use crate::model::period::date_of;
use crate::model::tables::analyst::INVOICE_LINES;
use crate::model::tables::{ColumnType, column_of};

/// Byte between the columns of a line whose hash is taken.
const SEPARATOR: u8 = 0x1f;
/// Bytes of the hash that make the id of a line: 16 hexadecimal digits.
pub(super) const ID_BYTES: usize = 8;

/// Place of a column in the rows of invoice lines.
pub(super) const fn line(name: &str) -> usize {
    column_of(&INVOICE_LINES, name)
}

/// Record of an invoice line: its amount, or its tax.
pub(super) struct LineRow<'b> {
    pub(super) source: SourceRow<'b>,
    pub(super) facts: &'b PartitionFacts,
    /// True for the record of the tax.
    is_tax: bool,
    /// Amount of the record, in units of 10^-22, as all numbers here.
    pub(super) amount: i128,
    /// Category of the line's amount.
    category: &'static str,
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) grain: Option<String>,
    pub(super) invoice: String,
    pub(super) product: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) charge_start: Option<i64>,
    pub(super) charge_end: Option<i64>,
    figures: LineFigures,
}

/// Numbers of a line that are handed on as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineFigures {
    pub(super) list_price: Option<i128>,
    pub(super) effective_price: Option<i128>,
    pub(super) exchange_rate: Option<i128>,
    pub(super) billable_quantity: Option<i128>,
    pub(super) quantity: Option<i128>,
}

impl<'b> LineRow<'b> {
    /// The record of a line's amount; `id` is that of the line, `invoice` its number.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] for a number of more than 16 digits before the point.
    pub(super) fn of(
        source: SourceRow<'b>,
        facts: &'b PartitionFacts,
        (invoice, id): (String, String),
    ) -> Result<Self, EngineError> {
        let text = |column| source.text(column);
        let amount = source.wide(const { line("subtotal") })?;
        let product = source.upper(const { line("product_id") });
        let sku = source.upper(const { line("sku_id") });
        let mut row = Self {
            source,
            facts,
            is_tax: false,
            amount: amount.ok_or(EngineError::AmountOverflow)?,
            category: category(source),
            id,
            description: joined(
                [
                    line("product_name"),
                    line("sku_name"),
                    line("meter_description"),
                ]
                .map(text),
            ),
            grain: None,
            invoice,
            product,
            sku,
            charge_start: source
                .day(const { line("charge_start_date") })
                .map(midnight),
            charge_end: source
                .day(const { line("charge_end_date") })
                .map(midnight_after),
            figures: LineFigures {
                list_price: source.wide(const { line("unit_price") })?,
                effective_price: source.wide(const { line("effective_unit_price") })?,
                exchange_rate: source.wide(const { line("exchange_rate") })?,
                billable_quantity: source.wide(const { line("billable_quantity") })?,
                quantity: source.wide(const { line("quantity") })?,
            },
        };
        row.grain = row.grain_text();
        Ok(row)
    }

    /// The record of the tax of the same line.
    pub(super) fn into_tax(self, tax: i128) -> Self {
        Self {
            is_tax: true,
            amount: tax,
            id: self.id + ":tax",
            description: self.description.map(|text| format!("Tax: {text}")),
            ..self
        }
    }

    /// Category of the record.
    pub(super) const fn category(&self) -> &'static str {
        if self.is_tax { "Tax" } else { self.category }
    }

    /// Numbers of the line; the record of the tax has none, or sums would count them twice.
    pub(super) fn figures(&self) -> Option<&LineFigures> {
        (!self.is_tax).then_some(&self.figures)
    }

    /// Text of the line that belongs to its numbers, such as their unit.
    pub(super) fn of_figures(&self, column: usize) -> Option<&str> {
        self.source.text(column).filter(|_| !self.is_tax)
    }

    /// What the line was billed for, as an object with the keys that are known.
    fn grain_text(&self) -> Option<String> {
        let text = |column| self.source.text(column).map(str::to_owned);
        let upper = |column| self.source.upper(column);
        let members = [
            (
                "SkuId",
                joined_ids([self.product.as_deref(), self.sku.as_deref()]),
            ),
            ("x_AvailabilityId", upper(const { line("availability_id") })),
            ("x_ChargePeriodEnd", self.charge_end.and_then(instant_text)),
            (
                "x_ChargePeriodStart",
                self.charge_start.and_then(instant_text),
            ),
            ("x_ChargeType", text(const { line("charge_type") })),
            ("x_CustomerId", text(const { line("customer_id") })),
            (
                "x_MeterDescription",
                text(const { line("meter_description") }),
            ),
            ("x_OrderId", text(const { line("order_id") })),
            (
                "x_PriceAdjustmentDescription",
                text(const { line("price_adjustment_description") }),
            ),
            ("x_PromotionId", upper(const { line("promotion_id") })),
            ("x_ReferenceId", text(const { line("reference_id") })),
            (
                "x_ReservationOrderId",
                text(const { line("reservation_order_id") }),
            ),
            ("x_SubscriptionId", text(const { line("subscription_id") })),
        ];
        let known = members.into_iter().filter_map(|(key, value)| {
            let value = serde_json::Value::from(value?);
            Some(format!("\"{key}\":{value}"))
        });
        let known: Vec<String> = known.collect();
        (!known.is_empty()).then(|| format!("{{{}}}", known.join(",")))
    }
}

/// Category of a line's amount.
fn category(source: SourceRow<'_>) -> &'static str {
    let text = |column| source.text(column);
    let is = |column, wanted: &str| {
        text(column).is_some_and(|found: &str| found.eq_ignore_ascii_case(wanted))
    };
    let has_term = text(const { line("term_and_billing_cycle") }).is_some_and(|term| {
        let term = term.to_lowercase();
        term.contains("reserv") || term.contains("saving")
    });
    if is(const { line("charge_type") }, "customerCredit") {
        return "Credit";
    }
    let is_usage = is(const { line("subscription_description") }, "Azure plan")
        && text(const { line("meter_description") }).is_some()
        && text(const { line("reservation_order_id") }).is_none()
        && !has_term;
    let is_of_product =
        text(const { line("product_id") }).is_some() || text(const { line("sku_id") }).is_some();
    match (is_usage, is_of_product) {
        (true, _) => "Usage",
        (false, true) => "Purchase",
        (false, false) => "Adjustment",
    }
}

/// Hash over all columns of a line: equal lines have equal ones.
pub(super) fn line_hash(source: SourceRow<'_>) -> [u8; ID_BYTES] {
    let mut hasher = blake3::Hasher::new();
    for (at, column) in INVOICE_LINES.columns.iter().enumerate() {
        if at > 0 {
            hasher.update(&[SEPARATOR]);
        }
        let cell = match column.column_type {
            ColumnType::Text => source.text(at).map(str::to_owned),
            ColumnType::Date => source
                .day(at)
                .and_then(date_of)
                .map(|date| date.to_string()),
            _ => source
                .number(at)
                .map(|number| plain(number, PUBLISHED_SCALE)),
        };
        if let Some(cell) = cell {
            hasher.update(cell.as_bytes());
        }
    }
    let hash = hasher.finalize();
    std::array::from_fn(|at| hash.as_bytes()[at])
}

/// An instant as FOCUS writes it.
pub(super) fn instant_text(micros: i64) -> Option<String> {
    let instant = chrono::DateTime::from_timestamp_micros(micros)?;
    Some(instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
