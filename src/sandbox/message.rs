//! Requests and responses of the sandbox, before they are bytes and after.

use std::path::PathBuf;

/// A request. Header names are in lower case.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path, percent-decoded, without the query.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of a header, whose name is given in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter; upper and lower case of the name do not matter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        // Samples spell names in several cases, such as `currencycode` and `currencyCode`.
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter; empty if it is not given. No key and no choice is empty, so
    /// that a missing parameter is answered like a wrong one.
    pub(super) fn text(&self, name: &str) -> &str {
        self.parameter(name).unwrap_or("")
    }

    /// The value of a query parameter in lower case; empty if it is not given.
    pub(super) fn folded(&self, name: &str) -> String {
        self.text(name).to_ascii_lowercase()
    }

    /// The value of a query parameter that is a number; `default` for anything else.
    pub(super) fn number(&self, name: &str, default: usize) -> usize {
        match self.text(name).parse() {
            Ok(number) => number,
            Err(_) => default,
        }
    }
}

/// Body of an answer: bytes in memory, or part of a file.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    File {
        path: PathBuf,
        start: u64,
        length: u64,
    },
}

impl Body {
    /// Number of bytes that are sent.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

/// A response, as it should be: faults break it when it is sent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

impl Answer {
    /// A response with a JSON body.
    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())],
            body: Body::Bytes(body.into()),
        }
    }

    /// A response without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Vec::new()),
        }
    }

    /// This response with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Names and values of a query or form, decoded.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let plain = |text: &str| {
        // A plus sign is a blank in forms; a real one is escaped.
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pair = |pair: &str| {
        pair.split_once('=')
            .map_or((plain(pair), String::new()), |(key, value)| {
                (plain(key), plain(value))
            })
    };
    text.split('&')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect()
}
