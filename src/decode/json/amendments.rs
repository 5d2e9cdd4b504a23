//! Amendments of an invoice: void, adjustment and credit notes stand inside the JSON of the invoice
//! that they change ([resources §C](crate::model::domain::resources), `Invoice`). Each becomes a row
//! of its own behind that of the invoice, so that none is lost inside of a cell.

use serde_json::value::RawValue;

use super::spelling::Pairs;
use crate::model::dataset::{INVOICES, position};
use crate::model::reject::Rejection;

/// Position of the column that names the invoice which a document amends.
pub(super) const AMENDS_OF: usize = position(INVOICES, "AmendsOf");

/// Levels of amendments of amendments that are followed: 16. Microsoft's data has one, and a stack
/// has an end.
const DEEPEST_LEVEL: u32 = 16;

/// Invoice, or an amendment inside of one.
pub(super) struct Document<'a> {
    /// JSON object of the document.
    pub(super) text: &'a [u8],
    /// Id of the invoice around it; `None` for an invoice by itself.
    pub(super) within: Option<String>,
}

/// The document that an object is, and those inside of it, each behind the one that it amends.
///
/// # Errors
/// [`Rejection`] for `amendments` that are no list of objects: what they change is not known.
pub(super) fn documents(object: &[u8]) -> Result<Vec<Document<'_>>, Rejection> {
    let mut found = Vec::new();
    add(object, None, 0, &mut found)?;
    Ok(found)
}

fn add<'a>(
    object: &'a [u8],
    within: Option<String>,
    level: u32,
    found: &mut Vec<Document<'a>>,
) -> Result<(), Rejection> {
    found.push(Document {
        text: object,
        within,
    });
    // A text that is no object is refused where its cells are read.
    let Ok(Pairs(pairs)) = serde_json::from_slice::<Pairs<'_>>(object) else {
        return Ok(());
    };
    let values = |name: &str| -> Vec<&'a RawValue> {
        let of_name = pairs
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| *value).collect()
    };
    let id = values("id")
        .into_iter()
        .find_map(|id| serde_json::from_str::<String>(id.get()).ok());
    for value in values("amendments") {
        let inner: Option<Vec<&RawValue>> =
            serde_json::from_str(value.get()).map_err(|_| refused(value, "a list of invoices"))?;
        for amendment in inner.unwrap_or_default() {
            if !amendment.get().starts_with('{') {
                return Err(refused(value, "a list of invoices"));
            }
            if level == DEEPEST_LEVEL {
                return Err(refused(value, "amendments of no more than 16 levels"));
            }
            add(amendment.get().as_bytes(), id.clone(), level + 1, found)?;
        }
    }
    Ok(())
}

fn refused(value: &RawValue, wanted: &str) -> Rejection {
    Rejection::new("Amendments", value.get().as_bytes(), wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_amendment_follows_the_invoice_around_it() {
        let text =
            br#"{"Id":"G1","amendments":[{"id":"A1","amendments":[{"id":"A2"}]},{"id":"A3"}]}"#;
        let found = documents(text).expect("amendments are lists");
        let within: Vec<Option<&str>> = found.iter().map(|one| one.within.as_deref()).collect();
        assert_eq!(within, [None, Some("G1"), Some("A1"), Some("G1")]);
        assert_eq!(found[2].text, br#"{"id":"A2"}"#);
    }

    #[test]
    fn no_amendments_are_none_and_others_are_refused() {
        for text in [
            r#"{"id":"G1"}"#,
            r#"{"amendments":null}"#,
            r#"{"amendments":[]}"#,
            "[]",
        ] {
            assert_eq!(
                documents(text.as_bytes()).map(|found| found.len()).ok(),
                Some(1)
            );
        }
        for text in [
            r#"{"amendments":"A1"}"#,
            r#"{"amendments":[1]}"#,
            r#"{"amendments":{}}"#,
        ] {
            assert!(documents(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "{\"amendments\":[".repeat(20) + &"]}".repeat(20);
        assert!(documents(deep.as_bytes()).is_err());
    }
}
