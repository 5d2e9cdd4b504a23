//! JSON lines and pages against serde_json.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use tieout::model::dataset::Dataset;

use super::random::{Random, packed, row_count, text};
use super::{
    FoundRow, Wanted, carried_position, check, headings, meaning, no_cells, read, read_position,
    seeds,
};

#[test]
fn json_lines_are_read_as_serde_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed.jsonl");
    for seed in seeds() {
        let mut random = Random::new(seed);
        let bytes = lines(&mut random);
        std::fs::write(&path, packed(&mut random, &bytes)).unwrap();
        let found = read(&path).unwrap_or_else(|error| unreachable!("seed {seed}: {error}"));
        check(&found, &wanted_lines(&bytes), seed);
    }
}

#[test]
fn json_pages_are_read_as_serde_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fuzzed.json");
    for seed in seeds() {
        let mut random = Random::new(seed);
        let text = page(&mut random);
        std::fs::write(&path, packed(&mut random, text.as_bytes())).unwrap();
        let found = read(&path).unwrap_or_else(|error| unreachable!("seed {seed}: {error}"));
        check(&found, &wanted_page(&text), seed);
    }
}

/// A row before it is written: keys, and values as JSON.
type Pairs = Vec<(String, String)>;

/// What the objects of a file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// Nothing but their keys, in any order.
    None,
    /// Keys in one order.
    Order,
    /// Keys in one order and spelling, no value within a value, and most values those of the object before:
    /// what exports are like, and all that is read by the keys of the object before.
    Shape,
}

impl Likeness {
    fn any(random: &mut Random) -> Self {
        match random.below(3) {
            0 => Self::None,
            1 => Self::Order,
            _ => Self::Shape,
        }
    }
}

fn lines(random: &mut Random) -> Vec<u8> {
    let keys = headings(random);
    let likeness = Likeness::any(random);
    let line_end = random.one_of(&[&b"\n"[..], b"\r\n", b"\n\n", b" \n"]);
    let mut before = row(random, &keys, likeness);
    let mut out = b"\xEF\xBB\xBF".repeat(random.below(2));
    out.extend(object(random, &before, likeness).into_bytes());
    for _ in 0..row_count(random) {
        out.extend_from_slice(line_end);
        if random.chance(60) {
            out.extend_from_slice(b"\xEF\xBB\xBF");
        }
        next_row(random, &mut before, &keys, likeness);
        let line = object(random, &before, likeness).into_bytes();
        out.extend(if random.chance(40) {
            damaged(random, line)
        } else {
            line
        });
    }
    if random.chance(2) {
        out.extend_from_slice(line_end);
    }
    out
}

/// A line that is no object, or no longer.
fn damaged(random: &mut Random, mut line: Vec<u8>) -> Vec<u8> {
    match random.below(5) {
        0 => line.truncate(random.below(line.len())),
        1 => line.extend_from_slice(b" x"),
        2 => {
            line = random
                .one_of(&[&b"5"[..], b"[{}]", b"null", b"nope"])
                .to_vec()
        }
        3 => {
            let at = random.below(line.len());
            line[at] = b'\t';
        }
        _ => {
            let at = random.below(line.len());
            line[at] = 0xFF;
        }
    }
    line
}

fn page(random: &mut Random) -> String {
    let keys = headings(random);
    let likeness = Likeness::any(random);
    let mut before = row(random, &keys, likeness);
    let mut items = vec![object(random, &before, likeness)];
    for _ in 0..row_count(random) {
        next_row(random, &mut before, &keys, likeness);
        items.push(if random.chance(60) {
            random.one_of(&["5", "[]", "\"text\"", "null"]).to_owned()
        } else {
            object(random, &before, likeness)
        });
    }
    let space = random.one_of(&["", " ", "\n", "\r\n  "]);
    let rows = items.join(&format!(",{space}"));
    match random.below(3) {
        0 => format!("[{space}{rows}{space}]"),
        1 => format!(
            "{{\"totalCount\":{},{space}\"items\":[{rows}{space}]}}\n",
            items.len()
        ),
        _ => format!(
            "{{{space}\"value\" :{space}[{rows}],\"@odata.count\":{}}}",
            items.len()
        ),
    }
}

