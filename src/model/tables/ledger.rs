//! Published tables of the ledger: what outlives a run.

use super::{ColumnType, PublishedColumn, Table, count, date, decimal, text};

const PIPELINE: PublishedColumn = text("pipeline", "name of the pipeline");
const PERIOD: PublishedColumn = text("period", "billing period of the run, as 2026-10");
const RUN_NO: PublishedColumn = count(
    "run_no",
    "number of the run, from 1, in the order in which runs happened",
);
const BREAK_ID: PublishedColumn = text(
    "break_id",
    "id of the break, as in variances, without the number of a group",
);
const CURRENCY: PublishedColumn = text("currency", "billing currency, ISO 4217");
const TIE_OUT: PublishedColumn = text("tie_out", "comparison that has the break");
const INVOICE: PublishedColumn = text("invoice_number", "invoice id; empty for data of none");
const CUSTOMER: PublishedColumn = text("customer_id", "customer tenant id");
const CUSTOMER_NAME: PublishedColumn = text("customer_name", "customer name; never a key");
const REASON: PublishedColumn = text("reason", "reason, in words; empty for none");
const PREVIOUS_HASH: PublishedColumn = text(
    "previous_hash",
    "hash of the row before, zeros for the first",
);
const HASH: PublishedColumn = text(
    "hash",
    "BLAKE3 over this row and the hash of the row before",
);

const fn flag(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type: ColumnType::Boolean,
        meaning,
    }
}

/// Breaks over all the runs that have them.
pub const BREAKS: Table = Table {
    name: "breaks",
    row: "one break of one pipeline and period, over all its runs",
    columns: &[
        PIPELINE,
        PERIOD,
        BREAK_ID,
        TIE_OUT,
        text(
            "billing_period",
            "calendar month of the invoice, UTC, as 2026-10",
        ),
        INVOICE,
        CUSTOMER,
        CUSTOMER_NAME,
        text("subscription_id", "plan or licence subscription id"),
        text("product_id", "product id"),
        text("product_name", "product name; never a key"),
        text("sku_id", "SKU id, as it came"),
        text("sku_name", "SKU name; never a key"),
        text("meter_description", "meter text of the invoice line"),
        CURRENCY,
        flag(
            "informs",
            "it is of an estimate or snapshot, and keeps no period from being closed",
        ),
        text("state", "open, assigned, disputed, accepted or resolved"),
        date("first_seen", "day of the first complete run that had it"),
        date("last_seen", "day of the last complete run that had it"),
        count(
            "age_days",
            "days since it was first seen, as of the last complete run",
        ),
        decimal("amount_first", "variance in the first run that had it"),
        decimal("amount_now", "variance in the last run that had it"),
        text("cause_first", "cause in the first run that had it"),
        text("cause_now", "cause in the last run that had it"),
        text("owner", "person who has it"),
        text("label", "free text of people"),
        text("ticket", "ticket of the dispute"),
        REASON,
        date("accepted_until", "last day of its acceptance"),
        text(
            "accepted_cap",
            "largest amount that is accepted, in either direction, decimal text; empty for none",
        ),
        text(
            "closed_in",
            "run_no of the run that no longer had it; empty while it is there",
        ),
    ],
};

/// Events: every change of a break.
pub const BREAK_EVENTS: Table = Table {
    name: "break_events",
    row: "one change of one break, by a run or a person; each row holds the hash of the one before",
    columns: &[
        count("event_no", "number of the event, from 1"),
        text("at", "time of the change, UTC"),
        text("run_no", "run that made the change; empty for a person"),
        text("actor", "who made the change: a person, run or pipeline"),
        text(
            "event",
            "new, moved, recaused, resolved, reopened, accepted, assigned, labelled or disputed",
        ),
        PIPELINE,
        PERIOD,
        BREAK_ID,
        text(
            "from",
            "value before: amount, cause, state, owner, label or ticket",
        ),
        text("to", "value after; of an acceptance its last day"),
        text(
            "amount",
            "amount of the change, of an acceptance its cap; decimal text, empty for none",
        ),
        REASON,
        PREVIOUS_HASH,
        HASH,
    ],
};

