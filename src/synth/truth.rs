//! The truth beside the data: what was planted, and what it must come to, as a table that no
//! reconciliation reads.
//!
//! Its amounts follow from the plants and from Microsoft's arithmetic, not from the engine.
//! Rounding to published decimals is the one rule of the program that stands here again, because
//! the table is compared digit by digit.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use super::catalogue::Meter;
use super::partner::{Invoice, Partner, Plan};
use super::request::SynthError;
use super::usage::TOTAL_SCALE;
use super::write::{OutFile, Written, properties};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{self, PUBLISHED_SCALE, Rounding, fixed};

/// Names of the text columns, parallel to [`Truth::texts`].
const TEXTS: [&str; 12] = [
    "cause",
    "tie_out",
    "billing_period",
    "invoice_number",
    "customer_id",
    "subscription_id",
    "product_id",
    "sku_id",
    "availability_id",
    "meter_description",
    "price_adjustment",
    "currency",
];
/// Number of amounts: expected, invoiced, their difference, its parts, and what is off the rule.
const AMOUNTS: usize = SIDES + Cause::ALL.len() + 1;
/// Number of amounts before the parts.
const SIDES: usize = 3;
/// Names of the text columns after the amounts.
const LAST_TEXTS: [&str; 2] = ["status", "counterpart"];

const AMOUNT_TYPE: DataType = DataType::Decimal128(28, 10);

/// Amount of each cause, parallel to [`Cause::ALL`], in units of 10^-10.
pub(super) type Parts = [i128; Cause::ALL.len()];

/// Adds an amount to the part of a cause.
pub(super) fn add(parts: &mut Parts, cause: Cause, amount: i128) {
    // `Cause::ALL` stands in the order of declaration, by which a cast counts.
    parts[cause as usize] += amount;
}

/// Names of the amounts: expected, invoiced, their difference, the parts of it, and what is off the
/// rule.
fn amount_names() -> Vec<String> {
    let sides = ["expected_amount", "invoiced_amount", "amount"].map(str::to_owned);
    sides
        .into_iter()
        .chain(Cause::ALL.map(|cause| format!("{}_amount", cause.name())))
        .chain(["off_rule_amount".to_owned()])
        .collect()
}

/// Planted variance: a row of the truth. Amounts are units of 10^-10 of `currency`; ids are
/// canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Truth {
    /// Causes in the order in which a reconciliation takes them apart.
    pub(super) causes: Vec<Cause>,
    pub(super) tie_out: TieOut,
    pub(super) invoice_number: String,
    pub(super) customer_id: String,
    pub(super) subscription_id: String,
    pub(super) product_id: String,
    pub(super) sku_id: String,
    pub(super) availability_id: String,
    pub(super) meter_description: String,
    pub(super) price_adjustment: &'static str,
    pub(super) currency: &'static str,
    pub(super) expected: i128,
    pub(super) invoiced: i128,
    /// Parts of the difference by cause; they add up to it.
    pub(super) parts: Parts,
    /// Subtotals of the lines less what the invoice's rule makes of their own numbers.
    pub(super) off_rule: i128,
    /// SKU and meter of the one-sided break that is the other half; empty for none.
    pub(super) counterpart: String,
}

impl Truth {
    /// Truth about a meter of a plan, without amounts or cause.
    pub(super) fn about(plan: &Plan, meter: &Meter, tie_out: TieOut) -> Self {
        Self {
            customer_id: plan.customer.id.clone(),
            subscription_id: plan.id.clone(),
            product_id: meter.product_id.clone(),
            sku_id: meter.sku_id.clone(),
            availability_id: meter.availability_id.clone(),
            meter_description: meter.meter_name.clone(),
            ..Self::of_invoice(&plan.customer.invoice, tie_out)
        }
    }

    /// Truth about an invoice, without amounts or cause.
    pub(super) fn of_invoice(invoice: &Invoice, tie_out: TieOut) -> Self {
        Self {
            causes: Vec::new(),
            tie_out,
            invoice_number: invoice.number.clone(),
            customer_id: String::new(),
            subscription_id: String::new(),
            product_id: String::new(),
            sku_id: String::new(),
            availability_id: String::new(),
            meter_description: String::new(),
            price_adjustment: "",
            currency: invoice.currency,
            expected: 0,
            invoiced: 0,
            parts: Parts::default(),
            off_rule: 0,
            counterpart: String::new(),
        }
    }

    /// Cells of the text columns.
    fn texts(&self, billing_period: &str) -> [String; TEXTS.len()] {
        [
            self.causes
                .iter()
                .map(|cause| cause.name())
                .collect::<Vec<_>>()
                .join("+"),
            self.tie_out.name().to_owned(),
            billing_period.to_owned(),
            self.invoice_number.clone(),
            self.customer_id.clone(),
            self.subscription_id.clone(),
            self.product_id.clone(),
            self.sku_id.clone(),
            self.availability_id.clone(),
            self.meter_description.clone(),
            self.price_adjustment.to_owned(),
            self.currency.to_owned(),
        ]
    }

    /// Cells of the amounts, named by [`amount_names`].
    fn amounts(&self) -> [i128; AMOUNTS] {
        let amount = self.invoiced - self.expected;
        assert_eq!(
            self.parts.iter().sum::<i128>(),
            amount,
            "the parts of a truth add up: {self:?}"
        );
        let mut amounts = [0; AMOUNTS];
        let [sides @ .., off_rule] = &mut amounts;
        *off_rule = self.off_rule;
        let (sides, parts) = sides.split_at_mut(SIDES);
        sides.copy_from_slice(&[self.expected, self.invoiced, amount]);
        parts.copy_from_slice(&self.parts);
        amounts
    }

