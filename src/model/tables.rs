//! The published tables: every column's name, type and meaning, in order. The writers, the data
//! dictionary and `explain` read this one table.
//!
//! Order, names and types are the contract with whoever reads a run's output: one precision and
//! scale for each column, for ever ([quirks](crate::model::domain::quirks), readers of our output).
//! The texts are published too, by `tieout schema`.

use super::dataset::is_same_name;

/// Type of a published column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text; empty where there is nothing.
    Text,
    /// DATE; null where there is nothing.
    Date,
    /// INT64, a count or a line number; never null.
    Integer,
    /// DECIMAL(28,10): 28 digits in all, ten of them decimals; never null.
    Decimal,
    /// DECIMAL(28,10); null where there is nothing.
    DecimalOrNull,
    /// BOOLEAN, whether a law holds; never null.
    Boolean,
}

impl ColumnType {
    /// SQL type, as the data dictionary names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Date => "DATE",
            Self::Integer => "BIGINT",
            Self::Decimal | Self::DecimalOrNull => "DECIMAL(28,10)",
            Self::Boolean => "BOOLEAN",
        }
    }
}

/// PublishedColumn of a published table.
#[derive(Clone, Copy, Debug)]
pub struct PublishedColumn {
    /// Name of the column, in snake case.
    pub name: &'static str,
    /// Type of the column's cells.
    pub column_type: ColumnType,
    /// Meaning, with unit and sign, as the data dictionary prints it.
    pub meaning: &'static str,
}

/// Published table: a Parquet and a CSV file of each run.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Name of the table; the files are `<name>.parquet` and `<name>.csv`.
    pub name: &'static str,
    /// Meaning of a row, as the data dictionary prints it.
    pub row: &'static str,
    /// Columns, in the order in which they are written.
    pub columns: &'static [PublishedColumn],
}

/// Position of a column in its table. Called in constants only: a misspelt column does not compile.
#[must_use]
pub const fn column_of(table: &Table, name: &str) -> usize {
    let mut at = 0;
    while !is_same_name(table.columns[at].name, name) {
        at += 1;
    }
    at
}

const fn text(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::Text,
        meaning,
    }
}
const fn date(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::Date,
        meaning,
    }
}
const fn count(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::Integer,
        meaning,
    }
}
const fn decimal(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::Decimal,
        meaning,
    }
}

// Columns that several tables share, so that they mean one thing everywhere.
const TIE_OUT: PublishedColumn = text("tie_out", "comparison this row belongs to");
const BILLING_PERIOD: PublishedColumn = text(
    "billing_period",
    "calendar month of the invoice, UTC, as 2026-10",
);
const INVOICE_NUMBER: PublishedColumn =
    text("invoice_number", "invoice id; empty for unbilled data");
const CUSTOMER_ID: PublishedColumn = text(
    "customer_id",
    "customer tenant id, longest spelling, then last in byte order",
);
const CUSTOMER_NAME: PublishedColumn = text("customer_name", "customer name; never a key");
const SUBSCRIPTION_ID: PublishedColumn = text("subscription_id", "plan or licence subscription id");
const PRODUCT_ID: PublishedColumn = text("product_id", "product id");
const SKU_ID: PublishedColumn = text("sku_id", "SKU id, as it came");
const CURRENCY: PublishedColumn = text("currency", "billing currency, ISO 4217");
const USAGE_ROWS: PublishedColumn = count("usage_rows", "usage rows behind this row");
// Variances have the sign of what the partner is asked for: the invoice less the usage, never the
// other way round.
const EXPECTED: PublishedColumn = decimal(
    "expected_amount",
    "what usage says is owed, before tax, in currency; of lines out of scope what they ask for",
);
const INVOICED: PublishedColumn =
    decimal("invoiced_amount", "what the invoice asks for, in currency");
const VARIANCE: PublishedColumn = decimal(
    "variance_amount",
    "invoiced_amount - expected_amount; positive: the invoice asks for more",
);

