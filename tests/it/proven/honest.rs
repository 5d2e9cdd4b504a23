//! Honest months stay quiet.

use super::month::{PLAIN, ProvenMonth, Style};
use super::number::number;
use super::random::Random;
use super::run::run_month;

/// Ways in which honest files differ: currencies of 0, 2 and 3 digits, exchange rates, digits that a
/// spreadsheet cut, rows that were cut to cents, and meters with two lines.
fn styles() -> Vec<Style> {
    let rate = number(917_342, 6);
    let euro = Style {
        currency: "EUR",
        rate,
        ..PLAIN
    };
    let yen = Style {
        currency: "JPY",
        digits: 0,
        rate: number(15_012, 2),
        ..PLAIN
    };
    let dinar = Style {
        currency: "KWD",
        digits: 3,
        rate: number(30_7125, 6),
        ..PLAIN
    };
    let with = |style: Style, change: fn(&mut Style)| {
        let mut style = style;
        change(&mut style);
        style
    };
    let mut styles = Vec::new();
    for style in [PLAIN, euro, yen, dinar] {
        styles.extend([
            style,
            with(style, |style| style.significant = Some(15)),
            with(style, |style| style.significant = Some(10)),
            with(style, |style| style.has_two_lines = true),
        ]);
    }
    styles.extend([PLAIN, euro].map(|style| with(style, |style| style.is_floored = true)));
    styles
}

#[test]
fn honest_months_have_no_break_no_line_off_rule_and_no_warning() {
    let styles = styles();
    let [mut groups, mut bounded] = [0, 0];
    for seed in 0..40_u64 {
        let style = Style {
            meters: 30,
            ..styles[seed as usize % styles.len()]
        };
        let month = ProvenMonth::honest(style, &mut Random::new(seed));
        let found = run_month(&month);
        let told = || format!("seed {seed}, {style:?}");
        assert_eq!(
            found.outcome.exit_code,
            0,
            "{}: {:?}",
            told(),
            breaks(&found.variances)
        );
        assert!(
            found.outcome.warnings.is_empty(),
            "{}: {:?}",
            told(),
            found.outcome.warnings
        );
        for row in &found.variances {
            assert!(
                ["tied", "within_tolerance"].contains(&row["status"].as_str()),
                "{}: {row:?}",
                told()
            );
            if row["tie_out"] == "usage-to-invoice" {
                groups += 1;
                bounded += u64::from(row["proof"] == "bounded");
            }
        }
        let figures = &found.outcome.invoices[0];
        assert_eq!(figures.off_rule_lines.count, 0, "{}", told());
    }
    assert!(groups >= 1_000, "{groups} groups");
    assert!(
        bounded * 100 <= groups,
        "{bounded} of {groups} groups are bounded only"
    );
}

fn breaks(variances: &[super::run::Cells]) -> Vec<&super::run::Cells> {
    let is_break = |row: &&super::run::Cells| row["status"] == "break";
    variances.iter().filter(is_break).collect()
}
