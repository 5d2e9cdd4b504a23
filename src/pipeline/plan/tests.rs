//! Tests of the pipeline file: from its text to a plan, or to mistakes.

use std::path::Path;

use super::document::Document;
use super::parse::draft;
use super::pipeline_plan::Plan;
use crate::model::cause::TieOut;

const GOOD: &str = r#"
period = "2026-10"
out = "../out/sample"
[source.usage.files]
paths = ["../samples/month/usage/*.csv", "/data/u.csv"]
[source.invoice_lines.files]
paths = ["lines.csv"]
[source.invoices.files]
paths = ["../../invoices.json"]
[tie_out.usage-to-invoice.tolerance]
absolute = "0.050"
relative = 0
[tie_out.usage-to-invoice.tolerance.currency.eur]
materiality = 1
[tie_out.usage-to-invoice.tolerance.customer."AB-cd"]
absolute = "2"
"#;

const SHORT: &str = "out = \"out\"\n[source.usage.files]\npaths = [\"u.csv\"]\n[source.invoice_lines.files]\npaths = [\"l.csv\"]\n";

fn read(text: &str, set: &[&str]) -> Result<Plan, String> {
    let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
    let draft = draft(
        "x",
        Path::new("pipelines"),
        Document::parse("pipelines/x.toml", text),
        &set,
    );
    draft.finish().map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        mistakes.join("\n")
    })
}

fn check(text: &str, set: &[&str], expect: &str) {
    assert_eq!(read(text, set).unwrap_err(), expect.trim(), "{text}");
}

#[test]
fn a_good_file_is_a_plan() {
    let plan = read(GOOD, &[]).unwrap();
    assert_eq!(plan.name, "x");
    assert_eq!(plan.out, Path::new("out/sample"));
    let paths: Vec<&str> = plan
        .sources
        .iter()
        .flat_map(|source| source.paths.iter().map(String::as_str))
        .collect();
    assert_eq!(
        paths,
        [
            "samples/month/usage/*.csv",
            "/data/u.csv",
            "pipelines/lines.csv",
            "../invoices.json"
        ]
    );
    let canonical = "period=2026-10\nsource=usage\nsource=invoice_lines\nsource=invoices\n\
        tie_out=line-arithmetic enabled=true\n  all=\"\" absolute= relative= materiality=\n\
        tie_out=lines-to-invoice enabled=true\n  all=\"\" absolute= relative= materiality=\n\
        tie_out=usage-to-invoice enabled=true\n  all=\"\" absolute=0.05 relative=0 materiality=\n  \
        currency=\"EUR\" absolute= relative= materiality=1\n  customer=\"ab-cd\" absolute=2 relative= materiality=\n";
    assert_eq!(plan.canonical(), canonical);
}

#[test]
fn canonical_text_follows_results_only() {
    let plan = read(GOOD, &[]).unwrap().canonical();
    let same = read(
        GOOD,
        &[
            "out=/tmp",
            "tie_out.usage-to-invoice.tolerance.absolute=0.05",
            "source.usage.files.paths=[\"x\"]",
        ],
    );
    assert_eq!(same.unwrap().canonical(), plan);
    for set in [
        "period=2026-11",
        "tie_out.lines-to-invoice.enabled=false",
        "tie_out.lines-to-invoice.tolerance.materiality=1",
    ] {
        assert_ne!(read(GOOD, &[set]).unwrap().canonical(), plan, "{set}");
    }
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let text = r#"perod = "2026-10"
out = 5
period = "2026-13"

[source.usage.files]
paths = "usage.csv"
[source.invoices.files]
path = ["x"]
[source.invoice_lines.files]
paths = [
  "ok.csv",
  "[oops",
  7,
]

[tie_out.usage-to-invoices]
enabled = true
[tie_out.usage-to-invoice]
enabled = "yes"
[tie_out.usage-to-invoice.tolerance]
absolute = 0.05
relative = "5"
materiality = "-1"
absolut = "1"
[tie_out.usage-to-invoice.tolerance.currency.EURO]
absolute = "1,5"
"#;
    check(
        text,
        &["colour=red", "no equals"],
        r#"
`pipelines/x.toml` line 1, key `perod`: found an unknown key, wanted one of `period`, `out`, `state`, `source`, `tie_out`, `partner_center`, `exclude`, `accept`, `month_end`, `csv`, `csv_separator`, `csv_decimal`, `output`, `metrics`, `notify`
hint: did you mean `period`?
`pipelines/x.toml` line 2, key `out`: found the integer `5`, wanted a folder
hint: put it in quotes
`pipelines/x.toml` line 3, key `period`: found `2026-13`, wanted a month, such as `"2026-10"`
`pipelines/x.toml` line 6, key `source.usage.files.paths`: found `usage.csv`, wanted a list of paths or globs
hint: put it in brackets: `paths = ["usage.csv"]`
`pipelines/x.toml` line 8, key `source.invoices.files.path`: found an unknown key, wanted `paths`
hint: did you mean `paths`?
`pipelines/x.toml` line 12, key `source.invoice_lines.files.paths`: found `[oops`, wanted a path or glob
hint: invalid range pattern; `[[]` stands for `[`
`pipelines/x.toml` line 13, key `source.invoice_lines.files.paths`: found the integer `7`, wanted a path or glob
`pipelines/x.toml` line 16, key `tie_out.usage-to-invoices`: found an unknown key, wanted one of `line-arithmetic`, `lines-to-invoice`, `rate-card`, `records-to-summary`, `unbilled-to-billed`, `usage-to-invoice`, `usage-to-summary`, `utilization-to-usage`
hint: did you mean `usage-to-invoice`?
`pipelines/x.toml` line 19, key `tie_out.usage-to-invoice.enabled`: found `yes`, wanted `true` or `false`
`pipelines/x.toml` line 21, key `tie_out.usage-to-invoice.tolerance.absolute`: found the float `0.05`, wanted a decimal number in quotes, not negative
hint: floats are not exact: write `absolute = "0.05"`
`pipelines/x.toml` line 22, key `tie_out.usage-to-invoice.tolerance.relative`: found `5`, wanted a fraction of the expected amount, at most 1
hint: `0.05` is five per cent
`pipelines/x.toml` line 23, key `tie_out.usage-to-invoice.tolerance.materiality`: found `-1`, wanted a decimal number in quotes, not negative
`pipelines/x.toml` line 24, key `tie_out.usage-to-invoice.tolerance.absolut`: found an unknown key, wanted one of `absolute`, `relative`, `materiality`, `currency`, `customer`
hint: did you mean `absolute`?
`pipelines/x.toml` line 25, key `tie_out.usage-to-invoice.tolerance.currency.EURO`: found `EURO`, wanted a currency code, such as `EUR`
`pipelines/x.toml` line 26, key `tie_out.usage-to-invoice.tolerance.currency.EURO.absolute`: found `1,5`, wanted a decimal number in quotes, not negative
hint: the decimal separator is a point; thousands are not separated
`--set no equals`: found `no equals`, wanted a dotted key, `=` and a value
hint: for example `--set period=2026-10`; quote each part of a key that has characters other than A-Z a-z 0-9 _ -
`--set colour=red`, key `colour`: found an unknown key, wanted one of `period`, `out`, `state`, `source`, `tie_out`, `partner_center`, `exclude`, `accept`, `month_end`, `csv`, `csv_separator`, `csv_decimal`, `output`, `metrics`, `notify`
"#,
    );
}

