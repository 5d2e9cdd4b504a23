//! Responses of the API and other exports as they come. Each test is a point of
//! `model::domain::quirks`, on data made by hand; and the published examples, if their folder is
//! there.

use std::path::{Path, PathBuf};

use tieout::decode::{self, Input};
use tieout::engine::count::header::Header;
use tieout::engine::count::partial::Partial;
use tieout::model::dataset::Dataset;
use tieout::model::reject::Rejection;
use tieout::model::row::Row;

use crate::fixtures::{LINE, USAGE, error_of, page, sheet, tie, tie_usage, try_tie};

/// Runs over usage as a page of the API, with the usual line.
fn usage_page(rows: &[&[(&str, &str)]]) -> crate::fixtures::Found {
    tie(&page(USAGE, rows), &page(LINE, &[&[]]))
}

#[test]
fn json_1_numbers_are_numbers_or_texts() {
    let found = usage_page(&[
        &[
            ("Quantity", "=24.0"),
            ("BillingPreTaxTotal", "=0.5"),
            ("MpnId", "=4649221"),
        ],
        &[
            ("Quantity", "24"),
            ("BillingPreTaxTotal", "0.5"),
            ("MpnId", ""),
        ],
        &[
            ("Quantity", "=2.4e1"),
            ("BillingPreTaxTotal", "=5E-1"),
            ("MpnId", "=-1"),
        ],
        &[
            ("Quantity", "=0"),
            ("BillingPreTaxTotal", "=0"),
            ("PCToBCExchangeRate", "=1.0"),
            ("MpnId", "=null"),
        ],
    ]);
    assert_eq!(
        found.variances("usage_rows expected_quantity expected_amount"),
        ["4 72 1.5"]
    );
}

#[test]
fn json_2_no_number_passes_through_a_float() {
    let found = usage_page(&[
        &[
            ("Quantity", "=0.1000000000000000055511151231257827"),
            ("BillingPreTaxTotal", "=28.82860766744404945074"),
        ],
        &[
            ("Quantity", "=0.2"),
            ("BillingPreTaxTotal", "=10000000000000000.1"),
            ("EffectiveUnitPrice", "=0.0000000000000000000001"),
        ],
    ]);
    assert_eq!(
        found.variances("expected_quantity expected_amount"),
        ["0.3 10000000000000028.9286076674"]
    );
    assert!(found.warns_of("had more decimals than are kept"));
    let controls = std::fs::read_to_string(found.outcome.folder.join("manifest.json")).unwrap();
    assert!(
        controls.contains("\"10000000000000028.92860766744404945074\""),
        "the exact sum stands in the manifest"
    );
}

#[test]
fn json_3_instants_are_days_in_utc() {
    let days = [
        "2026-10-03T00:00:00",
        "2026-10-03T00:00:00Z",
        "2026-10-02T17:00:00-07:00",
        "2026-10-03T23:59:59.9999999Z",
        "2026-10-03T06: 41: 12Z",
        "2026-10-03",
        "0001-01-01T00:00:00",
    ];
    let changes = days.map(|day| [("UsageDate", day)]);
    let found = usage_page(&changes.each_ref().map(<[_; 1]>::as_slice));
    assert_eq!(
        found.table("resources", "usage_rows first_usage_date last_usage_date"),
        ["7 2026-10-03 2026-10-03"]
    );
}

#[test]
fn json_4_usage_of_an_earlier_month_stays_with_its_invoice() {
    let found = usage_page(&[&[("UsageDate", "2026-09-30T00:00:00Z")], &[], &[]]);
    assert_eq!(found.variances("billing_period usage_rows"), ["2026-10 3"]);
}

#[test]
fn json_5_ids_and_keys_come_in_any_case_and_misspelt() {
    let rows: &[&[(&str, &str)]] = &[
        &[("CustomerId", "org:C-1"), ("OrderId", "123456789012345678")],
        &[("invoiceLineItemTypce", "x"), ("ammount", "=7")],
    ];
    let camel = page(USAGE, rows);
    let pascal = camel
        .replace("\"quantity\"", "\"Quantity\"")
        .replace("\"customerId\"", "\"CustomerID\"");
    for text in [camel, pascal] {
        assert_eq!(
            tie(&text, &page(LINE, &[&[]])).variances("customer_id usage_rows expected_amount"),
            ["c-1 2 2"]
        );
    }
}

