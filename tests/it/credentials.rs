//! Every kind of credential against the sandbox, and that none of their secrets is ever told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tieout::sandbox::Settings;
use tieout::sandbox::faults::{Fault, Faults};

use crate::served::{House, TODAY, serve, settings};

const CANARY: &str = "canary-7f3a9b1c";

/// A self-made RSA key of 2,048 bits, for tests alone, and bytes in place of a certificate.
const KEY: &str = include_str!("key.pem");

fn private(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.path(name);
    std::fs::write(&path, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

fn pipeline(house: &House, app: &str, fetch: &str, user: &str) -> PathBuf {
    let text = format!(
        "period = \"2026-10\"\nout = \"out\"\nstate = \"state\"\n[source.usage.partner_center]\n[source.invoice_lines.partner_center]\n\
         [source.invoices.partner_center]\n[partner_center]\ntenant = \"contoso\"\nfetch = [{fetch}]\nsandbox = \"http://{}\"\n\
         [partner_center.patience]\nbackoff_ms = 4\nlongest_pause_ms = 30\nread_timeout_ms = 250\nrequest_timeout_ms = 900\n{app}\n{user}\n",
        house.address
    );
    let path = house.path("p.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn tieout(command: &str, pipeline: &Path, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_tieout"));
    process
        .arg(command)
        .arg(pipeline)
        .args(more)
        .env("TIEOUT_TODAY", TODAY)
        .envs(environment.iter().copied());
    process.output().unwrap()
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const SECRET_APP: &str =
    "[partner_center.app.secret]\nclient_id = \"app\"\nsecret = { file = \"secret\" }\n";
const USER: &str = "[partner_center.user]\nclient_id = \"app\"\nsecret = { file = \"secret\" }\nrefresh_token = { file = \"refresh\" }\n";

#[test]
fn each_kind_of_credential_gets_a_token() {
    let house = House::new(serve(settings()));
    private(&house, "secret", "s3cret\n");
    private(&house, "token", "header.claims.signature\n");
    let certificate = STANDARD.encode(b"not a certificate, but its bytes");
    private(
        &house,
        "certificate",
        &format!("{KEY}-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"),
    );
    let msi = format!("http://{}/msi/token", house.address);
    let managed = [
        ("IDENTITY_ENDPOINT", msi.as_str()),
        ("IDENTITY_HEADER", "x"),
    ];
    let cases: [(&str, &[(&str, &str)]); 5] = [
        (SECRET_APP, &[]),
        (
            "[partner_center.app.secret]\nclient_id = \"app\"\nsecret = { environment = \"THE_SECRET\" }\n",
            &[("THE_SECRET", "s3cret")],
        ),
        (
            "[partner_center.app.certificate]\nclient_id = \"app\"\ncertificate = { file = \"certificate\" }\n",
            &[],
        ),
        (
            "[partner_center.app.workload_identity]\nclient_id = \"app\"\ntoken = { file = \"token\" }\n",
            &[],
        ),
        ("[partner_center.app.managed_identity]\n", &managed),
    ];
    for (app, environment) in cases {
        let output = tieout("doctor", &pipeline(&house, app, "", ""), &[], environment);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(0), "{app}: {told}");
        assert!(
            told.contains("good  App-only: customers")
                && told.contains("good  App-only: billing exports"),
            "{app}: {told}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_credential_is_named() {
    let house = House::new(serve(Settings {
        secret: Some("right".to_owned()),
        ..settings()
    }));
    private(&house, "secret", "wrong");
    private(&house, "refresh", "first");
    let wrong = tieout("doctor", &pipeline(&house, SECRET_APP, "", USER), &[], &[]);
    assert_eq!(wrong.status.code(), Some(20));
    assert!(
        told(&wrong).contains("AADSTS7000215") && told(&wrong).contains("BAD   App+User"),
        "{}",
        told(&wrong)
    );
    private(&house, "secret", "right");
    let right = tieout("doctor", &pipeline(&house, SECRET_APP, "", USER), &[], &[]);
    assert_eq!(right.status.code(), Some(0), "{}", told(&right));
    // A secret that others may read is not read.
    #[cfg(unix)]
    {
        std::fs::set_permissions(
            house.path("secret"),
            std::os::unix::fs::PermissionsExt::from_mode(0o644),
        )
        .unwrap();
        let open = tieout("doctor", &pipeline(&house, SECRET_APP, "", ""), &[], &[]);
        assert_eq!(open.status.code(), Some(20));
        assert!(
            told(&open).contains("others may read (mode 644)"),
            "{}",
            told(&open)
        );
    }
    private(&house, "secret", "right");
    // What a permission is missing for is said, and what to grant.
    let faults = Faults::new(vec![Fault::Forbidden], 1, 1_000);
    let strict = House {
        folder: house.folder,
        address: serve(Settings {
            faults,
            ..settings()
        }),
    };
    let output = tieout("doctor", &pipeline(&strict, SECRET_APP, "", USER), &[], &[]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(20));
    assert!(
        told.contains("PartnerBilling.Read.All") && told.contains("Admin agent"),
        "{told}"
    );
}

#[test]
fn a_secret_in_the_pipeline_itself_is_refused_and_not_repeated() {
    let house = House::new(serve(settings()));
    let app = format!("[partner_center.app.secret]\nclient_id = \"app\"\nsecret = \"{CANARY}\"\n");
    let output = tieout("check", &pipeline(&house, &app, "", ""), &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("a reference to a secret") && !told(&output).contains(CANARY),
        "{}",
        told(&output)
    );
}

#[test]
fn a_rotated_refresh_token_is_stored_before_it_is_used() {
    let house = House::new(serve(Settings {
        token_seconds: 1,
        latency_ms: 15,
        ..settings()
    }));
    private(&house, "secret", "s");
    private(&house, "refresh", "sandbox-refresh-never-issued");
    let wrong = tieout(
        "fetch",
        &pipeline(&house, SECRET_APP, "\"partner_usage_summary\"", USER),
        &[],
        &[],
    );
    assert_eq!(wrong.status.code(), Some(20));
    private(&house, "refresh", "a person signed in");
    let pipeline = pipeline(
        &house,
        SECRET_APP,
        "\"customer_usage_summary\", \"subscription_usage_summary\", \"meter_usage_records\"",
        USER,
    );
    for day in ["2026-11-21", "2026-11-22", "2026-11-23"] {
        // Tokens last a second: each run renews, and only the newest refresh token is good.
        let output = tieout("fetch", &pipeline, &[], &[("TIEOUT_TODAY", day)]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    }
    let stored = std::fs::read_dir(house.path("state/credentials"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .next()
        .unwrap();
    let text = std::fs::read_to_string(&stored).unwrap();
    assert!(
        text.contains("sandbox-refresh-") && !text.contains("signed in"),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&stored).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::metadata(house.path("state"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
    }
}

/// Whether a file below a folder holds a text; credentials themselves are not looked at.
fn holding(folder: &Path, needles: &[&str]) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder)
        .ok()?
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            if entry.file_name().is_some_and(|name| name == "credentials") {
                continue;
            }
            if let Some(found) = holding(&entry, needles) {
                return Some(found);
            }
        } else if std::fs::read(&entry)
            .is_ok_and(|bytes| needles.iter().any(|needle| memchr_contains(&bytes, needle)))
        {
            return Some(entry);
        }
    }
    None
}

fn memchr_contains(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[test]
fn no_secret_is_ever_told() {
    // Tokens and signatures of the sandbox are secrets as well.
    let key = KEY.lines().nth(3).unwrap();
    let needles = [
        CANARY,
        key,
        "sandbox-token-",
        "sandbox%2Fsignature",
        "sandbox/signature",
        "sandbox-refresh-",
    ];
    let all = std::env::var_os("TIEOUT_SLOW_TESTS").is_some();
    for (kind, (at, fault)) in Fault::ALL
        .iter()
        .enumerate()
        .filter(|(at, fault)| all || at % 6 == 0 || **fault == Fault::Echo)
        .enumerate()
    {
        let faults = Faults::new(
            vec![*fault],
            at as u64,
            if *fault == Fault::Echo { 1_000 } else { 400 },
        );
        let house = House::new(serve(Settings {
            faults,
            ..settings()
        }));
        private(&house, "secret", CANARY);
        private(&house, "refresh", &format!("{CANARY}-refresh"));
        private(&house, "token", &format!("{CANARY}.claims.{CANARY}"));
        let body = STANDARD.encode(b"no certificate, but its bytes");
        private(
            &house,
            "certificate",
            &format!("{KEY}-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"),
        );
        let app = match kind % 5 {
            0 => SECRET_APP,
            1 => {
                "[partner_center.app.workload_identity]\nclient_id = \"app\"\ntoken = { file = \"token\" }\n"
            }
            2 => {
                "[partner_center.app.certificate]\nclient_id = \"app\"\ncertificate = { file = \"certificate\" }\n"
            }
            3 => {
                "[partner_center.app.secret]\nclient_id = \"app\"\nsecret = { environment = \"THE_SECRET\" }\n"
            }
            _ => "[partner_center.app.managed_identity]\n",
        };
        let msi = format!("http://{}/msi/token", house.address);
        let environment = [
            ("RUST_BACKTRACE", "1"),
            ("THE_SECRET", CANARY),
            ("IDENTITY_ENDPOINT", msi.as_str()),
            ("IDENTITY_HEADER", CANARY),
        ];
        let names = "\"customers\", \"usage_budget\", \"partner_usage_summary\", \"statements\", \"unbilled_usage\"";
        let pipeline = pipeline(&house, app, names, USER);
        for (command, more) in [
            ("run", &["-v"][..]),
            ("fetch", &["-v", "--json", "--tables"]),
            ("doctor", &["-v"]),
        ] {
            let output = tieout(command, &pipeline, more, &environment);
            let told = told(&output);
            for needle in needles {
                assert!(
                    !told.contains(needle),
                    "{} of {}: {told}",
                    command,
                    fault.name()
                );
            }
        }
        for folder in ["state", "out"] {
            let found = holding(&house.path(folder), &needles);
            assert!(found.is_none(), "{}: {found:?}", fault.name());
        }
    }
}
