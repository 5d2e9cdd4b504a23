//! The `rounding` tables of a tie-out, which add rounding rules to the documented ones. Added rules
//! are tried after the documented ones of their kind, in the order of the file.

use super::checker::{Checker, did_you_mean, join, quoted};
use super::document::{Entry, Node, Value, get};
use super::rounding_modes::MODES;
use crate::engine::rules::rounding::{DOCUMENTED, Order, Rule};
use crate::model::spelling;

/// Most decimals that a rounding rule may keep.
// Published amounts have no more decimals.
const MOST_DIGITS: u32 = 10;

/// Decimals of a unit price where a rule does not give them: those of the documented rules.
const USUAL_PRICING_DIGITS: u32 = 2;

/// Reads the rules at `key`, in the order of the file.
pub(crate) fn read(checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for entry in checker.optional_table(key, Some(entry)) {
        let key = join(key, &entry.key);
        if let Some(fields) = checker.table(&key, entry) {
            rules.extend(rule(checker, &key, entry, fields));
        }
    }
    rules
}

fn rule(checker: &mut Checker<'_>, key: &str, entry: &Entry, fields: &[Entry]) -> Option<Rule> {
    checker.known(
        key,
        fields,
        &["order", "mode", "pricing_digits", "billing_digits", "usage"],
    );
    // A report names the rule that fits a line: the same name for two rules would hide which.
    if DOCUMENTED.iter().any(|rule| rule.name == entry.key) {
        checker.note(
            &entry.place,
            key,
            "a documented rule".to_owned(),
            "a name that no documented rule has",
            None,
        );
    }
    let orders = Order::ALL.map(|order| (order.name(), order));
    let order = choice(checker, key, entry, fields, "order", &orders);
    let mode = choice(checker, key, entry, fields, "mode", &MODES);
    let pricing_digits =
        digits(checker, key, fields, "pricing_digits").unwrap_or(USUAL_PRICING_DIGITS);
    // Absent is meaningful here: the decimals are those of the billing currency then.
    let billing_digits = digits(checker, key, fields, "billing_digits");
    let is_of_usage = match get(fields, "usage").map(|entry| &entry.node) {
        // Usage unless told otherwise: the derived tolerance then covers the rule.
        None => true,
        Some(Node {
            value: Value::Boolean(is_of_usage),
            ..
        }) => *is_of_usage,
        Some(node) => {
            checker.wrong(&join(key, "usage"), node, "`true` or `false`", None);
            true
        }
    };
    Some(Rule {
        name: entry.key.clone().into(),
        order: order?,
        mode: mode?,
        pricing_digits,
        billing_digits,
        is_of_usage,
    })
}

/// Value of the needed field `name`, which is one of a few words.
fn choice<T: Copy>(
    checker: &mut Checker<'_>,
    key: &str,
    rule: &Entry,
    fields: &[Entry],
    name: &str,
    known: &[(&str, T)],
) -> Option<T> {
    let key = join(key, name);
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let wanted = format!("one of {}", quoted(&names, ", "));
    let Some(entry) = get(fields, name) else {
        let hint = format!("add `{name} = \"{}\"`", names[0]);
        checker.missing(&key, &rule.place, &wanted, &hint);
        return None;
    };
    let text = checker.text(&key, entry, &wanted)?;
    let found = known
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value);
    if found.is_none() {
        let hint = spelling::nearest(text, names.iter().copied()).map(did_you_mean);
        checker.wrong(&key, &entry.node, &wanted, hint);
    }
    found
}

/// Number of decimals in the optional field `name`; `None`, too, where it is wrong.
fn digits(checker: &mut Checker<'_>, key: &str, fields: &[Entry], name: &str) -> Option<u32> {
    let entry = get(fields, name)?;
    let number = match &entry.node.value {
        Value::Integer(text) => text.parse().ok().filter(|digits| *digits <= MOST_DIGITS),
        _ => None,
    };
    if number.is_none() {
        checker.wrong(
            &join(key, name),
            &entry.node,
            &format!("a number of decimals, 0 to {MOST_DIGITS}"),
            None,
        );
    }
    number
}
