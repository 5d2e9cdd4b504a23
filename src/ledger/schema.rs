//! Tables of the database, and their version.

/// Version of the tables; a ledger of a later one is refused by name.
pub(super) const VERSION: i64 = 1;

/// Statements that make an empty ledger. Amounts are decimal text with ten places, days are
/// `2026-10-31`, times are UTC; an empty text is none.
pub(super) const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE running (process INTEGER NOT NULL, started_at TEXT NOT NULL, as_of TEXT NOT NULL,
    pipeline TEXT NOT NULL, tenant TEXT NOT NULL, source TEXT NOT NULL, period TEXT NOT NULL);
CREATE TABLE runs (run_no INTEGER PRIMARY KEY, run_id TEXT NOT NULL, pipeline TEXT NOT NULL,
    tenant TEXT NOT NULL, source TEXT NOT NULL, period TEXT NOT NULL, started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL, as_of TEXT NOT NULL, exit_code TEXT NOT NULL, reason TEXT NOT NULL,
    published INTEGER NOT NULL, is_new INTEGER NOT NULL, is_complete INTEGER NOT NULL,
    is_current INTEGER NOT NULL, finality TEXT NOT NULL, open_breaks INTEGER NOT NULL,
    new_breaks INTEGER NOT NULL, moved_breaks INTEGER NOT NULL, resolved_breaks INTEGER NOT NULL,
    accepted_breaks INTEGER NOT NULL, version TEXT NOT NULL, manifest_hash TEXT NOT NULL,
    figures_hash TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX runs_of_stream ON runs (pipeline, period, run_no);
CREATE TABLE breaks (pipeline TEXT NOT NULL, period TEXT NOT NULL, break_id TEXT NOT NULL,
    tie_out TEXT NOT NULL, billing_period TEXT NOT NULL, invoice_number TEXT NOT NULL,
    customer_id TEXT NOT NULL, customer_name TEXT NOT NULL, subscription_id TEXT NOT NULL,
    product_id TEXT NOT NULL, product_name TEXT NOT NULL, sku_id TEXT NOT NULL, sku_name TEXT NOT NULL,
    meter_description TEXT NOT NULL, currency TEXT NOT NULL, informs INTEGER NOT NULL,
    state TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,
    amount_first TEXT NOT NULL, amount_now TEXT NOT NULL, cause_first TEXT NOT NULL,
    cause_now TEXT NOT NULL, owner TEXT NOT NULL, label TEXT NOT NULL, ticket TEXT NOT NULL,
    reason TEXT NOT NULL, accepted_by TEXT NOT NULL, accepted_until TEXT NOT NULL,
    accepted_cap TEXT NOT NULL, closed_in TEXT NOT NULL, booked_amount TEXT NOT NULL,
    booked_cause TEXT NOT NULL, booked_bucket TEXT NOT NULL,
    PRIMARY KEY (pipeline, period, break_id)) WITHOUT ROWID;
CREATE INDEX breaks_by_id ON breaks (break_id);
CREATE TABLE break_events (event_no INTEGER PRIMARY KEY, at TEXT NOT NULL, run_no TEXT NOT NULL,
    actor TEXT NOT NULL, event TEXT NOT NULL, pipeline TEXT NOT NULL, period TEXT NOT NULL,
    break_id TEXT NOT NULL, \"from\" TEXT NOT NULL, \"to\" TEXT NOT NULL, amount TEXT NOT NULL,
    reason TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX events_of_break ON break_events (break_id);
CREATE TABLE roll_forward (run_no INTEGER NOT NULL, pipeline TEXT NOT NULL, period TEXT NOT NULL,
    tie_out TEXT NOT NULL, currency TEXT NOT NULL, cause TEXT NOT NULL, age_bucket TEXT NOT NULL,
    opening TEXT NOT NULL, new TEXT NOT NULL, moved TEXT NOT NULL, resolved TEXT NOT NULL,
    accepted TEXT NOT NULL, closing TEXT NOT NULL, difference TEXT NOT NULL, transferred TEXT NOT NULL,
    PRIMARY KEY (run_no, tie_out, currency, cause, age_bucket)) WITHOUT ROWID;
CREATE TABLE restatements (run_no INTEGER NOT NULL, noticed_at TEXT NOT NULL, pipeline TEXT NOT NULL,
    period TEXT NOT NULL, dataset TEXT NOT NULL, invoice_number TEXT NOT NULL, currency TEXT NOT NULL,
    etag_before TEXT NOT NULL, etag_after TEXT NOT NULL, rows_before INTEGER NOT NULL,
    rows_after INTEGER NOT NULL, amount_before TEXT NOT NULL, amount_after TEXT NOT NULL,
    delta TEXT NOT NULL, posted_in TEXT NOT NULL);
CREATE TABLE figures (pipeline TEXT NOT NULL, period TEXT NOT NULL, dataset TEXT NOT NULL,
    invoice_number TEXT NOT NULL, currency TEXT NOT NULL, etag TEXT NOT NULL, rows INTEGER NOT NULL,
    amount TEXT NOT NULL, PRIMARY KEY (pipeline, period, dataset, invoice_number, currency)) WITHOUT ROWID;
CREATE TABLE invoices (pipeline TEXT NOT NULL, period TEXT NOT NULL, invoice_number TEXT NOT NULL,
    finality TEXT NOT NULL, PRIMARY KEY (pipeline, period, invoice_number)) WITHOUT ROWID;
CREATE TABLE closes (close_no INTEGER PRIMARY KEY, event TEXT NOT NULL, pipeline TEXT NOT NULL,
    period TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL,
    run_no TEXT NOT NULL, run_id TEXT NOT NULL, manifest_hash TEXT NOT NULL, pack TEXT NOT NULL,
    totals TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE accruals (run_no INTEGER NOT NULL, pipeline TEXT NOT NULL, period TEXT NOT NULL,
    customer_id TEXT NOT NULL, customer_name TEXT NOT NULL, currency TEXT NOT NULL,
    usage_without_line TEXT NOT NULL, unbilled_usage TEXT NOT NULL, credits_due TEXT NOT NULL,
    PRIMARY KEY (pipeline, period, customer_id, currency)) WITHOUT ROWID;
";
