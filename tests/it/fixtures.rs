//! Fixture: tiny files made by hand. A row is given by its differences from a usual row.

use std::path::PathBuf;

use tempfile::TempDir;
use tieout::pipeline::failure::RunError;
use tieout::pipeline::publish::outcome::Outcome;

use crate::runs::{Published, reconcile};

/// The cells in which a row differs from the usual one; a column that the usual row lacks is added.
pub(crate) type Changes<'c> = &'c [(&'c str, &'c str)];

/// A usage row of 1.00 EUR.
pub(crate) const USAGE: Changes<'static> = &[
    ("PartnerId", "partner"),
    ("CustomerId", "c-1"),
    ("CustomerName", "Contoso"),
    ("InvoiceNumber", "G1"),
    ("ProductId", "P1"),
    ("SkuId", "0001"),
    ("AvailabilityId", "A1"),
    ("SkuName", "Sku"),
    ("ProductName", "Product"),
    ("SubscriptionId", "plan-1"),
    ("UsageDate", "10/05/2026"),
    ("MeterId", "m-1"),
    ("MeterName", "Meter"),
    ("MeterCategory", "Storage"),
    ("Unit", "1 Hour"),
    ("ResourceGroup", "rg"),
    (
        "ResourceURI",
        "/subscriptions/e-1/resourceGroups/rg/providers/x/y/z",
    ),
    ("ChargeType", "new"),
    ("Quantity", "1"),
    ("BillingPreTaxTotal", "1"),
    ("BillingCurrency", "EUR"),
    ("PCToBCExchangeRate", "1"),
    ("EffectiveUnitPrice", "1"),
    ("EntitlementId", "e-1"),
    ("PartnerEarnedCreditPercentage", ""),
    ("CreditType", ""),
];

/// The invoice line for [`USAGE`].
pub(crate) const LINE: Changes<'static> = &[
    ("PartnerId", "partner"),
    ("CustomerId", "c-1"),
    ("CustomerName", "Contoso"),
    ("InvoiceNumber", "G1"),
    ("ProductId", "P1"),
    ("SkuId", "0001"),
    ("AvailabilityId", "A1"),
    ("SkuName", "Sku"),
    ("ProductName", "Product"),
    ("ChargeType", "new"),
    ("Quantity", "1"),
    ("Subtotal", "1"),
    ("TaxTotal", "0"),
    ("Total", "1"),
    ("Currency", "EUR"),
    ("PriceAdjustmentDescription", ""),
    ("SubscriptionDescription", "Azure plan"),
    ("SubscriptionId", "plan-1"),
    ("ChargeStartDate", "10/01/2026"),
    ("ChargeEndDate", "10/31/2026"),
    ("TermAndBillingCycle", ""),
    ("BillableQuantity", "1"),
    ("PCToBCExchangeRate", "1"),
    ("MeterDescription", "Meter"),
];

