//! What a reader meets on the page: documentation that says something, one name for one thing, no
//! default that hides a lost number.

use std::collections::BTreeMap;

use crate::tidy::{Source, layer, sources};

/// Silent defaults in a thousand lines: those that are left say in words why the default is right.
const DEFAULTS_PER_THOUSAND: usize = 1;

/// The lines before the unit tests.
fn lines_of(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let text = source.text.split("#[cfg(test)]\nmod tests").next().unwrap();
    (1..).zip(text.lines())
}

fn is_test(source: &Source) -> bool {
    source.path.ends_with("tests.rs") || source.path.contains("/tests/")
}

#[test]
fn a_default_does_not_hide_a_lost_number() {
    let (mut lines, mut found) = (0, Vec::new());
    for source in sources("src").iter().filter(|source| !is_test(source)) {
        for (number, line) in lines_of(source) {
            lines += 1;
            if line.contains("unwrap_or(0)") || line.contains("unwrap_or_default()") {
                found.push(format!("{} line {number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(
        found.len() * 1_000 <= lines * DEFAULTS_PER_THOUSAND,
        "{} silent defaults in {lines} lines: {found:#?}",
        found.len()
    );
}

#[test]
fn documentation_says_something() {
    let mut short = Vec::new();
    for source in sources("src").iter().filter(|source| !is_test(source)) {
        let lines: Vec<(usize, &str)> = lines_of(source).collect();
        for window in lines.windows(3) {
            let [before, (number, line), after] = window else {
                unreachable!("windows of three")
            };
            let is_doc = |line: &str| line.trim_start().starts_with("///");
            let words = line
                .trim_start()
                .trim_start_matches('/')
                .split_whitespace()
                .count();
            if is_doc(line) && !is_doc(before.1) && !is_doc(after.1) && words <= 3 {
                short.push(format!("{} line {number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(
        short.is_empty(),
        "documentation of three words or less: {short:#?}"
    );
}

#[test]
fn a_type_name_means_one_thing_in_a_layer() {
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for source in sources("src").iter().filter(|source| !is_test(source)) {
        let Some(layer) = layer(&source.path) else {
            continue;
        };
        for (_, line) in lines_of(source) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let kind = words
                .iter()
                .position(|word| ["struct", "enum", "trait", "type"].contains(word));
            let Some(at) = kind.filter(|at| *at < 2 && !line.starts_with("    type ")) else {
                continue;
            };
            let before_is_visibility = words[..at].iter().all(|word| word.starts_with("pub"));
            let name: String = words
                .get(at + 1)
                .map_or("", |name| name)
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if before_is_visibility && name.starts_with(char::is_uppercase) {
                let key = (layer.to_owned(), name);
                let files = places.entry(key).or_default();
                if !files.contains(&source.path) {
                    files.push(source.path.clone());
                }
            }
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(
        places.is_empty(),
        "one name for several types of a layer: {places:#?}"
    );
}
