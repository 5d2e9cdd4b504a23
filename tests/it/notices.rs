//! Notices of the end of a run: figures for Prometheus, messages, signs of life; and that nothing that
//! goes wrong with them touches the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{PACKAGE, printed, program, stderr};

const SECRET: &str = "/hook/a-secret-path?sig=very-secret";

/// The sample month, and a pipeline with tables of notices.
struct House {
    folder: TempDir,
}

impl House {
    fn new(notices: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["usage.csv", "invoice-lines.csv", "invoices.json"] {
            let from = PathBuf::from(PACKAGE).join("samples/month").join(name);
            fs::copy(from, folder.path().join(name)).unwrap();
        }
        let text = format!(
            "period = \"2026-10\"\nout = \"out\"\n\
             [source.usage.files]\npaths = [\"usage.csv\"]\n\
             [source.invoice_lines.files]\npaths = [\"invoice-lines.csv\"]\n\
             [source.invoices.files]\npaths = [\"invoices.json\"]\n{notices}"
        );
        fs::write(folder.path().join("night.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A run whose webhook is at `hook` and whose pings go to `ping`.
    fn run(&self, [hook, ping]: [&str; 2], more: &[&str]) -> Output {
        let pipeline = self.path("night.toml");
        let mut command = program(&["run", pipeline.to_str().unwrap()]);
        command
            .args(more)
            .env("HOOK", hook)
            .env("PING", ping)
            .env("PING_FAILED", format!("{ping}/fail"))
            .env("TIEOUT_TODAY", "2026-11-20");
        command.output().unwrap()
    }

    /// Takes the sources away, so that the next run fails.
    fn spoil(&self) {
        fs::write(self.path("usage.csv"), "<html>sign in</html>").unwrap();
    }

    fn metrics(&self) -> BTreeMap<String, String> {
        samples(&fs::read_to_string(self.path("metrics/tieout.prom")).unwrap())
    }
}

const NOTIFY: &str = "[notify]\nwebhook = { environment = \"HOOK\" }\n\
    ping = { environment = \"PING\" }\nping_failed = { environment = \"PING_FAILED\" }\n";

/// A server that answers all requests in the same way, and hands them on.
fn server(answer: &'static str) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (to, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = request(&mut stream);
            if answer.is_empty() {
                // Says nothing until whoever asks has gone.
                drop(stream.read(&mut [0; 1]));
            }
            drop(stream.write_all(answer.as_bytes()));
            drop(to.send(request));
        }
    });
    (address, requests)
}

/// First line and body of a request.
fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).unwrap_or(0);
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "{text}");
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return (head.lines().next().unwrap().to_owned(), body.to_owned());
        }
    }
}

/// Samples of a text for Prometheus by name and labels; fails where the text breaks its format.
fn samples(text: &str) -> BTreeMap<String, String> {
    let mut typed = BTreeSet::new();
    let mut found = BTreeMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(kind == "gauge" && typed.insert(name.to_owned()), "{line}");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = sample.split_once('{').unwrap();
            assert!(typed.contains(name) && labels.ends_with('}'), "{line}");
            let digits = value.strip_prefix('-').unwrap_or(value);
            assert!(
                digits
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.'),
                "{line}"
            );
            assert!(found.insert(sample.to_owned(), value.to_owned()).is_none());
        }
    }
    found
}

const OK: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MUTE: &str = "";

