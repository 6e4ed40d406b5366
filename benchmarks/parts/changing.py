"""Show how bulkload follows a server whose capacity changes, as the server sees it."""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import background, summary
from benchmarks.sink import read_log

WIDTH = 0.5  # seconds of a point
# In turns: workers, and microseconds of a worker for a row. 150,000 rows/s, 50,000, 300,000.
PHASES = [(3, 20.0), (1, 20.0), (6, 20.0)]


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Load into a sink whose workers become fewer, and then more; return a point for each half second."""
    phase = max(1.5, (seconds - 3) / len(PHASES))
    plan = [[number * phase, *each] for number, each in enumerate(PHASES)]
    rows = int(sum(workers / cost * 1e6 for workers, cost in PHASES) * phase) // 1000 * 1000
    with background("sink", "--capacity", json.dumps(plan)) as url:
        took = bench.load(rows, url=url)
        log = read_log(url)
    bench.say(f"{rows:,} rows while the capacity changed: {took.rate:,.0f} rows/s")
    return {
        "capacity": [[at, workers / cost * 1e6] for at, workers, cost in plan],
        "points": points(log),
        "load": summary([took]),
    }


def points(log: list[tuple[float, float, int, int]]) -> list[list[float]]:
    """Return seconds, rows answered a second, requests in flight, rows of a request by the half second."""
    begin = min(came for came, *_ in log)
    end = max(answered for _, answered, *_ in log)
    result: list[list[float]] = []
    for number in range(int((end - begin) / WIDTH)):
        since = begin + number * WIDTH
        rows = sum(
            count * _overlap(since, came, answered) / (answered - came) for came, answered, count, _ in log
        )
        busy = sum(_overlap(since, came, answered) for came, answered, *_ in log)
        sizes = [count for came, _, count, _ in log if since <= came < since + WIDTH]
        size = mean(sizes) if sizes else 0.0
        result.append([since - begin + WIDTH / 2, round(rows / WIDTH), round(busy / WIDTH, 2), round(size)])
    return result


def _overlap(since: float, came: float, answered: float) -> float:
    """Return how many seconds of a request fall into the half second from ``since`` on."""
    return max(0.0, min(answered, since + WIDTH) - max(came, since))
