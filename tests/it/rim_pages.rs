//! Pages of the API that were saved as files: every item is a row or a rejection, and a page that is
//! a part of its list is refused without the rest.

use serde_json::Value;
use tieout::decode::records;
use tieout::model::record::RECORD_SETS;

use crate::fixtures::{LINE, USAGE, page, sheet, try_tie};
use crate::rim_rows::{ITEM, Refused, Rows, Wanted, check, item};

/// Rows of a page by a plain reader: all objects in arrays of its top level, or the page itself.
fn page_rows(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes).replace('\u{feff}', "");
    match serde_json::from_str(&text).unwrap() {
        Value::Array(rows) => rows.len() as u64,
        Value::Object(page) => match page.get("items").or_else(|| page.get("value")) {
            Some(Value::Array(rows)) => rows.len() as u64,
            Some(Value::Null) => 0,
            _ => 1,
        },
        other => panic!("{other}"),
    }
}

#[test]
fn a_page_of_which_the_rows_are_not_certain_is_refused() {
    let of = |text: String| text.into_bytes();
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "items twice",
            of(format!("{{\"items\":[{ITEM}],\"items\":[{ITEM}]}}")),
            Refused("`items` twice"),
        ),
        (
            "items and value",
            of(format!("{{\"value\":[{ITEM}],\"items\":[{ITEM}]}}")),
            Refused("two collections, `value` and `items`"),
        ),
        (
            "items in two cases",
            of(format!("{{\"Items\":[{ITEM}],\"items\":[]}}")),
            Refused("two collections, `Items` and `items`"),
        ),
        (
            "items and other rows",
            of(format!("{{\"items\":[{ITEM}],\"more\":[{ITEM}]}}")),
            Refused("two collections, `items` and `more`"),
        ),
        (
            "other rows and items",
            of(format!("{{\"more\":[{ITEM}],\"items\":[{ITEM}]}}")),
            Refused("two collections, `more` and `items`"),
        ),
        ("an empty object", of("{\n}".into()), Refused("no keys")),
        (
            "items is an object",
            of(format!("{{\n\"items\":{ITEM}}}")),
            Refused("`items` that is no array"),
        ),
        (
            "items is a text",
            of("{\n\"items\":\"x\"}".into()),
            Refused("`items` that is no array"),
        ),
        (
            "items deeper",
            of(format!("{{\n\"data\":{{\"items\":[{ITEM}]}}}}")),
            Refused("`items` within `data`"),
        ),
        (
            "items deeper, in a row",
            of(item(
                "\"MeterName\"",
                &format!("\n\"data\":{{\"items\":[{ITEM}]}},\"MeterName\""),
            )),
            Refused("`items` within `data`"),
        ),
        (
            "two pages",
            of(format!("{{\"items\":[{ITEM}]}}\n{{\"items\":[{ITEM}]}}")),
            Refused("invalid JSON"),
        ),
        (
            "NaN",
            of(format!("{{\"items\":[{}]}}", item(":1,", ":NaN,"))),
            Refused("invalid JSON"),
        ),
    ];
    check(&cases, page_rows);
}

#[test]
fn every_item_of_a_page_is_a_row_or_a_rejection() {
    let of = |text: String| text.into_bytes();
    let cases: Vec<(&str, Vec<u8>, Wanted)> = vec![
        (
            "plain",
            of(format!("{{\"totalCount\":2,\"items\":[{ITEM},{ITEM}]}}")),
            Rows(2, 0, ""),
        ),
        (
            "value",
            of(format!("{{\"@odata.context\":\"x\",\"value\":[{ITEM}]}}")),
            Rows(1, 0, ""),
        ),
        (
            "an array",
            of(format!("[{ITEM},{ITEM},null,[]]")),
            Rows(2, 2, ""),
        ),
        (
            "a single object",
            of(ITEM.replace(',', ",\n")),
            Rows(1, 0, ""),
        ),
        (
            "items is null",
            of("{\"totalCount\":0,\"items\":null}".into()),
            Rows(0, 0, "has no rows"),
        ),
        (
            "items is empty",
            of("{\"totalCount\":0,\"items\":[]}".into()),
            Rows(0, 0, "has no rows"),
        ),
        (
            "value is empty",
            of("{\"value\":[]}".into()),
            Rows(0, 0, "has no rows"),
        ),
        ("an empty array", of("[]".into()), Rows(0, 0, "has no rows")),
        (
            "more is there than counted",
            of(format!("{{\"totalCount\":1,\"items\":[{ITEM},{ITEM}]}}")),
            Rows(2, 0, "`totalCount` of 1, but 2 items"),
        ),
        (
            "unknown keys",
            of(format!(
                "{{\"items\":[{ITEM},{}]}}",
                item("\"MeterName\"", "\"New\":1,\"MeterName\"")
            )),
            Rows(2, 0, "keys not known and not read: `New`"),
        ),
    ];
    check(&cases, page_rows);
}

