//! Walk through the pages of a list: where the next page is, and what was seen before it
//! ([endpoints §6](crate::model::domain::endpoints)).

use std::collections::HashSet;

use reqwest::Url;
use serde::Deserialize;

use super::endpoints::{Endpoint, Paging};
use crate::model::page::{self, PageFacts, without_boms};
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;
use crate::sources::landing::journal::Part;

/// Names that a continuation token has in the query of a link.
const TOKEN_NAMES: [&str; 2] = ["ms-continuationtoken", "continuationtoken"];

/// Place of the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Continuation token, to be sent in a header.
    Token(String),
    /// Number of items before the page.
    Offset(u64),
    /// Address of the page, on Partner Center's own origin: the page named no token.
    Uri(Url),
}

/// Position in a list, and everything seen of it before.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Number of the last page, from 1.
    pub(super) number: u32,
    /// Place of the next page.
    pub(super) next: Option<Next>,
    /// Hashes of the ids of all items that have one.
    ids: HashSet<blake3::Hash>,
    /// Hashes of the items of each page together.
    pages: HashSet<blake3::Hash>,
    /// Each place that was gone to, by which a circle is noticed.
    places: HashSet<String>,
}

/// What a page repeats of the pages before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repeats {
    /// True if an earlier page had the same items.
    pub(super) page: bool,
    /// True if each of its items has an id that was there before.
    pub(super) ids: bool,
}

/// An item of a list that has ids.
#[derive(Deserialize)]
struct WithId {
    id: String,
}

impl Walk {
    /// Offset of the current page, in a list by offset.
    pub(super) fn offset(&self) -> u64 {
        match self.next {
            Some(Next::Offset(offset)) => offset,
            _ => 0,
        }
    }

    /// True if a page of the list comes before the current one.
    pub(super) fn follows(&self) -> bool {
        self.number > 1
    }

    /// Notes the items of a page, and says what they repeat. A page without items repeats nothing.
    pub(super) fn see(&mut self, body: &[u8]) -> Repeats {
        let Ok(page) = page::read(without_boms(body)) else {
            return Repeats::default();
        };
        let items = page.items.unwrap_or_default();
        if items.is_empty() {
            return Repeats::default();
        }
        // By their items, never by their bytes: a page may name the time or its request.
        let mut hasher = blake3::Hasher::new();
        let mut brings_new = false;
        for item in items {
            hasher.update(item.get().as_bytes()).update(b"\n");
            match serde_json::from_str(item.get()) {
                Ok(WithId { id }) => {
                    let id = blake3::hash(id.to_ascii_lowercase().as_bytes());
                    brings_new |= self.ids.insert(id);
                }
                // Two items without an id may be equal by right.
                Err(_) => brings_new = true,
            }
        }
        let is_page = !self.pages.insert(hasher.finalize());
        Repeats {
            page: is_page,
            ids: !brings_new,
        }
    }

    /// Notes a place that is gone to next; false if it was gone to before.
    pub(super) fn leads_on(&mut self, next: &Next) -> bool {
        self.places.insert(match next {
            Next::Token(token) => format!("token {token}"),
            Next::Offset(offset) => format!("offset {offset}"),
            Next::Uri(url) => format!("uri {url}"),
        })
    }
}

impl Next {
    /// Place of the page after one with these facts, which begins at `offset`; `None` if it is the
    /// last one.
    ///
    /// # Errors
    /// [`FetchError::Security`] for a link to another origin than `base`.
    pub(super) fn of(
        endpoint: &Endpoint,
        facts: &PageFacts,
        offset: u64,
        base: &Url,
    ) -> Result<Option<Self>, FetchError> {
        // Also where the link is not followed: one to another host shows that something is wrong.
        let link = match &facts.next_uri {
            Some(uri) => Some(followed(base, uri)?),
            None => None,
        };
        Ok(match endpoint.paging {
            Paging::File | Paging::Sheet { .. } => None,
            Paging::Offset => offset_of(endpoint, facts, offset, link.as_ref()).map(Self::Offset),
            Paging::Seek { .. } | Paging::None => match (&facts.next_token, link) {
                (Some(token), _) => Some(Self::Token(token.clone())),
                (None, Some(url)) => Some(match token_in(&url) {
                    Some(token) => Self::Token(token),
                    None => Self::Uri(url),
                }),
                (None, None) => None,
            },
        })
    }

    /// Place of the page after a stored one.
    pub(super) fn stored(paging: Paging, part: &Part) -> Option<Self> {
        if let Some(uri) = &part.next_uri {
            return Url::parse(uri).ok().map(Self::Uri);
        }
        let next = part.next.clone()?;
        match paging {
            Paging::Offset => next.parse().ok().map(Self::Offset),
            _ => Some(Self::Token(next)),
        }
    }

    /// The place as a stored page keeps it, if it is a token or an offset.
    pub(super) fn token(&self) -> Option<String> {
        match self {
            Self::Token(token) => Some(token.clone()),
            Self::Offset(offset) => Some(offset.to_string()),
            Self::Uri(_) => None,
        }
    }

    /// The place as a stored page keeps it, if it is an address.
    pub(super) fn uri(&self) -> Option<String> {
        match self {
            Self::Uri(url) => Some(url.to_string()),
            Self::Token(_) | Self::Offset(_) => None,
        }
    }
}

