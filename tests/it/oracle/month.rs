//! A synthetic month as the oracle reads it: its CSV files and invoice headers, summed by plain
//! maps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rust_decimal::Decimal;
use tieout::model::decimal;
use tieout::model::ids::{Fold, display, fold};
use tieout::model::period::{self, Day};

/// Domain, folding and name of a column. Spellings are compared within a domain.
type Column = (&'static str, Fold, &'static str);

/// Columns by which usage is summed. Keys of [`Month::usage`] hold their texts in this order; the
/// first nine name a resource.
const USAGE: [Column; 16] = [
    ("invoice", Fold::Identifier, "InvoiceNumber"),
    ("customer", Fold::Identifier, "CustomerId"),
    ("subscription", Fold::Identifier, "SubscriptionId"),
    ("entitlement", Fold::Identifier, "EntitlementId"),
    ("product", Fold::Identifier, "ProductId"),
    ("sku", Fold::Sku, "SkuId"),
    ("meter", Fold::Identifier, "MeterId"),
    ("resource", Fold::ArmId, "ResourceURI"),
    ("currency", Fold::Code, "BillingCurrency"),
    ("availability", Fold::Identifier, "AvailabilityId"),
    ("adjustment", Fold::Text, "PartnerEarnedCreditPercentage"),
    ("charge type", Fold::Text, "ChargeType"),
    ("description", Fold::Text, "MeterName"),
    ("description", Fold::Text, "MeterType"),
    ("description", Fold::Text, "SkuName"),
    ("rate", Fold::Identifier, "PCToBCExchangeRate"),
];
/// Columns of usage that are shown, and are no key.
const USAGE_NAMES: [Column; 5] = [
    ("customer name", Fold::Text, "CustomerName"),
    ("product name", Fold::Text, "ProductName"),
    ("category", Fold::Text, "MeterCategory"),
    ("unit", Fold::Text, "Unit"),
    ("group", Fold::Identifier, "ResourceGroup"),
];
/// Columns by which invoice lines are summed; the first nine are the fine key.
const LINES: [Column; 11] = [
    ("invoice", Fold::Identifier, "InvoiceNumber"),
    ("customer", Fold::Identifier, "CustomerId"),
    ("subscription", Fold::Identifier, "SubscriptionId"),
    ("product", Fold::Identifier, "ProductId"),
    ("sku", Fold::Sku, "SkuId"),
    ("availability", Fold::Identifier, "AvailabilityId"),
    ("description", Fold::Text, "MeterDescription"),
    ("adjustment", Fold::Text, "PriceAdjustmentDescription"),
    ("currency", Fold::Code, "Currency"),
    ("charge type", Fold::Text, "ChargeType"),
    ("rate", Fold::Identifier, "PCToBCExchangeRate"),
];
/// Columns of lines that are shown, and are no key.
const LINES_NAMES: [Column; 3] = [
    ("customer name", Fold::Text, "CustomerName"),
    ("product name", Fold::Text, "ProductName"),
    ("description", Fold::Text, "SkuName"),
];
/// Positions in [`USAGE`] of the parts of the fine key, in the order of [`LINES`]. The synthetic
/// MeterDescription repeats the MeterName.
pub(super) const FINE: [usize; 9] = [0, 1, 2, 4, 5, 9, 12, 10, 8];
/// Positions in the fine key of the parts that say what a thing is: customer, plan, product, SKU and
/// description. Where both sides name one and differ, they are no pair.
pub(super) const IDENTITY: [usize; 5] = [1, 2, 3, 4, 6];
/// Passes from fine to coarse: name, and positions in the fine key of the parts that must agree.
pub(super) const PASSES: [(&str, &[usize]); 6] = [
    ("meter_and_price", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("meter", &[0, 1, 2, 3, 4, 5, 6, 8]),
    ("meter_any_availability", &[0, 1, 2, 3, 4, 6, 8]),
    ("meter_any_customer", &[0, 2, 3, 4, 6, 8]),
    ("sku", &[0, 1, 2, 3, 4, 8]),
    ("product", &[0, 1, 2, 3, 8]),
];

/// Units of 10^-20 in one of 10^-10, the published scale.
pub(super) const POINT: i128 = 10_i128.pow(10);
/// Units of 10^-20 in a cent.
pub(super) const CENT: i128 = 10_i128.pow(18);

/// Rows of CSV files, each as its texts by column name.
type Rows = Vec<BTreeMap<String, String>>;

/// All rows of the CSV files in a folder.
fn rows_of(folder: &Path) -> Rows {
    let mut rows = Rows::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        rows.extend(reader.deserialize().map(Result::unwrap));
    }
    rows
}

/// A cell as a number of scale 20.
fn number(row: &BTreeMap<String, String>, column: &str) -> decimal::Parsed {
    decimal::parse(row[column].as_bytes(), 20).unwrap()
}

