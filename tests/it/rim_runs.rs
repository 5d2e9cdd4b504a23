//! `explain` over runs that are damaged or whose files moved, over whole months, and over the samples:
//! it says whose fault it is.

use std::fs;
use std::path::{Path, PathBuf};

use tieout::synth::Format;

use crate::explained::{Case, HEADER, assert_says, walk};
use crate::fixtures::{LINE, USAGE, sheet};
use crate::program::{cases, program, run_case, stderr};
use crate::runs::{is_quick, month};

#[test]
fn of_several_files_that_cannot_be_explained_the_first_is_named() {
    let case = Case::new();
    for number in 0..8 {
        let quantity = format!("{number}");
        case.write(
            &format!("u{number}.csv"),
            sheet(USAGE, &[&[("Quantity", &quantity)]]),
        );
    }
    case.write("l.csv", sheet(LINE, &[&[]]));
    assert_eq!(case.run().status.code(), Some(0));
    let id = case.id(&[]);
    for number in [2, 5, 7] {
        fs::remove_file(case.path(&format!("u{number}.csv"))).unwrap();
    }
    for _ in 0..5 {
        assert_says(
            &case.explain(&[&id]),
            2,
            &["u2.csv", "no such file", "hint:"],
        );
    }
}

#[test]
fn a_file_that_moved_is_told_from_one_that_changed() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write("l.csv", sheet(LINE, &[&[]]));
    let run = |folder: &Path| {
        let arguments = [
            "-q",
            "reconcile",
            "--usage",
            "u.csv",
            "--invoice-lines",
            "l.csv",
            "--out",
            "out",
        ];
        program(&arguments).current_dir(folder).output().unwrap()
    };
    assert_eq!(run(case.0.path()).status.code(), Some(0));
    // Paths are relative to the folder in which the run was started.
    let id = case.id(&[]);
    assert_says(
        &case.explain(&[&id]),
        2,
        &["`u.csv`", "no such file", "folder"],
    );
    let at_home = |arguments: &[&str]| {
        let all = [&["explain"], arguments].concat();
        program(&all).current_dir(case.0.path()).output().unwrap()
    };
    assert_eq!(at_home(&[&id]).status.code(), Some(0));
    let text = fs::read_to_string(case.path("u.csv")).unwrap();
    for changed in [
        text.replace("Contoso", "Fabrikam"),
        String::new(),
        text.clone() + &text,
    ] {
        fs::write(case.path("u.csv"), changed).unwrap();
        assert_says(&at_home(&[&id]), 24, &["`u.csv`", "different content"]);
    }
}

/// A published run with a group of each tie-out.
struct Whole {
    case: Case,
    ids: Vec<String>,
    folder: PathBuf,
    manifest: String,
}

impl Whole {
    fn new() -> Self {
        let case = Case::new();
        let line = sheet(LINE, &[&[("Subtotal", "2"), ("Total", "2")]]);
        case.write("u.csv", sheet(USAGE, &[&[]]))
            .write("l.csv", line)
            .write("h.csv", sheet(HEADER, &[&[]]));
        assert_says(&case.explain(&["00"]), 2, &["no published run"]);
        assert_eq!(case.run().status.code(), Some(0));
        let ids = case.ids(&[]);
        assert_eq!(ids.len(), 2);
        let folder = fs::canonicalize(case.path("out/current")).unwrap();
        let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
        Self {
            case,
            ids,
            folder,
            manifest,
        }
    }

    /// Whatever is explained is refused with the place, what was found and wanted, and a hint.
    fn refused(&self, place: &str) {
        let key = ["--key", "customer_id=c-1"];
        for arguments in [&[&*self.ids[0]][..], &[&self.ids[1]], &key] {
            let said = self.case.explain(arguments);
            assert_says(&said, 24, &[place, "found", "wanted", "hint:"]);
        }
    }

    /// With other bytes in a file, everything is refused; the file is then as it was.
    fn damage(&self, file: &str, bytes: &[u8]) {
        let path = self.folder.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        self.refused(file);
        fs::write(&path, whole).unwrap();
    }

    fn explained(&self, arguments: &[&str]) {
        for id in &self.ids {
            let output = self.case.explain(&[arguments, &[id]].concat());
            assert_says(&output, 0, &[id]);
        }
    }
}

#[test]
fn a_damaged_manifest_is_named() {
    let run = Whole::new();
    let replaced = |old: &str, new: &str| {
        let text = run.manifest.replace(old, new);
        assert_ne!(text, run.manifest);
        text
    };
    let half = &run.manifest[..run.manifest.len() / 2];
    for text in [
        &*replaced("\"version\": 1,", "\"version\": 2,"),
        &replaced("is\": \"meter_name\"", "is\": \"x\""),
        &replaced("\"absolute\": null", "\"absolute\": \"much\""),
        &replaced("\"run_id\": \"", "\"run_id\": \"0"),
        "",
        "{",
        "[]",
        "{}",
        "\u{0}",
        half,
    ] {
        run.damage("manifest.json", text.as_bytes());
    }
    run.damage("manifest.json", b"\xff\xfe");
    fs::remove_file(run.folder.join("manifest.json")).unwrap();
    run.refused("manifest.json");
    fs::write(run.folder.join("manifest.json"), &run.manifest).unwrap();
    run.explained(&[]);
}

