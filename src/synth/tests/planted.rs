//! Planted variances: each cause is there, the truth adds up, and a seed gives the same bytes.

use super::support::{bytes, make, value};
use crate::model::cause::Cause;
use crate::synth::Format;

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("a"), 2_000, 5, &Format::ALL, true);
    assert_eq!(
        make(&out.path().join("b"), 2_000, 5, &Format::ALL, true),
        report
    );
    make(&out.path().join("c"), 2_000, 6, &Format::ALL, true);
    let (a, b) = (bytes(&out.path().join("a")), bytes(&out.path().join("b")));
    assert!(a == b);
    assert!(a != bytes(&out.path().join("c")));
    assert_eq!(
        (report.files, report.bytes),
        (
            a.len() as u64,
            a.iter().map(|(_, bytes)| bytes.len() as u64).sum()
        )
    );
}

#[test]
fn every_cause_is_planted() {
    let out = tempfile::tempdir().unwrap();
    for seed in 0..24 {
        for (rows, least) in [(5_000, 1), (50_000, 2)] {
            if rows > 5_000 && seed > 2 {
                continue;
            }
            let report = make(
                &out.path().join(format!("{seed}-{rows}")),
                rows,
                seed,
                &[],
                true,
            );
            assert_eq!(report.rows, rows);
            // No promotion is planted yet.
            for cause in Cause::ALL
                .into_iter()
                .filter(|cause| *cause != Cause::Promotion)
            {
                let count = report
                    .planted
                    .iter()
                    .find(|(planted, _)| *planted == cause)
                    .map_or(0, |(_, count)| *count);
                // A header has one tax difference, and only one invoice has it.
                let least = if cause == Cause::Tax { 1 } else { least };
                assert!(
                    count >= least,
                    "seed {seed}, {rows} rows, {}: {count}",
                    cause.name()
                );
            }
        }
    }
}

#[test]
fn planted_deviations_are_far_beyond_rounding() {
    let out = tempfile::tempdir().unwrap();
    make(&out.path().join("x"), 20_000, 3, &[], true);
    let mut truth = ::csv::Reader::from_path(out.path().join("x/truth.csv")).unwrap();
    for record in truth.records().map(Result::unwrap) {
        let [expected, invoiced, amount, rounding] =
            [12, 13, 14, 15].map(|at| value(&record[at], 10));
        let parts: i128 = (15..29).map(|at| value(&record[at], 10)).sum();
        assert_eq!((invoiced - expected, parts), (amount, amount));
        // Two cents that are cut off, one of them at the exchange rate.
        assert!(rounding.abs() < 250_000_000, "{record:?}");
        assert!(
            (amount - rounding).abs() >= 500_000_000
                || ["rounding", "out_of_scope"].contains(&&record[0]),
            "{record:?}"
        );
    }
}
