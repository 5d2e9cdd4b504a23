//! The truth beside the data: what was planted, and what it must come to.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use super::SynthError;
use super::catalogue::Meter;
use super::partner::{Partner, Plan};
use super::write::{OutFile, Written, properties};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PUBLISHED_SCALE, fixed};

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
const AMOUNTS: [&str; 5] = ["expected_amount", "invoiced_amount", "amount", "cause_amount", "rounding_amount"];

/// One planted variance. Amounts are units of 10^-10 of `currency`; ids are canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Truth {
    pub(super) cause: Cause,
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
    /// What the group's rounding would be had nothing been planted.
    pub(super) rounding: i128,
}

impl Truth {
    fn texts(&self, billing_period: &str) -> [String; 12] {
        [
            self.cause.name().to_owned(),
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

    fn amounts(&self) -> [i128; 5] {
        let amount = self.invoiced - self.expected;
        [self.expected, self.invoiced, amount, amount - self.rounding, self.rounding]
    }

    fn status(&self) -> Status {
        match self.cause {
            Cause::Rounding => Status::WithinTolerance,
            Cause::OutOfScope => Status::OutOfScope,
            _ => Status::Break,
        }
    }
}

/// Cents as a published amount.
pub(super) fn cents(amount: i128) -> i128 {
    amount * 10_i128.pow(PUBLISHED_SCALE - 2)
}

/// The truth of a planted group; `None` where its rounding happens to be zero and nothing differs.
pub(super) fn truth_of(
    cause: Cause,
    plan: &Plan,
    meter: &Meter,
    earned: bool,
    expected: i128,
    invoiced: i128,
    rounding: i128,
) -> Option<Truth> {
    let (expected, invoiced, rounding) = match cause {
        Cause::MissingUsage => (0, invoiced, 0),
        Cause::MissingInvoice => (expected, 0, 0),
        // The charge itself agrees; the credit is the difference.
        Cause::Credit => (0, -invoiced, 0),
        _ => (expected, invoiced, rounding),
    };
    let price_adjustment = match cause {
        Cause::Credit => "azure credit",
        _ if earned => "15% partner earned credit",
        _ => "",
    };
    (expected != invoiced).then(|| Truth {
        cause,
        tie_out: TieOut::UsageToInvoice,
        invoice_number: plan.customer.invoice.number.clone(),
        customer_id: plan.customer.id.clone(),
        subscription_id: plan.id.clone(),
        product_id: meter.product_id.clone(),
        sku_id: meter.sku_id.clone(),
        availability_id: meter.availability_id.clone(),
        meter_description: meter.meter_name.clone(),
        price_adjustment,
        currency: plan.customer.invoice.currency,
        expected,
        invoiced,
        rounding,
    })
}

/// The truth of a header that asks for more than its lines; both in cents.
pub(super) fn header_truth(partner: &Partner, lines: i128, header: i128) -> Truth {
    Truth {
        cause: Cause::Tax,
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
        rounding: 0,
    }
}

/// Writes `truth.csv` and `truth.parquet`, in the order of the causes.
pub(super) fn write(out: &Path, billing_period: &str, truths: &mut [Truth]) -> Result<Written, SynthError> {
    truths.sort();
    let mut csv = OutFile::create(out.join("truth.csv"))?;
    csv.put(table(billing_period, truths).as_bytes())?;
    let written = Written { files: 1, bytes: csv.close()? };
    Ok(written.and(write_parquet(&out.join("truth.parquet"), billing_period, truths)?))
}

fn table(billing_period: &str, truths: &[Truth]) -> String {
    let mut text = TEXTS.iter().chain(&AMOUNTS).copied().chain(["status"]).collect::<Vec<_>>().join(",");
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

fn write_parquet(path: &Path, billing_period: &str, truths: &[Truth]) -> Result<Written, SynthError> {
    let fault = |source| SynthError::Parquet { path: path.to_owned(), source };
    let decimal = DataType::Decimal128(28, 10);
    let mut fields: Vec<Field> = TEXTS.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    fields.extend(AMOUNTS.iter().map(|name| Field::new(*name, decimal.clone(), false)));
    fields.push(Field::new("status", DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields));

    let texts: Vec<_> = truths.iter().map(|truth| truth.texts(billing_period)).collect();
    let amounts: Vec<_> = truths.iter().map(Truth::amounts).collect();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for at in 0..TEXTS.len() {
        columns.push(Arc::new(texts.iter().map(|row| Some(row[at].as_str())).collect::<StringArray>()));
    }
    for at in 0..AMOUNTS.len() {
        let array = amounts.iter().map(|row| Some(row[at])).collect::<Decimal128Array>().with_data_type(decimal.clone());
        columns.push(Arc::new(array));
    }
    columns.push(Arc::new(truths.iter().map(|truth| Some(truth.status().name())).collect::<StringArray>()));

    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|fault_| fault(fault_.into()))?;
    let mut writer = ArrowWriter::try_new(OutFile::create(path.to_owned())?, schema, Some(properties()?)).map_err(fault)?;
    writer.write(&batch).map_err(fault)?;
    let file = writer.into_inner().map_err(fault)?;
    Ok(Written { files: 1, bytes: file.close()? })
}
