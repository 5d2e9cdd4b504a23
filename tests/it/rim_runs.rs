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

#[test]
fn a_damaged_run_is_named_with_place_found_wanted_and_hint() {
    let case = Case::new();
    case.write("u.csv", sheet(USAGE, &[&[]]))
        .write(
            "l.csv",
            sheet(LINE, &[&[("Subtotal", "2"), ("Total", "2")]]),
        )
        .write("h.csv", sheet(HEADER, &[&[]]));
    assert_says(&case.explain(&["00"]), 2, &["no published run"]);
    assert_eq!(case.run().status.code(), Some(0));
    let ids = case.ids(&[]);
    assert_eq!(ids.len(), 2);
    let folder = fs::canonicalize(case.path("out/current")).unwrap();
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let refused = |what: &str| {
        for arguments in [
            vec![ids[0].as_str()],
            vec![&ids[1]],
            vec!["--key", "customer_id=c-1"],
        ] {
            assert_says(
                &case.explain(&arguments),
                24,
                &[what, "found", "wanted", "hint:"],
            );
        }
    };
    let damage = |file: &str, bytes: &[u8]| {
        let path = folder.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        refused(file);
        fs::write(&path, whole).unwrap();
    };
    let other_version = manifest.replace("\"version\": 1,", "\"version\": 2,");
    let unknown_column = manifest.replace(
        "\"meter_description_is\": \"meter_name\"",
        "\"meter_description_is\": \"x\"",
    );
    for text in [other_version, unknown_column] {
        assert_ne!(text, manifest);
        damage("manifest.json", text.as_bytes());
    }
    for text in [
        "",
        "{",
        "[]",
        "{}",
        "\u{0}",
        &manifest[..manifest.len() / 2],
    ] {
        damage("manifest.json", text.as_bytes());
    }
    damage("manifest.json", b"\xff\xfe");
    for table in [
        "variances",
        "resources",
        "lineage",
        "findings",
        "rejected_rows",
    ] {
        let file = format!("{table}.parquet");
        let whole = fs::read(folder.join(&file)).unwrap();
        damage(&file, b"");
        damage(&file, &whole[..whole.len() / 2]);
        for at in [0, whole.len() / 3, whole.len() - 5] {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            damage(&file, &flipped);
        }
        fs::rename(folder.join(&file), case.path("aside")).unwrap();
        refused(&file);
        fs::create_dir(folder.join(&file)).unwrap();
        refused(&file);
        fs::remove_dir(folder.join(&file)).unwrap();
        fs::rename(case.path("aside"), folder.join(&file)).unwrap();
    }
    fs::remove_file(folder.join("manifest.json")).unwrap();
    refused("manifest.json");
    fs::write(folder.join("manifest.json"), &manifest).unwrap();
    for id in &ids {
        assert_eq!(case.explain(&[id]).status.code(), Some(0));
    }
    // Not a run at all, as the user named it.
    assert_says(
        &case.explain(&["--run", "none", &ids[0]]),
        2,
        &["no run `none`"],
    );
    // The pointer.
    let pointer = case.path("out/current");
    fs::remove_file(&pointer).unwrap();
    refused("current");
    std::os::unix::fs::symlink("runs/gone", &pointer).unwrap();
    refused("current");
    fs::remove_file(&pointer).unwrap();
    fs::create_dir(&pointer).unwrap();
    refused("current");
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert_eq!(case.explain(&["--run", id, &ids[0]]).status.code(), Some(0));
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
        run_month(folder.path(), format, &out, &["--memory", "1MB"]);
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
