//! Laws of the ledger over random nights, and what it does when it is changed from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use tieout::ledger::audit;
use tieout::ledger::breaks::{self, FoundBreak, State};
use tieout::ledger::failure::LedgerError;
use tieout::ledger::people::{Saying, Word};
use tieout::ledger::record::{Recorded, RunFigures};
use tieout::ledger::roll_forward;
use tieout::ledger::runs::{self, RunRow, RunningRun};
use tieout::ledger::store::Ledger;

use crate::runs::is_quick;

const CAUSES: [&str; 3] = ["price", "quantity", "missing_usage"];

/// Random numbers of a seed; the same seed gives the same nights.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn found(number: u64, cents: i64, cause: &str) -> FoundBreak {
    FoundBreak {
        break_id: format!("B{number:016x}"),
        tie_out: "usage-to-invoice".to_owned(),
        billing_period: "2026-10".to_owned(),
        invoice_number: "G1".to_owned(),
        customer_id: "c".to_owned(),
        customer_name: "Contoso".to_owned(),
        subscription_id: "s".to_owned(),
        product_id: "p".to_owned(),
        product_name: "Compute".to_owned(),
        sku_id: "0001".to_owned(),
        sku_name: "D2".to_owned(),
        meter_description: "D2 v5".to_owned(),
        currency: if number.is_multiple_of(2) {
            "EUR"
        } else {
            "USD"
        }
        .to_owned(),
        informs: false,
        cause: cause.to_owned(),
        amount: Decimal::new(cents, 2),
    }
}

/// Plays a night that found these breaks.
fn night(ledger: &mut Ledger, day: &str, breaks: Vec<FoundBreak>) -> Recorded {
    let running = RunningRun {
        started_at: format!("{day}T02:00:00Z"),
        as_of: day.to_owned(),
        pipeline: "nightly".to_owned(),
        source: "files".to_owned(),
        period: "2026-10".to_owned(),
        ..RunningRun::default()
    };
    ledger.begin(&running, None, "now").unwrap();
    let row = RunRow {
        run_id: format!("2026-10-{day}"),
        published: true,
        is_complete: true,
        finished_at: format!("{day}T02:01:00Z"),
        ..runs::row_of(&running)
    };
    let figures = RunFigures {
        breaks,
        ..RunFigures::default()
    };
    ledger.record(row, figures, &[], &mut |_| 0).unwrap()
}

fn say(ledger: &mut Ledger, id: &str, word: Word, day: &str) -> Result<(), LedgerError> {
    let saying = Saying {
        break_ids: vec![id.to_owned()],
        pipeline: None,
        period: None,
        word,
        by: "kim".to_owned(),
        reason: "agreed".to_owned(),
        at: format!("{day}T09:00:00Z"),
        today: day.to_owned(),
    };
    ledger.say(&saying).map(|_| ())
}

fn faults(ledger: &Ledger) -> Vec<String> {
    ledger.read(audit::faults).unwrap()
}

/// Day of a night, from 2026-11-01.
fn day_of(night: i32) -> String {
    let first = tieout::model::period::parse_day(b"2026-11-01")
        .unwrap()
        .unwrap();
    tieout::model::period::date_of(first + night)
        .unwrap()
        .to_string()
}

#[test]
fn random_nights_and_words_keep_the_balance() {
    for seed in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let mut dice = Dice(seed);
        for number in 0..25 {
            let day = day_of(number * 4);
            let breaks: Vec<FoundBreak> = (0..12)
                .filter_map(|at| {
                    let is_there = dice.below(3) > 0;
                    let cents = i64::try_from(dice.below(4_000)).unwrap() - 2_000;
                    let cause = CAUSES[usize::try_from(dice.below(3)).unwrap()];
                    is_there.then(|| found(at, cents, cause))
                })
                .collect();
            let total: Decimal = breaks.iter().map(|one| one.amount).sum();
            let count = breaks.len() as u64;
            let recorded = night(&mut ledger, &day, breaks);
            assert_eq!(
                recorded.open + recorded.accepted,
                count,
                "seed {seed}, {day}"
            );
            let known = ledger.read(breaks::all).unwrap();
            let accepted: Decimal = known
                .iter()
                .filter(|(_, one)| one.state == State::Accepted)
                .map(|(_, one)| one.found.amount)
                .sum();
            let rows = ledger.read(roll_forward::all).unwrap();
            let of_run = rows.iter().filter(|(run, ..)| *run == recorded.run_no);
            let closing: Decimal = of_run.map(|(_, _, row)| row.closing).sum();
            assert_eq!(closing + accepted, total, "seed {seed}, {day}");
            for (_, one) in known.iter().take(6) {
                let word = match dice.below(5) {
                    0 => Word::Assign("ada".to_owned()),
                    1 => Word::Dispute("T-1".to_owned()),
                    2 => Word::Accept {
                        until: day_of(number * 4 + 9),
                        cap: None,
                    },
                    3 => Word::Reopen,
                    _ => Word::Label("known".to_owned()),
                };
                // A word that does not fit is refused, and changes nothing.
                drop(say(&mut ledger, &one.found.break_id, word, &day));
            }
            assert_eq!(faults(&ledger), Vec::<String>::new(), "seed {seed}, {day}");
        }
    }
}

