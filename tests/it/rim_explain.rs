//! `explain` over hostile rows: it sees what the run saw, rejected rows included.

use rust_decimal::Decimal;
use serde_json::Value;

use tieout::ledger::events;
use tieout::ledger::store::Ledger;

use crate::explained::{Case, HEADER, assert_says, number, walk};
use crate::fixtures::{Changes, LINE, USAGE, sheet};
use crate::program::stderr;
use crate::runs::Published;

/// File, line and column of each rejected row in an answer.
fn places(answer: &Value) -> Vec<String> {
    let rows = answer["rejected"].as_array().unwrap().iter();
    rows.map(|row| {
        let unit = row["unit"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("{unit}:{} {}", row["line"], row["column"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn rejected_rows_of_the_account_are_shown_and_counted_on_neither_side() {
    let case = Case::new();
    let mut usage = sheet(
        USAGE,
        &[
            &[],
            &[("BillingPreTaxTotal", "x1")],
            &[("CustomerId", "c-2"), ("Quantity", "many")],
            &[("ProductName", "\u{1}bad")],
        ],
    )
    .into_bytes();
    // A key that is no UTF-8 is rejected after its numbers were read.
    let at = usage
        .windows(4)
        .position(|bytes| bytes == b"\x01bad")
        .unwrap();
    usage[at] = 0xff;
    usage.extend(b"ragged,row\r\n");
    case.write("u1.csv", &usage)
        // All rows of the account in this file are rejected: lineage knows nothing of them.
        .write(
            "u2.csv",
            sheet(
                USAGE,
                &[&[("UsageDate", "yesterday")], &[("CustomerId", "c-2")]],
            ),
        )
        .write(
            "l.csv",
            sheet(
                LINE,
                &[
                    &[],
                    &[("Subtotal", "2,2,"), ("Total", "2")],
                    &[("Total", "one")],
                ],
            ),
        )
        .write("h.csv", sheet(HEADER, &[&[]]));
    assert_eq!(case.run().status.code(), Some(11));
    let id = case.id(&[("tie_out", "usage-to-invoice"), ("customer_id", "c-1")]);
    let answer = case.answer(&[&id]);
    assert_eq!(answer["groups"][0]["expected"]["rows"], 1, "{answer}");
    assert_eq!(answer["groups"][0]["invoiced"]["rows"], 1);
    assert_eq!(
        places(&answer),
        [
            "u1.csv:3 BillingPreTaxTotal",
            "u1.csv:5 ProductName",
            "u1.csv:6 ",
            "u2.csv:2 UsageDate",
            "l.csv:3 Subtotal",
            "l.csv:4 Total",
        ]
    );
    let text = case.explain(&[&id]);
    assert_says(&text, 0, &["rejected", "found `x1`, wanted"]);
    let invoice = case.id(&[("tie_out", "lines-to-invoice")]);
    assert_eq!(
        places(&case.answer(&[&invoice])),
        ["l.csv:3 Subtotal", "l.csv:4 Total"]
    );
    walk(&case.out());
}

#[test]
fn duplicates_beyond_the_candidates_of_one_reading_are_counted() {
    let case = Case::new();
    let numbers: Vec<String> = (1..=50_000).map(|number| number.to_string()).collect();
    let rows: Vec<[(&str, &str); 1]> = numbers
        .iter()
        .map(|text| [("Quantity", text.as_str())])
        .collect();
    let thrice: Vec<Changes<'_>> = rows
        .iter()
        .chain(&rows)
        .chain(&rows)
        .map(|row| &row[..])
        .collect();
    case.write("u.csv", sheet(USAGE, &[&[("BillingPreTaxTotal", "50000")]]))
        .write("l.csv", sheet(LINE, &thrice));
    assert_eq!(case.run().status.code(), Some(0));
    let table = Published::read(&case.path("out/current"), "variances");
    let [row] = &table.rows[..] else {
        panic!("{:?}", table.rows)
    };
    assert_eq!(table.cell(row, "invoice_lines"), "150000");
    assert_eq!(table.cell(row, "duplicate_amount"), "100000.0000000000");
    let id = table.cell(row, "break_id");
    let output = case.explain(&[id, "--limit", "0", "--threads", "1"]);
    assert_says(&output, 0, &["part duplicate: 100000.0000000000"]);
}

#[test]
fn a_meter_given_as_key_picks_rows_within_a_group() {
    let case = Case::new();
    case.write(
        "u.csv",
        sheet(
            USAGE,
            &[
                &[("MeterName", "One")],
                &[("MeterName", "Two")],
                &[("MeterName", "Two")],
            ],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[
                    ("MeterDescription", "One"),
                    ("Subtotal", "2"),
                    ("Total", "2"),
                ],
                &[("MeterDescription", "Three")],
            ],
        ),
    );
    let settings = "[tie_out.usage-to-invoice]\n[[tie_out.usage-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"customer_id\", \"subscription_id\", \"currency\"]\nbefore = \"meter_and_price\"\n";
    let run = case.run_with(settings, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let answer = case.answer(&["--key", "meter_description=two"]);
    let group = &answer["groups"][0];
    assert_eq!(group["expected"]["rows"], 3);
    assert_eq!(group["expected"]["picked_rows"], 2);
    assert_eq!(group["invoiced"]["picked_rows"], 0);
    let answer = case.answer(&["--key", "meter_description=THREE"]);
    assert_eq!(answer["groups"][0]["invoiced"]["picked_rows"], 1);
    assert_eq!(answer["groups"][0]["expected"]["picked_rows"], 0);
}

#[test]
fn groups_with_equal_keys_are_told_apart() {
    let case = Case::new();
    // One group has no availability, the other has two: both show none.
    case.write(
        "u.csv",
        sheet(
            USAGE,
            &[&[("AvailabilityId", "")], &[("BillingPreTaxTotal", "3")]],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[&[("AvailabilityId", "")], &[("AvailabilityId", "A2")]],
        ),
    );
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.ids(&[]).len(), 2);
    walk(&case.out());
}

/// Usage and lines of one item, each row with its availability and amount.
fn write_item(case: &Case, usage: &[(&str, &str)], lines: &[(&str, &str)]) {
    let usage: Vec<_> = usage
        .iter()
        .map(|(availability, amount)| {
            [
                ("AvailabilityId", *availability),
                ("BillingPreTaxTotal", *amount),
            ]
        })
        .collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|(availability, amount)| {
            [
                ("AvailabilityId", *availability),
                ("Subtotal", *amount),
                ("Total", *amount),
            ]
        })
        .collect();
    let usage: Vec<&[_]> = usage.iter().map(<[_; 2]>::as_slice).collect();
    let lines: Vec<&[_]> = lines.iter().map(<[_; 3]>::as_slice).collect();
    case.write("u.csv", sheet(USAGE, &usage))
        .write("l.csv", sheet(LINE, &lines));
}

/// A break that was found of two availabilities had two ids, of which one was new: over nights it was
/// resolved and new where nothing had changed.
#[test]
fn a_break_that_is_found_finer_keeps_its_id() {
    let case = Case::new();
    let broken = [("tie_out", "usage-to-invoice"), ("status", "break")];
    write_item(&case, &[("", "10")], &[("", "40")]);
    assert_eq!(case.run().status.code(), Some(0));
    let id = case.id(&broken);
    let second = format!("{id}.2");
    let third = format!("{id}.3");
    write_item(
        &case,
        &[("A1", "6"), ("A2", "4")],
        &[("A1", "26"), ("A2", "14")],
    );
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.ids(&broken), [id.clone(), second.clone()]);
    for (asked, amount) in [(&id, 20), (&second, 10)] {
        let answer = case.answer(&[asked]);
        assert_eq!(answer["groups"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["groups"][0]["break_id"], asked.as_str());
        assert_eq!(
            number(&answer["groups"][0]["variance_amount"]),
            Decimal::from(amount)
        );
    }
    let output = case.explain(&[&third]);
    assert_says(&output, 2, &["no row with this `break_id`"]);
    walk(&case.out());
    // The first of the groups is tied: the number is that of the group, not of the break.
    write_item(
        &case,
        &[("A1", "6"), ("A2", "4")],
        &[("A1", "6"), ("A2", "34")],
    );
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.id(&broken), second);
    write_item(
        &case,
        &[("A1", "6"), ("A2", "3"), ("A3", "1")],
        &[("A1", "7"), ("A2", "4"), ("A3", "29")],
    );
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.ids(&broken), [id.clone(), second, third]);
    write_item(&case, &[("", "10")], &[("", "40")]);
    assert_eq!(case.run().status.code(), Some(0));
    assert_eq!(case.id(&broken), id);
    // To the ledger it was one break over all five nights, new once and always of 30.00.
    let ledger = Ledger::open(&case.out()).unwrap();
    let events = ledger.read(|connection| events::list(connection, None));
    let of_break = events.unwrap().into_iter();
    let of_break: Vec<(String, String)> = of_break
        .map(|event| (event.break_id, event.event))
        .collect();
    assert_eq!(of_break, [(id, "new".to_owned())]);
}

#[test]
fn a_counterpart_is_named_with_its_number() {
    let case = Case::new();
    let usage: &[Changes<'_>] = &[
        &[("BillingPreTaxTotal", "5"), ("Quantity", "5")],
        &[
            ("BillingPreTaxTotal", "7"),
            ("Quantity", "7"),
            ("AvailabilityId", "A2"),
        ],
    ];
    let lines: &[Changes<'_>] = &[
        &[("SkuId", "0002"), ("Subtotal", "5"), ("Total", "5")],
        &[
            ("SkuId", "0002"),
            ("Subtotal", "7"),
            ("Total", "7"),
            ("AvailabilityId", "A2"),
        ],
    ];
    case.write("u.csv", sheet(USAGE, usage))
        .write("l.csv", sheet(LINE, lines));
    assert_eq!(case.run().status.code(), Some(0));
    let of = |sku: &str| case.ids(&[("tie_out", "usage-to-invoice"), ("sku_id", sku)]);
    let (used, billed) = (of("0001"), of("0002"));
    assert_eq!(used[1], format!("{}.2", used[0]));
    assert_eq!(billed[1], format!("{}.2", billed[0]));
    for (id, counterpart) in used.iter().zip(&billed) {
        assert_eq!(
            case.id(&[("break_id", id), ("counterpart", counterpart)]),
            *id
        );
        case.id(&[("break_id", counterpart), ("counterpart", id)]);
    }
}

#[test]
fn groups_of_a_pass_without_the_account_are_found() {
    // A pass without the account: its groups have no customer, and hold several.
    let wide = Case::new();
    wide.write(
        "u.csv",
        sheet(
            USAGE,
            &[
                &[("CustomerId", "c-1")],
                &[("CustomerId", "c-2")],
                &[("BillingCurrency", "")],
                &[("CustomerId", ""), ("ProductId", "")],
            ],
        ),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[("CustomerId", "c-3"), ("Subtotal", "7"), ("Total", "7")],
                &[("Currency", ""), ("CustomerId", "c-1")],
            ],
        ),
    )
    .write(
        "h.csv",
        sheet(
            HEADER,
            &[
                &[("Id", "G7"), ("TotalCharges", "5")],
                &[("Id", "G8"), ("TotalCharges", "4")],
            ],
        ),
    );
    let settings = "[tie_out.usage-to-invoice]\n[[tie_out.usage-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"currency\"]\n\
                    [tie_out.lines-to-invoice]\n[[tie_out.lines-to-invoice.pass]]\nname = \"wide\"\n\
                    keys = [\"currency\"]\n";
    let run = wide.run_with(settings, &[]);
    assert!(
        matches!(run.status.code(), Some(0 | 11)),
        "{}",
        stderr(&run)
    );
    assert!(
        !wide
            .ids(&[("matched_on", "wide"), ("tie_out", "usage-to-invoice")])
            .is_empty()
    );
    assert!(
        !wide
            .ids(&[("matched_on", "wide"), ("tie_out", "lines-to-invoice")])
            .is_empty()
    );
    walk(&wide.out());
    wide.answer(&["--key", "customer_id=c-2"]);
}