/// Makes the next row of the one before: itself once more, one with other values, or with some others.
fn next_row(random: &mut Random, row_before: &mut Pairs, keys: &[String], likeness: Likeness) {
    if random.chance(4) {
        return;
    }
    if likeness != Likeness::Shape || random.chance(8) {
        *row_before = row(random, keys, likeness);
        return;
    }
    for (_, known) in row_before {
        if random.chance(4) {
            *known = value(random, likeness);
        }
    }
}

fn row(random: &mut Random, keys: &[String], likeness: Likeness) -> Pairs {
    let mut pairs: Pairs = keys
        .iter()
        .map(|key| (key.clone(), value(random, likeness)))
        .collect();
    if random.chance(30) {
        // A name for the second time, in this spelling or in another.
        let name = keys[random.below(keys.len())].clone();
        let name = if random.chance(2) {
            name.to_lowercase()
        } else {
            name
        };
        pairs.push((name, value(random, likeness)));
    }
    pairs
}

fn value(random: &mut Random, likeness: Likeness) -> String {
    let kinds = match likeness {
        Likeness::Shape => 18,
        Likeness::None | Likeness::Order => 20,
    };
    let number = [
        "0",
        "-0",
        "1.50",
        "15e-1",
        "7.58469E-05",
        "12345678901234567890.123456789",
    ];
    match random.below(kinds) {
        0..6 => random.one_of(&number).to_owned(),
        6 => random.one_of(&["null", "true", "false"]).to_owned(),
        18 => random.one_of(&["[]", "{}"]).to_owned(),
        19 => r#"{"a":[1,"x",null],"b":{"c":"\u0041"}}"#.to_owned(),
        _ => serde_json::to_string(&text(random)).unwrap(),
    }
}

/// An object in one of the ways to write it.
fn object(random: &mut Random, pairs: &Pairs, likeness: Likeness) -> String {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs
        .iter()
        .map(|(key, value)| (Cow::from(key.as_str()), Cow::from(value.as_str())))
        .collect();
    let [mut after_comma, mut after_colon] = [""; 2];
    if likeness == Likeness::None {
        // Two names of one spelling say by their order which is which, so these stay in place.
        let mut names: Vec<&str> = pairs.iter().map(|(key, _)| &**key).collect();
        names.sort_unstable();
        if names.windows(2).all(|pair| pair[0] != pair[1]) {
            random.shuffle(&mut pairs);
        }
        [after_comma, after_colon] = [(); 2].map(|()| *random.one_of(&[&"", &" ", &" \t"]));
    }
    let pairs = pairs.into_iter().map(|(key, value)| {
        let key = serde_json::to_string(&key).unwrap();
        let key = match likeness {
            Likeness::Shape => key,
            Likeness::None | Likeness::Order => escaped(random, &key, 400),
        };
        format!("{key}:{after_colon}{}", escaped(random, &value, 12))
    });
    format!(
        "{{{}}}",
        pairs.collect::<Vec<_>>().join(&format!(",{after_comma}"))
    )
}

/// A string with escapes that it does not need, for one of so many characters.
fn escaped(random: &mut Random, value: &str, turns: usize) -> String {
    if !value.starts_with('"') || value.contains('\\') || !random.chance(4) {
        return value.to_owned();
    }
    let inner = value[1..value.len() - 1].chars().map(|letter| {
        let mut units = [0; 2];
        match letter {
            '/' if random.chance(2) => "\\/".to_owned(),
            _ if random.chance(turns) => letter
                .encode_utf16(&mut units)
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect(),
            _ => letter.to_string(),
        }
    });
    format!("\"{}\"", inner.collect::<String>())
}

/// The pairs of an object as serde gives them, with those that come twice.
struct Parsed<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parsed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs).map(Parsed)
    }
}

