-- Views over this folder, for DuckDB. Start DuckDB in the folder: duckdb -init views.sql
-- Every period has the tables of its newest complete run, and of no other. Ids are folded: they are
-- equal wherever they mean the same. The column descriptions stand in the footers of the files:
--   SELECT decode(key), decode(value) FROM parquet_kv_metadata('usage_daily/**/*.parquet');

CREATE OR REPLACE VIEW usage_daily AS
SELECT * FROM read_parquet('usage_daily/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false);

CREATE OR REPLACE VIEW invoice_lines AS
SELECT * FROM read_parquet('invoice_lines/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false);

CREATE OR REPLACE VIEW variances_latest AS
SELECT * FROM read_parquet('variances/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false);

CREATE OR REPLACE VIEW resources AS
SELECT * FROM read_parquet('resources/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false);

CREATE OR REPLACE VIEW invoices AS
SELECT * FROM read_parquet('invoices/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false);

-- The tables of the ledger show ids as they came: folded here, they join with the others.
CREATE OR REPLACE VIEW breaks AS
SELECT * REPLACE (lower(invoice_number) AS invoice_number, lower(customer_id) AS customer_id,
                  lower(subscription_id) AS subscription_id, lower(product_id) AS product_id,
                  lower(sku_id) AS sku_id)
FROM read_parquet('breaks.parquet');

CREATE OR REPLACE VIEW break_events AS SELECT * FROM read_parquet('break_events.parquet');
CREATE OR REPLACE VIEW roll_forward AS SELECT * FROM read_parquet('roll_forward.parquet');
CREATE OR REPLACE VIEW restatements AS
SELECT * REPLACE (lower(invoice_number) AS invoice_number) FROM read_parquet('restatements.parquet');
CREATE OR REPLACE VIEW closes AS SELECT * FROM read_parquet('closes.parquet');
CREATE OR REPLACE VIEW accruals AS
SELECT * REPLACE (lower(customer_id) AS customer_id) FROM read_parquet('accruals.parquet');
CREATE OR REPLACE VIEW runs AS SELECT * FROM read_parquet('runs.parquet');

-- Breaks that somebody has to look at: neither resolved nor accepted. `age_days` ends with the last run of
-- their period; `days_open` goes on to the newest run of all.
CREATE OR REPLACE VIEW breaks_open AS
SELECT *, date_diff('day', first_seen, (SELECT max(as_of) FROM runs)) AS days_open
FROM breaks WHERE state IN ('open', 'assigned', 'disputed') AND NOT informs;

-- What each cause makes of the variance between usage and invoice, a row for each month, currency and
-- cause; breaks alone. A break with two causes is counted under both.
CREATE OR REPLACE VIEW variance_by_cause_month AS
SELECT billing_period, currency, replace(part, '_amount', '') AS cause,
       count(*) AS breaks_with_it, sum(amount) AS amount, sum(abs(amount)) AS gross_amount
FROM (
    UNPIVOT (SELECT * FROM variances_latest WHERE tie_out = 'usage-to-invoice' AND status = 'break')
    ON rounding_amount, fx_amount, price_amount, quantity_amount, partner_earned_credit_amount,
       promotion_amount, credit_amount, tax_amount, timing_amount, out_of_scope_amount,
       duplicate_amount, missing_usage_amount, missing_invoice_amount, unexplained_amount
    INTO NAME part VALUE amount
)
WHERE amount <> 0
GROUP BY ALL;

-- Partner earned credit that was lost: usage without it, of a resource and meter that had it on another
-- day of the month. What never has credit, as reservations and spot machines, is not in it.
CREATE OR REPLACE VIEW credit_lost AS
SELECT billing_period, run_id, customer_id, customer_name, subscription_id, entitlement_id, meter_id,
       resource_uri, usage_date, currency, amount, usual_percent,
       -- Not `/ 100`: DuckDB divides in floating point.
       CAST(CAST(amount AS DECIMAL(25, 10)) * CAST(usual_percent AS DECIMAL(5, 2)) * 0.01
            AS DECIMAL(28, 10)) AS lost_amount
FROM (
    SELECT *, max(partner_earned_credit_percent) OVER (
        PARTITION BY billing_period, customer_id, subscription_id, meter_id, resource_uri
    ) AS usual_percent
    FROM usage_daily
)
WHERE usual_percent > 0 AND coalesce(partner_earned_credit_percent, 0) = 0 AND amount <> 0;

-- Usage that an invoice bills for days before its own month.
CREATE OR REPLACE VIEW late_usage_by_day AS
SELECT billing_period, usage_date, customer_id, customer_name, currency,
       count(*) AS rows_of_usage, sum(amount) AS amount
FROM usage_daily
WHERE strftime(usage_date, '%Y-%m') < billing_period
GROUP BY ALL;

-- What was used and what was invoiced for it, by resource group.
CREATE OR REPLACE VIEW cost_by_resource_group AS
SELECT billing_period, customer_id, customer_name, entitlement_id, resource_group, currency,
       sum(expected_amount) AS expected_amount, sum(invoiced_amount) AS invoiced_amount
FROM resources
GROUP BY ALL;

-- Usage by tag; usage without tags under an empty one. A row of usage stands under each of its tags:
-- add up the values of one tag, never those of several.
CREATE OR REPLACE VIEW cost_by_tag AS
SELECT billing_period, customer_id, customer_name, currency, tag,
       coalesce(json_extract_string(json, '$."' || replace(tag, '"', '\"') || '"'), '') AS value,
       sum(amount) AS amount
FROM (
    SELECT *, unnest(CASE WHEN len(json_keys(json)) > 0 THEN json_keys(json) ELSE [''] END) AS tag
    FROM (SELECT *, try_cast(tags AS JSON) AS json FROM usage_daily)
)
GROUP BY ALL;

-- What became of the balance of open breaks from one complete run to the next. What only changed its
-- cause or its age is left out of `moved`.
CREATE OR REPLACE VIEW movement_between_runs AS
SELECT f.run_no, r.as_of, f.pipeline, f.period, f.tie_out, f.currency, sum(f.opening) AS opening,
       sum(f."new") AS new, sum(f.moved) AS moved, sum(f.resolved) AS resolved,
       sum(f.accepted) AS accepted, sum(f.closing) AS closing
FROM roll_forward f JOIN runs r USING (run_no)
GROUP BY ALL;
