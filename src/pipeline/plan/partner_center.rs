//! The `partner_center` table: the account that fetches, what it fetches, and the limits of the
//! requests.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::checker::{Checker, did_you_mean, join, quoted};
use super::credentials::CredentialReader;
use super::document::{Entry, Node, Place, Value, get};
use super::exclusions;
use super::pipeline_plan::Fetching;
use super::sheets;
use crate::model::spelling;
use crate::sources::fetch::endpoints;
use crate::sources::fetch::order::Api;
use crate::sources::identity::account::Account;
use crate::sources::identity::account::RetryPolicy;
use crate::sources::identity::cloud::{Addresses, CLOUDS, Cloud, named};

const KEY: &str = "partner_center";
const KEYS: [&str; 14] = [
    "cloud",
    "tenant",
    "fetch",
    "api",
    "aggregated",
    "price_sheets",
    "sheets_audience",
    "currencies",
    "workers",
    "requests_per_second",
    "sandbox",
    "app",
    "user",
    "patience",
];
/// Requests per second of each API, where the table gives no number.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is above 0");
/// Requests at the same time, where the table gives no number.
const WORKERS: usize = 8;
/// Longest pause between two pieces of a response, where the table gives none.
const READ_TIMEOUT_MS: u64 = 60_000;
/// Longest time for one request, where the table gives none.
const REQUEST_TIMEOUT_MS: u64 = 300_000;
const PATIENCE_KEYS: [&str; 11] = [
    "attempts",
    "backoff_ms",
    "longest_pause_ms",
    "run_retries",
    "run_pause_ms",
    "polls",
    "export_wait_ms",
    "informational_ms",
    "restarts",
    "read_timeout_ms",
    "request_timeout_ms",
];

