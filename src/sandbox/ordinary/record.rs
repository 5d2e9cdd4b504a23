//! A record of all requests and their answers, one JSON object a line, to be held against
//! Microsoft's pages by a reviewer. It has no secret: no token, no signature, no body.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::super::message::{Answer, Request};
use super::json::{Json, count, object, text};
use super::pace;

/// Headers whose values are secret.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Record of the requests, where the settings ask for one.
#[derive(Debug)]
pub(super) struct Record {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: Option<File>,
    /// Request ids that were answered: they must not come again.
    answered: HashSet<String>,
    /// Paths for which each correlation id was used first.
    correlated: HashMap<String, String>,
}

impl Record {
    /// A record in a new file, or nowhere.
    pub(super) fn create(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(File::create).transpose()?;
        Ok(Self {
            inner: Mutex::new(Inner {
                file,
                answered: HashSet::new(),
                correlated: HashMap::new(),
            }),
        })
    }

    /// Writes down a request to a service with its answer; `None` if it is never answered. A
    /// record that cannot be written is the reviewer's loss, not the client's.
    pub(super) fn note(&self, service: &str, request: &Request, answer: Option<&Answer>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let remarks = remarks(&mut inner, request, answer);
        let Some(file) = &mut inner.file else {
            return;
        };
        let query = request.query.iter().map(|(name, value)| {
            let shown = if service == "blob" { "REDACTED" } else { value };
            (name.clone(), text(shown))
        });
        let asked = request.headers.iter().map(|(name, value)| {
            let is_secret = SECRET.contains(&name.as_str());
            (
                name.clone(),
                text(if is_secret { "REDACTED" } else { value }),
            )
        });
        let status = answer.map_or(Json::Null, |answer| count(answer.status));
        let headers = answer.map_or(Vec::new(), |answer| {
            let headers = answer.headers.iter();
            headers
                .map(|(name, value)| ((*name).to_owned(), text(value)))
                .collect()
        });
        let bytes = answer.map_or(0, |answer| answer.body.length());
        let line = object([
            ("at", text(pace::instant(pace::now()))),
            ("service", text(service)),
            ("method", text(&request.method)),
            ("host", request.header("host").map_or(Json::Null, text)),
            ("path", text(&request.path)),
            ("query", Json::Object(query.collect())),
            ("headers", Json::Object(asked.collect())),
            ("status", status),
            ("answer_headers", Json::Object(headers)),
            ("answer_bytes", count(bytes)),
            ("remarks", Json::List(remarks)),
        ]);
        drop(writeln!(file, "{line}"));
    }
}

/// What a reviewer should look at: rules of the pages that no answer enforces.
fn remarks(inner: &mut Inner, request: &Request, answer: Option<&Answer>) -> Vec<Json> {
    let mut remarks = Vec::new();
    if let Some(id) = request.header("ms-requestid") {
        if inner.answered.contains(id) {
            remarks.push(text("MS-RequestId was answered before: a new one is due"));
        }
        if answer.is_some() {
            inner.answered.insert(id.to_owned());
        }
    }
    if let Some(id) = request.header("ms-correlationid") {
        let first = inner.correlated.entry(id.to_owned());
        if *first.or_insert_with(|| request.path.clone()) != request.path {
            remarks.push(text(
                "MS-CorrelationId was used for another path: each call has its own",
            ));
        }
    }
    let is_public = request.path.starts_with("/v1/");
    if is_public && request.header("ms-contract-version").is_none() {
        remarks.push(text(
            "MS-Contract-Version is missing, which the page of headers requires",
        ));
    }
    remarks
}
