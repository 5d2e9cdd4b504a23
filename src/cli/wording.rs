//! English grammar that several printed texts need.

/// A count and its noun: `1 line`, `2 lines`. The noun takes a plain `s`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
