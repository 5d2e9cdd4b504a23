//! What a run does to the breaks of its stream: which are new, moved, resolved or open again, and what
//! that does to the balance. Neither database nor clock.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::acceptance::{self, Acceptance, PIPELINE};
use super::age::{bucket, days_between};
use super::amount;
use super::breaks::{Booked, FoundBreak, LedgerBreak, State};
use super::events::{BreakChange, EventKind};

/// Actor of changes that a run makes.
const RUN: &str = "run";

/// Movement of one break in one row of the roll-forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Tie-out, currency, cause and age bucket of the row.
    pub row: [String; 4],
    /// Amount in the balance of the run before.
    pub opening: Decimal,
    /// Amount of breaks that came.
    pub new: Decimal,
    /// Change of an amount that stayed, and what another row gave or took.
    pub moved: Decimal,
    /// Amount that has gone.
    pub resolved: Decimal,
    /// Amount that was accepted; negative where an acceptance ended.
    pub accepted: Decimal,
    /// Amount in the balance now.
    pub closing: Decimal,
    /// Part of `moved` that another row gave or took.
    pub transferred: Decimal,
}

/// Outcome of a run for the breaks of its stream.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Ids of breaks whose rows have changed.
    pub changed: Vec<String>,
    /// Events, in the order of ids.
    pub changes: Vec<BreakChange>,
    /// Movements of the balance.
    pub movements: Vec<Movement>,
    /// Ids of breaks that are new, or are open again.
    pub fresh: Vec<String>,
    /// Ids of breaks that were found for the first time, or came back.
    pub new: Vec<String>,
    /// Number of breaks of another amount.
    pub moved: u64,
    /// Ids of breaks that are gone.
    pub resolved: Vec<String>,
    /// Positions of acceptances of the pipeline file that matched a break, whatever its amount.
    pub matched: Vec<bool>,
}

/// Day and number of a run.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'m> {
    /// Number of the run.
    pub run_no: i64,
    /// Day of the run.
    pub as_of: &'m str,
}

/// Takes the breaks of a stream through a complete run.
///
/// # Panics
/// If the balance does not foot with what the run found: a bug of ours, on which nobody shall close a
/// month.
pub fn step(
    known: &mut BTreeMap<String, LedgerBreak>,
    found: Vec<FoundBreak>,
    acceptances: &[Acceptance],
    moment: Moment<'_>,
) -> Step {
    let mut step = Step {
        matched: vec![false; acceptances.len()],
        ..Step::default()
    };
    let mut there: BTreeMap<String, FoundBreak> = BTreeMap::new();
    for one in found {
        // A break that was found finer is several groups of one id: their sum is followed.
        there
            .entry(one.break_id.clone())
            .and_modify(|whole| whole.add(&one))
            .or_insert(one);
    }
    let mut total = Decimal::ZERO;
    for (acceptance, is_matched) in acceptances.iter().zip(&mut step.matched) {
        *is_matched = there.values().any(|found| acceptance.is_of(found));
    }
    let gone: Vec<String> = known
        .iter()
        .filter(|(id, known)| known.state != State::Resolved && !there.contains_key(*id))
        .map(|(id, _)| id.clone())
        .collect();
    for (id, found) in there {
        total += found.amount;
        let one = known
            .entry(id)
            .or_insert_with(|| LedgerBreak::unseen(&found, moment.as_of));
        see(one, found, acceptances, moment, &mut step);
    }
    for id in gone {
        let one = known.get_mut(&id).expect("the id is of a known break");
        resolve(one, moment, &mut step);
    }
    ensure_footing(known, &step, total);
    step
}

impl FoundBreak {
    /// Adds another group of the same id. The cause is that of the larger part.
    fn add(&mut self, other: &Self) {
        if other.amount.abs() > self.amount.abs() {
            self.cause.clone_from(&other.cause);
        }
        self.amount += other.amount;
        self.informs &= other.informs;
    }
}

impl LedgerBreak {
    /// Break that no run has had yet.
    fn unseen(found: &FoundBreak, as_of: &str) -> Self {
        Self {
            found: found.clone(),
            state: State::Resolved,
            first_seen: as_of.to_owned(),
            last_seen: String::new(),
            amount_first: found.amount,
            cause_first: found.cause.clone(),
            owner: String::new(),
            label: String::new(),
            ticket: String::new(),
            reason: String::new(),
            accepted_by: String::new(),
            accepted_until: String::new(),
            accepted_cap: None,
            closed_in: String::new(),
            booked: None,
        }
    }

