"""Exact sums of usage by customer, subscription, meter and resource, with chDB (ClickHouse in process).

Exact on all three formats: numbers are read as text, JSON's with `input_format_json_read_numbers_as_strings`.
"""

import json
import os

import chdb

from common import AMOUNT, COLUMNS, KEYS, QUANTITY, SCALE, THREADS, arguments, report

FORMATS = {"csv": "CSVWithNames", "json": "JSONEachRow", "parquet": "Parquet"}


def source(files, kind):
    """The table function that reads `files`; a structure names the wanted columns, the others are skipped."""
    # Alternatives must not start with a slash: ClickHouse would find no file and say nothing.
    folder = os.path.dirname(os.path.abspath(files[0])) if len(files) == 1 else os.path.commonpath(map(os.path.abspath, files))
    names = [os.path.relpath(path, folder) for path in files]
    path = f"{folder}/{names[0]}" if len(names) == 1 else f"{folder}/{{{','.join(names)}}}"
    if kind == "parquet":
        return f"file('{path}', Parquet)"
    structure = ", ".join(f"{name} String" for name in COLUMNS)
    compression = "gzip" if kind == "json" else "none"
    return f"file('{path}', {FORMATS[kind]}, '{structure}', '{compression}')"


def main():
    files, kind, out = arguments(__doc__)
    folded = ", ".join(f"lowerUTF8(trimBoth(ifNull({column}, ''))) AS {name}" for name, column in KEYS.items())
    groups = f"""
        SELECT {folded}, toInt64(count()) AS rows,
            sum(toDecimal128({QUANTITY}, {SCALE})) AS quantity, sum(toDecimal128({AMOUNT}, {SCALE})) AS amount
        FROM {source(files, kind)} GROUP BY {", ".join(KEYS)}"""
    settings = f"""
        SETTINGS max_threads = {THREADS}, input_format_json_read_numbers_as_strings = 1,
            input_format_skip_unknown_fields = 1"""
    if out:
        named = groups.replace("SELECT", f"INSERT INTO FUNCTION file('{out}', Parquet) SELECT", 1)
        chdb.query(named + settings + ", engine_file_truncate_on_insert = 1, output_format_parquet_string_as_string = 1")
    total = f"""
        SELECT sum(rows), count(), toString(sum(quantity)), toString(sum(amount))
        FROM ({groups}) {settings}"""
    report(*json.loads(str(chdb.query(total, "JSONCompactEachRow"))))


main()
