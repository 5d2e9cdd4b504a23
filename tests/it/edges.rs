//! Inputs at the edge and beyond: nothing panics, nothing is lost silently; and a test for each bug
//! that was found.

use proptest::prelude::*;
use tieout::model::period::Period;
use tieout::pipeline::options::Options;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;
use tieout::synth::Format;

use crate::fixtures::{LINE, USAGE, error_of, page, sheet, tie, try_tie};
use crate::runs::{Published, globs, month, plan, reconcile};

/// The keys of an invoice header, without its total.
const HEADER: &str = "\"id\": \"G1\", \"currencyCode\": \"EUR\", \"billingPeriodStartDate\": \"2026-10-01T00:00:00Z\"";

/// Headers of one invoice with these totals.
fn headers(totals: &[&str]) -> String {
    let items: Vec<String> = totals
        .iter()
        .map(|total| format!("{{ {HEADER}, \"totalCharges\": {total} }}"))
        .collect();
    format!("{{ \"items\": [ {} ] }}", items.join(", "))
}

#[test]
fn a_second_header_beside_an_empty_page_is_rejected_without_a_panic() {
    let (usage, lines) = (sheet(USAGE, &[&[]]), sheet(LINE, &[&[]]));
    let (twice, none) = (headers(&["1", "2"]), "{ \"totalCount\": 0, \"items\": [] }");
    for invoices in [
        [twice.as_bytes(), none.as_bytes()],
        [none.as_bytes(), twice.as_bytes()],
    ] {
        let found = try_tie(&[usage.as_bytes()], &[lines.as_bytes()], &invoices).unwrap();
        assert_eq!(
            found.table("rejected_rows", "source found"),
            ["invoices invoice G1 in EUR a second time"]
        );
        let controls = found.table(
            "control_totals",
            "step source rows_in rows_out rows_rejected holds",
        );
        assert!(
            controls.contains(&"decode invoices 2 1 1 true".to_owned()),
            "{controls:?}"
        );
    }
}

#[test]
fn a_rejected_row_leaves_no_trace_in_spellings_and_lineage() {
    let usage = sheet(
        USAGE,
        &[
            &[("CustomerId", "C-1")],
            &[("CustomerId", "c-1"), ("ResourceURI", "/r/\0")],
            &[("CustomerId", "c-9"), ("ResourceURI", "\0")],
        ],
    );
    let lines = sheet(LINE, &[&[("CustomerId", "C-1")]]);
    let found = try_tie(&[usage.as_bytes()], &[lines.as_bytes()], &[]).unwrap();
    assert_eq!(
        found.table("rejected_rows", "line column"),
        ["3 ResourceURI", "4 ResourceURI"]
    );
    assert_eq!(
        found.table("resources", "customer_id usage_rows"),
        ["C-1 1"]
    );
    assert_eq!(
        found.table("lineage", "source customer_id"),
        ["invoice_lines c-1", "usage c-1"]
    );
}

#[test]
fn a_side_may_be_empty() {
    let (no_usage, no_lines) = (sheet(USAGE, &[]), sheet(LINE, &[]));
    assert_eq!(
        tie(&no_usage, &no_lines).variances("status"),
        Vec::<String>::new()
    );
    assert_eq!(
        tie(&sheet(USAGE, &[&[]]), &no_lines).variances("status cause"),
        ["awaited "]
    );
    assert_eq!(
        tie(&no_usage, &sheet(LINE, &[&[]]))
            .table("resources", "meter_id usage_rows invoiced_amount"),
        [" 0 1"]
    );
    let all_rejected = sheet(USAGE, &[&[("Quantity", "x")], &[("Quantity", "y")]]);
    let found = try_tie(
        &[all_rejected.as_bytes()],
        &[no_lines.as_bytes()],
        &[headers(&["1"]).as_bytes()],
    )
    .unwrap();
    assert_eq!(
        (found.outcome.rejected_rows, found.outcome.exit_code),
        (2, 11)
    );
}

#[test]
fn usage_that_rounds_to_nothing_needs_no_line() {
    let found = tie(
        &sheet(USAGE, &[&[("BillingPreTaxTotal", "0.009")]]),
        &sheet(LINE, &[]),
    );
    assert_eq!(
        found.variances("variance_amount status cause"),
        ["-0.009 within_tolerance rounding"]
    );
}

#[test]
fn the_period_of_a_run_leaves_other_invoices_out() {
    let folder = month(2_000, 31, &[Format::Csv]);
    let globs = globs(folder.path(), Format::Csv);
    let all = reconcile(&globs, &folder.path().join("all"), None).unwrap();
    let of = |period: &str| {
        let mut plan = plan(&globs, &folder.path().join(period));
        plan.period = Period::parse(period);
        run(&plan, &Options::default(), &Progress::default()).unwrap()
    };
    let october = of("2026-10");
    for table in ["variances", "resources", "summary"] {
        assert_eq!(
            Published::read(&october.folder, table).rows,
            Published::read(&all.folder, table).rows,
            "{table}"
        );
    }
    let september = of("2026-09");
    assert!(
        Published::read(&september.folder, "variances")
            .rows
            .is_empty()
    );
    assert!(
        september
            .warnings
            .iter()
            .any(|warning| warning.contains("is for 2026-10, not 2026-09, and was left out"))
    );
}

