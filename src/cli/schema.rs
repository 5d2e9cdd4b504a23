//! `tieout schema`: the data dictionary of published tables, input files and fetched data.
//!
//! It is printed from the tables in `model` by which the program reads and writes, so that it
//! cannot disagree with them; no column is described here.

use std::borrow::Cow;
use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use super::arguments::Globals;
use super::exit::Exit;
use super::failure::Failure;
use crate::model::dataset::{self, Dataset, Kind, Need};
use crate::model::record::{Fields, RECORD_SETS, RecordSet};
use crate::model::spelling;
use crate::model::tables::analyst::ANALYST_TABLES;
use crate::model::tables::ledger::LEDGER_TABLES;
use crate::model::tables::{self, TABLES};
use crate::pipeline::MANIFEST_SCHEMA as SCHEMA;

/// Print the data dictionary: the columns of published tables, input files and fetched data
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tieout schema variances --format sql")]
pub(super) struct SchemaArgs {
    /// A published table, a dataset, or `manifest` for the JSON Schema of the manifest [default:
    /// all tables and datasets]
    table: Option<String>,
    /// Format to print; `--json` is the same as `--format json` [default: text]
    #[arg(long, value_enum)]
    format: Option<SchemaFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchemaFormat {
    Text,
    Markdown,
    Json,
    Sql,
}

/// A published table, an input dataset or a fetched dataset.
#[derive(Serialize)]
struct Entry {
    name: Cow<'static, str>,
    /// Kind of the entry: `published`, `analyst`, `input` or `fetched`.
    kind: &'static str,
    /// Meaning of one row, such as `one invoice header`.
    row: &'static str,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    name: Cow<'static, str>,
    r#type: String,
    /// Need of an input column: `needed`, `column needed` (its cells may be empty), `optional` or
    /// `not read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Other spellings under which an input column is found.
    aliases: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Meaning of a published column; of a fetched one the JSON key that it is read from.
    meaning: Option<&'static str>,
}

/// Prints one entry, or all of them.
pub(super) fn run(
    args: &SchemaArgs,
    globals: &Globals,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let format = match (args.format, globals.json) {
        (None, false) => SchemaFormat::Text,
        (None | Some(SchemaFormat::Json), true) => SchemaFormat::Json,
        (Some(format), false) => format,
        (Some(_), true) => {
            return Err(Failure::usage(
                "`--json`: found another `--format` beside it, wanted one of the two".to_owned(),
                None,
            ));
        }
    };
    // Printed as it is: it is a JSON Schema and has no columns.
    if args.table.as_deref() == Some("manifest") {
        if !matches!(args.format, None | Some(SchemaFormat::Json)) {
            let text = "`--format`: found another than `json`, in which alone `manifest` is";
            return Err(Failure::usage(text.to_owned(), None));
        }
        out.write_all(SCHEMA.as_bytes())?;
        return Ok(Exit::Complete);
    }
    let mut entries = entries();
    if let Some(name) = &args.table {
        let known: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
        if !known.contains(&name.as_str()) {
            return Err(unknown_table(name, &known));
        }
        entries.retain(|entry| entry.name == *name);
    }
    match format {
        SchemaFormat::Json => json(&entries, out)?,
        SchemaFormat::Text => separated(&entries, out, text)?,
        SchemaFormat::Markdown => separated(&entries, out, markdown)?,
        SchemaFormat::Sql => separated(&entries, out, sql)?,
    }
    Ok(Exit::Complete)
}

fn unknown_table(name: &str, known: &[&str]) -> Failure {
    let list = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let hint = spelling::nearest(name, known.iter().copied())
        .map(|name| format!("did you mean `{name}`?"));
    Failure::usage(
        format!("`TABLE`: found `{name}`, wanted one of {list}"),
        hint,
    )
}

/// All entries: published tables, then inputs, then fetched data, each in the order of its table.
fn entries() -> Vec<Entry> {
    let published = TABLES.iter().chain(&LEDGER_TABLES).map(|table| Entry {
        name: table.name.into(),
        kind: "published",
        row: table.row,
        columns: published_columns(table),
    });
    // Some of them have the name of a table of a run, or of a dataset.
    let of_analysts = ANALYST_TABLES.into_iter().map(|table| Entry {
        name: format!("analyst/{}", table.name).into(),
        kind: "analyst",
        row: table.row,
        columns: published_columns(table),
    });
    let inputs = Dataset::ALL.into_iter().map(|dataset| Entry {
        name: dataset.name().into(),
        kind: "input",
        row: match dataset {
            Dataset::Usage => "one line of daily rated usage",
            Dataset::InvoiceLines => "one new-commerce reconciliation line",
            Dataset::Invoices => "one invoice header",
            Dataset::UnbilledUsage => "one line of daily rated usage that is not billed yet",
        },
        columns: dataset.columns().iter().map(input_column).collect(),
    });
    // Some inputs can be fetched as well; their columns are listed once, as those of the input.
    let known = Dataset::ALL.map(Dataset::name);
    let fetched = RECORD_SETS
        .iter()
        .filter(|set| !known.contains(&set.name))
        .map(|set| Entry {
            name: set.name.into(),
            kind: "fetched",
            row: set.row,
            columns: fetched_columns(set),
        });
    published
        .chain(of_analysts)
        .chain(inputs)
        .chain(fetched)
        .collect()
}

/// Columns of a typed table of fetched data; the columns that repeat the request come first.
fn fetched_columns(set: &RecordSet) -> Vec<Column> {
    let context = set.context.iter().map(|name| Column {
        name: (*name).into(),
        r#type: "TEXT".to_owned(),
        need: None,
        aliases: None,
        meaning: Some("what was asked for"),
    });
    // Only listed columns have a key of their own; those of a dataset are described with the
    // dataset.
    let (Fields::Listed(listed) | Fields::OfDataset(_, listed)) = set.fields;
    let key = |name: &str| {
        listed
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.path)
    };
    let columns = set.columns().into_iter().map(|column| Column {
        meaning: key(&column.name),
        r#type: column.record_type.name(),
        name: column.name.into(),
        need: None,
        aliases: None,
    });
    context.chain(columns).collect()
}

