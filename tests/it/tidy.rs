//! The rules of the house, held against its text: layers, floats, who writes files, sizes, reasons
//! for dependencies.

use std::path::{Path, PathBuf};

/// Modules that never name each other, and that only those above them name.
const SIBLINGS: [&str; 7] = [
    "sources", "decode", "engine", "ledger", "reports", "synth", "sandbox",
];
const ABOVE: [&str; 3] = ["pipeline", "rehearsal", "cli"];
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const MEDIAN_LINES: usize = 150;

/// A source file: its path below the package, its text, and its code without comments and texts.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut open = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(ending) if ending == "rs" => found.push(source(path)),
                _ => {}
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!found.is_empty(), "no source in {folder}");
    found
}

fn all_sources() -> Vec<Source> {
    ["src", "tests"].into_iter().flat_map(sources).collect()
}

fn source(path: PathBuf) -> Source {
    let text = std::fs::read_to_string(&path).unwrap();
    let path = path
        .strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/");
    Source {
        path,
        code: code_of(&text),
        text,
    }
}

/// Text with comments, strings and characters blanked out, line by line as before.
pub(crate) fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                at + bytes[at..]
                    .iter()
                    .take_while(|byte| **byte != b'\n')
                    .count()
            }
            b'r' if raw_string(bytes, at).is_some() => raw_string(bytes, at).unwrap(),
            b'"' => quoted_end(bytes, at),
            b'\'' => character_end(bytes, at),
            _ => at,
        };
        if end == at {
            out.push(char::from(bytes[at]));
            at += 1;
        } else {
            bytes[at..end]
                .iter()
                .filter(|byte| **byte == b'\n')
                .for_each(|_| out.push('\n'));
            out.push(' ');
            at = end;
        }
    }
    out
}

fn raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let named = at > 0
        && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
        && bytes[at - 1] != b'b';
    let hashes = bytes[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    if named || bytes.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = at + hashes + 2;
    bytes[body..]
        .windows(close.len())
        .position(|window| window == close)
        .map(|length| body + length + close.len())
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// End of a character such as `'{'`; of a lifetime, where it begins.
fn character_end(bytes: &[u8], at: usize) -> usize {
    let text = std::str::from_utf8(&bytes[at + 1..]).unwrap();
    match text.strip_prefix('\\') {
        Some(escaped) => at + 4 + escaped[1..].find('\'').unwrap(),
        None => {
            let length = text.chars().next().map_or(0, char::len_utf8);
            if text[length..].starts_with('\'') {
                at + 2 + length
            } else {
                at
            }
        }
    }
}

/// The layer of a file; a file right below `src` has none.
pub(crate) fn layer(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    Some(
        rest.split_once('/')
            .map_or(rest, |(layer, _)| layer)
            .trim_end_matches(".rs"),
    )
}

/// Whether code has a word with no letter, digit or underscore around it.
fn has_word(code: &str, word: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !part_of_word(code[..at].chars().next_back())
            && !part_of_word(code[at + word.len()..].chars().next())
    })
}

/// Files of `src` for which `is_broken` holds must not be.
fn forbid(rule: &str, is_broken: impl Fn(&Source) -> bool) {
    let broken: Vec<String> = sources("src")
        .into_iter()
        .filter(|source| is_broken(source))
        .map(|source| source.path)
        .collect();
    assert!(broken.is_empty(), "{rule}: {broken:?}");
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.starts_with("tests/")
}

#[test]
fn code_is_told_from_text() {
    let code = code_of(
        "let a = \"f64 \\\" {\"; // f64\nlet b = '{'; let c: &'static str = r#\"x\"f64\"#; let d = '\\'';\n",
    );
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>().join(" "),
        "let a = ; let b = ; let c: &'static str = ; let d = ;"
    );
    assert_eq!(code.lines().count(), 2);
    assert!(has_word("use x::f64;", "f64") && !has_word("xf64 f64x", "f64"));
}

