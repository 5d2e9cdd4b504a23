//! The plan of the house, held against the code: which file imports from which. No circle of files,
//! no import from a room below, and the picture of the rooms in `src/README.md` is the code's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{Source, code_of, root, sources};

/// True recursions between files, each with its reason. Nothing else may be a circle.
const RECURSIONS: [(&[&str], &str); 0] = [];

/// Modules that each file of `src` imports from. A module is its path below the crate, as
/// `engine::rules::keys`.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn module_of(path: &str) -> String {
    let below = path.trim_start_matches("src/").trim_end_matches(".rs");
    below.trim_end_matches("/mod").replace('/', "::")
}

/// The text before the unit tests, which may name whatever they like.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn imports() -> Imports {
    let files: Vec<Source> = sources("src")
        .into_iter()
        .filter(|file| !file.path.ends_with("tests.rs") && !file.path.contains("/tests/"))
        .filter(|file| !["src/main.rs", "src/lib.rs"].contains(&file.path.as_str()))
        .collect();
    let modules: BTreeSet<String> = files.iter().map(|file| module_of(&file.path)).collect();
    let named_by = |file: &Source| {
        let module = module_of(&file.path);
        let paths = paths_in(&code_of(without_tests(&file.text)));
        let absolute = paths.iter().map(|path| absolute(path, &module));
        let named: BTreeSet<String> = absolute
            .filter_map(|path| longest_module(&path, &modules))
            .filter(|named| *named != module)
            .collect();
        (module, named)
    };
    files.iter().map(named_by).collect()
}

/// Every path that begins with `crate`, `super` or `self`, those of `use` trees one by one.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(at) = next_root(rest) {
        let tail = &rest[at..];
        let end = tail
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')))
            .unwrap_or(tail.len());
        let head: Vec<String> = words(&tail[..end]);
        if tail[end..].starts_with('{') && tail[..end].ends_with("::") {
            let close = closing_brace(&tail[end..]);
            flatten(&tail[end + 1..end + close], &head, &mut paths);
            rest = &tail[end + close..];
        } else {
            paths.push(head);
            rest = &tail[end.max(1)..];
        }
    }
    paths
}

/// Where the next path from a root of names begins.
fn next_root(code: &str) -> Option<usize> {
    let roots = ["crate::", "super::", "self::"];
    let starts = roots.iter().flat_map(|root| code.match_indices(root));
    let is_start = |at: &usize| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | ':')))
    };
    starts.map(|(at, _)| at).filter(is_start).min()
}

fn words(path: &str) -> Vec<String> {
    let words = path.split("::").map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn closing_brace(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len() - 1
}

/// The paths of a group, `a, b::{c, d}`, each behind `head`.
fn flatten(group: &str, head: &[String], paths: &mut Vec<Vec<String>>) {
    let (mut start, mut depth) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = group[start..at].trim();
                start = (at + 1).min(group.len());
                match item.split_once('{') {
                    Some((before, inner)) => {
                        let head = [head, &words(before)].concat();
                        flatten(inner.trim_end().trim_end_matches('}'), &head, paths);
                    }
                    None if item.is_empty() => {}
                    None => paths.push([head, &words(item)].concat()),
                }
            }
            _ => {}
        }
    }
}

/// A path from the crate's root.
fn absolute(path: &[String], module: &str) -> Vec<String> {
    let mut base = match path[0].as_str() {
        "crate" => Vec::new(),
        _ => words(module),
    };
    for word in path {
        match word.as_str() {
            "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            word => base.push(word.to_owned()),
        }
    }
    base
}

fn longest_module(path: &[String], modules: &BTreeSet<String>) -> Option<String> {
    let prefixes = (1..=path.len())
        .rev()
        .map(|length| path[..length].join("::"));
    prefixes.into_iter().find(|prefix| modules.contains(prefix))
}

