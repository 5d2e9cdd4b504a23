//! Blob storage: the blobs of a manifest's directory, to whoever has its signature (SAS), whole or
//! by range.

use super::super::message::{Answer, Body, Request};
use super::books::Partner;
use super::pace;
use super::refusals;

/// Version of storage in the published signature.
const VERSION: &str = "2021-08-06";

/// A signature for a directory, from now on for as long as the settings say.
pub(super) fn signature(partner: &Partner, root: &str) -> String {
    let now = pace::now();
    let escape = |time: i64| pace::instant(time).replace(':', "%3A");
    let (start, end) = (now, now + partner.settings.sas_seconds as i64);
    format!(
        "skoid={}&sktid={}&skt={}&ske={}&sks=b&skv={VERSION}&sv={VERSION}&se={}&sr=d&sp=rl&sdd=7&\
         sig={}%3D",
        partner.chance.guid(&["skoid"]),
        partner.id,
        escape(start),
        escape(end),
        escape(end),
        proof(partner, root, &pace::instant(end))
    )
}

fn proof(partner: &Partner, root: &str, end: &str) -> String {
    partner.chance.letters(25, &["signature", root, end])
}

/// Answers a request for a blob; `found` is its entity tag and bytes, if there is one.
pub(super) fn answer(
    partner: &Partner,
    request: &Request,
    found: Option<(String, Vec<u8>)>,
) -> Answer {
    if request.method != "GET" {
        return refusals::blob(
            405,
            "UnsupportedHttpVerb",
            "The resource doesn't support it.",
        );
    }
    if request.header("authorization").is_some() {
        let message = "Only one authentication scheme can be used.";
        return refusals::blob(403, "AuthenticationFailed", message);
    }
    if let Some(refusal) = unsigned(partner, request) {
        return refusal;
    }
    let Some((etag, bytes)) = found else {
        return refusals::blob(404, "BlobNotFound", "The specified blob does not exist.");
    };
    let tag = format!("\"{etag}\"");
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != "*" && wanted != tag)
    {
        return refusals::blob(412, "ConditionNotMet", "The condition is not met.");
    }
    let is_same = request
        .header("if-range")
        .is_none_or(|wanted| wanted == tag);
    let range = request
        .header("x-ms-range")
        .or_else(|| request.header("range"));
    let total = bytes.len();
    let (status, bytes, place) = match range.filter(|_| is_same) {
        None => (200, bytes, None),
        Some(range) => match span(range, total) {
            None => return refusals::blob(416, "InvalidRange", "The range is invalid."),
            Some((first, last)) => {
                let place = format!("bytes {first}-{last}/{total}");
                (206, bytes[first..=last].to_vec(), Some(place))
            }
        },
    };
    let answer = Answer {
        status,
        headers: vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
            ("ETag", tag),
            ("x-ms-blob-type", "BlockBlob".to_owned()),
        ],
        body: Body::Bytes(bytes),
    };
    match place {
        None => answer,
        Some(place) => answer.with("Content-Range", place),
    }
}

/// First and last byte of a range in `total` bytes; `None` for one that is not in there.
fn span(range: &str, total: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = total.checked_sub(1)?;
    if first.is_empty() {
        let length: usize = last.parse().ok()?;
        return (length > 0).then(|| (total.saturating_sub(length), end));
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() {
        end
    } else {
        last.parse().ok()?
    };
    (first <= end && first <= last).then_some((first, last.min(end)))
}

/// The refusal of a request whose signature is missing, wrong or has expired.
fn unsigned(partner: &Partner, request: &Request) -> Option<Answer> {
    let root = request.path.rsplit_once('/').map_or("", |(root, _)| root);
    let end = request.text("se");
    let given = request.text("sig").trim_end_matches('=');
    if end.is_empty() || given != proof(partner, root, end) {
        let message = "Server failed to authenticate the request. Make sure the value of \
                       Authorization header is formed correctly including the signature.";
        return Some(refusals::blob(403, "AuthenticationFailed", message));
    }
    // Both texts have one form, in which a later instant is a greater text.
    (end <= pace::instant(pace::now()).as_str()).then(|| {
        let message = "Server failed to authenticate the request. Signature not valid in the \
                       specified time frame.";
        refusals::blob(403, "AuthenticationFailed", message)
    })
}
