//! Every row that a file holds is a row or a rejection: a table of files made by hand, each with
//! what becomes of its rows, held against a count by plain readers that share no code with the
//! decoders.

use std::sync::Arc;

use serde_json::Value;
use tieout::decode::{self, DecodeError, Decoded, Input};
use tieout::engine::count::partial::Partial;
use tieout::model::dataset::Dataset;
use tieout::model::reject::Rejection;
use tieout::model::row::Row;

use crate::fixtures::{LINE, USAGE, sheet, tie};

/// A sink that takes and refuses rows as a run does.
struct Counted(Partial, u64);

impl decode::Sink for Counted {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0.add(row)?;
        self.1 += 1;
        Ok(())
    }

    fn flush(&mut self) {
        self.0.flush();
    }
}

/// What becomes of a file.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// Rows that are read, rows that are rejected, and a part of the only warning; "" for none.
    Rows(u64, u64, &'static str),
    /// A part of the error of the whole file.
    Refused(&'static str),
}

pub(crate) use Wanted::{Refused, Rows};

/// Account of a usage file, with the number of rows that its sinks took.
fn decoded(bytes: &[u8]) -> Result<(Decoded, u64), DecodeError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let input = Input {
        unit: "x",
        file: file.as_file(),
        dataset: Dataset::Usage,
    };
    let sink = || Counted(Partial::new(Dataset::Usage, Arc::default()), 0);
    let (decoded, sinks) = decode::decode(input, sink)?;
    Ok((decoded, sinks.iter().map(|sink| sink.1).sum()))
}

