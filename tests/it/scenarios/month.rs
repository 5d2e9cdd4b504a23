//! Reader of a `.month` file: comments, tables in brackets, settings, and the wanted exit code.

use std::collections::BTreeMap;
use std::path::Path;

/// A table of text cells, as it stands in the file.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Cell of a row; `None` for a column that the table leaves out.
    pub(super) fn cell<'t>(&self, row: &'t [String], name: &str) -> Option<&'t str> {
        let at = self.names.iter().position(|known| known == name)?;
        Some(&row[at])
    }
}

/// One month, as written.
#[derive(Debug)]
pub(super) struct Month {
    pub(super) name: String,
    pub(super) text: String,
    /// Tables by the name in brackets, such as `usage` or `wanted usage-to-invoice`.
    tables: BTreeMap<String, Table>,
    settings: BTreeMap<String, String>,
    pub(super) exit: u8,
}

impl Month {
    /// Reads a file; whatever is not understood is a panic that names the file.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut month = Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            text: text.clone(),
            tables: BTreeMap::new(),
            settings: BTreeMap::new(),
            exit: u8::MAX,
        };
        let mut section = String::new();
        for line in text.lines() {
            if let Some((name, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']'))
            {
                name.clone_into(&mut section);
                month.begin(name, rest.trim());
            } else if !line.is_empty() && !line.starts_with('#') {
                month.take(&section, line);
            }
        }
        assert!(month.exit < u8::MAX, "{}: no wanted exit", month.name);
        month
    }

    fn begin(&mut self, section: &str, rest: &str) {
        match section {
            "wanted exit" => self.exit = rest.parse().unwrap(),
            "settings" => {}
            _ => {
                let before = self.tables.insert(section.to_owned(), Table::default());
                assert!(before.is_none(), "{}: [{section}] twice", self.name);
            }
        }
    }

    fn take(&mut self, section: &str, line: &str) {
        if section == "settings" {
            let (key, value) = line.split_once(" = ").unwrap();
            self.settings.insert(key.to_owned(), value.to_owned());
            return;
        }
        // A row may end with the bar before a blank cell, as editors cut blanks at the end.
        let cells = format!("{line} ");
        let cells = if line.ends_with('|') { &cells } else { line };
        let mut cells: Vec<String> = cells.split(" | ").map(str::to_owned).collect();
        let table = self.tables.get_mut(section);
        let table = table.unwrap_or_else(|| panic!("{}: `{line}` in [{section}]", self.name));
        if table.names.is_empty() {
            table.names = cells;
            return;
        }
        assert!(cells.len() <= table.names.len(), "{}: {line}", self.name);
        cells.resize(table.names.len(), String::new());
        table.rows.push(cells);
    }

    /// Table of an input, or a wanted one with `wanted ` before its name.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(super) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// Tie-outs to do: those that the settings name, else those whose inputs stand in the file.
    pub(super) fn tie_outs(&self) -> Vec<&str> {
        if let Some(named) = self.setting("tie_outs") {
            return named.split(", ").collect();
        }
        let usual = [
            ("usage-to-invoice", ["usage", "lines"]),
            ("line-arithmetic", ["lines", "lines"]),
            ("lines-to-invoice", ["lines", "invoices"]),
        ];
        let has_all = |needs: &[&str; 2]| needs.iter().all(|need| self.table(need).is_some());
        let done = usual.iter().filter(|(_, needs)| has_all(needs));
        done.map(|(name, _)| *name).collect()
    }

    /// Wanted tables of variances, by tie-out.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables
            .iter()
            .filter_map(|(name, table)| Some((name.strip_prefix("wanted ")?, table)))
            .filter(|(name, _)| *name != "resources")
    }
}
