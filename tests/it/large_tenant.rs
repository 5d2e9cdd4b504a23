//! A partner with many customers, eight datasets of each: how fast the program asks, how much memory
//! that takes, and what a second run of the day asks for. 200 customers; 10,000 with
//! `TIEOUT_SLOW_TESTS=1`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tieout::sandbox::ordinary::OrdinarySettings;

use crate::ordinary::wire::{Night, on};
use crate::program::program;
use crate::runs::is_quick;

/// Day of the tenant, on which the month is final.
const DAY: &str = "2026-11-16";

/// A night that has ended.
struct Ended {
    code: Option<i32>,
    json: serde_json::Value,
    /// Most memory that it had, in kB.
    peak: u64,
}

fn night(folder: &Path, served: &Night, rate: u64) -> Ended {
    let mut process = program(&[
        "run",
        "pipelines/nightly.toml",
        "--period",
        "2026-10",
        "--json",
    ]);
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    for setting in [
        format!("partner_center.sandbox=http://{}", served.address),
        format!("partner_center.requests_per_second={rate}"),
        format!("state={}", path("state")),
        format!("out={}", path("out")),
    ] {
        process.args(["--set", &setting]);
    }
    let printed = std::fs::File::create(path("printed.json")).unwrap();
    let mut running = process
        .env("TIEOUT_TODAY", DAY)
        .stdout(printed)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let code = loop {
        if let Some(status) = running.try_wait().unwrap() {
            break status.code();
        }
        peak = peak_of(running.id()).max(peak);
        std::thread::sleep(Duration::from_millis(20));
    };
    let printed = std::fs::read(path("printed.json")).unwrap();
    Ended {
        code,
        json: serde_json::from_slice(&printed).unwrap(),
        peak,
    }
}

/// Most memory that a process had so far, in kB; 0 where the system does not tell.
fn peak_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// Number of requests by service and second.
fn by_second(log: &str) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let request: serde_json::Value = serde_json::from_str(line).unwrap();
        let of = |name: &str| request[name].as_str().unwrap().to_owned();
        *counts.entry((of("service"), of("at"))).or_default() += 1;
    }
    counts
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for the closing note")]
fn a_partner_with_many_customers_is_asked_at_the_rate_that_is_set() {
    let (customers, rate) = match is_quick("10,000 customers") {
        true => (200, 400),
        false => (10_000, 600),
    };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.log");
    let served = Night::new(OrdinarySettings {
        more_customers: customers - 40,
        page_size: Some(500),
        second_ms: 5,
        export_ms: Some(2_000),
        customer_calls: 3_000,
        requests: Some(log.clone()),
        ..on(DAY, &[])
    });
    let first = night(folder.path(), &served, rate);
    assert_eq!(
        (first.code, &first.json["published"]),
        (Some(0), &true.into())
    );
    let text = std::fs::read_to_string(&log).unwrap();
    let counts = by_second(&text);
    // The first second may have what an idle one has saved.
    let fastest = counts.values().max().copied().unwrap_or_default();
    assert!(fastest <= 2 * rate, "{fastest} requests in a second");
    let asked: u64 = counts.values().sum();
    assert!(asked > 7 * customers as u64, "{asked} requests");

    let again = night(folder.path(), &served, rate);
    let number = |ended: &Ended| ended.json["fetched"]["requests"].as_u64().unwrap();
    assert_eq!(again.code, Some(0));
    assert!(number(&again) < 60, "{} requests", number(&again));
    for ended in [&first, &again] {
        assert!(ended.peak < 300_000, "{} kB of memory", ended.peak);
    }
    eprintln!(
        "{customers} customers: {asked} requests, at most {fastest} in a second where {rate} are allowed, \
         {} kB; again: {} requests, {} kB",
        first.peak,
        number(&again),
        again.peak
    );
}
