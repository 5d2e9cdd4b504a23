//! A month of usage and lines: Microsoft's arithmetic holds on every line, and the quirks are
//! there.

use std::collections::BTreeMap;

use super::support::{csv_rows, make, value};
use crate::model::dataset::{Column, INVOICE_LINES, Kind, USAGE, position};
use crate::model::decimal::{self, Rounding};
use crate::model::ids::{Fold, fold};
use crate::model::period::Period;
use crate::synth::{Format, Request, SynthError, generate};

/// Keys of a group: invoice, customer, plan, product, SKU, availability, meter, credit.
type Key = [String; 8];

fn usage_groups(rows: &[Vec<String>]) -> BTreeMap<Key, i128> {
    let mut groups = BTreeMap::new();
    let at = |name| position(USAGE, name);
    for row in rows {
        let cell = |name| fold(USAGE[at(name)].kind_fold(), &row[at(name)]);
        let earned = if row[at("PartnerEarnedCreditPercentage")].is_empty() {
            ""
        } else {
            "15"
        };
        let names = [
            "InvoiceNumber",
            "CustomerId",
            "SubscriptionId",
            "ProductId",
            "SkuId",
            "AvailabilityId",
            "MeterName",
        ];
        let [a, b, c, d, e, f, g] = names.map(cell);
        *groups
            .entry([a, b, c, d, e, f, g, earned.to_owned()])
            .or_insert(0) += value(&row[at("PricingPreTaxTotal")], 20);
    }
    groups
}

trait KindFold {
    fn kind_fold(&self) -> Fold;
}

impl KindFold for Column {
    fn kind_fold(&self) -> Fold {
        match self.kind {
            Kind::Text(fold) => fold,
            _ => panic!("{} is no key", self.name),
        }
    }
}

#[test]
fn usage_reproduces_every_line_of_a_clean_month() {
    let out = tempfile::tempdir().unwrap();
    let report = make(&out.path().join("x"), 6_000, 11, &[Format::Csv], false);
    let (usage, lines) = (
        csv_rows(&out.path().join("x/usage")),
        csv_rows(&out.path().join("x/recon")),
    );
    assert_eq!(
        (usage.len() as u64, lines.len() as u64),
        (report.rows, report.lines)
    );
    assert_eq!(report.rows, 6_000);
    assert_eq!(report.planted, []);
    let mut groups = usage_groups(&usage);
    assert_eq!(groups.len(), lines.len());
    let at = |name| position(INVOICE_LINES, name);
    for line in &lines {
        let cell = |name| fold(INVOICE_LINES[at(name)].kind_fold(), &line[at(name)]);
        let names = [
            "InvoiceNumber",
            "CustomerId",
            "SubscriptionId",
            "ProductId",
            "SkuId",
            "AvailabilityId",
            "MeterDescription",
        ];
        let [a, b, c, d, e, f, g] = names.map(cell);
        let earned = if line[at("PriceAdjustmentDescription")].is_empty() {
            ""
        } else {
            "15"
        };
        let pricing = groups
            .remove(&[a, b, c, d, e, f, g, earned.to_owned()])
            .unwrap();
        let number = |name, scale| value(&line[at(name)], scale);
        let rate = (number("PCToBCExchangeRate", 9), 9);
        let charge = decimal::rescale(pricing, 20, 2, Rounding::Down).unwrap();
        let subtotal = decimal::multiply((charge, 2), rate, 2, Rounding::Down).unwrap();
        assert_eq!(number("Subtotal", 2), subtotal);
        let price = (number("EffectiveUnitPrice", 22), 22);
        let product = decimal::multiply(
            price,
            (number("BillableQuantity", 20), 20),
            2,
            Rounding::Down,
        )
        .unwrap();
        assert_eq!(product, charge);
        assert_eq!(number("Total", 2), subtotal + number("TaxTotal", 2));
    }
    assert!(groups.is_empty());
}

#[test]
fn the_files_have_the_quirks() {
    let out = tempfile::tempdir().unwrap();
    make(&out.path().join("x"), 5_000, 2, &[Format::Csv], true);
    let text = std::fs::read_to_string(out.path().join("x/usage/csv/usage-0001.csv")).unwrap();
    assert!(text.starts_with("\u{feff}PartnerId,PartnerName,CustomerId"));
    assert_eq!(text.matches("\r\n").count(), 5_001);
    for quirk in [
        "/RESOURCEGROUPS/",
        "E-0",
        "$system",
        "{\"\"env",
        "株式会社",
        "10/05/2026",
        "09/01/2026",
        "\u{a0}",
        "Credit Not Applied",
    ] {
        assert!(text.contains(quirk), "{quirk}");
    }
    let rows = csv_rows(&out.path().join("x/usage"));
    let short = rows
        .iter()
        .filter(|row| row[position(USAGE, "SkuId")].len() < 4)
        .count();
    let upper = rows
        .iter()
        .filter(|row| {
            row[position(USAGE, "EntitlementId")].contains(|c: char| c.is_ascii_uppercase())
        })
        .count();
    assert!(short > 10 && upper > 10);
    let full = generate(&Request {
        rows: 1,
        seed: 1,
        out: out.path().join("x"),
        period: Period::parse("2026-10").unwrap(),
        formats: vec![Format::Csv],
        planted: false,
    });
    assert!(matches!(full, Err(SynthError::NotEmpty { .. })));
}