#[test]
fn senseless_amounts_are_rejected_or_an_error() {
    let lines = sheet(LINE, &[&[]]);
    let usage = |amount: &str| {
        sheet(
            USAGE,
            &[
                &[("BillingPreTaxTotal", amount)],
                &[("BillingPreTaxTotal", amount)],
            ],
        )
    };
    for amount in [
        "1e30",
        "-1E18",
        "999999999999999999999999999999999999999999",
    ] {
        let found = try_tie(&[usage(amount).as_bytes()], &[lines.as_bytes()], &[]).unwrap();
        assert_eq!(
            found.table("rejected_rows", "column wanted"),
            ["BillingPreTaxTotal a number below 10^18"; 2],
            "{amount}"
        );
    }
    for amount in ["999999999999999999", "-2E17"] {
        assert!(
            error_of(usage(amount).as_bytes(), lines.as_bytes()).contains("add up to more than"),
            "{amount}"
        );
    }
    assert_eq!(
        tie(&usage("99999999999999999"), &lines).variances("expected_amount"),
        ["199999999999999998"]
    );
    for rate in ["1e19", "-1", "0", "99999999999999999999"] {
        let usage = sheet(USAGE, &[&[("PCToBCExchangeRate", rate)]]);
        let lines = sheet(LINE, &[&[("PCToBCExchangeRate", rate)]]);
        // A senseless rate is a number all the same: the run ends in figures or in an error with
        // words.
        let said = try_tie(&[usage.as_bytes()], &[lines.as_bytes()], &[])
            .map(drop)
            .map_err(|error| error.to_string());
        assert!(
            said.is_ok() || said.is_err_and(|error| !error.is_empty()),
            "{rate}"
        );
    }
}

/// Bytes with some changes: bytes overwritten, inserted, removed, cut off or flipped.
fn damaged(bytes: &[u8], changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (at, kind, byte) in changes {
        let at = at.index(out.len().max(1));
        match kind % 5 {
            _ if out.is_empty() => out.push(*byte),
            0 => out[at] = *byte,
            1 => out.insert(at, *byte),
            2 => drop(out.remove(at)),
            3 => out[at] = b"\",\n{}[]:'\r\\0E-"[usize::from(*byte) % 14],
            _ if *byte < 20 => out.truncate(at),
            _ => out[at] ^= 1,
        }
    }
    out
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 0..6)
}

proptest! {
    #![proptest_config(crate::laws::cases(150))]

    #[test]
    fn damaged_files_end_in_figures_or_an_error(json: bool, gzip: bool, usage in changes(), lines in changes(), invoices in changes()) {
        let rows: &[&[(&str, &str)]] = &[&[], &[("Tags", "{\"a\":\"b,\nc\"}")], &[("Quantity", "-3.5E-02")]];
        let write = if json { page } else { sheet };
        let pack = |bytes: Vec<u8>| if gzip { crate::sheets::gzip(&bytes) } else { bytes };
        let (usage_text, lines_text) = (pack(write(USAGE, rows).into_bytes()), pack(write(LINE, &[&[], &[]]).into_bytes()));
        let (usage, lines) = (damaged(&usage_text, &usage), damaged(&lines_text, &lines));
        match try_tie(&[&usage], &[&lines], &[&damaged(headers(&["2.5"]).as_bytes(), &invoices)]) {
            Ok(found) => {
                let controls = found.table("control_totals", "holds");
                prop_assert!(controls.iter().all(|holds| holds == "true"));
                let rejected = found.table("rejected_rows", "unit").len() as u64;
                prop_assert_eq!(rejected, found.outcome.rejected_rows);
                // A damaged invoice number leaves each invoice with one side only.
                let awaited = found.variances("status").contains(&"awaited".to_owned());
                let nothing = !found.outcome.nothing_compared.is_empty();
                prop_assert_eq!(found.outcome.exit_code, if rejected > 0 || awaited || nothing { 11 } else { 0 });
            }
            Err(error) => {
                prop_assert!(!error.to_string().contains("law broken"), "{}", error);

            }
        }
    }
}

#[test]
fn of_several_unusable_files_the_first_is_reported_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let header = "CustomerId,SubscriptionId,ProductId,SkuId,UsageDate,Quantity,BillingPreTaxTotal,BillingCurrency\n";
    let rows = "c,s,P,0001,2026-10-01,1,1,USD\n".repeat(60_000);
    for (name, text) in [
        ("u0", format!("{header}{rows}")),
        ("u1", "a,b\n1,2\n".to_owned()),
        ("u2", header.to_owned()),
        ("u3", "c,d\n1,2\n".to_owned()),
    ] {
        std::fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    let lines = folder.path().join("lines");
    std::fs::write(
        &lines,
        "CustomerId,SubscriptionId,ProductId,SkuId,Subtotal,Currency\nc,s,P,0001,1,USD\n",
    )
    .unwrap();
    let globs = [
        vec![folder.path().join("u*.csv").display().to_string()],
        vec![lines.display().to_string()],
        Vec::new(),
    ];
    for threads in [1, 2, 4] {
        let error =
            crate::runs::reconcile(&globs, &folder.path().join("out"), Some(threads)).unwrap_err();
        assert!(
            error.to_string().contains("u1.csv"),
            "{threads} threads: {error}"
        );
    }
}

#[test]
fn senseless_prices_explain_nothing_and_break_nothing() {
    let usage = sheet(
        USAGE,
        &[&[("Quantity", "99999999999999"), ("PricingPreTaxTotal", "1")]],
    );
    let line = [
        ("EffectiveUnitPrice", "9999999999999999"),
        ("UnitPrice", "1e15"),
        ("BillableQuantity", "99999999999999999"),
        ("Subtotal", "7"),
    ];
    let found = tie(&usage, &sheet(LINE, &[&line]));
    assert_eq!(
        found.variances("variance_amount status cause"),
        ["6 break unexplained"]
    );
}