#[test]
fn figures_stand_in_the_textfile_and_a_failure_keeps_the_last_success() {
    let house = House::new("[metrics]\ntextfile = \"metrics/tieout.prom\"\n");
    fs::create_dir(house.path("metrics")).unwrap();
    let done = house.run(["", ""], &["--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    let found = house.metrics();
    let labels = "pipeline=\"night\",period=\"2026-10\"";
    let value = |found: &BTreeMap<String, String>, name: &str| {
        found.get(&format!("tieout_{name}{{{labels}}}")).cloned()
    };
    assert_eq!(value(&found, "last_run_exit_code").as_deref(), Some("0"));
    assert_eq!(value(&found, "last_run_published").as_deref(), Some("1"));
    assert_eq!(value(&found, "rows_rejected").as_deref(), Some("0"));
    let open = told["ledger"]["open"].to_string();
    assert_eq!(value(&found, "breaks_open"), Some(open));
    let usage = format!("tieout_rows_read{{{labels},dataset=\"usage\"}}");
    assert_eq!(found[&usage], told["usage_rows"].to_string());
    // Causes add up to the variance, to the last digit.
    let total = &told["totals"][0];
    let units = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
    let of_causes: i128 = total["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of_cause| {
            let sample = format!(
                "tieout_variance_amount{{{labels},tie_out=\"{}\",currency=\"{}\",cause=\"{}\"}}",
                total["tie_out"].as_str().unwrap(),
                total["currency"].as_str().unwrap(),
                of_cause["cause"].as_str().unwrap()
            );
            assert_eq!(found[&sample], of_cause["amount"].as_str().unwrap());
            units(&found[&sample])
        })
        .sum();
    assert!(of_causes != 0 && of_causes == units(total["variance_amount"].as_str().unwrap()));
    assert!(
        found
            .keys()
            .any(|name| name.starts_with("tieout_off_rule_amount{"))
    );
    let success = value(&found, "last_success_timestamp_seconds").unwrap();
    let text = fs::read_to_string(house.path("metrics/tieout.prom")).unwrap();
    assert_names_nobody(&text, &house);

    std::thread::sleep(Duration::from_millis(1_100));
    house.spoil();
    let done = house.run(["", ""], &[]);
    assert_eq!(done.status.code(), Some(2), "{}", stderr(&done));
    let found = house.metrics();
    assert_eq!(value(&found, "last_run_exit_code").as_deref(), Some("2"));
    assert_eq!(value(&found, "last_run_published").as_deref(), Some("0"));
    assert_eq!(
        value(&found, "last_success_timestamp_seconds"),
        Some(success.clone())
    );
    assert!(value(&found, "last_run_timestamp_seconds") > Some(success));
    assert_eq!(value(&found, "breaks_open"), None);
    // Nothing else lies in the folder, and others may read the file.
    assert_eq!(fs::read_dir(house.path("metrics")).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = fs::metadata(house.path("metrics/tieout.prom")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o644);
    }
}

/// A text has neither ids nor names of the customers in the usage.
fn assert_names_nobody(text: &str, house: &House) {
    let usage = fs::read_to_string(house.path("usage.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(usage.as_bytes());
    let header = rows.headers().unwrap().clone();
    let columns: Vec<usize> = [
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "SubscriptionId",
    ]
    .iter()
    .filter_map(|name| header.iter().position(|found| found == *name))
    .collect();
    assert!(columns.len() > 2, "{header:?}");
    for row in rows.records() {
        let row = row.unwrap();
        for column in &columns {
            let value = &row[*column];
            assert!(
                value.is_empty() || !text.contains(value),
                "{value} in {text}"
            );
        }
    }
}

#[test]
fn a_textfile_that_cannot_be_written_is_a_warning() {
    let house = House::new("[metrics]\ntextfile = \"nowhere/tieout.prom\"\n");
    let done = house.run(["", ""], &[]);
    assert_eq!(done.status.code(), Some(0));
    let warned = stderr(&done);
    assert!(
        warned.contains("warning: `metrics.textfile` was not written: ")
            && !house.path("nowhere").exists(),
        "{warned}"
    );
}

#[test]
fn the_webhook_hears_of_the_run_and_the_ping_comes() {
    let house = House::new(&format!("{NOTIFY}format = \"json\"\non = \"always\"\n"));
    let (hook, heard) = server(OK);
    let (ping, pinged) = server(OK);
    let done = house.run([&format!("{hook}{SECRET}"), &format!("{ping}/p")], &[]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(!printed(&done).contains("secret") && !stderr(&done).contains("warning: not told"));
    let (line, body) = heard.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(line, format!("POST {SECRET} HTTP/1.1"));
    let told: Value = serde_json::from_str(&body).unwrap();
    assert!(told["pipeline"] == "night" && told["period"] == "2026-10");
    assert!(told["status"] == "complete" && told["exit_code"] == 0 && told["published"] == true);
    assert!(told["breaks"]["open"].as_u64() > Some(0));
    assert!(told["largest_breaks"][0].as_str().unwrap().starts_with('B'));
    assert_names_nobody(&body, &house);
    let (line, body) = pinged.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!((line.as_str(), body.as_str()), ("GET /p HTTP/1.1", ""));

    house.spoil();
    let done = house.run([&format!("{hook}{SECRET}"), &format!("{ping}/p")], &[]);
    assert_eq!(done.status.code(), Some(2));
    let (_, body) = heard.recv_timeout(Duration::from_secs(5)).unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    assert!(told["status"] == "failed" && told["exit_code"] == 2 && told["published"] == false);
    assert!(told["error"].as_str().unwrap().contains("usage.csv"));
    assert!(told["hint"].is_string(), "{told}");
    let (line, _) = pinged.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(line, "GET /p/fail HTTP/1.1");
}

#[test]
fn a_card_for_teams_is_a_message_with_an_adaptive_card() {
    let house = House::new(&format!("{NOTIFY}format = \"teams\"\non = \"breaks\"\n"));
    let (hook, heard) = server(OK);
    let (ping, _pinged) = server(OK);
    let night = || house.run([&hook, &ping], &[]);
    assert_eq!(night().status.code(), Some(0));
    let (_, body) = heard.recv_timeout(Duration::from_secs(5)).unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    let attachment = &told["attachments"][0];
    assert_eq!(told["type"], "message");
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
    let card = attachment["content"]["body"].to_string();
    assert!(
        card.contains("tieout night 2026-10: complete") && card.contains("new, "),
        "{card}"
    );
    assert_names_nobody(&body, &house);
    // The second night has the same breaks, and nobody is told.
    assert_eq!(night().status.code(), Some(0));
    assert!(heard.recv_timeout(Duration::from_millis(300)).is_err());
}

#[test]
fn a_notice_that_fails_changes_neither_exit_code_nor_result() {
    let house = House::new(&format!("{NOTIFY}on = \"always\"\ntime_limit_ms = 700\n"));
    let (good, _heard) = server(OK);
    let quiet = house.run([&good, &good], &[]);
    assert_eq!(quiet.status.code(), Some(0), "{}", stderr(&quiet));
    let plain = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let servers = [BROKEN, MOVED, MUTE].map(server);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let addresses = servers.iter().map(|(address, _)| address.as_str());
    let others = [
        closed.as_str(),
        "",
        "http://example.com/secret",
        "no address: secret",
    ];
    // Whether a file was settled enough to be kept is a matter of moments.
    let uncached = ["--no-cache"];
    let wanted = plain(&house.run([&good, &good], &uncached));
    for address in addresses.chain(others) {
        let address = match address.starts_with("http://127") {
            true => format!("{address}{SECRET}"),
            false => address.to_owned(),
        };
        let began = Instant::now();
        let done = house.run([&address, &good], &uncached);
        assert!(began.elapsed() < Duration::from_secs(8), "{address}");
        assert_eq!(done.status.code(), Some(0), "{address}");
        assert_eq!(plain(&done), wanted, "{address}");
        let warned = stderr(&done);
        let warnings: Vec<&str> = warned
            .lines()
            .filter(|line| line.contains("not told"))
            .collect();
        assert_eq!(warnings.len(), 1, "{address}: {warned}");
        assert!(
            warnings[0].starts_with("warning: not told: `notify.webhook`: "),
            "{warned}"
        );
        for secret in [
            "a-secret-path",
            "very-secret",
            "example.com",
            "no address: secret",
        ] {
            assert!(!printed(&done).contains(secret), "{warned}");
        }
    }
    // Both lost: still one warning, and nothing else for who wants quiet.
    let done = house.run(["", ""], &[]);
    assert_eq!(stderr(&done).matches("warning: not told").count(), 1);
    let done = house.run(["", ""], &["--quiet"]);
    let warned = stderr(&done);
    assert_eq!((done.status.code(), warned.lines().count()), (Some(0), 1));
    assert!(warned.starts_with("warning: not told"), "{warned}");
}

#[test]
fn mistakes_in_the_tables_are_told_and_secrets_are_not_written_out() {
    for (tables, wanted) in [
        (
            "[metrics]\ntextfile = \"x.txt\"\n",
            "wanted a path that ends with `.prom`",
        ),
        ("[notify]\n", "wanted `webhook` or `ping`"),
        (
            "[notify]\nwebhook = \"https://example.com/secret\"\n",
            "key `notify.webhook`: found a secret written out",
        ),
        (
            "[notify]\nwebhook = { environment = \"X\" }\nformat = \"team\"\n",
            "hint: did you mean `teams`?",
        ),
        (
            "[notify]\nping = { file = \"p\" }\non = \"always\"\n",
            "found no `webhook` beside it",
        ),
        (
            "[notify]\nping = { file = \"p\" }\ntime_limit_ms = 0\n",
            "wanted milliseconds, 1 to 600000",
        ),
        (
            "[notify]\npong = { file = \"p\" }\n",
            "hint: did you mean `ping`?",
        ),
    ] {
        let house = House::new(tables);
        let pipeline = house.path("night.toml");
        let done = program(&["check", pipeline.to_str().unwrap()])
            .output()
            .unwrap();
        let found = stderr(&done);
        assert_eq!(done.status.code(), Some(2), "{tables}");
        assert!(
            found.contains(wanted) && !found.contains("/secret"),
            "{found}"
        );
    }
    let house = House::new(&format!("{NOTIFY}format = \"teams\"\n"));
    let pipeline = house.path("night.toml");
    let done = program(&["check", pipeline.to_str().unwrap()])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        found.contains("notices\n  webhook (teams, on failure)\n  ping\n  ping_failed\n"),
        "{found}"
    );
}
