//! Numbers of a dictionary's entries by their codes, so that a text that a row names by code is
//! neither hashed nor compared.
//!
//! A column of Parquet goes through one dictionary after the other, a row group each: only the
//! current one is remembered, in an array that its codes index.

/// Numbers of those entries of one dictionary that were met.
#[derive(Debug, Default)]
pub(super) struct CodeNumbers {
    dictionary: u32,
    of_code: Vec<u32>,
}

/// Stands for an entry that was not met yet. No text has this number: fewer are numbered.
const NOT_MET: u32 = u32::MAX;

impl CodeNumbers {
    /// Number of an entry; `None` if the entry was not met yet, or is of another dictionary.
    #[inline]
    pub(super) fn get(&self, dictionary: u32, code: u32) -> Option<u32> {
        let is_current = self.dictionary == dictionary;
        // An entry beyond the end was not met either.
        self.of_code
            .get(code as usize)
            .copied()
            .filter(|number| is_current && *number != NOT_MET)
    }

    /// Notes the number of an entry. The entries of any other dictionary are forgotten.
    pub(super) fn note(&mut self, dictionary: u32, code: u32, number: u32) {
        if self.dictionary != dictionary {
            self.dictionary = dictionary;
            // The memory is kept: the dictionary of the next row group is about as large.
            self.of_code.clear();
        }
        let at = code as usize;
        if self.of_code.len() <= at {
            self.of_code.resize(at + 1, NOT_MET);
        }
        self.of_code[at] = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_another_dictionary_are_other_entries() {
        let mut numbers = CodeNumbers::default();
        numbers.note(1, 3, 30);
        assert_eq!(
            [
                numbers.get(1, 3),
                numbers.get(1, 2),
                numbers.get(1, 9),
                numbers.get(2, 3)
            ],
            [Some(30), None, None, None]
        );
        numbers.note(2, 4, 40);
        assert_eq!(
            [numbers.get(2, 3), numbers.get(2, 4), numbers.get(1, 3)],
            [None, Some(40), None]
        );
    }
}
