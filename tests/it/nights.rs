//! Nights of an ordinary partner, played by the program itself against a tenant that was written from
//! Microsoft's pages alone: what each does to the exit code, to the tables, and to what is said.

use std::path::Path;
use std::process::Output;

use tieout::sandbox::ordinary;

use crate::ordinary::wire::{Night, on};
use crate::program::{program, stderr};
use crate::served::tables;

/// Folders of a partner's nights.
struct Partner {
    folder: tempfile::TempDir,
}

impl Partner {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Plays a night of the tenant as it is on a day.
    fn night(&self, day: &str, quirks: &[&str], more: &[&str]) -> Played {
        let served = Night::new(on(day, quirks));
        self.run(day, &served, more)
    }

    fn run(&self, day: &str, served: &Night, more: &[&str]) -> Played {
        self.run_pipeline("pipelines/nightly.toml", day, served, more)
    }

    fn run_pipeline(&self, pipeline: &str, day: &str, served: &Night, more: &[&str]) -> Played {
        let mut process = program(&["run", pipeline, "--period", "2026-10", "--json"]);
        let settings = [
            format!("partner_center.sandbox=http://{}", served.address),
            format!("state={}", self.path("state")),
            format!("out={}", self.path("out")),
        ];
        let patience = [
            "backoff_ms=4",
            "longest_pause_ms=400",
            "attempts=3",
            "polls=40",
            "read_timeout_ms=6000",
            "request_timeout_ms=20000",
        ]
        .map(|setting| format!("partner_center.patience.{setting}"));
        for setting in settings.iter().chain(&patience) {
            process.args(["--set", setting]);
        }
        process.args(["--set", "partner_center.requests_per_second=100000"]);
        for name in [
            "TIEOUT_TENANT",
            "TIEOUT_CLIENT_ID",
            "HTTP_PROXY",
            "http_proxy",
        ] {
            process.env_remove(name);
        }
        let output = process
            .args(more)
            .env("TIEOUT_TODAY", day)
            .output()
            .unwrap();
        Played::of(&output, &self.path("out"))
    }
}

/// A night that was played.
struct Played {
    code: i32,
    json: serde_json::Value,
    told: String,
    tables: Option<Vec<(String, Vec<u8>)>>,
}

impl Played {
    fn of(output: &Output, out: &str) -> Self {
        let told = stderr(output);
        let json = serde_json::from_slice(&output.stdout);
        Self {
            code: output.status.code().unwrap(),
            json: json.unwrap_or_else(|error| panic!("{error}: {told}")),
            tables: tables(Path::new(out)),
            told,
        }
    }

    /// The texts of a list in the report of the fetch, a line each.
    fn list(&self, name: &str) -> String {
        let list = self.json["fetched"][name].as_array();
        let texts = list.unwrap_or_else(|| panic!("`{name}` in {}", self.json));
        texts
            .iter()
            .map(|text| text.as_str().unwrap().to_owned() + "\n")
            .collect()
    }

    fn dataset(&self, name: &str) -> &serde_json::Value {
        let rows = self.json["fetched"]["datasets"].as_array().unwrap();
        rows.iter().find(|row| row["dataset"] == name).unwrap()
    }
}

/// What a real tenant does, the exit code that it must have, whether tables come out, and words that
/// must be said.
const EXPECTED: [(&str, i32, bool, &str); 25] = [
    ("broken-401", 0, true, "status 401"),
    ("broken-429", 0, true, "status 429"),
    (
        "never-answers",
        0,
        true,
        "wanted a response within 4 attempts",
    ),
    ("invalid-property", 0, true, "Invalid property"),
    ("endless-list", 0, true, ""),
    ("paged-list", 0, true, ""),
    ("null-items", 0, true, "`items` are null"),
    ("blank-list", 0, true, "JSON that does not parse"),
    ("null-currency", 0, true, ""),
    ("nameless-customer", 0, true, "1 items cannot be used"),
    (
        "number-code",
        0,
        true,
        "no relation to the partner any more",
    ),
    ("link-only", 0, true, ""),
    ("malformed-links", 0, true, ""),
    ("no-period-dates", 0, true, ""),
    ("empty-export-succeeds", 0, true, "hold no usage products"),
    ("inline-manifest", 0, true, ""),
    ("string-manifest", 0, true, ""),
    ("completed-status", 0, true, ""),
    ("bom", 0, true, ""),
    ("dead-refresh-token", 0, true, "A token for the user"),
    ("strict-version", 0, true, ""),
    ("invoice-by-id", 0, true, ""),
    ("invoices-403", 20, false, "status 403"),
    ("captive-portal", 21, false, "not JSON"),
    ("gone-operations", 0, true, ""),
];

/// Tables of the tenant's own night, with which every other that is published must agree.
fn reference() -> &'static [(String, Vec<u8>)] {
    static REFERENCE: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    REFERENCE.get_or_init(|| {
        let played = Partner::new().night("2026-11-16", &[], &[]);
        assert_eq!(played.code, 0, "{}", played.told);
        assert_eq!(played.json["fetched"]["incomplete"], serde_json::json!([]));
        played.tables.unwrap()
    })
}

