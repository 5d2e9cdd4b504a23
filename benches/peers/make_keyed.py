"""Makes the two keyed tables of W6: `left.parquet` and `right.parquet`.

The same every time: all values follow from the row's number. Of the keys, 1 % are on the left only and
1 % on the right only; of the rows on both sides, 1 % differ by more than 0.01 and 1 % by less, half of them
in `PricingPreTaxTotal` and half in `BillingPreTaxTotal`. `--edge` makes some more differ by exactly 0.01, which an exact
comparison finds within tolerance and one in floats may not. The right table is in another order. The columns
that make them tables of usage are the same in every row, and not compared.
"""

import argparse
import os

import duckdb

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
PRIME = 7_368_787  # coprime to every count of rows below it, so that it orders the right table anew
TYPE = "DECIMAL(28,10)"


def side(rows, edge, right):
    """The SQL of one table. Whole numbers are scaled by a decimal: a division would make doubles."""
    # i in 0..rows: 0..1 % of each hundred are one-sided; `band` says what a row is, evenly over the table.
    number = f"(j * {PRIME}) % {rows}" if right else "j"
    missing = 0 if right else 1
    more, less, exact = (f"CASE WHEN band BETWEEN {low} AND {high} THEN 1 ELSE 0 END" for low, high in
                         ((200, 299), (300, 399), (400, 399 + round(edge * 10_000))))
    # Above the tolerance by 0.0001 at least, below it by 0.0001 at least.
    change = (f"(({more}) * (101000000 + (i * 48271) % 50000000000) + ({less}) * (1 + (i * 69621) % 98999999)"
              f" + ({exact}) * 100000000)") if right else "0"
    half = "((i // 10000) % 2)"
    scaled = lambda whole: f"(({whole})::DECIMAL(18,0) * 0.0000000001::DECIMAL(10,10))::{TYPE}"
    return f"""
        SELECT md5((i % 997)::VARCHAR) AS CustomerId,
            '/subscriptions/' || md5((i % 9973)::VARCHAR) || '/resourcegroups/rg-' || i % 331
                || '/providers/microsoft.compute/virtualmachines/vm-' || i AS ResourceURI,
            {scaled(f"(i * 7919000123) % 90000000000000 + ({change}) * (1 - {half})")} AS PricingPreTaxTotal,
            {scaled(f"(i * 6700417007) % 90000000000000 + ({change}) * {half}")} AS BillingPreTaxTotal,
            'DZH318Z0BPS6' AS ProductId, '0001' AS SkuId, '' AS SubscriptionId, DATE '2026-10-01' AS UsageDate,
            0::DECIMAL(28,10) AS Quantity, 'USD' AS BillingCurrency
        FROM (SELECT *, (i * 1237) % 10000 AS band FROM (SELECT {number} AS i FROM range({rows}) AS numbers(j)))
        WHERE band NOT BETWEEN {missing * 100} AND {missing * 100 + 99}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--edge", type=float, default=0, help="fraction of rows that differ by exactly 0.01")
    parser.add_argument("--out", required=True, help="folder of the two files")
    given = parser.parse_args()
    os.makedirs(given.out, exist_ok=True)
    db = duckdb.connect()
    db.execute(f"SET threads={THREADS}")
    for name, right in (("left", False), ("right", True)):
        path = os.path.join(given.out, f"{name}.parquet")
        db.execute(f"COPY ({side(given.rows, given.edge, right)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


main()
