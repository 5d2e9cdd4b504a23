//! CSV is cut into slices that are decoded in parallel: together they hold the rows that the csv
//! crate reads in one go, wherever the borders of slices fall.

use proptest::prelude::*;
use tieout::decode::{self, Input};
use tieout::model::dataset::{Dataset, Need};
use tieout::model::reject::Rejection;
use tieout::model::row::Row;

proptest! {
    #![proptest_config(crate::laws::cases(12))]

    #[test]
    fn slices_hold_the_rows_that_the_csv_crate_reads_in_one_go(
        pattern in prop::collection::vec((prop::array::uniform4(csv_text()), any::<bool>()), 1..40), padding in 0_usize..3_000, tail: bool,
    ) {
        assert!(NEEDED.iter().all(|name| Dataset::Usage.columns()[Dataset::Usage.position_of(name).unwrap()].need != Need::Unread));
        let mut text = [&NEEDED[..], &FREE[..], &["Tags"]].concat().join(",").into_bytes();
        text.push(b'\n');
        // 5 MiB are several slices, so that the borders of slices and of buffers fall anywhere.
        for (cells, crlf) in pattern.iter().cycle() {
            if text.len() > 5 << 20 {
                break;
            }
            text.extend(b"c,p,s,b,2026-10-01,1,1,EUR,");
            text.extend(cells.join(",").as_bytes());
            text.extend(format!(",\"{}\"", "t\n\"\"".repeat(padding / 4)).as_bytes());
            text.extend(if *crlf { &b"\r\n"[..] } else { b"\n" });
        }
        if tail {
            text.pop();
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_slice());
        let wanted: Vec<Vec<Vec<u8>>> = reader.byte_records().map(|row| {
            let row = row.unwrap();
            (8..12).map(|at| row.get(at).unwrap().to_vec()).collect()
        }).collect();
        let (found, places_rise) = decoded(&text);
        prop_assert!(places_rise);
        prop_assert_eq!(found.len(), wanted.len());
        let differing = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
        prop_assert!(differing.is_none(), "{:?}", differing);
    }
}

/// Columns without which a file is no usage.
const NEEDED: [&str; 8] = [
    "CustomerId",
    "ProductId",
    "SkuId",
    "SubscriptionId",
    "UsageDate",
    "Quantity",
    "BillingPreTaxTotal",
    "BillingCurrency",
];

/// Columns whose cells the test compares: free texts, which a decoder passes on as they are.
const FREE: [&str; 4] = ["CustomerName", "MeterName", "ResourceGroup", "Unit"];

/// The CSV text of a cell: quoted with anything inside, half quoted, or bare with quotes inside.
fn csv_text() -> impl Strategy<Value = String> {
    let quoted =
        "[a-c,\"\r\n ]{0,12}".prop_map(|text: String| format!("\"{}\"", text.replace('"', "\"\"")));
    let half = ("[a-c,\n]{0,4}", "[a-c\" ]{0,4}")
        .prop_map(|(inside, behind): (String, String)| format!("\"{inside}\"x{behind}"));
    prop_oneof![quoted, half, "[a-c ][a-c \"']{0,10}", Just(String::new())]
}

/// Line and compared cells of each row.
struct Collected(Vec<(u64, Vec<Vec<u8>>)>);

impl decode::Sink for Collected {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let cells = FREE.map(|name| {
            row.cells[Dataset::Usage.position_of(name).unwrap()]
                .bytes()
                .into_owned()
        });
        self.0.push((row.place.line(), cells.to_vec()));
        Ok(())
    }
}

/// The compared cells of each row of a file, by line; true if no line was told twice.
fn decoded(text: &[u8]) -> (Vec<Vec<Vec<u8>>>, bool) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text).unwrap();
    let (decoded, sinks) = decode::decode(
        Input {
            unit: "x",
            file: file.as_file(),
            dataset: Dataset::Usage,
        },
        || Collected(Vec::new()),
    )
    .unwrap();
    assert_eq!(decoded.rejected, [], "{:?}", decoded.rejected.first());
    let mut rows: Vec<(u64, Vec<Vec<u8>>)> = sinks.into_iter().flat_map(|sink| sink.0).collect();
    assert_eq!(decoded.rows, rows.len() as u64);
    rows.sort_by_key(|(line, _)| *line);
    let places_rise = rows.windows(2).all(|pair| pair[0].0 < pair[1].0);
    (
        rows.into_iter().map(|(_, cells)| cells).collect(),
        places_rise,
    )
}
