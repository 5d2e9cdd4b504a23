//! Tests of the state folder: damage at every byte of a journal, compaction, and its owner.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::journal::{Entry, Line, Part, Unit, Version};
use super::{Landing, StateOwner, recovery, verify};
use crate::sources::failure::FetchError;
use crate::sources::identity::account::{Account, RetryPolicy};
use crate::sources::identity::cloud::{Addresses, CLOUDS};

/// Lines of a journal from which it is compacted, and some more.
const MANY: u64 = 51_000;

fn account(tenant: &str, sandbox: Option<&str>) -> Account {
    Account {
        tenant: tenant.to_owned(),
        addresses: Addresses::of(&CLOUDS[0], sandbox).unwrap(),
        app: None,
        user: None,
        patience: RetryPolicy::default(),
        sheets_audience: String::new(),
        requests_per_second: std::num::NonZeroU32::MIN,
        workers: 1,
        read_timeout_ms: 1,
        request_timeout_ms: 1,
    }
}

fn owner() -> StateOwner {
    StateOwner::of(&account("contoso", Some("http://127.0.0.1:1")))
}

fn open(folder: &Path) -> (Landing, Vec<String>) {
    Landing::open(folder, &owner()).unwrap()
}

/// A folder in memory, where there is one: thousands of openings sync to disk each time.
fn quick_folder() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Units of a folder's journal, whether their files are there or not, and the warnings.
fn units(folder: &Path) -> (BTreeMap<String, Unit>, Vec<String>) {
    fs::create_dir_all(folder.join(recovery::TEMPORARY)).unwrap();
    let (_, units, warnings) = recovery::open(folder).unwrap();
    (units, warnings)
}

fn part(name: &str, next: Option<&str>) -> Entry {
    Entry::Part(Part {
        name: name.to_owned(),
        path: PathBuf::from(name),
        blake3: blake3::hash(name.as_bytes()).to_hex().to_string(),
        stored_blake3: "0".repeat(64),
        bytes: 1,
        stored_bytes: 1,
        rows: 1,
        next: next.map(str::to_owned),
        next_uri: None,
    })
}

fn complete(etag: Option<&str>, day: &str) -> Entry {
    Entry::Complete {
        etag: etag.map(str::to_owned),
        day: day.to_owned(),
    }
}

fn manifest(etag: &str) -> Entry {
    Entry::Manifest {
        etag: etag.to_owned(),
    }
}

fn operation(url: &str) -> Entry {
    Entry::Operation {
        url: url.to_owned(),
    }
}

/// Enters steps of a unit, and returns its state.
fn enter(landing: &Landing, id: &str, steps: impl IntoIterator<Item = Entry>) -> Unit {
    for step in steps {
        landing.enter(id, step).unwrap();
    }
    landing.unit(id)
}

/// A journal with an export that was restated, one that is new, pages that are complete, pages that
/// are not, and snapshots of two days.
fn small_journal(folder: &Path) -> Vec<u8> {
    let (landing, warnings) = open(folder);
    assert!(warnings.is_empty(), "{warnings:?}");
    let export = |version: &str| {
        let blobs = ["a", "b"].map(|blob| part(&format!("{version}{blob}"), None));
        let mut steps = vec![operation("https://x/1"), manifest(version)];
        steps.extend(blobs);
        steps.push(complete(Some(version), "2026-11-08"));
        steps
    };
    enter(&landing, "usage/v2/g1", [export("1"), export("2")].concat());
    enter(&landing, "usage/v2/g2", export("1"));
    let pages = [part("page-1", Some("t")), part("page-2", None)];
    enter(&landing, "azure/v1/g1", pages.clone());
    enter(&landing, "azure/v1/g1", [complete(None, "2026-11-08")]);
    let open = [Some("t"), Some("u"), None].map(|next| part(&format!("page-{next:?}"), next));
    enter(&landing, "lines/v1/g1", open);
    enter(
        &landing,
        "customers/v1/@2026-11-07",
        [complete(None, "2026-11-07")],
    );
    enter(&landing, "customers/v1/@2026-11-08", pages);
    let checked = Entry::Checked {
        day: "2026-11-09".to_owned(),
    };
    enter(
        &landing,
        "customers/v1/@2026-11-08",
        [complete(None, "2026-11-08")],
    );
    enter(&landing, "usage/v2/g1", [checked]);
    fs::read(folder.join(recovery::JOURNAL)).unwrap()
}