#[test]
fn an_acceptance_ends_past_its_cap_and_past_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let [one, other] = [1, 2].map(|number| found(number, 1_000, "price"));
    night(&mut ledger, "2026-11-08", vec![one.clone(), other.clone()]);
    for id in [&one.break_id, &other.break_id] {
        let word = Word::Accept {
            until: "2026-11-10".to_owned(),
            cap: None,
        };
        say(&mut ledger, id, word, "2026-11-08").unwrap();
    }
    let grown = found(1, 1_001, "price");
    let recorded = night(
        &mut ledger,
        "2026-11-09",
        vec![grown.clone(), other.clone()],
    );
    assert_eq!(
        (recorded.open, recorded.accepted, recorded.fresh),
        (1, 1, 1)
    );
    let recorded = night(
        &mut ledger,
        "2026-11-10",
        vec![grown.clone(), other.clone()],
    );
    assert_eq!(
        (recorded.open, recorded.accepted, recorded.fresh),
        (1, 1, 0)
    );
    let recorded = night(&mut ledger, "2026-11-11", vec![grown, other]);
    assert_eq!(
        (recorded.open, recorded.accepted, recorded.fresh),
        (2, 0, 1)
    );
    assert_eq!(faults(&ledger), Vec::<String>::new());
}

/// A ledger of three nights and two words.
fn lived(folder: &Path) -> Ledger {
    let mut ledger = Ledger::open(folder).unwrap();
    night(
        &mut ledger,
        "2026-11-08",
        vec![found(1, 100, "price"), found(2, -50, "quantity")],
    );
    say(
        &mut ledger,
        "B0000000000000001",
        Word::Assign("ada".to_owned()),
        "2026-11-08",
    )
    .unwrap();
    night(&mut ledger, "2026-11-09", vec![found(1, 120, "price")]);
    say(
        &mut ledger,
        "B0000000000000001",
        Word::Label("x".to_owned()),
        "2026-11-09",
    )
    .unwrap();
    night(
        &mut ledger,
        "2026-11-10",
        vec![found(1, 120, "price"), found(2, -50, "quantity")],
    );
    ledger
}

#[test]
fn what_was_changed_from_outside_is_named() {
    let changes = [
        (
            "UPDATE break_events SET reason = 'else' WHERE event_no = 3",
            "event 3 (assigned of",
        ),
        (
            "DELETE FROM break_events WHERE event_no = 2",
            "event 2: removed",
        ),
        (
            "DELETE FROM break_events WHERE event_no = 7",
            "event 7: removed, the last was 7",
        ),
        (
            "UPDATE runs SET exit_code = '10' WHERE run_no = 2",
            "run 2: changed",
        ),
        ("DELETE FROM runs WHERE run_no = 1", "run 1: removed"),
        (
            "UPDATE breaks SET amount_now = '1.0000000000' WHERE break_id LIKE '%1'",
            "break `B0000000000000001`",
        ),
        (
            "UPDATE breaks SET owner = '' WHERE break_id LIKE '%1'",
            "break `B0000000000000001`",
        ),
        (
            "DELETE FROM breaks WHERE break_id LIKE '%2'",
            "break `B0000000000000002` of 2026-10: removed",
        ),
        (
            "UPDATE roll_forward SET moved = '1.0000000000' WHERE run_no = 3",
            "the figures of run 3",
        ),
    ];
    for (sql, wanted) in changes {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = lived(folder.path());
        assert_eq!(faults(&ledger), Vec::<String>::new());
        let change = ledger.change().unwrap();
        let count = change
            .step(|connection| connection.execute(sql, []))
            .unwrap();
        assert!(count > 0, "{sql}");
        change.commit().unwrap();
        let found = faults(&ledger);
        assert!(
            found.iter().any(|fault| fault.contains(wanted)),
            "{sql}: {found:?}"
        );
    }
}

#[test]
fn a_damaged_ledger_is_told_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    drop(lived(folder.path()));
    let path = folder.path().join("ledger.db");
    let whole = fs::read(&path).unwrap();
    for (what, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        (
            "no database",
            b"hello, this is text and no database at all".repeat(30),
        ),
        ("header", [&[0xFF; 100][..], &whole[100..]].concat()),
    ] {
        fs::write(&path, &bytes).unwrap();
        let opened = Ledger::open(folder.path());
        let is_told = match opened {
            Err(_) => true,
            Ok(ledger) => {
                let found = ledger.read(audit::faults);
                found.is_err() || !found.unwrap().is_empty()
            }
        };
        assert!(is_told, "{what}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a measurement is printed")]
fn a_thousand_nights_of_five_thousand_breaks() {
    if is_quick("1,000 nights of 5,000 open breaks") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut dice = Dice(1);
    let mut there: BTreeMap<u64, i64> = (0..5_000).map(|number| (number, 100)).collect();
    let (mut longest, mut longest_change) = <(Duration, Duration)>::default();
    for number in 0..1_000 {
        for _ in 0..30 {
            there.insert(dice.below(5_000), i64::try_from(dice.below(9_000)).unwrap());
        }
        let breaks = there
            .iter()
            .map(|(number, cents)| found(*number, *cents, "price"));
        let (breaks, began) = (breaks.collect(), Instant::now());
        night(&mut ledger, &day_of(number), breaks);
        longest_change = longest_change.max(began.elapsed());
        tieout::pipeline::month_end::exports::refresh(folder.path(), &ledger).unwrap();
        longest = longest.max(began.elapsed());
    }
    let began = Instant::now();
    let last = ledger.read(runs::last_of_streams).unwrap();
    let status = began.elapsed();
    let bytes = fs::metadata(folder.path().join("ledger.db")).unwrap().len();
    eprintln!(
        "longest night {longest:?}, of that the change {longest_change:?}, status {status:?}, {bytes} bytes"
    );
    assert!(last.len() == 1 && longest.as_secs_f32() < 1.0 && status.as_millis() < 100);
}
