"""Opens a run's tables with DuckDB, pandas and polars and holds them against the input CSVs.

Usage: python samples/smoke.py SYNTH_FOLDER OUT_FOLDER [TIEOUT]
Needs: pip install duckdb pandas polars pyarrow
"""

import json
import os
import subprocess
import sys

import duckdb
import pandas
import polars

TABLES = ["variances", "resources", "summary", "control_totals", "rejected_rows", "findings"]
DUCKDB_TYPES = {"TEXT": "VARCHAR", "BIGINT": "BIGINT", "DATE": "DATE", "BOOLEAN": "BOOLEAN", "DECIMAL(28,10)": "DECIMAL(28,10)"}
POLARS_TYPES = {
    "TEXT": polars.String,
    "BIGINT": polars.Int64,
    "DATE": polars.Date,
    "BOOLEAN": polars.Boolean,
    "DECIMAL(28,10)": polars.Decimal(28, 10),
}

failures = 0


def check(name, passed, detail=""):
    global failures
    failures += not passed
    print("PASS" if passed else "FAIL", name, detail)


def dictionary(tieout, table):
    answer = subprocess.run([tieout, "schema", table, "--format", "json"], capture_output=True, check=True)
    return [(column["name"], column["type"]) for column in json.loads(answer.stdout)[0]["columns"]]


def tables(tieout, run):
    for table in TABLES:
        path = f"{run}/{table}"
        wanted = dictionary(tieout, table)
        described = duckdb.sql(f"DESCRIBE SELECT * FROM '{path}.parquet'").fetchall()
        check(f"{table}: names, order and types in DuckDB", [row[:2] for row in described] == [(n, DUCKDB_TYPES[t]) for n, t in wanted])
        frame = polars.read_parquet(f"{path}.parquet")
        check(f"{table}: names, order and types in polars", list(frame.schema.items()) == [(n, POLARS_TYPES[t]) for n, t in wanted])
        pandas_frame = pandas.read_parquet(f"{path}.parquet")
        check(f"{table}: names and order in pandas", list(pandas_frame.columns) == [name for name, _ in wanted])
        text = duckdb.sql(f"SELECT * FROM read_csv('{path}.csv', all_varchar=true, header=true)")
        check(f"{table}: as many rows as CSV", len(text) == len(frame) == len(pandas_frame), f"({len(frame)} rows)")
        check(f"{table}: names and order as CSV", text.columns == [name for name, _ in wanted])


def sums(synth, run):
    duckdb.sql(f"CREATE TABLE usage AS SELECT * FROM read_csv('{synth}/usage/csv/*.csv', all_varchar=true, header=true)")
    duckdb.sql(f"CREATE TABLE resources AS SELECT * FROM '{run}/resources.parquet'")
    duckdb.sql(f"CREATE TABLE variances AS SELECT * FROM '{run}/variances.parquet'")
    keys = {"customer": ("CustomerId", "customer_id"), "subscription": ("SubscriptionId", "subscription_id")}
    keys |= {"meter": ("MeterId", "meter_id"), "resource": ("ResourceURI", "resource_uri")}
    source = ", ".join(f"lower({theirs}) AS {name}" for name, (theirs, _) in keys.items())
    published = ", ".join(f"lower({ours}) AS {name}" for name, (_, ours) in keys.items())
    equal, total = duckdb.sql(
        f"""
        WITH source AS (
            SELECT {source}, BillingCurrency AS currency, count(*) AS n,
                   round(sum(CAST(BillingPreTaxTotal AS DECIMAL(38,20))), 10) AS amount,
                   round(sum(CAST(Quantity AS DECIMAL(38,20))), 10) AS quantity
            FROM usage GROUP BY ALL),
        published AS (
            SELECT {published}, currency, sum(usage_rows) AS n, sum(expected_amount) AS amount, sum(quantity) AS quantity
            FROM resources WHERE usage_rows > 0 GROUP BY ALL)
        SELECT count(*) FILTER (WHERE s.amount = p.amount AND s.quantity = p.quantity AND s.n = p.n), count(*)
        FROM source s FULL JOIN published p USING (customer, subscription, meter, resource, currency)
        """
    ).fetchall()[0]
    check("input CSV by customer, subscription, meter, resource = published", equal == total > 0, f"({equal} of {total} keys)")
    for column in ["expected_amount", "invoiced_amount", "variance_amount"]:
        ours, theirs = duckdb.sql(
            f"""SELECT (SELECT sum({column}) FROM resources),
                       (SELECT sum({column}) FROM variances WHERE tie_out = 'usage-to-invoice')"""
        ).fetchall()[0]
        check(f"{column}: resources = variances", ours == theirs, f"({ours})")
    parts = [name for name in duckdb.sql("SELECT * FROM variances LIMIT 0").columns if name.endswith("_amount")]
    parts = parts[parts.index("tolerance_amount") + 1 :]
    wrong = duckdb.sql(f"SELECT count(*) FROM variances WHERE {' + '.join(parts)} <> variance_amount").fetchall()[0][0]
    check(f"the {len(parts)} parts add up to the variance", wrong == 0)
    broken = duckdb.sql(f"SELECT count(*) FROM '{run}/control_totals.parquet' WHERE NOT holds").fetchall()[0][0]
    check("every conservation law holds", broken == 0)


def truth(synth, run):
    planted, found = duckdb.sql(
        f"""
        SELECT count(*), count(v.break_id) FROM '{synth}/truth.parquet' t LEFT JOIN variances v
        ON t.tie_out = v.tie_out AND t.invoice_number = v.invoice_number AND lower(t.customer_id) = lower(v.customer_id)
        AND lower(t.subscription_id) = lower(v.subscription_id) AND t.product_id = v.product_id AND t.sku_id = v.sku_id
        AND t.availability_id = v.availability_id AND t.meter_description = v.meter_description
        AND t.price_adjustment = v.price_adjustment AND t.currency = v.currency
        AND t.amount = v.variance_amount AND t.status = v.status
        """
    ).fetchall()[0]
    check("every planted variance is found, to the last digit", planted == found > 0, f"({found} of {planted})")
    breaks, wanted = duckdb.sql(
        f"""SELECT (SELECT count(*) FROM variances WHERE status IN ('break', 'out_of_scope')),
                   (SELECT count(*) FROM '{synth}/truth.parquet' WHERE status IN ('break', 'out_of_scope'))"""
    ).fetchall()[0]
    check("none is invented", breaks == wanted, f"({breaks} of {wanted})")


def main():
    synth, out = sys.argv[1], sys.argv[2]
    tieout = sys.argv[3] if len(sys.argv) > 3 else "target/release/tieout"
    run = os.path.realpath(f"{out}/current")
    tables(tieout, run)
    sums(synth, run)
    truth(synth, run)
    print("FAILED" if failures else "all passed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