/// Compares what becomes of each file with what is wanted, and its rows with those that `count`
/// finds; all differences at once.
pub(crate) fn check(cases: &[(&str, Vec<u8>, Wanted)], count: impl Fn(&[u8]) -> u64) {
    let mut wrong = Vec::new();
    for (name, bytes, wanted) in cases {
        match (decoded(bytes), wanted) {
            (Err(error), Refused(words)) if error.to_string().contains(words) => {}
            (Ok((decoded, taken)), Rows(read, rejected, words)) => {
                let found = (taken, decoded.rejected.len() as u64);
                let warnings = decoded.warnings.join("; ");
                let is_told = if words.is_empty() {
                    warnings.is_empty()
                } else {
                    decoded.warnings.len() == 1 && warnings.contains(words)
                };
                let held = count(bytes);
                if found != (*read, *rejected) || !is_told || decoded.rows != held {
                    wrong.push(format!(
                        "{name}: {found:?} of {held} rows, {:?}, warned of `{warnings}`",
                        decoded.rejected
                    ));
                }
            }
            (Err(error), _) => wrong.push(format!("{name}: {error}")),
            (Ok((decoded, taken)), _) => wrong.push(format!(
                "{name}: read {taken}, rejected {:?}",
                decoded.rejected
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const HEAD: &str = "CustomerId,ProductId,SkuId,SubscriptionId,UsageDate,Quantity,\
                    BillingPreTaxTotal,BillingCurrency,MeterName";
const ROW: &str = "c,p,1,s,2026-10-01,1,1,EUR,m";

/// Rows of a CSV text by the csv crate: all records but those that are the headings.
fn csv_rows(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes).replace('\u{feff}', "");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let plain = |record: &csv::StringRecord| -> Vec<String> {
        record
            .iter()
            .map(|cell| cell.trim().to_lowercase())
            .collect()
    };
    let head = plain(&records[0]);
    records
        .iter()
        .filter(|record| plain(record) != head)
        .count() as u64
}

#[test]
fn headings_in_the_middle_of_a_csv_file_are_told_or_refused() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let reordered = HEAD.replacen("CustomerId,ProductId", "ProductId,CustomerId", 1);
    let quoted = format!("\"{}\"", HEAD.replace(',', "\",\""));
    let again = "the headings stand once more, in the middle of the file";
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "headings again",
            of(&[HEAD, ROW, HEAD, ROW]),
            Rows(2, 0, again),
        ),
        (
            "headings again, in quotes",
            of(&[HEAD, ROW, &quoted, ROW]),
            Rows(2, 0, again),
        ),
        (
            "headings again, twice",
            of(&[HEAD, ROW, HEAD, HEAD, ROW]),
            Rows(
                2,
                0,
                "the headings stand 2 times more, in the middle of the file",
            ),
        ),
        (
            "headings again, in lower case",
            of(&[HEAD, ROW, &HEAD.to_lowercase(), ROW]),
            Rows(2, 0, again),
        ),
        (
            "headings in another order",
            of(&[HEAD, ROW, &reordered, ROW]),
            Refused("headings in another order"),
        ),
    ];
    check(&cases, csv_rows);
}

#[test]
fn headings_are_told_in_any_spelling() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let reordered = HEAD.replacen("CustomerId,ProductId", "ProductId,CustomerId", 1);
    let quoted = format!("\"{}\"", HEAD.replace(',', "\",\""));
    let bom_quoted = format!("\u{feff}{quoted}");
    let bom_row = format!("\u{feff}{ROW}");
    let again = "the headings stand once more, in the middle of the file";
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "headings in another order after a stray quote",
            of(&[HEAD, "c,p,1,s,2026-10-01,1,1,EUR,5\" disk", &reordered, ROW]),
            Refused("headings in another order"),
        ),
        (
            "other headings, as many",
            of(&[HEAD, ROW, &HEAD.replace("MeterName", "Unit"), ROW]),
            Refused("headings in another order"),
        ),
        (
            "more headings",
            of(&[HEAD, ROW, &format!("{HEAD},Unit"), &format!("{ROW},1")]),
            Refused("headings in another order"),
        ),
        (
            "a doubled heading",
            of(&[&format!("{HEAD},Quantity"), ROW]),
            Refused("name the same column"),
        ),
        (
            "blank headings",
            of(&[&HEAD.replace(',', " , "), ROW]),
            Rows(1, 0, ""),
        ),
        (
            "a mark before headings in the middle",
            of(&[HEAD, ROW, &format!("\u{feff}{HEAD}"), ROW]),
            Rows(2, 0, again),
        ),
        (
            "a mark before quoted headings in the middle",
            of(&[HEAD, ROW, &bom_quoted, ROW]),
            Rows(2, 0, again),
        ),
        (
            "two marks and a header",
            of(&[&format!("\u{feff}\u{feff}{HEAD}"), &bom_row]),
            Rows(1, 0, ""),
        ),
        (
            "an unknown column",
            of(&[&format!("{HEAD},New"), &format!("{ROW},1")]),
            Rows(1, 0, "`New`"),
        ),
    ];
    check(&cases, csv_rows);
}

#[test]
fn every_row_of_a_csv_file_is_a_row_or_a_rejection() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let bom_row = format!("\u{feff}{ROW}");
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        ("plain", of(&[HEAD, ROW, ROW]), Rows(2, 0, "")),
        ("only a header", of(&[HEAD]), Rows(0, 0, "has no rows")),
        (
            "ragged",
            of(&[HEAD, ROW, "c,p,1", &format!("{ROW},more"), ROW]),
            Rows(2, 2, ""),
        ),
        ("bare commas", of(&[HEAD, ROW, ",,,,,,,,"]), Rows(1, 1, "")),
        (
            "a NUL byte",
            of(&[HEAD, ROW, "c\0,p,1,s,2026-10-01,1\0,1,EUR,m"]),
            Rows(1, 1, ""),
        ),
        (
            "a quote behind a NUL byte",
            of(&[
                HEAD,
                "c,p,1,s,2026-10-01,1,1,EUR,m\0\"",
                ROW,
                "c,p,1,s,2026-10-01,1,1,EUR,\"m\"",
                ROW,
            ]),
            Rows(3, 1, ""),
        ),
        (
            "bare CR",
            [HEAD, ROW, ROW].join("\r").into_bytes(),
            Rows(2, 0, ""),
        ),
        (
            "a bare CR in a row",
            of(&[HEAD, ROW, "c,p,1,s,2026-10-01,1,1,EUR,m\rm", ROW]),
            Rows(3, 1, ""),
        ),
        (
            "CRLF and LF",
            format!("{HEAD}\r\n{ROW}\r\n{ROW}\n{ROW}").into_bytes(),
            Rows(3, 0, ""),
        ),
        (
            "a quote in a cell",
            of(&[HEAD, ROW, "c,p,1,s,2026-10-01,1,1,EUR,24\" screen", ROW]),
            Rows(3, 0, ""),
        ),
        (
            "an open quote",
            of(&[HEAD, ROW, "c,p,1,s,2026-10-01,1,1,EUR,\"m"]),
            Refused("quoted cell"),
        ),
        (
            "a mark in the middle",
            of(&[HEAD, ROW, &bom_row, ROW]),
            Rows(3, 0, ""),
        ),
    ];
    check(&cases, csv_rows);
}