/// All columns: those of the usual row, then added ones.
fn names<'n>(usual: Changes<'n>, rows: &[Changes<'n>]) -> Vec<&'n str> {
    let mut names: Vec<&str> = usual.iter().map(|(name, _)| *name).collect();
    for (name, _) in rows.iter().copied().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

/// A cell of a row; empty for a column that another row adds.
fn cell<'c>(usual: Changes<'c>, row: Changes<'c>, name: &str) -> &'c str {
    row.iter()
        .chain(usual)
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text)
}

/// Rows as a CSV file.
pub(crate) fn sheet<'c>(usual: Changes<'c>, rows: &[Changes<'c>]) -> String {
    let names = names(usual, rows);
    let mut out = names.join(",") + "\r\n";
    for row in rows {
        let quoted = |text: &str| {
            if text.contains(['"', ',', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.into()
            }
        };
        let cells: Vec<String> = names
            .iter()
            .map(|name| quoted(cell(usual, row, name)))
            .collect();
        out += &(cells.join(",") + "\r\n");
    }
    out
}

/// Rows as a page of the API. A text that begins with `=` is written as JSON, any other as a
/// string.
pub(crate) fn page<'c>(usual: Changes<'c>, rows: &[Changes<'c>]) -> String {
    let names = names(usual, rows);
    let value = |text: &str| {
        text.strip_prefix('=')
            .map_or_else(|| serde_json::Value::from(text).to_string(), str::to_owned)
    };
    let item = |row: &Changes<'c>| {
        let pairs = names.iter().map(|name| {
            format!(
                "\"{}{}\": {}",
                name[..1].to_lowercase(),
                &name[1..],
                value(cell(usual, row, name))
            )
        });
        format!("{{ {} }}", pairs.collect::<Vec<_>>().join(",\n"))
    };
    let items: Vec<String> = rows.iter().map(item).collect();
    format!(
        "{{ \"totalCount\": {}, \"items\": [ {} ] }}",
        items.len(),
        items.join(",\n")
    )
}

/// A finished run over files made by hand.
pub(crate) struct Found {
    _folder: TempDir,
    pub(crate) outcome: Outcome,
}

impl Found {
    /// The rows of `variances` for `usage-to-invoice`: the cells of some columns, joined by blanks.
    pub(crate) fn variances(&self, columns: &str) -> Vec<String> {
        let table = Published::read(&self.outcome.folder, "variances");
        let tie_out = table.at("tie_out");
        let rows = table.columns(&columns.split(' ').collect::<Vec<_>>());
        let of_usage = rows
            .into_iter()
            .zip(&table.rows)
            .filter(|(_, row)| row[tie_out] == "usage-to-invoice");
        of_usage.map(|(cells, _)| shortened(&cells)).collect()
    }

    /// The rows of a table: the cells of some columns, joined by blanks.
    pub(crate) fn table(&self, table: &str, columns: &str) -> Vec<String> {
        let table = Published::read(&self.outcome.folder, table);
        table
            .columns(&columns.split(' ').collect::<Vec<_>>())
            .iter()
            .map(|cells| shortened(cells))
            .collect()
    }

    /// True if a warning contains the text.
    pub(crate) fn warns_of(&self, text: &str) -> bool {
        self.outcome
            .warnings
            .iter()
            .any(|warning| warning.contains(text))
    }
}

/// Cells joined by blanks; amounts lose their trailing zeros.
fn shortened(cells: &[String]) -> String {
    let short = |cell: &String| match cell.split_once('.') {
        Some((_, decimals))
            if decimals.len() == 10 && decimals.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            cell.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => cell.clone(),
    };
    cells.iter().map(short).collect::<Vec<_>>().join(" ")
}

/// Runs over files with these contents: usage, lines, invoice headers.
pub(crate) fn try_tie(
    usage: &[&[u8]],
    lines: &[&[u8]],
    invoices: &[&[u8]],
) -> Result<Found, RunError> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, files: &[&[u8]]| -> Vec<String> {
        let path = |number: usize| -> PathBuf { folder.path().join(format!("{name}-{number}")) };
        files
            .iter()
            .enumerate()
            .for_each(|(number, bytes)| std::fs::write(path(number), bytes).unwrap());
        (0..files.len())
            .map(|number| path(number).to_string_lossy().into_owned())
            .collect()
    };
    let globs = [
        write("usage", usage),
        write("lines", lines),
        write("invoices", invoices),
    ];
    let outcome = reconcile(&globs, &folder.path().join("out"), None)?;
    Ok(Found {
        _folder: folder,
        outcome,
    })
}

/// Runs over one file of usage and one of lines, neither with a row that is rejected.
pub(crate) fn tie(usage: &str, lines: &str) -> Found {
    let found = try_tie(&[usage.as_bytes()], &[lines.as_bytes()], &[]).unwrap();
    assert_eq!(found.outcome.rejected, Vec::<String>::new());
    found
}

/// Runs over some usage and the usual line.
pub(crate) fn tie_usage(rows: &[Changes<'_>]) -> Found {
    tie(&sheet(USAGE, rows), &sheet(LINE, &[&[]]))
}

/// Runs over some lines and the usual usage.
pub(crate) fn tie_lines(rows: &[Changes<'_>]) -> Found {
    tie(&sheet(USAGE, &[&[]]), &sheet(LINE, rows))
}

/// The error of a run that fails.
pub(crate) fn error_of(usage: &[u8], lines: &[u8]) -> String {
    match try_tie(&[usage], &[lines], &[]) {
        Ok(found) => panic!("found {:?}", found.outcome),
        Err(error) => error.to_string(),
    }
}
