//! The columns of the kept tables, and the input columns that they are filled from.

use crate::engine::rules::domain::Domain;
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, Kind, Need, USAGE, position};
use crate::model::decimal::{PUBLISHED_LIMIT, PUBLISHED_SCALE, Rounding, power_of_ten, rescale};
use crate::model::ids::{Fold, display, fold};
use crate::model::row::Cell;
use crate::model::tables::{Table, analyst};
use crate::reports::coded_column::{push_day, push_text};

/// A kept table, and where its cells come from.
#[derive(Debug)]
pub(crate) struct RowLayout {
    pub(crate) table: &'static Table,
    columns: &'static [Column],
    /// Position of the input column of each column of the table.
    sources: &'static [usize],
    /// Positions of the input columns that are handed over for this alone.
    pub(crate) carried: Vec<usize>,
    /// Positions of the invoice and the currency among the input columns, by which rows are counted.
    account: [usize; 2],
    /// Position in the table of their amount.
    pub(super) amount: usize,
    /// Position in the table of the resource, and of what is nearly always the same for one.
    resource: Option<(usize, Vec<usize>)>,
}

/// What an input column gives to a column of a kept table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filled {
    /// A text; folded where that is more than its case and its blanks.
    Text(Option<Fold>),
    /// A number of ten decimals.
    Number,
    /// A part of a whole, in per cent.
    Share,
    /// A day of the calendar.
    Day,
}

const fn places<const N: usize>(columns: &[Column], names: [&str; N]) -> [usize; N] {
    let mut places = [0; N];
    let mut at = 0;
    while at < N {
        places[at] = position(columns, names[at]);
        at += 1;
    }
    places
}

/// Input columns of [`analyst::USAGE_DAILY`], in its order.
const USAGE_SOURCES: [usize; analyst::USAGE_DAILY.columns.len()] = places(
    USAGE,
    [
        "InvoiceNumber",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "SubscriptionId",
        "SubscriptionDescription",
        "EntitlementId",
        "EntitlementDescription",
        "ProductId",
        "ProductName",
        "SkuId",
        "SkuName",
        "AvailabilityId",
        "PublisherName",
        "PublisherId",
        "MpnId",
        "Tier2MpnId",
        "PartnerId",
        "PartnerName",
        "MeterId",
        "MeterName",
        "MeterType",
        "MeterCategory",
        "MeterSubCategory",
        "MeterRegion",
        "ResourceURI",
        "ResourceGroup",
        "ResourceLocation",
        "ConsumedService",
        "Tags",
        "UsageDate",
        "ChargeType",
        "Quantity",
        "Unit",
        "UnitPrice",
        "EffectiveUnitPrice",
        "BillingPreTaxTotal",
        "BillingCurrency",
        "PricingPreTaxTotal",
        "PricingCurrency",
        "PCToBCExchangeRate",
        "PartnerEarnedCreditPercentage",
        "CreditPercentage",
        "CreditType",
        "BenefitType",
        "BenefitId",
        "BenefitOrderId",
    ],
);

/// Columns of [`analyst::USAGE_DAILY`] with many values, of which a resource nearly always has one.
const OF_A_RESOURCE: [&str; 2] = ["resource_group", "tags"];

/// Input columns of [`analyst::INVOICE_LINES`], in its order.
const LINE_SOURCES: [usize; analyst::INVOICE_LINES.columns.len()] = places(
    INVOICE_LINES,
    [
        "InvoiceNumber",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "SubscriptionId",
        "SubscriptionDescription",
        "SubscriptionStartDate",
        "SubscriptionEndDate",
        "OrderId",
        "OrderDate",
        "ProductId",
        "ProductName",
        "ProductCategory",
        "SkuId",
        "SkuName",
        "AvailabilityId",
        "PublisherName",
        "PublisherId",
        "MpnId",
        "ResellerMpnId",
        "PartnerId",
        "MeterDescription",
        "ChargeType",
        "ChargeStartDate",
        "ChargeEndDate",
        "TermAndBillingCycle",
        "BillingFrequency",
        "UnitType",
        "Quantity",
        "BillableQuantity",
        "UnitPrice",
        "EffectiveUnitPrice",
        "Subtotal",
        "TaxTotal",
        "Total",
        "Currency",
        "PricingCurrency",
        "PCToBCExchangeRate",
        "PCToBCExchangeRateDate",
        "PriceAdjustmentDescription",
        "PromotionId",
        "CreditReasonCode",
        "ReservationOrderId",
        "AlternateId",
        "ReferenceId",
        "ProductQualifiers",
    ],
);

