//! Lists of Partner Center: pages by continuation token and by offset, and the faults of paging.

use std::path::Path;

use serde_json::value::RawValue;

use super::faults::{Drawn, Fault};
use super::message::{Answer, Request};
use super::tenant::{Tenant, error};

/// Largest page, which is the default as well.
const PAGE_ROWS: usize = 2_000;
/// Largest page of utilization (`model::domain::endpoints` §5, row 6).
const UTILIZATION_ROWS: usize = 1_000;

/// A page by `size` and `offset`; a request without a size gets `default` rows.
pub(super) fn by_offset(
    path: &str,
    request: &Request,
    items: &[&RawValue],
    default: usize,
    most: usize,
) -> Answer {
    let size = request.number("size", default).min(most).max(1);
    let offset = request.number("offset", 0);
    let page: Vec<&str> = items
        .iter()
        .skip(offset)
        .take(size)
        .map(|item| item.get())
        .collect();
    let end = offset + page.len();
    let next = if end < items.len() {
        format!(
            r#","next":{{"uri":"{path}?size={size}&offset={end}","method":"GET","headers":[]}}"#
        )
    } else {
        String::new()
    };
    // Links are relative, and without `/v1`, as in most published samples.
    let links = format!(
        r#""links":{{"self":{{"uri":"{path}?size={size}&offset={offset}","method":"GET","headers":[]}}{next}}}"#
    );
    Answer::json(
        200,
        format!(
            r#"{{"totalCount":{},"items":[{}],{links},"attributes":{{"objectType":"Collection"}}}}"#,
            page.len(),
            page.join(",")
        ),
    )
}

/// A page of legacy lines, by `size` and `offset`.
pub(super) fn legacy(request: &Request, items: &[Box<RawValue>]) -> Answer {
    let items: Vec<&RawValue> = items.iter().map(AsRef::as_ref).collect();
    by_offset(&request.path, request, &items, PAGE_ROWS, PAGE_ROWS)
}

/// A page as `synth` wrote it into `folder`, by continuation token.
pub(super) fn stored(
    tenant: &Tenant,
    request: &Request,
    folder: &Path,
    drawn: &mut Drawn,
) -> Answer {
    let page = |number: usize| std::fs::read(folder.join(format!("page-{number:05}.json"))).ok();
    by_token(tenant, request, page, drawn)
}

/// A page made of items, by continuation token.
pub(super) fn collection(
    tenant: &Tenant,
    request: &Request,
    items: &[Box<RawValue>],
    drawn: &mut Drawn,
) -> Answer {
    let limit = if request.path.contains("/utilizations/") {
        UTILIZATION_ROWS
    } else {
        PAGE_ROWS
    };
    // A larger size is cut down to the limit without an error.
    let size = request.number("size", limit).clamp(1, limit);
    let path = request.path.trim_start_matches("/v1");
    let page = |number: usize| {
        let start = (number - 1) * size;
        // An empty list has one page, which is empty.
        if start > 0 && start >= items.len() {
            return None;
        }
        let page: Vec<&str> = items
            .iter()
            .skip(start)
            .take(size)
            .map(|item| item.get())
            .collect();
        let (head, next) = if start + page.len() < items.len() {
            let token = token_after(number);
            (
                format!(r#""continuationToken":"{token}","#),
                // The malformed link of Microsoft's published samples.
                format!(
                    r#","next":{{"uri":"{path}?size={size}?seekOperation=Next","method":"GET","headers":[{{"key":"MS-ContinuationToken","value":"{token}"}}]}}"#
                ),
            )
        } else {
            (String::new(), String::new())
        };
        let body = format!(
            r#"{{{head}"totalCount":{},"items":[{}],"links":{{"self":{{"uri":"{path}?size={size}","method":"GET","headers":[]}}{next}}},"attributes":{{"objectType":"Collection"}}}}"#,
            page.len(),
            page.join(",")
        );
        Some(body.into_bytes())
    };
    by_token(tenant, request, page, drawn)
}

/// The continuation token to the page after `number`, with characters that need care in a header.
fn token_after(number: usize) -> String {
    format!("sandbox,{number:08}/a4ayc+80=")
}

/// The digits of the page number in a token; empty if it is not a token of ours.
pub(super) fn digits_in(token: &str) -> &str {
    match token.rsplit_once(',') {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(digits, _)| digits),
        None => "",
    }
}

/// The number of the page that a request asks for, from 1; `None` for a token that was not issued.
fn page_of(request: &Request) -> Option<usize> {
    match request.header("ms-continuationtoken") {
        None => Some(1),
        Some(token) => Some(digits_in(token).parse::<usize>().ok()? + 1),
    }
}

/// The page that a request asks for, or what a fault of paging makes of it.
fn by_token(
    tenant: &Tenant,
    request: &Request,
    page: impl Fn(usize) -> Option<Vec<u8>>,
    drawn: &mut Drawn,
) -> Answer {
    let found = page_of(request).and_then(|number| Some((number, page(number)?)));
    let Some((number, whole)) = found else {
        return error(400, "2002", "The continuation token is not known.");
    };
    let follows = number > 1;
    let distorted = match drawn.fault() {
        Some(Fault::TokenExpired) if follows => {
            drawn.serve();
            return error(400, "2003", "The continuation token has expired.");
        }
        Some(Fault::PageRepeated) if follows => page(number - 1),
        Some(Fault::PageEmpty) if follows => Some(empty_page(number)),
        Some(Fault::PageCycle) if follows => cycle(&whole, number),
        // The one fault of paging that the first page can have.
        Some(Fault::ForeignNext) => foreign_next(&whole, tenant.settings.foreign()),
        _ => None,
    };
    match distorted {
        Some(distorted) => {
            drawn.serve();
            Answer::json(200, distorted)
        }
        None => Answer::json(200, whole),
    }
}

/// A page without items, but with the token that led to it.
fn empty_page(number: usize) -> Vec<u8> {
    let token = token_after(number - 1);
    format!(r#"{{"continuationToken":"{token}","totalCount":0,"items":[],"links":{{}}}}"#)
        .into_bytes()
}

/// The page with a token that leads to the page itself.
fn cycle(page: &[u8], number: usize) -> Option<Vec<u8>> {
    let (own, previous) = (format!(",{number:08}/"), format!(",{:08}/", number - 1));
    replaced(page, &own, &previous).or_else(|| {
        // The last page has no token that could be replaced.
        let token = token_after(number - 1);
        let with_token = format!("\"continuationToken\":\"{token}\",\"totalCount\"");
        replaced(page, "\"totalCount\"", &with_token)
    })
}

/// The page with its next link on another host; `None` if it has no next link.
fn foreign_next(page: &[u8], host: &str) -> Option<Vec<u8>> {
    replaced(
        page,
        r#""next":{"uri":"/"#,
        &format!(r#""next":{{"uri":"{host}/v1/"#),
    )
}

/// The text with `to` in place of `from`; `None` if `from` does not occur.
fn replaced(body: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    text.contains(from)
        .then(|| text.replace(from, to).into_bytes())
}