/// Reads the table; `sources` are the names of the datasets that are reconciled from a fetch.
pub(crate) fn read(
    checker: &mut Checker<'_>,
    folder: &Path,
    root: &[Entry],
    sources: &[&'static str],
    state: Option<PathBuf>,
) -> Option<Fetching> {
    let entry = get(root, KEY)?;
    let fields = checker.table(KEY, entry)?;
    checker.known(KEY, fields, &KEYS);
    let sandbox = sandbox(checker, fields);
    let mut names: Vec<String> = sources.iter().map(|name| (*name).to_owned()).collect();
    names.extend(fetch_names(checker, fields));
    let price_sheets = sheets::price_sheets(checker, fields);
    if get(fields, "price_sheets").is_none() && names.iter().any(|name| name == "price_sheets") {
        let hint = "add `price_sheets = [{ market = \"DE\", view = \"azure_consumption\" }]`";
        let wanted = "the markets and views of the price sheets";
        checker.missing("partner_center.price_sheets", &entry.place, wanted, hint);
    }
    if !price_sheets.is_empty() {
        names.push("price_sheets".to_owned());
    }
    // A dataset may be reconciled and listed in `fetch`, too; it is fetched once.
    names.sort();
    names.dedup();
    let addresses = addresses(checker, entry, fields, sandbox.as_deref())?;
    let reader = CredentialReader {
        folder,
        is_rehearsal: sandbox.is_some(),
    };
    let account = account(checker, &reader, entry, fields, &names, addresses);
    let (api, currencies) = (api(checker, fields), currencies(checker, fields));
    let aggregated = aggregated(checker, fields);
    let exclusions = exclusions::read(checker, root);
    // Last, so that a missing state folder does not hide the mistakes in the table.
    let Some(state) = state else {
        checker.missing(
            "state",
            &Place::File,
            "a folder for fetched data",
            "add `state = \"../state\"` above the first table",
        );
        return None;
    };
    Some(Fetching {
        account,
        names,
        api,
        price_sheets,
        aggregated,
        currencies,
        exclusions,
        state,
    })
}

/// Addresses of the cloud, or of the sandbox that plays its part.
fn addresses(
    checker: &mut Checker<'_>,
    entry: &Entry,
    fields: &[Entry],
    sandbox: Option<&str>,
) -> Option<Addresses> {
    let cloud = cloud(checker, fields);
    match Addresses::of(cloud, sandbox) {
        Ok(addresses) => Some(addresses),
        Err(found) => {
            // An address of a cloud is always valid, so that the fault is in the sandbox's.
            let place = get(fields, "sandbox").map_or(&entry.place, |entry| &entry.node.place);
            checker.note(
                place,
                "partner_center.sandbox",
                found,
                "the address of a sandbox, such as `http://127.0.0.1:8080`",
                None,
            );
            None
        }
    }
}

/// Tenant, credentials and limits of the requests.
fn account(
    checker: &mut Checker<'_>,
    reader: &CredentialReader<'_>,
    entry: &Entry,
    fields: &[Entry],
    names: &[String],
    addresses: Addresses,
) -> Account {
    let (patience, read_timeout_ms, request_timeout_ms) = patience(checker, fields);
    let app_entry = get(fields, "app");
    let user_entry = get(fields, "user");
    let app = app_entry.and_then(|entry| reader.app(checker, entry));
    let user = user_entry.and_then(|entry| reader.user(checker, entry));
    if app_entry.is_none() && user_entry.is_none() {
        let hint = "add `[partner_center.app.secret]`, `.certificate`, `.workload_identity` or `.managed_identity`";
        checker.missing("partner_center.app", &entry.place, "a credential", hint);
    }
    // A user with mistakes in its table is not missing.
    if user_entry.is_none() {
        check_needs_user(checker, entry, names);
    }
    let tenant = reader.id(checker, fields, KEY, "tenant", &entry.place);
    let requests_per_second = positive_number(checker, KEY, fields, "requests_per_second");
    let workers = positive_number(checker, KEY, fields, "workers");
    Account {
        tenant,
        addresses,
        app,
        user,
        patience,
        sheets_audience: sheets::audience(checker, fields),
        requests_per_second: requests_per_second.unwrap_or(REQUESTS_PER_SECOND),
        workers: workers.map_or(WORKERS, |workers| workers.get() as usize),
        read_timeout_ms,
        request_timeout_ms,
    }
}

/// Address of the sandbox that is asked in place of Microsoft, if any.
fn sandbox(checker: &mut Checker<'_>, fields: &[Entry]) -> Option<String> {
    let entry = get(fields, "sandbox")?;
    checker
        .text("partner_center.sandbox", entry, "the address of a sandbox")
        .map(str::to_owned)
}

fn cloud(checker: &mut Checker<'_>, fields: &[Entry]) -> &'static Cloud {
    let key = "partner_center.cloud";
    let wanted = "`global`, `us-government` or `21vianet`";
    // The global cloud is the first, and the one that is meant where none is named.
    let global = &CLOUDS[0];
    let Some(entry) = get(fields, "cloud") else {
        return global;
    };
    let Some(text) = checker.text(key, entry, wanted) else {
        return global;
    };
    match named(text) {
        Some(cloud) => cloud,
        None => {
            checker.wrong(key, &entry.node, wanted, None);
            global
        }
    }
}

fn api(checker: &mut Checker<'_>, fields: &[Entry]) -> Api {
    let key = "partner_center.api";
    let Some(entry) = get(fields, "api") else {
        return Api::Auto;
    };
    match checker.text(key, entry, "`auto`, `v1` or `v2`") {
        Some("v1") => Api::V1,
        Some("v2") => Api::V2,
        Some("auto") | None => Api::Auto,
        Some(_) => {
            checker.wrong(key, &entry.node, "`auto`, `v1` or `v2`", None);
            Api::Auto
        }
    }
}

/// Version of Graph for aggregated usage: `beta` where the table names none, as the other is not
/// documented yet.
fn aggregated(checker: &mut Checker<'_>, fields: &[Entry]) -> &'static str {
    const VERSIONS: [&str; 2] = ["beta", "v1.0"];
    let key = "partner_center.aggregated";
    let wanted = "`beta` or `v1.0`";
    let Some(entry) = get(fields, "aggregated") else {
        return VERSIONS[0];
    };
    let Some(text) = checker.text(key, entry, wanted) else {
        return VERSIONS[0];
    };
    match VERSIONS.into_iter().find(|version| *version == text) {
        Some(version) => version,
        None => {
            checker.wrong(key, &entry.node, wanted, None);
            VERSIONS[0]
        }
    }
}

/// Strings of a list, each with its place; an item of another type is a mistake.
fn texts<'e>(
    checker: &mut Checker<'_>,
    key: &str,
    entry: &'e Entry,
    wanted: &str,
) -> Vec<(&'e Node, &'e str)> {
    let Value::List(items) = &entry.node.value else {
        checker.wrong(key, &entry.node, wanted, None);
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => found.push((item, text.as_str())),
            _ => checker.wrong(key, item, wanted, None),
        }
    }
    found
}

/// Names of endpoints in `fetch`, those of the reconciled datasets not included.
fn fetch_names(checker: &mut Checker<'_>, fields: &[Entry]) -> Vec<String> {
    let Some(entry) = get(fields, "fetch") else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (node, text) in texts(
        checker,
        "partner_center.fetch",
        entry,
        "a list of names, such as `[\"customers\"]`",
    ) {
        // The names of the reconciled datasets are accepted here, too; they are fetched once.
        if endpoints::names().any(|name| name == text) {
            names.push(text.to_owned());
            continue;
        }
        let all = || {
            let names: Vec<&str> = endpoints::names().collect();
            format!("the names are {}", quoted(&names, ", "))
        };
        let hint = spelling::nearest(text, endpoints::names()).map_or_else(all, did_you_mean);
        checker.wrong(
            "partner_center.fetch",
            node,
            "the name of an endpoint",
            Some(hint),
        );
    }
    names
}

fn currencies(checker: &mut Checker<'_>, fields: &[Entry]) -> Vec<String> {
    let Some(entry) = get(fields, "currencies") else {
        return Vec::new();
    };
    let wanted = "currency codes, such as `[\"EUR\"]`";
    let mut codes = Vec::new();
    for (node, text) in texts(checker, "partner_center.currencies", entry, wanted) {
        // Upper case only: the code goes into a request as it is written here.
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            codes.push(text.to_owned());
        } else {
            checker.wrong("partner_center.currencies", node, wanted, None);
        }
    }
    codes
}

