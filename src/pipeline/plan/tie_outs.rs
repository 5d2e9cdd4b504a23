//! The `tie_out` tables: which comparisons are done, and how they are tuned.

use std::collections::BTreeSet;

use super::checker::{Checker, join};
use super::document::{Entry, Node, Value, get};
use super::manifest_settings::MODES;
use super::pipeline_plan::TieOutPlan;
use super::tolerances;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions::{self, Definition, Measure};
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::{DOCUMENTED, Order, Rule, Rules};
use crate::model::cause::{Cause, TieOut};
use crate::model::spelling;

/// Decimals that a rounding rule may keep.
const MOST_DIGITS: u32 = 10;

/// Reads the tables; `there` are the datasets that the pipeline has.
pub(crate) fn read(
    checker: &mut Checker<'_>,
    root: &[Entry],
    there: &BTreeSet<&str>,
) -> Vec<TieOutPlan> {
    let entries = get(root, "tie_out")
        .and_then(|entry| checker.table("tie_out", entry))
        .unwrap_or_default();
    checker.known("tie_out", entries, &TieOut::ALL.map(TieOut::name));
    let plan = |checker: &mut Checker<'_>, tie_out: TieOut| {
        let definition = definitions::definition(tie_out);
        let lacking = definition
            .needs
            .iter()
            .find(|needed| !needed.iter().any(|name| there.contains(name)));
        // The two that every invoice has are done unasked; the others when they are named.
        let is_usual = matches!(tie_out, TieOut::UsageToInvoice | TieOut::LinesToInvoice);
        match get(entries, tie_out.name()) {
            Some(entry) => tie_out_of(checker, definition, entry, lacking.copied()),
            None => TieOutPlan::usual(tie_out, is_usual && lacking.is_none()),
        }
    };
    TieOut::ALL
        .into_iter()
        .map(|tie_out| plan(checker, tie_out))
        .collect()
}

fn tie_out_of(
    checker: &mut Checker<'_>,
    definition: &Definition,
    entry: &Entry,
    lacking: Option<&[&str]>,
) -> TieOutPlan {
    let tie_out = definition.tie_out;
    let key = join("tie_out", tie_out.name());
    let fields = checker.table(&key, entry).unwrap_or_default();
    checker.known(
        &key,
        fields,
        &["enabled", "tolerance", "pass", "rounding", "without_causes"],
    );
    let mut plan = TieOutPlan::usual(tie_out, lacking.is_none());
    let wants = match get(fields, "enabled") {
        None => None,
        Some(entry) => match entry.node.value {
            Value::Boolean(wanted) => Some((wanted, entry)),
            _ => {
                checker.wrong(
                    &join(&key, "enabled"),
                    &entry.node,
                    "`true` or `false`",
                    None,
                );
                None
            }
        },
    };
    match (wants, lacking) {
        (Some((false, _)), _) => plan.enabled = false,
        (Some((true, asked)), Some(lacking)) => {
            let wanted = if tie_out == TieOut::LinesToInvoice {
                "`false`, as there are no invoices to compare with".to_owned()
            } else {
                format!("`false`, as there is no source {}", one_of(lacking))
            };
            let first = lacking.first().copied().unwrap_or_default();
            let hint = format!("add `[source.{first}.files]`, or leave `enabled` out");
            checker.wrong(&join(&key, "enabled"), &asked.node, &wanted, Some(hint));
        }
        // A table without a word on it is no mistake for the two that are done unasked.
        (None, Some(lacking))
            if !matches!(tie_out, TieOut::UsageToInvoice | TieOut::LinesToInvoice) =>
        {
            let hint = format!(
                "add `[source.{}.files]`, or fetch it",
                lacking.first().copied().unwrap_or_default()
            );
            checker.note(
                &entry.place,
                &key,
                "no data for it".to_owned(),
                &format!("a source {}", one_of(lacking)),
                Some(hint),
            );
        }
        _ => {}
    }
    if let Some(entry) = get(fields, "tolerance") {
        plan.tolerances = tolerances::read(checker, &join(&key, "tolerance"), entry);
    }
    if let Some(entry) = get(fields, "pass") {
        passes(
            checker,
            &join(&key, "pass"),
            entry,
            definition,
            &mut plan.passes,
        );
    }
    if let Some(entry) = get(fields, "rounding") {
        plan.rules = Rules::with(&rules(checker, &join(&key, "rounding"), entry));
    }
    if let Some(entry) = get(fields, "without_causes") {
        plan.without_causes = causes(checker, &join(&key, "without_causes"), entry);
    }
    plan
}

