"""Exact sums of usage by customer, subscription, meter and resource, with DuckDB.

Exact on CSV (text cast to DECIMAL, exponents too) and on Parquet. NOT exact on JSON lines: DuckDB's JSON
reader takes every number through a double. Read as text it comes back as the double's shortest spelling,
which is right up to 15 or 16 digits and nearer than reading it as DECIMAL or DOUBLE.
"""

import duckdb

from common import AMOUNT, COLUMNS, DIGITS, KEYS, QUANTITY, SCALE, THREADS, arguments, folded_sql, report


def source(files, kind):
    """The table function that reads `files`; projection pushdown leaves the other columns alone."""
    if kind == "csv":
        # Dialect given, so that nothing is sniffed; text only, so that no number passes a double.
        return f"read_csv({files!r}, header=true, all_varchar=true, delim=',', quote='\"', escape='\"')"
    if kind == "json":
        types = dict.fromkeys(COLUMNS, "VARCHAR")
        return f"read_json({files!r}, format='newline_delimited', compression='gzip', columns={types!r})"
    return f"read_parquet({files!r})"


def main():
    files, kind, out = arguments(__doc__)
    db = duckdb.connect()
    db.execute(f"SET threads={THREADS}; SET preserve_insertion_order=false")
    decimal = f"DECIMAL({DIGITS},{SCALE})"
    # Grouped by the raw spellings first: folding some groups is half the work of folding every row.
    groups = f"""
        SELECT {", ".join(f"{folded_sql(column)} AS {name}" for name, column in KEYS.items())},
            sum(rows)::BIGINT AS rows, sum(quantity) AS quantity, sum(amount) AS amount
        FROM (
            SELECT {", ".join(KEYS.values())}, count(*) AS rows,
                sum({QUANTITY}::{decimal}) AS quantity, sum({AMOUNT}::{decimal}) AS amount
            FROM {source(files, kind)} GROUP BY ALL
        ) GROUP BY ALL"""
    if out:
        db.execute(f"CREATE TEMP TABLE groups AS {groups}")
        db.execute(f"COPY groups TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
        groups = "FROM groups"
    report(*db.execute(f"SELECT sum(rows), count(*), sum(quantity), sum(amount) FROM ({groups})").fetchone())


main()
