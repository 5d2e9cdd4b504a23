//! What the oracle says of a row once its sides and status are known: cause, parts and id.

use std::collections::BTreeMap;

use tieout::model::cause::Cause;
use tieout::model::decimal::fixed;
use tieout::model::ids::{Fold, fold};

use crate::runs::units;

/// Cause and parts of a row: one part is the whole variance, by the coarse table of causes.
pub(crate) fn causes(row: &[String]) -> Vec<String> {
    let one_sided = |missing: &str| {
        if row[0] == "lines-to-invoice" { row[15].is_empty() && missing == "17" } else { row[16 + usize::from(missing == "17")] == "0" }
    };
    let tied = units(&row[23]) == 0;
    let cause = match row[25].as_str() {
        _ if tied => "",
        "out_of_scope" => "out_of_scope",
        "within_tolerance" => "rounding",
        _ if one_sided("16") => "missing_usage",
        _ if one_sided("17") => "missing_invoice",
        _ => "unexplained",
    };
    let part = |name: &str| if name == cause { row[23].clone() } else { fixed(0, 10) };
    [cause.to_owned()].into_iter().chain(Cause::ALL.map(|cause| part(cause.name()))).collect()
}

/// The hash of tie-out, folded keys and rule; of rows that look alike the later ones are numbered.
pub(crate) fn add_ids(rows: &mut [Vec<String>]) {
    const KEYS: [(usize, Fold); 9] = [
        (2, Fold::Identifier),
        (3, Fold::Identifier),
        (5, Fold::Identifier),
        (6, Fold::Identifier),
        (8, Fold::Sku),
        (10, Fold::Identifier),
        (11, Fold::Text),
        (13, Fold::Text),
        (14, Fold::Code),
    ];
    let short = |text: &str| blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows {
        let keys: String = KEYS.iter().map(|(at, kind)| format!("\0{}", fold(*kind, &row[*at]))).collect();
        let rule = if row[15].starts_with("rule:") { row[15].as_str() } else { "" };
        let id = short(&format!("{}{keys}\0{rule}", row[0]));
        let count = seen.entry(id.clone()).and_modify(|count| *count += 1).or_default();
        row.push(if *count == 0 { id } else { short(&format!("{id}#{count}")) });
    }
}
