//! The sentences of `explain` against the truth of a synthetic month, and the evidence behind them.
//! Numbers are worked out here from the truth and from the rows of the evidence, in decimals.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use tempfile::TempDir;
use tieout::synth::Format;

use crate::program::{stderr, tieout};
use crate::runs::{Published, globs, month, reconcile_lines_too};
use crate::truth::KEYS;

/// A row by its columns.
pub(crate) type Cells = BTreeMap<String, String>;

/// A month and its run.
pub(crate) struct Month {
    folder: TempDir,
    truths: Vec<Cells>,
}

impl Month {
    pub(crate) fn out(&self) -> String {
        self.folder.path().join("out").to_str().unwrap().to_owned()
    }
}

fn rows_of(path: &Path) -> Vec<Cells> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let records = reader.records().map(Result::unwrap);
    let cells = |record: csv::StringRecord| {
        let cells = record.iter().map(str::to_owned);
        headers.iter().cloned().zip(cells).collect()
    };
    records.map(cells).collect()
}

pub(crate) fn the_month() -> &'static Month {
    static MONTH: OnceLock<Month> = OnceLock::new();
    MONTH.get_or_init(|| {
        let folder = month(5_000, 7, &[Format::Csv]);
        let files = globs(folder.path(), Format::Csv);
        let outcome = reconcile_lines_too(&files, &folder.path().join("out"));
        let variances = Published::read(&outcome.folder, "variances");
        let mut truths = rows_of(&folder.path().join("month/truth.csv"));
        for truth in &mut truths {
            let fits = |row: &&Vec<String>| {
                let names = KEYS.iter();
                names
                    .clone()
                    .all(|name| variances.cell(row, name) == truth[*name])
                    && variances.cell(row, "expected_amount") == truth["expected_amount"]
            };
            let row = variances.rows.iter().find(fits).unwrap();
            let id = variances.cell(row, "break_id").to_owned();
            truth.insert("break_id".to_owned(), id);
        }
        Month { folder, truths }
    })
}

pub(crate) fn decimal(text: &str) -> Decimal {
    match text {
        "" => Decimal::ZERO,
        // Microsoft writes small prices with an exponent.
        text => text
            .parse()
            .or_else(|_| Decimal::from_scientific(text))
            .unwrap(),
    }
}

/// An amount as the sentences tell it: its size in cents, with commas between thousands.
fn money(amount: Decimal, currency: &str) -> String {
    let amount = amount.abs();
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() && !amount.is_zero() {
        return format!("{} {currency}", amount.normalize());
    }
    let text = format!("{rounded:.2}");
    let (whole, cents) = text.split_once('.').unwrap();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{cents} {currency}")
}

/// A quantity as the sentences tell it, without its unit.
fn quantity(amount: Decimal) -> String {
    let rounded = amount
        .abs()
        .round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
    rounded.normalize().to_string()
}

/// Explanation and evidence of a break: its sentences, its usage rows and its lines.
pub(crate) struct Told {
    pub(crate) sentences: Vec<String>,
    pub(crate) usage: Vec<Cells>,
    pub(crate) lines: Vec<Cells>,
    pub(crate) group: Value,
}

