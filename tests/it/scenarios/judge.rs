//! Comparison of a month's wanted tables with what was published. Wanted rows are all that is not
//! tied: a published row that no wanted row covers must be tied, without a variance.

use tieout::model::decimal::{self, PUBLISHED_SCALE};

use super::answer::{Answer, Cells};
use super::defaults;
use super::month::{Month, Table};

/// Key columns of wanted tables, each with the published column that it is held against.
const KEYS: [(&str, &str); 10] = [
    ("InvoiceNumber", "invoice_number"),
    ("CustomerId", "customer_id"),
    ("SubscriptionId", "subscription_id"),
    ("ProductId", "product_id"),
    ("SkuId", "sku_id"),
    ("MeterDescription", "meter_description"),
    ("MeterId", "meter_id"),
    ("Currency", "currency"),
    ("UsageDate", "day"),
    ("ChargeStartDate", "day"),
];

/// Statuses, the worst last.
const STATUSES: [&str; 5] = [
    "out_of_scope",
    "tied",
    "within_tolerance",
    "awaited",
    "break",
];

/// Columns that the program gains with judging by proof; not held while they do not exist.
const YET_TO_COME: [&str; 3] = ["proof", "counterpart", "off_rule_amount"];

/// Amounts of a published row that are no part of the variance.
const NO_PARTS: [&str; 5] = [
    "expected_amount",
    "invoiced_amount",
    "variance_amount",
    "tolerance_amount",
    "off_rule_amount",
];

/// All that is wrong with the answer; empty if the month holds.
pub(super) fn faults(month: &Month, got: &Answer) -> Vec<String> {
    if let Some(error) = &got.error {
        return vec![format!("exit: wanted {}, got error: {error}", month.exit)];
    }
    let mut faults = Vec::new();
    for (tie_out, table) in month.wanted() {
        of_tie_out(tie_out, table, got, &mut faults);
    }
    if let Some(table) = month.table("wanted resources") {
        of_resources(table, got, &mut faults);
    }
    for row in &got.variances {
        let parts: i128 = parts(row).map(|part| sum(&[row], part)).sum();
        let variance = sum(&[row], "variance_amount");
        if parts != variance {
            faults.push(format!("{}: parts do not add up", named(row)));
        }
    }
    if got.exit != month.exit {
        faults.push(format!("exit: wanted {}, got {}", month.exit, got.exit));
    }
    faults
}

/// One wanted row, with the published rows that carry its keys.
struct Pair<'p> {
    wanted: &'p [String],
    got: Vec<&'p Cells>,
}

fn of_tie_out(tie_out: &str, table: &Table, got: &Answer, faults: &mut Vec<String>) {
    let published: Vec<&Cells> = got.of_tie_out(tie_out).collect();
    let mut pairs: Vec<Pair<'_>> = table
        .rows
        .iter()
        .map(|wanted| Pair {
            wanted,
            got: Vec::new(),
        })
        .collect();
    // A row goes to the wanted row that says most about it.
    pairs.sort_by_key(|pair| pair.wanted.iter().filter(|cell| *cell == "*").count());
    for row in &published {
        let covers = |pair: &&mut Pair<'_>| {
            covers(table, pair.wanted, row, &published)
                && (tie_out != "line-arithmetic" || row["status"] == status(table, pair.wanted))
        };
        match pairs.iter_mut().find(covers) {
            Some(pair) => pair.got.push(row),
            None if ["tied", "out_of_scope"].contains(&row["status"].as_str())
                && sum(&[row], "variance_amount") == 0 => {}
            None => faults.push(format!(
                "{tie_out}: not wanted: {} {} {} {}",
                named(row),
                row["status"],
                row["cause"],
                short(row.get("variance_amount").unwrap())
            )),
        }
    }
    for pair in &pairs {
        let wrong = wrong_cells(tie_out, table, pair, &published);
        if !wrong.is_empty() {
            let keys = KEYS
                .iter()
                .filter_map(|(key, _)| table.cell(pair.wanted, key));
            let keys: Vec<&str> = keys.collect();
            faults.push(format!(
                "{tie_out} {}: {}",
                keys.join("/"),
                wrong.join(", ")
            ));
        }
    }
}