impl RowLayout {
    /// Layout of the rows of a dataset; `None` for one whose rows are not kept.
    pub(crate) fn of(dataset: Dataset) -> Option<Self> {
        let (table, columns, sources, counted): (_, _, &'static [usize], _) = match dataset {
            Dataset::Usage => (
                &analyst::USAGE_DAILY,
                USAGE,
                &USAGE_SOURCES,
                const {
                    places(
                        USAGE,
                        ["InvoiceNumber", "BillingCurrency", "BillingPreTaxTotal"],
                    )
                },
            ),
            Dataset::InvoiceLines => (
                &analyst::INVOICE_LINES,
                INVOICE_LINES,
                &LINE_SOURCES,
                const { places(INVOICE_LINES, ["InvoiceNumber", "Currency", "Subtotal"]) },
            ),
            Dataset::Invoices | Dataset::UnbilledUsage => return None,
        };
        let is_unread = |at: &usize| columns[*at].need == Need::Unread;
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let [invoice, currency, amount] = counted;
        Some(Self {
            table,
            columns,
            sources,
            account: [invoice, currency],
            amount: sources.iter().position(|at| *at == amount)?,
            resource: place("resource_uri")
                .map(|at| (at, OF_A_RESOURCE.into_iter().filter_map(place).collect())),
            carried: sources.iter().copied().filter(is_unread).collect(),
        })
    }

    /// Position in the table of the column whose value nearly always tells that of a column.
    pub(super) fn leader(&self, column: usize) -> Option<usize> {
        let (leader, led) = self.resource.as_ref()?;
        led.contains(&column).then_some(*leader)
    }