pub(crate) fn explained(truth: &Cells) -> Told {
    let month = the_month();
    let evidence = tempfile::tempdir().unwrap();
    let folder = evidence.path().join("lines");
    let arguments = [
        "explain",
        &truth["break_id"],
        "--out",
        &month.out(),
        "--json",
        "--limit",
        "2",
        "--evidence",
        folder.to_str().unwrap(),
    ];
    let output = tieout(&arguments);
    assert!(output.status.success(), "{truth:?} {}", stderr(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let group = answer["groups"][0].clone();
    let read = |name: &str| match folder.join(name) {
        path if path.exists() => rows_of(&path),
        _ => Vec::new(),
    };
    let sentences = group["sentences"].as_array().unwrap().iter();
    Told {
        sentences: sentences
            .map(|text| text.as_str().unwrap().to_owned())
            .collect(),
        usage: read("usage.csv"),
        lines: read("invoice_lines.csv"),
        group,
    }
}

impl Told {
    /// The sentence that has all of these words.
    fn says(&self, words: &[&str]) {
        let has = |sentence: &&String| words.iter().all(|word| sentence.contains(word));
        let found = self.sentences.iter().find(has);
        assert!(found.is_some(), "{words:?} in {:#?}", self.sentences);
    }
}

pub(crate) fn sum(rows: &[Cells], column: &str) -> Decimal {
    rows.iter().map(|row| decimal(&row[column])).sum()
}

/// Quantity of some lines: those that take back have a negative amount, and a quantity like any other.
fn billed(lines: &[Cells]) -> Decimal {
    let of = |line: &Cells| {
        let quantity = decimal(&line["BillableQuantity"]);
        match decimal(&line["Subtotal"]) < Decimal::ZERO {
            true => -quantity,
            false => quantity,
        }
    };
    lines.iter().map(of).sum()
}

/// Distinct numbers of a column, as they are told.
fn distinct(rows: &[Cells], column: &str) -> Vec<String> {
    let numbers: BTreeSet<Decimal> = rows.iter().map(|row| decimal(&row[column])).collect();
    numbers
        .iter()
        .map(|number| number.normalize().to_string())
        .collect()
}

/// Truths of one cause alone, in one tie-out.
pub(crate) fn of_cause(cause: &str, tie_out: &str) -> Vec<&'static Cells> {
    let truths = the_month().truths.iter();
    let found: Vec<_> = truths
        .filter(|truth| truth["cause"] == cause && truth["tie_out"] == tie_out)
        .collect();
    assert!(!found.is_empty(), "{cause}");
    found
}

/// The part of a cause, with its currency, and the word for its direction.
fn part(truth: &Cells, cause: &str) -> (String, &'static str) {
    let amount = decimal(&truth[&format!("{cause}_amount")]);
    let direction = if amount > Decimal::ZERO {
        "more"
    } else {
        "less"
    };
    (money(amount, &truth["currency"]), direction)
}

#[test]
fn every_truth_opens_with_both_figures_and_tells_each_part() {
    for truth in &the_month().truths {
        let told = explained(truth);
        for side in ["expected_amount", "invoiced_amount"] {
            let amount = decimal(&truth[side]);
            if !amount.is_zero() && truth["status"] != "out_of_scope" {
                let text = money(amount, &truth["currency"]);
                assert!(
                    told.sentences[0].contains(&text),
                    "{text} {:?}",
                    told.sentences
                );
            }
        }
        for cause in truth["cause"]
            .split('+')
            .filter(|cause| *cause != "out_of_scope")
        {
            let (money, _) = part(truth, cause);
            let said = told.sentences[1..]
                .iter()
                .filter(|text| text.contains(&money));
            assert!(said.count() > 0, "{cause} {money} {:#?}", told.sentences);
        }
        for sentence in &told.sentences {
            assert!(
                sentence.ends_with('.') && !sentence.contains("  "),
                "{sentence}"
            );
        }
    }
}

#[test]
fn quantities_and_prices_are_those_of_the_rows() {
    for truth in of_cause("quantity", "usage-to-invoice") {
        let told = explained(truth);
        let (money, more) = part(truth, "quantity");
        let delta = billed(&told.lines) - sum(&told.usage, "Quantity");
        told.says(&[&quantity(delta), more, "is charged than was used", &money]);
        told.says(&[
            &quantity(sum(&told.usage, "Quantity")),
            "usage records show",
        ]);
    }
    for truth in of_cause("price", "usage-to-invoice") {
        let told = explained(truth);
        let (money, more) = part(truth, "price");
        told.says(&["price", &money, more]);
        let prices = [
            distinct(&told.lines, "UnitPrice"),
            distinct(&told.usage, "UnitPrice"),
        ];
        if let [[charged], [used]] = prices.each_ref().map(Vec::as_slice)
            && charged != used
        {
            told.says(&[&format!(
                "is {charged} on the invoice and {used} in the usage records"
            )]);
        }
    }
    for truth in of_cause("fx", "usage-to-invoice") {
        let told = explained(truth);
        let (money, more) = part(truth, "fx");
        let [rate] = &distinct(&told.lines, "PCToBCExchangeRate")[..] else {
            panic!("{:?}", told.lines);
        };
        told.says(&["exchange rate of the invoice", rate, &money, more]);
    }
}

#[test]
fn credits_and_promotions_name_what_they_are() {
    for truth in of_cause("partner_earned_credit", "usage-to-invoice") {
        let (money, more) = part(truth, "partner_earned_credit");
        let told = explained(truth);
        let word = if more == "more" {
            "missing"
        } else {
            "did not earn"
        };
        told.says(&["artner earned credit", word, &money, more]);
    }
    for truth in of_cause("promotion", "usage-to-invoice") {
        let (money, more) = part(truth, "promotion");
        let told = explained(truth);
        let line = &told.lines[0];
        let which = match line["PromotionId"].as_str() {
            "" => line["PriceAdjustmentDescription"].clone(),
            id => id.to_owned(),
        };
        told.says(&["discount", &which, &money, more]);
    }
    for truth in of_cause("credit", "usage-to-invoice") {
        let told = explained(truth);
        told.says(&[
            "A credit of",
            &part(truth, "credit").0,
            "in no usage record",
        ]);
    }
}

#[test]
fn rows_of_another_month_and_copies_are_counted() {
    for truth in of_cause("timing", "usage-to-invoice") {
        let told = explained(truth);
        let (money, _) = part(truth, "timing");
        let of = |rows: &[Cells], column: &str| -> Vec<Cells> {
            let other = |row: &&Cells| !row[column].starts_with("10/");
            rows.iter().filter(other).cloned().collect()
        };
        let late = of(&told.usage, "UsageDate");
        let earlier = of(&told.lines, "ChargeStartDate");
        if earlier.is_empty() {
            let used = quantity(sum(&late, "Quantity"));
            told.says(&[&used, &money, "September 2026", "not charged"]);
        } else {
            let charged = quantity(sum(&earlier, "BillableQuantity"));
            told.says(&[&charged, &money, "for September 2026"]);
        }
    }
    for truth in of_cause("duplicate", "usage-to-invoice") {
        let told = explained(truth);
        let (money, _) = part(truth, "duplicate");
        let copies = |rows: &[Cells]| {
            let mut rows: Vec<Cells> = rows.to_vec();
            rows.iter_mut().for_each(|row| {
                row.retain(|name, _| {
                    !["break_id", "file", "blake3", "line"].contains(&name.as_str())
                });
            });
            let distinct: BTreeSet<&Cells> = rows.iter().collect();
            rows.len() - distinct.len()
        };
        match (copies(&told.usage), copies(&told.lines)) {
            (0, 0) => told.says(&["charges the same already", &money]),
            (0, 1) => told.says(&["1 line", "to the letter", &money]),
            (count, 0) => {
                let count = match count {
                    1 => "1 usage record ".to_owned(),
                    count => format!("{count} usage records "),
                };
                told.says(&[&count, "to the letter", &money]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn missing_sides_headers_and_what_has_no_cause_are_told() {
    for truth in of_cause("missing_usage", "usage-to-invoice") {
        let told = explained(truth);
        assert!(told.usage.is_empty());
        told.says(&[
            "charges",
            "no usage record on this invoice stands behind it",
        ]);
        told.says(&["there is no usage record", &part(truth, "missing_usage").0]);
    }
    for truth in of_cause("missing_invoice", "usage-to-invoice") {
        let told = explained(truth);
        assert!(told.lines.is_empty());
        let used = quantity(sum(&told.usage, "Quantity"));
        told.says(&["The usage records show", &used, "no line of invoice"]);
    }
    for truth in of_cause("unexplained", "usage-to-invoice") {
        let told = explained(truth);
        let (money, more) = part(truth, "unexplained");
        let more = format!("{money} {more} than its own price, quantity and exchange rate");
        told.says(&[&more]);
    }
    for truth in of_cause("unexplained", "line-arithmetic") {
        let (money, more) = part(truth, "unexplained");
        explained(truth).says(&[&format!("{money} {more} than its own price")]);
    }
    for truth in of_cause("fx", "line-arithmetic") {
        let (money, more) = part(truth, "fx");
        explained(truth).says(&["not that of the invoice's other lines", &money, more]);
    }
    for truth in of_cause("rounding", "usage-to-invoice") {
        explained(truth).says(&["Rounding makes", &part(truth, "rounding").0]);
    }
    for truth in of_cause("tax", "lines-to-invoice") {
        let told = explained(truth);
        let (money, more) = part(truth, "tax");
        let lines = format!("{} lines", told.group["expected"]["rows"]);
        told.says(&["in its header", &lines]);
        told.says(&["leaves out the tax of its lines", &money, more]);
    }
    for truth in of_cause("credit", "lines-to-invoice") {
        let (money, more) = part(truth, "credit");
        explained(truth).says(&["The header", "credit", &money, more]);
    }
    let truth = of_cause("out_of_scope", "usage-to-invoice")[0];
    let told = explained(truth);
    assert!(
        told.sentences[0].contains("charges"),
        "{:?}",
        told.sentences
    );
}

/// Billed in September, and once more in October.
#[test]
fn usage_that_was_billed_before_names_its_month_and_invoice() {
    use crate::explained::Case;
    use crate::fixtures::{LINE, USAGE, sheet};
    let case = Case::new();
    let hours = |hours: &'static str| {
        [
            ("Quantity", hours),
            ("BillingPreTaxTotal", hours),
            ("UnitPrice", "1"),
        ]
    };
    let charged = |hours: &'static str| {
        [
            ("BillableQuantity", hours),
            ("EffectiveUnitPrice", "1"),
            ("Subtotal", hours),
            ("Total", hours),
        ]
    };
    let september = [("InvoiceNumber", "G0"), ("UsageDate", "09/20/2026")];
    let of_september = [
        ("InvoiceNumber", "G0"),
        ("ChargeStartDate", "09/01/2026"),
        ("ChargeEndDate", "09/30/2026"),
    ];
    let used = [&hours("8")[..], &september[..]].concat();
    let billed = [&charged("8")[..], &of_september[..]].concat();
    case.write("u.csv", sheet(USAGE, &[&hours("121"), &used]))
        .write("l.csv", sheet(LINE, &[&charged("129"), &billed]));
    let run = case.run();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let id = case.id(&[
        ("invoice_number", "G1"),
        ("status", "break"),
        ("cause", "timing"),
    ]);
    let told = case.answer(&[&id])["groups"][0]["sentences"].clone();
    let wanted = serde_json::json!([
        "Invoice G1 charges 129 h of *Meter* at 1 for 1–31 October 2026 (129.00 EUR); the usage \
         records show 121 h on 5 October 2026 (121.00 EUR).",
        "8 h (8.00 EUR) were used in September 2026, charged on invoice G0, and billed again."
    ]);
    assert_eq!(told, wanted);
}
