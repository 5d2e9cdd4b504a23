//! Shape of a record set: its columns, their types, and how an answer becomes rows.

use crate::model::dataset::{Column, Dataset, Kind, Need, normalise};
use crate::model::decimal::{AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE};

/// Columns of datasets of files that are summed for the totals of what was fetched.
const FILE_MEASURES: [&str; 3] = ["BillingPreTaxTotal", "Subtotal", "Quantity"];

/// Type of a column of a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Text, as it came.
    Text,
    /// Decimal number of 38 digits, this many of them decimals.
    Decimal(u32),
    /// Calendar day; of an instant the UTC day.
    Date,
    /// Instant in UTC, whatever zone it came in.
    Timestamp,
    /// Whole number of 64 bits.
    Integer,
    /// True or false, as JSON has them.
    Boolean,
    /// Object or list, kept as the JSON text that came.
    Json,
}

impl RecordType {
    /// Amount of money, at the scale at which amounts are summed.
    pub const AMOUNT: Self = Self::Decimal(AMOUNT_SCALE);
    /// Quantity, at the scale at which quantities are summed.
    pub const QUANTITY: Self = Self::Decimal(QUANTITY_SCALE);
    /// Price of one unit, in the currency of the row.
    pub const PRICE: Self = Self::Decimal(PRICE_SCALE);
    /// Exchange rate, fraction or percentage.
    pub const RATE: Self = Self::Decimal(RATE_SCALE);

    /// SQL type, as the data dictionary names it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            // SQL's JSON types differ too much between readers.
            Self::Text | Self::Json => "TEXT".to_owned(),
            Self::Decimal(scale) => format!("DECIMAL(38,{scale})"),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMPTZ".to_owned(),
            Self::Integer => "BIGINT".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
        }
    }
}

/// Column of a record set, as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the column, in snake case.
    pub name: &'static str,
    /// Dotted paths in an item, `|` between alternatives; compared without case and punctuation.
    pub path: &'static str,
    /// Type of the column's cells.
    pub record_type: RecordType,
    /// True if the column is summed for the totals of what was fetched.
    pub is_measure: bool,
}

/// Way in which an answer becomes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each item of the collection is a row; an answer that is a single object is one row.
    Items,
    /// Each tier of each meter is a row, and each offer term
    /// ([resources §B](crate::model::domain::resources), `AzureRateCard`).
    RateCard,
    /// Each invoice is a row, and each amendment nested in it.
    Invoices,
    /// Each balance is a row, and each detail nested in it.
    Balances,
    /// Each row of a CSV file is a row.
    Sheet,
}

/// Source of a record set's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Columns of this list, in its order.
    Listed(&'static [Field]),
    /// All columns of a dataset of files, and behind them those that only the API has.
    OfDataset(Dataset, &'static [Field]),
}

/// Kind of answer: its rows, and where their columns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Name of the dataset, and of its table.
    pub name: &'static str,
    /// Meaning of a row, as the data dictionary prints it.
    pub row: &'static str,
    /// `attributes.objectType` of its items; empty where they have none.
    pub object_types: &'static [&'static str],
    /// Way in which an answer becomes rows.
    pub shape: Shape,
    /// Columns that the answer lacks and the request had, as the customer's id: they come first.
    pub context: &'static [&'static str],
    /// Source of the columns behind those of the context.
    pub fields: Fields,
    /// Name of the column that holds the currency of the amounts; empty where the answer has none.
    pub currency: &'static str,
}

/// Column of a record set, as it is read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordColumn {
    /// Name of the column, in snake case.
    pub name: String,
    /// Dotted paths in an item, in [`normalise`]d form; any of them names the value.
    pub paths: Vec<String>,
    /// Type of the column's cells.
    pub record_type: RecordType,
    /// True if the column is summed for the totals of what was fetched.
    pub is_measure: bool,
    /// True if a row without a value in the column cannot be used.
    pub is_needed: bool,
}

impl RecordSet {
    /// Columns of the set, without those of the context.
    #[must_use]
    pub fn columns(&self) -> Vec<RecordColumn> {
        match self.fields {
            Fields::Listed(fields) => fields.iter().map(RecordColumn::of).collect(),
            Fields::OfDataset(dataset, more) => {
                let columns = dataset.columns().iter().map(RecordColumn::of_file);
                columns.chain(more.iter().map(RecordColumn::of)).collect()
            }
        }
    }
}

impl RecordColumn {
    fn of(field: &Field) -> Self {
        let plain = |path: &str| path.split('.').map(normalise).collect::<Vec<_>>().join(".");
        Self {
            name: field.name.to_owned(),
            paths: field.path.split('|').map(plain).collect(),
            record_type: field.record_type,
            is_measure: field.is_measure,
            // A sum over rows without the number would be too small without anybody noticing.
            is_needed: field.is_measure,
        }
    }

    /// Column of a dataset of files, as the API answers it.
    fn of_file(column: &Column) -> Self {
        let aliases = column.aliases.iter().map(|alias| (*alias).to_owned());
        Self {
            name: snake_case(column.name),
            paths: std::iter::once(normalise(column.name))
                .chain(aliases)
                .collect(),
            record_type: match column.kind {
                Kind::Text(_) => RecordType::Text,
                Kind::Decimal(scale) => RecordType::Decimal(scale),
                Kind::Date => RecordType::Date,
            },
            is_measure: FILE_MEASURES.contains(&column.name),
            is_needed: column.need == Need::Value,
        }
    }
}

/// Microsoft's name of a column in snake case, as `pc_to_bc_exchange_rate` for
/// `PCToBCExchangeRate`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    // Letter by letter, abbreviations would fall apart: `p_c_to_b_c`.
    let name = name.replace("PCToBC", "PcToBc").replace("URI", "Uri");
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
