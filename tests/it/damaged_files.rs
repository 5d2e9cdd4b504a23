//! Damaged files are errors, never panics; and damage to one row costs no other row.

use tieout::decode::{self, Input, Sink};
use tieout::model::dataset::Dataset;
use tieout::model::reject::Rejection;
use tieout::model::row::Row;
use tieout::synth::Format;

use crate::runs::month;

/// The parquet crate panics on some flipped bits: a fault of the file, to be reported as one.
#[test]
fn a_parquet_file_with_flipped_bits_is_an_error_and_never_a_panic() {
    let folder = month(300, 5, &[Format::Parquet]);
    let data = folder.path().join("month");
    let whole = std::fs::read(data.join("usage/parquet/usage-0001.parquet")).unwrap();
    let mut random = 7_u64;
    for turn in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(random >> 33).unwrap() % bytes.len();
            bytes[at] ^= 1 << (random % 8);
        }
        let path = folder.path().join("flipped.parquet");
        std::fs::write(&path, bytes).unwrap();
        let out = folder.path().join(format!("out{turn}"));
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args([
                "-q",
                "reconcile",
                "--usage",
                path.to_str().unwrap(),
                "--invoice-lines",
            ])
            .arg(data.join("recon/parquet/recon.parquet"))
            .arg("--out")
            .arg(out)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(
            matches!(done.status.code(), Some(0 | 2 | 11)) && !stderr.contains("panicked"),
            "{:?} {stderr}",
            done.status
        );
    }
}

/// Number of rows, and the meter names that hold a quote.
struct Quoted(u64, Vec<String>);

impl Sink for Quoted {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        self.0 += 1;
        let name = row.cells[Dataset::Usage.position_of("MeterName").unwrap()]
            .bytes()
            .into_owned();
        self.1.extend(
            name.contains(&b'"')
                .then(|| String::from_utf8(name).unwrap()),
        );
        Ok(())
    }
}

#[test]
fn a_stray_quote_costs_no_row_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    let rows = 20_000;
    let row = |meter: &str| {
        format!(
            "c,s,p,0001,2026-10-05,{meter},1,0.25,EUR,{}\n",
            "x".repeat(80)
        )
    };
    for stray in [0, 100, rows / 2, rows - 1] {
        let mut text =
            "CustomerId,SubscriptionId,ProductId,SkuId,UsageDate,MeterName,Quantity,BillingPreTaxTotal,BillingCurrency,Tags\n".to_owned();
        (0..rows).for_each(|at| text += &row(if at == stray { "24\" screen" } else { "disk" }));
        std::fs::write(&path, &text).unwrap();
        for threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let input = Input {
                unit: "usage.csv",
                file: &std::fs::File::open(&path).unwrap(),
                dataset: Dataset::Usage,
            };
            let (decoded, sinks) = pool
                .install(|| decode::decode(input, || Quoted(0, Vec::new())))
                .unwrap();
            assert_eq!((decoded.rows, decoded.rejected.len()), (rows, 0), "{stray}");
            assert_eq!(sinks.iter().map(|sink| sink.0).sum::<u64>(), rows);
            assert_eq!(
                sinks
                    .into_iter()
                    .flat_map(|sink| sink.1)
                    .collect::<Vec<String>>(),
                ["24\" screen"]
            );
        }
    }
}