/// Holds units of a damaged journal against those of the whole one. A unit has what it had, or is
/// asked for again; returns the ids of the latter.
fn differing(found: &BTreeMap<String, Unit>, whole: &BTreeMap<String, Unit>) -> Vec<String> {
    for (id, unit) in found {
        let Some(before) = whole.get(id) else {
            // Of the day before: the line that ended it is lost.
            assert_eq!(id, "customers/v1/@2026-11-07");
            continue;
        };
        let is_asked_again = unit.open.is_some() || unit.versions.is_empty();
        let is_same = unit.versions.last() == before.versions.last();
        assert!(is_same || is_asked_again, "{id}: {unit:?}");
        assert!(
            unit.versions
                .iter()
                .all(|version| before.versions.contains(version)),
            "{id}"
        );
        let parts = unit.open_parts();
        assert!(
            parts.is_empty() || parts == before.open_parts(),
            "{id}: {parts:?}"
        );
    }
    let changed = whole
        .iter()
        .filter(|(id, unit)| found.get(*id) != Some(*unit));
    changed.map(|(id, _)| id.clone()).collect()
}

#[test]
fn a_byte_of_the_journal_flips() {
    let folder = quick_folder();
    let journal = small_journal(folder.path());
    let path = folder.path().join(recovery::JOURNAL);
    let (whole, warnings) = units(folder.path());
    assert!(warnings.is_empty() && whole.len() == 5, "{warnings:?}");
    for at in 0..journal.len() {
        // One bit, as memory does; here and there another byte altogether, which takes longer.
        let mask = if at % 97 == 0 { 0x5a } else { 1 << (at % 7) };
        let mut damaged = journal.clone();
        damaged[at] ^= mask;
        fs::write(&path, &damaged).unwrap();
        let (found, warnings) = units(folder.path());
        assert_eq!(
            warnings.len(),
            1 + usize::from(damaged[at] == b'\n'),
            "byte {at}: {warnings:?}"
        );
        let changed = differing(&found, &whole);
        if damaged[at] == b'\n' {
            // Two pieces of a line, neither of which tells what it was.
            let stays = whole.iter().filter(|(id, unit)| {
                found
                    .get(*id)
                    .is_some_and(|found| found.versions == unit.versions)
            });
            assert!(stays.count() >= whole.len() - 1, "byte {at}: {found:?}");
        } else {
            assert!(changed.is_empty(), "byte {at}: {changed:?}");
        }
        // Told once, and the same from then on.
        assert_eq!(units(folder.path()), (found, Vec::new()), "byte {at}");
    }
    let copies = fs::read_to_string(folder.path().join(recovery::DAMAGED)).unwrap();
    assert!(copies.lines().count() >= journal.len(), "each is kept");
}

#[test]
fn a_block_of_the_journal_is_lost() {
    let folder = quick_folder();
    let journal = small_journal(folder.path());
    let path = folder.path().join(recovery::JOURNAL);
    let (whole, _) = units(folder.path());
    let mut copies = 0;
    for at in (0..journal.len()).step_by(47) {
        let length = [40, 300, 900][at % 3];
        let mut damaged = journal.clone();
        let end = journal.len().min(at + length);
        damaged[at..end].fill([0, b'x', b'\t', b'\n'][at % 4]);
        fs::write(&path, &damaged).unwrap();
        let (found, warnings) = units(folder.path());
        // What is cut off at the end is as if it had not been fetched yet.
        let is_cut = warnings.iter().any(|warning| warning.contains("cut off"));
        if !is_cut {
            differing(&found, &whole);
        }
        assert!(!warnings.is_empty(), "byte {at}");
        let all = fs::read(folder.path().join(recovery::DAMAGED)).map_or(0, |all| all.len());
        assert!(all > copies || is_cut, "byte {at}: each is kept");
        copies = all;
    }
}