fn published_columns(table: &tables::Table) -> Vec<Column> {
    let column = |column: &tables::PublishedColumn| Column {
        name: column.name.into(),
        r#type: column.column_type.name().to_owned(),
        need: None,
        aliases: None,
        meaning: Some(column.meaning),
    };
    table.columns.iter().map(column).collect()
}

fn input_column(column: &dataset::Column) -> Column {
    let r#type = match column.kind {
        Kind::Text(_) => "TEXT".to_owned(),
        Kind::Decimal(scale) => format!("DECIMAL(38,{scale})"),
        Kind::Date => "DATE".to_owned(),
    };
    let need = match column.need {
        Need::Value => "needed",
        Need::Column => "column needed",
        Need::Optional => "optional",
        Need::Unread => "not read",
    };
    Column {
        name: column.name.into(),
        r#type,
        need: Some(need),
        aliases: Some(column.aliases),
        meaning: None,
    }
}

impl Column {
    /// Meaning, need and aliases, as far as there are any.
    fn remark(&self) -> String {
        let also = self
            .aliases
            .filter(|aliases| !aliases.is_empty())
            .map(|aliases| format!("also {}", aliases.join(", ")));
        [
            self.meaning.map(str::to_owned),
            self.need.map(str::to_owned),
            also,
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
    }
}

/// Prints the entries as one JSON array.
fn json(entries: &[Entry], out: &mut dyn Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, entries)?;
    Ok(writeln!(out)?)
}

/// Prints the entries with an empty line between them.
fn separated(
    entries: &[Entry],
    out: &mut dyn Write,
    print: fn(&Entry, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        print(entry, out)?;
    }
    Ok(())
}

fn text(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let width = |of: fn(&Column) -> usize| entry.columns.iter().map(of).fold(0, usize::max);
    let (name_width, type_width) = (
        width(|column| column.name.len()),
        width(|column| column.r#type.len()),
    );
    writeln!(out, "{} ({}): {}", entry.name, entry.kind, entry.row)?;
    for column in &entry.columns {
        writeln!(
            out,
            "  {:name_width$}  {:type_width$}  {}",
            column.name,
            column.r#type,
            column.remark()
        )?;
    }
    Ok(())
}

fn markdown(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "## `{}`\n\nA row is {} ({}).\n\n| column | type | |\n|---|---|---|",
        entry.name, entry.row, entry.kind
    )?;
    for column in &entry.columns {
        writeln!(
            out,
            "| `{}` | {} | {} |",
            column.name,
            column.r#type,
            // A bar would end the cell of the Markdown table.
            column.remark().replace('|', "\\|")
        )?;
    }
    Ok(())
}

fn sql(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "-- {}: {}\nCREATE TABLE {} (",
        entry.kind, entry.row, entry.name
    )?;
    for (at, column) in entry.columns.iter().enumerate() {
        // SQL allows no comma after the last column.
        let comma = if at + 1 == entry.columns.len() {
            ""
        } else {
            ","
        };
        writeln!(
            out,
            // In quotes, or SQL would fold the case of names such as `InvoiceNumber`. The comma
            // comes before the remark, which is a comment up to the end of its line.
            "  \"{}\" {}{comma} -- {}",
            column.name,
            column.r#type,
            column.remark()
        )?;
    }
    writeln!(out, ");")
}
