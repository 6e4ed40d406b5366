"""Share the server and the dumps among the parts of a benchmark, and run bulkload and prebuilt requests."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.grid import Cell, best, cells, rounded
from benchmarks.measure import BULKLOAD, Failed, Run, module, run
from benchmarks.server import Server

START = Cell(4, 4000)  # settings of the first, rough measurement
INSERT, UPSERT = "none", "merge-duplicates"


class Bench:
    """A server, and a folder of dumps to load into it.

    Args:
        server: the real server.
        folder: for dumps and run directories.
        rounds: how often each way is measured.
        quick: measures roughly, in short runs.
        say: is called with a line for each measurement.
    """

    def __init__(
        self, server: Server, folder: Path, *, rounds: int, quick: bool, say: Callable[[str], None]
    ) -> None:
        self.server = server
        self.folder = folder
        self.rounds = rounds
        self.quick = quick
        self.say = say
        self.best: dict[str, Cell] = {}  # by resolution
        self._rates: dict[str, float] = {}
        usage = subprocess.run([BULKLOAD, "--help"], capture_output=True, text=True, check=True)
        self.inserts_first = "--insert-first" in usage.stdout

    @property
    def sends(self) -> str:
        """The resolution of the requests that bulkload sends into an empty table."""
        return INSERT if self.inserts_first else UPSERT

    def dump(self, rows: int) -> Path:
        """Return a dump of ``rows`` rows; it is written when first asked for."""
        return self._made(rows, "jsonl")

    def table(self, rows: int) -> Path:
        """Return the same rows as CSV, without a header."""
        return self._made(rows, "csv")

    def source(self, rows: int, kind: str) -> Path:
        """Return the same rows in a format of `benchmarks.other_formats`."""
        if kind == "jsonl":
            return self.dump(rows)
        path = self.folder / f"{rows}-of.{kind}"
        if not path.exists():
            run(module("other_formats", self.dump(rows), path), rows, {})
        return path

    def load(
        self,
        rows: int,
        *flags: object,
        url: str | None = None,
        watch: Callable[[int], None] | None = None,
        whole: bool = True,
        pinned: Cell | None = None,
        kind: str = "jsonl",
        source: Path | None = None,
    ) -> Run:
        """Run a load by bulkload.

        Args:
            rows: how many rows to load.
            flags: options of the command line.
            url: another server's URL.
            watch: is called with the process's id now and then.
            whole: counts the start of the command, too.
            pinned: a fixed pace, in place of the one that bulkload finds.
            kind: the format of the source.
            source: other rows than those of the dump.

        Raises:
            Failed: not all rows were loaded.
        """
        variables = self.server.variables | ({"BULKLOAD_URL": url} if url else {})
        with tempfile.TemporaryDirectory(prefix="run-", dir=self.folder) as folder:
            command = [BULKLOAD]
            if pinned is not None:
                command = module("pinned", pinned.connections, pinned.batch)
                command += ["--concurrency", str(pinned.connections)]
            command += ["--quiet", "--json", "--run-dir", folder, *map(str, flags)]
            took, report = run(
                [*command, str(source or self.source(rows, kind))], rows, variables, watch=watch
            )
        told = json.loads(report)
        if told["rows_loaded"] != rows:
            raise Failed(f"bulkload has loaded {told['rows_loaded']} rows of {rows}")
        return took if whole else replace(took, seconds=told["seconds"])

    def raw(self, rows: int, cell: Cell, resolution: str, *, url: str | None = None) -> Run:
        """Send prebuilt requests over raw sockets."""
        command = module("raw", "--url", url or self.server.url, "--dump", self.dump(rows), "--rows", rows)
        command += ["--batch", str(cell.batch), "--connections", str(cell.connections)]
        return run([*command, "--resolution", resolution], rows, self.server.variables)[0]

    def fresh(self, measure: Callable[[], Run], *, whole: bool = True) -> Run:
        """Run into an empty table; with ``whole``, all of the rows must be there afterwards."""
        self.server.empty()
        took = measure()
        if whole and (count := self.server.count()) != took.rows:
            raise Failed(f"{count} rows are in the table, not {took.rows}")
        return took

    def again(self, measure: Callable[[], Run]) -> Run:
        """Run over the rows that are in the table."""
        self.server.settle()
        before = self.server.count()
        took = measure()
        if not before == self.server.count() == took.rows:
            raise Failed(f"{before} rows were in the table, and {took.rows} were written over them")
        return took

    def rate(self, resolution: str) -> float:
        """Return roughly how many rows a second the server takes, to plan how many rows to send."""
        if resolution not in self._rates:
            rows = 20_000
            for _ in range(2):  # the first tells how many rows the second takes, for a second or so
                took = self.fresh(lambda: self.raw(rows, START, resolution))  # noqa: B023 - called at once
                rows = rounded(took.rate, 20_000, 200_000)
            self._rates[resolution] = took.rate
        return self._rates[resolution]

    def find(
        self, resolution: str, cells: list[Cell], seconds: float, *, url: str | None = None
    ) -> dict[Cell, Run]:
        """Measure each cell of a grid once, for ``seconds`` or longer."""
        runs: dict[Cell, Run] = {}
        rows = rounded(self.rate(resolution) * seconds)
        for cell in cells:
            runs[cell] = self.fresh(lambda: self.raw(rows, cell, resolution, url=url))  # noqa: B023
            self.say(f"{resolution} {cell}: {runs[cell].rate:,.0f} rows/s")
        return runs

    def best_of(self, resolution: str) -> Cell:
        """Return the best cell for the real server; it is measured when first asked for."""
        if resolution not in self.best:
            grid = cells((2, 4), (4000,)) if self.quick else cells((2, 4, 8), (1000, 4000))
            runs = self.find(resolution, grid, 1.0)
            self.best[resolution] = best({cell: [took.rate] for cell, took in runs.items()})
        return self.best[resolution]

    def _made(self, rows: int, kind: str) -> Path:
        path = self.folder / f"{rows}.{kind}"
        if not path.exists():
            # By another process: what this one had in memory would count as the next command's peak.
            run(module("rows", path, rows), rows, {})
        return path