/// The spelling that is shown, by domain and folded text.
#[derive(Default)]
struct Shown(BTreeMap<(&'static str, String), String>);

/// Keeps the longest spelling; of equally long ones the last in byte order.
fn better(shown: &mut String, candidate: &str) {
    if (candidate.len(), candidate) > (shown.len(), shown.as_str()) {
        *shown = candidate.to_owned();
    }
}

impl Shown {
    fn learn(&mut self, (domain, kind, _): Column, text: &str) {
        better(
            self.0.entry((domain, fold(kind, text))).or_default(),
            &display(kind, text),
        );
    }

    fn of(&self, (domain, kind, _): Column, text: &str) -> String {
        self.0[&(domain, fold(kind, text))].clone()
    }
}

/// The text of a cell; of a price adjustment the words that both sides have in common.
fn text_of(row: &BTreeMap<String, String>, (.., name): Column) -> &str {
    const EARNED: &str = "15% partner earned credit";
    match name {
        "PartnerEarnedCreditPercentage" => ["", EARNED][usize::from(row[name] == "15")],
        "PriceAdjustmentDescription" if row["ChargeType"] == "customerCredit" => "azure credit",
        "PriceAdjustmentDescription" => {
            ["", EARNED][usize::from(row[name].contains("15.0% Partner earned credit"))]
        }
        _ => &row[name],
    }
}

/// The rule by which a line has no usage; empty for lines of usage.
fn scope_of(line: &BTreeMap<String, String>) -> &'static str {
    let term = line["TermAndBillingCycle"].as_str();
    match () {
        () if !line["MeterDescription"].is_empty()
            || line["SubscriptionDescription"] == "Azure plan" =>
        {
            ""
        }
        () if term.starts_with("Savings Plan") => "rule:savings_plan",
        () if term.starts_with("Reservation") => "rule:reservation",
        () if term.starts_with("Subscription") => "rule:subscription",
        () if !term.is_empty() => "rule:licence",
        () => "rule:perpetual_software",
    }
}

/// A usage total, scale 20.
#[derive(Clone, Default)]
pub(super) struct Usage {
    pub(super) rows: u64,
    pub(super) quantity: i128,
    pub(super) amount: i128,
    /// Amount in the pricing currency.
    pub(super) pricing: i128,
    /// Sum of what each amount may have lost when its text was cut.
    pub(super) precision: i128,
    pub(super) days: BTreeSet<Day>,
}

/// A total of invoice lines, scale 20.
#[derive(Clone, Default)]
pub(super) struct Lines {
    pub(super) rows: u64,
    pub(super) quantity: i128,
    pub(super) subtotal: i128,
    pub(super) total: i128,
}

/// A synthetic month, summed.
#[derive(Default)]
pub(super) struct Month {
    shown: Shown,
    /// Usage totals by the columns of [`USAGE`].
    pub(super) usage: BTreeMap<Vec<String>, Usage>,
    /// Totals of lines by the columns of [`LINES`], scope, price, quantity, subtotal
    /// and the days of the charge.
    pub(super) lines: BTreeMap<Vec<String>, Lines>,
    /// Names by what they name: `customer`, `product`, `sku`, `meter`, `category`, `unit` or
    /// `group`, and its key.
    names: BTreeMap<(&'static str, Vec<String>), String>,
    /// Period and total of each invoice and currency.
    pub(super) headers: BTreeMap<(String, String), (String, i128)>,
}

impl Month {
    /// Reads usage, lines and invoice headers of a month that `synth` wrote.
    pub(super) fn read(folder: &Path) -> Self {
        let mut month = Self::default();
        let (usage, lines) = (
            rows_of(&folder.join("usage/csv")),
            rows_of(&folder.join("recon/csv")),
        );
        for (rows, columns) in [
            (&usage, [&USAGE[..], &USAGE_NAMES].concat()),
            (&lines, [&LINES[..], &LINES_NAMES].concat()),
        ] {
            for row in rows {
                columns
                    .iter()
                    .for_each(|column| month.shown.learn(*column, text_of(row, *column)));
            }
        }
        usage.iter().for_each(|row| month.add_usage(row));
        lines.iter().for_each(|row| month.add_line(row));
        let invoices: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("invoices/invoices.json")).unwrap())
                .unwrap();
        for header in invoices["items"].as_array().unwrap() {
            let text = |name: &str| header[name].as_str().unwrap().to_owned();
            let total_of = |document: &serde_json::Value| {
                let text = document["totalCharges"].to_string();
                decimal::parse(text.as_bytes(), 10).unwrap().value
            };
            let mut total = total_of(header);
            let period = text("billingPeriodStartDate")[..7].to_owned();
            for note in header["amendments"].as_array().into_iter().flatten() {
                let id = note["id"].as_str().unwrap();
                // A note changes what its invoice asks for, or has lines of its own.
                if month.lines.keys().any(|key| key[0] == id) {
                    let key = (id.to_owned(), text("currencyCode"));
                    let header = (period.clone(), total_of(note));
                    month.headers.insert(key, header);
                } else {
                    total += total_of(note);
                }
            }
            let key = (text("id"), text("currencyCode"));
            month.headers.insert(key, (period, total));
        }
        month
    }

    fn keys(&self, row: &BTreeMap<String, String>, columns: &[Column]) -> Vec<String> {
        columns
            .iter()
            .map(|column| self.shown.of(*column, text_of(row, *column)))
            .collect()
    }

    fn name(&mut self, of: &'static str, key: &[&String], name: &str) {
        // What lacks its id has no name, as what several share has none.
        let has_id = key.last().is_some_and(|id| !id.is_empty());
        if ["customer", "product", "sku"].contains(&of) && !has_id {
            return;
        }
        better(
            self.names
                .entry((of, key.iter().map(|text| (*text).clone()).collect()))
                .or_default(),
            name,
        );
    }

    fn add_usage(&mut self, row: &BTreeMap<String, String>) {
        let (key, names) = (self.keys(row, &USAGE), self.keys(row, &USAGE_NAMES));
        self.name("customer", &[&key[1]], &names[0]);
        self.name("product", &[&key[4]], &names[1]);
        self.name("sku", &[&key[4], &key[5]], &key[14]);
        for (of, name) in [
            ("meter", &key[12]),
            ("category", &names[2]),
            ("unit", &names[3]),
        ] {
            self.name(of, &[&key[4], &key[5], &key[6]], name);
        }
        self.name("group", &[&key[3], &key[7]], &names[4]);
        let (amount, total) = (
            number(row, "BillingPreTaxTotal"),
            self.usage.entry(key).or_default(),
        );
        total.rows += 1;
        total.quantity += number(row, "Quantity").value;
        total.amount += amount.value;
        total.pricing += number(row, "PricingPreTaxTotal").value;
        // A text of ten digits or more may have been cut: it counts for half a unit of its last
        // digit, unless it is what the row's own charge comes to at a rate.
        if let (10.., last) = amount.significance()
            && !is_whole_product(row)
        {
            total.precision += 5 * 10_i128.pow(u32::try_from(19 + last).unwrap());
        }
        total.days.insert(
            period::parse_day(row["UsageDate"].as_bytes())
                .unwrap()
                .unwrap(),
        );
    }

    fn add_line(&mut self, row: &BTreeMap<String, String>) {
        let (mut key, names) = (self.keys(row, &LINES), self.keys(row, &LINES_NAMES));
        self.name("customer", &[&key[1]], &names[0]);
        self.name("product", &[&key[3]], &names[1]);
        self.name("sku", &[&key[3], &key[4]], &names[2]);
        key.push(scope_of(row).to_owned());
        key.extend(
            [
                "EffectiveUnitPrice",
                "BillableQuantity",
                "Subtotal",
                "ChargeStartDate",
                "ChargeEndDate",
            ]
            .map(|name| row[name].clone()),
        );
        let total = self.lines.entry(key).or_default();
        total.rows += 1;
        // A refund repeats the quantity of its charge, and gives it back; an Azure credit does not.
        let is_negative = |name: &str| number(row, name).value < 0;
        let takes_back = is_negative("Subtotal") || is_negative("EffectiveUnitPrice");
        let quantity = number(row, "BillableQuantity").value;
        total.quantity += if takes_back && row["ChargeType"] != "customerCredit" {
            -quantity
        } else {
            quantity
        };
        total.subtotal += number(row, "Subtotal").value;
        total.total += number(row, "Total").value;
    }

    pub(super) fn name_of(&self, of: &'static str, key: &[&String]) -> String {
        self.names
            .get(&(of, key.iter().map(|text| (*text).clone()).collect()))
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn period_of(&self, invoice: &str) -> String {
        self.headers
            .iter()
            .find(|((id, _), _)| id == invoice)
            .map(|(_, (period, _))| period.clone())
            // Of no one invoice.
            .unwrap_or_default()
    }
}

/// True if a row's amount is its charge in the pricing currency at a rate, with all digits.
fn is_whole_product(row: &BTreeMap<String, String>) -> bool {
    let read = |name: &str| Decimal::from_str_exact(&row[name]).ok();
    let numbers = (
        read("BillingPreTaxTotal"),
        read("PricingPreTaxTotal"),
        read("PCToBCExchangeRate"),
    );
    let (Some(amount), Some(charge), Some(rate)) = numbers else {
        return false;
    };
    // More decimals than a `Decimal` has would be rounded away.
    let is_exact = charge.normalize().scale() + rate.normalize().scale() <= Decimal::MAX_SCALE;
    rate != Decimal::ONE && is_exact && charge.checked_mul(rate) == Some(amount)
}
