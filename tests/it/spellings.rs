//! Tables do not depend on the ways in which real files spell the same content.

use tieout::model::dataset::Kind;

use crate::sheets::{Variants, shuffled};

#[test]
fn a_csv_file_may_be_spelt_in_any_known_way() {
    let month = Variants::new(1_500, 24);
    month.check_sheets("line feeds only", |sheet| sheet.line_end = "\n");
    month.check_sheets("no byte order mark", |sheet| sheet.marks = ["", ""]);
    month.check_sheets("two byte order marks", |sheet| {
        sheet.marks = ["\u{feff}", "\u{feff}"]
    });
    month.check_sheets("no line end at the end", |sheet| sheet.ended = false);
    month.check_sheets("quotes around every cell", |sheet| sheet.quoted = true);
    month.check_sheets("header in lower case", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = name.to_lowercase())
    });
    month.check_sheets("header in camel case", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = name[..1].to_lowercase() + &name[1..]);
    });
    month.check_sheets("header localised", |sheet| {
        sheet
            .header
            .iter_mut()
            .for_each(|name| *name = format!("Spalte ({name})"))
    });
    month.check_sheets("columns in another order", |sheet| {
        sheet.header = shuffled(&sheet.header);
        sheet.rows.iter_mut().for_each(|row| *row = shuffled(row));
    });
    month.check_sheets("blank lines", |sheet| sheet.line_end = "\r\n\r\n");
    let damaged = month.check_sheets("first header damaged", |sheet| {
        sheet.header[0] = "ss".to_owned()
    });
    assert!(
        damaged
            .warnings
            .iter()
            .any(|warning| warning.contains("`ss`")),
        "{:?}",
        damaged.warnings
    );
    let wider = month.check_sheets("a 49th column", |sheet| {
        sheet.header.push("SomethingNew".to_owned());
        sheet
            .rows
            .iter_mut()
            .for_each(|row| row.push("1,5".to_owned()));
    });
    assert!(
        wider
            .warnings
            .iter()
            .any(|warning| warning.contains("`SomethingNew`")),
        "{:?}",
        wider.warnings
    );
}

#[test]
fn cells_may_be_spelt_in_any_known_way() {
    let month = Variants::new(1_500, 25);
    let guarded = |cell: &str, guard: &str| {
        if cell.is_empty() {
            String::new()
        } else {
            format!("{guard}{cell}")
        }
    };
    month.check_sheets("guard apostrophes", |sheet| {
        sheet.change(is_number, |cell| guarded(cell, "'"))
    });
    month.check_sheets("doubled guard apostrophes", |sheet| {
        sheet.change(is_number, |cell| guarded(cell, "''"))
    });
    month.check_sheets("exponents", |sheet| sheet.change(is_number, exponent));
    month.check_sheets("trailing zeros", |sheet| {
        sheet.change(is_number, |cell| {
            match cell.contains('.') && !cell.contains('E') {
                true => format!("{cell}000000"),
                false => cell.to_owned(),
            }
        })
    });
    month.check_sheets("literal nulls", |sheet| {
        sheet.change(
            |_| true,
            |cell| {
                if cell.is_empty() {
                    "NULL".to_owned()
                } else {
                    cell.to_owned()
                }
            },
        );
    });
    month.check_sheets("org customers", |sheet| {
        sheet.change_column("CustomerId", |id| {
            format!("org:{}", id.trim_start_matches("org:"))
        })
    });
    month.check_sheets("iso dates", |sheet| {
        sheet.change(
            |kind| kind == Kind::Date,
            |date| match date.split('/').collect::<Vec<_>>()[..] {
                [month, day, year] => format!("{year}-{month}-{day}T00:00:00.0000000Z"),
                _ => date.to_owned(),
            },
        )
    });
}

#[test]
fn an_earned_credit_may_be_a_percentage_or_a_rate() {
    let month = Variants::new(1_500, 25);
    let mut fraction = month.usage.clone();
    assert!(
        fraction
            .rows
            .iter()
            .any(|row| row[fraction.at("PartnerEarnedCreditPercentage")] == "15")
    );
    fraction.change_column("PartnerEarnedCreditPercentage", |cell| {
        if cell == "15" {
            "0.15".to_owned()
        } else {
            "0".to_owned()
        }
    });
    let at = fraction.at("PartnerEarnedCreditPercentage");
    fraction.header[at] = "rateOfPartnerEarnedCredit".to_owned();
    month.check(
        "earned credit as a rate",
        &[fraction.text()],
        &[month.lines.text()],
    );
}

/// True if cells of the kind are numbers.
fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Decimal(_))
}

/// A number with a mantissa and an exponent, as a spreadsheet writes it: `12.5` becomes `125E-01`.
fn exponent(cell: &str) -> String {
    let (sign, digits) = cell
        .strip_prefix('-')
        .map_or(("", cell), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    match digits {
        "" => String::new(),
        _ if digits.contains('E') => cell.to_owned(),
        _ => format!("{sign}{whole}{fraction}E-{:02}", fraction.len()),
    }
}