    /// Cells of the text columns after the amounts, named by [`LAST_TEXTS`].
    fn last_texts(&self) -> [&str; LAST_TEXTS.len()] {
        [self.status().name(), &self.counterpart]
    }

    /// Status that the variance should have.
    pub(super) fn status(&self) -> Status {
        // Only these two, when alone, leave a group that nobody has to look at.
        match self.causes.as_slice() {
            [Cause::Rounding] => Status::WithinTolerance,
            [Cause::OutOfScope] => Status::OutOfScope,
            _ => Status::Break,
        }
    }
}

/// Published amount of so many cents.
pub(super) fn cents(amount: i128) -> i128 {
    amount * 10_i128.pow(PUBLISHED_SCALE - 2)
}

/// Amount of 15 decimals as it is published: 10 decimals, rounded half up.
pub(super) fn published(amount: i128) -> i128 {
    decimal::divide(
        amount,
        10_i128.pow(TOTAL_SCALE - PUBLISHED_SCALE),
        Rounding::HalfUp,
    )
}

/// Two amounts of one resource as they are published: their sum is rounded half up, and the pieces
/// add up to it by largest remainder.
pub(super) fn published_pieces(amounts: [i128; 2]) -> [i128; 2] {
    let unit = 10_i128.pow(TOTAL_SCALE - PUBLISHED_SCALE);
    let [first, second] = amounts.map(|amount| (amount.div_euclid(unit), amount.rem_euclid(unit)));
    let [mut left, mut right] = [first.0, second.0];
    // Floors leave at most two units to give; of two, each side gets one.
    for given in 0..published(amounts.iter().sum()) - left - right {
        let to_first = (first.1 >= second.1) == (given == 0);
        *(if to_first { &mut left } else { &mut right }) += 1;
    }
    [left, right]
}

/// Truth of a header that leaves the tax of its lines out; `lines` and `header` are totals in
/// cents.
pub(super) fn header_truth(partner: &Partner, lines: i128, header: i128) -> Truth {
    let mut parts = Parts::default();
    add(&mut parts, Cause::Tax, cents(header - lines));
    Truth {
        causes: vec![Cause::Tax],
        expected: cents(lines),
        invoiced: cents(header),
        parts,
        ..Truth::of_invoice(&partner.invoices[0], TieOut::LinesToInvoice)
    }
}

/// Writes `truth.csv` and `truth.parquet`, in the order of the causes.
pub(super) fn write(
    out: &Path,
    billing_period: &str,
    truths: &mut [Truth],
) -> Result<Written, SynthError> {
    // Sorted: the order of the walk is no promise.
    truths.sort();
    let mut csv = OutFile::create(out.join("truth.csv"))?;
    csv.put(table(billing_period, truths).as_bytes())?;
    let written = Written {
        files: 1,
        bytes: csv.close()?,
    };
    Ok(written.and(write_parquet(
        &out.join("truth.parquet"),
        billing_period,
        truths,
    )?))
}

fn table(billing_period: &str, truths: &[Truth]) -> String {
    let names = TEXTS
        .iter()
        .map(|name| (*name).to_owned())
        .chain(amount_names())
        .chain(LAST_TEXTS.map(str::to_owned));
    let mut text = names.collect::<Vec<_>>().join(",");
    text.push('\n');
    for truth in truths {
        for cell in truth.texts(billing_period) {
            super::write::csv_cell(&mut text, &cell);
            text.push(',');
        }
        for amount in truth.amounts() {
            text.push_str(&fixed(amount, PUBLISHED_SCALE));
            text.push(',');
        }
        let [status, counterpart] = truth.last_texts();
        text.push_str(status);
        text.push(',');
        super::write::csv_cell(&mut text, counterpart);
        text.push('\n');
    }
    text
}

fn write_parquet(
    path: &Path,
    billing_period: &str,
    truths: &[Truth],
) -> Result<Written, SynthError> {
    let fault = |source| SynthError::Parquet {
        path: path.to_owned(),
        source,
    };
    let schema = Arc::new(schema());
    let columns = columns(billing_period, truths);
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|source| fault(source.into()))?;
    let mut writer = ArrowWriter::try_new(
        OutFile::create(path.to_owned())?,
        schema,
        Some(properties()?),
    )
    .map_err(fault)?;
    writer.write(&batch).map_err(fault)?;
    let file = writer.into_inner().map_err(fault)?;
    Ok(Written {
        files: 1,
        bytes: file.close()?,
    })
}

fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let amount = |name: String| Field::new(name, AMOUNT_TYPE, false);
    let fields = TEXTS.into_iter().map(text);
    let fields = fields.chain(amount_names().into_iter().map(amount));
    Schema::new(fields.chain(LAST_TEXTS.map(text)).collect::<Vec<_>>())
}

fn columns(billing_period: &str, truths: &[Truth]) -> Vec<ArrayRef> {
    let texts: Vec<_> = truths
        .iter()
        .map(|truth| truth.texts(billing_period))
        .collect();
    let amounts: Vec<_> = truths.iter().map(Truth::amounts).collect();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for at in 0..TEXTS.len() {
        let cells = texts.iter().map(|row| Some(row[at].as_str()));
        columns.push(Arc::new(cells.collect::<StringArray>()));
    }
    for at in 0..AMOUNTS {
        let cells = amounts.iter().map(|row| Some(row[at]));
        let array = cells
            .collect::<Decimal128Array>()
            .with_data_type(AMOUNT_TYPE);
        columns.push(Arc::new(array));
    }
    for at in 0..LAST_TEXTS.len() {
        let cells = truths.iter().map(|truth| Some(truth.last_texts()[at]));
        columns.push(Arc::new(cells.collect::<StringArray>()));
    }
    columns
}
