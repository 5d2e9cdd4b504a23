//! A night of the ledger, held against the closer's own books. It reads the tables that analysts read.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;

use super::books::{BookedBreak, MonthBooks, NightFigures, WantedNight};
use super::request::{Balance, NightCounts, RehearsalError};
use super::tables::{BreakKey, CsvRow, CsvTable, Group, group_of};
use super::truth::{Restated, restated_of};
use crate::ledger::record::Recorded;
use crate::model::cause::TieOut;
use crate::model::period::{Period, parse_day};

/// A night that is to be compared.
pub(super) struct NightAtHand<'n> {
    pub(super) out: &'n Path,
    pub(super) period: &'n str,
    pub(super) exit_code: u8,
    pub(super) recorded: &'n Recorded,
}

/// What was found of a night.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) differences: Vec<String>,
    /// Open balance of `usage-to-invoice` by currency.
    pub(super) balances: Vec<Balance>,
}

impl NightAtHand<'_> {
    /// Compares the night with the books, which take over its closing rows and the ids of new breaks.
    ///
    /// # Errors
    /// [`RehearsalError::Table`].
    pub(super) fn compare(
        &self,
        books: &mut MonthBooks,
        wanted: &WantedNight,
    ) -> Result<Findings, RehearsalError> {
        let folder = self.out.join("ledger");
        let breaks = CsvTable::read(&folder, "breaks")?;
        let mut found = Findings::default();
        self.codes(wanted, books, &mut found.differences);
        let mut figures = NightFigures::default();
        if books.is_closed {
            self.nothing_moved(&folder, &mut found.differences)?;
        } else {
            self.roll_forward(&folder, books, &mut figures, &mut found)?;
        }
        let groups = self.breaks(&breaks, books, &mut figures, &mut found.differences);
        self.restatements(&folder, books, wanted, &mut found.differences)?;
        if books.is_closed {
            return Ok(found);
        }
        self.events(&folder, &groups, &mut figures)?;
        found
            .differences
            .extend(figures.differences(&wanted.figures));
        Ok(found)
    }

    /// Exit code and counts.
    fn codes(&self, wanted: &WantedNight, books: &MonthBooks, differences: &mut Vec<String>) {
        let is_restated = books.is_closed && !wanted.restatements.is_empty();
        let wanted_code = if wanted.fresh > 0 || is_restated {
            10
        } else {
            0
        };
        if self.exit_code != wanted_code {
            let found = self.exit_code;
            differences.push(format!("exit code: found {found}, wanted {wanted_code}"));
        }
        if self.recorded.is_closed != books.is_closed {
            differences.push("the run took the month for open, or for closed".to_owned());
        }
        if books.is_closed {
            return;
        }
        let counts = counts_of(self.recorded);
        let [open, accepted] = [
            books.count(&["open", "assigned", "disputed"]),
            books.count(&["accepted"]),
        ];
        let pairs = [
            ("open breaks", counts.open, open),
            ("accepted breaks", counts.accepted, accepted),
            ("fresh breaks", self.recorded.fresh, wanted.fresh),
        ];
        for (name, found, wanted) in pairs {
            if found != wanted {
                differences.push(format!("{name}: found {found}, wanted {wanted}"));
            }
        }
    }

    /// Rows of the roll-forward: each foots, opens with what the night before closed with, and what
    /// rows give each other is nothing in all.
    fn roll_forward(
        &self,
        folder: &Path,
        books: &mut MonthBooks,
        figures: &mut NightFigures,
        found: &mut Findings,
    ) -> Result<(), RehearsalError> {
        let table = CsvTable::read(folder, "roll_forward")?;
        let mut opening: BTreeMap<[String; 4], Decimal> = BTreeMap::new();
        let mut closing = BTreeMap::new();
        let mut balances: BTreeMap<&str, Decimal> = BTreeMap::new();
        let mut transferred = Decimal::ZERO;
        for row in table.rows().filter(|row| self.is_of_run(row)) {
            let place = row.texts(["tie_out", "currency", "cause", "age_bucket"]);
            let group = row.texts(["tie_out", "currency"]);
            let names = ["opening", "new", "moved", "resolved", "accepted", "closing"];
            let amounts = names.map(|name| row.amount(name));
            for (name, amount) in names.into_iter().zip(amounts) {
                figures.add(&group, name, amount);
            }
            let [opens, new, moved, resolved, accepted, closes] = amounts;
            figures.add(&group, "closing and accepted", closes);
            let difference = opens + new + moved - resolved - accepted - closes;
            if !difference.is_zero() || !row.amount("difference").is_zero() {
                let words = format!("row {place:?} of the roll-forward does not foot");
                found.differences.push(words);
            }
            transferred += row.amount("transferred");
            if row.text("tie_out") == TieOut::UsageToInvoice.name() {
                *balances.entry(row.text("currency")).or_default() += closes;
            }
            opening.insert(place.clone(), opens);
            closing.insert(place, closes);
        }
        let is_of_money = |(_, amount): &(&[String; 4], &Decimal)| !amount.is_zero();
        let opened = opening.iter().filter(is_of_money);
        if !opened.eq(books.closing_rows.iter().filter(is_of_money)) {
            let words = "the roll-forward does not open with what the night before closed with";
            found.differences.push(words.to_owned());
        }
        if !transferred.is_zero() {
            let words = format!("rows gave each other {transferred}, wanted 0");
            found.differences.push(words);
        }
        books.closing_rows = closing;
        found.balances = balances
            .into_iter()
            .map(|(currency, amount)| Balance {
                currency: currency.to_owned(),
                amount,
            })
            .collect();
        Ok(())
    }

    /// A run of a closed month leaves no row in the balance, and no event.
    fn nothing_moved(
        &self,
        folder: &Path,
        differences: &mut Vec<String>,
    ) -> Result<(), RehearsalError> {
        for name in ["roll_forward", "break_events"] {
            let table = CsvTable::read(folder, name)?;
            if table.rows().any(|row| self.is_of_run(&row)) {
                differences.push(format!("`{name}` has a row of a run of a closed month"));
            }
        }
        Ok(())
    }

    fn is_of_run(&self, row: &CsvRow<'_>) -> bool {
        row.text("run_no") == self.recorded.run_no.to_string()
    }

    /// Breaks: each of the books is one of the ledger, with amount, age, state and words of people, under
    /// the id that it had at first. Returns the groups of all ids.
    fn breaks<'t>(
        &self,
        table: &'t CsvTable,
        books: &mut MonthBooks,
        figures: &mut NightFigures,
        differences: &mut Vec<String>,
    ) -> BTreeMap<&'t str, Group> {
        let mut groups = BTreeMap::new();
        let mut rows: BTreeMap<BreakKey, CsvRow<'_>> = BTreeMap::new();
        for row in table.rows().filter(|row| row.text("period") == self.period) {
            let (id, key) = (row.text("break_id"), row.key());
            groups.insert(id, group_of(&key));
            if row.text("state") == "accepted" {
                let amount = row.amount("amount_now");
                figures.add(&group_of(&key), "closing and accepted", amount);
            }
            if rows.insert(key, row).is_some() {
                differences.push(format!("`{id}` is a second id of one break"));
            }
        }
        let last_day = &books.last_day;
        for (key, one) in &mut books.breaks {
            match rows.remove(key) {
                Some(row) => one_break(&row, one, last_day, differences),
                None => differences.push(format!("{key:?}: not in the ledger")),
            }
        }
        for row in rows.values() {
            let words = format!("`{}` is not in the truth", row.text("break_id"));
            differences.push(words);
        }
        groups
    }

    /// Restatements that the run noticed.
    fn restatements(
        &self,
        folder: &Path,
        books: &MonthBooks,
        wanted: &WantedNight,
        differences: &mut Vec<String>,
    ) -> Result<(), RehearsalError> {
        let table = CsvTable::read(folder, "restatements")?;
        let rows = table.rows().filter(|row| self.is_of_run(row));
        let found: Restated = rows.map(|row| restated_of(&row)).collect();
        // What comes behind a close is posted in the month after, which is open.
        let posted_in = Period::parse(self.period)
            .filter(|_| books.is_closed)
            .and_then(Period::next)
            .map_or_else(|| self.period.to_owned(), |next| next.to_string());
        for row in table.rows().filter(|row| self.is_of_run(row)) {
            let found = row.text("posted_in");
            if found != posted_in {
                differences.push(format!("posted in {found}, wanted {posted_in}"));
            }
        }
        for (key, figures) in &found {
            if wanted.restatements.get(key) != Some(figures) {
                differences.push(format!("{key:?} restated as {figures:?}, unlike the truth"));
            }
        }
        for (key, figures) in &wanted.restatements {
            if !found.contains_key(key) {
                differences.push(format!("{key:?} not restated, wanted {figures:?}"));
            }
        }
        Ok(())
    }

    /// Events of the run, by kind.
    fn events(
        &self,
        folder: &Path,
        groups: &BTreeMap<&str, Group>,
        figures: &mut NightFigures,
    ) -> Result<(), RehearsalError> {
        let table = CsvTable::read(folder, "break_events")?;
        for row in table.rows().filter(|row| self.is_of_run(row)) {
            let kind = match (row.text("event"), row.text("from")) {
                // The truth knows amounts, and no changes of a cause alone.
                ("recaused", _) => continue,
                ("reopened", "accepted") => "unaccepted",
                (kind, _) => kind,
            };
            // An event of an unknown break stands under no group, where the books have nothing.
            let group = groups.get(row.text("break_id")).cloned();
            figures.event(&group.unwrap_or_default(), kind, row.amount("amount"));
        }
        Ok(())
    }
}

