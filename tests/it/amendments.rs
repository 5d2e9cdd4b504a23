//! Amendments of invoices: rows of their own in every shape of JSON, in the sums of their invoice, and
//! in what `explain` says of them.

use serde_json::Value;

use crate::explained::{Case, assert_says, walk};
use crate::fixtures::{LINE, USAGE, sheet};

const NOTE: &str = "{\"id\": \"A1\", \"currencyCode\": \"EUR\", \"totalCharges\": -0.4, \
    \"documentType\": \"adjustment_note\"}";

fn invoice(amendments: &str) -> String {
    format!(
        "{{\"id\": \"G1\", \"currencyCode\": \"EUR\", \"totalCharges\": 1, \"documentType\": \"invoice\", \
         \"billingPeriodStartDate\": \"2026-10-01T00:00:00Z\", \"amendments\": {amendments}}}"
    )
}

/// A run over one line of 1.00 and these headers.
fn run_over(headers: &str, code: i32) -> Case {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]))
        .write("h.json", headers);
    let output = case.run_with("", &["--fail-on-breaks"]);
    assert_says(&output, code, &[]);
    case
}

/// The only group of `lines-to-invoice`, explained.
fn explained(case: &Case) -> Value {
    let id = case.id(&[("tie_out", "lines-to-invoice")]);
    let answer = case.answer(&[&id]);
    walk(&case.out());
    answer["groups"][0].clone()
}

#[test]
fn an_amendment_counts_in_every_shape_of_json() {
    let nested = invoice(&format!("[{NOTE}]"));
    let named = NOTE.replace("\"id\"", "\"amendsOf\": \"g1\", \"id\"");
    for headers in [
        nested.clone(),
        format!("[{nested}]"),
        format!("{{\"totalCount\": 1, \"items\": [{nested}]}}"),
        // JSON lines, and a note that stands beside its invoice.
        format!(
            "{nested}\n{}\n",
            invoice("null").replace("G1", "G2").replace("-10-", "-09-")
        ),
        format!("[{}, {named}]", invoice("[]")),
        // As both: the note is one note.
        format!("[{nested}, {named}]"),
    ] {
        let case = run_over(&headers, 10);
        let group = explained(&case);
        assert_eq!(group["invoiced"]["published"], "0.6000000000", "{headers}");
        assert_eq!(group["invoiced"]["rows"], 2, "{headers}");
        assert_eq!(group["parts"][0][0], "credit", "{headers}");
        let lines = group["invoiced"]["lines"].to_string();
        assert!(
            lines.contains("totalCharges of A1 in EUR, which changes"),
            "{lines}"
        );
    }
}

#[test]
fn amendments_that_are_no_list_reject_their_invoice() {
    let case = run_over(&format!("[{}]", invoice("\"A1\"")), 11);
    let rejected = crate::runs::Published::read(&case.path("out/current"), "rejected_rows");
    assert_eq!(
        rejected.columns(&["column", "wanted"]),
        [["Amendments", "a list of invoices"]]
    );
}

#[test]
fn a_note_with_lines_of_its_own_is_compared_with_them() {
    let case = Case::new();
    let note_line: &[(&str, &str)] = &[
        ("InvoiceNumber", "A1"),
        ("Subtotal", "-0.4"),
        ("Total", "-0.4"),
    ];
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[], note_line]))
        .write("h.json", invoice(&format!("[{NOTE}]")));
    case.run();
    let ids = case.ids(&[("tie_out", "lines-to-invoice"), ("status", "tied")]);
    assert_eq!(ids.len(), 2);
    walk(&case.out());
}

#[test]
fn a_header_that_came_twice_counts_once_and_is_told() {
    let header = invoice("[]");
    let case = run_over(
        &format!("[{header}, {}]", header.replace(": 1,", ": 1.00,")),
        0,
    );
    let manifest = std::fs::read_to_string(case.path("out/current/manifest.json")).unwrap();
    assert!(
        manifest.contains("invoice `G1` in EUR a second time"),
        "{manifest}"
    );
    let group = explained(&case);
    assert_eq!(group["invoiced"]["rows"], 1);
}
