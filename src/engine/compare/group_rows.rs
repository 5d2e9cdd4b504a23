//! Rows of a frame by their groups, as one list that is cut at the groups' borders: a list for each
//! of a million groups would take more room than the rows.

/// Rows of each group.
pub(super) struct GroupedRows {
    /// Rows, by group; within a group in the order of the frame.
    rows: Vec<u32>,
    /// Place of each group's first row, and the number of all rows at the end.
    first: Vec<u32>,
}

impl GroupedRows {
    /// Rows by group, given the group of each row.
    ///
    /// # Panics
    /// Where a row is of a group past `groups`.
    pub(super) fn new(of_row: &[u32], groups: usize) -> Self {
        let mut first = vec![0_u32; groups + 1];
        for group in of_row {
            first[*group as usize + 1] += 1;
        }
        let mut sum = 0;
        for slot in &mut first {
            sum += *slot;
            *slot = sum;
        }
        let mut next = first.clone();
        let mut rows = vec![0; of_row.len()];
        for (row, group) in (0..).zip(of_row) {
            let slot = &mut next[*group as usize];
            rows[*slot as usize] = row;
            *slot += 1;
        }
        Self { rows, first }
    }

    /// Rows of a group, in the order of the frame.
    pub(super) fn of(&self, group: usize) -> &[u32] {
        &self.rows[self.first[group] as usize..self.first[group + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_their_groups() {
        let grouped = GroupedRows::new(&[2, 0, 2, 3], 4);
        assert_eq!(grouped.of(0), [1]);
        assert!(grouped.of(1).is_empty());
        assert_eq!(grouped.of(2), [0, 2]);
        assert_eq!(grouped.of(3), [3]);
    }
}