#[test]
fn what_is_missing_is_told_where_it_belongs() {
    check(
        "[source.usage]\n[source.invoice_lines.files]\n",
        &[],
        r#"
`pipelines/x.toml`, key `out`: found nothing, wanted a folder for the results
hint: add `out = "../out"` above the first table
`pipelines/x.toml` line 1, key `source.usage.files`: found nothing, wanted a table that names its files
hint: add `[source.usage.files]` and, below it, `paths = ["…"]`
`pipelines/x.toml` line 2, key `source.invoice_lines.files.paths`: found nothing, wanted a list of paths or globs
hint: add `paths = ["../usage/*.csv"]`
"#,
    );
}

#[test]
fn lines_that_are_no_toml_do_not_hide_the_others() {
    let text = SHORT.replace("out = ", "out : ") + "colour = 1\nout = \n";
    let mistakes = read(&text, &[]).unwrap_err();
    for line in [
        "line 1: found `out : \"out\"`",
        "line 6, key `source.invoice_lines.files.colour`",
        "line 7: found `out =`",
    ] {
        assert!(mistakes.contains(line), "{mistakes}");
    }
    assert!(!mistakes.contains("found nothing"), "{mistakes}");
}

#[test]
fn set_overrides_before_checking() {
    let wrong = format!("period = 3\n{SHORT}");
    let plan = read(
        &wrong,
        &[
            "period=2026-09",
            "tie_out.usage-to-invoice.tolerance.customer.'A b'.absolute=0.1",
        ],
    )
    .unwrap();
    assert_eq!(plan.period.unwrap().to_string(), "2026-09");
    assert!(plan.canonical().contains("customer=\"a b\" absolute=0.1 "));
    check(
        SHORT,
        &["perod=2026-10", "out=", "source.usage=1"],
        r#"
`--set out=`, key `out`: found an empty string, wanted a folder
`--set perod=2026-10`, key `perod`: found an unknown key, wanted one of `period`, `out`, `state`, `source`, `tie_out`, `partner_center`, `exclude`, `accept`, `month_end`, `csv`, `csv_separator`, `csv_decimal`, `output`, `metrics`, `notify`
hint: did you mean `period`?
`--set source.usage=1`, key `source.usage`: found the integer `1`, wanted a table
hint: write `[source.usage]`, and its keys below that line
"#,
    );
}

#[test]
fn invoices_decide_whether_lines_can_be_tied_to_them() {
    let lines = |plan: &Plan| {
        plan.tie_outs
            .iter()
            .find(|plan| plan.tie_out == TieOut::LinesToInvoice)
            .unwrap()
            .enabled
    };
    assert!(!lines(&read(SHORT, &[]).unwrap()));
    assert!(lines(&read(GOOD, &[]).unwrap()));
    let mistakes = read(SHORT, &["tie_out.lines-to-invoice.enabled=true"]).unwrap_err();
    assert!(
        mistakes.contains("found `true`, wanted `false`, as there are no invoices"),
        "{mistakes}"
    );
}

#[test]
fn a_folder_with_brackets_is_no_glob() {
    let draft = draft(
        "x",
        Path::new("/a[b]/p"),
        Document::parse("x.toml", SHORT),
        &[],
    );
    assert_eq!(draft.globs[0].pattern, "/a[[]b[]]/p/u.csv");
}

#[test]
fn hostile_files_end_in_mistakes() {
    for text in [
        "a.".repeat(400_000) + "b = 1",
        "[".repeat(400_000),
        "x = ".to_owned() + &"[".repeat(400_000),
        "a = {b = ".repeat(100_000),
    ] {
        assert!(read(&text, &[]).is_err());
    }
    assert!(read(&format!("\u{feff}{}", SHORT.replace('\n', "\r\n")), &[]).is_ok());
}