/// Roll-forward: the balance of open breaks from one run to the next.
pub const ROLL_FORWARD: Table = Table {
    name: "roll_forward",
    row: "the balance of open breaks of one tie-out, currency, cause and age, from one complete run to \
          the next",
    columns: &[
        RUN_NO,
        PIPELINE,
        PERIOD,
        TIE_OUT,
        CURRENCY,
        text("cause", "cause of the breaks; empty for none"),
        text(
            "age_bucket",
            "days since they were first seen: 0-7, 8-30, 31-60, 61-90 or 90+",
        ),
        decimal("opening", "balance of the complete run before"),
        decimal("new", "breaks that came, or came back"),
        decimal(
            "moved",
            "changes of breaks that stayed, transfers between rows included",
        ),
        decimal("resolved", "breaks that have gone"),
        decimal(
            "accepted",
            "breaks that were accepted; negative where acceptances ended",
        ),
        decimal("closing", "balance of the run"),
        decimal(
            "difference",
            "opening + new + moved - resolved - accepted - closing; always 0",
        ),
        decimal(
            "transferred",
            "part of moved that another cause or age gave or took; sums to 0",
        ),
    ],
};

/// Restatements: data of a period that came again with other content.
pub const RESTATEMENTS: Table = Table {
    name: "restatements",
    row: "one invoice's data that came again with other content",
    columns: &[
        RUN_NO,
        date("noticed_at", "day of the run that noticed it"),
        PIPELINE,
        PERIOD,
        text("dataset", "usage or invoice_lines"),
        INVOICE,
        CURRENCY,
        text(
            "etag_before",
            "eTag of the export before; of files a fingerprint of their rows",
        ),
        text(
            "etag_after",
            "eTag of the export after; of files a fingerprint of their rows",
        ),
        count("rows_before", "rows before"),
        count("rows_after", "rows after"),
        decimal("amount_before", "sum of the rows before"),
        decimal("amount_after", "sum of the rows after"),
        decimal("delta", "amount_after - amount_before"),
        text(
            "posted_in",
            "period in which the difference is posted: the first open one behind a closed one",
        ),
    ],
};

/// Periods that were closed or opened again.
pub const CLOSES: Table = Table {
    name: "closes",
    row: "one close of a period, or its reopening; each row holds the hash of the one before",
    columns: &[
        count("close_no", "number, from 1"),
        text("event", "closed or reopened"),
        PIPELINE,
        PERIOD,
        text("by", "person who did it"),
        text("at", "time, UTC"),
        REASON,
        text("run_no", "run that was closed"),
        text("run_id", "id of that run"),
        text("manifest_hash", "BLAKE3 of its manifest"),
        text(
            "pack",
            "folder of the closing pack, below the output folder",
        ),
        text("totals", "totals by tie-out and currency, in words"),
        PREVIOUS_HASH,
        HASH,
    ],
};

/// Accruals: what is to be paid or credited still.
pub const ACCRUALS: Table = Table {
    name: "accruals",
    row: "what one customer used and was not invoiced, and what is to be credited, as of the last \
          complete run",
    columns: &[
        RUN_NO,
        PIPELINE,
        PERIOD,
        CUSTOMER,
        CUSTOMER_NAME,
        CURRENCY,
        decimal(
            "usage_without_line",
            "billed usage that has no line, positive",
        ),
        decimal("unbilled_usage", "usage that is not billed yet, positive"),
        decimal("credits_due", "breaks that ask for too much, positive"),
    ],
};

/// The log of runs.
pub const RUNS: Table = Table {
    name: "runs",
    row: "one run, whatever became of it",
    columns: &[
        RUN_NO,
        text(
            "run_id",
            "id of the run; empty for one that published nothing",
        ),
        PIPELINE,
        text("tenant", "tenant of the fetch; empty for files"),
        text("source", "files, service or sandbox"),
        PERIOD,
        text("started_at", "time of the start, UTC"),
        text("finished_at", "time of the end, UTC"),
        date("as_of", "day that the run took for today"),
        count("exit_code", "exit code; 137 for a run that did not end"),
        REASON,
        flag("published", "tables came out"),
        flag(
            "is_new",
            "a folder was made: the tables are not those of an earlier run",
        ),
        text("finality", "not_due, awaited, provisional or final"),
        count(
            "open_breaks",
            "breaks that are open after the run, accepted ones left out",
        ),
        count("new_breaks", "breaks that are new, or came back"),
        count("moved_breaks", "breaks of another amount"),
        count("resolved_breaks", "breaks that are gone"),
        count("accepted_breaks", "breaks that are accepted after the run"),
        text("version", "release that made the run"),
        text(
            "manifest_hash",
            "BLAKE3 of the manifest; empty where nothing came out",
        ),
        HASH,
    ],
};

/// Tables of the ledger, in the order of the data dictionary.
pub const LEDGER_TABLES: [&Table; 7] = [
    &BREAKS,
    &BREAK_EVENTS,
    &ROLL_FORWARD,
    &RESTATEMENTS,
    &CLOSES,
    &ACCRUALS,
    &RUNS,
];
