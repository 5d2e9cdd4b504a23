//! Fixture: the sandbox with a synthetic tenant, and a folder with a pipeline that fetches from it
//! and gives up soon.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{OnceLock, mpsc};

use tempfile::TempDir;
use tieout::model::period::Period;
use tieout::sandbox::faults::Faults;
use tieout::sandbox::{self, Settings};
use tieout::synth;

use crate::program::{program, stderr, tieout};

/// A day on which `last` is the tenant's month, 2026-10.
pub(crate) const TODAY: &str = "2026-11-21";

/// The tenant that all tests share: 5,000 usage rows, three invoices of usage, one of licences that a
/// note voids, and one of the legacy commerce.
pub(crate) fn tenant() -> &'static Path {
    static TENANT: OnceLock<TempDir> = OnceLock::new();
    let folder = TENANT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let request = synth::Request {
            rows: 5_000,
            seed: 11,
            out: folder.path().join("tenant"),
            period: Period::parse("2026-10").unwrap(),
            formats: vec![synth::Format::Csv, synth::Format::V1, synth::Format::V2],
            planted: true,
        };
        synth::generate(&request).unwrap();
        folder
    });
    Box::leak(folder.path().join("tenant").into_boxed_path())
}

/// Settings of a server without faults.
pub(crate) fn settings() -> Settings {
    Settings {
        data: tenant().to_owned(),
        as_of: None,
        port: 0,
        faults: Faults::default(),
        token_seconds: 3_600,
        sas_seconds: 3_600,
        polls: 1,
        secret: None,
        foreign: None,
        latency_ms: 0,
    }
}

/// Starts a server; it serves for as long as the tests run.
pub(crate) fn serve(settings: Settings) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || sandbox::serve(settings, |address| tell.send(address).unwrap()));
    told.recv().unwrap()
}

/// How often a server served each fault, by name.
pub(crate) fn served(address: SocketAddr) -> Vec<(String, u64)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /sandbox/faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let faults: BTreeMap<String, u64> = serde_json::from_str(body).unwrap();
    faults.into_iter().collect()
}

/// A folder for the state and the output of pipelines, and the server that they fetch from.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl House {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            address,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command on the nightly pipeline.
    pub(crate) fn command(&self, command: &str, more: &[&str]) -> Command {
        self.command_on("pipelines/nightly.toml", command, more)
    }

    /// A command on a pipeline, for the tenant's month; its fetch gives up soon.
    pub(crate) fn command_on(&self, pipeline: &str, command: &str, more: &[&str]) -> Command {
        let mut process = program(&[command, pipeline, "--period", "2026-10"]);
        let settings = [
            format!("partner_center.sandbox=http://{}", self.address),
            format!("state={}", self.path("state").display()),
            format!("out={}", self.path("out").display()),
        ];
        let patience = [
            "backoff_ms=4",
            "longest_pause_ms=30",
            "attempts=6",
            "polls=40",
            // An export that never ends is waited for by the clock.
            "export_wait_ms=8000",
            "read_timeout_ms=250",
            "request_timeout_ms=900",
            "run_pause_ms=600000",
        ];
        for setting in settings
            .iter()
            .cloned()
            .chain(patience.map(|setting| format!("partner_center.patience.{setting}")))
        {
            process.args(["--set", &setting]);
        }
        process.args(["--set", "partner_center.requests_per_second=100000"]);
        process.args(more).env("TIEOUT_TODAY", TODAY);
        for name in [
            "TIEOUT_TENANT",
            "TIEOUT_CLIENT_ID",
            "HTTP_PROXY",
            "http_proxy",
        ] {
            process.env_remove(name);
        }
        process
    }

    pub(crate) fn run(&self, command: &str, more: &[&str]) -> Output {
        self.command(command, more).output().unwrap()
    }

    /// The report of a fetch that succeeds.
    pub(crate) fn report(&self, more: &[&str]) -> serde_json::Value {
        let output = self.run("fetch", &[&["--json"], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The tables of the newest published run; `None` if there is none.
    pub(crate) fn tables(&self) -> Option<Vec<(String, Vec<u8>)>> {
        tables(&self.path("out"))
    }
}

/// The tables of the newest run of a folder, in both formats; tables that name files are left out.
pub(crate) fn tables(out: &Path) -> Option<Vec<(String, Vec<u8>)>> {
    let current = out.join("current");
    if !current.join("manifest.json").exists() {
        return None;
    }
    let mut found = Vec::new();
    for table in [
        "variances",
        "resources",
        "summary",
        "control_totals",
        "rejected_rows",
    ] {
        for ending in ["csv", "parquet"] {
            let name = format!("{table}.{ending}");
            found.push((name.clone(), std::fs::read(current.join(&name)).unwrap()));
        }
    }
    Some(found)
}

/// The tables that `reconcile` makes of the tenant's own files.
pub(crate) fn reference() -> &'static [(String, Vec<u8>)] {
    static REFERENCE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let pattern = |tail: &str| format!("{}/{tail}", tenant().display());
        let output = tieout(&[
            "-q",
            "reconcile",
            "--usage",
            &pattern("usage/csv/*"),
            "--invoice-lines",
            &pattern("recon/csv/*"),
            "--invoices",
            &pattern("invoices/*.json"),
            "--period",
            "2026-10",
            "--out",
            out.path().to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        tables(out.path()).unwrap()
    })
}

/// The row of a dataset in the report of a fetch.
pub(crate) fn dataset<'r>(report: &'r serde_json::Value, name: &str) -> &'r serde_json::Value {
    let mut rows = report["datasets"].as_array().unwrap().iter();
    rows.find(|row| row["dataset"] == name).unwrap()
}

/// Parts and rows of each dataset in the report of a fetch.
pub(crate) fn counts(report: &serde_json::Value) -> BTreeMap<String, (u64, u64)> {
    let count = |row: &serde_json::Value, name: &str| row[name].as_u64().unwrap();
    let rows = report["datasets"].as_array().unwrap().iter();
    rows.map(|row| {
        let name = row["dataset"].as_str().unwrap().to_owned();
        (name, (count(row, "parts"), count(row, "rows")))
    })
    .collect()
}