#[test]
fn layers_point_one_way() {
    let names = |code: &str, module: &str| {
        // Also within braces: `use crate::{model, engine}`.
        let grouped = code
            .split("crate::{")
            .skip(1)
            .any(|rest| has_word(rest.split(';').next().unwrap_or_default(), module));
        grouped || has_word(code, &format!("crate::{module}"))
    };
    for source in sources("src") {
        let Some(layer) = layer(&source.path) else {
            continue;
        };
        let mut forbidden: Vec<&str> = match layer {
            "model" => [&SIBLINGS[..], &ABOVE, &["progress"]].concat(),
            "progress" => [&SIBLINGS[..], &ABOVE].concat(),
            "pipeline" => vec!["synth", "sandbox", "rehearsal", "cli"],
            // It knows the partner that it makes, and the pipeline that it runs.
            "rehearsal" => vec!["sandbox", "cli"],
            // What goes on outside takes its time, and says so; the others are computed.
            "sources" => [&SIBLINGS[..], &ABOVE].concat(),
            sibling if SIBLINGS.contains(&sibling) => {
                [&SIBLINGS[..], &ABOVE, &["progress"]].concat()
            }
            _ => Vec::new(),
        };
        forbidden.retain(|module| *module != layer);
        for module in forbidden {
            assert!(
                !names(&source.code, module),
                "{} names `crate::{module}`",
                source.path
            );
        }
    }
}

#[test]
fn the_engine_is_pure() {
    let impure = [
        "std::fs",
        "std::time",
        "std::net",
        "std::env",
        "std::thread",
        "File",
        "Path",
        "PathBuf",
        "Instant",
        "SystemTime",
        "tokio",
    ];
    forbid(
        "engine and model know no file, clock or network",
        |source| {
            let pure = matches!(layer(&source.path), Some("engine" | "model"));
            pure && impure.iter().any(|word| has_word(&source.code, word))
        },
    );
}

#[test]
fn polars_stays_in_the_engine_and_above_its_rim() {
    forbid(
        "polars is not for cli, sources, decode, model, synth",
        |source| {
            matches!(
                layer(&source.path),
                Some("cli" | "sources" | "decode" | "model" | "synth")
            ) && has_word(&source.code, "polars")
        },
    );
}

#[test]
fn tokio_stays_at_the_rim() {
    forbid(
        "tokio is for sources, sandbox, pipeline/run.rs and pipeline/signals.rs",
        |source| {
            !matches!(layer(&source.path), Some("sources" | "sandbox"))
                && !["src/pipeline/run.rs", "src/pipeline/signals.rs"]
                    .contains(&source.path.as_str())
                && has_word(&source.code, "tokio")
        },
    );
}

#[test]
fn only_the_atomic_publish_creates_files() {
    let words = [
        "File::create",
        "File::create_new",
        "OpenOptions",
        "fs::write",
        "fs::rename",
        "fs::copy",
        "create_dir_all",
        "create_dir",
    ];
    forbid(
        "only reports/atomic.rs, single_files.rs, kept_files.rs, linked_copies.rs and analyst_folder.rs, the landing, the cache, synth and the sandbox's record create files",
        |source| {
            let writers = [
                "src/reports/atomic.rs",
                "src/reports/single_files.rs",
                "src/reports/analyst_folder.rs",
                "src/reports/kept_files.rs",
                "src/reports/linked_copies.rs",
                "src/reports/ledger_tables.rs",
                "src/sources/landing/files.rs",
                "src/sources/cache.rs",
                // The record of a rehearsal's requests, which a reviewer asked for.
                "src/sandbox/ordinary/record.rs",
            ];
            let allowed = writers.contains(&source.path.as_str())
                || layer(&source.path) == Some("synth")
                || is_test(&source.path);
            // Unit tests make the files that they read.
            let (code, _) = source
                .code
                .split_once("#[cfg(test)]")
                .unwrap_or((&source.code, ""));
            !allowed && words.iter().any(|word| has_word(code, word))
        },
    );
}

