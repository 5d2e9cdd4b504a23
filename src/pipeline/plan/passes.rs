//! The `pass` tables of a tie-out, which add passes to those of its definition. A pass compares the
//! groups of equal keys; the passes of a tie-out go from fine keys to coarse ones.

use super::checker::{Checker, did_you_mean, join, quoted};
use super::document::{Entry, Node, Value, get};
use crate::engine::matching::passes::Pass;
use crate::engine::rules::definitions::{Definition, Measure};
use crate::engine::rules::keys::Key;
use crate::model::spelling;

const WANTED_NAME: &str = "a name for the pass, as it appears in `matched_on`";

/// Adds the passes at `key` to `passes`, each before the pass that it names, or at the end.
pub(crate) fn read(
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
        add(checker, key, item, fields, definition, passes);
    }
}

/// Adds one pass. Its fields are all checked, so that all mistakes in it are shown at once.
fn add(
    checker: &mut Checker<'_>,
    key: &str,
    item: &Node,
    fields: &[Entry],
    definition: &Definition,
    passes: &mut Vec<Pass>,
) {
    checker.known(key, fields, &["name", "keys", "before"]);
    let name = match get(fields, "name") {
        Some(entry) => checker
            .text(&join(key, "name"), entry, WANTED_NAME)
            .map(str::to_owned),
        None => {
            let hint = "add `name = \"by_product\"`";
            checker.missing(&join(key, "name"), &item.place, WANTED_NAME, hint);
            None
        }
    };
    let keys = match get(fields, "keys") {
        Some(entry) => pass_keys(checker, &join(key, "keys"), entry, definition),
        None => {
            let hint = "add `keys = [\"customer_id\", \"currency\"]`";
            checker.missing(&join(key, "keys"), &item.place, "a list of keys", hint);
            None
        }
    };
    let at = position(checker, key, fields, passes);
    let (Some(name), Some(keys)) = (name, keys) else {
        return;
    };
    // The name is published in `matched_on`, and must tell which pass matched.
    if passes.iter().any(|pass| *pass.name == *name) {
        let place = get(fields, "name").map_or(&item.place, |entry| &entry.node.place);
        checker.note(
            place,
            &join(key, "name"),
            format!("`{name}` twice"),
            "a name that no other pass has",
            None,
        );
        return;
    }
    let name = name.into();
    passes.insert(
        at,
        Pass {
            name,
            keys,
            may_contradict: true,
        },
    );
}

/// Index at which a pass goes: that of the pass in its `before`, or the end.
fn position(checker: &mut Checker<'_>, key: &str, fields: &[Entry], passes: &[Pass]) -> usize {
    let end = passes.len();
    let Some(entry) = get(fields, "before") else {
        return end;
    };
    let Some(before) = checker.text(&join(key, "before"), entry, "the name of a pass") else {
        return end;
    };
    if let Some(at) = passes.iter().position(|pass| &*pass.name == before) {
        return at;
    }
    let known: Vec<&str> = passes.iter().map(|pass| &*pass.name).collect();
    checker.wrong(
        &join(key, "before"),
        &entry.node,
        &format!("one of {}", quoted(&known, ", ")),
        spelling::nearest(before, known.iter().copied()).map(did_you_mean),
    );
    end
}

/// Keys of a pass, by the engine's names; `None` if one of them is not a key of the tie-out.
fn pass_keys(
    checker: &mut Checker<'_>,
    key: &str,
    entry: &Entry,
    definition: &Definition,
) -> Option<Vec<Key>> {
    let items = match &entry.node.value {
        Value::List(items) if !items.is_empty() => items,
        _ => {
            let hint = "for example `keys = [\"customer_id\", \"product_id\", \"currency\"]`";
            checker.wrong(key, &entry.node, "a list of keys", Some(hint.to_owned()));
            return None;
        }
    };
    let known = published_keys(definition);
    let mut keys = Vec::new();
    for item in items {
        let text = match &item.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        // Either of a key's two names is known to the engine; a pipeline uses the published one.
        let named = text
            .filter(|text| known.contains(text))
            .and_then(Key::named);
        match (named, text) {
            (Some(name), _) => keys.push(name),
            (None, text) => {
                let nearest = text.and_then(|text| spelling::nearest(text, known.iter().copied()));
                let wanted = format!("one of {}", quoted(&known, ", "));
                checker.wrong(key, item, &wanted, nearest.map(did_you_mean));
            }
        }
    }
    // A pass with fewer keys than were written would match more than was meant.
    if keys.len() < items.len() {
        return None;
    }
    // Quantities have no currency, so that a pass over them needs none.
    if definition.measure == Measure::Amount && !keys.contains(&Key::Currency) {
        let hint = "amounts of different currencies are never netted".to_owned();
        checker.note(
            &entry.node.place,
            key,
            "no `currency`".to_owned(),
            "`currency` among the keys",
            Some(hint),
        );
    }
    Some(keys)
}

/// Published names of the keys that any pass of the definition has. A line's own number is none of
/// them: it tells the lines of one file apart, and groups nothing.
fn published_keys(definition: &Definition) -> Vec<&'static str> {
    let is_used = |key: &Key| definition.passes.iter().any(|(_, keys)| keys.contains(key));
    Key::ALL
        .into_iter()
        .filter(|key| is_used(key) && *key != Key::Line)
        .map(Key::published)
        .collect()
}
