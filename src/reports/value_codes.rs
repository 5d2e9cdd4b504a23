//! Values of rows as the numbers of a dictionary: each distinct value once, in the order in which the
//! rows have them.

use std::hash::Hash;

use hashbrown::{HashMap, HashSet};

use super::coded_column::{CodedColumn, Codes, NO_NUMBER, NO_VALUE, push_number};

/// Numbers that are looked at before a column is told to repeat: 1,024.
const SAMPLED_NUMBERS: usize = 1024;

/// The values of a column, and the number of each row's.
#[derive(Debug)]
pub struct ValueCodes {
    values: Vec<u8>,
    ends: Vec<usize>,
    codes: Vec<u32>,
    has_gaps: bool,
}

impl ValueCodes {
    /// Values of rows, `None` for a row without one; `push` adds one as the file has it. `None` for more
    /// than `most` distinct values.
    pub fn of<V: Copy + Eq + Hash>(
        rows: impl IntoIterator<Item = Option<V>>,
        mut push: impl FnMut(&mut Vec<u8>, V),
        most: usize,
    ) -> Option<Self> {
        let rows = rows.into_iter();
        let mut numbers: HashMap<V, u32> = HashMap::new();
        let (mut values, mut ends) = (Vec::new(), Vec::new());
        let mut codes = Vec::with_capacity(rows.size_hint().0);
        let mut has_gaps = false;
        let mut last: Option<(Option<V>, u32)> = None;
        for value in rows {
            // Rows in a row mostly share it.
            let number = match (last, value) {
                (Some((last, number)), _) if last == value => number,
                (_, None) => NO_VALUE,
                (_, Some(value)) => *numbers.entry(value).or_insert_with(|| {
                    push(&mut values, value);
                    ends.push(values.len());
                    u32::try_from(ends.len() - 1).expect("a row group has fewer than 2^32 rows")
                }),
            };
            if ends.len() > most {
                return None;
            }
            has_gaps |= number == NO_VALUE;
            last = Some((value, number));
            codes.push(number);
        }
        Some(Self {
            values,
            ends,
            codes,
            has_gaps,
        })
    }

    /// Values of rows by their codes, all below `most`. For a code that comes for the first time, and the
    /// next number, `push` adds the value and gives that number back, or gives the number of the same value
    /// under another code.
    pub fn of_codes(
        rows: &[u32],
        most: usize,
        mut push: impl FnMut(&mut Vec<u8>, u32, u32) -> u32,
    ) -> Self {
        let (mut values, mut ends) = (Vec::new(), Vec::new());
        // Each is one more than the number, as there may be far more codes than rows, and a table of zeros
        // is the cheapest.
        let mut behind = vec![0_u32; most];
        let number_of = |code: &u32| {
            let behind = &mut behind[*code as usize];
            if *behind == 0 {
                let next = u32::try_from(ends.len()).expect("a row group has fewer than 2^32 rows");
                let number = push(&mut values, *code, next);
                if number == next {
                    ends.push(values.len());
                }
                *behind = number + 1;
            }
            *behind - 1
        };
        let codes = rows.iter().map(number_of).collect();
        Self {
            values,
            ends,
            codes,
            has_gaps: false,
        }
    }

    /// Numbers in units of 10^-10, [`NO_NUMBER`] for none; `None` where more than half of them are
    /// different, and the numbers of a dictionary would be of no use.
    #[must_use]
    pub fn of_numbers(numbers: &[i128]) -> Option<Self> {
        let sample = &numbers[..numbers.len().min(SAMPLED_NUMBERS)];
        let distinct: HashSet<&i128> = sample.iter().collect();
        if distinct.len() > sample.len() / 2 {
            return None;
        }
        let numbers_or_none = numbers.iter().copied();
        let numbers_or_none = numbers_or_none.map(|number| (number != NO_NUMBER).then_some(number));
        Self::of(numbers_or_none, push_number, numbers.len() / 2)
    }

    /// The column that these make.
    #[must_use]
    pub fn column(&self) -> CodedColumn<'_> {
        CodedColumn {
            values: &self.values,
            ends: &self.ends,
            codes: match (self.has_gaps, self.ends.len()) {
                (true, _) => Codes::Sparse(&self.codes),
                (false, 1) => Codes::Zeros(self.codes.len()),
                (false, _) => Codes::Dense(&self.codes),
            },
        }
    }
}
