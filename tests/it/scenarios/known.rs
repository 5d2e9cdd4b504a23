//! The list of months that do not hold yet, each with what was got instead. It can only shrink.

use std::collections::BTreeMap;
use std::path::Path;

/// Longest account of what was got; the list is to be read, not parsed.
const WIDTH: usize = 150;

/// Names in the list, each with what was got when it was written.
fn read(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let named = |line: &str| {
        let (name, got) = line.split_once(": ")?;
        Some((name.to_owned(), got.to_owned()))
    };
    text.lines().filter_map(named).collect()
}

/// Writes the list anew without the months that hold now. Names are added to an empty list only:
/// whoever must add one does so by hand, and has to say why.
pub(super) fn record(path: &Path, found: &BTreeMap<String, Vec<String>>) {
    let known = read(path);
    let mut out = String::new();
    for (name, wrong) in found {
        if !wrong.is_empty() && (known.is_empty() || known.contains_key(name)) {
            let got: String = wrong[0].chars().take(WIDTH).collect();
            out += &format!("{name}: {} faults, {got}\n", wrong.len());
        }
    }
    std::fs::write(path, out).unwrap();
}

/// Months that fail and are not in the list, and those in the list that hold or do not exist.
pub(super) fn surprises(path: &Path, found: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let known = read(path);
    let failing = found
        .iter()
        .filter(|(name, wrong)| !wrong.is_empty() && !known.contains_key(*name));
    let failing = failing.map(|(name, wrong)| format!("{name} fails: {}", wrong.join("; ")));
    let stale = known.keys().filter_map(|name| match found.get(name) {
        Some(wrong) if wrong.is_empty() => Some(format!("{name} holds: remove it from the list")),
        Some(_) => None,
        None => Some(format!("{name} is listed, and there is no such month")),
    });
    failing.chain(stale).collect()
}
