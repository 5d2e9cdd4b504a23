//! The closer's own books of a month: what the ledger must say, kept from the truth and from what people
//! said alone. They know nothing of the ledger, or they would prove nothing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::tables::{BreakKey, Group, group_of};
use super::truth::{Restated, TrueKind, TrueVersion};

/// Figures by tie-out, currency and name: amounts, and numbers of breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NightFigures {
    figures: BTreeMap<[String; 3], Decimal>,
}

impl NightFigures {
    /// Adds to a figure.
    pub(super) fn add(&mut self, group: &Group, name: &str, amount: Decimal) {
        let [tie_out, currency] = group.clone();
        let key = [tie_out, currency, name.to_owned()];
        *self.figures.entry(key).or_default() += amount;
    }

    /// Adds an event: its number, and its amount.
    pub(super) fn event(&mut self, group: &Group, kind: &str, amount: Decimal) {
        self.add(group, &format!("number of events {kind}"), Decimal::ONE);
        self.add(group, &format!("amount of events {kind}"), amount);
    }

    /// Sentences about the figures that differ from those that are wanted.
    pub(super) fn differences(&self, wanted: &Self) -> Vec<String> {
        let keys = self.figures.keys().chain(wanted.figures.keys());
        let keys: std::collections::BTreeSet<_> = keys.collect();
        let of = |figures: &BTreeMap<[String; 3], Decimal>, key| {
            figures.get(key).copied().unwrap_or(Decimal::ZERO)
        };
        let differing = keys.into_iter().filter_map(|key| {
            let (found, wanted) = (of(&self.figures, key), of(&wanted.figures, key));
            let [tie_out, currency, name] = key;
            (found != wanted)
                .then(|| format!("{tie_out} {currency}, {name}: found {found}, wanted {wanted}"))
        });
        differing.collect()
    }
}

/// Acceptance of a break by a person.
#[derive(Clone, Debug)]
pub(super) struct BookedAcceptance {
    /// Last day of the acceptance.
    pub(super) until: String,
    /// Largest amount, in either direction.
    pub(super) cap: Decimal,
}

/// A break in the books.
#[derive(Clone, Debug, Default)]
pub(super) struct BookedBreak {
    /// True if the last complete night had it.
    pub(super) is_there: bool,
    pub(super) amount: Decimal,
    /// Day of the first complete night that had it.
    pub(super) first_seen: String,
    pub(super) owner: String,
    pub(super) label: String,
    pub(super) ticket: String,
    pub(super) acceptance: Option<BookedAcceptance>,
    /// Amount in the balance of the last complete night; `None` if the balance has nothing of it.
    balance: Option<Decimal>,
    /// Id that the ledger gave it at first.
    pub(super) break_id: String,
}

impl BookedBreak {
    /// State that the ledger must name.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self {
                is_there: false, ..
            } => "resolved",
            Self {
                acceptance: Some(_),
                ..
            } => "accepted",
            Self { ticket, .. } if !ticket.is_empty() => "disputed",
            Self { owner, .. } if !owner.is_empty() => "assigned",
            Self { .. } => "open",
        }
    }
}

/// Books of one month.
#[derive(Debug, Default)]
pub(super) struct MonthBooks {
    /// Version that the last complete night had; 0 before the first.
    pub(super) version: u32,
    pub(super) breaks: BTreeMap<BreakKey, BookedBreak>,
    /// Day of the last complete night before the month was closed.
    pub(super) last_day: String,
    /// True once the month is closed: no run moves anything any more.
    pub(super) is_closed: bool,
    /// Closing rows of the last complete night's roll-forward.
    pub(super) closing_rows: BTreeMap<[String; 4], Decimal>,
}

/// What a night must come to.
#[derive(Debug, Default)]
pub(super) struct WantedNight {
    pub(super) figures: NightFigures,
    /// Number of breaks that are new, came back, or are no longer accepted.
    pub(super) fresh: u64,
    /// Data that came again with other content.
    pub(super) restatements: Restated,
}

impl MonthBooks {
    /// Takes the books through a complete night of a day, which has this version.
    pub(super) fn night(&mut self, day: &str, version: u32, truth: &TrueVersion) -> WantedNight {
        let mut wanted = WantedNight::default();
        if self.version != version {
            wanted.restatements.clone_from(&truth.restatements);
        }
        if self.is_closed {
            self.version = version;
            return wanted;
        }
        day.clone_into(&mut self.last_day);
        for (key, one) in &self.breaks {
            let opening = one.balance.unwrap_or(Decimal::ZERO);
            wanted.figures.add(&group_of(key), "opening", opening);
        }
        if self.version != version {
            self.version = version;
            self.take(day, truth, &mut wanted);
        }
        self.look_at_acceptances(day, &mut wanted);
        for (key, one) in self.breaks.iter().filter(|(_, one)| one.is_there) {
            let closing = one.balance.unwrap_or(Decimal::ZERO);
            wanted.figures.add(&group_of(key), "closing", closing);
        }
        for (group, closing) in &truth.closing {
            wanted.figures.add(group, "closing and accepted", *closing);
        }
        wanted
    }

    /// Books the changes of a version.
    fn take(&mut self, day: &str, truth: &TrueVersion, wanted: &mut WantedNight) {
        let figures = &mut wanted.figures;
        for event in &truth.events {
            let group = group_of(&event.key);
            let one = self.breaks.entry(event.key.clone()).or_default();
            if one.first_seen.is_empty() {
                day.clone_into(&mut one.first_seen);
            }
            let amount = event.after - event.before;
            figures.event(&group, event.kind.name(), amount);
            one.amount = event.after;
            one.is_there = event.kind != TrueKind::Resolved;
            match (event.kind, one.balance) {
                (TrueKind::New | TrueKind::Reopened, _) => {
                    wanted.fresh += 1;
                    figures.add(&group, "new", amount);
                    one.balance = Some(event.after);
                }
                (TrueKind::Moved, Some(_)) => {
                    figures.add(&group, "moved", amount);
                    one.balance = Some(event.after);
                }
                (TrueKind::Resolved, Some(_)) => {
                    figures.add(&group, "resolved", -amount);
                    one.balance = None;
                }
                // Of what is accepted the balance has nothing.
                (TrueKind::Moved | TrueKind::Resolved, None) => {}
            }
            if event.kind == TrueKind::Resolved {
                one.acceptance = None;
            }
        }
    }

    /// Ends acceptances past their day or cap, and takes out of the balance what was accepted since the
    /// night before.
    fn look_at_acceptances(&mut self, day: &str, wanted: &mut WantedNight) {
        let there = self.breaks.iter_mut().filter(|(_, one)| one.is_there);
        for (key, one) in there {
            let Some(acceptance) = &one.acceptance else {
                continue;
            };
            let group = group_of(key);
            let is_over = one.amount.abs() > acceptance.cap || *day > *acceptance.until;
            if is_over {
                wanted.fresh += 1;
                wanted.figures.event(&group, "unaccepted", one.amount);
                one.acceptance = None;
                if one.balance.is_none() {
                    wanted.figures.add(&group, "accepted", -one.amount);
                    one.balance = Some(one.amount);
                }
            } else if let Some(balance) = one.balance.take() {
                wanted.figures.add(&group, "accepted", balance);
            }
        }
    }

    /// Number of breaks of these states.
    pub(super) fn count(&self, states: &[&str]) -> u64 {
        let breaks = self.breaks.values();
        breaks.filter(|one| states.contains(&one.state())).count() as u64
    }
}