/// The groups of all tie-outs, with both sides, their variance and its causes.
pub const VARIANCES: Table = Table {
    name: "variances",
    row: "one matched or one-sided group of one tie-out",
    columns: &[
        TIE_OUT,
        BILLING_PERIOD,
        INVOICE_NUMBER,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        SUBSCRIPTION_ID,
        PRODUCT_ID,
        text("product_name", "product name; never a key"),
        SKU_ID,
        text("sku_name", "SKU name; never a key"),
        text("availability_id", "availability id"),
        text(
            "meter_description",
            "meter text of the invoice line, or the usage column it repeats",
        ),
        text("charge_type", "charge types in the group, separated by |"),
        text(
            "price_adjustment",
            "price adjustment: partner earned credit or Azure credit; empty for none",
        ),
        CURRENCY,
        text(
            "matched_on",
            "pass on which both sides met; rule:<name> for out_of_scope; of line-arithmetic what was \
             checked: line, rate, total, lines_above_rule, lines_below_rule; empty for one-sided \
             groups",
        ),
        USAGE_ROWS,
        count("invoice_lines", "invoice lines behind this row"),
        decimal(
            "expected_quantity",
            "usage quantity; of lines out of scope what they bill",
        ),
        decimal(
            "invoiced_quantity",
            "billable quantity of the invoice lines, negative for refunds",
        ),
        decimal("variance_quantity", "invoiced_quantity - expected_quantity"),
        EXPECTED,
        INVOICED,
        VARIANCE,
        decimal(
            "tolerance_amount",
            "largest variance that is no break, in currency, not negative",
        ),
        text(
            "status",
            "tied, within_tolerance, break, awaited or out_of_scope",
        ),
        text(
            "cause",
            "largest part of the variance, rounding only where there is no other, or out_of_scope; \
              empty where there is neither, or the other side is awaited",
        ),
        // One column for each of `Cause::ALL`, in its order; a test holds the two together.
        decimal("rounding_amount", "part of variance_amount: rounding"),
        decimal("fx_amount", "part of variance_amount: exchange rate"),
        decimal("price_amount", "part of variance_amount: unit price"),
        decimal("quantity_amount", "part of variance_amount: quantity"),
        decimal(
            "partner_earned_credit_amount",
            "part of variance_amount: partner earned credit",
        ),
        decimal(
            "promotion_amount",
            "part of variance_amount: promotions and other discounts on the line only",
        ),
        decimal("credit_amount", "part of variance_amount: credits"),
        decimal("tax_amount", "part of variance_amount: tax"),
        decimal(
            "timing_amount",
            "part of variance_amount: late or earlier-cycle usage",
        ),
        decimal(
            "out_of_scope_amount",
            "part of variance_amount; 0, as lines out of scope are no variance",
        ),
        decimal(
            "duplicate_amount",
            "part of variance_amount: lines that came twice",
        ),
        decimal(
            "missing_usage_amount",
            "part of variance_amount: invoiced without usage",
        ),
        decimal(
            "missing_invoice_amount",
            "part of variance_amount: used without invoice",
        ),
        decimal(
            "unexplained_amount",
            "part of variance_amount: what is left",
        ),
        text(
            "break_id",
            "B and a hash of tie-out, invoice, customer, subscription, product, SKU, meter and \
             currency, the same in every run; further groups of these, as of other \
             availabilities, have .2, .3 and so on behind it",
        ),
        text(
            "proof",
            "that rounding makes the variance: exact, bounded or none; empty where nothing differs",
        ),
        text(
            "rounding_rule",
            "rule that at least nine of ten metered lines of the invoice obey; empty where they \
             agree on none",
        ),
        decimal(
            "off_rule_amount",
            "subtotals of the lines less what the rounding rule makes of their own numbers",
        ),
        text(
            "counterpart",
            "break_id of the one-sided break of the same account with the same quantity or amount",
        ),
        text(
            "awaited_for",
            "what an awaited group lacks: invoice_lines, usage, complete_data or rejected_rows",
        ),
    ],
};

/// The invoiced amounts, spread over the Azure resources behind them.
pub const RESOURCES: Table = Table {
    name: "resources",
    row: "one customer x subscription x entitlement x meter x resource",
    columns: &[
        BILLING_PERIOD,
        INVOICE_NUMBER,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        SUBSCRIPTION_ID,
        text(
            "entitlement_id",
            "Azure subscription id; empty where no usage is behind the amount",
        ),
        PRODUCT_ID,
        SKU_ID,
        text("meter_id", "meter id"),
        text("meter_name", "meter name; never a key"),
        text("meter_category", "meter category"),
        text("resource_group", "resource group"),
        text(
            "resource_uri",
            "ARM id of the resource, longest spelling, then last in byte order",
        ),
        CURRENCY,
        USAGE_ROWS,
        date("first_usage_date", "first day of usage, UTC"),
        date("last_usage_date", "last day of usage, UTC, inclusive"),
        decimal("quantity", "usage quantity, in unit"),
        text("unit", "unit of measure"),
        EXPECTED,
        decimal(
            "invoiced_amount",
            "this resource's share of the invoiced amount, in currency",
        ),
        VARIANCE,
    ],
};

