"""Does the loader find settings as good as the best fixed ones, where the server or the line is peculiar?

Fixed settings are those of prebuilt requests over raw sockets: so many connections, so many rows in each
request. (The loader's own --concurrency would not do: it is an upper bound, below which it adapts.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import Cell, best, cells, interleaved, ratio, rounded
from benchmarks.measure import background, summary

ROUND_TRIP = 0.04  # seconds
MOST_ROWS = 500
MOST_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A peculiar server, and the settings that might be best for it."""

    key: str
    title: str
    grid: list[Cell]


CASES = [
    Case("far", "40 ms of round trip", cells((4, 8, 16), (1000, 4000))),
    Case("timeout", "a statement_timeout above 500 rows", cells((2, 4, 8), (250, MOST_ROWS))),
    Case("gate", "429 above 2 requests in flight", cells((1, 2, 4), (1000, 4000))),
]


@contextmanager
def peculiar(bench: Bench, case: Case) -> Iterator[str]:
    """Have the server so; gives its URL."""
    if case.key == "far":
        with background("far", bench.server.url, "--round-trip", ROUND_TRIP) as url:
            yield url
    elif case.key == "gate":
        with background("gate", bench.server.url, "--most", MOST_IN_FLIGHT) as url:
            yield url
    else:
        with bench.server.refusing(MOST_ROWS):
            yield bench.server.url


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """The best of a grid is found by a short run of each; then it and bulkload take turns."""
    return {case.key: _case(bench, case, seconds / len(CASES)) for case in CASES}


def _case(bench: Bench, case: Case, seconds: float) -> dict[str, Any]:
    start = time.monotonic()
    bench.say(case.title)
    with peculiar(bench, case) as url:
        grid = case.grid[-4:] if bench.quick else case.grid
        share = 0.2 * seconds / len(grid)
        found = bench.find(bench.sends, grid, max(0.3, share - 0.7), url=url)
        cell = best({cell: [took.rate] for cell, took in found.items()})
        # The loader may be far slower here than what it is compared with: a short load tells.
        few = rounded(found[cell].rate, 30_000)
        first = bench.fresh(lambda: bench.load(few, url=url))
        left = seconds - (time.monotonic() - start)
        a_row = 1 / found[cell].rate + 1 / first.rate
        rows = rounded((left / bench.rounds - 2) / a_row, 30_000)
        runs = interleaved(
            {
                f"fixed: {cell}": lambda: bench.fresh(lambda: bench.raw(rows, cell, bench.sends, url=url)),
                "bulkload": lambda: bench.fresh(lambda: bench.load(rows, url=url)),
            },
            bench.rounds,
            bench.say,
        )
    fixed, loaded = runs.values()
    return {
        "title": case.title,
        "cell": str(cell),
        "grid": {str(each): round(took.rate) for each, took in found.items()},
        "fixed": summary(fixed),
        "bulkload": summary(loaded),
        "ratio": ratio([one.rate for one in loaded], [one.rate for one in fixed]),
    }
