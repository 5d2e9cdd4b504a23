//! Facts of a Partner Center page: how many items it has, and where the next page is.
//!
//! Read from the bytes as received, without looking into the items: fetching must know whether a
//! page is whole and whether another follows ([endpoints §6](crate::model::domain::endpoints)),
//! while what the items mean is the decoders' part. Both layers use this file, and neither may name
//! the other.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Paging facts of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// Number of items in the page; 1 for a single object.
    pub items: u64,
    /// `continuationToken`, or the token among the headers of `links.next`.
    pub next_token: Option<String>,
    /// `links.next.uri`, which is malformed in published answers: only its host is of use.
    pub next_uri: Option<String>,
}

#[derive(Deserialize)]
struct Page<'a> {
    // Both cases of a key occur (model::domain::quirks, JSON of the API 5); `value` is OData's name
    // for the items. `RawValue` finds where an item ends without decoding it.
    #[serde(borrow, alias = "Items", alias = "value")]
    items: Option<Vec<&'a RawValue>>,
    #[serde(borrow, rename = "continuationToken", alias = "ContinuationToken")]
    token: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "Links")]
    links: Option<Links<'a>>,
    /// Code of an error answer, a text or a number; `description` stands beside it.
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Links<'a> {
    #[serde(borrow, alias = "Next")]
    next: Option<Link<'a>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    headers: Vec<Header<'a>>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// Reads the facts of a page, BOMs before it ignored.
///
/// # Errors
/// A description of what the body is instead: an HTML page, JSON that does not parse, an error
/// answer.
pub fn page_facts(body: &[u8]) -> Result<PageFacts, String> {
    let page: Page<'_> = serde_json::from_slice(without_boms(body)).map_err(|error| {
        // A proxy's or a sign-in page, which comes with a good status.
        let is_html = body.trim_ascii_start().starts_with(b"<");
        if is_html {
            "an HTML page".to_owned()
        } else {
            format!("JSON that does not parse: {error}")
        }
    })?;
    // `code` and `description` beside items would be members of a collection, not an error.
    if page.items.is_none() && page.code.is_some() && page.description.is_some() {
        return Err("an error answer with a good status".to_owned());
    }
    let next = page.links.and_then(|links| links.next);
    // A blank token is how some answers say that there is no next page.
    let plain = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let of_link = next.as_ref().and_then(|next| {
        next.headers
            .iter()
            .find(|header| header.key.eq_ignore_ascii_case("MS-ContinuationToken"))
    });
    Ok(PageFacts {
        items: page.items.map_or(1, |items| items.len() as u64),
        next_token: page
            .token
            .as_deref()
            .and_then(plain)
            .or_else(|| of_link.and_then(|header| plain(&header.value))),
        next_uri: next.and_then(|next| next.uri).as_deref().and_then(plain),
    })
}

/// True if two pages hold equal items, whatever their links and tokens. A page without items equals
/// none.
#[must_use]
pub fn same_items(left: &[u8], right: &[u8]) -> bool {
    // As text, so that `1.10` and `1.1` differ: equal values in other words are another answer.
    let items = |body| -> Option<Vec<String>> {
        let page: Page<'_> = serde_json::from_slice(without_boms(body)).ok()?;
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