/// Totals of the variances by invoice, customer, subscription and meter.
pub const SUMMARY: Table = Table {
    name: "summary",
    row: "one level's total",
    columns: &[
        TIE_OUT,
        text("level", "invoice, customer, subscription or meter"),
        BILLING_PERIOD,
        INVOICE_NUMBER,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        SUBSCRIPTION_ID,
        PRODUCT_ID,
        SKU_ID,
        text("meter_description", "meter text"),
        CURRENCY,
        count("groups", "rows of variances behind this row"),
        count("tied_groups", "of these, tied"),
        count("within_tolerance_groups", "of these, within tolerance"),
        count("break_groups", "of these, breaks"),
        count("awaited_groups", "of these, awaited"),
        count("out_of_scope_groups", "of these, out of scope"),
        EXPECTED,
        INVOICED,
        decimal(
            "not_checkable_amount",
            "of invoiced_amount, what no usage is behind: licences, reservations and the like",
        ),
        decimal(
            "over_billed_amount",
            "sum of the variances of breaks that ask for too much",
        ),
        decimal(
            "under_billed_amount",
            "sum of the variances of breaks that ask for too little; negative",
        ),
        decimal(
            "awaited_amount",
            "sum of the variances of groups whose other side can still come",
        ),
        decimal(
            "rounding_amount",
            "sum of all that rounding makes, with sign",
        ),
        decimal(
            "off_rule_amount",
            "sum by which lines are off the rounding rule that their invoice holds, with sign",
        ),
        decimal("net_variance_amount", "sum of the variances, in currency"),
        decimal(
            "gross_variance_amount",
            "sum of the absolute variances, in currency",
        ),
        decimal(
            "explained_share",
            "share of the gross variance that has a cause, 0 to 1; 1 where there is no variance",
        ),
    ],
};

/// The conservation laws of each stage, with what went in and out.
pub const CONTROL_TOTALS: Table = Table {
    name: "control_totals",
    row: "one conservation law at one step",
    columns: &[
        text("step", "stage of the run"),
        text("source", "dataset or table"),
        text(
            "currency",
            "currency of the amounts; empty where rows are counted only",
        ),
        count("rows_in", "rows before"),
        count(
            "rows_out",
            "rows after, each counted with the rows it stands for",
        ),
        count("rows_rejected", "rows that could not be used"),
        // Ten of twenty decimals: the law is held on all of them, and the manifest prints them.
        decimal("amount_in", "amount before; exact text in the manifest"),
        decimal("amount_out", "amount after; exact text in the manifest"),
        decimal(
            "difference",
            "amount_in - amount_out: the quantisation residue",
        ),
        PublishedColumn {
            name: "holds",
            column_type: ColumnType::Boolean,
            meaning: "the law holds",
        },
    ],
};

/// Input rows that could not be used, each with its place and reason.
pub const REJECTED_ROWS: Table = Table {
    name: "rejected_rows",
    row: "one input row that could not be used",
    columns: &[
        text("source", "dataset"),
        text("unit", "file"),
        count("line", "line in the file, from 1; of Parquet the row"),
        text("column", "column at fault; empty for the whole row"),
        text("found", "what stands there, cut to 200 characters"),
        text("wanted", "what should stand there"),
        text("text", "the row, cut to 200 characters"),
    ],
};

/// Evidence about groups that rounding alone does not explain.
pub const FINDINGS: Table = Table {
    name: "findings",
    row: "what is known, beyond its amounts, of one group that rounding alone does not explain, \
          and of each recomputed line",
    columns: &[
        text("break_id", "the group, as in variances"),
        TIE_OUT,
        text("status", "as in variances"),
        text("cause", "as in variances"),
        text(
            "narrowest_level",
            "narrowest thing that holds it alone: invoice, customer, subscription, meter, \
             resource or day",
        ),
        text("meter_id", "meter id, where the comparison goes by it"),
        text(
            "resource_uri",
            "the only resource it concerns; empty for several",
        ),
        date(
            "first_usage_date",
            "first day of usage that it concerns, UTC",
        ),
        date(
            "last_usage_date",
            "last day of usage that it concerns, UTC, inclusive",
        ),
        text(
            "rounding_rule",
            "rounding rule that its lines obey to the last digit; of a recomputed line `unknown` \
             for none",
        ),
    ],
};

/// Index of input units by subscription: not a report, but how `explain` finds its way back.
pub const LINEAGE: Table = Table {
    name: "lineage",
    row: "one subscription that one input unit holds",
    columns: &[
        text("source", "dataset"),
        text("unit", "file"),
        text("customer_id", "folded customer id"),
        text("subscription_id", "folded subscription id"),
    ],
};

pub mod analyst;
pub mod ledger;

/// All published tables of a run, in the order of the data dictionary.
pub const TABLES: [&Table; 7] = [
    &VARIANCES,
    &RESOURCES,
    &SUMMARY,
    &CONTROL_TOTALS,
    &REJECTED_ROWS,
    &FINDINGS,
    &LINEAGE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cause::Cause;

    #[test]
    fn every_cause_has_its_column_in_order() {
        let parts: Vec<&str> = VARIANCES
            .columns
            .iter()
            .map(|column| column.name)
            .skip(27)
            .take(14)
            .collect();
        let wanted: Vec<String> = Cause::ALL
            .iter()
            .map(|cause| format!("{}_amount", cause.name()))
            .collect();
        assert_eq!(parts, wanted);
    }
}