/// Offset of the next page: that of the link, else behind the items so far, if the page is full or
/// says that there are more.
fn offset_of(
    endpoint: &Endpoint,
    facts: &PageFacts,
    offset: u64,
    link: Option<&Url>,
) -> Option<u64> {
    if facts.items == 0 {
        return None;
    }
    // Of invoices the service counts legacy ones only, and sends modern ones with every page: a page
    // may hold more than was asked for, and the next one still begins behind `page_size`. Their ids
    // tell what comes again; lines have none, and are counted as they came.
    let counted = if endpoint.proves_by_items {
        facts.items.min(u64::from(endpoint.page_size))
    } else {
        facts.items
    };
    let behind = offset + counted;
    if let Some(link) = link {
        let named = parameter(link, &["offset"]).and_then(|text| text.parse().ok());
        return Some(named.unwrap_or(behind));
    }
    // A full page may be the last one: the next will tell, if it brings nothing new.
    let is_full = facts.items >= u64::from(endpoint.page_size);
    let has_more = facts.total.is_some_and(|total| total > behind);
    (is_full || has_more).then_some(behind)
}

/// The address of a link on `base`'s origin. Links are written with or without `/v1`, with or
/// without a slash before it, and with a second question mark in place of an ampersand.
fn followed(base: &Url, link: &str) -> Result<Url, FetchError> {
    let what = "The next link of a page";
    let mut parts = link.trim().splitn(2, '?');
    let path = parts.next().unwrap_or("");
    let query = parts.next().map(|query| query.replace('?', "&"));
    // Whatever names a host is judged as it stands.
    let is_relative = !path.contains(':') && !path.starts_with("//") && !path.contains('\\');
    let path = if is_relative {
        let path = path.trim_start_matches('/');
        let is_of_version = path.to_ascii_lowercase().starts_with("v1/");
        format!("/{}{path}", if is_of_version { "" } else { "v1/" })
    } else {
        path.to_owned()
    };
    let mut url = origin::same_origin(base, &path, what)?;
    url.set_query(query.as_deref());
    Ok(url)
}

/// The continuation token in the query of a link.
fn token_in(link: &Url) -> Option<String> {
    parameter(link, &TOKEN_NAMES).filter(|token| !token.trim().is_empty())
}

/// Value of the first parameter that has one of these names, in any case.
fn parameter(link: &Url, names: &[&str]) -> Option<String> {
    let is_named = |name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    link.query_pairs()
        .find(|(name, _)| is_named(name))
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::{CUSTOMERS, INVOICES};
    use super::*;

    fn base() -> Url {
        Url::parse("https://api.example").expect("a constant")
    }

    fn facts(body: &str) -> PageFacts {
        page::page_facts(body.as_bytes()).expect("a page")
    }

    #[test]
    fn a_link_without_a_token_is_followed() {
        let next = |uri: &str| {
            let body =
                format!(r#"{{"items":[{{"id":"a"}}],"links":{{"next":{{"uri":"{uri}"}}}}}}"#);
            Next::of(&CUSTOMERS, &facts(&body), 0, &base())
        };
        let uri = |text: &str| Some(Next::Uri(Url::parse(text).expect("a constant")));
        for (link, wanted) in [
            (
                "/customers?size=2&page=x",
                uri("https://api.example/v1/customers?size=2&page=x"),
            ),
            (
                "v1/customers?a=1?b=2",
                uri("https://api.example/v1/customers?a=1&b=2"),
            ),
            ("https://api.example/v1/x", uri("https://api.example/v1/x")),
            (
                "/v1/c?MS-ContinuationToken=q%2F",
                Some(Next::Token("q/".to_owned())),
            ),
        ] {
            assert_eq!(next(link).expect("the same origin"), wanted, "{link}");
        }
        for bad in [
            "https://evil.example/v1/x",
            "//evil.example/x",
            "http://api.example/v1/x",
        ] {
            assert!(next(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_by_offset_ends_where_nothing_new_comes() {
        let page = |ids: std::ops::Range<u32>, rest: &str| {
            let items: Vec<String> = ids.map(|id| format!(r#"{{"id":"G{id}"}}"#)).collect();
            format!(r#"{{"items":[{}]{rest}}}"#, items.join(","))
        };
        let next = |body: &str, offset| Next::of(&INVOICES, &facts(body), offset, &base());
        // All at once: more than a page, and a page that comes again.
        let all = next(&page(0..230, ""), 0).expect("no link");
        assert_eq!(all, Some(Next::Offset(200)));
        let full = page(0..200, "");
        assert_eq!(next(&full, 0).expect("no link"), Some(Next::Offset(200)));
        let mut walk = Walk::default();
        assert_eq!(walk.see(full.as_bytes()), Repeats::default());
        assert!(walk.see(page(0..200, r#","time":"later""#).as_bytes()).page);
        // The list has changed meanwhile: one invoice moved to the next page.
        let moved = walk.see(page(199..200, "").as_bytes());
        assert_eq!((moved.page, moved.ids), (false, true));
        // The link's own offset, and a promise of more.
        let link = r#","links":{"next":{"uri":"/invoices?size=20&offset=20"}}"#;
        assert_eq!(
            next(&page(0..20, link), 0).expect("same"),
            Some(Next::Offset(20))
        );
        let more = r#","totalCount":50"#;
        assert_eq!(
            next(&page(0..20, more), 0).expect("none"),
            Some(Next::Offset(20))
        );
        assert_eq!(next(&page(20..50, more), 20).expect("none"), None);
        // Lines have no ids, and two of them may be equal.
        let lines = br#"{"items":[{"a":1},{"a":1}]}"#;
        assert_eq!([walk.see(lines).page, walk.see(lines).page], [false, true]);
        assert_eq!(walk.see(br#"{"items":[{"a":1}]}"#), Repeats::default());
    }
}
