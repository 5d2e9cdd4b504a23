//! Collections and their pages: seek paging with a continuation token (endpoints §6), and plain
//! collections.

use super::super::message::{Answer, Request};
use super::books::Partner;
use super::json::{Json, count, object, text};
use super::refusals;
use super::spelled::object_type;

/// A list that is paged by seeking.
#[derive(Debug)]
pub(super) struct SeekList<'a> {
    /// Path and query of the first page, as links have them: without `/v1`.
    pub(super) uri: String,
    /// What a token belongs to: the path, and what else must stay the same.
    pub(super) identity: String,
    /// Text that the token carries, so that a further page needs no other parameter.
    pub(super) memo: String,
    /// Items of all pages.
    pub(super) items: Vec<Json>,
    /// Items on a page, unless fewer are asked for.
    pub(super) most: usize,
    /// Name of the parameter that asks for the next page.
    pub(super) operation: &'a str,
}

/// A link that is followed with GET.
pub(super) fn link(uri: &str, headers: Vec<Json>) -> Json {
    object([
        ("uri", text(uri)),
        ("method", text("GET")),
        ("headers", Json::List(headers)),
    ])
}

/// A collection on one page, with the number of its items and a link to itself.
pub(super) fn collection(uri: &str, items: Vec<Json>) -> Answer {
    let body = object([
        ("totalCount", count(items.len())),
        ("items", Json::List(items)),
        ("links", object([("self", link(uri, Vec::new()))])),
        ("attributes", object_type("Collection")),
    ]);
    Answer::json(200, body.to_string())
}

/// The page of a list that a request asks for.
pub(super) fn seek(partner: &Partner, request: &Request, list: SeekList<'_>) -> Answer {
    let size = request.number("size", list.most);
    if size == 0
        || (request.parameter("size").is_some() && request.text("size").parse::<usize>().is_err())
    {
        return refusals::invalid("size must be a positive number");
    }
    let size = size.min(list.most);
    let of_list = partner.chance.guid(&["list", &list.identity]);
    let start = match request.parameter(list.operation) {
        None => 0,
        Some(word) if word.eq_ignore_ascii_case("next") => {
            match token(request).and_then(|token| place(token, &of_list)) {
                Some(start) => start,
                None => return refusals::invalid("MS-ContinuationToken is missing or unknown"),
            }
        }
        Some(_) => return refusals::invalid("the seek operation is unknown"),
    };
    let end = (start + size).min(list.items.len());
    let items = list.items[start.min(end)..end].to_vec();
    let next = (end < list.items.len()).then(|| format!("{of_list},{end}/{}+a4ayc=", list.memo));
    let own = link(&list.uri, Vec::new());
    let mut body = Json::Object(Vec::new());
    let links = match &next {
        None => object([("self", own)]),
        Some(token) => {
            if !partner.has("link-only") {
                body = body.with("continuationToken", text(token));
            }
            object([("self", own), ("next", next_link(partner, &list, token))])
        }
    };
    body = body
        .with("totalCount", count(items.len()))
        .with("items", Json::List(items))
        .with("links", links)
        .with("attributes", object_type("Collection"));
    Answer::json(200, body.to_string())
}

fn next_link(partner: &Partner, list: &SeekList<'_>, token: &str) -> Json {
    let joint = match partner.has("malformed-links") || !list.uri.contains('?') {
        true => '?',
        false => '&',
    };
    let uri = format!("{}{joint}{}=Next", list.uri, list.operation);
    if partner.has("link-only") {
        let encoded =
            percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC);
        return link(&format!("{uri}&continuationToken={encoded}"), Vec::new());
    }
    let header = object([
        ("key", text("MS-ContinuationToken")),
        ("value", text(token)),
    ]);
    link(&uri, vec![header])
}

/// The token of a request: in the header, or in the query where the link is all there is.
fn token(request: &Request) -> Option<&str> {
    let header = request.header("ms-continuationtoken");
    header.or_else(|| request.parameter("continuationToken"))
}

/// The text that the token of a request carries; empty where there is none.
pub(super) fn memo(request: &Request) -> String {
    let carried = token(request).and_then(|token| token.split_once('/'));
    carried.map_or(String::new(), |(_, memo)| memo.replace("+a4ayc=", ""))
}

/// Where the page of a token begins; `None` for a token of another list.
fn place(token: &str, of_list: &str) -> Option<usize> {
    let rest = token.strip_prefix(of_list)?.strip_prefix(',')?;
    let (start, _) = rest.split_once('/')?;
    start.parse().ok()
}
