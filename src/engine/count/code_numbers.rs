//! Numbers of the entries of a dictionary, by their codes.

/// Numbers of the entries of one dictionary that were met.
#[derive(Debug, Default)]
pub(crate) struct CodeNumbers {
    dictionary: u32,
    of_code: Vec<u32>,
}

/// Stands for an entry that was not met yet: fewer texts than this are numbered.
const NOT_MET: u32 = u32::MAX;

impl CodeNumbers {
    /// The number of an entry that was met.
    #[inline]
    pub(crate) fn get(&self, dictionary: u32, code: u32) -> Option<u32> {
        let is_known = self.dictionary == dictionary;
        self.of_code
            .get(code as usize)
            .copied()
            .filter(|number| is_known && *number != NOT_MET)
    }

    /// Notes the number of an entry. Those of another dictionary are forgotten.
    pub(crate) fn note(&mut self, dictionary: u32, code: u32, number: u32) {
        if self.dictionary != dictionary {
            self.dictionary = dictionary;
            self.of_code.clear();
        }
        let at = code as usize;
        if self.of_code.len() <= at {
            self.of_code.resize(at + 1, NOT_MET);
        }
        if let Some(slot) = self.of_code.get_mut(at) {
            *slot = number;
        }
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