#[test]
fn a_mark_in_the_middle_is_no_part_of_an_id() {
    let row = sheet(USAGE, &[&[]]);
    let (header, row) = row.split_once("\r\n").unwrap();
    // The customer is the first column here, so that the mark would be a part of its id.
    let first = |line: &str| line.replacen("partner,c-1,", "c-1,partner,", 1);
    let header = header.replacen("PartnerId,CustomerId", "CustomerId,PartnerId", 1);
    for (name, row) in [
        ("plain", first(row)),
        ("quoted", first(row).replacen("c-1,", "\"c-1\",", 1)),
    ] {
        let text = format!("{header}\r\n{row}\u{feff}{row}{row}");
        let found = tie(&text, &sheet(LINE, &[&[]]));
        assert_eq!(
            found.table("resources", "customer_id usage_rows"),
            ["c-1 3"],
            "{name}"
        );
    }
}

/// A row as a JSON object, and the same with one text replaced.
pub(crate) const ITEM: &str = r#"{"CustomerId":"c","ProductId":"p","SkuId":"1","SubscriptionId":"s","UsageDate":"2026-10-01","Quantity":1,"BillingPreTaxTotal":1,"BillingCurrency":"EUR","MeterName":"m"}"#;

pub(crate) fn item(from: &str, to: &str) -> String {
    assert!(ITEM.contains(from), "{from}");
    ITEM.replacen(from, to, 1)
}

/// Rows of JSON lines by a plain reader: the values of each line, and one for each line that is
/// broken.
fn json_lines(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes).replace('\u{feff}', "");
    let rows_of = |line: &str| -> u64 {
        let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(line)
            .into_iter()
            .collect();
        match values {
            Ok(values) => values
                .iter()
                .map(|value| value.as_array().map_or(1, |rows| rows.len().max(1) as u64))
                .sum(),
            Err(_) => 1,
        }
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(rows_of)
        .sum()
}