#[test]
fn floats_hold_nothing() {
    forbid("no f32 and f64", |source| {
        // Workbooks know no other numbers.
        source.path != "src/pipeline/presentation/sheet_cells.rs"
            && (has_word(&source.code, "f32") || has_word(&source.code, "f64"))
    });
    // What nobody reads still tells a row from a copy of another, by the bits of its values.
    let allowed = [
        "src/decode/parquet/projection.rs",
        "src/decode/parquet/array_hash.rs",
    ];
    forbid(
        "floating-point columns are only refused or hashed",
        |source| {
            !allowed.contains(&source.path.as_str())
                && ["Float16", "Float32", "Float64"]
                    .iter()
                    .any(|word| has_word(&source.code, word))
        },
    );
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    for source in all_sources() {
        assert!(
            !source.code.contains("#[allow(") && !source.code.contains("#![allow("),
            "{}: expect, with a reason",
            source.path
        );
        for (number, line) in source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.trim_start().starts_with("#[expect("))
        {
            let rest: String = source.text.lines().skip(number).take(4).collect();
            assert!(
                rest.contains("reason = "),
                "{} line {}: {line}",
                source.path,
                number + 1
            );
        }
    }
}

#[test]
fn files_and_functions_stay_small() {
    let mut lengths: Vec<usize> = Vec::new();
    for source in all_sources() {
        let lines = source.text.lines().count();
        assert!(lines <= FILE_LINES, "{}: {lines} lines", source.path);
        if source.path.starts_with("src/") {
            lengths.push(lines);
        }
        for (line, name, length) in functions(&source.code) {
            assert!(
                length <= FUNCTION_LINES,
                "{} line {line}: `{name}` has {length} lines",
                source.path
            );
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_LINES, "the median file has {median} lines");
}

/// Line, name and length of each function with a body, found by counting braces.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(name) = words
            .iter()
            .position(|word| *word == "fn")
            .and_then(|fn_at| words.get(fn_at + 1))
        else {
            continue;
        };
        let (mut depth, mut opened) = (0_usize, false);
        for (length, line) in lines[at..].iter().enumerate() {
            for byte in line.bytes() {
                match byte {
                    b'{' => (depth, opened) = (depth + 1, true),
                    b'}' => depth -= 1,
                    _ => {}
                }
            }
            if depth == 0 && (opened || line.trim_end().ends_with([';', ','])) {
                if opened {
                    found.push((at + 1, (*name).to_owned(), length + 1));
                }
                break;
            }
        }
    }
    found
}

#[test]
fn every_module_says_what_it_is_for() {
    forbid("a module begins with what it is for", |source| {
        !source.text.starts_with("//! ") && !is_test(&source.path)
    });
    for source in sources("src") {
        for word in ["TODO", "FIXME", "XXX"] {
            assert!(!has_word(&source.text, word), "{}: {word}", source.path);
        }
    }
}

#[test]
fn every_dependency_has_its_reason_and_polars_its_version() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut count = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && line.contains('=') {
            count += 1;
            let reason = line.rsplit_once("# ").map_or("", |(_, reason)| reason);
            assert!(
                reason.len() > 8 && !reason.contains('='),
                "Cargo.toml: `{line}` has no reason"
            );
            assert!(
                !line.starts_with("polars") || line.contains("version = \"="),
                "Cargo.toml: polars is pinned with `=`"
            );
        }
    }
    assert!(
        count > 15 && manifest.contains("\npolars = "),
        "{count} dependencies"
    );
}

#[test]
fn the_readme_names_every_module() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() >= 8, "{modules:?}");
    let readme = root().join("src/README.md");
    if readme.exists() {
        let text = std::fs::read_to_string(readme).unwrap();
        let missing: Vec<&&str> = modules
            .iter()
            .filter(|module| !has_word(&text, module))
            .collect();
        assert!(
            missing.is_empty(),
            "src/README.md does not name {missing:?}"
        );
    }
}