    /// State of a break that is not accepted, by what people said of it.
    #[must_use]
    pub fn open_state(&self) -> State {
        match () {
            () if !self.ticket.is_empty() => State::Disputed,
            () if !self.owner.is_empty() => State::Assigned,
            () => State::Open,
        }
    }

    /// Ends an acceptance, for a reason.
    pub fn end_acceptance(&mut self, reason: &str) {
        self.state = self.open_state();
        self.accepted_by.clear();
        self.accepted_until.clear();
        self.accepted_cap = None;
        reason.clone_into(&mut self.reason);
    }
}

/// Brings one break to what the run found of it.
fn see(
    one: &mut LedgerBreak,
    found: FoundBreak,
    acceptances: &[Acceptance],
    moment: Moment<'_>,
    step: &mut Step,
) {
    let before = one.clone();
    let (was, is) = (amount::text(one.found.amount), amount::text(found.amount));
    let delta = amount::text(found.amount - one.found.amount);
    let cause = found.cause.clone();
    let mut change = |kind, [before, after, amount, reason]: [&str; 4]| {
        step.changes.push(change_of(
            &found.break_id,
            kind,
            [before, after, amount, reason],
        ));
    };
    if one.last_seen.is_empty() {
        change(EventKind::New, ["", &cause, &is, ""]);
    } else if one.state == State::Resolved {
        change(EventKind::Reopened, ["", &cause, &is, "it came back"]);
    } else {
        if was != is {
            change(EventKind::Moved, [&was, &is, &delta, ""]);
            step.moved += 1;
        }
        if one.found.cause != cause {
            change(EventKind::Recaused, [&one.found.cause, &cause, "", ""]);
        }
    }
    let is_fresh = one.state == State::Resolved;
    if is_fresh {
        step.new.push(found.break_id.clone());
        one.state = one.open_state();
        one.closed_in.clear();
    }
    one.found = found;
    moment.as_of.clone_into(&mut one.last_seen);
    let is_open_again = accept(one, acceptances, moment.as_of, step);
    if is_fresh || is_open_again {
        step.fresh.push(one.found.break_id.clone());
    }
    book(one, &before, moment.as_of, step);
    // The last day is written for all breaks at once.
    let same = LedgerBreak {
        last_seen: before.last_seen.clone(),
        ..one.clone()
    };
    if same != before || before.last_seen.is_empty() {
        step.changed.push(one.found.break_id.clone());
    }
}

/// Ends an acceptance that no longer holds, and accepts what the pipeline file covers; true if the
/// break is open again.
fn accept(one: &mut LedgerBreak, acceptances: &[Acceptance], as_of: &str, step: &mut Step) -> bool {
    let id = one.found.break_id.clone();
    let covering = acceptances
        .iter()
        .find(|acceptance| acceptance.covers(&one.found, as_of));
    let mut is_open_again = false;
    if one.state == State::Accepted {
        let ended = if one.accepted_by == PIPELINE && covering.is_none() {
            let words = "no `[[accept]]` of the pipeline file covers it any more";
            Some(acceptance::ended(one, as_of).unwrap_or_else(|| words.to_owned()))
        } else if one.accepted_by == PIPELINE {
            None
        } else {
            acceptance::ended(one, as_of)
        };
        if let Some(reason) = ended {
            one.end_acceptance(&reason);
            let (state, amount) = (one.state.name(), amount::text(one.found.amount));
            let texts = [State::Accepted.name(), state, &amount, &reason];
            step.changes
                .push(change_of(&id, EventKind::Reopened, texts));
            is_open_again = true;
        }
    }
    if let Some(covering) = covering
        && one.state.is_open()
    {
        is_open_again = false;
        let state = one.state.name();
        one.state = State::Accepted;
        PIPELINE.clone_into(&mut one.accepted_by);
        one.reason.clone_from(&covering.reason);
        one.accepted_until.clone_from(&covering.until);
        one.accepted_cap = Some(covering.cap);
        let cap = amount::text(covering.cap);
        let mut change = change_of(
            &id,
            EventKind::Accepted,
            [state, &covering.until, &cap, &covering.reason],
        );
        PIPELINE.clone_into(&mut change.actor);
        step.changes.push(change);
    }
    is_open_again
}

