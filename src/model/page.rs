//! Pages of a list, as Partner Center and Graph send them: where their items are, how many there
//! should be, and where the next page is.
//!
//! Read from the bytes as received, without looking into the items: fetching must know whether a
//! page is whole and whether another follows ([endpoints §6](crate::model::domain::endpoints)),
//! while what the items mean is the decoders' part. Both layers use this file, and neither may name
//! the other: what one takes for the items, the other takes for them, too.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// A page: its items, found but not parsed, and its facts.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// Items of the collection; `None` for a single object that is no collection.
    pub items: Option<Vec<&'a RawValue>>,
    /// Facts of the page apart from its items.
    pub facts: PageFacts,
    /// True if `code` and `description` stand beside each other, as in an error answer.
    has_error: bool,
}

/// Paging facts of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFacts {
    /// Number of items in the page; 1 for a single object.
    pub items: u64,
    /// True if `items` is `null`: it stands for no items in a file, and for no answer of a service.
    #[serde(default)]
    pub is_null: bool,
    /// `totalCount`, or Graph's `@odata.count`: of the page in published answers, of the whole list
    /// in others.
    pub total: Option<u64>,
    /// `continuationToken`, or the token among the headers of `links.next`.
    pub next_token: Option<String>,
    /// `links.next.uri`, which is malformed in published answers, so that only its host is of use;
    /// or `@odata.nextLink`.
    pub next_uri: Option<String>,
    /// `links.self.uri`: all pages of a list have the same, apart from what tells them apart.
    pub own_uri: Option<String>,
}

impl PageFacts {
    /// True if the page says that another one follows it.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.next_token.is_some() || self.next_uri.is_some()
    }
}

/// Reason why a text is not a page.
#[derive(Debug)]
pub enum PageFault {
    /// The text is not JSON, or holds more than one document.
    Json(serde_json::Error),
    /// JSON of which it is not certain where the items are. The text says what was found.
    Unclear(String),
}

/// Finds the items and the facts of a page, without byte order marks before it.
///
/// # Errors
/// [`PageFault`] for a text that is no page, or that does not say clearly where its items are.
pub fn read(body: &[u8]) -> Result<Page<'_>, PageFault> {
    let mut unclear = None;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let page = deserializer
        .deserialize_any(PageVisitor(&mut unclear))
        // A page with anything behind it is two answers in one file, or a damaged one.
        .and_then(|page| deserializer.end().map(|()| page))
        .map_err(PageFault::Json)?;
    match unclear {
        Some(found) => Err(PageFault::Unclear(found)),
        None => Ok(page),
    }
}

/// Finds items and facts. What is unclear is noted, and not an error of the parser: a text that is
/// no JSON is told as such first.
struct PageVisitor<'u>(&'u mut Option<String>);

impl<'a> Visitor<'a> for PageVisitor<'_> {
    type Value = Page<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a collection with `items`, or an array of rows")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let rows = rows_of(seq)?;
        Ok(Page {
            facts: PageFacts {
                items: rows.len() as u64,
                ..PageFacts::default()
            },
            items: Some(rows),
            ..Page::default()
        })
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key::<Cow<'a, str>>()? {
            if is_items(&key) {
                members.collection(key, map.next_value()?);
            } else {
                members.other(key, map.next_value()?);
            }
        }
        *self.0 = members.unclear();
        Ok(members.page())
    }
}

/// True for the name of a collection's items: `items` of Partner Center in any case, as both cases
/// of a key occur ([quirks, JSON of the API, 5](crate::model::domain::quirks)); `value` of Graph.
fn is_items(key: &str) -> bool {
    key.eq_ignore_ascii_case("items") || key == "value"
}

fn rows_of<'a, A: SeqAccess<'a>>(mut seq: A) -> Result<Vec<&'a RawValue>, A::Error> {
    let mut rows = Vec::new();
    // `RawValue` finds where a row ends without decoding it.
    while let Some(row) = seq.next_element()? {
        rows.push(row);
    }
    Ok(rows)
}

/// The value under the name of a collection.
enum Collection<'a> {
    Rows(Vec<&'a RawValue>),
    /// `null`, which stands for no items ([quirks, JSON of the API,
    /// 10](crate::model::domain::quirks)).
    Null,
    Other,
}

