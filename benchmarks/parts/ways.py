"""Measure all ways to load, in turns: rows a second, the client's CPU for a row, its memory."""

from __future__ import annotations

from typing import Any

from benchmarks import ways
from benchmarks.bench import INSERT, UPSERT, Bench
from benchmarks.grid import interleaved, rounded
from benchmarks.measure import background, summary

# A round costs as much as 5.5 inserts and 5.5 upserts of each row, and some seconds besides.
_INSERTS, _UPSERTS = 5.5, 5.5
_BESIDES = 30.0


def measure(bench: Bench, seconds: float) -> dict[str, Any]:
    """Run each way in each round."""
    besides = _BESIDES / 3 if bench.quick else _BESIDES
    a_row = _INSERTS / bench.rate(INSERT) + _UPSERTS / bench.rate(UPSERT)
    rows = rounded((seconds / bench.rounds - besides) / a_row, 50_000)
    rounds = max(bench.rounds, int(seconds / (rows * a_row + besides)))
    sink_rows = 500_000 if bench.quick else 3_000_000
    left_out: dict[str, str] = {}
    with background("sink") as sink:
        chosen = ways.of_bulkload(bench, rows) | ways.of_raw(bench, rows) | ways.of_psql(bench, rows)
        for kind, name in ways.SCRIPTS.items():
            try:
                chosen |= ways.of_client(bench, kind, rows)
            except LookupError as error:
                left_out[kind] = f"{name}: not measured: {error}"
                bench.say(left_out[kind])
        chosen |= ways.of_sink(bench, sink, sink_rows)
        runs = interleaved({key: way.measure for key, way in chosen.items()}, rounds, bench.say)
    if not bench.inserts_first:
        left_out["bulkload-never"] = "bulkload `--insert-first never`: this bulkload has no such option"
    return {
        "rows": rows,
        "rounds": rounds,
        "left_out": list(left_out.values()),
        "runs": {key: {"title": way.title} | summary(runs[key]) for key, way in chosen.items()},
    }
