//! What every answer of Partner Center and Graph holds, as typed columns: for `--tables`, and for the
//! totals of what was fetched. One table of sets; a new dataset is one entry.

mod fields;
mod sets;

pub use self::sets::RECORD_SETS;

use super::dataset::{Dataset, Kind, Need, normalise};
use super::decimal::{AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE, RATE_SCALE};

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Text.
    Text,
    /// Decimal number of this many decimals, 38 digits in all.
    Decimal(u32),
    /// A calendar day.
    Date,
    /// An instant, UTC.
    Timestamp,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// JSON, as it came.
    Json,
}

impl RecordType {
    /// An amount of money.
    pub const AMOUNT: Self = Self::Decimal(AMOUNT_SCALE);
    /// A quantity.
    pub const QUANTITY: Self = Self::Decimal(QUANTITY_SCALE);
    /// A price of one unit.
    pub const PRICE: Self = Self::Decimal(PRICE_SCALE);
    /// A rate, a fraction or a percentage.
    pub const RATE: Self = Self::Decimal(RATE_SCALE);

    /// Its SQL type.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Text | Self::Json => "TEXT".to_owned(),
            Self::Decimal(scale) => format!("DECIMAL(38,{scale})"),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMPTZ".to_owned(),
            Self::Integer => "BIGINT".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
        }
    }
}

/// A column of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the column, in snake case.
    pub name: &'static str,
    /// Dotted paths in an item, `|` between alternatives; compared without case and punctuation.
    pub path: &'static str,
    /// Its type.
    pub record_type: RecordType,
    /// Whether it is summed up.
    pub is_measure: bool,
}

/// How an answer becomes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each item is a row; a single object is one.
    Items,
    /// Each tier of each meter is a row, and each offer term.
    RateCard,
    /// Each invoice is a row, and each amendment in it.
    Invoices,
    /// Each balance is a row, and each detail in it.
    Balances,
}

/// Columns of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// As listed.
    Listed(&'static [Field]),
    /// All columns of a dataset of files, and some that only the API has.
    OfDataset(Dataset, &'static [Field]),
}

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Name of the dataset, and of its table.
    pub name: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// `attributes.objectType` of its items; empty where they have none.
    pub object_types: &'static [&'static str],
    /// How an answer becomes rows.
    pub shape: Shape,
    /// Columns that the answer itself lacks, and the request had: they come first.
    pub context: &'static [&'static str],
    /// Columns.
    pub fields: Fields,
    /// Column that says in which currency the amounts are; empty for none.
    pub currency: &'static str,
}

/// A column as it is read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordColumn {
    /// Name, in snake case.
    pub name: String,
    /// Normalised dotted paths.
    pub paths: Vec<String>,
    /// Its type.
    pub record_type: RecordType,
    /// Whether it is summed up.
    pub is_measure: bool,
    /// Whether a row without it cannot be used.
    pub is_needed: bool,
}

impl RecordSet {
    /// The set of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RECORD_SETS.iter().find(|set| set.name == name)
    }

    /// Its columns, without those of the context.
    #[must_use]
    pub fn columns(&self) -> Vec<RecordColumn> {
        match self.fields {
            Fields::Listed(fields) => fields.iter().map(RecordColumn::of).collect(),
            Fields::OfDataset(dataset, more) => {
                let columns = dataset.columns().iter().map(|column| {
                    let record_type = match column.kind {
                        Kind::Text(_) => RecordType::Text,
                        Kind::Decimal(scale) => RecordType::Decimal(scale),
                        Kind::Date => RecordType::Date,
                    };
                    let aliases = column.aliases.iter().map(|alias| (*alias).to_owned());
                    RecordColumn {
                        name: snake_case(column.name),
                        paths: std::iter::once(normalise(column.name))
                            .chain(aliases)
                            .collect(),
                        record_type,
                        is_measure: ["BillingPreTaxTotal", "Subtotal", "Quantity"]
                            .contains(&column.name),
                        is_needed: column.need == Need::Value,
                    }
                });
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
            // What is summed must be there: a sum without it would lack it silently.
            is_needed: field.is_measure,
        }
    }
}

/// `PCToBCExchangeRate` as `pc_to_bc_exchange_rate`.
#[must_use]
pub fn snake_case(name: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_name_and_one_path_each() {
        assert_eq!(
            snake_case("PCToBCExchangeRateDate"),
            "pc_to_bc_exchange_rate_date"
        );
        assert_eq!(snake_case("ResourceURI"), "resource_uri");
        assert_eq!(snake_case("Tier2MpnId"), "tier2_mpn_id");
        for set in RECORD_SETS {
            let columns = set.columns();
            let mut names: Vec<&str> = columns
                .iter()
                .map(|column| column.name.as_str())
                .chain(set.context.iter().copied())
                .collect();
            let mut paths: Vec<&String> = columns.iter().flat_map(|column| &column.paths).collect();
            let counts = (names.len(), paths.len());
            names.sort_unstable();
            names.dedup();
            paths.sort();
            paths.dedup();
            assert_eq!((names.len(), paths.len()), counts, "{}", set.name);
            assert!(
                set.currency.is_empty() || names.contains(&set.currency),
                "{}",
                set.name
            );
        }
    }
}