impl<'de> Deserialize<'de> for Collection<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CollectionVisitor)
    }
}

struct CollectionVisitor;

impl<'de> Visitor<'de> for CollectionVisitor {
    type Value = Collection<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        rows_of(seq).map(Collection::Rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Collection::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Collection::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Collection::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Collection::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Collection::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Collection::Other)
    }
}

/// Members of a page, as they are met.
#[derive(Default)]
struct Members<'a> {
    items: Option<Vec<&'a RawValue>>,
    /// Keys whose values hold rows or may hold them, in their order.
    collections: Vec<Cow<'a, str>>,
    /// Members that are objects, among which a collection may hide.
    objects: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// First member that is not what its name says.
    misfit: Option<String>,
    facts: PageFacts,
    header_token: Option<String>,
    has_code: bool,
    has_description: bool,
}

impl<'a> Members<'a> {
    /// Notes a member with the name of a collection.
    fn collection(&mut self, key: Cow<'a, str>, value: Collection<'a>) {
        match value {
            Collection::Rows(rows) => self.items = Some(rows),
            // A row may have a key `value` of its own; `items` it has not.
            _ if key == "value" => return,
            Collection::Null => {
                self.facts.is_null = true;
                self.items = Some(self.items.take().unwrap_or_default());
            }
            Collection::Other => self.misfits(format!("`{key}` that is no array")),
        }
        self.collections.push(key);
    }

    /// Notes a member of another name.
    fn other(&mut self, key: Cow<'a, str>, value: &'a RawValue) {
        let text = value.get();
        match &*key {
            "totalCount" | "TotalCount" | "@odata.count" => {
                self.facts.total = text.trim_matches('"').parse().ok().or(self.facts.total);
            }
            "continuationToken" | "ContinuationToken" => {
                match serde_json::from_str::<Option<String>>(text) {
                    Ok(token) => self.facts.next_token = token.and_then(plain),
                    Err(_) => self.misfits(format!("`{key}` that is no text")),
                }
            }
            "@odata.nextLink" => match serde_json::from_str::<Option<String>>(text) {
                Ok(uri) => self.facts.next_uri = uri.and_then(plain),
                Err(_) => self.misfits(format!("`{key}` that is no text")),
            },
            "links" | "Links" => match serde_json::from_str::<Option<Links>>(text) {
                Ok(links) => self.links(links.unwrap_or_default()),
                Err(_) => self.misfits(format!("`{key}` that cannot be read")),
            },
            "code" => self.has_code = true,
            "description" => self.has_description = true,
            _ if is_list_of_objects(text) => self.collections.push(key),
            _ if text.starts_with('{') => self.objects.push((key, value)),
            _ => {}
        }
    }

    fn links(&mut self, links: Links) {
        self.facts.own_uri = links.own.and_then(|own| own.uri).and_then(plain);
        let Some(next) = links.next else { return };
        self.header_token = next
            .headers
            .into_iter()
            .find(|header| header.key.eq_ignore_ascii_case("MS-ContinuationToken"))
            .and_then(|header| plain(header.value));
        self.facts.next_uri = next.uri.and_then(plain).or(self.facts.next_uri.take());
    }

    fn misfits(&mut self, found: String) {
        self.misfit.get_or_insert(found);
    }

    /// Description of what makes it unclear where the items are; `None` if it is clear.
    fn unclear(&self) -> Option<String> {
        if self.misfit.is_some() {
            return self.misfit.clone();
        }
        let Some(first) = self.collections.iter().find(|key| is_items(key)) else {
            // An object with lists of its own is a row, unless the collection is one level deeper.
            return self.objects.iter().find_map(|(key, value)| {
                let inner = inner_collection(value.get())?;
                Some(format!("`{inner}` within `{key}`"))
            });
        };
        let [one, two, ..] = self.collections.as_slice() else {
            return None;
        };
        Some(if one == two {
            format!("`{first}` twice")
        } else {
            format!("two collections, `{one}` and `{two}`")
        })
    }

    fn page(self) -> Page<'a> {
        let mut facts = self.facts;
        facts.items = self.items.as_ref().map_or(1, |items| items.len() as u64);
        facts.next_token = facts.next_token.or(self.header_token);
        Page {
            // `code` and `description` beside items would be members of a collection.
            has_error: self.items.is_none() && self.has_code && self.has_description,
            items: self.items,
            facts,
        }
    }
}

