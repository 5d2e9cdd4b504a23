//! Fixture: a page read back by its marks. No parser of HTML is needed for a page that escapes what it
//! shows: a tag is what begins with `<` and ends with `>`.

use std::collections::BTreeMap;

/// The text between two marks, behind the first of them.
pub(crate) fn between<'p>(page: &'p str, begin: &str, end: &str) -> Option<&'p str> {
    let from = page.find(begin)? + begin.len();
    let to = page[from..].find(end)?;
    Some(&page[from..from + to])
}

/// All parts of a page that begin and end with these marks, without them.
pub(crate) fn parts<'p>(page: &'p str, begin: &str, end: &str) -> Vec<&'p str> {
    page.split(begin)
        .skip(1)
        .filter_map(|rest| rest.split(end).next())
        .collect()
}

/// Exact values of the amounts in a part of a page, in their order.
pub(crate) fn amounts(part: &str) -> Vec<String> {
    let values = parts(part, "<data value=\"", "\"");
    values.into_iter().map(str::to_owned).collect()
}

/// Text of a part of a page: without tags, its characters as they were before they were escaped.
pub(crate) fn text(part: &str) -> String {
    let mut out = String::new();
    for (at, piece) in part.split('<').enumerate() {
        let shown = match at {
            0 => piece,
            _ => piece.split_once('>').map_or("", |(_, rest)| rest),
        };
        out.push_str(shown);
    }
    for (escaped, character) in [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ] {
        out = out.replace(escaped, character);
    }
    out
}

/// Lines of the verdicts: by invoice and currency the words of each line, and its exact amount. Lines
/// of the same words are added to the words' number.
pub(crate) fn verdicts(page: &str) -> BTreeMap<(String, String), Vec<(String, String)>> {
    let cards = parts(page, "<article ", "</article>");
    let cards = cards.into_iter().map(|card| {
        let mark = |name: &str| text(between(card, &format!("{name}=\""), "\"").unwrap());
        let lines = parts(card, "<tr ", "</tr>");
        let lines = lines.into_iter().map(|line| {
            let words = text(between(line, "<th scope=\"row\">", "</th>").unwrap());
            (words, amounts(line).remove(0))
        });
        (
            (mark("data-invoice"), mark("data-currency")),
            lines.collect(),
        )
    });
    cards.collect()
}
