//! Runs that read files and compared nothing: published as they are, exit 11, and told what was found.

use crate::explained::{Case, assert_says};
use crate::fixtures::{LINE, USAGE, sheet};
use crate::runs::Published;

fn case(usage: &str, lines: &str) -> Case {
    let case = Case::new();
    case.write("u.csv", usage).write("l.csv", lines);
    case
}

#[test]
fn a_wrong_period_names_the_months_and_days_that_were_found() {
    let case = case(&sheet(USAGE, &[&[]]), &sheet(LINE, &[&[]]));
    let output = case.run_with("", &["--period", "2026-09", "--fail-on-breaks"]);
    assert_says(
        &output,
        11,
        &[
            "`usage-to-invoice` compared nothing",
            "found usage of 2026-10 (2026-10-05 to 2026-10-05, rows: 1)",
            "and invoice lines of 2026-10 (",
            "wanted usage, or lines with usage behind them, of 2026-09",
            "is `period` the month of these files?",
        ],
    );
    let published = Published::read(&case.path("out/current"), "variances");
    assert!(published.rows.is_empty());
}

#[test]
fn swapped_days_and_months_are_told() {
    let usage = sheet(
        USAGE,
        &[&[
            ("UsageDate", "03/10/2026"),
            ("ChargeStartDate", "01/10/2026"),
        ]],
    );
    let case = case(&usage, &sheet(LINE, &[]));
    let output = case.run_with("", &["--period", "2026-10"]);
    assert_says(
        &output,
        11,
        &[
            "(2026-03-10 to 2026-03-10, rows: 1)",
            "once day and month are swapped",
        ],
    );
}

#[test]
fn headings_only_are_no_success() {
    let case = case(&sheet(USAGE, &[]), &sheet(LINE, &[]));
    assert_says(
        &case.run(),
        11,
        &[
            "found no usage and no invoice lines",
            "are these the right files?",
        ],
    );
}

#[test]
fn licences_alone_are_not_compared() {
    let licence: &[(&str, &str)] = &[
        ("MeterDescription", ""),
        ("TermAndBillingCycle", "One-Year commitment"),
        ("SubscriptionDescription", "Office 365 E5"),
    ];
    let licences = case(&sheet(USAGE, &[]), &sheet(LINE, &[licence]));
    assert_says(
        &licences.run(),
        11,
        &["`usage-to-invoice` compared nothing", "out of scope"],
    );
    let id = licences.id(&[("status", "out_of_scope")]);
    assert_says(
        &licences.explain(&[&id]),
        0,
        &["Expected: not applicable", "Variance = invoiced - expected"],
    );
    crate::explained::walk(&licences.out());
    // With usage behind another line, something is compared.
    let both = case(&sheet(USAGE, &[&[]]), &sheet(LINE, &[&[], licence]));
    assert_says(&both.run(), 0, &[]);
}