#[test]
fn json_5_a_row_with_a_key_twice_is_rejected() {
    let text =
        page(USAGE, &[&[], &[]]).replacen("\"quantity\"", "\"quantity\": \"5\", \"quantity\"", 1);
    let found = try_tie(&[text.as_bytes()], &[page(LINE, &[&[]]).as_bytes()], &[]).unwrap();
    assert_eq!(
        found.table("rejected_rows", "column found wanted"),
        ["Quantity the key twice each key once"]
    );
}

#[test]
fn json_7_links_and_tokens_are_not_read() {
    let links = "\"links\": {\"next\": {\"uri\": \"/invoices/…?seek=a,/+=b==&size=2000\\u0026x\", \"method\": \"GET\", \"headers\": [{\"key\": \"MS-ContinuationToken\", \"value\": \"d19617b8,/+a4=\"}]}}";
    let text = page(USAGE, &[&[], &[]]);
    let text = format!(
        "{{ {links}, \"attributes\": {{\"objectType\": \"Collection\", \"items\": []}}, {}",
        &text[1..]
    );
    // Where a link leads is not looked at, but that it leads on: the last page is there, too.
    let last = page(USAGE, &[&[("Quantity", "2")]]).replacen(
        '{',
        &format!("{{ {},", links.replace("next", "self")),
        1,
    );
    let lines = page(LINE, &[&[]]);
    let found = try_tie(
        &[text.as_bytes(), last.as_bytes()],
        &[lines.as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(found.variances("usage_rows"), ["3"]);
}

#[test]
fn json_8_a_byte_order_mark_is_read_over_and_a_broken_body_is_an_error() {
    let (usage, lines) = (page(USAGE, &[&[]]), page(LINE, &[&[]]));
    assert_eq!(
        tie(&format!("\u{feff}{usage}"), &lines).variances("status"),
        ["tied"]
    );
    for broken in [
        &usage[..usage.len() - 2],
        &usage[..usage.len() / 2],
        "{ \"totalCount\": 1,\n \"items\": [ { }, ] }",
        "{\n \"items\": {} }",
        "[",
        "{\n}",
    ] {
        let error = error_of(broken.as_bytes(), lines.as_bytes());
        assert!(
            ["invalid JSON", "found no key", "that is no array"]
                .iter()
                .any(|words| error.contains(words)),
            "{broken}: {error}"
        );
    }
}

#[test]
fn json_9_an_error_body_is_no_empty_page() {
    let body = "\u{feff}{\"code\":3000,\"description\":\"Customer does not have usage data\",\"data\":[],\"source\":\"PartnerFD\"}";
    let error = error_of(body.as_bytes(), page(LINE, &[&[]]).as_bytes());
    assert!(
        error.contains("found no keys `Quantity`, `BillingPreTaxTotal`"),
        "{error}"
    );
}

#[test]
fn export_headings_may_have_two_byte_order_marks_and_any_spelling() {
    let text = sheet(USAGE, &[&[], &[]]);
    let (header, rows) = text.split_once("\r\n").unwrap();
    let mixed = header
        .replace("CustomerId", "customerid")
        .replace("SkuId", "skuId")
        .replace("ResourceGroup", "Ressourcengruppe (ResourceGroup)");
    let found = tie(
        &format!("\u{feff}{mixed}\r\n\u{feff}{rows}"),
        &sheet(LINE, &[&[]]),
    );
    assert_eq!(
        found.table("resources", "usage_rows resource_group"),
        ["2 rg"]
    );
}

#[test]
fn export_ragged_rows_are_rejected_one_by_one() {
    let text = sheet(USAGE, &[&[], &[], &[]]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2].push_str(",more");
    lines[3].truncate(20);
    let found = try_tie(
        &[lines.join("\n").as_bytes()],
        &[sheet(LINE, &[&[]]).as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(
        found.table("rejected_rows", "line found wanted"),
        [
            "3 27 cells 26 cells, as in the header",
            "4 4 cells 26 cells, as in the header"
        ]
    );
    assert_eq!(
        found.table("control_totals", "step rows_in rows_out rows_rejected")[0],
        "decode 3 1 2"
    );
}

#[test]
fn export_a_file_with_only_a_header_has_no_rows() {
    let found = tie(&sheet(USAGE, &[]), &sheet(LINE, &[&[]]));
    assert!(found.warns_of("has no rows"));
    assert_eq!(found.variances("usage_rows status cause"), ["0 awaited "]);
    assert!(error_of(b"", sheet(LINE, &[&[]]).as_bytes()).contains("found an empty file"));
}

#[test]
fn export_a_literal_null_is_an_empty_cell() {
    let found = tie_usage(&[&[
        ("AvailabilityId", "NULL"),
        ("PCToBCExchangeRate", "NULL"),
        ("ResourceGroup", "NULL"),
        ("UsageDate", "NULL"),
    ]]);
    assert_eq!(
        found.table("resources", "resource_group first_usage_date usage_rows"),
        ["  1"]
    );
    let needed = try_tie(
        &[sheet(USAGE, &[&[("Quantity", "NULL")]]).as_bytes()],
        &[sheet(LINE, &[&[]]).as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(
        needed.table("rejected_rows", "column found"),
        ["Quantity nothing"]
    );
}

#[test]
fn export_exponents_and_negative_amounts_are_read() {
    let found = tie_usage(&[
        &[("BillingPreTaxTotal", "4.4E-7")],
        &[("BillingPreTaxTotal", "6.32000000E-10")],
        &[("BillingPreTaxTotal", "-2.5")],
    ]);
    assert_eq!(
        found.variances("usage_rows expected_amount"),
        ["3 -2.4999995594"]
    );
}

#[test]
fn export_unbilled_rows_do_not_mix_with_those_of_an_invoice() {
    let found = tie_usage(&[&[("InvoiceNumber", "")], &[]]);
    assert_eq!(
        found.variances("invoice_number usage_rows status"),
        // A break, as the invoice of that month was read, and can bill the row no more.
        [" 1 break", "G1 1 tied"]
    );
}

/// A sink that takes each row as the engine would, and so rejects what the engine rejects.
enum Counted {
    Totals(Box<Partial>),
    Headers,
}

impl decode::Sink for Counted {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        match self {
            Self::Totals(partial) => partial.add(row).map(drop),
            Self::Headers => Header::read(row.cells).map(drop),
        }
    }

    fn flush(&mut self) {
        if let Self::Totals(partial) = self {
            partial.flush();
        }
    }
}

/// Files whose name begins with a prefix.
fn examples(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(prefix)
        })
        .collect();
    found.sort();
    found
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn published_examples_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/domain/examples");
    if !folder.is_dir() {
        eprintln!("skipped: no `{}`", folder.display());
        return;
    }
    for (prefix, dataset, files) in [
        ("billed-dailyrated", Dataset::Usage, 2),
        ("unbilled-dailyrated", Dataset::Usage, 2),
        ("billed-recon-onetime", Dataset::InvoiceLines, 2),
        ("unbilled-recon-onetime", Dataset::InvoiceLines, 3),
        ("SYNTHETIC-v2-recon-billed", Dataset::InvoiceLines, 1),
        ("invoices-collection", Dataset::Invoices, 1),
        ("invoice-by-id", Dataset::Invoices, 1),
    ] {
        let found = examples(&folder, prefix);
        assert_eq!(found.len(), files, "{prefix}");
        for path in found {
            let sink = || {
                if dataset == Dataset::Invoices {
                    Counted::Headers
                } else {
                    Counted::Totals(Box::new(Partial::new(dataset, std::sync::Arc::default())))
                }
            };
            let (decoded, _) = decode::decode(
                Input {
                    unit: prefix,
                    file: &std::fs::File::open(&path).unwrap(),
                    dataset,
                },
                sink,
            )
            .unwrap();
            assert!(
                decoded.rows > 0 && decoded.rejected.is_empty(),
                "{}: {:?}",
                path.display(),
                decoded.rejected
            );
        }
    }
}
