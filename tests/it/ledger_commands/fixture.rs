//! A ledger for the tests of the commands that ask it, made through the library.

use rust_decimal::Decimal;
use tempfile::TempDir;
use tieout::ledger::accruals::Accrual;
use tieout::ledger::breaks::FoundBreak;
use tieout::ledger::people::{Saying, Word};
use tieout::ledger::record::RunFigures;
use tieout::ledger::restatements::Figure;
use tieout::ledger::runs::RunRow;
use tieout::ledger::store::Ledger;

fn amount(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// A break by the last digit of its id.
pub(super) fn found(
    digit: u8,
    tie_out: &str,
    currency: &str,
    cause: &str,
    now: &str,
) -> FoundBreak {
    FoundBreak {
        break_id: format!("B000000000000000{digit}"),
        tie_out: tie_out.to_owned(),
        billing_period: "2026-10".to_owned(),
        invoice_number: "G012345678".to_owned(),
        customer_id: format!("0000000{digit}-aaaa-bbbb-cccc-000000000000"),
        customer_name: format!("Contoso {digit}"),
        subscription_id: String::new(),
        product_id: "DZH318Z0410V".to_owned(),
        product_name: "Container Registry".to_owned(),
        sku_id: "0012".to_owned(),
        sku_name: String::new(),
        meter_description: "Premium Registry Unit".to_owned(),
        currency: currency.to_owned(),
        informs: false,
        cause: cause.to_owned(),
        amount: amount(now),
    }
}

/// A complete run of a day; `period` of `nightly`.
pub(super) fn run_of(period: &str, as_of: &str) -> RunRow {
    RunRow {
        run_id: format!("run-of-{as_of}"),
        pipeline: "nightly".to_owned(),
        source: "files".to_owned(),
        period: period.to_owned(),
        started_at: format!("{as_of}T02:00:00Z"),
        finished_at: format!("{as_of}T02:10:00Z"),
        as_of: as_of.to_owned(),
        published: true,
        is_new: true,
        is_complete: true,
        finality: "final".to_owned(),
        version: "0.1.0".to_owned(),
        ..RunRow::default()
    }
}

pub(super) fn record(ledger: &mut Ledger, row: RunRow, breaks: Vec<FoundBreak>, usage: &str) {
    let key = ["usage", "G012345678", "EUR"].map(str::to_owned);
    let figure = Figure {
        etag: String::new(),
        rows: 10,
        amount: amount(usage),
    };
    let accrual = Accrual {
        customer_id: "00000001-aaaa-bbbb-cccc-000000000000".to_owned(),
        customer_name: "Contoso 1".to_owned(),
        currency: "EUR".to_owned(),
        usage_without_line: amount("12.3456789"),
        unbilled_usage: amount("0"),
        credits_due: amount("1234567.5"),
    };
    let figures = RunFigures {
        breaks,
        figures: [(key, figure)].into(),
        owner: None,
        accruals: vec![accrual],
        invoices: Vec::new(),
    };
    ledger.record(row, figures, &[], &mut |_| 0).unwrap();
}

pub(super) fn say(ledger: &mut Ledger, digit: u8, word: Word, reason: &str) {
    let saying = Saying {
        break_ids: vec![format!("B000000000000000{digit}")],
        pipeline: None,
        period: None,
        word,
        by: "anna".to_owned(),
        reason: reason.to_owned(),
        at: "2026-11-09T08:00:00Z".to_owned(),
        today: "2026-11-09".to_owned(),
    };
    ledger.say(&saying).unwrap();
}

/// Three complete runs of October with words of people between them, a failed one, and one of November.
pub(super) fn october() -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(out.path()).unwrap();
    let invoice = "usage-to-invoice";
    let first = vec![
        found(1, invoice, "EUR", "price", "120.1234567891"),
        found(2, invoice, "EUR", "quantity", "-30.25"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(4, "utilization-to-usage", "EUR", "quantity", "5.5"),
    ];
    record(&mut ledger, run_of("2026-10", "2026-11-08"), first, "100");
    say(&mut ledger, 1, Word::Assign("anna".to_owned()), "");
    say(
        &mut ledger,
        3,
        Word::Dispute("2611080040001234".to_owned()),
        "",
    );
    let second = vec![
        found(1, invoice, "EUR", "price", "150"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(4, "utilization-to-usage", "EUR", "quantity", "5.5"),
        found(5, invoice, "EUR", "partner_earned_credit", "-9.99"),
    ];
    record(
        &mut ledger,
        run_of("2026-10", "2026-11-09"),
        second,
        "101.5",
    );
    let accept = Word::Accept {
        until: "2026-12-31".to_owned(),
        cap: None,
    };
    say(&mut ledger, 5, accept, "the credit is on its way");
    let failed = RunRow {
        run_id: String::new(),
        exit_code: 20,
        reason: "no permission".to_owned(),
        published: false,
        is_new: false,
        is_complete: false,
        finality: String::new(),
        ..run_of("2026-10", "2026-11-10")
    };
    ledger.end_failed(failed, true).unwrap();
    let third = vec![
        found(1, invoice, "EUR", "quantity", "150"),
        found(3, "lines-to-invoice", "USD", "unexplained", "1234.5"),
        found(5, invoice, "EUR", "partner_earned_credit", "-9.99"),
        found(6, invoice, "EUR", "", "0.01"),
    ];
    record(&mut ledger, run_of("2026-10", "2026-11-20"), third, "101.5");
    let later = vec![found(7, invoice, "EUR", "price", "7")];
    record(&mut ledger, run_of("2026-11", "2026-12-08"), later, "5");
    out
}
