"""A month with polars: usage tied out to the invoice as an analyst would, without attribution.

The same tables as `month_duckdb.py`. JSON's numbers pass a double (see `sums_polars.py`).
"""

import os

from common import MONTH_KEYS, MONTH_LINES, MONTH_RESOURCE, MONTH_USAGE, THREADS, inputs, month_arguments, report_month

os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))  # read at import
import polars as pl

NUMBER = pl.Decimal(38, 20)


def folded(name, column):
    """A key without case and outer blanks; a spreadsheet strips the zeros of a numeric SKU."""
    text = pl.col(column).fill_null("").str.strip_chars().str.to_lowercase()
    if name == "sku":
        text = pl.when(text.str.contains("^[0-9]{1,3}$")).then(text.str.zfill(4)).otherwise(text)
    return text.alias(name)


def source(patterns, columns):
    """A lazy scan of `columns`, numbers as text."""
    files, kind = inputs(patterns)
    if kind == "csv":
        scan = pl.scan_csv(files, infer_schema=False)
    elif kind == "json":
        scan = pl.scan_ndjson(files, schema=dict.fromkeys(columns, pl.String))
    else:
        scan = pl.scan_parquet(files)
    return scan.select(columns)


def total(column, name):
    """The exact sum of a column."""
    return pl.col(column).cast(NUMBER).sum().alias(name)


def main():
    given = month_arguments(__doc__)
    usage = source(given.usage, [*MONTH_USAGE.values(), "Quantity", "BillingPreTaxTotal"])
    lines = source(given.lines, [*MONTH_LINES.values(), "Subtotal"])
    rows = pl.len().cast(pl.Int64)

    # Usage is read once, at the finest grain and by raw spellings, then folded; both tables roll up from it.
    fine = (
        usage.group_by(list(MONTH_USAGE.values()))
        .agg(rows.alias("usage_rows"), total("Quantity", "quantity"), total("BillingPreTaxTotal", "amount"))
        .group_by([folded(*pair) for pair in MONTH_USAGE.items()])
        .agg(pl.col("usage_rows", "quantity", "amount").sum())
        .collect(engine="streaming")
        .lazy()
    )
    invoiced = lines.group_by([folded(*pair) for pair in MONTH_LINES.items()]).agg(
        rows.alias("invoice_lines"), total("Subtotal", "invoiced_amount")
    )
    expected = fine.group_by(list(MONTH_KEYS)).agg(
        pl.col("usage_rows").sum(), pl.col("quantity").sum().alias("usage_quantity"), pl.col("amount").sum().alias("expected_amount")
    )
    filled = ["usage_rows", "invoice_lines", "expected_amount", "invoiced_amount"]
    variance = (
        expected.join(invoiced, on=list(MONTH_KEYS), how="full", coalesce=True)
        .with_columns(pl.col(filled).fill_null(0))
        .with_columns((pl.col("invoiced_amount") - pl.col("expected_amount")).alias("amount"))
        .select(*MONTH_KEYS, "usage_rows", "invoice_lines", "usage_quantity", "expected_amount", "invoiced_amount", "amount")
        .sort(list(MONTH_KEYS))
    )
    by_resource = fine.group_by(MONTH_RESOURCE).agg(pl.col("usage_rows", "quantity", "amount").sum()).sort(MONTH_RESOURCE)
    variance, by_resource = pl.collect_all([variance, by_resource], engine="streaming")
    for name, table in (("variance", variance), ("by_resource", by_resource)):
        path = os.path.join(given.out, name)
        table.write_parquet(f"{path}.parquet", compression="zstd")
        table.write_csv(f"{path}.csv")
    used, count, *sums = variance.select(pl.col(filled).sum()).row(0)
    report_month(used, count, len(variance), len(by_resource), *sums)


main()
