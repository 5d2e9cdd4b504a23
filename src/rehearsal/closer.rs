//! The closer: who says between the nights what people say of breaks. What was said goes into the books,
//! so that a word that is lost is a difference.

use std::collections::BTreeMap;
use std::path::Path;

use super::books::{BookedAcceptance, MonthBooks};
use super::calendar::{MonthDays, iso};
use super::request::RehearsalError;
use super::tables::{BreakKey, customer_of};
use super::truth::{TrueEvent, TrueKind, TruthOfMonths};
use crate::ledger::people::{Saying, Word};
use crate::ledger::store::Ledger;
use crate::model::cause::TieOut;
use crate::model::period::Day;
use crate::model::settling::SettlingDays;
use crate::pipeline::closing::close::{self, PeriodRequest};
use crate::pipeline::month_end::exports;

/// People who have breaks, by customer.
const PEOPLE: [&str; 3] = ["ana", "ben", "chris"];

/// Name of the person who speaks.
const CLOSER: &str = "ana";

/// Days of the month after until which the acceptance lasts that passes its date: before the 17th.
const SHORT: Day = 14;

/// Days until which the others last: beyond the rehearsal of the month.
const LONG: Day = 74;

/// Day of the closer, after a complete night.
pub(super) struct ClosersDay<'d> {
    pub(super) out: &'d Path,
    pub(super) pipeline: &'d str,
    pub(super) day: &'d str,
    pub(super) month: &'d MonthDays,
    pub(super) truth: &'d TruthOfMonths,
}

/// Fate of an accepted break, of each of which one is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It stays as it is.
    Holds,
    /// It stays, and its acceptance ends.
    PassesItsDate,
    /// It grows past its cap.
    Grows,
    /// It goes in a later night.
    Goes,
}

impl ClosersDay<'_> {
    /// Speaks about the breaks of a night; number of words. On the first day some are accepted, one is
    /// disputed and some are labelled; whatever has no owner gets one.
    ///
    /// # Errors
    /// [`RehearsalError`] if the ledger refuses.
    pub(super) fn work(
        &self,
        books: &mut MonthBooks,
        is_first: bool,
    ) -> Result<u64, RehearsalError> {
        let mut ledger = Ledger::open(self.out)?;
        let mut words = self.assign(&mut ledger, books)?;
        if is_first {
            words += self.accept(&mut ledger, books)?;
            words += self.dispute_and_label(&mut ledger, books)?;
        }
        if words > 0 {
            exports::refresh(self.out, &ledger)?;
        }
        Ok(words)
    }

    /// Closes the month once its last run is final; true if it did.
    ///
    /// # Errors
    /// [`RehearsalError`] if the month cannot be closed: everything that it takes is there.
    pub(super) fn close(&self) -> Result<bool, RehearsalError> {
        if *self.day
            < *iso(self.month.month_after() + Day::from(SettlingDays::default().provisional_until))
        {
            return Ok(false);
        }
        close::close(&PeriodRequest {
            out: self.out.to_owned(),
            period: self.month.period.clone(),
            pipeline: Some(self.pipeline.to_owned()),
            by: CLOSER.to_owned(),
            today: self.day.to_owned(),
        })?;
        Ok(true)
    }

    /// Gives breaks of no owner the one who has their customer.
    fn assign(&self, ledger: &mut Ledger, books: &mut MonthBooks) -> Result<u64, RehearsalError> {
        let mut of_person: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let unowned = books.breaks.iter_mut();
        for (key, one) in unowned.filter(|(_, one)| one.is_there && one.owner.is_empty()) {
            let letters = customer_of(key).bytes().map(usize::from);
            let person = PEOPLE[letters.sum::<usize>() % PEOPLE.len()];
            person.clone_into(&mut one.owner);
            of_person
                .entry(person)
                .or_default()
                .push(one.break_id.clone());
        }
        let mut words = 0;
        for (person, ids) in of_person {
            words += self.say(ledger, ids, Word::Assign(person.to_owned()), "")?;
        }
        Ok(words)
    }

    /// Accepts one break of each fate, as far as the month has them.
    fn accept(&self, ledger: &mut Ledger, books: &mut MonthBooks) -> Result<u64, RehearsalError> {
        let mut words = 0;
        let mut accepted: Vec<BreakKey> = Vec::new();
        for fate in [Fate::Grows, Fate::Goes, Fate::PassesItsDate, Fate::Holds] {
            let has_it = |key: &BreakKey| {
                key[0] == TieOut::UsageToInvoice.name()
                    && !accepted.contains(key)
                    && self.has_fate(fate, books.version, key)
            };
            let there = books.breaks.iter().filter(|(_, one)| one.is_there);
            let mut fitting = there.map(|(key, _)| key).filter(|key| has_it(key));
            let Some(key) = fitting.next().cloned() else {
                continue;
            };
            let days = match fate {
                Fate::PassesItsDate => SHORT,
                _ => LONG,
            };
            let until = iso(self.month.month_after() + days);
            let one = books.breaks.get_mut(&key).expect("a break of the books");
            let cap = one.amount.abs();
            let word = Word::Accept {
                until: until.clone(),
                cap: Some(cap),
            };
            let ids = vec![one.break_id.clone()];
            one.acceptance = Some(BookedAcceptance { until, cap });
            words += self.say(ledger, ids, word, "known, and not worth a claim")?;
            accepted.push(key);
        }
        Ok(words)
    }

    /// True if later versions have this fate for a break.
    fn has_fate(&self, fate: Fate, version: u32, key: &BreakKey) -> bool {
        let period = &self.month.period;
        let next = self.truth.later(period, version, key).next();
        match (fate, next) {
            (Fate::Holds | Fate::PassesItsDate, None) => true,
            (
                Fate::Grows,
                Some(TrueEvent {
                    kind,
                    before,
                    after,
                    ..
                }),
            ) => *kind == TrueKind::Moved && after.abs() > before.abs(),
            (Fate::Goes, Some(event)) => event.kind == TrueKind::Resolved,
            _ => false,
        }
    }

    /// Disputes the largest break, and labels those behind it.
    fn dispute_and_label(
        &self,
        ledger: &mut Ledger,
        books: &mut MonthBooks,
    ) -> Result<u64, RehearsalError> {
        let there = books.breaks.values_mut();
        let mut largest: Vec<_> = there
            .filter(|one| one.is_there && one.acceptance.is_none())
            .collect();
        largest.sort_by_key(|one| (std::cmp::Reverse(one.amount.abs()), one.break_id.clone()));
        let mut words = 0;
        for (at, one) in largest.into_iter().take(3).enumerate() {
            let ids = vec![one.break_id.clone()];
            let word = if at == 0 {
                one.ticket = format!("PC-{}", self.month.period);
                Word::Dispute(one.ticket.clone())
            } else {
                "price list".clone_into(&mut one.label);
                Word::Label(one.label.clone())
            };
            words += self.say(ledger, ids, word, "")?;
        }
        Ok(words)
    }

    fn say(
        &self,
        ledger: &mut Ledger,
        break_ids: Vec<String>,
        word: Word,
        reason: &str,
    ) -> Result<u64, RehearsalError> {
        let words = break_ids.len() as u64;
        ledger.say(&Saying {
            break_ids,
            pipeline: Some(self.pipeline.to_owned()),
            period: Some(self.month.period.clone()),
            word,
            by: CLOSER.to_owned(),
            reason: reason.to_owned(),
            at: format!("{}T09:00:00Z", self.day),
            today: self.day.to_owned(),
        })?;
        Ok(words)
    }
}
