"""Parts that the peers' scripts share: wanted columns, files, and how a sum is printed."""

import argparse
import glob
import json
import os
from decimal import Decimal

THREADS = int(os.environ.get("BENCH_THREADS", "2"))

# Output name -> column of the usage files. These make one group.
KEYS = {
    "customer": "CustomerId",
    "subscription": "SubscriptionId",
    "meter": "MeterId",
    "resource": "ResourceURI",
}
QUANTITY = "Quantity"
AMOUNT = "BillingPreTaxTotal"
COLUMNS = [*KEYS.values(), QUANTITY, AMOUNT]
DIGITS, SCALE = 38, 20

# The month's keys: output name -> (column of the usage, column of the reconciliation lines).
MONTH_KEYS = {
    "invoice": ("InvoiceNumber", "InvoiceNumber"),
    "customer": ("CustomerId", "CustomerId"),
    "subscription": ("SubscriptionId", "SubscriptionId"),
    "product": ("ProductId", "ProductId"),
    "sku": ("SkuId", "SkuId"),
    "meter": ("MeterName", "MeterDescription"),
    "charge_type": ("ChargeType", "ChargeType"),
    "currency": ("BillingCurrency", "Currency"),
}
MONTH_USAGE = {name: usage for name, (usage, _) in MONTH_KEYS.items()} | {"resource": KEYS["resource"]}
MONTH_LINES = {name: line for name, (_, line) in MONTH_KEYS.items()}
MONTH_RESOURCE = ["invoice", "customer", "subscription", "resource", "currency"]


def arguments(description):
    """The command line of a sums script: files, their format, and where the groups go."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("files", nargs="+", help="files or globs, all of one format")
    parser.add_argument("--out", help="write the groups to this Parquet file, too (for a comparison that is not timed)")
    given = parser.parse_args()
    return (*inputs(given.files), given.out)


def month_arguments(description):
    """The command line of a month script; its folder is made."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--usage", nargs="+", required=True, help="usage files or globs")
    parser.add_argument("--lines", nargs="+", required=True, help="reconciliation lines, files or globs")
    parser.add_argument("--out", required=True, help="folder of the tables")
    given = parser.parse_args()
    os.makedirs(given.out, exist_ok=True)
    return given


def inputs(patterns):
    """The files that paths and globs name, and their format by name."""
    files = []
    for pattern in patterns:
        files += [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
    formats = {format_of(path) for path in files}
    if len(formats) != 1:
        raise SystemExit(f"expected files of one format, found {len(files)} files of {sorted(formats)}")
    return files, formats.pop()


def format_of(path):
    """`csv`, `json` (gzip JSON lines) or `parquet`, by the file's name."""
    for ending, name in ((".csv", "csv"), (".gz", "json"), (".parquet", "parquet")):
        if path.endswith(ending):
            return name
    raise SystemExit(f"{path}: neither .csv nor .gz nor .parquet")


def folded_sql(column):
    """DuckDB's SQL of a key without case and outer blanks. Its `trim` is slow, so only where it is needed."""
    text = f"CASE WHEN starts_with({column}, ' ') OR suffix({column}, ' ') THEN trim({column}) ELSE {column} END"
    return f"coalesce(lower({text}), '')"


def plain(number):
    """A decimal as plain text without trailing zeros."""
    text = format(Decimal(number), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def report(rows, groups, quantity, amount):
    """The one line by which the runner compares engines."""
    if not rows:
        raise SystemExit("no rows read")
    print(json.dumps({"rows": int(rows), "groups": int(groups), "quantity": plain(quantity), "amount": plain(amount)}))


def report_month(usage_rows, invoice_lines, groups, resources, expected, invoiced):
    """The one line that a month script prints."""
    counts = {"usage_rows": int(usage_rows), "invoice_lines": int(invoice_lines), "groups": groups, "resources": resources}
    print(json.dumps(counts | {"expected": plain(expected), "invoiced": plain(invoiced)}))