#[test]
fn a_damaged_table_is_named() {
    let run = Whole::new();
    for table in [
        "variances",
        "resources",
        "lineage",
        "findings",
        "rejected_rows",
    ] {
        let file = format!("{table}.parquet");
        let path = run.folder.join(&file);
        let whole = fs::read(&path).unwrap();
        run.damage(&file, b"");
        run.damage(&file, &whole[..whole.len() / 2]);
        for at in [0, whole.len() / 3, whole.len() - 5] {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            run.damage(&file, &flipped);
        }
        fs::rename(&path, run.case.path("aside")).unwrap();
        run.refused(&file);
        fs::create_dir(&path).unwrap();
        run.refused(&file);
        fs::remove_dir(&path).unwrap();
        fs::rename(run.case.path("aside"), &path).unwrap();
    }
    run.explained(&[]);
}

#[test]
fn a_pointer_that_leads_to_no_run_is_named() {
    let run = Whole::new();
    // Not a run at all, as the user named it.
    let output = run.case.explain(&["--run", "none", &run.ids[0]]);
    assert_says(&output, 2, &["no run `none`"]);
    let pointer = run.case.path("out/current");
    fs::remove_file(&pointer).unwrap();
    run.refused("current");
    std::os::unix::fs::symlink("runs/gone", &pointer).unwrap();
    run.refused("current");
    fs::remove_file(&pointer).unwrap();
    fs::create_dir(&pointer).unwrap();
    run.refused("current");
    let id = run.folder.file_name().unwrap().to_str().unwrap();
    run.explained(&["--run", id]);
}

/// Puts hostile rows in a CSV file: every 50th row again, every 70th with a broken number.
fn make_hostile(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut more = Vec::new();
    for (number, line) in lines.iter().enumerate().skip(1) {
        if number % 50 == 0 {
            more.push(line.clone());
        }
        if number % 70 == 0 {
            more.push(line.replace(".", ".x"));
        }
        if number % 400 == 0 {
            more.push(line.chars().take(line.len() / 2).collect());
        }
    }
    lines.extend(more);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn files_of(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = crate::program::files_below(folder);
    files.retain(|path| path.to_str().unwrap().ends_with(ending));
    files.sort();
    files
}

/// Runs a synthetic month into `out`.
fn run_month(folder: &Path, format: Format, out: &Path, flags: &[&str]) {
    let globs = crate::runs::globs(folder, format);
    let mut arguments = vec!["-q".to_owned(), "reconcile".to_owned()];
    for (flag, globs) in ["--usage", "--invoice-lines", "--invoices"]
        .iter()
        .zip(globs)
    {
        arguments.extend([(*flag).to_owned(), globs[0].clone()]);
    }
    arguments.extend(["--out".to_owned(), out.display().to_string()]);
    arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let output = program(&arguments).output().unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 11)),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_group_of_a_month_with_hostile_rows_is_explained() {
    let folder = month(1_500, 31, &[Format::Csv]);
    for dataset in ["usage", "recon"] {
        for path in files_of(&folder.path().join("month").join(dataset), ".csv") {
            make_hostile(&path);
        }
    }
    let out = folder.path().join("out");
    run_month(folder.path(), Format::Csv, &out, &[]);
    assert!(walk(&out) > 30);
}

#[test]
fn every_group_of_every_format_and_sample_is_explained() {
    if is_quick("explain of every group of months of 20,000 rows, and of all samples") {
        return;
    }
    for (seed, format) in [
        (1, Format::Csv),
        (2, Format::V2),
        (3, Format::V1),
        (4, Format::Parquet),
    ] {
        let folder = month(20_000, seed, &[format]);
        if format == Format::Csv {
            for path in files_of(&folder.path().join("month"), ".csv") {
                make_hostile(&path);
            }
        }
        let out = folder.path().join("out");
        run_month(folder.path(), format, &out, &[]);
        walk(&out);
        // Again from the cache, and in little memory: the same run.
        run_month(folder.path(), format, &out, &["--memory", "256MiB"]);
        walk(&out);
    }
}

#[test]
fn every_group_of_the_samples_is_explained() {
    let mut walked = 0;
    for case in [cases("samples"), cases("samples/faulty")].concat() {
        let out = tempfile::tempdir().unwrap();
        let output = run_case(&case, out.path());
        assert!(output.status.code() != Some(1), "{}", case.display());
        if out.path().join("current").exists() {
            walked += walk(out.path());
        }
    }
    assert!(walked > 50, "{walked}");
}
