//! Units of measure: a meter is priced by the block, such as `10K` or `100 Hours`, and FOCUS wants the
//! size of the block apart from what it is a block of.

/// Unit of measure in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockUnit {
    /// Number of units in a block, at least 1.
    pub(super) block: i128,
    /// Unit without the block, such as `Hours`.
    pub(super) consumed: String,
    /// Unit with the block, such as `100 Hours`.
    pub(super) pricing: String,
}

/// Units that FOCUS has in the plural.
const PLURALS: [(&str, &str); 10] = [
    ("Connection", "Connections"),
    ("Day", "Days"),
    ("Hour", "Hours"),
    ("Minute", "Minutes"),
    ("Month", "Months"),
    ("Request", "Requests"),
    ("Second", "Seconds"),
    ("Transaction", "Transactions"),
    ("Unit", "Units"),
    ("User", "Users"),
];
/// Sizes of data, of which a product with a time has a hyphen: `GB-Hours`.
const DATA_SIZES: [&str; 8] = ["GB", "GiB", "KB", "KiB", "MB", "MiB", "TB", "TiB"];
/// Name of a unit that has none.
const COUNT: &str = "Units";

impl BlockUnit {
    /// The parts of a unit as it came; what is not known stays as it is, and is a block of one.
    pub(super) fn of(text: &str) -> Self {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (block, rest) = split_block(&words).unwrap_or((1, &words));
        let consumed = match rest {
            "" => COUNT.to_owned(),
            rest if rest.starts_with('/') => format!("{COUNT}{}", rest.replace("/ ", "/")),
            rest => named(rest),
        };
        let pricing = match block {
            1 => consumed.clone(),
            block => format!("{block} {consumed}"),
        };
        Self {
            block,
            consumed,
            pricing,
        }
    }
}

/// Size of the block, and the text behind it; `None` for a text that begins with no number above 0.
fn split_block(text: &str) -> Option<(i128, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let rest = rest.trim_start();
    let multiple = match rest.as_bytes() {
        [_, next, ..] if next.is_ascii_alphabetic() => 1,
        [b'K', ..] => 1_000,
        [b'M', ..] => 1_000_000,
        [b'B', ..] => 1_000_000_000,
        _ => 1,
    };
    let rest = if multiple == 1 { rest } else { &rest[1..] };
    Some((i128::from(number) * multiple, rest.trim()))
}

/// Name that FOCUS has for a unit.
fn named(unit: &str) -> String {
    if let Some(plural) = plural(unit) {
        return plural.to_owned();
    }
    let product = unit.split_once(' ').and_then(|(size, time)| {
        let size = DATA_SIZES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(size))?;
        Some(format!("{size}-{}", plural(time)?))
    });
    product.unwrap_or_else(|| unit.to_owned())
}

fn plural(unit: &str) -> Option<&'static str> {
    let found = PLURALS
        .iter()
        .find(|pair| pair.0.eq_ignore_ascii_case(unit) || pair.1.eq_ignore_ascii_case(unit));
    found.map(|(_, plural)| *plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_units_are_told_apart() {
        for (text, block, consumed, pricing) in [
            ("1 Hour", 1, "Hours", "Hours"),
            ("1 hour", 1, "Hours", "Hours"),
            ("10K", 10_000, "Units", "10000 Units"),
            ("1M", 1_000_000, "Units", "1000000 Units"),
            ("100 Hours", 100, "Hours", "100 Hours"),
            ("1 GB", 1, "GB", "GB"),
            ("1 GB/Month", 1, "GB/Month", "GB/Month"),
            ("1/Month", 1, "Units/Month", "Units/Month"),
            ("1 /Day", 1, "Units/Day", "Units/Day"),
            ("1 GiB Hour", 1, "GiB-Hours", "GiB-Hours"),
            ("10K/Month", 10_000, "Units/Month", "10000 Units/Month"),
            ("1 MB", 1, "MB", "MB"),
            ("1", 1, "Units", "Units"),
            ("", 1, "Units", "Units"),
            ("Licenses", 1, "Licenses", "Licenses"),
            ("0 Hours", 1, "0 Hours", "0 Hours"),
        ] {
            let found = BlockUnit::of(text);
            let found = (found.block, &*found.consumed, &*found.pricing);
            assert_eq!(found, (block, consumed, pricing), "{text}");
        }
    }
}