/// Takes out a break that the run no longer has.
fn resolve(one: &mut LedgerBreak, moment: Moment<'_>, step: &mut Step) {
    let before = one.clone();
    let gone = amount::text(-one.found.amount);
    let texts = [one.state.name(), State::Resolved.name(), &gone, ""];
    step.changes
        .push(change_of(&one.found.break_id, EventKind::Resolved, texts));
    one.end_acceptance("");
    one.state = State::Resolved;
    one.closed_in = moment.run_no.to_string();
    step.resolved.push(one.found.break_id.clone());
    book(one, &before, moment.as_of, step);
    step.changed.push(one.found.break_id.clone());
}

fn change_of(break_id: &str, kind: EventKind, texts: [&str; 4]) -> BreakChange {
    let [before, after, amount, reason] = texts.map(str::to_owned);
    BreakChange {
        break_id: break_id.to_owned(),
        kind,
        actor: RUN.to_owned(),
        before,
        after,
        amount,
        reason,
    }
}

/// Books what became of a break since the run before.
fn book(one: &mut LedgerBreak, before: &LedgerBreak, as_of: &str, step: &mut Step) {
    let now = one.found.amount;
    let bucket_now = bucket(days_between(&one.first_seen, as_of));
    let after = one.state.is_open().then(|| Booked {
        amount: now,
        cause: one.found.cause.clone(),
        bucket: bucket_now.to_owned(),
    });
    let row = |booked: &Booked| one.row(&booked.cause, &booked.bucket);
    let is_accepted = one.state == State::Accepted;
    match (&one.booked, &after) {
        // Found and accepted in one run: it came, and was accepted.
        (None, None) if is_accepted && before.state == State::Resolved => {
            let mut movement = Movement::none(one.row(&one.found.cause, bucket_now));
            movement.new = now;
            movement.accepted = now;
            step.movements.push(movement);
        }
        (None, None) => {}
        (None, Some(after)) => {
            let mut movement = Movement::none(row(after));
            movement.closing = now;
            if before.state == State::Accepted {
                movement.accepted = -now;
            } else {
                movement.new = now;
            }
            step.movements.push(movement);
        }
        (Some(was), None) => {
            let mut movement = Movement::none(row(was));
            movement.opening = was.amount;
            if is_accepted {
                movement.moved = now - was.amount;
                movement.accepted = now;
            } else {
                movement.resolved = was.amount;
            }
            step.movements.push(movement);
        }
        (Some(was), Some(after)) => {
            let is_same_row = was.cause == after.cause && was.bucket == after.bucket;
            let mut left = Movement::none(row(was));
            left.opening = was.amount;
            if is_same_row {
                left.moved = now - was.amount;
                left.closing = now;
            } else {
                left.moved = -was.amount;
                left.transferred = -was.amount;
                let mut entered = Movement::none(row(after));
                entered.moved = now;
                entered.transferred = was.amount;
                entered.closing = now;
                step.movements.push(entered);
            }
            step.movements.push(left);
        }
    }
    one.booked = after;
}

impl LedgerBreak {
    /// Row of the roll-forward in which it stands under a cause and an age.
    fn row(&self, cause: &str, bucket: &str) -> [String; 4] {
        [&self.found.tie_out, &self.found.currency, cause, bucket].map(str::to_owned)
    }
}

impl Movement {
    /// A movement of nothing in a row.
    fn none(row: [String; 4]) -> Self {
        let zero = Decimal::ZERO;
        Self {
            row,
            opening: zero,
            new: zero,
            moved: zero,
            resolved: zero,
            accepted: zero,
            closing: zero,
            transferred: zero,
        }
    }
}

/// The law of the balance: what is booked and what is accepted is what the run found.
fn ensure_footing(known: &BTreeMap<String, LedgerBreak>, step: &Step, found: Decimal) {
    let accepted: Decimal = known
        .values()
        .filter(|known| known.state == State::Accepted)
        .map(|known| known.found.amount)
        .sum();
    let closing: Decimal = step.movements.iter().map(|movement| movement.closing).sum();
    assert_eq!(
        closing + accepted,
        found,
        "the balance and what is accepted is what was found"
    );
}
