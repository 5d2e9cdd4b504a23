//! `line-arithmetic` where a month as text cannot show it: equal lines, many lines, and what a run
//! knows of each invoice.

use tieout::model::cause::TieOut;
use tieout::pipeline::options::Options;
use tieout::pipeline::publish::invoice_figures::InvoiceFigures;
use tieout::pipeline::run::run;
use tieout::progress::reporting::Progress;

use crate::fixtures::{Changes, LINE, USAGE, sheet};
use crate::runs::{Published, plan};

/// Rows of `line-arithmetic`: meter, what was checked, status, cause and both amounts; and the invoices' figures.
fn checked(usage: &[Changes<'_>], lines: &[Changes<'_>]) -> (Vec<String>, Vec<InvoiceFigures>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        vec![path.to_string_lossy().into_owned()]
    };
    let globs = [
        write("usage.csv", sheet(USAGE, usage)),
        write("lines.csv", sheet(LINE, lines)),
        Vec::new(),
    ];
    let mut plan = plan(&globs, &folder.path().join("out"));
    for of in &mut plan.tie_outs {
        of.enabled |= of.tie_out == TieOut::LineArithmetic;
    }
    let options = Options {
        no_cache: true,
        ..Options::default()
    };
    let outcome = run(&plan, &options, &Progress::default()).unwrap();
    let columns = [
        "tie_out",
        "meter_description",
        "matched_on",
        "status",
        "cause",
        "invoice_lines",
        "expected_amount",
        "invoiced_amount",
    ];
    let rows = Published::read(&outcome.folder, "variances").columns(&columns);
    let short = |text: &String| match text.split_once('.') {
        Some((_, digits)) if digits.len() == 10 => text[..text.len() - 8].to_owned(),
        _ => text.clone(),
    };
    let of_lines = rows.iter().filter(|row| row[0] == "line-arithmetic");
    let words = of_lines.map(|row| row[1..].iter().map(short).collect::<Vec<_>>().join(" "));
    (words.collect(), outcome.invoices)
}

const PRICED: [(&str, &str); 2] = [("EffectiveUnitPrice", "1"), ("UnitPrice", "1")];

#[test]
fn totals_that_are_wrong_in_both_directions_do_not_cancel() {
    let line = |total| [PRICED[0], PRICED[1], ("Total", total)];
    let lines = [line("6"), line("-4"), line("1")];
    let lines: Vec<Changes<'_>> = lines.iter().map(|line| line.as_slice()).collect();
    let (rows, checks) = checked(&[&[]], &lines);
    assert_eq!(
        rows,
        [
            " line tied  3 3.00 3.00",
            "Meter total break unexplained 1 1.00 -4.00",
            "Meter total break unexplained 1 1.00 6.00",
        ]
    );
    let wrong = &checks[0].wrong_total_lines;
    assert_eq!((wrong.count, wrong.amount.as_str()), (2, "0.0000000000"));
    assert_eq!(
        [&wrong.above_amount, &wrong.below_amount],
        ["5.0000000000", "-5.0000000000"]
    );
}

#[test]
fn a_line_without_total_or_tax_proves_nothing() {
    for missing in ["Total", "TaxTotal"] {
        let mut line = PRICED.to_vec();
        line.extend([("Total", "9"), ("TaxTotal", "9")]);
        line.retain(|(name, _)| *name != missing);
        line.push((missing, ""));
        let (rows, _) = checked(&[&[]], &[&line]);
        assert_eq!(rows, [" line tied  1 1.00 1.00"], "{missing}");
    }
}

#[test]
fn a_total_that_a_spreadsheet_cut_off_is_right() {
    // 10 digits of 12,345,678,901.23.
    let line = [
        ("EffectiveUnitPrice", "12345678901.23"),
        ("UnitPrice", "1"),
        ("Subtotal", "12345678901.23"),
        ("Total", "12345678900"),
    ];
    let (rows, _) = checked(&[&[]], &[&line]);
    assert_eq!(rows, [" line tied  1 12345678901.23 12345678901.23"]);
}

#[test]
fn many_lines_off_the_documented_rule_are_two_rows_and_no_net() {
    // 60 lines of 1.0099, a third of them up, right and down: no rule fits nine of ten.
    let names: Vec<String> = (0..60).map(|number| format!("M{number:02}")).collect();
    let cells: Vec<Vec<(&str, &str)>> = names
        .iter()
        .zip(["1.01", "1.00", "0.99"].into_iter().cycle())
        .map(|(name, subtotal)| {
            vec![
                ("MeterDescription", name.as_str()),
                ("BillableQuantity", "1.0099"),
                ("Subtotal", subtotal),
                ("Total", subtotal),
                PRICED[0],
                PRICED[1],
            ]
        })
        .collect();
    let lines: Vec<Changes<'_>> = cells.iter().map(Vec::as_slice).collect();
    let (rows, checks) = checked(&[&[]], &lines);
    assert_eq!(
        rows,
        [
            " line tied  20 20.00 20.00",
            " lines_above_rule break unexplained 20 20.00 20.20",
            " lines_below_rule break unexplained 20 20.00 19.80",
        ]
    );
    let off = &checks[0].off_rule_lines;
    assert_eq!(checks[0].rounding_rule, "");
    assert_eq!(
        (off.count, off.above_amount.as_str(), off.amount.as_str()),
        (40, "0.2000000000", "0.0000000000")
    );
    // Few of them are told one by one.
    let (rows, _) = checked(&[&[]], &lines[..30]);
    assert_eq!(rows.len(), 1 + 20);
    assert!(rows[1..].iter().all(|row| row.contains(" line break ")));
}

#[test]
fn a_rate_that_only_usage_of_the_account_has_is_told_there() {
    let line = |name, rate, subtotal| {
        [
            ("MeterDescription", name),
            ("PCToBCExchangeRate", rate),
            ("Subtotal", subtotal),
            ("Total", subtotal),
            PRICED[0],
            PRICED[1],
        ]
    };
    let lines = [
        line("A", "0.5", "0.50"),
        line("B", "0.5", "0.50"),
        line("C", "0.75", "0.75"),
    ];
    let lines: Vec<Changes<'_>> = lines.iter().map(|line| line.as_slice()).collect();
    let (rows, checks) = checked(&[&[("PCToBCExchangeRate", "0.5")]], &lines);
    assert_eq!(
        rows,
        [" line tied  2 1.00 1.00", "C rate break fx 1 0.50 0.75"]
    );
    assert_eq!(checks[0].other_rate_lines.count, 1);
    let (rows, _) = checked(&[&[("PCToBCExchangeRate", "0.750")]], &lines);
    assert_eq!(rows, [" line tied  3 1.75 1.75"]);
}

#[test]
fn a_licence_in_its_extended_service_term_is_named() {
    let line = [
        ("TermAndBillingCycle", "Extended Service Term"),
        ("ProductId", "CFQ1"),
        ("SubscriptionDescription", "Microsoft 365"),
        ("MeterDescription", ""),
    ];
    let found = crate::fixtures::try_tie(
        &[sheet(USAGE, &[&[]]).as_bytes()],
        &[sheet(LINE, &[&[], &line]).as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(
        found.table("variances", "product_id matched_on status"),
        [
            "CFQ1 rule:extended_service_term out_of_scope",
            "P1 meter_and_price tied"
        ]
    );
}