/// A page of one usage row at an offset; `next` is that of the page to which it leads, if any.
fn by_offset(own: &str, next: &str, quantity: &str) -> String {
    let next = if next.is_empty() {
        String::new()
    } else {
        format!(",\"next\":{}", link(next))
    };
    linked(
        &format!("\"links\":{{\"self\":{}{next}}}", link(own)),
        quantity,
    )
}

/// A page of one usage row with links; `rest` stands before its items.
fn linked(rest: &str, quantity: &str) -> String {
    let text = page(USAGE, &[&[("Quantity", quantity)]]);
    text.replacen("{ \"totalCount\": 1,", &format!("{{ {rest},"), 1)
}

fn link(size: &str) -> String {
    format!(
        "{{\"uri\":\"/invoices/G1/lineitems?provider=onetime&size=2000{size}\",\"headers\":[]}}"
    )
}

#[test]
fn a_page_is_read_only_with_the_pages_that_it_leads_to() {
    let own = link("");
    let next = link("?seekOperation=Next");
    let first = linked(
        &format!("\"links\":{{\"self\":{own},\"next\":{next}}}"),
        "1",
    );
    let last = linked(&format!("\"links\":{{\"self\":{own}}}"), "2");
    let foreign = linked(
        "\"links\":{\"self\":{\"uri\":\"/invoices/G2/lineitems\"}}",
        "3",
    );
    let token = linked("\"continuationToken\":\"a,/+=\"", "4");
    let odata = linked(
        "\"@odata.nextLink\":\"https://graph.microsoft.com/x?$skiptoken=1\"",
        "5",
    );
    let offsets = [
        by_offset("&offset=0", "&offset=1", "1"),
        by_offset("&offset=1", "&offset=2", "2"),
        by_offset("&offset=2", "", "3"),
    ];
    let whole = linked("\"totalCount\":2,\"continuationToken\":\"a\"", "1");
    let end = linked("\"totalCount\":2", "2");
    for (name, pages, is_whole) in [
        ("first and last", vec![&first, &last], true),
        ("the first alone", vec![&first], false),
        ("the last of another list", vec![&first, &foreign], false),
        ("a token alone", vec![&token], false),
        (
            "a token and an end",
            vec![&token, &linked("\"totalCount\":1", "6")],
            true,
        ),
        ("an OData link", vec![&odata], false),
        ("all offsets", offsets.iter().collect(), true),
        (
            "the middle is missing",
            vec![&offsets[0], &offsets[2]],
            false,
        ),
        ("a count of both pages", vec![&whole, &end], true),
        ("a count above one page", vec![&end], false),
    ] {
        let pages: Vec<&[u8]> = pages.iter().map(|page| page.as_bytes()).collect();
        match try_tie(&pages, &[sheet(LINE, &[&[]]).as_bytes()], &[]) {
            Ok(found) => {
                assert!(is_whole, "{name}");
                assert_eq!(
                    found.variances("usage_rows"),
                    [pages.len().to_string()],
                    "{name}"
                );
            }
            Err(error) => {
                assert!(!is_whole, "{name}: {error}");
                assert!(
                    error.to_string().contains("of the list")
                        || error.to_string().contains("totalCount"),
                    "{name}: {error}"
                );
            }
        }
    }
}

/// Rows taken and rejected of a response of a record set, or its error.
fn records_of(set: &str, text: &str) -> Result<(u64, u64), String> {
    let set = RECORD_SETS.iter().find(|known| known.name == set).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut taken = 0;
    let read = records::read("x", file.as_file(), set, &mut |_| {
        taken += 1;
        Ok(())
    });
    let read = read.map_err(|error| error.to_string())?;
    assert_eq!(read.rows, taken + read.rows_rejected);
    Ok((taken, read.rows_rejected))
}

#[test]
fn records_are_read_whole_or_refused() {
    let of = |text: &str| records_of("customers", text);
    assert_eq!(of(r#"{"items":[{"id":"a"},{"id":"\ud800"}]}"#), Ok((1, 1)));
    assert_eq!(of(r#"{"totalCount":0,"items":null}"#), Ok((0, 0)));
    for (text, words) in [
        (r#"{"items":[{"id":"a"}],"items":[]}"#, "`items` twice"),
        (
            r#"{"items":[{"id":"a"}],"value":[{"id":"b"}]}"#,
            "two collections",
        ),
        (
            r#"{"items":[{"id":"a"}],"more":[{"id":"b"}]}"#,
            "two collections",
        ),
        (
            "{\n\"id\":\"a\",\"data\":{\"items\":[{\"id\":\"b\"}]}}",
            "`items` within `data`",
        ),
        (r#"{"items":[{"id":"a","id":"b"}]}"#, "the key `id` twice"),
    ] {
        let error = of(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}
