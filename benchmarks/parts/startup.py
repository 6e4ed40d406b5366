"""Measure how long a command takes that has next to nothing to do."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.grid import interleaved
from benchmarks.measure import BULKLOAD, run, summary


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Run `bulkload --help`, and a load of one row."""
    runs = interleaved(
        {
            "bulkload --help": lambda: run([BULKLOAD, "--help"], 1, {})[0],
            "one row": lambda: bench.fresh(lambda: bench.load(1)),
        },
        max(bench.rounds, min(11, int(seconds))),
        lambda _text: None,
    )
    result = {name.split()[-1].strip("-"): summary(took) for name, took in runs.items()}
    bench.say(f"--help: {result['help']['seconds']} s; a load of one row: {result['row']['seconds']} s")
    return result
