"""Exact sums of usage by customer, subscription, meter and resource, with pandas on Arrow columns.

Exact on all three formats: Arrow casts text to decimals and sums them as such. JSON lines are parsed by
the standard library with `parse_float=str`, because `read_json` makes every number a double.

Every slice (a CSV file, a row group, some lines) is grouped on its own and the groups are grouped again,
so that memory is bounded by a slice and the groups.
"""

import gzip
import itertools
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common import AMOUNT, COLUMNS, DIGITS, KEYS, QUANTITY, SCALE, THREADS, arguments, report

TEXT = pd.ArrowDtype(pa.string())
DECIMAL = pd.ArrowDtype(pa.decimal128(DIGITS, SCALE))
LINES = 200_000


def slices(files, kind):
    """The six columns, a slice at a time."""
    for path in files:
        if kind == "csv":
            # The Arrow engine reads with several threads; text only, so that no number passes a double.
            yield pd.read_csv(path, usecols=COLUMNS, dtype=TEXT, engine="pyarrow")
        elif kind == "json":
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                while some := list(itertools.islice(lines, LINES)):
                    records = (json.loads(line, parse_float=str, parse_int=str) for line in some)
                    yield pd.DataFrame([[record.get(name) for name in COLUMNS] for record in records], columns=COLUMNS, dtype=TEXT)
        else:
            source = pq.ParquetFile(path)
            for at in range(source.num_row_groups):
                yield source.read_row_group(at, columns=COLUMNS).to_pandas(types_mapper=pd.ArrowDtype)


def grouped(frame):
    """The sums of `frame` by the keys."""
    return frame.groupby(list(KEYS), sort=False, as_index=False)[["rows", "quantity", "amount"]].sum()


def slice_groups(rows):
    """The groups of one slice, keys folded."""
    # Grouped by the raw spellings first: there are far fewer groups than rows to fold.
    frame = pd.DataFrame({name: rows[column].fillna("") for name, column in KEYS.items()})
    frame["rows"] = 1
    frame["quantity"] = rows[QUANTITY].astype(DECIMAL)
    frame["amount"] = rows[AMOUNT].astype(DECIMAL)
    groups = grouped(frame)
    for name in KEYS:
        groups[name] = groups[name].astype(TEXT).str.strip().str.lower()
    return groups


def main():
    files, kind, out = arguments(__doc__)
    pa.set_cpu_count(THREADS)
    groups = grouped(pd.concat([slice_groups(rows) for rows in slices(files, kind)], ignore_index=True))
    if out:
        groups.to_parquet(out, index=False)
    report(groups["rows"].sum(), len(groups), groups["quantity"].sum(), groups["amount"].sum())


main()
