"""Exact sums of usage by customer, subscription, meter and resource, with polars' streaming engine.

Exact on CSV (text cast to Decimal, exponents too) and on Parquet. NOT exact on JSON lines: polars' NDJSON
reader takes every number through a double. Read as text it comes back as the double's shortest spelling,
which is right up to 15 or 16 digits; the reader refuses Decimal.
"""

import os

from common import AMOUNT, COLUMNS, DIGITS, KEYS, QUANTITY, SCALE, THREADS, arguments, report

os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))  # read at import
import polars as pl

DECIMAL = pl.Decimal(DIGITS, SCALE)


def source(files, kind):
    """A lazy scan of the six columns."""
    if kind == "csv":
        scan = pl.scan_csv(files, infer_schema=False)  # text only, so that no number passes a double
    elif kind == "json":
        scan = pl.scan_ndjson(files, schema=dict.fromkeys(COLUMNS, pl.String))
    else:
        scan = pl.scan_parquet(files)
    return scan.select(COLUMNS)


def main():
    files, kind, out = arguments(__doc__)
    folded = [pl.col(column).fill_null("").str.strip_chars().str.to_lowercase().alias(name) for name, column in KEYS.items()]
    # Grouped by the raw spellings first: there are far fewer groups than rows to fold.
    groups = (
        source(files, kind)
        .group_by(list(KEYS.values()))
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col(QUANTITY).cast(DECIMAL).sum().alias("quantity"),
            pl.col(AMOUNT).cast(DECIMAL).sum().alias("amount"),
        )
        .group_by(folded)
        .agg(pl.col("rows", "quantity", "amount").sum())
    )
    if out:
        table = groups.collect(engine="streaming")
        table.write_parquet(out)
        groups = table.lazy()
    totals = groups.select(pl.col("rows").sum(), pl.len().alias("groups"), pl.col("quantity", "amount").sum())
    report(*totals.collect(engine="streaming").row(0))


main()
