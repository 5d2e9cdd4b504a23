"""Runs our engine and its peers alternately on the same files, and prints a table of medians and ratios.

    python benches/run.py --data FOLDER --work W1,W2,W3,W4 --rounds 5 [--peers duckdb,polars,...]

FOLDER is one that `tieout synth --formats csv,v2,parquet` wrote. Each round runs every engine once, ours
first, so that a busy moment of the machine hits them all; the first rounds are a warm-up and not counted.
A ratio is the median over the rounds of peer / ours in the same round. CPU is user + system time and RSS
the peak of the whole process, start and imports included. An engine whose counts or sums differ from ours
is marked `inexact` with the fields that differ (`other rows` where counts differ); that is not a failure.

`--verify` runs every engine once more, not timed, writes the groups and compares them by key.

This process stays small on purpose and imports no engine while it measures: Linux counts the pages a
child shares with its parent before it starts its own program towards the child's peak.
"""

import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / "peers"
OURS = "tieout"
WORKS = {
    "W1": ("usage CSV: exact sums by customer, subscription, meter, resource", ["duckdb", "polars", "pandas", "chdb"]),
    "W2": ("usage v2 export (gzip JSON lines): the same sums", ["duckdb", "polars", "pandas", "chdb"]),
    "W3": ("usage Parquet: the same sums", ["duckdb", "polars", "pandas", "chdb"]),
    "W4": ("a month: ours `reconcile` to published tables, peers aggregate, join and subtract", ["duckdb", "polars"]),
    "W6": ("full outer compare of two keyed tables, tolerance 0.01", ["datacompy"]),
}
FORMATS = {"W1": "csv", "W2": "v2", "W3": "parquet"}
PATTERNS = {"csv": "*.csv", "v2": "*/*.gz", "parquet": "*.parquet"}
W6_KEYS, W6_TOLERANCE = "CustomerId,ResourceURI", "0.01"
CPU, WALL, RSS = "cpu", "wall", "rss"
COUNTS = {"rows", "groups", "usage_rows", "invoice_lines", "left", "right", "both", "left_only", "right_only"}


@dataclass
class Run:
    """One run of one engine: what it cost and what it printed."""

    wall: float
    cpu: float
    rss: float
    said: dict


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder written by `tieout synth`")
    parser.add_argument("--work", default="W1,W2,W3,W4", help="workloads, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warmups", type=int, default=1)
    parser.add_argument("--peers", help="peers to run, separated by commas; without it, all of them")
    parser.add_argument("--month-format", choices=PATTERNS, default="v2", help="format of W4's usage and lines")
    parser.add_argument("--keyed", type=Path, help="folder of W6's tables; default: `keyed` in the data, made if it is missing")
    parser.add_argument("--keyed-rows", type=int, default=5_000_000, help="rows of W6's tables where they are made")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release", help="folder of our binaries")
    parser.add_argument("--datacompy-python", default=os.environ.get("DATACOMPY_PYTHON", sys.executable),
                        help="Python that has requirements-datacompy.txt [env: DATACOMPY_PYTHON]")
    parser.add_argument("--verify", action="store_true", help="compare the groups by key, too")
    parser.add_argument("--json", type=Path, help="write every run's figures to this file")
    return parser.parse_args()


