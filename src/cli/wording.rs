//! English grammar and paragraphs that several printed texts need.

use std::io::{self, Write};

const COLUMNS: usize = 80;
/// Columns of a label, by which the rest of its text is indented.
pub(super) const INDENT: &str = "      ";

/// A count and its noun: `1 line`, `2 lines`. The noun takes a plain `s`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Writes a text behind its label, in lines of 80 columns; a word that is longer, such as a path,
/// stays whole.
pub(super) fn paragraph(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    indented(label, INDENT, text, out)
}

/// Writes a text behind its label, in lines of 80 columns that begin with an indent.
pub(super) fn indented(
    label: &str,
    indent: &str,
    text: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = label.to_owned();
    let mut columns = label.chars().count();
    let mut is_first = true;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if !is_first && columns + 1 + width > COLUMNS {
            writeln!(out, "{line}")?;
            line = indent.to_owned();
            columns = indent.len();
            is_first = true;
        }
        if !is_first {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += width;
        is_first = false;
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_to_80_columns_and_break_no_word() {
        let mut out = Vec::new();
        let path = format!("`/{}`", "x".repeat(90));
        let text = format!("{} end of it {path} and more", "wörd ".repeat(30));
        paragraph("FAIL  ", &text, &mut out).expect("a vector takes all");
        let text_out = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text_out.lines().collect();
        for line in &lines {
            assert!(line.chars().count() <= 80 || line.contains(&path), "{line}");
        }
        // 74 columns hold 14 words of four letters, and 15 with their last blank left out.
        assert_eq!(lines[0].chars().count(), 80);
        assert!(lines[0].starts_with("FAIL  wörd") && lines[1].starts_with("      wörd"));
        let words = |text: &str| text.split_whitespace().count();
        assert_eq!(words(&text_out), words(&text) + 1);
    }
}