fn status<'t>(table: &Table, wanted: &'t [String]) -> &'t str {
    table.cell(wanted, "status").unwrap()
}

/// True if a published row carries the keys of a wanted one.
fn covers(table: &Table, wanted: &[String], row: &Cells, all: &[&Cells]) -> bool {
    KEYS.iter().all(|(key, published)| {
        let Some(text) = table.cell(wanted, key) else {
            return true;
        };
        // Days and meter ids are told in `findings`, and not for each tie-out.
        let is_untold = ["day", "meter_id"].contains(published)
            && all.iter().all(|row| row[*published].is_empty());
        text == "*" || is_untold || folded(key, text) == folded(key, &row[*published])
    })
}

/// Text of a key as it is compared: without case, odd blanks, and lost zeros of a SKU.
fn folded(key: &str, text: &str) -> String {
    let text = text.to_lowercase().replace('\u{a0}', " ");
    if key == "SkuId" && !text.is_empty() {
        return format!("{text:0>4}");
    }
    text
}

/// The cells in which the published rows differ from the wanted one, each with both texts.
fn wrong_cells(tie_out: &str, table: &Table, pair: &Pair<'_>, all: &[&Cells]) -> Vec<String> {
    let of = |name: &str| table.cell(pair.wanted, name);
    if pair.got.is_empty() {
        // Nothing used and nothing billed need not be published.
        let is_zero = |name: &&str| of(name).is_some_and(|text| matches!(units(text), Some(0)));
        let is_nothing = ["expected", "invoiced"].iter().all(is_zero);
        let is_tied = ["tied", "*"].contains(&status(table, pair.wanted));
        return if is_tied && is_nothing {
            Vec::new()
        } else {
            vec!["no such row".to_owned()]
        };
    }
    let mut wrong = Vec::new();
    for name in table.names.iter().filter(|name| !is_key(name)) {
        let wanted = of(name).unwrap();
        if wanted == "*" {
            continue;
        }
        if let Some(found) = wrong_cell(tie_out, name, wanted, pair, all) {
            wrong.push(format!("{name} wanted {wanted} got {found}"));
        }
    }
    wrong.extend(hidden_parts(table, pair));
    wrong
}

