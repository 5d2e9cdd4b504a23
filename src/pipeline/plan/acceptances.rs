//! The `accept` tables: kinds of breaks that are put up with, each with a reason, a cap and a last day.

use super::checker::{Checker, join};
use super::document::{Entry, Value, get};
use super::tolerances::tolerance_number;
use crate::ledger::acceptance::Acceptance;
use crate::model::cause::{Cause, TieOut};
use crate::model::period::parse_day;

const KEY: &str = "accept";

/// Fields of a table.
const FIELDS: [&str; 9] = [
    "tie_out", "cause", "customer", "product", "meter", "currency", "reason", "cap", "until",
];

/// Reads the tables of a pipeline, with a mistake for each field that lacks or is none.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> Vec<Acceptance> {
    let Some(entry) = get(root, KEY) else {
        return Vec::new();
    };
    let Value::List(items) = &entry.node.value else {
        let hint = "write `[[accept]]`, and `reason`, `cap` and `until` below".to_owned();
        checker.wrong(KEY, &entry.node, "a list of tables", Some(hint));
        return Vec::new();
    };
    let mut acceptances = Vec::new();
    for item in items {
        let Value::Table(fields) = &item.value else {
            checker.wrong(KEY, item, "a table with `reason`, `cap` and `until`", None);
            continue;
        };
        checker.known(KEY, fields, &FIELDS);
        let ties: Vec<&str> = TieOut::ALL.iter().map(|of| of.name()).collect();
        let causes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        let any = |_: &str| true;
        let tie_out = optional(checker, fields, "tie_out", "a tie-out", |text| {
            ties.contains(&text)
        });
        let cause = optional(checker, fields, "cause", "a cause", |text| {
            causes.contains(&text)
        });
        let customer = optional(checker, fields, "customer", "the id of a customer", any);
        let product = optional(checker, fields, "product", "the id of a product", any);
        let meter = optional(checker, fields, "meter", "the meter text of a line", any);
        let currency = optional(checker, fields, "currency", "an ISO code", any);
        let needed = ["reason", "cap", "until"].map(|name| {
            if get(fields, name).is_none() {
                let (wanted, hint) = needed_of(name);
                checker.missing(&join(KEY, name), &item.place, wanted, hint);
            }
            optional(checker, fields, name, needed_of(name).0, |text| {
                is_right(name, text)
            })
        });
        if let [Some(reason), Some(cap), Some(until)] = needed
            && let Some(cap) = tolerance_number(&cap)
        {
            acceptances.push(Acceptance {
                tie_out,
                cause,
                customer,
                product,
                meter,
                currency,
                reason,
                cap,
                until,
            });
        }
    }
    acceptances
}

/// Description of a field that no table may lack, and advice.
fn needed_of(name: &str) -> (&'static str, &'static str) {
    match name {
        "reason" => ("why it is put up with", "add `reason = \"agreed in May\"`"),
        "cap" => (
            "the largest amount of one break, as text, such as `\"5.00\"`",
            "add `cap = \"5.00\"`",
        ),
        _ => (
            "a last day, such as `\"2026-12-31\"`",
            "add `until = \"2026-12-31\"`",
        ),
    }
}

fn is_right(name: &str, text: &str) -> bool {
    match name {
        "cap" => tolerance_number(text).is_some(),
        // Ten characters: the text is compared with other days as it stands.
        "until" => text.len() == 10 && matches!(parse_day(text.as_bytes()), Ok(Some(_))),
        _ => !text.trim().is_empty(),
    }
}

fn optional(
    checker: &mut Checker<'_>,
    fields: &[Entry],
    name: &str,
    wanted: &str,
    is_right: impl Fn(&str) -> bool,
) -> Option<String> {
    let entry = get(fields, name)?;
    let key = join(KEY, name);
    let text = checker.text(&key, entry, wanted)?.to_owned();
    if !is_right(&text) {
        checker.wrong(&key, &entry.node, wanted, None);
        return None;
    }
    Some(text)
}
