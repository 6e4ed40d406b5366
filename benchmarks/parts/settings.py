"""Measure rows a second against concurrency and batch size, of prebuilt requests and of bulkload.

The loads are short, so bulkload's time does not include the start of the command.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.bench import INSERT, Bench
from benchmarks.grid import Cell, best, cells, interleaved, rounded
from benchmarks.measure import Run

GRID = cells((1, 2, 4, 8), (500, 1000, 4000))
CONCURRENCY = (1, 2, 4, 8)
BATCHES = (250, 500, 1000, 2000)
_WEIGHT = 45  # seconds of a round in which each run at full speed takes a second


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Run prebuilt inserts for each cell of the grid, and bulkload with either setting fixed."""
    rows = rounded(bench.rate(INSERT) * seconds / bench.rounds / _WEIGHT, 20_000, 300_000)
    raw: dict[str, Callable[[], Run]] = {f"raw {cell}": _raw(bench, rows, cell) for cell in GRID}
    wide = {f"--concurrency {n}": _load(bench, rows, "--concurrency", n) for n in CONCURRENCY}
    large = {f"--batch-rows {n}": _load(bench, rows, "--batch-rows", n) for n in BATCHES}
    runs = interleaved(raw | wide | large, bench.rounds, bench.say)
    rates = {name: [took.rate for took in each] for name, each in runs.items()}
    bench.best[INSERT] = best({cell: rates[f"raw {cell}"] for cell in GRID})
    middle = {name: round(median(each)) for name, each in rates.items()}
    return {
        "rows": rows,
        "raw": [[cell.connections, cell.batch, middle[f"raw {cell}"]] for cell in GRID],
        "concurrency": [[n, middle[f"--concurrency {n}"]] for n in CONCURRENCY],
        "batch_rows": [[n, middle[f"--batch-rows {n}"]] for n in BATCHES],
    }


def _raw(bench: Bench, rows: int, cell: Cell) -> Callable[[], Run]:
    return lambda: bench.fresh(lambda: bench.raw(rows, cell, INSERT))


def _load(bench: Bench, rows: int, *flags: object) -> Callable[[], Run]:
    return lambda: bench.fresh(lambda: bench.load(rows, *flags, whole=False))