fn wanted_lines(bytes: &[u8]) -> Wanted {
    let mut wanted = Wanted::default();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        if !text.trim_ascii().is_empty() {
            add(&mut wanted, line, text.trim_ascii());
        }
    }
    wanted
}

fn wanted_page(page: &str) -> Wanted {
    let items: Vec<&RawValue> = if page.starts_with('[') {
        serde_json::from_str(page).unwrap()
    } else {
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_str(page).unwrap();
        let items = members.remove("items").or_else(|| members.remove("value"));
        serde_json::from_str(items.unwrap().get()).unwrap()
    };
    let mut wanted = Wanted::default();
    let (mut line, mut counted) = (1, 0);
    for item in items {
        let offset = item.get().as_ptr().addr() - page.as_ptr().addr();
        line += memchr::memchr_iter(b'\n', &page.as_bytes()[counted..offset]).count() as u64;
        counted = offset;
        add(&mut wanted, line, item.get().as_bytes());
    }
    wanted
}

/// Keys of answers that have no part in what makes two rows copies, in lower case.
const WITHOUT_CONTENT: [&str; 7] = [
    "links",
    "attributes",
    "attributes/objecttype",
    "invoicelineitemtype",
    "invoicelineitemtypce",
    "billingprovider",
    "haspartnerearnedcredit",
];

/// Adds a row, or its rejection.
fn add(wanted: &mut Wanted, line: u64, text: &[u8]) {
    let Ok(Parsed(pairs)) = serde_json::from_slice::<Parsed<'_>>(text) else {
        return wanted.rejected.push((line, String::new()));
    };
    let (mut cells, mut carried) = (no_cells(), no_cells());
    let mut identity: BTreeMap<String, String> = BTreeMap::new();
    let (mut twice, mut has_name_twice) = (None, false);
    let mut spelt = BTreeSet::new();
    for (key, value) in pairs {
        // One key twice is no row, even if one of the values is null: readers take the one or the
        // other.
        if let Some(position) = read_position(&key)
            && !spelt.insert(key.clone())
        {
            twice = Some(Dataset::Usage.columns()[position].name);
        }
        let (cell, canonical) = read_value(value.get());
        // Keys that repeat what columns say have no part in it.
        let canonical = match (value.get().as_bytes(), canonical.as_str()) {
            _ if WITHOUT_CONTENT.contains(&&*key.to_lowercase()) => None,
            ([b'[' | b'{', ..], nested) if read_position(&key).is_none() => Some(nested.to_owned()),
            _ => meaning(&key, cell.as_bytes()),
        };
        let name = match Dataset::Usage.position_of(&key) {
            Some(position) => Dataset::Usage.columns()[position].name.to_owned(),
            None => key.to_lowercase(),
        };
        if let Some(canonical) = canonical {
            has_name_twice |= identity.insert(name, canonical).is_some();
        }
        if let Some(position) = carried_position(&key) {
            carried[position] = cell.clone().into_bytes();
        }
        if cell.is_empty() {
            continue;
        }
        if let Some(position) = read_position(&key) {
            if !cells[position].is_empty() {
                twice = Some(Dataset::Usage.columns()[position].name);
            }
            cells[position] = cell.into_bytes();
        }
    }
    match twice {
        Some(name) => wanted.rejected.push((line, name.to_owned())),
        None => {
            wanted.rows.push(FoundRow { line, cells });
            wanted.carried.push(carried);
            let identity = (!has_name_twice).then(|| format!("{identity:?}"));
            wanted.identities.push(identity);
        }
    }
}

/// A value as a cell, and in the one spelling that stands for all; both empty for none.
fn read_value(raw: &str) -> (String, String) {
    match raw.as_bytes() {
        b"null" => Default::default(),
        [b'"', ..] => {
            let text: String = serde_json::from_str(raw).unwrap();
            (text.clone(), text)
        }
        [b'[' | b'{', ..] => {
            let nested: Value = serde_json::from_str(raw).unwrap();
            // A character that no text begins with, so that no text is taken for an object.
            (raw.to_owned(), format!("\u{1}{nested}"))
        }
        _ => (raw.to_owned(), raw.to_owned()),
    }
}
