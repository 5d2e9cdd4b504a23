//! Fixture: the sample month in a folder of its own, as those see it who close it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rusqlite::Connection;
use tempfile::TempDir;
use tieout::ledger::breaks;
use tieout::ledger::people::{Saying, Word};
use tieout::ledger::store::Ledger;

use crate::program::{PACKAGE, program, stderr};

const PIPELINE: &str = r#"out = "out"
[source.usage.files]
paths = ["usage*.csv"]
[source.invoice_lines.files]
paths = ["invoice-lines.csv"]
[source.invoices.files]
paths = ["invoices.json"]
"#;

/// A day on which October is final.
pub(crate) const FINAL: &str = "2026-11-20";

/// The sample month and its pipeline `month` in a folder of their own.
pub(crate) struct House {
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["usage.csv", "invoice-lines.csv", "invoices.json"] {
            let from = Path::new(PACKAGE).join("samples/month").join(name);
            fs::copy(from, folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("month.toml"), PIPELINE).unwrap();
        Self { folder }
    }

    /// A month that may be closed: final, and every break assigned.
    pub(crate) fn ready() -> Self {
        let house = Self::new();
        house.run("month", FINAL);
        assign_all(&house.path("out"), "month");
        house
    }

    /// A closed month.
    pub(crate) fn closed() -> Self {
        let house = Self::ready();
        assert_ended(&house.close(&[]), 0);
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn tieout(&self, arguments: &[&str]) -> Output {
        program(arguments)
            .current_dir(self.folder.path())
            .env("TIEOUT_TODAY", FINAL)
            .env_remove("TIEOUT_OUT")
            .output()
            .unwrap()
    }

    pub(crate) fn run(&self, pipeline: &str, as_of: &str) {
        let file = format!("{pipeline}.toml");
        assert_ended(&self.tieout(&["-q", "run", &file, "--as-of", as_of]), 0);
    }

    pub(crate) fn close(&self, more: &[&str]) -> Output {
        self.tieout(&[&["close", "2026-10", "--by", "anna"], more].concat())
    }

    pub(crate) fn reopen(&self) -> Output {
        self.tieout(&["reopen", "2026-10", "--reason", "came late", "--by", "bo"])
    }

    pub(crate) fn verify(&self, more: &[&str]) -> Output {
        self.tieout(&[&["verify"], more].concat())
    }

    /// Changes the database as a hand from outside would.
    pub(crate) fn tamper(&self, statement: &str) {
        let database = Connection::open(self.path("out/ledger.db")).unwrap();
        assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
    }

    pub(crate) fn number(&self, query: &str) -> i64 {
        let database = Connection::open(self.path("out/ledger.db")).unwrap();
        database.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Adds a copy of the last usage row, under a quantity of its own, so that the next run is another.
    pub(crate) fn change_usage(&self, number: usize) {
        let text = fs::read_to_string(self.path("usage.csv")).unwrap();
        let last = text.lines().last().unwrap();
        let header = text.lines().next().unwrap();
        let at = |name: &str| header.split(',').position(|column| column == name).unwrap();
        let row: Vec<String> = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(last.as_bytes())
            .records()
            .next()
            .unwrap()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let mut row = row;
        row[at("Quantity")] = format!("{number}.5");
        row[at("BillingPreTaxTotal")] = format!("{number}.25");
        let mut more = csv::Writer::from_writer(Vec::new());
        more.write_record(&row).unwrap();
        let more = String::from_utf8(more.into_inner().unwrap()).unwrap();
        fs::write(
            self.path("usage.csv"),
            text.trim_end().to_owned() + "\n" + &more,
        )
        .unwrap();
    }
}

/// Gives every open break of a pipeline an owner.
pub(crate) fn assign_all(out: &Path, pipeline: &str) {
    let mut ledger = Ledger::open(out).unwrap();
    let known = ledger.read(breaks::all).unwrap();
    let open = known
        .iter()
        .filter(|(of, one)| of.pipeline == pipeline && one.state.is_open());
    let saying = Saying {
        break_ids: open.map(|(_, one)| one.found.break_id.clone()).collect(),
        pipeline: Some(pipeline.to_owned()),
        period: None,
        word: Word::Assign("anna".to_owned()),
        by: "anna".to_owned(),
        reason: "looked at".to_owned(),
        at: "2026-11-20T08:00:00Z".to_owned(),
        today: FINAL.to_owned(),
    };
    assert!(!ledger.say(&saying).unwrap().is_empty());
}

pub(crate) fn assert_ended(output: &Output, code: i32) {
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(output);
    assert_eq!(output.status.code(), Some(code), "{words}");
}
