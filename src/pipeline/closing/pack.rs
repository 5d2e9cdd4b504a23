//! The closing pack: one folder that stands alone, with the run, the ledger of its period, a cover to
//! sign, and the hashes of all of it and of what it was made of.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::conditions::Closable;
use super::cover::{self, SignOff};
use super::run_sums::{self, CoverSums};
use super::stream_ledger::StreamLedger;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::pipeline::failure::RunError;
use crate::pipeline::month_end::tables::{self, RunDays};
use crate::pipeline::presentation::ledger_part::LedgerPart;
use crate::pipeline::presentation::page::write_page;
use crate::pipeline::presentation::report_figures::{MOST_ROWS, ReportFigures, ReportSource};
use crate::pipeline::presentation::workbook::write_workbook;
use crate::reports::atomic::{OutputFolder, Staging, Written};
use crate::reports::csv;
use crate::reports::csv_form::CsvForm;
use crate::reports::earlier_run::MANIFEST;
use crate::reports::failure::PublishError;
use crate::reports::output_entries::CLOSED;
use crate::reports::table::TablePart;

/// File with the hashes of a pack, and of the inputs of its run.
pub(super) const HASHES: &str = "hashes.txt";

/// Folder of the run's files in a pack.
pub(super) const RUN: &str = "run";

/// Folder of the ledger's tables in a pack.
const LEDGER: &str = "ledger";

/// A pack in its folder.
#[derive(Debug)]
pub(super) struct PlacedPack {
    pub(super) folder: PathBuf,
    /// Path below the output folder, as the ledger names it.
    pub(super) name: String,
    /// Totals by tie-out and currency, and the hash of [`HASHES`]: by it the row of the close, which
    /// stands in a chain, answers for all files of the pack.
    pub(super) totals: String,
}

/// Writes the pack of a close.
///
/// # Errors
/// [`RunError`]; what was staged is then gone, or in place without a close that names it.
pub(super) fn write(
    output: &OutputFolder,
    stream: &StreamLedger,
    closable: &Closable<'_>,
    sign_off: &SignOff<'_>,
    part: LedgerPart,
) -> Result<PlacedPack, RunError> {
    let run = closable.run;
    let from = output.run_folder(&run.run_id);
    let sums = run_sums::of_run(&from)?;
    let staging = output.stage()?;
    for folder in [RUN, LEDGER] {
        staging.subfolder(folder)?;
    }
    let manifest = &closable.hashed.manifest;
    let mut written = Vec::new();
    for file in &manifest.outputs {
        written.push(copy(&staging, &from, &file.file, &file.blake3)?);
    }
    written.push(copy(&staging, &from, MANIFEST, &closable.hashed.blake3)?);
    for part in ledger_tables(stream) {
        let name = format!("{LEDGER}/{}.csv", part.table.name);
        written.push(staging.write(&name, |file| -> io::Result<()> {
            csv::write_header(part.table, CsvForm::Plain, file)?;
            csv::write_rows(&part, CsvForm::Plain, file)
        })?);
    }
    let text = cover::text(stream, run, &sums, sign_off);
    written.push(staging.write("cover.txt", |file| file.write_all(text.as_bytes()))?);
    let source = ReportSource {
        folder: &from,
        manifest,
        warnings: &manifest.warnings,
    };
    let figures = ReportFigures::read(source, Some(part), MOST_ROWS)?;
    written.push(staging.write("report.html", |file| write_page(&figures, file))?);
    written.push(staging.write("report.xlsx", |file| write_workbook(&figures, file))?);
    let inputs = manifest
        .inputs
        .iter()
        .map(|input| (input.blake3.clone(), absolute(&input.unit)));
    let hashes = hashes_text(&written, inputs);
    let hashes = staging.write(HASHES, |file| file.write_all(hashes.as_bytes()))?;
    let name = free_name(stream);
    let folder = staging.place_pack(&name, &[RUN, LEDGER])?;
    Ok(PlacedPack {
        folder,
        name: format!("{CLOSED}/{name}"),
        totals: totals(&sums, &hashes.blake3),
    })
}

/// Name of the next pack: the period, with a number where a close has taken it. What lies there
/// otherwise is of a close that did not come to its end.
fn free_name(stream: &StreamLedger) -> String {
    let period = &stream.stream.period;
    let names = (1_u32..).map(|number| match number {
        1 => period.clone(),
        _ => format!("{period}-{number}"),
    });
    let mut free = names.filter(|name| !stream.packs.contains(&format!("{CLOSED}/{name}")));
    free.next().expect("there are more numbers than closes")
}

