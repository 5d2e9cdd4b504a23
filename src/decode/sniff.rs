//! The format of a text, told from how it begins. Names of files are not looked at: people rename
//! them.

/// Format of an uncompressed text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// Comma-separated values below a header.
    Csv,
    /// One JSON object on each line.
    JsonLines,
    /// One JSON document: an array of rows, a collection with `items`, or a single object.
    JsonPage,
}

/// The format of a text that begins with `head`. An array, or an object that has `items` or goes on
/// past its first line, is a page; other objects are JSON lines; anything else is CSV.
pub(super) fn text_format(head: &[u8]) -> TextFormat {
    let text = head.trim_ascii_start();
    match text.first() {
        Some(b'[') => TextFormat::JsonPage,
        Some(b'{') => object_format(text),
        _ => TextFormat::Csv,
    }
}

/// The format of a text that begins with an object. It is scanned by hand, for it may be cut off
/// anywhere and no parser would take it. Its first byte opens the object, so that `depth` is above
/// 0 until it closes.
fn object_format(text: &[u8]) -> TextFormat {
    let (mut depth, mut in_string, mut escaped, mut string_start) = (0_u32, false, false, 0);
    for (at, &byte) in text.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_string = false;
                    // Deeper down the key may be one of a single row.
                    if depth == 1 && is_key_of_items(&text[string_start..at], &text[at + 1..]) {
                        return TextFormat::JsonPage;
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_string, string_start) = (true, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return TextFormat::JsonLines;
                }
            }
            // A line of JSON lines is a whole object; this one is printed over several.
            b'\n' => return TextFormat::JsonPage,
            _ => {}
        }
    }
    // The object is longer than what was sniffed, and all of that is one line.
    TextFormat::JsonLines
}

/// True if a string is the key of a collection's rows: `items` of Partner Center, `value` of Graph.
/// `rest` is the text after the string's closing quote.
fn is_key_of_items(string: &[u8], rest: &[u8]) -> bool {
    let is_items = string.eq_ignore_ascii_case(b"items");
    let Some(value) = rest.trim_ascii_start().strip_prefix(b":") else {
        return false;
    };
    let value = value.trim_ascii_start();
    // `items` may be null where there are none; a `value` that is null may be one of a row.
    (is_items || string == b"value") && value.starts_with(b"[")
        || is_items && value.starts_with(b"null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_by_content() {
        assert_eq!(text_format(b"PartnerId,CustomerId\n"), TextFormat::Csv);
        assert_eq!(
            text_format(b"{\"PartnerId\":\"{\\\"items\\\":[\"}\n{}"),
            TextFormat::JsonLines
        );
        assert_eq!(
            text_format(b"{\"totalCount\":2,\"items\":[{}]}"),
            TextFormat::JsonPage
        );
        assert_eq!(
            text_format(b"{\"totalCount\":0,\"items\": null}"),
            TextFormat::JsonPage
        );
        assert_eq!(text_format(b"{\n \"totalCount\": 2"), TextFormat::JsonPage);
        assert_eq!(text_format(b" [{}]"), TextFormat::JsonPage);
        assert_eq!(
            text_format(b"{\"a\":{\"items\":[]}}"),
            TextFormat::JsonLines
        );
    }
}