#[test]
fn of_two_headers_the_first_counts_and_the_other_is_shown() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]))
        .write(
            "h1.csv",
            sheet(
                HEADER,
                &[
                    &[("TotalCharges", "x")],
                    &[],
                    &[("Id", " g1 "), ("TotalCharges", "2")],
                ],
            ),
        )
        .write(
            "h2.csv",
            sheet(HEADER, &[&[("TotalCharges", "3"), ("CurrencyCode", "eur")]]),
        );
    assert_eq!(case.run().status.code(), Some(11));
    let id = case.id(&[("tie_out", "lines-to-invoice")]);
    let answer = case.answer(&[&id]);
    let group = &answer["groups"][0];
    assert_eq!(number(&group["invoiced"]["exact_sum"]), Decimal::ONE);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 3, "{answer}");
    walk(&case.out());
}

#[test]
fn a_run_of_one_period_is_explained_without_the_others() {
    let case = Case::new();
    let november: Changes<'_> = &[
        ("InvoiceNumber", "G2"),
        ("UsageDate", "11/05/2026"),
        ("ProductId", "P2"),
        ("CustomerId", "c-1"),
    ];
    // The usage of P2 is of another period: it decides the scope of a line of this one all the
    // same.
    case.write("u.csv", sheet(USAGE, &[&[], november])).write(
        "l.csv",
        sheet(
            LINE,
            &[
                &[],
                &[
                    ("CustomerId", "c-9"),
                    ("ProductId", "P2"),
                    ("MeterDescription", ""),
                    ("SubscriptionDescription", "Seats"),
                    ("TermAndBillingCycle", "One-Year commitment"),
                ],
                &[
                    ("InvoiceNumber", "G2"),
                    ("ChargeStartDate", "11/01/2026"),
                    ("ProductId", "P2"),
                ],
            ],
        ),
    );
    let run = case.run_with("", &["--period", "2026-10"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert_eq!(walk(&case.out()), 2);
    let answer = case.answer(&["--key", "customer_id=c-1"]);
    assert_eq!(answer["groups"].as_array().unwrap().len(), 1);
}

#[test]
fn the_rules_of_the_pipeline_are_those_of_the_explanation() {
    let case = Case::new();
    case.write(
        "u.csv",
        sheet(USAGE, &[&[("BillingPreTaxTotal", "1.23456")]]),
    )
    .write(
        "l.csv",
        sheet(
            LINE,
            &[&[
                ("EffectiveUnitPrice", "1.23456"),
                ("BillableQuantity", "1"),
                ("Subtotal", "1.2345"),
                ("Total", "1.2345"),
            ]],
        ),
    );
    let settings = "[tie_out.usage-to-invoice.tolerance]\nabsolute = \"0.5\"\n\
                    [tie_out.usage-to-invoice.rounding.four_down]\norder = \"at_once\"\n\
                    mode = \"down\"\nbilling_digits = 4\n";
    let run = case.run_with(settings, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    walk(&case.out());
    let text = case.explain(&[&case.id(&[("tie_out", "usage-to-invoice")])]);
    assert_says(&text, 0, &["rule four_down"]);
}
