//! A sandbox for tests, its synthetic tenant, and a fetch that loses patience soon.

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

/// A day on which the month before it is `previous`.
pub(crate) const TODAY: &str = "2026-11-21";

/// The tenant that all tests share: 5,000 usage rows, two invoices.
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

/// Serves for as long as the tests run.
pub(crate) fn serve(settings: Settings) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || sandbox::serve(settings, |address| tell.send(address).unwrap()));
    told.recv().unwrap()
}

/// The faults that a server served, by name.
pub(crate) fn served(address: SocketAddr) -> Vec<(String, u64)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /sandbox/faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let faults: std::collections::BTreeMap<String, u64> = serde_json::from_str(body).unwrap();
    faults.into_iter().collect()
}

/// A house with a pipeline that fetches, and what it leaves.
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

    /// A command on the nightly pipeline; it gives up soon.
    pub(crate) fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tieout"));
        process.args([command, "pipelines/nightly.toml", "--period", "2026-10"]);
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
        process
            .args(more)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("TIEOUT_TODAY", TODAY);
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

    /// Whether a run is published, and its tables.
    pub(crate) fn tables(&self) -> Option<Vec<(String, Vec<u8>)>> {
        tables(&self.path("out"))
    }
}

/// The tables of the newest run of a folder, in all formats; those that name files are left out.
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

/// What `reconcile` makes of the tenant's own files.
pub(crate) fn reference() -> &'static [(String, Vec<u8>)] {
    static REFERENCE: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let pattern = |tail: &str| format!("{}/{tail}", tenant().display());
        let output = Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args([
                "-q",
                "reconcile",
                "--usage",
                &pattern("usage/csv/*"),
                "--invoice-lines",
                &pattern("recon/csv/*"),
            ])
            .args([
                "--invoices",
                &pattern("invoices/*.json"),
                "--period",
                "2026-10",
                "--out",
            ])
            .arg(out.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        tables(out.path()).unwrap()
    })
}

/// What a process said besides its data.
pub(crate) fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
