"""Full outer compare of two keyed Parquet tables with an absolute tolerance, with datacompy on polars.

Not exact: datacompy compares decimals as doubles. It needs a polars below 1.45, so it lives in a virtual
environment of its own (`requirements-datacompy.txt`).
"""

import argparse
import json
import os

os.environ.setdefault("POLARS_MAX_THREADS", os.environ.get("BENCH_THREADS", "2"))  # read at import
import polars as pl
from datacompy import PolarsCompare

COMPARED = ["PricingPreTaxTotal", "BillingPreTaxTotal"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("--keys", required=True, help="key columns, separated by commas")
    parser.add_argument("--tolerance", type=float, default=0.0)
    given = parser.parse_args()
    keys = given.keys.split(",")
    left, right = (pl.read_parquet(path, columns=[*keys, *COMPARED]) for path in (given.left, given.right))
    compared = PolarsCompare(left, right, join_columns=keys, abs_tol=given.tolerance)
    both = len(compared.intersect_rows)
    print(json.dumps({
        "left": len(left),
        "right": len(right),
        "both": both,
        "left_only": len(compared.df1_unq_rows),
        "right_only": len(compared.df2_unq_rows),
        "different": both - compared.count_matching_rows(),
    }))


main()