def environment(threads):
    """Our environment with every engine held to the same number of threads."""
    names = ("BENCH_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "TIEOUT_THREADS", "OMP_NUM_THREADS",
             "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))


def measure(command, env, allowed=(0,)):
    """Runs a command and takes its costs from the kernel's account of that very process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # reaped already; Popen must not wait again
        out.seek(0)
        err.seek(0)
        if child.returncode not in allowed:
            last = err.read().decode(errors="replace").strip().splitlines()[-3:]
            raise RuntimeError(f"exit {child.returncode}: {' / '.join(last)}")
        text = out.read().decode(errors="replace").strip()
    try:
        said = json.loads(text, parse_float=Decimal) if text else {}
    except json.JSONDecodeError as error:
        raise RuntimeError(f"printed no JSON: {text[:100]!r}") from error
    # Linux gives kibibytes, macOS bytes.
    scale = 1 if sys.platform == "darwin" else 1024
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6, said)


class Bench:
    """The commands of every engine for every workload."""

    def __init__(self, given):
        self.given = given
        self.env = environment(given.threads)
        self.scratch = Path(tempfile.mkdtemp(prefix="bench-"))

    def files(self, kind, form):
        """The files of a kind, as a list."""
        found = sorted(glob.glob(str(self.given.data / kind / form / PATTERNS[form])))
        if not found:
            raise SystemExit(f"{self.given.data / kind / form}: no {PATTERNS[form]} there")
        return found

    def keyed(self):
        """W6's two tables; made where they are missing."""
        folder = self.given.keyed or self.given.data / "keyed"
        pair = [folder / "left.parquet", folder / "right.parquet"]
        if not all(path.exists() for path in pair):
            print(f"making {self.given.keyed_rows} keyed rows in {folder}", file=sys.stderr)
            subprocess.run([sys.executable, PEERS / "make_keyed.py", "--rows", str(self.given.keyed_rows), "--out", folder],
                           check=True, env=self.env)
        return pair

    def size(self, work):
        """Megabytes of the files a workload reads."""
        if work == "W6":
            paths = self.keyed()
        elif work == "W4":
            form = self.given.month_format
            paths = self.files("usage", form) + self.files("recon", form)
        else:
            paths = self.files("usage", FORMATS[work])
        return sum(os.path.getsize(path) for path in paths) / 1e6

    def run(self, work, engine, out=None):
        """Runs one engine on one workload; `out` asks for the groups."""
        python = self.given.datacompy_python if engine == "datacompy" else sys.executable
        workload = self.given.bin / "examples/workload"
        if work == "W6":
            arguments = [*self.keyed(), "--keys", W6_KEYS, "--tolerance", W6_TOLERANCE]
            start = [workload, "compare"] if engine == OURS else [python, PEERS / f"compare_{engine}.py"]
            return measure(start + arguments, self.env)
        if work == "W4":
            return self.month(engine, out)
        arguments = self.files("usage", FORMATS[work]) + (["--out", out] if out else [])
        start = [workload, "sums"] if engine == OURS else [python, PEERS / f"sums_{engine}.py"]
        return measure(start + arguments, self.env)

    def month(self, engine, out):
        """W4, into a new folder each time, so that nothing of the run before is left."""
        form = self.given.month_format
        usage, lines = (str(self.given.data / kind / form / PATTERNS[form]) for kind in ("usage", "recon"))
        folder = Path(out) if out else Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            if engine != OURS:
                command = [sys.executable, PEERS / f"month_{engine}.py", "--usage", usage, "--lines", lines, "--out", folder]
                return measure(command, self.env)
            invoices = self.given.data / "invoices" / "*.json"
            command = [self.given.bin / "tieout", "reconcile", "--usage", usage, "--invoice-lines", lines,
                       "--invoices", invoices, "--out", folder, "--quiet", "--json"]
            run = measure(command, self.env, allowed=(0, 10, 11))
            run.said = month_of_ours(run.said)
            return run
        finally:
            if not out:
                shutil.rmtree(folder, ignore_errors=True)

    def ours_exists(self, work):
        return (self.given.bin / ("tieout" if work == "W4" else "examples/workload")).exists()


def month_of_ours(said):
    """The comparable figures of `reconcile --json`: counts, and the invoiced amount.

    The expected amount is not: ours is rounded to ten decimals a group, the peers' is not rounded.
    """
    invoiced = sum((Decimal(total["invoiced_amount"]) for total in said["totals"]
                    if total["tie_out"] == "usage-to-invoice" and not total["is_of_quantities"]), Decimal(0))
    return {"usage_rows": said["usage_rows"], "invoice_lines": said["invoice_lines"], "invoiced": invoiced}


def differing(reference, said):
    """The fields that both engines print and in which they differ. Sums are compared as decimals."""
    def number(value):
        return Decimal(str(value))
    return [name for name in reference if name in said and number(reference[name]) != number(said[name])]


def rounds(bench, work, engines):
    """The runs of each engine, taken alternately; an engine that fails drops out with its reason."""
    runs, failed = {engine: [] for engine in engines}, {}
    for turn in range(bench.given.warmups + bench.given.rounds):
        for engine in engines:
            if engine in failed:
                continue
            try:
                run = bench.run(work, engine)
            except RuntimeError as error:
                failed[engine] = str(error)
                runs.pop(engine)
                continue
            if turn >= bench.given.warmups:
                runs[engine].append(run)
    return runs, failed


def table(work, runs, failed, reference, size):
    """The Markdown table of one workload."""
    def middle(some, what):
        return statistics.median(getattr(run, what) for run in some)

    def ratio(some, what):
        # Round by round, so that whatever else the machine did cancels out.
        pairs = zip(some, runs[reference])
        return statistics.median(getattr(run, what) / max(getattr(own, what), 1e-9) for run, own in pairs)

    count = len(next(iter(runs.values()))) if runs else 0
    print(f"\n### {work}: {WORKS[work][0]}\n\n{size:.1f} MB read; medians of {count} rounds; ratios to {reference}\n")
    print("| engine | wall s | CPU s | RSS MB | wall × | CPU × | RSS × | result |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for engine, some in runs.items():
        wrong = differing(runs[reference][0].said, some[0].said)
        if any(differing(some[0].said, run.said) for run in some):
            result = "**not the same every time**"
        elif wrong:
            # Different counts are no question of exactness: that engine has not done the same work.
            result = f"{'**other rows**' if COUNTS & set(wrong) else 'inexact'}: {', '.join(wrong)}"
        else:
            result = "the reference" if engine == reference else "identical"
        costs = " | ".join([f"{middle(some, WALL):.2f}", f"{middle(some, CPU):.2f}", f"{middle(some, RSS):.0f}"])
        ratios = " | ".join("–" if engine == reference else f"{ratio(some, what):.2f}" for what in (WALL, CPU, RSS))
        print(f"| {engine} | {costs} | {ratios} | {result} |")
    for engine, reason in failed.items():
        print(f"| {engine} | – | – | – | – | – | – | failed: {reason.replace('|', '/')} |")
    if runs:
        print(f"\n{reference} printed `{json.dumps(runs[reference][0].said, default=str)}`", flush=True)


def groups_differ(reference, other, keys, values):
    """How many groups are in one table and not, with the same values, in the other: both ways.

    EXCEPT ALL, so that a group written twice counts, too. The decimals are compared as such.
    """
    import duckdb

    columns = ", ".join([*(f"{key}::VARCHAR" for key in keys), *(f"{name}::{kind}" for name, kind in values.items())])
    sides = [f"SELECT {columns} FROM read_parquet('{path}')" for path in (reference, other)]
    db = duckdb.connect()
    return [db.execute(f"SELECT count(*) FROM (({first}) EXCEPT ALL ({second}))").fetchone()[0]
            for first, second in (sides, sides[::-1])]


def verify(bench, work, engines, reference):
    """Runs every engine with `--out` and compares its groups with the reference's."""
    if work == "W6":
        return  # prints counts only
    outs = {}
    for engine in engines:
        out = bench.scratch / f"{work}-{engine}{'' if work == 'W4' else '.parquet'}"
        if work == "W4" and engine == OURS:
            continue  # our tables have other columns: causes, statuses, shares
        try:
            bench.run(work, engine, out)
            outs[engine] = out
        except RuntimeError as error:
            print(f"- {work} {engine}: failed: {error}")
    if reference not in outs and outs:
        reference = exact_reference(outs)
    decimal = "DECIMAL(38,20)"
    tables = [("", ["customer", "subscription", "meter", "resource"], {"rows": "BIGINT", "quantity": decimal, "amount": decimal})]
    if work == "W4":
        tables = [
            ("variance.parquet", ["invoice", "customer", "subscription", "product", "sku", "meter", "charge_type", "currency"],
             {"usage_rows": "BIGINT", "invoice_lines": "BIGINT", "usage_quantity": decimal, "expected_amount": decimal,
              "invoiced_amount": decimal, "amount": decimal}),
            ("by_resource.parquet", ["invoice", "customer", "subscription", "resource", "currency"],
             {"usage_rows": "BIGINT", "quantity": decimal, "amount": decimal}),
        ]
    for engine, out in outs.items():
        if engine == reference:
            continue
        for name, keys, values in tables:
            missing, extra = groups_differ(outs[reference] / name, out / name, keys, values)
            verdict = "identical" if missing == extra == 0 else f"{missing} groups of {reference} are not in it, {extra} of its are not in {reference}"
            print(f"- {work} {name.removesuffix('.parquet') or 'groups'}, {engine} against {reference}: {verdict}", flush=True)


def main():
    given = options()
    works = given.work.split(",")
    if unknown := [work for work in works if work not in WORKS]:
        raise SystemExit(f"unknown workload {', '.join(unknown)}; there are {', '.join(WORKS)}")
    chosen = given.peers.split(",") if given.peers else None
    bench = Bench(given)
    record, checks = {}, []
    try:
        for work in works:
            engines = [peer for peer in WORKS[work][1] if chosen is None or peer in chosen]
            if bench.ours_exists(work):
                engines.insert(0, OURS)
            else:
                print(f"note: {work}: ours is not built, so the ratios are to a peer", file=sys.stderr)
            if not engines:
                continue
            size = bench.size(work)
            runs, failed = rounds(bench, work, engines)
            if not runs:
                print(f"\n### {work}: every engine failed: {failed}")
                continue
            reference = exact_reference(runs)
            table(work, runs, failed, reference, size)
            record[work] = {engine: [vars(run) for run in some] for engine, some in runs.items()}
            checks.append((work, list(runs), reference))
        if given.verify:
            # Last, for it imports an engine into this process.
            print("\n### Groups compared by key (EXCEPT both ways)\n")
            for check in checks:
                verify(bench, *check)
        if given.json:
            given.json.write_text(json.dumps(record, default=str, indent=1))
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)


def exact_reference(runs):
    """Ours; while it is not built, the peer that is exact on every format, or else the first."""
    for engine in (OURS, "chdb"):
        if engine in runs:
            return engine
    return next(iter(runs))


main()