/// A text without white space around it. A blank one is how some answers say that there is none.
fn plain(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// True for an array that begins with an object.
fn is_list_of_objects(text: &str) -> bool {
    text.strip_prefix('[')
        .is_some_and(|inner| inner.trim_start().starts_with('{'))
}

/// Name of the collection in an object; `None` if it has none.
fn inner_collection(text: &str) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    members
        .into_iter()
        .find(|(key, value)| is_items(key) && is_list_of_objects(value.get()))
        .map(|(key, _)| key)
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(rename = "self", alias = "Self")]
    own: Option<Link>,
    #[serde(alias = "Next")]
    next: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(alias = "Uri")]
    uri: Option<String>,
    #[serde(alias = "Headers", default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Value")]
    value: String,
}

/// Reads the facts of a page, BOMs before it ignored.
///
/// # Errors
/// A description of what the body is instead: an HTML page, JSON that does not parse, an error
/// answer, a page whose items are not certain.
pub fn page_facts(body: &[u8]) -> Result<PageFacts, String> {
    let page = read(without_boms(body)).map_err(|fault| {
        // A proxy's or a sign-in page, which comes with a good status.
        let is_html = body.trim_ascii_start().starts_with(b"<");
        match fault {
            PageFault::Json(_) if is_html => "an HTML page".to_owned(),
            PageFault::Json(error) => format!("JSON that does not parse: {error}"),
            PageFault::Unclear(found) => format!("a page with {found}"),
        }
    })?;
    if page.has_error {
        return Err("an error answer with a good status".to_owned());
    }
    Ok(page.facts)
}

/// True if two pages hold equal items, whatever their links and tokens. A page without items equals
/// none.
#[must_use]
pub fn same_items(left: &[u8], right: &[u8]) -> bool {
    // As text, so that `1.10` and `1.1` differ: equal values in other words are another answer.
    let items = |body| -> Option<Vec<String>> {
        let page = read(without_boms(body)).ok()?;
        Some(
            page.items?
                .into_iter()
                .map(|item| item.get().to_owned())
                .collect(),
        )
    };
    items(left).is_some_and(|items_left| Some(items_left) == items(right))
}

/// The body without the byte-order marks that some services put before it, one or several
/// ([endpoints §3](crate::model::domain::endpoints)).
#[must_use]
pub fn without_boms(mut body: &[u8]) -> &[u8] {
    while let Some(rest) = body.strip_prefix(b"\xEF\xBB\xBF") {
        body = rest;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_compared_by_their_items() {
        let page = |items: &str, token: &str| {
            format!("{{\"continuationToken\":\"{token}\",\"items\":[{items}]}}")
        };
        assert!(same_items(
            page("{\"a\":1.10}", "x").as_bytes(),
            page("{\"a\":1.10}", "y").as_bytes()
        ));
        assert!(!same_items(
            page("{\"a\":1.10}", "x").as_bytes(),
            page("{\"a\":1.1}", "x").as_bytes()
        ));
        assert!(!same_items(b"{}", b"{}"));
    }

    #[test]
    fn a_page_says_where_the_next_one_is() {
        let body = "\u{feff}{\"totalCount\":2,\"items\":[{\"a\":1},{}],\
                    \"links\":{\"self\":{\"uri\":\"/x\"},\
                    \"next\":{\"uri\":\"/x?size=2?seekOperation=Next\",\
                    \"method\":\"GET\",\
                    \"headers\":[{\"key\":\"ms-continuationtoken\",\"value\":\"a,/+=\"}]}},\
                    \"attributes\":{}}";
        let facts = page_facts(body.as_bytes()).expect("a page");
        assert_eq!(
            (facts.items, facts.next_token.as_deref()),
            (2, Some("a,/+="))
        );
        assert_eq!(
            page_facts(b"{\"items\":[],\"continuationToken\":\" \"}").expect("a page"),
            PageFacts::default()
        );
        assert_eq!(page_facts(b"{\"id\":\"x\"}").expect("an object").items, 1);
        for bad in [
            "",
            "{\"items\":[",
            "<html>",
            "[1]x",
            "{\"code\":\"1\",\"description\":\"d\"}",
        ] {
            assert!(page_facts(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
