//! The `exclude` tables: customers of whom nothing is asked, each with a reason, which every report
//! repeats.

use super::checker::{Checker, join};
use super::document::{Entry, Value, get};
use crate::sources::fetch::order::Exclusion;

const KEY: &str = "exclude";

/// Reads the tables of a pipeline, with a mistake for each field that lacks.
pub(crate) fn read(checker: &mut Checker<'_>, root: &[Entry]) -> Vec<Exclusion> {
    let Some(entry) = get(root, KEY) else {
        return Vec::new();
    };
    let Value::List(items) = &entry.node.value else {
        let hint = "write `[[exclude]]`, and `customer` and `reason` below".to_owned();
        checker.wrong(KEY, &entry.node, "a list of tables", Some(hint));
        return Vec::new();
    };
    let mut exclusions = Vec::new();
    for item in items {
        let Value::Table(fields) = &item.value else {
            checker.wrong(KEY, item, "a table with `customer` and `reason`", None);
            continue;
        };
        checker.known(KEY, fields, &["customer", "reason"]);
        let mut text = |name: &str, wanted: &str, hint: &str| match get(fields, name) {
            Some(entry) => checker
                .text(&join(KEY, name), entry, wanted)
                .map(str::to_owned),
            None => {
                checker.missing(&join(KEY, name), &item.place, wanted, hint);
                None
            }
        };
        let customer = text("customer", "the id of a customer", "add `customer = \"…\"`");
        let reason = text(
            "reason",
            "why nothing is asked of the customer",
            "add `reason = \"left in May\"`",
        );
        exclusions.extend(
            customer
                .zip(reason)
                .map(|(customer, reason)| Exclusion { customer, reason }),
        );
    }
    exclusions
}