/// Plays those quirks that are in this share of the table: the tests of the shares run side by side.
fn play(share: usize) {
    for (quirk, code, is_published, words) in EXPECTED.iter().skip(share).step_by(3) {
        let played = Partner::new().night("2026-11-16", &[quirk], &[]);
        let said = played.told.clone() + &played.json.to_string();
        assert_eq!(played.code, *code, "{quirk}: {said}");
        assert_eq!(played.json["published"], *is_published, "{quirk}");
        assert!(said.contains(words), "{quirk}: {words}: {said}");
        match &played.tables {
            Some(tables) => assert!(tables == reference(), "{quirk}: other bytes"),
            None => assert!(!is_published, "{quirk}"),
        }
    }
}

#[test]
fn what_a_tenant_does_costs_no_close_in_the_first_third() {
    play(0);
}

#[test]
fn what_a_tenant_does_costs_no_close_in_the_second_third() {
    play(1);
}

#[test]
fn what_a_tenant_does_costs_no_close_in_the_last_third() {
    play(2);
}

#[test]
fn everyday_nights_are_told_as_they_are() {
    let played = Partner::new().night("2026-11-16", &[], &["--fail-on-breaks"]);
    assert_eq!(played.code, 10, "{}", played.told);
    // The one planted variance, to the last digit.
    let planted = ordinary::planted_variance(&on("2026-11-16", &[])).unwrap();
    let breaks = played.json["largest_breaks"].as_array().unwrap();
    assert_eq!(breaks.len(), 1, "{breaks:?}");
    assert_eq!(breaks[0]["tie_out"], "usage-to-invoice");
    assert!(breaks[0]["currency"] == planted.currency);
    // What the service has nothing of, and of whom nothing is asked.
    let notes = played.list("notes");
    for words in [
        "`usage`: nothing in 1 (the invoice's lines hold no usage products)",
        "`unbilled_usage`: nothing in 3 (the month is billed)",
        "3 not asked for anything (relation `advisor`)",
        "1 listed twice",
        "`subscriptions`: nothing in 3 (the customer has no relation to the partner any more)",
    ] {
        assert!(notes.contains(words), "{words} in {notes}");
    }
    // Broken for ever, and named; whatever they are, they only inform.
    let broken = played.list("informational");
    assert!(
        broken.contains("status 500") && broken.contains("status 403"),
        "{broken}"
    );
    // The legacy invoice is asked for the lines that it lists.
    for name in ["azure_lines", "azure_usage_lines", "office_lines"] {
        assert_eq!(played.dataset(name)["incomplete"], 0, "{name}");
    }
}

#[test]
fn the_nights_of_a_month_end() {
    let partner = Partner::new();
    let expected = [
        ("2026-11-01", 12, false, "not_due"),
        ("2026-11-02", 12, false, "not_due"),
        ("2026-11-05", 12, false, "not_due"),
        ("2026-11-06", 11, false, "awaited"),
        ("2026-11-07", 11, true, "awaited"),
        ("2026-11-08", 0, true, "provisional"),
        ("2026-11-09", 0, true, "provisional"),
        ("2026-11-10", 0, true, "provisional"),
        ("2026-11-11", 0, true, "provisional"),
        ("2026-11-16", 0, true, "final"),
    ];
    for (day, code, is_published, finality) in expected {
        let played = partner.night(day, &[], &[]);
        let said = format!("{day}: {} {}", played.told, played.json);
        assert_eq!(played.code, code, "{said}");
        assert_eq!(played.json["published"], is_published, "{said}");
        assert_eq!(played.json["fetched"]["finality"], finality, "{said}");
        // Microsoft restates the usage of the plan on the 10th, and nothing after.
        let restated = match day {
            "2026-11-10" => 1,
            _ => 0,
        };
        if is_published {
            assert_eq!(played.dataset("usage")["restated"], restated, "{said}");
        }
    }
    // The last of them has the tables of a partner who never ran before.
    assert!(tables(&partner.folder.path().join("out")).unwrap() == reference());
}

#[test]
fn a_second_run_of_the_day_asks_only_for_what_is_missing() {
    let partner = Partner::new();
    let served = Night::new(on("2026-11-16", &[]));
    let first = partner.run("2026-11-16", &served, &[]);
    let again = partner.run("2026-11-16", &served, &[]);
    let requests = |played: &Played| played.json["fetched"]["requests"].as_u64().unwrap();
    // The endpoints that are broken for ever, with their retries and a token each.
    assert!(
        requests(&first) > 200 && requests(&again) < 20,
        "{}",
        again.json
    );
    assert_eq!((first.code, again.code), (0, 0));
}