#[test]
fn a_torn_line_is_cut_and_nothing_else() {
    let folder = quick_folder();
    let journal = small_journal(folder.path());
    let path = folder.path().join(recovery::JOURNAL);
    for cut in 0..=journal.len() {
        fs::write(&path, &journal[..cut]).unwrap();
        let (_, warnings) = units(folder.path());
        let whole = journal[..cut]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        assert_eq!(warnings.is_empty(), whole == cut, "cut at {cut}");
        assert_eq!(fs::read(&path).unwrap(), &journal[..whole]);
    }
    assert!(!folder.path().join(recovery::DAMAGED).exists());
}

#[test]
fn a_journal_of_an_older_release_is_believed_until_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(recovery::JOURNAL);
    let lines = [part("page-1", None), complete(None, "2026-11-08")];
    let text: Vec<String> = ["a/v1", "b/v1"]
        .iter()
        .flat_map(|unit| {
            lines.iter().map(|entry| Line {
                unit: (*unit).to_owned(),
                entry: entry.clone(),
                proof: None,
            })
        })
        .map(|line| line.stored().unwrap())
        .collect();
    fs::write(&path, text.concat()).unwrap();
    let (landing, warnings) = open(folder.path());
    assert!(warnings[0].contains("without an owner"), "{warnings:?}");
    drop(landing);
    let (found, _) = units(folder.path());
    assert_eq!(
        found
            .values()
            .map(|unit| unit.versions.len())
            .sum::<usize>(),
        2
    );
    // The first line of the first unit is lost: nothing proves the rest.
    let damaged = text.concat().replacen("page-1", "page-22", 1);
    fs::write(&path, damaged).unwrap();
    let (found, _) = units(folder.path());
    assert!(
        found.values().all(|unit| unit.versions.is_empty()),
        "{found:?}"
    );
}

#[test]
fn an_export_that_is_ordered_anew_keeps_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, _) = open(folder.path());
    let steps = [
        operation("https://x/1"),
        manifest("1"),
        part("a", None),
        operation("https://x/2"),
    ];
    let unit = enter(&landing, "usage/v2/g1", steps);
    assert_eq!(unit.open_parts().len(), 1);
    assert_eq!(unit.open.unwrap().operation.as_deref(), Some("https://x/2"));
    assert_eq!(
        enter(&landing, "usage/v2/g1", [manifest("1")])
            .open_parts()
            .len(),
        1
    );
    assert!(
        enter(&landing, "usage/v2/g1", [manifest("2")])
            .open_parts()
            .is_empty()
    );
}

#[test]
fn a_version_whose_file_is_lost_is_not_replaced_by_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, _) = open(folder.path());
    for body in [b"old", b"new"] {
        let part = landing.land_page("u/1", "page-1", body, "json").unwrap();
        enter(
            &landing,
            "u/1",
            [Entry::Part(part), complete(None, "2026-11-08")],
        );
    }
    let newest = landing.newest("u/1").unwrap();
    drop(landing);
    fs::remove_file(folder.path().join(&newest.parts[0].path)).unwrap();
    let unit = open(folder.path()).0.unit("u/1");
    assert!(unit.versions.len() == 1 && unit.open.is_some() && unit.checked.is_none());
}

/// Many nights of some snapshots, and exports that are restated each night.
fn many_nights(landing: &Landing, lines: u64) {
    let mut entered = 0;
    for night in 0.. {
        let day = format!("2026-{:02}-{:02}", night / 28 % 12 + 1, night % 28 + 1);
        for unit in 0..100 {
            let id = format!("customers/v1/{unit}/@{day}");
            enter(landing, &id, [part("page-1", None)]);
            // Synced each, a completion costs too much to have many of them here.
            if unit == 0 {
                enter(landing, &id, [complete(None, &day)]);
            }
            entered += 1;
        }
        let steps = [
            operation("https://x/1"),
            manifest(&day),
            part("a", None),
            complete(Some(&day), &day),
        ];
        enter(landing, "usage/v2/g1", steps);
        if entered > lines {
            return;
        }
    }
}

