//! Fetching over HTTP from the sandbox: every endpoint to its last row, the same tables from both
//! generations of the API, and tokens for their own hosts only.

use tieout::sandbox::Settings;
use tieout::sandbox::faults::{Fault, Faults};

use crate::program::{program, stderr};
use crate::served::{House, TODAY, counts, dataset, reference, serve, served, settings, tenant};

#[test]
fn a_nightly_run_publishes_what_reconcile_makes_of_the_files() {
    let house = House::new(serve(settings()));
    let output = house.run("run", &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_month_end_publishes_what_reconcile_makes_of_the_files() {
    let house = House::new(serve(settings()));
    let output = house
        .command_on("pipelines/month-end.toml", "run", &["--fail-on-breaks"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn a_month_without_an_invoice_is_not_published() {
    let house = House::new(serve(settings()));
    let mut early = program(&[
        "run",
        "pipelines/month-end.toml",
        "--period",
        "current",
        "--set",
    ]);
    early.arg(format!("partner_center.sandbox=http://{}", house.address));
    for (key, folder) in [("state", "state"), ("out", "out")] {
        early.args(["--set", &format!("{key}={}", house.path(folder).display())]);
    }
    let output = early.env("TIEOUT_TODAY", TODAY).output().unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("The invoices of 2026-11: found none yet"),
        "{}",
        stderr(&output)
    );
    assert!(house.tables().is_none());
}

#[test]
fn v1_pages_give_the_tables_of_v2_exports() {
    let house = House::new(serve(settings()));
    let output = house.run("run", &["--set", "partner_center.api=v1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(house.tables().unwrap(), reference());
}

#[test]
fn every_endpoint_is_fetched_to_its_last_row() {
    let house = House::new(serve(settings()));
    let found = counts(&house.report(&[]));
    let rows = |dataset: &str| found.get(dataset).unwrap_or_else(|| panic!("{dataset}")).1;
    assert_eq!(
        (
            rows("usage"),
            rows("office_lines"),
            rows("azure_lines"),
            rows("azure_usage_lines")
        ),
        (5_000, 2_500, 120, 599)
    );
    // Two classic subscriptions, 300 records by day and 1,100 by hour each.
    assert_eq!((rows("utilization"), found["utilization"].0), (2_800, 6));
    assert_eq!(
        (
            rows("customers"),
            rows("usage_budget"),
            rows("customer_usage_records")
        ),
        (8, 8, 8)
    );
    assert_eq!(
        (
            found["office_lines"].0,
            found["statements"].0,
            rows("invoice"),
            rows("estimate_links")
        ),
        // Five invoices, one of them of the legacy commerce, and the notes inside of two.
        (2, 7, 1, 8)
    );
    assert_eq!(
        (
            rows("rate_card"),
            rows("shared_rate_card"),
            rows("invoice_summaries"),
            rows("partner_usage_summary")
        ),
        (2, 2, 3, 1)
    );
    let other = [
        "subscriptions",
        "azure_entitlements",
        "customer_usage_summary",
        "subscription_usage_summary",
        "subscription_usage_records",
        "meter_usage_records",
        "resource_usage_records",
        "classic_usage_records",
        "invoices",
        "invoice_lines",
        "unbilled_usage",
        "unbilled_lines",
        "aggregated_usage",
        "fx_rates",
    ];
    assert!(other.into_iter().all(|dataset| rows(dataset) > 0));
    // The other generation of the API has the same rows, in pages.
    let by_pages = counts(&House::new(house.address).report(&["--set", "partner_center.api=v1"]));
    for dataset in ["usage", "invoice_lines", "unbilled_usage", "unbilled_lines"] {
        assert_eq!(by_pages[dataset].1, found[dataset].1, "{dataset}");
    }
    assert!(
        by_pages["usage"].0 == 4 && by_pages["unbilled_usage"].0 == 3,
        "{by_pages:?}"
    );
}

#[test]
fn a_report_that_the_service_does_not_know_is_told_once() {
    let house = House::new(serve(settings()));
    let report = house.report(&["--set", "partner_center.aggregated=v1.0"]);
    let found = counts(&report);
    assert_eq!(found["aggregated_usage"], (0, 0));
    let of_it = |text: &&str| text.contains("aggregated_usage");
    let told = |list: &str| -> Vec<String> {
        let list = report[list].as_array().unwrap().iter();
        let texts = list.filter_map(|text| text.as_str()).filter(of_it);
        texts.map(str::to_owned).collect()
    };
    let notes = told("notes");
    assert!(
        notes.len() == 1 && notes[0].contains("does not know such a report"),
        "{notes:?}"
    );
    assert!(told("informational").is_empty(), "{report}");
    // It may know it tomorrow, or in its other version.
    let found = counts(&house.report(&[]));
    assert!(found["aggregated_usage"].1 > 0, "{found:?}");
}

#[test]
fn sheets_come_from_their_own_host_with_their_own_token() {
    let house = House::new(serve(settings()));
    let sheet = r#"partner_center.price_sheets=[{ market = "DE", view = "azure_consumption" }]"#;
    let report = house.report(&["--set", sheet, "--tables"]);
    let found = counts(&report);
    // Dollars and euros; a meter for each row of prices.
    assert_eq!(found["fx_rates"], (1, 2));
    assert!(
        found["price_sheets"].0 == 1 && found["price_sheets"].1 > 10,
        "{found:?}"
    );
    assert!(
        house
            .path("state/tables/fx_rates/2026-10.parquet")
            .is_file()
    );
    let warnings = report["records"]["warnings"].to_string();
    assert!(
        !warnings.contains("fx_rates") && !warnings.contains("aggregated"),
        "{warnings}"
    );
    // A token for another audience is refused, which costs the sheets alone.
    let other = House::new(house.address);
    let audience = "partner_center.sheets_audience=https://api.partnercenter.microsoft.com";
    let output = other.run("run", &["--set", audience]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(other.tables().unwrap(), reference());
}

#[test]
fn eight_workers_ask_for_a_token_once() {
    let house = House::new(serve(Settings {
        latency_ms: 10,
        ..settings()
    }));
    let asked = |output: &std::process::Output| {
        stderr(output)
            .lines()
            .filter(|line| line.contains("/token: 200"))
            .count()
    };
    // One token each for the application, for the user at both hosts, and for Graph.
    let output = house.run("fetch", &["-v"]);
    assert_eq!((output.status.code(), asked(&output)), (Some(0), 4));
    // A token that is revoked in the middle is renewed once for each refusal, not once by every
    // worker.
    let mut revoking = settings();
    revoking.faults = Faults::new(vec![Fault::Unauthorized], 2, 20);
    let other = House::new(serve(revoking));
    let output = other.run("fetch", &["-v"]);
    let revoked = served(other.address)
        .into_iter()
        .map(|(_, count)| count)
        .sum::<u64>();
    assert!(
        output.status.success() && revoked > 0,
        "{}",
        stderr(&output)
    );
    assert!(
        asked(&output) as u64 <= 4 + revoked,
        "{} for {revoked}",
        asked(&output)
    );
}

#[test]
fn a_foreign_host_is_refused_before_it_is_asked() {
    for fault in [
        Fault::ForeignNext,
        Fault::ForeignLocation,
        Fault::ForeignBlobs,
        Fault::Redirect,
        Fault::ManifestAbove,
    ] {
        let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        foreign.set_nonblocking(true).unwrap();
        let mut settings = settings();
        settings.faults = Faults::new(vec![fault], 3, 1_000);
        settings.foreign = Some(format!("http://{}", foreign.local_addr().unwrap()));
        let house = House::new(serve(settings));
        let output = house.run("run", &["-v", "--set", "partner_center.api=auto"]);
        let api = if fault == Fault::ForeignNext {
            "v1"
        } else {
            "auto"
        };
        let output = if output.status.code() == Some(24) {
            output
        } else {
            house.run(
                "run",
                &["-v", "--set", &format!("partner_center.api={api}")],
            )
        };
        assert_eq!(
            output.status.code(),
            Some(24),
            "{}: {}",
            fault.name(),
            stderr(&output)
        );
        // Met in what only informs, it is met after the close.
        assert!(house.tables().is_none_or(|tables| tables == reference()));
        // The foreign host was not even connected to.
        assert!(foreign.accept().is_err(), "{}", fault.name());
        assert!(
            served(house.address)
                .iter()
                .any(|(name, count)| name == fault.name() && *count > 0)
        );
    }
}

#[test]
fn a_wrong_secret_has_its_own_exit_code_and_message() {
    let house = House::new(serve(Settings {
        secret: Some("another".to_owned()),
        ..settings()
    }));
    let output = house.run("fetch", &[]);
    assert_eq!(output.status.code(), Some(20));
    assert!(
        stderr(&output).contains("AADSTS7000215"),
        "{}",
        stderr(&output)
    );
}

/// A pipeline that compares fetched summaries with usage in files asks for no invoice, and must not
/// wait for one.
#[test]
fn what_needs_no_invoice_is_fetched_without_one() {
    let house = House::new(serve(settings()));
    let nightly = std::fs::read_to_string("pipelines/nightly.toml").unwrap();
    let account = &nightly[nightly.find("[partner_center]").unwrap()..];
    let fetch = account.find("fetch = [").unwrap();
    let end = fetch + account[fetch..].find(']').unwrap() + 1;
    let text = format!(
        "out = \"out\"\nstate = \"state\"\n[source.usage.files]\npaths = [\"{}/usage/csv/*\"]\n\
         [tie_out.usage-to-invoice]\nenabled = false\n[tie_out.usage-to-summary]\n{}\
         fetch = [\"subscription_usage_summary\"]{}",
        tenant().display(),
        &account[..fetch],
        &account[end..]
    );
    let pipeline = house.path("summary.toml");
    std::fs::write(&pipeline, text).unwrap();
    let output = house
        .command_on(pipeline.to_str().unwrap(), "run", &["--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let summaries = dataset(&outcome["fetched"], "subscription_usage_summary");
    assert!(summaries["is_needed"] == true && summaries["complete"].as_u64() > Some(3));
    let totals = outcome["totals"].as_array().unwrap();
    assert!(
        totals
            .iter()
            .all(|total| total["tie_out"] == "usage-to-summary")
            && !totals.is_empty()
    );
}
