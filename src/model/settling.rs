//! When the data of a billing period settle: Microsoft promises days, and restates until later ones
//! ([semantics §9](crate::model::domain::semantics)).

use super::period::{Day, Period};

/// Days of the month after a period on which its stage changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlingDays {
    /// Day from which on usage that is still awaited is late: it follows the lines within 48 hours.
    pub late_from: u8,
    /// Last day on which the period is provisional: figures may come again.
    pub provisional_until: u8,
}

impl Default for SettlingDays {
    fn default() -> Self {
        Self {
            late_from: 11,
            provisional_until: 15,
        }
    }
}

impl SettlingDays {
    /// First day on which the data of a period are final.
    #[must_use]
    pub fn final_day(self, period: Period) -> Day {
        period.days().1 + Day::from(self.provisional_until)
    }

    /// First day on which usage of a period that is awaited is late.
    #[must_use]
    pub fn late_day(self, period: Period) -> Day {
        period.days().1 + Day::from(self.late_from) - 1
    }
}
