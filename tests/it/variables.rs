//! Variables of flags, and the one list of commands that help, manual pages, completions and the
//! README share.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use crate::program::{PACKAGE, program, stderr};

/// The program with some variables.
fn with(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = program(arguments);
    command.envs(variables.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_flag_has_a_variable_and_the_command_line_wins() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("by-variable");
    let run = ["run", "pipelines/sample.toml"];
    let variables = [
        ("TIEOUT_OUT", folder.to_str().unwrap()),
        ("TIEOUT_AS_OF", "2026-11-20"),
        ("TIEOUT_JSON", "yes"),
        ("TIEOUT_FAIL_ON_BREAKS", "all"),
    ];
    let done = with(&variables, &run);
    assert_eq!(done.status.code(), Some(10), "{}", stderr(&done));
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(
        told["folder"]
            .as_str()
            .unwrap()
            .starts_with(folder.to_str().unwrap())
    );
    let runs = with(&variables, &["runs"]);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert!(runs.to_string().contains("2026-11-20"), "{runs}");
    // A switch may be switched off, and the command line wins.
    let other = out.path().join("by-flag");
    let arguments = [&run[..], &["--out", other.to_str().unwrap()]].concat();
    let variables = [
        ("TIEOUT_OUT", folder.to_str().unwrap()),
        ("TIEOUT_JSON", "false"),
    ];
    let done = with(&variables, &arguments);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(stdout(&done).contains(&format!("Published in {}", other.display())));
}

#[test]
fn a_variable_breaks_no_command_that_lacks_its_flag() {
    let foreign = [
        ("TIEOUT_AS_OF", "tomorrow"),
        ("TIEOUT_FORMATS", "papyrus"),
        ("TIEOUT_TODAY", "2026-11-20"),
        ("TIEOUT_WITHOUT_AVX2", "1"),
        ("TIEOUT_SLOW_TESTS", "1"),
        ("TIEOUT_NO_SUCH_FLAG", "1"),
        // An empty one says nothing.
        ("TIEOUT_THREADS", ""),
    ];
    let done = with(&foreign, &["schema", "variances"]);
    assert_eq!(
        (done.status.code(), stderr(&done)),
        (Some(0), String::new())
    );
    // Flags that exclude each other: the one on the command line silences the other's variable.
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("x.toml");
    fs::write(&path, format!("out = \"{}\"\n", out.path().display())).unwrap();
    let variables = [
        ("TIEOUT_OUT", "/nowhere"),
        ("TIEOUT_QUIET", "1"),
        ("TIEOUT_KEY", "meter_id=1"),
    ];
    let pipeline = ["--pipeline", path.to_str().unwrap(), "-v"];
    for arguments in [&["status"][..], &["explain", "B0123456789abcdef", "-v"]] {
        let found = match arguments[0] {
            "status" => stderr(&with(&variables, &[arguments, &pipeline].concat())),
            _ => stderr(&with(&variables, arguments)),
        };
        assert!(!found.contains("cannot be used with"), "{found}");
    }
    let found = stderr(&with(&variables, &[&["status"][..], &pipeline].concat()));
    assert!(!found.contains("/nowhere"), "{found}");
}

#[test]
fn a_wrong_value_is_an_error_that_names_its_variable() {
    for (variable, value, arguments) in [
        ("TIEOUT_THREADS", "many", &["schema"][..]),
        ("TIEOUT_JSON", "perhaps", &["schema"]),
        ("TIEOUT_LOG", "yaml", &["schema"]),
        ("TIEOUT_AS_OF", "tomorrow", &["run", "x.toml"]),
        (
            "TIEOUT_RESTATE",
            "1",
            &["synth", "--rows", "1", "--seed", "1", "--out", "o"],
        ),
    ] {
        let done = with(&[(variable, value)], arguments);
        let found = stderr(&done);
        assert_eq!(done.status.code(), Some(2), "{variable}: {found}");
        assert!(
            found.starts_with("error: ")
                && found.ends_with(&format!(
                    "hint: see the environment variable `{variable}`\n"
                )),
            "{found}"
        );
    }
    // The mistake of a flag is not put down to a variable that is right.
    let done = with(&[("TIEOUT_THREADS", "2")], &["schema", "--no-such-flag"]);
    assert!(!stderr(&done).contains("TIEOUT_"), "{}", stderr(&done));
    let done = with(
        &[("TIEOUT_THREADS", "many")],
        &["reconcile", "--threads", "2"],
    );
    assert!(!stderr(&done).contains("TIEOUT_"), "{}", stderr(&done));
}

/// Words at the beginnings of rows of the README's table of commands.
fn in_readme() -> BTreeSet<String> {
    let readme = fs::read_to_string(Path::new(PACKAGE).join("README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `tieout "));
    rows.flat_map(|row| row.split(" | ").next().unwrap().split("`tieout ").skip(1))
        .map(|words| words.split([' ', '`']).next().unwrap().to_owned())
        .collect()
}

/// Commands that the help lists.
fn in_help() -> BTreeSet<String> {
    let help = stdout(&with(&[], &["--help"]));
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    commands
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn readme_help_pages_and_completions_list_the_same_commands() {
    let commands = in_help();
    assert!(commands.len() > 20, "{commands:?}");
    assert_eq!(in_readme(), commands, "the table of commands in README.md");
    let folder = tempfile::tempdir().unwrap();
    let done = with(&[], &["man", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let pages: BTreeSet<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(pages.contains("tieout.1") && pages.contains("tieout-breaks-accept.1"));
    let of_commands: BTreeSet<String> = pages
        .iter()
        .filter_map(|page| page.strip_prefix("tieout-")?.strip_suffix(".1"))
        .filter(|name| {
            !["breaks-", "export-"]
                .iter()
                .any(|group| name.starts_with(group))
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(of_commands, commands, "manual pages");
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&with(&[], &["completions", shell]));
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
    }
}

#[test]
fn pages_name_the_variable_of_each_flag_and_the_help_says_it_once() {
    let page = stdout(&with(&[], &["man"]));
    assert!(page.contains(".TH TIEOUT 1") && page.contains("TIEOUT_THREADS"));
    let folder = tempfile::tempdir().unwrap();
    with(&[], &["man", "--out", folder.path().to_str().unwrap()]);
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let run = text("tieout-run.1");
    for variable in ["AS_OF", "FAIL_ON_BREAKS", "SET", "LOG", "QUIET"] {
        assert!(run.contains(&format!("TIEOUT_{variable}")), "{run}");
    }
    let accept = text("tieout-breaks-accept.1");
    assert!(accept.contains("TIEOUT_ACTOR") && !accept.contains("TIEOUT_BY"));
    let sandbox = text("tieout-sandbox.1");
    assert!(!sandbox.contains("TIEOUT_TODAY") && !sandbox.contains("TIEOUT_TENANT "));
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["breaks", "accept", "--help"],
    ] {
        let help = stdout(&with(&[], arguments));
        assert!(!help.contains("[env:"), "{help}");
    }
    let help = stdout(&with(&[], &["--help"]));
    assert!(help.contains("TIEOUT_AS_OF for --as-of"), "{help}");
}
