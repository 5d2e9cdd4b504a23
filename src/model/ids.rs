//! Folding: how two spellings of one identifier become equal.
//!
//! Rules and evidence: [quirks](crate::model::domain::quirks), daily rated usage 6 (case of GUIDs
//! and ARM ids), 8 (lost zeros) and 13 (U+00A0), and [resources
//! §A](crate::model::domain::resources), point 6 (`org:` prefix). A folded text is for comparing
//! only; the spelling that came is kept for display.

use std::borrow::Cow;

/// Rule by which a text column's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// GUIDs and other identifiers: case-insensitive, blanks trimmed, `org:` prefix dropped.
    Identifier,
    /// SKU ids: case-insensitive, blanks trimmed, numeric ones padded to four characters: a
    /// spreadsheet takes the zeros of `0003` away.
    Sku,
    /// ARM resource ids: case-insensitive, trailing slash dropped.
    ArmId,
    /// Free text: case-insensitive, any run of blanks (U+00A0 too) is one blank.
    Text,
    /// Currency codes: upper case.
    Code,
}

/// The form that all spellings of one identifier share.
#[must_use]
pub fn fold(kind: Fold, text: &str) -> String {
    match kind {
        Fold::Identifier => without_org_prefix(text.trim()).to_lowercase(),
        // Without the `org:` rule: only customer ids were ever prefixed.
        Fold::Sku => pad_sku(text.trim()),
        Fold::ArmId => text.trim().trim_end_matches('/').to_lowercase(),
        Fold::Text => squeeze(text).to_lowercase(),
        Fold::Code => text.trim().to_uppercase(),
    }
}

/// The form of `text` that is shown: blanks trimmed, `org:` dropped, codes in upper case.
#[must_use]
pub fn display(kind: Fold, text: &str) -> Cow<'_, str> {
    match kind {
        Fold::Identifier => Cow::Borrowed(without_org_prefix(text.trim())),
        Fold::Code => Cow::Owned(text.trim().to_uppercase()),
        Fold::Sku | Fold::ArmId | Fold::Text => Cow::Borrowed(text.trim()),
    }
}

/// Tenant id without the prefix that older answers put before it, in any case.
fn without_org_prefix(text: &str) -> &str {
    // Checked, because the fourth byte may lie inside a character.
    match text.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("org:") => rest,
        _ => text,
    }
}

/// SKU id in lower case, with the leading zeros of a numeric one.
fn pad_sku(text: &str) -> String {
    // Ids with a letter stay as they are, for spreadsheets leave their zeros alone:
    // model::domain::quirks, daily rated usage 8.
    if !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{text:0>4}");
    }
    text.to_lowercase()
}

/// Text with every run of blanks, U+00A0 too, as one blank, and none at its ends.
fn squeeze(text: &str) -> String {
    // `split_whitespace` goes by Unicode's White_Space, to which U+00A0 belongs.
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_identifier_fold_together() {
        assert_eq!(fold(Fold::Identifier, "org:9060D13D-aa"), "9060d13d-aa");
        assert_eq!(fold(Fold::Sku, "3"), fold(Fold::Sku, "0003"));
        assert_eq!(fold(Fold::Sku, "000B"), "000b");
        assert_ne!(fold(Fold::Sku, "B"), fold(Fold::Sku, "000B"));
        assert_eq!(
            fold(Fold::ArmId, "/Subscriptions/A/resourceGroups/X/"),
            "/subscriptions/a/resourcegroups/x"
        );
        assert_eq!(
            fold(Fold::Text, "SSD\u{a0}Managed  Disks "),
            "ssd managed disks"
        );
        assert_eq!(fold(Fold::Code, "eur"), "EUR");
        assert_eq!(display(Fold::Identifier, " org:AB "), "AB");
    }
}