/// Counts of a night, as the ledger gives them to the summary.
pub(super) fn counts_of(recorded: &Recorded) -> NightCounts {
    NightCounts {
        new: recorded.new,
        moved: recorded.moved,
        resolved: recorded.resolved,
        open: recorded.open,
        accepted: recorded.accepted,
    }
}

/// Days from one day to another.
fn days_between(first: &str, last: &str) -> i32 {
    let day = |text: &str| {
        let day = parse_day(text.as_bytes()).ok().flatten();
        day.expect("the books have days")
    };
    day(last) - day(first)
}

/// Holds a row of the ledger against a break of the books, as of the last complete night.
fn one_break(
    row: &CsvRow<'_>,
    one: &mut BookedBreak,
    last_day: &str,
    differences: &mut Vec<String>,
) {
    let id = row.text("break_id");
    if one.break_id.is_empty() {
        id.clone_into(&mut one.break_id);
    }
    let mut pairs = vec![
        ("break_id", one.break_id.clone()),
        ("state", one.state().to_owned()),
        ("first_seen", one.first_seen.clone()),
        ("owner", one.owner.clone()),
        ("label", one.label.clone()),
        ("ticket", one.ticket.clone()),
    ];
    if one.is_there {
        let age = days_between(&one.first_seen, last_day);
        pairs.push(("last_seen", last_day.to_owned()));
        pairs.push(("age_days", age.to_string()));
        let amount = row.amount("amount_now");
        if amount != one.amount {
            differences.push(format!(
                "`{id}`, amount: found {amount}, wanted {}",
                one.amount
            ));
        }
    }
    for (name, wanted) in pairs {
        let found = row.text(name);
        if found != wanted {
            differences.push(format!(
                "`{id}`, {name}: found `{found}`, wanted `{wanted}`"
            ));
        }
    }
}