/// Copies a file of the run, which must still have its hash.
fn copy(staging: &Staging<'_>, from: &Path, name: &str, blake3: &str) -> Result<Written, RunError> {
    let path = from.join(name);
    let written = staging.write(&format!("{RUN}/{name}"), |file| {
        io::copy(&mut File::open(&path)?, file).map(|_| ())
    })?;
    if written.blake3 != blake3 {
        return Err(RunError::Publish(PublishError::Damaged {
            path,
            found: "other bytes".to_owned(),
        }));
    }
    Ok(written)
}

/// The ledger's tables of the stream.
fn ledger_tables(stream: &StreamLedger) -> Vec<TablePart<'static>> {
    vec![
        tables::breaks(&stream.breaks, &RunDays::of(&stream.runs)),
        tables::events(&stream.events),
        tables::roll_forward(&stream.rolled),
        tables::restatements(&stream.restatements),
        tables::closes(&stream.closes),
        tables::accruals(&stream.accruals),
        tables::runs(&stream.runs),
    ]
}

/// Path of an input from anywhere: that of the manifest may be relative to this folder.
fn absolute(unit: &str) -> String {
    let path = std::path::absolute(unit).unwrap_or_else(|_| PathBuf::from(unit));
    path.to_string_lossy().into_owned()
}

/// Hashes as `b3sum --check` reads them in the folder of the pack.
fn hashes_text(written: &[Written], inputs: impl Iterator<Item = (String, String)>) -> String {
    let files = written
        .iter()
        .map(|file| (file.blake3.clone(), file.name.clone()));
    files
        .chain(inputs)
        .map(|(blake3, name)| hash_line(&blake3, &name))
        .collect()
}

/// A line of `b3sum`: a name with a line end or a backslash is escaped, behind a backslash.
fn hash_line(blake3: &str, name: &str) -> String {
    if name.contains(['\\', '\n', '\r']) && cfg!(unix) {
        let escaped = name
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        return format!("\\{blake3}  {escaped}\n");
    }
    format!("{blake3}  {name}\n")
}

/// Names and hashes in a text of [`hashes_text`]; `None` for a text that is none.
pub(super) fn hashes_in(text: &str) -> Option<Vec<(String, String)>> {
    let one = |line: &str| {
        let (is_escaped, line) = match line.strip_prefix('\\') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (blake3, name) = line.split_once("  ")?;
        let name = if is_escaped {
            unescaped(name)?
        } else {
            name.to_owned()
        };
        Some((name, blake3.to_owned()))
    };
    text.lines().map(one).collect()
}

fn unescaped(name: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        out.push(match c {
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// Totals by tie-out and currency, and the hash of the list of hashes.
fn totals(sums: &CoverSums, hashes: &str) -> String {
    let mut words: Vec<String> = sums
        .totals
        .iter()
        .map(|((tie_out, currency), sum)| {
            let figures = [sum.expected, sum.invoiced, sum.invoiced - sum.expected];
            let [expected, invoiced, difference] =
                figures.map(|figure| fixed(figure, PUBLISHED_SCALE));
            format!(
                "{tie_out} {currency}: expected {expected}, invoiced {invoiced}, \
                 difference {difference}, {} breaks",
                sum.breaks
            )
        })
        .collect();
    words.push(format!("{HASHES} {hashes}"));
    words.join("; ")
}

/// Hash of [`HASHES`] in the totals of a close.
pub(super) fn hash_in_totals(totals: &str) -> Option<&str> {
    let (_, hash) = totals.rsplit_once(&format!("{HASHES} "))?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_come_back() {
        let names = ["run/a.csv", "/x/a b.csv", "/x/a\\b\nc\r.csv"];
        let text: String = names.iter().map(|name| hash_line("00ff", name)).collect();
        let found = hashes_in(&text).expect("the lines are ours");
        let found: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names);
        assert_eq!(text.lines().next(), Some("00ff  run/a.csv"));
        assert!(hashes_in("no hash\n").is_none());
        assert_eq!(hash_in_totals("a: 1; hashes.txt 00ff"), Some("00ff"));
    }
}
