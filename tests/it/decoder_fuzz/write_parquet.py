"""Writes one table of usage as Parquet, in all ways of pyarrow, DuckDB and polars, to a folder."""

import datetime
import decimal
import itertools
import sys

try:
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    sys.exit(77)

OUT = sys.argv[1]
ROWS = 3_000
D = decimal.Decimal


def optional(value, row, turns):
    return None if row % turns == 0 else value


def midnight(row):
    # The sentinel that stands for no date, and the last day that INT96 of nanoseconds cannot hold.
    if row % 97 == 0:
        return datetime.datetime(9999, 12, 31)
    return datetime.datetime(2026, 10, 1) + datetime.timedelta(days=row % 31)


rows = range(ROWS)
COLUMNS = {
    "CustomerId": pa.array([f"c-{row % 7}" for row in rows]),
    "SubscriptionId": pa.array([f"00000000-0000-0000-0000-{row % 400:012}" for row in rows]),
    "ProductId": pa.array(["DZH318Z0BPS6" for _ in rows]),
    "SkuId": pa.array([f"{row % 20:04}" for row in rows]),
    "BillingCurrency": pa.array(["EUR" for _ in rows]),
    "ResourceURI": pa.array([optional(f"/subscriptions/{row}/resourceGroups/é", row, 3) for row in rows]),
    "Quantity": pa.array([D(row * 25).scaleb(-2) for row in rows], pa.decimal128(18, 6)),
    "UnitPrice": pa.array([optional(D(row).scaleb(-4), row, 5) for row in rows], pa.decimal128(9, 4)),
    "BillingPreTaxTotal": pa.array([D(-row).scaleb(-15) for row in rows], pa.decimal128(38, 20)),
    "UsageDate": pa.array([midnight(row).date() for row in rows], pa.date32()),
    "Flag": pa.array([optional(row % 2 == 0, row, 11) for row in rows]),
    "Count": pa.array([row * 1_000_003 for row in rows], pa.int64()),
    "Weight": pa.array([optional(row / 8, row, 13) for row in rows], pa.float64()),
}
TABLE = pa.table(COLUMNS)


def changed(**types):
    table = TABLE
    for name, kind in types.items():
        at = table.schema.get_field_index(name)
        column = table.column(name)
        if pa.types.is_timestamp(kind) and kind.tz:
            column = column.cast(pa.timestamp(kind.unit))
        table = table.set_column(at, name, column.cast(kind))
    return table


def write(name, table=TABLE, **settings):
    pq.write_table(table, f"{OUT}/{name}.parquet", **settings)


def pyarrow_files():
    codecs = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]
    for codec, page, group, check in itertools.product(codecs, ["1.0", "2.0"], [700, 10_000], [False, True]):
        write(
            f"pyarrow-{codec}-{page}-{group}-{check}",
            compression=codec,
            data_page_version=page,
            row_group_size=group,
            write_page_checksum=check,
            data_page_size=5_000,
        )
    texts = ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
    numbers = ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    fixed = ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
    for at, page in itertools.product(range(3), ["1.0", "2.0"]):
        encodings = {
            name: (
                texts[at]
                if pa.types.is_string(column.type)
                else fixed[at]
                if pa.types.is_decimal(column.type)
                else numbers[at]
                if name in ("UsageDate", "Count")
                else ["PLAIN", "BYTE_STREAM_SPLIT", "PLAIN"][at]
                if name == "Weight"
                else ["PLAIN", "RLE", "PLAIN"][at]
            )
            for name, column in COLUMNS.items()
        }
        write(f"pyarrow-encoding-{at}-{page}", use_dictionary=False, column_encoding=encodings, data_page_version=page)
    # The dictionary is given up half-way.
    write("pyarrow-dictionary-small", dictionary_pagesize_limit=2_000, data_page_size=1_000)
    write("pyarrow-no-arrow-schema", store_schema=False)
    write("pyarrow-decimal-as-integer", changed(UnitPrice=pa.decimal128(18, 6)), store_decimal_as_integer=True)
    for version in ["1.0", "2.4", "2.6"]:
        write(f"pyarrow-version-{version}", version=version)
    for unit in ["s", "ms", "us"]:
        for zone in [None, "UTC", "+00:00"]:
            write(f"pyarrow-timestamp-{unit}-{zone}", changed(UsageDate=pa.timestamp(unit, zone)))
    write("pyarrow-int96", changed(UsageDate=pa.timestamp("us")), use_deprecated_int96_timestamps=True)
    write("pyarrow-date64", changed(UsageDate=pa.date64()))
    for kind in [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())]:
        name = str(kind).replace("<", "-").replace(">", "").replace(", ", "-").replace("=", "-")
        write(f"pyarrow-{name}", changed(SkuId=kind, BillingCurrency=kind))
    for kind in [pa.uint32(), pa.uint64(), pa.decimal128(25, 2), pa.decimal256(50, 10)]:
        write(f"pyarrow-count-{kind}", changed(Count=kind))
    for precision, scale in [(18, 6), (38, 6), (38, 12)]:
        write(f"pyarrow-quantity-{precision}-{scale}", changed(Quantity=pa.decimal128(precision, scale)))
    write("pyarrow-quantity-wide", changed(Quantity=pa.decimal256(70, 20)))
    write("pyarrow-other-order", TABLE.select(list(reversed(TABLE.column_names))))
    write("pyarrow-empty-column", TABLE.append_column("Tags", pa.array([None] * ROWS, pa.string())).append_column("Nothing", pa.array([None] * ROWS, pa.null())))


def duckdb_files():
    connection = duckdb.connect()
    connection.register("usage", TABLE)
    codecs = ["uncompressed", "snappy", "gzip", "brotli", "lz4", "lz4_raw", "zstd"]
    for codec, version, group in itertools.product(codecs, ["V1", "V2"], [2_048, 100_000]):
        name = f"{OUT}/duckdb-{codec}-{version}-{group}.parquet"
        connection.execute(
            f"COPY (FROM usage) TO '{name}' (FORMAT parquet, CODEC '{codec}', PARQUET_VERSION {version}, ROW_GROUP_SIZE {group})"
        )
    for kind in ["TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMPTZ"]:
        connection.execute("SET TimeZone = 'UTC'")
        name = f"{OUT}/duckdb-{kind}.parquet"
        connection.execute(
            f"COPY (SELECT * REPLACE (UsageDate::{kind} AS UsageDate) FROM usage) TO '{name}' (FORMAT parquet)"
        )


def polars_files():
    frame = polars.from_arrow(TABLE)
    for codec in ["uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"]:
        for group in [500, None]:
            frame.write_parquet(f"{OUT}/polars-{codec}-{group}.parquet", compression=codec, row_group_size=group)
    categories = frame.with_columns(polars.col("SkuId", "BillingCurrency").cast(polars.Categorical))
    categories.write_parquet(f"{OUT}/polars-categorical.parquet")
    for unit in ["ms", "us"]:
        times = frame.with_columns(polars.col("UsageDate").cast(polars.Datetime(unit)))
        times.write_parquet(f"{OUT}/polars-datetime-{unit}.parquet")


pyarrow_files()
duckdb_files()
polars_files()