#[test]
fn reference_data_inform_and_never_decide() {
    let told = |quirks: &[&str], more: &[&str]| {
        let partner = Partner::new();
        let played = partner.night("2026-11-16", quirks, more);
        assert_eq!(played.code, 0, "{quirks:?}: {}", played.told);
        assert!(played.tables.is_some(), "{quirks:?}");
        played
    };
    let sheet = r#"partner_center.price_sheets=[{ market = "DE", view = "azure_consumption" }]"#;
    let rows = |played: &Played, dataset: &str| played.dataset(dataset)["rows"].as_u64().unwrap();
    // An invoice of licences has no aggregated usage either, as its lines tell.
    let usual = told(&[], &["--set", sheet]);
    for dataset in ["aggregated_usage", "fx_rates", "price_sheets"] {
        assert!(rows(&usual, dataset) > 0, "{dataset}");
    }
    let notes = usual.list("notes");
    let words = "`aggregated_usage`: nothing in 1 (the invoice's lines hold no usage products)";
    assert!(notes.contains(words), "{notes}");
    let other = "partner_center.aggregated=v1.0";
    let other = told(&["aggregated-v1"], &["--set", other]);
    assert_eq!(
        rows(&other, "aggregated_usage"),
        rows(&usual, "aggregated_usage")
    );
    let missing = told(&["aggregated-missing", "no-fx"], &[]);
    let notes = missing.list("notes");
    assert_eq!(notes.matches("`aggregated_usage`").count(), 1, "{notes}");
    assert!(notes.contains("does not know such a report"), "{notes}");
    let informational = missing.list("informational");
    assert!(
        !informational.contains("aggregated_usage"),
        "{informational}"
    );
    assert!(informational.contains("fx_rates"), "{informational}");
}

#[test]
fn aggregated_usage_is_awaited_without_being_needed() {
    let partner = Partner::new();
    let fetch = r#"partner_center.fetch=["aggregated_usage"]"#;
    let early = partner.night("2026-11-07", &[], &["--set", fetch]);
    assert_eq!(early.code, 11, "{}", early.told);
    assert!(early.list("informational").contains("within 48 hours"));
    assert!(!early.list("awaited").contains("aggregated_usage"));
    let late = partner.night("2026-11-16", &[], &["--set", fetch]);
    assert_eq!(late.code, 0, "{}", late.told);
    assert_eq!(late.list("informational"), "");
    assert!(late.dataset("aggregated_usage")["rows"].as_u64() > Some(0));
}

/// The quirks of a schedule: three that a close survives.
fn schedule(seed: u64) -> Vec<&'static str> {
    let survived: Vec<&str> = EXPECTED
        .iter()
        // Silence takes its time, and is played by itself.
        .filter(|(quirk, code, ..)| *code == 0 && *quirk != "never-answers")
        .map(|(quirk, ..)| *quirk)
        .collect();
    let hash = blake3::hash(format!("night {seed}").as_bytes());
    let mut quirks: Vec<&str> = (0..3)
        .map(|at| survived[usize::from(hash.as_bytes()[at]) % survived.len()])
        .collect();
    quirks.sort_unstable();
    quirks.dedup();
    quirks
}

#[test]
fn whatever_comes_together_the_close_has_the_same_bytes() {
    let seeds = if std::env::var_os("TIEOUT_SLOW_TESTS").is_some() {
        200
    } else {
        4
    };
    for seed in 0..seeds {
        let quirks = schedule(seed);
        let played = Partner::new().night("2026-11-16", &quirks, &[]);
        assert_eq!(played.code, 0, "seed {seed}, {quirks:?}: {}", played.told);
        assert!(
            played.tables.unwrap() == reference(),
            "seed {seed}, {quirks:?}"
        );
    }
}

#[test]
fn unbilled_usage_is_held_against_its_last_snapshot() {
    let partner = Partner::new();
    let text = std::fs::read_to_string("pipelines/nightly.toml").unwrap();
    let wanted = "[source.unbilled_usage.partner_center]\n[tie_out.unbilled-to-billed]\n";
    let pipeline = partner.path("unbilled.toml");
    let text = text.replace("[partner_center]\n", &format!("{wanted}[partner_center]\n"));
    std::fs::write(&pipeline, text).unwrap();
    let night = |day: &str| {
        let served = Night::new(on(day, &[]));
        partner.run_pipeline(&pipeline, day, &served, &[])
    };
    // Billed, and no night before it: nothing is there that could be compared, and nothing is
    // called a break.
    let none = night("2026-11-16");
    assert_eq!((none.code, &none.json["published"]), (0, &true.into()));
    assert!(
        none.json.to_string().contains("\"awaited\""),
        "{}",
        none.json
    );
    // With a night before the invoice, its snapshot is taken ever after.
    let partner_before = Partner::new();
    let pipeline = pipeline.as_str();
    let currencies = r#"partner_center.currencies=["EUR","GBP","USD"]"#;
    let night = |day: &str| {
        let served = Night::new(on(day, &[]));
        partner_before.run_pipeline(pipeline, day, &served, &["--set", currencies])
    };
    assert_eq!(night("2026-11-05").code, 12);
    let played = night("2026-11-16");
    assert_eq!(played.code, 0, "{}", played.told);
    assert!(
        played
            .list("notes")
            .contains("@2026-11-05`: the last snapshot before")
    );
}
