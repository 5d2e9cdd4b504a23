//! Cause, parts and id of a row of `variances`, checked once its sides and status are known.

use std::collections::BTreeMap;

use tieout::model::cause::Cause;
use tieout::model::ids::{Fold, fold};

use crate::runs::units;

/// Positions of the cause and of the parts in a row of `variances`.
const CAUSE: usize = 26;
const PARTS: std::ops::Range<usize> = 27..41;

/// Checks cause and parts as far as that needs no attribution of its own (`truth` holds them
/// against what was planted), and takes them out of the row.
pub(crate) fn without_causes(row: &[String]) -> Vec<String> {
    let variance = units(&row[23]);
    let parts: Vec<i128> = row[PARTS].iter().map(|part| units(part)).collect();
    assert_eq!(parts.iter().sum::<i128>(), variance, "{row:?}");
    // Rounding is the cause only where there is no other part.
    let size = |(cause, part): (Cause, &i128)| (cause != Cause::Rounding, part.abs());
    let causes = || Cause::ALL.into_iter().zip(&parts);
    let filled = || causes().filter(|(_, part)| **part != 0);
    let largest = filled().map(size).max();
    let named = filled().find(|pair| Some(size(*pair)) == largest);
    let is_outside = row[25] == "out_of_scope";
    let named = named.map_or("", |(cause, _)| cause.name());
    assert_eq!(
        row[CAUSE],
        if is_outside { "out_of_scope" } else { named },
        "{row:?}"
    );
    let only = |cause: Cause| assert_eq!(parts[cause as usize], variance, "{row:?}");
    match row[25].as_str() {
        "within_tolerance" => only(Cause::Rounding),
        "out_of_scope" => assert_eq!(variance, 0, "{row:?}"),
        _ => {}
    }
    [&row[..CAUSE], &row[PARTS.end..]].concat()
}

/// Puts the id into each row, after the status: a hash of tie-out, rule and those folded keys that
/// say what a thing is. Of rows with the same hash
/// the later ones are numbered.
pub(crate) fn add_ids(rows: &mut [Vec<String>]) {
    const KEYS: [(usize, Fold); 7] = [
        (2, Fold::Identifier),
        (3, Fold::Identifier),
        (5, Fold::Identifier),
        (6, Fold::Identifier),
        (8, Fold::Sku),
        (11, Fold::Text),
        (14, Fold::Code),
    ];
    let short = |text: &str| format!("B{}", &blake3::hash(text.as_bytes()).to_hex()[..16]);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows {
        let keys: String = KEYS
            .iter()
            .map(|(at, kind)| format!("\0{}", fold(*kind, &row[*at])))
            .collect();
        let rule = if row[15].starts_with("rule:") {
            row[15].as_str()
        } else {
            ""
        };
        let id = short(&format!("{}{keys}\0{rule}", row[0]));
        let count = seen
            .entry(id.clone())
            .and_modify(|count| *count += 1)
            .or_default();
        row.insert(
            CAUSE,
            if *count == 0 {
                id
            } else {
                format!("{id}.{}", *count + 1)
            },
        );
    }
}