    /// Input column of each column of the table, with what it gives.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, Filled)> {
        self.sources.iter().map(|at| (*at, self.filled_by(*at)))
    }

    fn filled_by(&self, at: usize) -> Filled {
        let column = &self.columns[at];
        match column.kind {
            // Azure tells resource groups apart by no case.
            Kind::Text(Fold::Text) if column.name == "ResourceGroup" => {
                Filled::Text(Some(Domain::ResourceGroup.fold_kind()))
            }
            Kind::Text(Fold::Text) => Filled::Text(None),
            Kind::Text(kind) => Filled::Text(Some(kind)),
            Kind::Decimal(_) if column.name.ends_with("Percentage") => Filled::Share,
            Kind::Decimal(_) => Filled::Number,
            Kind::Date => Filled::Day,
        }
    }

    /// Adds what a cell of a text or a day says to the values of its column, as the file has it: nothing
    /// where there is no day.
    ///
    /// # Panics
    /// For a column of numbers, which are known by no codes.
    pub(super) fn push_value(&self, source: (usize, Filled), cell: &Cell<'_>, into: &mut Vec<u8>) {
        let (at, filled) = source;
        match filled {
            Filled::Text(kind) => {
                let bytes = cell.bytes();
                let text = String::from_utf8_lossy(&bytes);
                match kind {
                    Some(kind) => push_text(into, &fold(kind, &text)),
                    None => push_text(into, &display(Fold::Text, &text)),
                }
            }
            Filled::Day => {
                if let Some(day) = self.day(at, cell) {
                    push_day(into, day);
                }
            }
            Filled::Number | Filled::Share => unreachable!("numbers have no codes"),
        }
    }

    /// Number of a cell in the units of its input column, 0 where there is none; and in units of 10^-10,
    /// rounded half up, `None` where there is none that fits. A share is in per cent then: one of 1 or
    /// less is a fraction, as the first API writes it.
    pub(super) fn number(&self, source: (usize, Filled), cell: &Cell<'_>) -> (i128, Option<i128>) {
        let column = &self.columns[source.0];
        let Kind::Decimal(scale) = column.kind else {
            return (0, None);
        };
        let Ok(Some(parsed)) = cell.decimal(column.name, scale) else {
            return (0, None);
        };
        // More digits than a column has would be cut off without a word.
        let number = rescale(parsed.value, scale, PUBLISHED_SCALE, Rounding::HalfUp)
            .filter(|number| number.abs() <= PUBLISHED_LIMIT);
        let is_fraction = |number: &i128| number.abs() <= power_of_ten(PUBLISHED_SCALE);
        let number = match (source.1, number) {
            (Filled::Share, Some(share)) if is_fraction(&share) => Some(share * 100),
            (_, number) => number,
        };
        (parsed.value, number)
    }

    /// Day of a cell; `None` where there is none.
    fn day(&self, at: usize, cell: &Cell<'_>) -> Option<i32> {
        cell.day(self.columns[at].name).ok()?
    }

    /// Cells of the invoice and the currency of a row.
    pub(super) fn account<'c, 'a>(&self, cells: &'c [Cell<'a>]) -> [&'c Cell<'a>; 2] {
        self.account.map(|at| &cells[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decimal::AMOUNT_SCALE;
    use crate::model::tables::ColumnType;

    #[test]
    fn every_column_is_filled_by_one_of_its_kind() {
        for dataset in [Dataset::Usage, Dataset::InvoiceLines] {
            let layout = RowLayout::of(dataset).expect("its rows are kept");
            assert_eq!(layout.sources.len(), layout.table.columns.len());
            for ((at, filled), column) in layout.filled().zip(layout.table.columns) {
                let wanted = match filled {
                    Filled::Text(_) => ColumnType::Text,
                    Filled::Number | Filled::Share => ColumnType::DecimalOrNull,
                    Filled::Day => ColumnType::Date,
                };
                let source = dataset.columns()[at].name;
                assert_eq!(column.column_type, wanted, "{source} to {}", column.name);
                let is_amount = layout.sources[layout.amount] == at;
                let kind = dataset.columns()[at].kind;
                assert!(!is_amount || matches!(kind, Kind::Decimal(AMOUNT_SCALE)));
                let is_folded = matches!(filled, Filled::Text(Some(_)));
                let is_id = column.meaning.contains("folded");
                assert!(is_folded || !is_id, "{source} to {}", column.name);
            }
        }
    }

    /// Published number of a text in a column of usage.
    fn number(column: &str, filled: Filled, text: &str) -> Option<i128> {
        let layout = RowLayout::of(Dataset::Usage).expect("its rows are kept");
        let cell = Cell::Text(text.as_bytes().into());
        layout.number((position(USAGE, column), filled), &cell).1
    }

    #[test]
    fn fractions_and_percentages_are_one() {
        let share = |text| number("PartnerEarnedCreditPercentage", Filled::Share, text);
        assert_eq!(share("0.15"), share("15"));
        assert_eq!(share("15"), Some(15 * power_of_ten(PUBLISHED_SCALE)));
        assert_eq!(share(""), None);
    }

    #[test]
    fn a_number_of_more_digits_than_the_column_is_none() {
        let number = |text| number("Quantity", Filled::Number, text);
        assert_eq!(
            number("99999999999999999.9999999999"),
            Some(10_i128.pow(27) - 1)
        );
        assert_eq!(number("1000000000000000000"), None);
        assert_eq!(number("0.00000000005"), Some(1));
    }
}
