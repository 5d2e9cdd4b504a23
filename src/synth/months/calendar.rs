//! Days of the service: when an invoice is out, when its usage is there, and when a later version
//! takes its place ([semantics §9](crate::model::domain::semantics)).

use crate::model::period::{Day, Period};

/// First days of a version, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// Day from which invoices and lines are served.
    pub(super) lines: Day,
    /// Day from which the daily rated usage of them is served, too.
    pub(super) usage: Day,
}

/// Days of every version of the month at a position among the months, the first version first.
pub(super) fn versions(period: Period, at: u64, restate: bool) -> Vec<Days> {
    // Of the month after: `first` is its first day.
    let (_, first) = period.days();
    // On the 6th, 7th and 8th in turn; usage follows within 48 hours.
    let (lines, wait) = [(6, 2), (7, 1), (8, 1)][usize::try_from(at % 3).expect("below 3")];
    let mut days = vec![Days {
        lines: first + lines - 1,
        usage: first + lines + wait - 1,
    }];
    if !restate {
        return days;
    }
    // While figures are provisional; each second month once more: still then, and twice after the
    // 15th, when most partners have closed.
    let third = [13, 20, 27][usize::try_from(at / 2 % 3).expect("below 3")];
    let later = [Some(10), (at % 2 == 1).then_some(third)];
    days.extend(later.into_iter().flatten().map(|day| Days {
        lines: first + day - 1,
        usage: first + day - 1,
    }));
    days
}

/// Month that comes `count` months after another.
pub(super) fn month_after(period: Period, count: u64) -> Period {
    (0..count).fold(period, |period, _| {
        let (_, next) = period.days();
        Period::of(next).expect("a month within years of one that is billed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::partner::iso;

    #[test]
    fn usage_follows_its_lines_within_two_days_and_versions_come_later() {
        let period = Period::parse("2026-10").expect("a month");
        for at in 0..6 {
            let month = month_after(period, at);
            let days = versions(month, at, true);
            let text = iso(days[0].lines);
            assert!(["06", "07", "08"].contains(&&text[8..]), "{text}");
            assert!((1..=2).contains(&(days[0].usage - days[0].lines)));
            assert!(days.is_sorted_by(|a, b| a.usage < b.lines));
            assert_eq!(versions(month, at, false), days[..1]);
        }
        assert_eq!(month_after(period, 3).to_string(), "2027-01");
    }
}
