"""A month with DuckDB: the SQL an analyst would write to tie usage out to the invoice, without attribution.

Usage and reconciliation lines are summed by the same keys, joined fully and subtracted; usage is summed by
resource, too. Both tables are written as Parquet (zstd) and CSV. JSON's numbers pass a double (see
`sums_duckdb.py`).
"""

import os

import duckdb

from common import MONTH_KEYS, MONTH_LINES, MONTH_RESOURCE, MONTH_USAGE, THREADS, folded_sql, inputs, month_arguments, report_month

NUMBER = "DECIMAL(38,20)"


def folded(name, column):
    """A key without case and outer blanks; a spreadsheet strips the zeros of a numeric SKU."""
    text = folded_sql(column)
    if name == "sku":
        text = f"CASE WHEN length({text}) BETWEEN 1 AND 3 AND regexp_full_match({text}, '[0-9]+') THEN lpad({text}, 4, '0') ELSE {text} END"
    return f"{text} AS {name}"


def source(patterns, columns):
    """The table function that reads the files, numbers as text."""
    files, kind = inputs(patterns)
    if kind == "csv":
        return f"read_csv({files!r}, header=true, all_varchar=true, delim=',', quote='\"', escape='\"')"
    if kind == "json":
        return f"read_json({files!r}, format='newline_delimited', compression='gzip', columns={dict.fromkeys(columns, 'VARCHAR')!r})"
    return f"read_parquet({files!r})"


def main():
    given = month_arguments(__doc__)
    usage = source(given.usage, [*MONTH_USAGE.values(), "Quantity", "BillingPreTaxTotal"])
    lines = source(given.lines, [*MONTH_LINES.values(), "Subtotal"])
    keys = ", ".join(MONTH_KEYS)

    db = duckdb.connect()
    db.execute(f"SET threads={THREADS}; SET preserve_insertion_order=false")
    # Usage is read once, at the finest grain and by raw spellings, then folded; both tables roll up from it.
    db.execute(f"""
        CREATE TEMP TABLE fine AS
        SELECT {", ".join(folded(*pair) for pair in MONTH_USAGE.items())},
            sum(usage_rows)::BIGINT AS usage_rows, sum(quantity) AS quantity, sum(amount) AS amount
        FROM (
            SELECT {", ".join(MONTH_USAGE.values())}, count(*) AS usage_rows,
                sum(Quantity::{NUMBER}) AS quantity, sum(BillingPreTaxTotal::{NUMBER}) AS amount
            FROM {usage} GROUP BY ALL
        ) GROUP BY ALL""")
    db.execute(f"""
        CREATE TEMP TABLE variance AS
        WITH expected AS (
            SELECT {keys}, sum(usage_rows)::BIGINT AS usage_rows, sum(quantity) AS usage_quantity, sum(amount) AS expected_amount
            FROM fine GROUP BY ALL
        ), invoiced AS (
            SELECT {", ".join(folded(*pair) for pair in MONTH_LINES.items())}, count(*) AS invoice_lines,
                sum(Subtotal::{NUMBER}) AS invoiced_amount
            FROM {lines} GROUP BY ALL
        )
        SELECT {keys}, coalesce(usage_rows, 0) AS usage_rows, coalesce(invoice_lines, 0) AS invoice_lines,
            usage_quantity, coalesce(expected_amount, 0) AS expected_amount, coalesce(invoiced_amount, 0) AS invoiced_amount,
            coalesce(invoiced_amount, 0) - coalesce(expected_amount, 0) AS amount
        FROM expected FULL JOIN invoiced USING ({keys})""")
    resource = ", ".join(MONTH_RESOURCE)
    db.execute(f"""
        CREATE TEMP TABLE by_resource AS
        SELECT {resource}, sum(usage_rows)::BIGINT AS usage_rows, sum(quantity) AS quantity, sum(amount) AS amount
        FROM fine GROUP BY ALL""")
    for table, order in (("variance", keys), ("by_resource", resource)):
        path = os.path.join(given.out, table)
        db.execute(f"COPY (FROM {table} ORDER BY {order}) TO '{path}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        db.execute(f"COPY (FROM {table} ORDER BY {order}) TO '{path}.csv' (FORMAT csv, HEADER)")
    rows, count, *sums = db.execute("""
        SELECT sum(usage_rows), sum(invoice_lines), sum(expected_amount), sum(invoiced_amount) FROM variance""").fetchone()
    groups, resources = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("variance", "by_resource"))
    report_month(rows, count, groups, resources, *sums)


main()
