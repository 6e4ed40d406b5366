"""Compare the settings that bulkload finds with the best fixed ones, also for peculiar servers and lines.

Both are the loader: at the pace that it finds, with no flags, and with its pace pinned. The start of the
command is left out, for it is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import Cell, best, cells, interleaved, ratio, rounded
from benchmarks.measure import Run, background, summary

ROUND_TRIP = 0.04  # seconds
MOST_ROWS = 500
MOST_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A peculiar server, and the settings to try."""

    key: str
    title: str
    grid: list[Cell]


CASES = [
    Case("near", "loopback", cells((2, 3, 4, 8), (1000, 4000))),
    Case("far", "40 ms of round trip", cells((4, 6, 8), (1000, 4000))),
    Case("timeout", "a statement_timeout above 500 rows", cells((2, 4, 8), (250, MOST_ROWS))),
    Case("gate", "429 above 2 requests in flight", cells((1, 2, 4), (1000, 4000))),
]


@contextmanager
def peculiar(bench: Bench, case: Case) -> Iterator[str]:
    """Make the server peculiar; yield its URL."""
    if case.key == "near":
        yield bench.server.url
    elif case.key == "far":
        with background("far", bench.server.url, "--round-trip", ROUND_TRIP) as url:
            yield url
    elif case.key == "gate":
        with background("gate", bench.server.url, "--most", MOST_IN_FLIGHT) as url:
            yield url
    else:
        with bench.server.refusing(MOST_ROWS):
            yield bench.server.url


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Find the best of a grid by a short run of each cell; then let it and bulkload take turns."""
    return {case.key: _case(bench, case, seconds / len(CASES)) for case in CASES}


def _case(bench: Bench, case: Case, seconds: float) -> dict[str, Any]:
    start = time.monotonic()
    bench.say(case.title)
    with peculiar(bench, case) as url:
        grid = case.grid[-2:] if bench.quick else case.grid
        few = rounded(bench.rate(bench.sends) * (0.3 if bench.quick else 1.0), 30_000)
        rates: dict[Cell, float] = {}
        for cell in grid:
            rates[cell] = _load(bench, few, url, cell).rate
            bench.say(f"pinned to {cell}: {rates[cell]:,.0f} rows/s")
        chosen = best({cell: [rate] for cell, rate in rates.items()})
        left = seconds - (time.monotonic() - start)
        rows = rounded((left / bench.rounds / 2 - 1) * rates[chosen], 30_000)
        runs = interleaved(
            {
                f"pinned to {chosen}": lambda: _load(bench, rows, url, chosen),
                "bulkload": lambda: _load(bench, rows, url),
            },
            bench.rounds,
            bench.say,
        )
    fixed, loaded = runs.values()
    return {
        "title": case.title,
        "cell": str(chosen),
        "grid": {str(each): round(rate) for each, rate in rates.items()},
        "fixed": summary(fixed),
        "bulkload": summary(loaded),
        "ratio": ratio([run.rate for run in loaded], [run.rate for run in fixed]),
    }


def _load(bench: Bench, rows: int, url: str, cell: Cell | None = None) -> Run:
    return bench.fresh(lambda: bench.load(rows, url=url, whole=False, pinned=cell))
