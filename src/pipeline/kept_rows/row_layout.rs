//! The columns of the kept tables, and the input columns that they are filled from.

use crate::engine::rules::domain::Domain;
use crate::model::dataset::{Column, Dataset, INVOICE_LINES, Kind, Need, USAGE, position};
use crate::model::decimal::{
    AMOUNT_SCALE, PUBLISHED_LIMIT, PUBLISHED_SCALE, Rounding, power_of_ten, rescale,
};
use crate::model::ids::Fold;
use crate::model::row::Cell;
use crate::model::tables::{Table, analyst};

/// A kept table, and where its cells come from.
#[derive(Debug)]
pub(crate) struct RowLayout {
    pub(crate) table: &'static Table,
    columns: &'static [Column],
    /// Position of the input column of each column of the table.
    sources: &'static [usize],
    /// Positions of the input columns that are handed over for this alone.
    pub(crate) carried: Vec<usize>,
    /// Position of the invoice, the currency and the amount, by which rows are counted.
    counted: [usize; 3],
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
        Some(Self {
            table,
            columns,
            sources,
            carried: sources.iter().copied().filter(is_unread).collect(),
            counted,
        })
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

    /// Number of a cell in units of 10^-10, rounded half up; `None` where there is none that fits.
    pub(crate) fn number(&self, at: usize, cell: &Cell<'_>) -> Option<i128> {
        let column = &self.columns[at];
        let Kind::Decimal(scale) = column.kind else {
            return None;
        };
        let parsed = cell.decimal(column.name, scale).ok()??;
        // More digits than a column has would be cut off without a word.
        rescale(parsed.value, scale, PUBLISHED_SCALE, Rounding::HalfUp)
            .filter(|number| number.abs() <= PUBLISHED_LIMIT)
    }

    /// Share of a cell in per cent, in units of 10^-10: one of 1 or less is a fraction, as the first
    /// API writes it.
    pub(crate) fn share(&self, at: usize, cell: &Cell<'_>) -> Option<i128> {
        let found = self.number(at, cell)?;
        let is_fraction = found.abs() <= power_of_ten(PUBLISHED_SCALE);
        Some(if is_fraction { found * 100 } else { found })
    }

    /// Day of a cell; `None` where there is none.
    pub(crate) fn day(&self, at: usize, cell: &Cell<'_>) -> Option<i32> {
        cell.day(self.columns[at].name).ok()?
    }

    /// Cells of the invoice and the currency of a row, and its amount in units of 10^-20.
    pub(crate) fn counted<'c, 'a>(&self, cells: &'c [Cell<'a>]) -> ([&'c Cell<'a>; 2], i128) {
        let [invoice, currency, amount] = self.counted;
        let name = self.columns[amount].name;
        // A row whose amount cannot be read was not counted, and does not come here.
        let parsed = cells[amount].decimal(name, AMOUNT_SCALE).ok().flatten();
        (
            [&cells[invoice], &cells[currency]],
            parsed.map_or(0, |parsed| parsed.value),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                let is_folded = matches!(filled, Filled::Text(Some(_)));
                let is_id = column.meaning.contains("folded");
                assert!(is_folded || !is_id, "{source} to {}", column.name);
            }
        }
    }

    #[test]
    fn fractions_and_percentages_are_one() {
        let layout = RowLayout::of(Dataset::Usage).expect("its rows are kept");
        let at = position(USAGE, "PartnerEarnedCreditPercentage");
        let share = |text: &'static str| {
            layout.share(at, &Cell::Text(std::borrow::Cow::Borrowed(text.as_bytes())))
        };
        assert_eq!(share("0.15"), share("15"));
        assert_eq!(share("15"), Some(15 * power_of_ten(PUBLISHED_SCALE)));
        assert_eq!(share(""), None);
    }

    #[test]
    fn a_number_of_more_digits_than_the_column_is_none() {
        let layout = RowLayout::of(Dataset::Usage).expect("its rows are kept");
        let at = position(USAGE, "Quantity");
        let number = |text: &'static str| {
            layout.number(at, &Cell::Text(std::borrow::Cow::Borrowed(text.as_bytes())))
        };
        assert_eq!(
            number("99999999999999999.9999999999"),
            Some(10_i128.pow(27) - 1)
        );
        assert_eq!(number("1000000000000000000"), None);
        assert_eq!(number("0.00000000005"), Some(1));
    }
}