fn one_of(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(" or ")
}

/// Adds the passes at `key` to those of the definition.
fn passes(
    checker: &mut Checker<'_>,
    key: &str,
    entry: &Entry,
    definition: &Definition,
    passes: &mut Vec<Pass>,
) {
    let Value::List(items) = &entry.node.value else {
        checker.wrong(
            key,
            &entry.node,
            "a list of tables",
            Some(format!("write `[[{key}]]`, and `name` and `keys` below")),
        );
        return;
    };
    for item in items {
        let Value::Table(fields) = &item.value else {
            checker.wrong(key, item, "a table with `name` and `keys`", None);
            continue;
        };
        checker.known(key, fields, &["name", "keys", "before"]);
        let name = match get(fields, "name") {
            Some(entry) => checker
                .text(&join(key, "name"), entry, "a name for `matched_on`")
                .map(str::to_owned),
            None => {
                checker.missing(
                    &join(key, "name"),
                    &item.place,
                    "a name for `matched_on`",
                    "add `name = \"by_product\"`",
                );
                None
            }
        };
        let keys = match get(fields, "keys") {
            Some(entry) => pass_keys(checker, &join(key, "keys"), entry, definition),
            None => {
                checker.missing(
                    &join(key, "keys"),
                    &item.place,
                    "a list of keys",
                    "add `keys = [\"customer_id\", \"currency\"]`",
                );
                None
            }
        };
        let mut at = passes.len();
        if let Some(entry) = get(fields, "before")
            && let Some(before) = checker.text(&join(key, "before"), entry, "the name of a pass")
        {
            match passes.iter().position(|pass| &*pass.name == before) {
                Some(position) => at = position,
                None => {
                    let known: Vec<&str> = passes.iter().map(|pass| &*pass.name).collect();
                    let wanted = format!(
                        "one of {}",
                        known
                            .iter()
                            .map(|name| format!("`{name}`"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    );
                    let hint = spelling::nearest(before, known.iter().copied())
                        .map(|name| format!("did you mean `{name}`?"));
                    checker.wrong(&join(key, "before"), &entry.node, &wanted, hint);
                }
            }
        }
        let (Some(name), Some(keys)) = (name, keys) else {
            continue;
        };
        if passes.iter().any(|pass| *pass.name == *name) {
            let place = get(fields, "name").map_or(&item.place, |entry| &entry.node.place);
            checker.note(
                place,
                &join(key, "name"),
                format!("`{name}` a second time"),
                "a name that no other pass has",
                None,
            );
            continue;
        }
        passes.insert(
            at,
            Pass {
                name: name.into(),
                keys,
            },
        );
    }
}

fn pass_keys(
    checker: &mut Checker<'_>,
    key: &str,
    entry: &Entry,
    definition: &Definition,
) -> Option<Vec<Key>> {
    let is_used = |key: &Key| definition.passes.iter().any(|(_, keys)| keys.contains(key));
    let known: Vec<&str> = Key::ALL
        .into_iter()
        .filter(|key| is_used(key) && *key != Key::Line)
        .map(Key::published)
        .collect();
    let items = match &entry.node.value {
        Value::List(items) if !items.is_empty() => items,
        _ => {
            checker.wrong(
                key,
                &entry.node,
                "a list of keys",
                Some("as in `keys = [\"customer_id\", \"product_id\", \"currency\"]`".to_owned()),
            );
            return None;
        }
    };
    let mut keys = Vec::new();
    for item in items {
        let named = match &item.value {
            Value::Text(text) => Key::named(text).filter(|_| known.contains(&text.as_str())),
            _ => None,
        };
        match named {
            Some(name) => keys.push(name),
            None => {
                let written = if let Value::Text(text) = &item.value {
                    text.as_str()
                } else {
                    ""
                };
                let hint = spelling::nearest(written, known.iter().copied())
                    .map(|name| format!("did you mean `{name}`?"));
                checker.wrong(
                    key,
                    item,
                    &format!("one of {}", one_of(&known).replace(" or ", ", ")),
                    hint,
                );
            }
        }
    }
    if definition.measure == Measure::Amount
        && !keys.contains(&Key::Currency)
        && keys.len() == items.len()
    {
        let hint = "amounts of different currencies are never netted".to_owned();
        checker.note(
            &entry.node.place,
            key,
            "no `currency`".to_owned(),
            "`currency` among the keys",
            Some(hint),
        );
    }
    (keys.len() == items.len()).then_some(keys)
}

/// The rounding rules at `key`.
fn rules(checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for entry in checker.table(key, entry).unwrap_or_default() {
        let key = join(key, &entry.key);
        let Some(fields) = checker.table(&key, entry) else {
            continue;
        };
        checker.known(
            &key,
            fields,
            &["order", "mode", "pricing_digits", "billing_digits", "usage"],
        );
        if DOCUMENTED.iter().any(|rule| rule.name == entry.key) {
            checker.note(
                &entry.place,
                &key,
                "a documented rule".to_owned(),
                "a name of its own",
                None,
            );
        }
        let order = choice(
            checker,
            &key,
            entry,
            fields,
            "order",
            &Order::ALL.map(|order| (order.name(), order)),
        );
        let mode = choice(checker, &key, entry, fields, "mode", &MODES);
        let pricing_digits = digits(checker, &key, fields, "pricing_digits").unwrap_or(2);
        let billing_digits = digits(checker, &key, fields, "billing_digits");
        let is_of_usage = match get(fields, "usage").map(|entry| &entry.node) {
            None => true,
            Some(Node {
                value: Value::Boolean(is_of_usage),
                ..
            }) => *is_of_usage,
            Some(node) => {
                checker.wrong(&join(&key, "usage"), node, "`true` or `false`", None);
                true
            }
        };
        if let (Some(order), Some(mode)) = (order, mode) {
            rules.push(Rule {
                name: entry.key.clone().into(),
                order,
                mode,
                pricing_digits,
                billing_digits,
                is_of_usage,
            });
        }
    }
    rules
}

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
    let wanted = format!("one of {}", one_of(&names).replace(" or ", ", "));
    let Some(entry) = get(fields, name) else {
        checker.missing(
            &key,
            &rule.place,
            &wanted,
            &format!(
                "add `{name} = \"{}\"`",
                names.first().copied().unwrap_or_default()
            ),
        );
        return None;
    };
    let text = checker.text(&key, entry, &wanted)?;
    let found = known
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value);
    if found.is_none() {
        let hint = spelling::nearest(text, names.iter().copied())
            .map(|name| format!("did you mean `{name}`?"));
        checker.wrong(&key, &entry.node, &wanted, hint);
    }
    found
}

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

fn causes(checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<Cause> {
    let known: Vec<&str> = Cause::ALL
        .iter()
        .filter(|cause| **cause != Cause::Unexplained)
        .map(|cause| cause.name())
        .collect();
    let Value::List(items) = &entry.node.value else {
        checker.wrong(
            key,
            &entry.node,
            "a list of causes",
            Some("as in `without_causes = [\"price\"]`".to_owned()),
        );
        return Vec::new();
    };
    let mut causes = Vec::new();
    for item in items {
        let found = match &item.value {
            Value::Text(text) => Cause::ALL
                .into_iter()
                .find(|cause| cause.name() == text && *cause != Cause::Unexplained),
            _ => None,
        };
        match found {
            Some(cause) => causes.push(cause),
            None => checker.wrong(
                key,
                item,
                &format!("one of {}", one_of(&known).replace(" or ", ", ")),
                None,
            ),
        }
    }
    causes
}