/// Files that can reach each other by imports, the larger circles first.
fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| {
        let (mut found, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in imports.get(module).into_iter().flatten() {
                if found.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        found
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = imports
        .keys()
        .map(|module| (module, reached(module)))
        .collect();
    let circle = |module: &String| -> BTreeSet<String> {
        let back =
            |other: &&String| reach[other].contains(module) && reach[module].contains(*other);
        imports.keys().filter(back).cloned().collect()
    };
    let found: BTreeSet<BTreeSet<String>> = imports.keys().map(circle).collect();
    found
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .collect()
}

/// Modules of a folder in the order of its `mod` lines.
fn order_of(folder: &str) -> Vec<String> {
    let path = root().join("src").join(folder.replace("::", "/"));
    let inside = path.join("mod.rs");
    let file = if inside.exists() {
        inside
    } else {
        path.with_extension("rs")
    };
    let text = std::fs::read_to_string(file).unwrap();
    let declared = without_tests(&text).lines().filter_map(|line| {
        let line = line
            .split_once("mod ")
            .filter(|(before, _)| before.is_empty() || before.starts_with("pub"))?;
        line.1.strip_suffix(';').map(str::to_owned)
    });
    declared.filter(|name| name != "tests").collect()
}

#[test]
fn paths_are_found_and_resolved() {
    let code = "use crate::a::{self, b::{C, d}};\nuse super::x::Y;\nfn f() { self::z::g(); crate::q::h() }";
    let found: Vec<String> = paths_in(code)
        .iter()
        .map(|path| absolute(path, "layer::room::file").join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "a",
            "a::b::C",
            "a::b::d",
            "layer::room::x::Y",
            "layer::room::file::z::g",
            "q::h"
        ]
    );
    let circle = |edges: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in edges {
            imports
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        circles(&imports)
    };
    assert!(circle(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    assert_eq!(
        circle(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])[0].len(),
        3
    );
}

#[test]
fn no_circle_of_files_inside_a_layer() {
    let circles = circles(&imports());
    let unexpected: Vec<&BTreeSet<String>> = circles
        .iter()
        .filter(|circle| {
            let is_it = |(files, _): &&(&[&str], &str)| {
                circle.iter().all(|file| files.contains(&file.as_str()))
            };
            !RECURSIONS.iter().any(|recursion| is_it(&recursion))
        })
        .collect();
    assert!(
        unexpected.is_empty(),
        "files import each other in a circle: {unexpected:#?}"
    );
}

/// Layers that are divided into rooms.
const ROOMY: [&str; 4] = ["sources", "decode", "engine", "pipeline"];

#[test]
fn a_room_names_only_the_rooms_above_it() {
    let imports = imports();
    let mut upward = Vec::new();
    for layer in ROOMY {
        // In the order of the rooms, and of the files of each room.
        let rooms = order_of(layer);
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for room in &rooms {
            let room = format!("{layer}::{room}");
            if root().join("src").join(room.replace("::", "/")).is_dir() {
                for file in order_of(&room) {
                    places.insert(format!("{room}::{file}"), places.len());
                }
            }
            places.insert(room, places.len());
        }
        let place = |module: &str| {
            let mut name = module;
            loop {
                match (places.get(name), name.rsplit_once("::")) {
                    (Some(place), _) => return Some(*place),
                    (None, Some((parent, _))) => name = parent,
                    (None, None) => return None,
                }
            }
        };
        for (from, named) in imports.iter().filter(|(from, _)| place(from).is_some()) {
            let below = |to: &&String| place(to) > place(from);
            upward.extend(
                named
                    .iter()
                    .filter(below)
                    .map(|to| format!("{from} -> {to}")),
            );
        }
    }
    assert!(
        upward.is_empty(),
        "imports from below, against the order of the `mod` lines: {upward:#?}"
    );
}

/// The rooms and their files, in the order of the `mod` lines, as `src/README.md` has them.
fn picture() -> String {
    let mut text = String::new();
    for layer in ROOMY {
        text += &format!("{layer}/\n");
        for room in order_of(layer) {
            let name = format!("{layer}::{room}");
            let is_room = root().join("src").join(name.replace("::", "/")).is_dir();
            let files = if is_room { order_of(&name) } else { Vec::new() };
            let mut line = format!("  {:<14}", if is_room { format!("{room}/") } else { room });
            for (at, file) in files.iter().enumerate() {
                let word = if at == 0 {
                    file.clone()
                } else {
                    format!(" · {file}")
                };
                if line.chars().count() + word.chars().count() > 99 {
                    text += &format!("{line} ·\n");
                    line = format!("{:16}{file}", "");
                } else {
                    line += &word;
                }
            }
            text += line.trim_end();
            text += "\n";
        }
    }
    text
}

#[test]
fn the_readme_draws_the_rooms() {
    let readme = std::fs::read_to_string(root().join("src/README.md")).unwrap();
    let picture = picture();
    assert!(
        readme.contains(&picture),
        "src/README.md wants this picture of the rooms:\n{picture}"
    );
}