/// Retry policy, and the read and request timeouts in milliseconds.
fn patience(checker: &mut Checker<'_>, fields: &[Entry]) -> (RetryPolicy, u64, u64) {
    let key = "partner_center.patience";
    let entries = checker.optional_table(key, get(fields, "patience"));
    checker.known(key, entries, &PATIENCE_KEYS);
    let usual = RetryPolicy::default();
    let mut given = |name: &str| positive_number(checker, key, entries, name);
    let patience = RetryPolicy {
        backoff_ms: wide(given("backoff_ms"), usual.backoff_ms),
        longest_pause_ms: wide(given("longest_pause_ms"), usual.longest_pause_ms),
        run_retries: wide(given("run_retries"), usual.run_retries),
        run_pause_ms: wide(given("run_pause_ms"), usual.run_pause_ms),
        export_wait_ms: wide(given("export_wait_ms"), usual.export_wait_ms),
        informational_ms: wide(given("informational_ms"), usual.informational_ms),
        attempts: given("attempts").map_or(usual.attempts, NonZeroU32::get),
        polls: given("polls").map_or(usual.polls, NonZeroU32::get),
        restarts: given("restarts").map_or(usual.restarts, NonZeroU32::get),
    };
    let read_timeout_ms = wide(given("read_timeout_ms"), READ_TIMEOUT_MS);
    let request_timeout_ms = wide(given("request_timeout_ms"), REQUEST_TIMEOUT_MS);
    (patience, read_timeout_ms, request_timeout_ms)
}

/// The given number, or the usual one.
fn wide(given: Option<NonZeroU32>, usual: u64) -> u64 {
    given.map_or(usual, |given| u64::from(given.get()))
}

/// Whole number above 0 in the field `name`; `None` where it is absent, or wrong, which is noted.
fn positive_number(
    checker: &mut Checker<'_>,
    key: &str,
    entries: &[Entry],
    name: &str,
) -> Option<NonZeroU32> {
    let entry = get(entries, name)?;
    // Zero is refused as well: without an attempt, or a worker, nothing would ever be fetched.
    let number = match &entry.node.value {
        Value::Integer(text) => text.parse::<NonZeroU32>().ok(),
        _ => None,
    };
    if number.is_none() {
        let key = join(key, name);
        checker.wrong(&key, &entry.node, "a whole number above 0", None);
    }
    number
}

/// Notes that a user's credential is missing where an endpoint is fetched that answers App+User
/// only.
fn check_needs_user(checker: &mut Checker<'_>, entry: &Entry, names: &[String]) {
    // These endpoints refuse App-only tokens: better to learn that before the fetch.
    let user_only: Vec<&str> = endpoints::ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.user_only && names.iter().any(|name| name == endpoint.name))
        .map(|endpoint| endpoint.name)
        .collect();
    if user_only.is_empty() {
        return;
    }
    let needs = if user_only.len() == 1 {
        "needs"
    } else {
        "need"
    };
    let them = user_only.join(", ");
    let hint = format!(
        "{them} {needs} App+User; add `[partner_center.user]`, or remove {them} from `fetch`"
    );
    checker.missing(
        "partner_center.user",
        &entry.place,
        "a user's credential",
        &hint,
    );
}
