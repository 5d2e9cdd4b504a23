//! Did you mean: the known word that a misspelt one stands for.
//!
//! For messages only. A near word is never taken for the word itself.

/// The known word nearest to `word`, the first of several; `None` if more than a third of its
/// letters differ. Case and the choice of `-` or `_` do not count.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain_form(word);
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&plain, &plain_form(candidate)),
                candidate,
            )
        })
        // Of very short words one letter may differ, or no slip in them would ever be found.
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `word` in lower case, with `_` for `-`, cut to 64 characters: computing the distance takes time
/// in the square of the length, and a word may be anything that a user typed.
fn plain_form(word: &str) -> String {
    word.chars()
        .take(64)
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let known = ["period", "out", "source", "tie_out"];
        for (word, expect) in [
            ("perod", Some("period")),
            ("Sources", Some("source")),
            ("tie-out", Some("tie_out")),
            ("uot", Some("out")),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known), expect, "{word}");
        }
    }
}