fn is_key(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// What stands in place of a wanted cell; `None` if it is the wanted one.
fn wrong_cell(
    tie_out: &str,
    name: &str,
    wanted: &str,
    pair: &Pair<'_>,
    all: &[&Cells],
) -> Option<String> {
    let published = match (name, tie_out) {
        ("expected" | "invoiced" | "variance", "utilization-to-usage") => {
            format!("{name}_quantity")
        }
        ("expected" | "invoiced" | "variance", _) => format!("{name}_amount"),
        _ => name.to_owned(),
    };
    let rows = &pair.got;
    if !rows[0].contains_key(&published) {
        let is_held = !YET_TO_COME.contains(&name) && units(wanted) != Some(0);
        return is_held.then(|| "no such column".to_owned());
    }
    match name {
        "status" => {
            let rank = |row: &&&Cells| STATUSES.iter().position(|known| *known == row["status"]);
            let worst = &rows.iter().max_by_key(rank).unwrap()["status"];
            (worst != wanted).then(|| worst.clone())
        }
        "cause" => {
            let cause = cause(rows);
            (cause != wanted.trim_start_matches('-')).then_some(cause)
        }
        // Where nothing differs, nothing need be proven.
        "proof" => rows
            .iter()
            .filter(|row| sum(&[row], "variance_amount") != 0)
            .map(|row| row["proof"].clone())
            .find(|proof| proof != wanted),
        "counterpart" => rows.iter().find_map(|row| {
            let names = |other: &&&Cells| row["counterpart"] == other["break_id"];
            let other = all.iter().find(names);
            let is_other = other.is_some_and(|other| other["break_id"] != row["break_id"]);
            (!is_other).then(|| format!("`{}`", row["counterpart"]))
        }),
        // Not applicable; the variance of 0 beside it is what counts.
        _ if wanted.is_empty() || wanted == "n/a" => None,
        _ => {
            let got = sum(rows, &published);
            (!is_number(wanted, got)).then(|| short(&decimal::fixed(got, PUBLISHED_SCALE)))
        }
    }
}

/// Parts that a table of parts does not show, and that are not 0.
fn hidden_parts(table: &Table, pair: &Pair<'_>) -> Vec<String> {
    let shown = |part: &str| table.names.iter().any(|name| name == part);
    let mut parts = parts(pair.got[0]);
    let is_open = |name: &String| {
        let cell = table.cell(pair.wanted, name);
        is_part(name) && cell.is_none_or(|cell| cell == "*" || cell.is_empty())
    };
    if !table.names.iter().any(|name| is_part(name)) || table.names.iter().any(is_open) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for part in parts.by_ref().filter(|part| !shown(part)) {
        let got = sum(&pair.got, part);
        if got != 0 {
            let got = short(&decimal::fixed(got, PUBLISHED_SCALE));
            wrong.push(format!("{part} wanted 0 got {got}"));
        }
    }
    wrong
}

fn is_part(name: &str) -> bool {
    name.ends_with("_amount") && !NO_PARTS.contains(&name)
}

/// Names of the columns that hold the parts of a variance.
fn parts(row: &Cells) -> impl Iterator<Item = &str> {
    row.keys().map(String::as_str).filter(|name| is_part(name))
}

/// The cause of one row, or of several: the one that all name, else the largest part of all but
/// rounding.
fn cause(rows: &[&Cells]) -> String {
    let named = &rows[0]["cause"];
    if rows.iter().all(|row| row["cause"] == *named) {
        return named.clone();
    }
    let size = |part: &&str| {
        let size = sum(rows, part).abs();
        (size != 0, *part != "rounding_amount", size)
    };
    let largest = parts(rows[0]).max_by_key(size).unwrap();
    if sum(rows, largest) == 0 {
        return String::new();
    }
    largest.trim_end_matches("_amount").to_owned()
}

fn of_resources(table: &Table, got: &Answer, faults: &mut Vec<String>) {
    for wanted in &table.rows {
        let uri = table.cell(wanted, "ResourceURI").unwrap();
        let full = defaults::resource(uri, "e1").to_lowercase();
        let rows = got.resources.iter();
        let rows: Vec<&Cells> = rows
            .filter(|row| row["resource_uri"].to_lowercase() == full)
            .collect();
        for name in ["expected", "invoiced", "variance"] {
            let text = table.cell(wanted, name).unwrap();
            let got = sum(&rows, &format!("{name}_amount"));
            if text != "*" && !is_number(text, got) {
                let got = short(&decimal::fixed(got, PUBLISHED_SCALE));
                faults.push(format!("resources {uri}: {name} wanted {text} got {got}"));
            }
        }
    }
}

/// A short name of a published row.
fn named(row: &Cells) -> String {
    let keys = [
        "invoice_number",
        "product_id",
        "sku_id",
        "meter_description",
        "day",
    ];
    let cells: Vec<&str> = keys
        .iter()
        .map(|key| row[*key].as_str())
        .filter(|cell| !cell.is_empty())
        .collect();
    cells.join("/")
}

/// Sum of a column, in units of 10^-10.
fn sum(rows: &[&Cells], name: &str) -> i128 {
    let cell = |row: &&Cells| row.get(name).and_then(|text| units(text)).unwrap_or(0);
    rows.iter().map(cell).sum()
}

/// Number in units of 10^-10; `None` for a text that is no number.
fn units(text: &str) -> Option<i128> {
    let parsed = decimal::parse(text.as_bytes(), PUBLISHED_SCALE).ok()?;
    Some(parsed.value)
}

/// True if a published number is the wanted one, to the decimals written after `~`.
fn is_number(wanted: &str, got: i128) -> bool {
    let Some(text) = wanted.strip_prefix('~') else {
        return units(wanted).unwrap_or_else(|| panic!("`{wanted}` is no number")) == got;
    };
    let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let step = 10_i128.pow(PUBLISHED_SCALE - u32::try_from(decimals).unwrap());
    let rounded = (got.abs() + step / 2) / step * step * got.signum();
    units(text).unwrap() == rounded
}

/// A published number without the zeros at its end.
fn short(text: &str) -> String {
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    };
    text.to_owned()
}