#[test]
fn every_key_of_a_json_line_is_read_or_told() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let escaped = item("CustomerId", r"Custo\u006derId");
    let with = |extra: &str| item("\"MeterName\"", &format!("{extra},\"MeterName\""));
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "an escaped key",
            of(&[&escaped, ITEM, &escaped, ITEM]),
            Rows(4, 0, ""),
        ),
        (
            "a key with a backslash",
            of(&[
                &with(r#""Custo\\u006derId":"x""#),
                &with(r#""Custo\u006derId":"x""#),
                ITEM,
            ]),
            Rows(2, 1, r"`Custo\u006derId`"),
        ),
        (
            "a key with a quote",
            of(&[
                &with(r#""a\"b":1"#),
                &with(r#""a"b":1"#),
                &with(r#""a\"b":1"#),
            ]),
            Rows(2, 1, "`a\"b`"),
        ),
        ("an empty object", b"{}".to_vec(), Refused("no keys")),
        (
            "documented keys",
            of(&[&with(
                r#""links":{},"invoiceLineItemType":"usage_line_items","billingProvider":"x""#,
            )]),
            Rows(1, 0, ""),
        ),
        (
            "unknown keys",
            of(&[
                &with(r#""zeta":1,"links":{},"attributes":{}"#),
                &with(r#""Alpha":2"#),
                ITEM,
            ]),
            Rows(3, 0, "`x`: keys not known and not read: `Alpha`, `zeta`"),
        ),
    ];
    check(&cases, json_lines);
}

#[test]
fn a_key_that_stands_twice_rejects_its_row() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let with = |extra: &str| item("\"MeterName\"", &format!("{extra},\"MeterName\""));
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "a key twice",
            of(&[ITEM, &with(r#""Quantity":2"#), ITEM]),
            Rows(2, 1, ""),
        ),
        (
            "a key twice, first null",
            of(&[
                ITEM,
                &item("\"Quantity\":1", "\"Quantity\":null,\"Quantity\":1"),
                ITEM,
            ]),
            Rows(2, 1, ""),
        ),
        (
            "a key twice, then empty",
            of(&[ITEM, &with(r#""Quantity":"""#), ITEM]),
            Rows(2, 1, ""),
        ),
        (
            "a key in two spellings, one without a value",
            of(&[ITEM, &with(r#""quantity":null"#), ITEM]),
            Rows(3, 0, ""),
        ),
    ];
    check(&cases, json_lines);
}

#[test]
fn every_broken_json_line_is_a_rejection() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "a lone surrogate",
            of(&[
                ITEM,
                &item("\"c\"", r#""\ud800""#),
                &item("\"m\"", r#""x\udc00""#),
                ITEM,
            ]),
            Rows(2, 2, ""),
        ),
        (
            "too large",
            of(&[ITEM, &item("\"Quantity\":1", "\"Quantity\":1e400")]),
            Rows(1, 1, ""),
        ),
        (
            "minus zero",
            of(&[ITEM, &item("\"Quantity\":1", "\"Quantity\":-0")]),
            Rows(2, 0, ""),
        ),
        (
            "a leading zero",
            of(&[ITEM, &item("\"Quantity\":1", "\"Quantity\":01")]),
            Rows(1, 1, ""),
        ),
        (
            "NaN",
            of(&[ITEM, &item("\"Quantity\":1", "\"Quantity\":NaN")]),
            Rows(1, 1, ""),
        ),
        (
            "text behind",
            of(&[ITEM, &format!("{ITEM} x"), &format!("{ITEM},"), ITEM]),
            Rows(2, 2, ""),
        ),
        ("an empty array", of(&[ITEM, "[]", ITEM]), Rows(2, 1, "")),
        ("cut", of(&[ITEM, &ITEM[..60]]), Rows(1, 1, "")),
        ("an empty object behind", of(&[ITEM, "{}"]), Rows(1, 1, "")),
    ];
    check(&cases, json_lines);
}

#[test]
fn every_value_on_a_json_line_is_a_row_or_a_rejection() {
    let of = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        ("plain", of(&[ITEM, ITEM]), Rows(2, 0, "")),
        (
            "two on a line",
            of(&[ITEM, &format!("{ITEM}{ITEM}"), ITEM]),
            Rows(2, 2, ""),
        ),
        (
            "three on the first line",
            of(&[&format!("{ITEM} {ITEM} {ITEM}"), ITEM]),
            Rows(1, 3, ""),
        ),
        (
            "bare CR",
            [ITEM, ITEM, ITEM].join("\r").into_bytes(),
            Rows(0, 3, ""),
        ),
        ("null", of(&[ITEM, "null", ITEM]), Rows(2, 1, "")),
        (
            "an array",
            of(&[ITEM, &format!("[{ITEM},{ITEM}]"), ITEM]),
            Rows(2, 2, ""),
        ),
        (
            "empty lines",
            of(&["", ITEM, "", "  ", ITEM, ""]),
            Rows(2, 0, ""),
        ),
        (
            "marks in the middle",
            of(&[ITEM, &format!("\u{feff}\u{feff}{ITEM}")]),
            Rows(2, 0, ""),
        ),
    ];
    check(&cases, json_lines);
}
