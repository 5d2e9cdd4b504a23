//! The truth beside the data: what was planted, and what it must come to.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use super::SynthError;
use super::partner::Partner;
use super::usage::TOTAL_SCALE;
use super::write::{OutFile, Written, properties};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{self, PUBLISHED_SCALE, Rounding, fixed};

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
const AMOUNTS: usize = 3 + Cause::ALL.len();

/// What each cause comes to, by [`Cause::ALL`], in units of 10^-10.
pub(super) type Parts = [i128; Cause::ALL.len()];

/// Adds to a cause.
pub(super) fn add(parts: &mut Parts, cause: Cause, amount: i128) {
    parts[cause as usize] += amount;
}

/// Names of the amounts: expected, invoiced, their difference, and the parts of it.
fn amount_names() -> Vec<String> {
    let sides = ["expected_amount", "invoiced_amount", "amount"].map(str::to_owned);
    sides
        .into_iter()
        .chain(Cause::ALL.map(|cause| format!("{}_amount", cause.name())))
        .collect()
}

/// One planted variance. Amounts are units of 10^-10 of `currency`; ids are canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Truth {
    /// In the order in which they are taken apart.
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
    /// What each cause comes to; they add up to the difference.
    pub(super) parts: Parts,
}

impl Truth {
    fn texts(&self, billing_period: &str) -> [String; 12] {
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

    fn amounts(&self) -> [i128; AMOUNTS] {
        let amount = self.invoiced - self.expected;
        assert_eq!(
            self.parts.iter().sum::<i128>(),
            amount,
            "the parts of a truth add up: {self:?}"
        );
        let mut amounts = [self.expected, self.invoiced, amount]
            .into_iter()
            .chain(self.parts);
        std::array::from_fn(|_| amounts.next().unwrap_or(0))
    }

    fn status(&self) -> Status {
        match self.causes.as_slice() {
            [Cause::Rounding] => Status::WithinTolerance,
            [Cause::OutOfScope] => Status::OutOfScope,
            _ => Status::Break,
        }
    }
}

/// Cents as a published amount.
pub(super) fn cents(amount: i128) -> i128 {
    amount * 10_i128.pow(PUBLISHED_SCALE - 2)
}

/// An amount of 15 decimals as it is published, rounded half up.
pub(super) fn published(amount: i128) -> i128 {
    decimal::divide(
        amount,
        10_i128.pow(TOTAL_SCALE - PUBLISHED_SCALE),
        Rounding::HalfUp,
    )
}

/// Two amounts of one resource: their sum is rounded half up, and the pieces add up to it by largest
/// remainder.
pub(super) fn published_pieces(amounts: [i128; 2]) -> [i128; 2] {
    let unit = 10_i128.pow(TOTAL_SCALE - PUBLISHED_SCALE);
    let [first, second] = amounts.map(|amount| (amount.div_euclid(unit), amount.rem_euclid(unit)));
    let [mut left, mut right] = [first.0, second.0];
    for given in 0..published(amounts.iter().sum()) - left - right {
        let to_first = (first.1 >= second.1) == (given == 0);
        *(if to_first { &mut left } else { &mut right }) += 1;
    }
    [left, right]
}

/// The truth of a header that leaves the tax of its lines out; both in cents.
pub(super) fn header_truth(partner: &Partner, lines: i128, header: i128) -> Truth {
    let mut parts = Parts::default();
    add(&mut parts, Cause::Tax, cents(header - lines));
    Truth {
        causes: vec![Cause::Tax],
        tie_out: TieOut::LinesToInvoice,
        invoice_number: partner.invoices[0].number.clone(),
        customer_id: String::new(),
        subscription_id: String::new(),
        product_id: String::new(),
        sku_id: String::new(),
        availability_id: String::new(),
        meter_description: String::new(),
        price_adjustment: "",
        currency: partner.invoices[0].currency,
        expected: cents(lines),
        invoiced: cents(header),
        parts,
    }
}

/// Writes `truth.csv` and `truth.parquet`, in the order of the causes.
pub(super) fn write(
    out: &Path,
    billing_period: &str,
    truths: &mut [Truth],
) -> Result<Written, SynthError> {
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
        .chain(["status".to_owned()]);
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
        text.push_str(truth.status().name());
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
    let decimal = DataType::Decimal128(28, 10);
    let mut fields: Vec<Field> = TEXTS
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, false))
        .collect();
    fields.extend(
        amount_names()
            .into_iter()
            .map(|name| Field::new(name, decimal.clone(), false)),
    );
    fields.push(Field::new("status", DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields));

    let texts: Vec<_> = truths
        .iter()
        .map(|truth| truth.texts(billing_period))
        .collect();
    let amounts: Vec<_> = truths.iter().map(Truth::amounts).collect();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for at in 0..TEXTS.len() {
        columns.push(Arc::new(
            texts
                .iter()
                .map(|row| Some(row[at].as_str()))
                .collect::<StringArray>(),
        ));
    }
    for at in 0..AMOUNTS {
        let array = amounts
            .iter()
            .map(|row| Some(row[at]))
            .collect::<Decimal128Array>()
            .with_data_type(decimal.clone());
        columns.push(Arc::new(array));
    }
    columns.push(Arc::new(
        truths
            .iter()
            .map(|truth| Some(truth.status().name()))
            .collect::<StringArray>(),
    ));

    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|fault_| fault(fault_.into()))?;
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