#[test]
fn a_long_journal_is_compacted_to_what_is_current() {
    let folder = quick_folder();
    let path = folder.path().join(recovery::JOURNAL);
    many_nights(&open(folder.path()).0, MANY);
    let long = fs::read(&path).unwrap();
    let (before, warnings) = units(folder.path());
    assert!(warnings.is_empty(), "{warnings:?}");
    let short = fs::read(&path).unwrap();
    assert!(short.len() * 50 < long.len(), "{} bytes", short.len());
    // What was current is, and two versions of the export.
    assert_eq!(
        (before.len(), before["usage/v2/g1"].versions.len()),
        (101, 2)
    );
    assert_eq!(units(folder.path()).0, before);
    let archive = || {
        let entries = fs::read_dir(folder.path().join(recovery::ARCHIVE)).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let archived = archive();
    let mut text = Vec::new();
    let file = fs::File::open(&archived[0]).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut text)
        .unwrap();
    assert!(
        archived.len() == 1 && text == long,
        "the archive has every line"
    );
    // Killed between archive and journal: done once more, and not twice.
    fs::write(&path, &long).unwrap();
    assert_eq!(units(folder.path()).0, before);
    assert!(archive() == archived && fs::read(&path).unwrap() == short);
}

#[test]
fn steps_of_a_unit_give_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    small_journal(folder.path());
    let (units, _) = units(folder.path());
    let mut doubted = units["usage/v2/g1"].clone();
    doubted.doubt();
    for unit in units.values().chain([&doubted]) {
        let mut again = Unit::default();
        for (entry, proof) in unit.steps() {
            assert!(again.apply(entry, proof.as_deref()));
        }
        assert_eq!(&again, unit);
        assert!(unit.steps().len() as u64 <= unit.lines());
    }
    assert_eq!(Version::default().rows(), 0);
}

#[test]
fn a_folder_belongs_to_one_tenant_cloud_and_host() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, _) = open(folder.path());
    let file = folder.path().join("identity.json");
    assert!(!file.exists(), "nothing was fetched yet");
    enter(&landing, "u/1", [complete(None, "2026-11-08")]);
    drop(landing);
    let same = StateOwner::of(&account("Contoso", Some("http://localhost:99")));
    assert!(
        Landing::open(folder.path(), &same).is_ok(),
        "another port, other case"
    );
    for (tenant, sandbox) in [("fabrikam", Some("http://127.0.0.1:1")), ("contoso", None)] {
        let other = StateOwner::of(&account(tenant, sandbox));
        let refused = Landing::open(folder.path(), &other).unwrap_err();
        assert!(matches!(refused, FetchError::State { .. }), "{refused}");
    }
    for text in ["{\"format\":2}", "{", ""] {
        fs::write(&file, text).unwrap();
        let refused = Landing::open(folder.path(), &owner()).unwrap_err();
        assert!(matches!(refused, FetchError::State { .. }), "{refused}");
    }
}

#[test]
fn a_step_of_a_newer_release_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(recovery::JOURNAL);
    let text = "{\"unit\":\"u/1\",\"step\":\"teleported\"}";
    let line = format!("{text}\t{}\n", super::journal::check(text.as_bytes()));
    fs::write(&path, &line).unwrap();
    let refused = Landing::open(folder.path(), &owner()).unwrap_err();
    assert!(matches!(refused, FetchError::State { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), line);
}

#[test]
fn a_page_that_the_system_does_not_give_is_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (landing, _) = open(folder.path());
    let part = landing.land_page("u/1", "page-1", b"{}", "json").unwrap();
    let path = folder.path().join(&part.path);
    assert_eq!(landing.bytes_of(&part).unwrap(), b"{}");
    fs::write(&path, "{}").unwrap();
    let damaged = landing.bytes_of(&part);
    assert!(matches!(damaged, Err(FetchError::Damaged { .. })));
    // A folder is opened, but reading it is an error of the system.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let refused = landing.bytes_of(&part);
    assert!(matches!(refused, Err(FetchError::Storage { .. })));
    let refused = verify::lines(fs::File::open(&path).unwrap());
    assert!(matches!(refused, Err(verify::Fault::Storage(_))));
}
