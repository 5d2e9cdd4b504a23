//! Credentials: every kind gets a token from the sandbox, and no secret is ever printed or written.

use std::path::{Path, PathBuf};
use std::process::Output;

use tieout::sandbox::Settings;
use tieout::sandbox::faults::{Fault, Faults};

use crate::program::{files_below, printed, program};
use crate::served::{House, TODAY, serve, settings};

/// A secret that is looked for wherever something is printed or written.
const CANARY: &str = "canary-7f3a9b1c";

/// An RSA key of 2,048 bits, made for these tests alone.
const KEY: &str = include_str!("key.pem");

/// Writes a file that only its owner may read.
fn private(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.path(name);
    std::fs::write(&path, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

/// Writes a pipeline with the tables `app` and `user`, which fetches the endpoints in `fetch`, too.
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

/// Runs a command on a pipeline, with some environment variables.
fn tieout(command: &str, pipeline: &Path, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut process = program(&[command]);
    process
        .arg(pipeline)
        .args(more)
        .env("TIEOUT_TODAY", TODAY)
        .envs(environment.iter().copied());
    process.output().unwrap()
}

const SECRET_APP: &str =
    "[partner_center.app.secret]\nclient_id = \"app\"\nsecret = { file = \"secret\" }\n";
const ENVIRONMENT_APP: &str =
    "[partner_center.app.secret]\nclient_id = \"app\"\nsecret = { environment = \"THE_SECRET\" }\n";
const CERTIFICATE_APP: &str = "[partner_center.app.certificate]\nclient_id = \"app\"\ncertificate = { file = \"certificate\" }\n";
const WORKLOAD_APP: &str =
    "[partner_center.app.workload_identity]\nclient_id = \"app\"\ntoken = { file = \"token\" }\n";
const MANAGED_APP: &str = "[partner_center.app.managed_identity]\n";
const USER: &str = "[partner_center.user]\nclient_id = \"app\"\nsecret = { file = \"secret\" }\nrefresh_token = { file = \"refresh\" }\n";

/// A certificate of that key, good until 2096.
const LASTING: &str = include_str!("certificates/lasting.pem");

/// Writes `certificate`: the key and its certificate.
fn write_certificate(house: &House) {
    private(house, "certificate", &format!("{KEY}{LASTING}"));
}

#[test]
fn each_kind_of_credential_gets_a_token() {
    let house = House::new(serve(settings()));
    private(&house, "secret", "s3cret\n");
    private(&house, "token", "header.claims.signature\n");
    write_certificate(&house);
    let msi = format!("http://{}/msi/token", house.address);
    let managed = [
        ("IDENTITY_ENDPOINT", msi.as_str()),
        ("IDENTITY_HEADER", "x"),
    ];
    let cases: [(&str, &[(&str, &str)]); 5] = [
        (SECRET_APP, &[]),
        (ENVIRONMENT_APP, &[("THE_SECRET", "s3cret")]),
        (CERTIFICATE_APP, &[]),
        (WORKLOAD_APP, &[]),
        (MANAGED_APP, &managed),
    ];
    for (app, environment) in cases {
        let output = tieout("doctor", &pipeline(&house, app, "", ""), &[], environment);
        let printed = printed(&output);
        assert_eq!(output.status.code(), Some(0), "{app}: {printed}");
        assert!(
            printed.contains("ok    App-only: customers")
                && printed.contains("ok    App-only: billing exports"),
            "{app}: {printed}"
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
    let words = unfolded(&wrong);
    // Nothing that this pipeline fetches needs the user: no reason to fail.
    assert!(
        words.contains("AADSTS7000215")
            && words.contains("FAIL  App-only: customers")
            && words.contains("warn  App+User")
            && words.contains("costs: nothing; this pipeline does not need it"),
        "{words}"
    );
    private(&house, "secret", "right");
    let right = tieout("doctor", &pipeline(&house, SECRET_APP, "", USER), &[], &[]);
    assert_eq!(right.status.code(), Some(0), "{}", printed(&right));
    // A secret file that others can read is refused.
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
            unfolded(&open).contains("others can read (mode 644)"),
            "{}",
            unfolded(&open)
        );
    }
    private(&house, "secret", "right");
    // A missing permission is named, with the role to grant.
    let faults = Faults::new(vec![Fault::Forbidden], 1, 1_000);
    let strict = House {
        folder: house.folder,
        address: serve(Settings {
            faults,
            ..settings()
        }),
    };
    let output = tieout("doctor", &pipeline(&strict, SECRET_APP, "", USER), &[], &[]);
    let words = unfolded(&output);
    assert_eq!(output.status.code(), Some(20));
    assert!(
        words.contains("PartnerBilling.Read.All") && words.contains("Admin agent"),
        "{words}"
    );
    // What they are for in this pipeline, by name.
    assert!(
        words.contains(
            "costs: tie-outs: line-arithmetic, lines-to-invoice, usage-to-invoice; \
             data: usage, invoice_lines hint: grant the application permission"
        ),
        "{words}"
    );
}

/// Everything that was printed, its lines joined.
fn unfolded(output: &Output) -> String {
    let words = printed(output);
    words.replace("\n      ", " ")
}

#[test]
fn a_secret_in_the_pipeline_itself_is_refused_and_not_repeated() {
    let house = House::new(serve(settings()));
    let app = format!("[partner_center.app.secret]\nclient_id = \"app\"\nsecret = \"{CANARY}\"\n");
    let output = tieout("check", &pipeline(&house, &app, "", ""), &[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        printed(&output).contains("a reference to a secret") && !printed(&output).contains(CANARY),
        "{}",
        printed(&output)
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
    // No close needs what the user may read: it is told, and the fetch goes on.
    assert_eq!(wrong.status.code(), Some(0));
    let told = printed(&wrong);
    assert!(
        told.contains("A token for the user") && told.contains("Informs only"),
        "{told}"
    );
    private(&house, "refresh", "a person signed in");
    let pipeline = pipeline(
        &house,
        SECRET_APP,
        "\"customer_usage_summary\", \"subscription_usage_summary\", \"meter_usage_records\"",
        USER,
    );
    for day in ["2026-11-21", "2026-11-22", "2026-11-23"] {
        // Tokens last a second, so each run renews them, and only the newest refresh token is
        // valid.
        let output = tieout("fetch", &pipeline, &[], &[("TIEOUT_TODAY", day)]);
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
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

/// A file below a folder that holds one of the texts; credentials themselves are not searched.
fn holding(folder: &Path, needles: &[&str]) -> Option<PathBuf> {
    if !folder.exists() {
        return None;
    }
    let is_credential = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str() == "credentials")
    };
    files_below(folder).into_iter().find(|path| {
        let bytes = std::fs::read(path).unwrap();
        let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        !is_credential(path) && needles.iter().any(|needle| contains(needle.as_bytes()))
    })
}

#[test]
fn no_secret_is_ever_printed_or_written() {
    let all = std::env::var_os("TIEOUT_SLOW_TESTS").is_some();
    let faults = Fault::ALL.iter().enumerate();
    let tried = faults.filter(|(at, fault)| all || at % 6 == 0 || **fault == Fault::Echo);
    for ((at, fault), app) in tried.zip(APPS.into_iter().cycle()) {
        // `echo` answers with all that was asked, secrets included.
        let rate = if *fault == Fault::Echo { 1_000 } else { 400 };
        let house = House::new(serve(Settings {
            faults: Faults::new(vec![*fault], at as u64, rate),
            ..settings()
        }));
        keeps_its_secrets(&house, app, fault.name());
    }
}

const APPS: [&str; 5] = [
    SECRET_APP,
    WORKLOAD_APP,
    CERTIFICATE_APP,
    ENVIRONMENT_APP,
    MANAGED_APP,
];

/// Runs three commands with secrets that can be recognised, and looks for them in all that is
/// printed and written.
fn keeps_its_secrets(house: &House, app: &str, fault: &str) {
    private(house, "secret", CANARY);
    private(house, "refresh", &format!("{CANARY}-refresh"));
    private(house, "token", &format!("{CANARY}.claims.{CANARY}"));
    write_certificate(house);
    let msi = format!("http://{}/msi/token", house.address);
    let environment = [
        ("RUST_BACKTRACE", "1"),
        ("THE_SECRET", CANARY),
        ("IDENTITY_ENDPOINT", msi.as_str()),
        ("IDENTITY_HEADER", CANARY),
    ];
    // Tokens and signatures of the sandbox are secrets, too.
    let needles = [
        CANARY,
        KEY.lines().nth(3).unwrap(),
        "sandbox-token-",
        "sandbox%2Fsignature",
        "sandbox/signature",
        "sandbox-refresh-",
    ];
    let names = "\"customers\", \"usage_budget\", \"partner_usage_summary\", \"statements\", \"unbilled_usage\"";
    let pipeline = pipeline(house, app, names, USER);
    for (command, more) in [
        ("run", &["-v"][..]),
        ("fetch", &["-v", "--json", "--tables"]),
        ("doctor", &["-v"]),
    ] {
        let printed = printed(&tieout(command, &pipeline, more, &environment));
        let found = needles.iter().find(|needle| printed.contains(**needle));
        assert!(found.is_none(), "{command} of {fault}: {printed}");
    }
    for folder in ["state", "out"] {
        let found = holding(&house.path(folder), &needles);
        assert!(found.is_none(), "{fault}: {found:?}");
    }
}
