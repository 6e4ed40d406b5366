"""Measure rows a second and memory against the rows loaded, up to ten million."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import interleaved, rounded
from benchmarks.measure import Run, background, summary
from benchmarks.server import TABLE
from benchmarks.sink import read_log

FEW, MANY = 1_000_000, 10_000_000
_ROOM = 1_500  # bytes of disk for a row: the dump, the table, its index, the write-ahead log
_COUNT = f"select n_tup_ins from pg_stat_user_tables where relid = '{TABLE}'::regclass"  # noqa: S608


class Samples:
    """Samples of a running load: when, its memory, and the rows so far if they can be asked for."""

    def __init__(self, rows: Callable[[], int] | None = None) -> None:
        self._rows = rows
        self.seen: list[tuple[float, int, int]] = []

    def look(self, pid: int) -> None:
        """Take a sample."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            return  # it has just ended
        rows = self._rows() if self._rows else 0
        self.seen.append((time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE"), rows))


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Load into the sink, and into the real server as many rows as the time allows."""
    start = time.monotonic()
    free = shutil.disk_usage(bench.folder).free
    many = rounded(min(free / _ROOM, FEW if bench.quick else MANY), FEW // 10, MANY)
    few = many // 10
    with background("sink") as url:
        runs = interleaved({few: lambda: bench.load(few, url=url)}, bench.rounds, bench.say)
        samples = Samples()
        begin = time.monotonic()
        runs[many] = [bench.load(many, url=url, watch=samples.look)]
        bench.say(f"{many:,} rows into the sink: {runs[many][0].rate:,.0f} rows/s")
        log = [entry for entry in read_log(url) if entry[0] >= begin]
    sink = [
        (sum(count for _, answered, count, _ in log if answered <= when), when, memory)
        for when, memory, _ in samples.seen
    ]
    left = seconds - (time.monotonic() - start) - 10
    rows = rounded(min(bench.rate(bench.sends) * 0.6 * left, many), few, many)
    server, took = _into_server(bench, rows)
    return {
        "sink": {f"{count}": summary(each) for count, each in runs.items()},
        "sink_samples": _curve(sink),
        "server": summary([took]),
        "server_samples": _curve(server),
    }


def _into_server(bench: Bench, rows: int) -> tuple[list[tuple[int, float, int]], Run]:
    def count() -> int:
        return int(bench.server.sql(_COUNT)) - before

    bench.server.empty()
    before = 0
    before = count()
    samples = Samples(count)
    took = bench.load(rows, watch=samples.look)
    bench.say(f"{rows:,} rows into the server: {took.rate:,.0f} rows/s")
    return [(written, when, memory) for when, memory, written in samples.seen], took


def _curve(samples: list[tuple[int, float, int]], points: int = 20) -> list[list[float]]:
    """Return some twenty points: [rows so far, rows a second since the last point, MB]."""
    step = max(1, len(samples) // points)
    chosen = samples[::step]
    return [
        [rows, round((rows - earlier) / (when - since)), round(memory / 1e6, 1)]
        for (earlier, since, _), (rows, when, memory) in pairwise(chosen)
        if rows > earlier
    ]
