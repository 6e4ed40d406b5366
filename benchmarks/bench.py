"""Measures bulkload against psql's copy command on this machine: python bench.py [--rows N] [--rounds N].

Each round, in a sandbox of its own: a load into the empty table, the same load again over the same rows,
and psql's copy of the same rows into the empty table. The three take turns, so that a slow moment of the
machine hits all of them. Writes results.json and results.md beside this file: medians over the rounds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from loader.sandbox import Sandbox, sandbox

HERE = Path(__file__).parent
MAKE_TRADES = HERE.parent / "examples" / "make_trades.py"
TABLE = "core.trades"
NAMES = {
    "load": "bulkload, empty table",
    "again": "bulkload again, same rows",
    "copy": r"psql `\copy`, empty table",
}

BEGIN, END = "<!-- make bench -->", "<!-- end -->"  # in the README
EXPLANATION = """\
`\\copy` speaks to the database itself, past PostgREST, which is what bulkload cannot do. Seconds are those of
the whole command, from its start to its end.
"""


@dataclass(frozen=True)
class Run:
    """One measurement.

    Seconds are of the wall clock. CPU is the client's alone, not the servers'. The peak of memory is never
    less than this process's own, some 25 MB: of psql it says nothing.
    """

    seconds: float
    rows_per_second: float
    cpu_us_per_row: float
    peak_rss_mb: float


def timed(command: list[str], rows: int, environment: dict[str, str]) -> tuple[Run, bytes]:
    """Run a command to its end."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, rows / seconds, cpu / rows * 1e6, usage.ru_maxrss * 1024 / 1e6), output


class Bench:
    """A sandbox, and the files to load into it."""

    def __init__(self, box: Sandbox, folder: Path, rows: int) -> None:
        self.rows = rows
        self.folder = folder
        self.environment = os.environ | box.environment()
        self.dump, self.table = folder / "trades.jsonl", folder / "trades.csv"
        subprocess.run([sys.executable, str(MAKE_TRADES), str(rows), str(self.dump)], check=True)
        self.columns = to_csv(self.dump, self.table)

    def psql(self, command: str) -> list[str]:
        """The command that has psql run a command."""
        return ["psql", "--no-psqlrc", "--quiet", "-At", "-v", "ON_ERROR_STOP=1", "-c", command]

    def sql(self, statement: str) -> str:
        """What the database answers."""
        return subprocess.run(
            self.psql(statement), env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()

    def empty(self) -> None:
        """No rows, and no writes of the last run left to be done."""
        self.sql(f"truncate {TABLE}")
        self.sql("checkpoint")

    def load(self) -> Run:
        """bulkload, on its defaults."""
        command = [sys.executable, "-m", "loader", "--quiet", "--json"]
        command += ["--run-dir", str(self.folder / "run"), str(self.dump)]
        run, report = timed(command, self.rows, self.environment)
        if json.loads(report)["rows_loaded"] != self.rows:
            sys.exit(f"not all rows were loaded: {report.decode()}")
        return run

    def copy(self) -> Run:
        """Psql's copy command."""
        copy = rf"\copy {TABLE} ({self.columns}) from '{self.table}' with (format csv)"
        return timed(self.psql(copy), self.rows, self.environment)[0]

    def check(self) -> None:
        """All rows are there."""
        if (count := self.sql(f"select count(*) from {TABLE}")) != str(self.rows):  # noqa: S608
            sys.exit(f"{count} rows are in the table, not {self.rows}")


def to_csv(dump: Path, table: Path) -> str:
    """The same rows for psql, with every number as it was written; gives the columns."""
    columns: list[str] = []
    with dump.open(encoding="ascii") as lines, table.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        for line in lines:
            row = json.loads(line, parse_float=str, parse_int=str)
            columns = columns or list(row)
            writer.writerow(row.values())
    return ",".join(columns)


def medians(runs: list[Run]) -> Run:
    """The median of each figure."""
    figures = [asdict(run) for run in runs]
    return Run(**{name: round(median(f[name] for f in figures), 2) for name in figures[0]})


def machine(bench: Bench) -> dict[str, str | int]:
    """What the figures depend on."""
    memory = re.search(r"\d+", Path("/proc/meminfo").read_text())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[0]) / 1e6) if memory else 0,
        "python": platform.python_version(),
        "postgresql": bench.sql("show server_version").split()[0],
    }


def figures(about: dict[str, str | int], rows: int, rounds: int, result: dict[str, Run]) -> str:
    """The results as a table, and what they were measured on."""
    setting = (
        f"{rows:,} trades, medians of {rounds} rounds. Client, PostgREST and PostgreSQL\n"
        f"{about['postgresql']} share one machine of {about['cores']} cores and {about['memory_gb']} GB; "
        f"Python {about['python']}; PostgreSQL on its defaults; {about['date']}."
    )
    head = r"| | rows/s | of `\copy` | seconds | client's CPU, us/row | client's peak memory, MB |"
    lines = [setting, "", head, "|---|--:|--:|--:|--:|--:|"]
    for name, run in result.items():
        share = run.rows_per_second / result["copy"].rows_per_second
        memory = "" if name == "copy" else f"{run.peak_rss_mb:.0f}"
        lines.append(
            f"| {NAMES[name]} | {run.rows_per_second:,.0f} | {share:.0%} | {run.seconds:.1f} "
            f"| {run.cpu_us_per_row:.1f} | {memory} |"
        )
    return "\n".join(lines)


def write(content: dict[str, object], table: str) -> None:
    """Write the results, also into the README."""
    (HERE / "results.json").write_text(json.dumps(content, indent=2) + "\n")
    (HERE / "results.md").write_text(f"# Benchmark\n\nWritten by `make bench`.\n\n{table}\n\n{EXPLANATION}")
    readme = HERE.parent / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measures bulkload against psql's \\copy.")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    runs: dict[str, list[Run]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory(prefix="bulkload-bench-") as name, sandbox(Path(name, "state")) as box:
        bench = Bench(box, Path(name), given.rows)
        about = machine(bench)
        for number in range(1, given.rounds + 1):
            for kind, emptied, measure in (
                ("load", True, bench.load),
                ("again", False, bench.load),
                ("copy", True, bench.copy),
            ):
                if emptied:
                    bench.empty()
                runs[kind].append(measure())
                bench.check()
                print(
                    f"round {number}: {NAMES[kind]}: {runs[kind][-1].rows_per_second:,.0f} rows/s", flush=True
                )
    result = {kind: medians(measured) for kind, measured in runs.items()}
    table = figures(about, given.rows, given.rounds, result)
    print(f"\n{table}")
    measured = {kind: asdict(run) for kind, run in result.items()}
    write(about | {"rows": given.rows, "rounds": given.rounds} | measured, table)


if __name__ == "__main__":
    main()
