"""Answers the questions of this folder over an analyst folder, and compares with the answers beside them.

    python answer.py ANALYST_FOLDER [--write]

Wants the package `duckdb`. With --write the answers are replaced.
"""

import csv
import decimal
import os
import pathlib
import sys

import duckdb


def answer(connection, sql):
    found = connection.execute(sql)
    heads = [column[0] for column in found.description]
    return [heads] + [[text(cell) for cell in row] for row in found.fetchall()]


def text(cell):
    if isinstance(cell, decimal.Decimal):
        return f"{cell:f}"
    return "" if cell is None else str(cell)


def main():
    here = pathlib.Path(__file__).parent.resolve()
    arguments = [each for each in sys.argv[1:] if each != "--write"]
    os.chdir(arguments[0])
    connection = duckdb.connect()
    connection.execute(pathlib.Path("views.sql").read_text(encoding="utf-8"))
    wrong = 0
    for question in sorted(here.glob("*.sql")):
        found = answer(connection, question.read_text(encoding="utf-8"))
        path = question.with_suffix(".csv")
        if "--write" in sys.argv:
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(found)
            continue
        with path.open(newline="", encoding="utf-8") as file:
            wanted = list(csv.reader(file))
        if found == wanted:
            print(f"{question.stem}: {len(found) - 1} rows")
        else:
            wrong += 1
            print(f"{question.stem}: found {len(found) - 1} rows, wanted {len(wanted) - 1}")
            apart = [pair for pair in zip(found, wanted) if pair[0] != pair[1]]
            print("  found ", *apart[:1][0][:1] if apart else "")
            print("  wanted", *apart[:1][0][1:] if apart else "")
    return min(wrong, 1)


sys.exit(main())
