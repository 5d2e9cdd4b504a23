//! Forms in which a run writes its tables as CSV, and texts that a spreadsheet would take for numbers
//! or dates.
//!
//! A spreadsheet looks at what a cell says, and not at its quotes: `0001` becomes 1, `2026-10` the
//! first of October, a long number loses its last digits. A tab behind the text keeps Excel and
//! LibreOffice from it. It is not seen, sorts and begins as the text does, and is no formula, as
//! `="0001"` would be.

/// Form of a run's tables as CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvForm {
    /// Commas, points, no byte order mark: for programs.
    #[default]
    Plain,
    /// For a double click in a spreadsheet.
    Spreadsheet(Spreadsheet),
    /// No CSV: Parquet alone.
    LeftOut,
}

/// Signs of CSV for spreadsheets: those of the reader's country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spreadsheet {
    /// Separator of cells: one of [`SEPARATORS`].
    pub separator: u8,
    /// Decimal sign, `,` or `.`; never the separator.
    pub decimal: char,
}

/// Separators, with the name of each in pipelines and flags.
pub const SEPARATORS: [(u8, &str); 3] = [(b';', ";"), (b',', ","), (b'\t', "tab")];

/// Decimal signs, with the text of each in pipelines and flags.
pub const DECIMALS: [(char, &str); 2] = [(',', ","), ('.', ".")];

impl Spreadsheet {
    /// Signs with what is not given filled in: a semicolon, and a comma where it is not the separator.
    /// `None` where both would be the same.
    #[must_use]
    pub fn with(separator: Option<u8>, decimal: Option<char>) -> Option<Self> {
        let separator = separator.unwrap_or(b';');
        let usual = if separator == b',' { '.' } else { ',' };
        let decimal = decimal.unwrap_or(usual);
        (u32::from(separator) != u32::from(decimal)).then_some(Self { separator, decimal })
    }

    /// Name of the separator, as in [`SEPARATORS`].
    #[must_use]
    pub fn separator_name(self) -> &'static str {
        let mut known = SEPARATORS.into_iter();
        let found = known.find(|(sign, _)| *sign == self.separator);
        found.expect("a separator is one of those known").1
    }
}

impl CsvForm {
    /// Line of the form among the settings of a run; `None` for the plain one, which had none before
    /// there were others.
    #[must_use]
    pub fn canonical(self) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::Spreadsheet(signs) => Some(format!(
                "csv=excel separator={} decimal={}",
                signs.separator_name(),
                signs.decimal
            )),
            Self::LeftOut => Some("csv=none".to_owned()),
        }
    }

    /// Form of a run by its settings, as its manifest has them.
    #[must_use]
    pub fn of_configuration(lines: &[String]) -> Self {
        let is_told = |form: &Self| {
            let line = form.canonical();
            line.is_some_and(|line| lines.contains(&line))
        };
        let spreadsheets = SEPARATORS.into_iter().flat_map(|(separator, _)| {
            let signs =
                DECIMALS.map(|(decimal, _)| Spreadsheet::with(Some(separator), Some(decimal)));
            signs.into_iter().flatten().map(Self::Spreadsheet)
        });
        let mut forms = spreadsheets.chain([Self::LeftOut]);
        forms.find(is_told).unwrap_or_default()
    }
}

/// Beginnings of the names of months, in English and German: `SEP2` becomes the second of September.
const MONTHS: [&str; 16] = [
    "jan", "feb", "mar", "mär", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt",
    "nov", "dec", "dez",
];

/// Letters of the longest name of a month.
const LONGEST_MONTH: usize = 9;

/// Puts a tab behind a text that a spreadsheet would take for a number, a date or a time.
pub(super) fn keep_text(text: &mut String) {
    if is_taken_for_value(text) {
        text.push('\t');
    }
}

/// True of a text that a spreadsheet may turn into something else; of some others, too, which does no
/// harm.
fn is_taken_for_value(text: &str) -> bool {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    // Numbers, exponents, fractions, per cents, dates, times with `am` and `pm`, currencies.
    let is_of_number = |sign: char| {
        sign.is_ascii_digit() || " .,:/-+%()'\u{a0}\u{202f}$€£¥eEaApPmM".contains(sign)
    };
    text.chars().all(is_of_number) || has_month(text)
}

/// True of a text with the name of a month and nothing but numbers beside it.
fn has_month(text: &str) -> bool {
    let mut words = text
        .split(|sign: char| !sign.is_alphabetic())
        .filter(|word| !word.is_empty());
    let (Some(word), None) = (words.next(), words.next()) else {
        return false;
    };
    let word = word.to_lowercase();
    word.chars().count() <= LONGEST_MONTH && MONTHS.iter().any(|month| word.starts_with(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_be_changed_have_a_tab_and_others_none() {
        for text in [
            "0001",
            "12345678901234567890",
            "123e4567",
            "2026-10",
            "2026-10-31",
            "3/4",
            "5 %",
            "1:30 pm",
            "-12.5000000000",
            "SEP2",
            "1-Mär",
            "Oct 2026",
        ] {
            let mut kept = text.to_owned();
            keep_text(&mut kept);
            assert_eq!(kept, format!("{text}\t"));
        }
        for text in [
            "",
            "-",
            "G011974950",
            "DZH318Z0BQ4L",
            "6dc5c039-9651-43a3-ba7e-7cbcd918fc40",
            "B0123456789abcdf",
            "Müller 2",
            "Marketing team 7",
            "Standard D2 v5",
        ] {
            let mut kept = text.to_owned();
            keep_text(&mut kept);
            assert_eq!(kept, text);
        }
    }

    #[test]
    fn signs_differ_and_are_found_again() {
        assert_eq!(Spreadsheet::with(Some(b','), Some(',')), None);
        let plain = Spreadsheet::with(Some(b','), None).unwrap();
        assert_eq!(plain.decimal, '.');
        let usual = Spreadsheet::with(None, None).unwrap();
        assert_eq!((usual.separator, usual.decimal), (b';', ','));
        for form in [
            CsvForm::Plain,
            CsvForm::LeftOut,
            CsvForm::Spreadsheet(plain),
            CsvForm::Spreadsheet(usual),
        ] {
            let lines: Vec<String> = std::iter::once("period=".to_owned())
                .chain(form.canonical())
                .collect();
            assert_eq!(CsvForm::of_configuration(&lines), form);
        }
    }
}
