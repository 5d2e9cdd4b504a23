//! A client of the ordinary tenant over plain sockets: it knows HTTP and nothing of the fetchers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use serde_json::value::RawValue;
use tieout::model::decimal;
use tieout::sandbox::ordinary::{self, OrdinarySettings, Quirks};

const ID: &str = "0d8f7a3e-1111-4222-8333-944444444444";

/// A row of an export: the text of each value.
pub(crate) type Row = BTreeMap<String, Box<RawValue>>;

/// An answer: status, headers with names in lower case, body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        let body = self
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&self.body);
        serde_json::from_slice(body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

/// A tenant that is served for this test.
pub(crate) struct Night {
    pub(crate) address: SocketAddr,
    app: String,
    user: String,
    graph: String,
}

/// Settings of a day at a test's pace.
pub(crate) fn on(day: &str, quirks: &[&str]) -> OrdinarySettings {
    OrdinarySettings {
        quirks: Quirks::named(quirks.iter().copied()).unwrap(),
        second_ms: 2,
        export_ms: Some(0),
        customer_calls: 10_000,
        ..OrdinarySettings::on(day.parse().unwrap())
    }
}

impl Night {
    pub(crate) fn new(settings: OrdinarySettings) -> Self {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            ordinary::serve(settings, |address| tell.send(address).unwrap())
        });
        let address = told.recv().unwrap();
        let token = |grant: &str, resource: &str| {
            let form =
                format!("client_id=c&client_secret=s&{grant}&resource=https%3A%2F%2F{resource}");
            let reply = post_form(address, "/t/oauth2/token", &form);
            // A portal's page in place of the service has none.
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let token = body["access_token"].as_str().map(str::to_owned);
            token.unwrap_or_default()
        };
        let app = "grant_type=client_credentials";
        Self {
            address,
            app: token(app, "api.partnercenter.microsoft.com"),
            user: token(
                "grant_type=refresh_token&refresh_token=r",
                "api.partnercenter.microsoft.com",
            ),
            graph: token(app, "graph.microsoft.com"),
        }
    }

    /// A call to Partner Center by the application alone.
    pub(crate) fn app(&self, path: &str) -> Reply {
        self.partner_center(&self.app, path, &[])
    }

    /// A call to Partner Center for the user.
    pub(crate) fn user(&self, path: &str) -> Reply {
        self.partner_center(&self.user, path, &[])
    }

    /// A call to Partner Center by the application alone, with more headers.
    pub(crate) fn app_with(&self, path: &str, more: &[(&str, &str)]) -> Reply {
        self.partner_center(&self.app, path, more)
    }

    fn partner_center(&self, token: &str, path: &str, more: &[(&str, &str)]) -> Reply {
        let token = format!("Bearer {token}");
        let mut headers = vec![
            ("Authorization", token.as_str()),
            ("Accept", "application/json"),
            ("MS-RequestId", ID),
            ("MS-CorrelationId", ID),
        ];
        headers.extend(more);
        call(self.address, "GET", path, &headers, "")
    }

    /// A call to Graph; with a body it is an order.
    pub(crate) fn graph(&self, path: &str, body: &str) -> Reply {
        let token = format!("Bearer {}", self.graph);
        let headers = [
            ("Authorization", token.as_str()),
            ("Content-Type", "application/json"),
        ];
        let method = if body.is_empty() { "GET" } else { "POST" };
        call(self.address, method, path, &headers, body)
    }

    /// A call to the host of exchange rates, for the user.
    pub(crate) fn sheet(&self, path: &str) -> Reply {
        let token = format!("Bearer {}", self.user);
        let headers = [("Authorization", token.as_str()), ("client-request-id", ID)];
        call(self.address, "GET", path, &headers, "")
    }

    /// Orders an export and reads its operation until it ends.
    pub(crate) fn operation(&self, kind: &str, body: &str) -> Value {
        let path = format!("/v1.0/reports/partners/billing/{kind}/export");
        let accepted = self.graph(&path, body);
        assert_eq!(
            accepted.status,
            202,
            "{}",
            String::from_utf8_lossy(&accepted.body)
        );
        let place = self.local(&accepted.headers["location"]);
        loop {
            let reply = self.graph(&place, "");
            assert_eq!(reply.status, 200);
            let operation = reply.json();
            if operation["status"] != "running" {
                return operation;
            }
        }
    }

    /// Orders an export and reads its manifest.
    pub(crate) fn manifest(&self, kind: &str, body: &str) -> Value {
        let operation = self.operation(kind, body);
        let link = operation["resourceLocation@odata.navigationLink"].as_str();
        let link = link.unwrap_or_else(|| panic!("{operation}"));
        self.graph(&self.local(link), "").json()
    }

    /// The rows of a manifest's blobs.
    pub(crate) fn rows(&self, manifest: &Value) -> Vec<Row> {
        let blobs = manifest["blobs"].as_array().unwrap();
        assert_eq!(manifest["blobCount"], blobs.len());
        let mut rows = Vec::new();
        for blob in blobs {
            let path = self.blob(manifest, blob["name"].as_str().unwrap());
            let reply = call(self.address, "GET", &path, &[], "");
            assert_eq!(reply.status, 200);
            let lines = BufReader::new(MultiGzDecoder::new(&reply.body[..])).lines();
            rows.extend(lines.map(|line| serde_json::from_str::<Row>(&line.unwrap()).unwrap()));
        }
        rows
    }

    /// Path and signature of a blob.
    pub(crate) fn blob(&self, manifest: &Value, name: &str) -> String {
        let root = self.local(manifest["rootDirectory"].as_str().unwrap());
        format!("{root}/{name}?{}", manifest["sasToken"].as_str().unwrap())
    }

    fn local(&self, link: &str) -> String {
        let origin = format!("http://{}", self.address);
        link.strip_prefix(&origin).unwrap().to_owned()
    }

    /// The invoices of October 2026 that are modern.
    pub(crate) fn october(&self) -> Vec<Value> {
        let list = self.app("/v1/invoices?size=200&offset=0").json();
        let items = list["items"].as_array().unwrap().iter();
        items
            .filter(|invoice| {
                let start = invoice["billingPeriodStartDate"].as_str().unwrap();
                let id = invoice["id"].as_str().unwrap();
                start.starts_with("2026-10") && id.starts_with('G')
            })
            .cloned()
            .collect()
    }
}

pub(crate) fn post_form(address: SocketAddr, path: &str, form: &str) -> Reply {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    call(address, "POST", path, &headers, form)
}

/// One request on a connection of its own.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    Reply {
        status,
        headers,
        body,
    }
}

/// The text of a row's value, without quotes.
pub(crate) fn text(row: &Row, name: &str) -> String {
    row[name].get().trim_matches('"').to_owned()
}

/// A row's number at 15 decimals.
pub(crate) fn amount(row: &Row, name: &str) -> i128 {
    let parsed = decimal::parse(text(row, name).as_bytes(), 15).unwrap();
    assert!(!parsed.rounded, "{name}");
    parsed.value
}
