//! Every place in `src` where a file is opened or read by its path, and why that is safe. A file
//! that is opened twice by one path may be two files: inputs are opened by `sources/files` alone.

use crate::tidy::{code_of, sources};

/// Ways to open a file, or to read it by its path.
const WAYS: [&str; 7] = [
    "File::open(",
    "File::options(",
    "OpenOptions::new(",
    "fs::read(",
    "fs::read_to_string(",
    "from_path(",
    "fs::copy(",
];

/// Files of `src` that open files: how often, and why a file that changes meanwhile does no harm.
const OPENINGS: [(&str, usize, &str); 29] = [
    (
        "src/pipeline/closing/hashed_files.rs",
        2,
        "files of runs and their inputs, read for their hashes alone; a manifest, read whole by one opening",
    ),
    (
        "src/pipeline/closing/pack.rs",
        1,
        "files of a run, under the lock of the folder, each held against its hash as it is copied",
    ),
    (
        "src/pipeline/closing/run_sums.rs",
        1,
        "a table of a run, under the lock of the folder, held against its hash before and after",
    ),
    (
        "src/pipeline/closing/verify.rs",
        1,
        "the hashes of a pack, read whole by one opening and held against their own hash",
    ),
    (
        "src/pipeline/explain/run_folder.rs",
        1,
        "the manifest and the tables of a run, each opened once and held against its hash",
    ),
    (
        "src/pipeline/finish.rs",
        1,
        "the manifest of the run that was just placed, under the lock of its folder",
    ),
    (
        "src/pipeline/focus/export.rs",
        1,
        "rows of the analyst folder, each file opened once; a path names its run, and a copy is never changed",
    ),
    (
        "src/pipeline/machine.rs",
        4,
        "limits of this process and of the machine in /proc and /sys",
    ),
    (
        "src/pipeline/plan/parse.rs",
        1,
        "a pipeline file, read whole by one opening and never again",
    ),
    (
        "src/pipeline/presentation/table_rows.rs",
        1,
        "a table of a run: staged by this process, or held against its hash before the reports are made",
    ),
    (
        "src/pipeline/prune.rs",
        2,
        "manifests and landed files, under the locks of the state and of every output folder",
    ),
    (
        "src/progress/phases.rs",
        2,
        "figures of this process in /proc",
    ),
    (
        "src/rehearsal/",
        2,
        "the truth of a rehearsal and the tables of its runs, each read whole by one opening",
    ),
    (
        "src/reports/atomic.rs",
        2,
        "locks, pointers and files of this program, under the lock of the folder",
    ),
    (
        "src/reports/earlier_run.rs",
        2,
        "files of a published run, under the lock of the folder, each held against its hash",
    ),
    (
        "src/reports/analyst_folder.rs",
        3,
        "files of rows, copied or read once under the lock of the folder; a copy that is synced",
    ),
    (
        "src/reports/kept_files.rs",
        1,
        "a file of rows, read for its hash alone under the lock of the folder",
    ),
    (
        "src/reports/linked_copies.rs",
        1,
        "the lock of those who write copies",
    ),
    (
        "src/reports/ledger_tables.rs",
        2,
        "the ledger's tables, each read whole by one opening, beside what they should be",
    ),
    (
        "src/reports/output_entries.rs",
        1,
        "the pointer to a run where links do not exist, read whole by one opening",
    ),
    (
        "src/reports/single_files.rs",
        2,
        "files of this program while it writes them, and the folder that they are named in",
    ),
    (
        "src/sandbox/",
        6,
        "data of `synth`, served to tests and trials",
    ),
    (
        "src/sources/auth/grant.rs",
        1,
        "a token, read whole by one opening",
    ),
    (
        "src/sources/cache.rs",
        1,
        "an entry, read whole by one opening and held against its hash",
    ),
    (
        "src/sources/files.rs",
        3,
        "inputs: one handle for all readings, compared with its stamp and its hash afterwards",
    ),
    (
        "src/sources/identity/account.rs",
        1,
        "a secret, read whole by one opening",
    ),
    (
        "src/sources/landing/files.rs",
        5,
        "files of the state folder, under its lock",
    ),
    (
        "src/sources/landing/mod.rs",
        2,
        "a stored page, read by one opening and held against its hash; the name of a lock's holder",
    ),
    (
        "src/synth/months/exports.rs",
        1,
        "an export of the rehearsal that was just written, whose copy a later day has",
    ),
];

#[test]
fn only_known_places_open_files() {
    let mut found: Vec<(&str, usize)> = OPENINGS.iter().map(|(path, ..)| (*path, 0)).collect();
    for source in sources("src")
        .into_iter()
        .filter(|source| !source.path.contains("/tests/") && !source.path.ends_with("/tests.rs"))
    {
        let code = code_of(source.text.split("#[cfg(test)]\nmod tests").next().unwrap());
        // `HeldFile::open` is the right way.
        let is_word = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric());
        let times = |way: &&str| {
            code.match_indices(way)
                .filter(|(at, _)| is_word(*at))
                .count()
        };
        let count: usize = WAYS.iter().map(times).sum();
        let known = found
            .iter_mut()
            .find(|(path, _)| source.path.starts_with(path));
        match known {
            Some((_, known)) => *known += count,
            None => assert_eq!(
                count, 0,
                "{} opens files: by `sources/files`, or into the list with a reason",
                source.path
            ),
        }
    }
    let listed: Vec<(&str, usize)> = OPENINGS
        .iter()
        .map(|(path, count, _)| (*path, *count))
        .collect();
    assert_eq!(found, listed, "openings of files came or went");
}
